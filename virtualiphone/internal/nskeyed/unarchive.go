package nskeyed

import (
	"errors"
	"fmt"
	"math"
	"time"

	"howett.net/plist"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

const (
	// MaxBytes is the longest archive that is read. A launch with a full environment is about 300 KB (ARG_MAX).
	MaxBytes = 16 << 20
	maxDepth = 64
	// maxNodes bounds what a small archive with many references to the same object may expand to.
	maxNodes = 1 << 18
)

const tapBase = "DTTapMessage"

// tapClasses are the instruments messages that wrap a property list.
var tapClasses = map[string]bool{
	tapBase: true, "DTSysmonTapMessage": true, "DTTapHeartbeatMessage": true, "DTTapStatusMessage": true,
	"DTActivityTraceTapMessage": true, "DTKTraceTapMessage": true,
}

// Unarchive reads the root object of an archive. The property list below is checked for size and nesting first.
func Unarchive(data []byte) (any, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("unarchive: %d bytes are more than %d", len(data), MaxBytes)
	}
	top, err := plistio.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("unarchive: %w", err)
	}
	if name := top.String("$archiver"); name != archiverName {
		return nil, fmt.Errorf("unarchive: archiver is %q", name)
	}
	roots, _ := top["$top"].(map[string]any)
	root, ok := roots["root"].(plist.UID)
	if !ok {
		return nil, errors.New("unarchive: no root object")
	}
	objects, _ := top["$objects"].([]any)
	u := unarchiver{objects: objects}
	return u.get(root, 0)
}

type unarchiver struct {
	objects []any
	nodes   int
}

func (u *unarchiver) get(uid plist.UID, depth int) (any, error) {
	if uint64(uid) >= uint64(len(u.objects)) {
		return nil, fmt.Errorf("unarchive: reference %d of %d objects", uid, len(u.objects))
	}
	if u.nodes++; u.nodes > maxNodes || depth > maxDepth {
		return nil, errors.New("unarchive: nested too deep or too often")
	}
	switch v := u.objects[uid].(type) {
	case string:
		if uid == 0 && v == nullObject {
			return nil, nil
		}
		return v, nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
		return v, nil
	case float32:
		return float64(v), nil
	case int64, float64, bool, []byte:
		return v, nil
	case map[string]any:
		return u.instance(v, depth)
	default:
		return nil, fmt.Errorf("unarchive: object of type %T", v)
	}
}

func (u *unarchiver) instance(fields map[string]any, depth int) (any, error) {
	class, err := u.className(fields)
	if err != nil {
		return nil, err
	}
	switch class {
	case "NSNull":
		return Null{}, nil
	case "NSString", "NSMutableString":
		return field[string](fields, class, "NS.string")
	case "NSData", "NSMutableData":
		return field[[]byte](fields, class, "NS.data")
	case "NSDate":
		return date(fields)
	case "NSUUID":
		b, err := field[[]byte](fields, class, "NS.uuidbytes")
		if err != nil || len(b) != 16 {
			return nil, fmt.Errorf("unarchive: NSUUID of %d bytes", len(b))
		}
		return UUID(b), nil
	case "NSArray", "NSMutableArray":
		return u.list(fields, class, "NS.objects", depth)
	case "NSSet", "NSMutableSet", "NSOrderedSet", "NSMutableOrderedSet":
		items, err := u.list(fields, class, "NS.objects", depth)
		return Set(items), err
	case "NSDictionary", "NSMutableDictionary":
		return u.dictionary(fields, class, depth)
	case "NSError":
		return u.nsError(fields, depth)
	}
	if tapClasses[class] {
		wrapped, err := u.ref(fields, class, "DTTapMessagePlist", depth)
		return Tap{class, wrapped}, err
	}
	return nil, fmt.Errorf("unarchive: class %q is not known", class)
}

func (u *unarchiver) className(fields map[string]any) (string, error) {
	uid, ok := fields["$class"].(plist.UID)
	if !ok || uint64(uid) >= uint64(len(u.objects)) {
		return "", errors.New("unarchive: object without class")
	}
	class, _ := u.objects[uid].(map[string]any)
	name, ok := class["$classname"].(string)
	if !ok {
		return "", errors.New("unarchive: class without name")
	}
	return name, nil
}

func field[T any](fields map[string]any, class, key string) (T, error) {
	v, ok := fields[key].(T)
	if !ok {
		return v, fmt.Errorf("unarchive: %s with %s of type %T", class, key, fields[key])
	}
	return v, nil
}

func (u *unarchiver) ref(fields map[string]any, class, key string, depth int) (any, error) {
	uid, err := field[plist.UID](fields, class, key)
	if err != nil {
		return nil, err
	}
	return u.get(uid, depth+1)
}

func (u *unarchiver) list(fields map[string]any, class, key string, depth int) ([]any, error) {
	refs, err := field[[]any](fields, class, key)
	if err != nil {
		return nil, err
	}
	items := make([]any, 0, len(refs))
	for _, r := range refs {
		uid, ok := r.(plist.UID)
		if !ok {
			return nil, fmt.Errorf("unarchive: %s with an item of type %T", class, r)
		}
		item, err := u.get(uid, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// dictionary yields map[string]any, or map[any]any as soon as one key is no string.
func (u *unarchiver) dictionary(fields map[string]any, class string, depth int) (any, error) {
	keys, err := u.list(fields, class, "NS.keys", depth)
	if err != nil {
		return nil, err
	}
	values, err := u.list(fields, class, "NS.objects", depth)
	if err != nil {
		return nil, err
	}
	if len(keys) != len(values) {
		return nil, fmt.Errorf("unarchive: %d keys for %d values", len(keys), len(values))
	}
	byName, byAny := make(map[string]any, len(keys)), make(map[any]any)
	for i, k := range keys {
		switch k := k.(type) {
		case string:
			byName[k] = values[i]
		case int64, uint64, float64, bool, UUID:
			byAny[k] = values[i]
		default:
			return nil, fmt.Errorf("unarchive: dictionary key of type %T", k)
		}
	}
	if len(byAny) == 0 {
		return byName, nil
	}
	for k, v := range byName {
		byAny[k] = v
	}
	return byAny, nil
}

func date(fields map[string]any) (any, error) {
	seconds, ok := fields["NS.time"].(float64)
	if whole, isInt := Int(fields["NS.time"]); !ok && isInt {
		seconds, ok = float64(whole), true
	}
	// Years 1 to 9999; outside, NSDate's distant past and future cannot be told in a time.Time that formats.
	if !ok || !(math.Abs(seconds) < 2.5e11) {
		return nil, fmt.Errorf("unarchive: NSDate with time %v", fields["NS.time"])
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole)+referenceEpoch, int64(math.Round(fraction*1e9))).UTC(), nil
}

func (u *unarchiver) nsError(fields map[string]any, depth int) (any, error) {
	domain, err := u.ref(fields, "NSError", "NSDomain", depth)
	if err != nil {
		return nil, err
	}
	e := &Error{}
	var ok bool
	if e.Domain, ok = domain.(string); !ok {
		return nil, fmt.Errorf("unarchive: NSError with domain of type %T", domain)
	}
	if e.Code, ok = Int(fields["NSCode"]); !ok {
		return nil, fmt.Errorf("unarchive: NSError with code of type %T", fields["NSCode"])
	}
	info, err := u.ref(fields, "NSError", "NSUserInfo", depth)
	if err != nil {
		return nil, err
	}
	e.UserInfo, _ = info.(map[string]any) // nil where there is none
	return e, nil
}
