package nskeyed

import (
	"fmt"
	"sort"
	"time"

	"howett.net/plist"
)

const (
	archiverName    = "NSKeyedArchiver"
	archiverVersion = 100000
	nullObject      = "$null"
	// referenceEpoch is 2001-01-01T00:00:00Z, from which NSDate counts seconds, in Unix time.
	referenceEpoch = 978307200
)

// Archive writes v as the root of an archive in the binary property list format.
func Archive(v any) ([]byte, error) {
	a := archiver{objects: []any{nullObject}, classes: map[string]plist.UID{}}
	var root plist.UID
	if v != nil {
		var err error
		if root, err = a.add(v, 0); err != nil {
			return nil, err
		}
	}
	return plist.Marshal(map[string]any{
		"$version":  archiverVersion,
		"$archiver": archiverName,
		"$top":      map[string]any{"root": root},
		"$objects":  a.objects,
	}, plist.BinaryFormat)
}

type archiver struct {
	objects []any
	classes map[string]plist.UID
}

// add appends v and what it holds to the object table and returns its reference.
func (a *archiver) add(v any, depth int) (plist.UID, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("archive: more than %d levels", maxDepth)
	}
	switch v := v.(type) {
	case nil, Null:
		return a.object(map[string]any{}, "NSNull"), nil
	case string, bool, []byte, float64, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return a.append(v), nil
	case float32:
		return a.append(float64(v)), nil
	case time.Time:
		seconds := float64(v.Unix()-referenceEpoch) + float64(v.Nanosecond())/1e9
		return a.object(map[string]any{"NS.time": seconds}, "NSDate"), nil
	case UUID:
		return a.object(map[string]any{"NS.uuidbytes": v[:]}, "NSUUID"), nil
	case []any:
		return a.collection("NSArray", v, depth)
	case Set:
		return a.collection("NSSet", v, depth)
	case []string:
		items := make([]any, len(v))
		for i, s := range v {
			items[i] = s
		}
		return a.collection("NSArray", items, depth)
	case *Error:
		return a.nsError(v, depth)
	case Tap:
		return a.tap(v, depth)
	}
	if keys, values, ok := pairs(v); ok {
		return a.dictionary(keys, values, depth)
	}
	return 0, fmt.Errorf("archive: no class for %T", v)
}

func (a *archiver) append(v any) plist.UID {
	a.objects = append(a.objects, v)
	return plist.UID(len(a.objects) - 1)
}

// object appends an instance of class; its fields may still be filled in by the caller, since maps are shared.
func (a *archiver) object(fields map[string]any, class string) plist.UID {
	uid := a.append(fields)
	fields["$class"] = a.class(class)
	return uid
}

func (a *archiver) class(name string) plist.UID {
	if uid, ok := a.classes[name]; ok {
		return uid
	}
	chain := []string{name, "NSObject"}
	if name != tapBase && tapClasses[name] {
		chain = []string{name, tapBase, "NSObject"}
	}
	a.classes[name] = a.append(map[string]any{"$classname": name, "$classes": chain})
	return a.classes[name]
}

func (a *archiver) collection(class string, items []any, depth int) (plist.UID, error) {
	fields := map[string]any{}
	uid := a.object(fields, class)
	refs, err := a.all(items, depth)
	fields["NS.objects"] = refs
	return uid, err
}

func (a *archiver) dictionary(keys, values []any, depth int) (plist.UID, error) {
	fields := map[string]any{}
	uid := a.object(fields, "NSDictionary")
	keyRefs, err := a.all(keys, depth)
	if err != nil {
		return 0, err
	}
	valueRefs, err := a.all(values, depth)
	fields["NS.keys"], fields["NS.objects"] = keyRefs, valueRefs
	return uid, err
}

func (a *archiver) all(items []any, depth int) ([]plist.UID, error) {
	refs := make([]plist.UID, len(items))
	for i, item := range items {
		uid, err := a.add(item, depth+1)
		if err != nil {
			return nil, err
		}
		refs[i] = uid
	}
	return refs, nil
}

func (a *archiver) nsError(e *Error, depth int) (plist.UID, error) {
	fields := map[string]any{"NSCode": e.Code, "NSDomain": a.append(e.Domain)}
	info, err := a.add(orEmpty(e.UserInfo), depth+1)
	fields["NSUserInfo"] = info
	return a.object(fields, "NSError"), err
}

func (a *archiver) tap(t Tap, depth int) (plist.UID, error) {
	if !tapClasses[t.Class] {
		return 0, fmt.Errorf("archive: %q is no tap message class", t.Class)
	}
	wrapped, err := a.add(t.Plist, depth+1)
	return a.object(map[string]any{"DTTapMessagePlist": wrapped}, t.Class), err
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// pairs returns a map's keys and values in an order that depends on the keys alone, so that archives are reproducible.
func pairs(v any) (keys, values []any, ok bool) {
	switch m := v.(type) {
	case map[string]any:
		for k := range m {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool { return keys[i].(string) < keys[j].(string) })
		for _, k := range keys {
			values = append(values, m[k.(string)])
		}
	case map[int64]any:
		for k := range m {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool { return keys[i].(int64) < keys[j].(int64) })
		for _, k := range keys {
			values = append(values, m[k.(int64)])
		}
	case map[any]any:
		for k := range m {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool {
			return fmt.Sprintf("%T%v", keys[i], keys[i]) < fmt.Sprintf("%T%v", keys[j], keys[j])
		})
		for _, k := range keys {
			values = append(values, m[k])
		}
	default:
		return nil, nil, false
	}
	return keys, values, true
}
