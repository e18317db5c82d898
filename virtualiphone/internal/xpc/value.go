// Package xpc is RemoteXPC: typed dictionaries in a binary encoding, carried on two HTTP/2 streams. A host's bytes
// come in, messages come out, and back. It knows no service, and no length or count that it reads is trusted.
package xpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
	"time"
)

// Values map to Go one to one: nil, bool, int64, uint64, float64, time.Time, []byte, string, UUID, []any,
// map[string]any and FileTransfer. The encoder refuses every other type, so that no width is chosen by accident.

// UUID is an XPC UUID.
type UUID [16]byte

// String formats the UUID as 8-4-4-4-12 upper-case hex digits, as Apple prints it.
func (u UUID) String() string {
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[0:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// FileTransfer announces a file that is sent on a stream of its own.
type FileTransfer struct {
	ID   uint64
	Size uint64
}

// The type words of values.
const (
	typeNull     = 0x1000
	typeBool     = 0x2000
	typeInt64    = 0x3000
	typeUint64   = 0x4000
	typeDouble   = 0x5000
	typeDate     = 0x7000
	typeData     = 0x8000
	typeString   = 0x9000
	typeUUID     = 0xA000
	typeArray    = 0xE000
	typeMap      = 0xF000
	typeTransfer = 0x1A000
)

// maxDepth is how deep containers may nest; CoreDevice requests nest four levels.
const maxDepth = 64

func appendValue(out []byte, v any, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("xpc: more than %d levels", maxDepth)
	}
	le := binary.LittleEndian
	switch v := v.(type) {
	case nil:
		return le.AppendUint32(out, typeNull), nil
	case bool:
		var n uint32
		if v {
			n = 1
		}
		return le.AppendUint32(le.AppendUint32(out, typeBool), n), nil
	case int64:
		return le.AppendUint64(le.AppendUint32(out, typeInt64), uint64(v)), nil
	case uint64:
		return le.AppendUint64(le.AppendUint32(out, typeUint64), v), nil
	case float64:
		return le.AppendUint64(le.AppendUint32(out, typeDouble), math.Float64bits(v)), nil
	case time.Time:
		return le.AppendUint64(le.AppendUint32(out, typeDate), uint64(v.UnixNano())), nil
	case []byte:
		return appendPadded(le.AppendUint32(le.AppendUint32(out, typeData), uint32(len(v))), v), nil
	case string:
		out = le.AppendUint32(le.AppendUint32(out, typeString), uint32(len(v)+1))
		return appendPadded(out, append([]byte(v), 0)), nil
	case UUID:
		return append(le.AppendUint32(out, typeUUID), v[:]...), nil
	case FileTransfer:
		out = le.AppendUint64(le.AppendUint32(out, typeTransfer), v.ID)
		return appendValue(out, map[string]any{"s": v.Size}, depth+1)
	case []any:
		return appendArray(out, v, depth)
	case map[string]any:
		return appendMap(out, v, depth)
	}
	return nil, fmt.Errorf("xpc: no type for %T", v)
}

// appendPadded appends b and zeros up to a multiple of four.
func appendPadded(out, b []byte) []byte {
	out = append(out, b...)
	return append(out, make([]byte, -len(b)&3)...)
}

// appendArray appends length, count and items; the length counts from behind itself.
func appendArray(out []byte, items []any, depth int) ([]byte, error) {
	out = binary.LittleEndian.AppendUint32(out, typeArray)
	at := len(out)
	out = append(out, 0, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(items)))
	for _, item := range items {
		var err error
		if out, err = appendValue(out, item, depth+1); err != nil {
			return nil, err
		}
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return out, nil
}

// appendMap appends the entries in the order of their keys, so that equal maps encode to equal bytes.
func appendMap(out []byte, m map[string]any, depth int) ([]byte, error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	out = binary.LittleEndian.AppendUint32(out, typeMap)
	at := len(out)
	out = append(out, 0, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(m)))
	for _, k := range keys {
		for i := range len(k) {
			if k[i] == 0 {
				return nil, errors.New("xpc: key with a zero byte")
			}
		}
		var err error
		if out, err = appendValue(appendPadded(out, append([]byte(k), 0)), m[k], depth+1); err != nil {
			return nil, err
		}
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return out, nil
}

// decoder reads values off the front of b.
type decoder struct{ b []byte }

var errShort = errors.New("xpc: value cut off")

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)) {
		return nil, errShort
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out, nil
}

func (d *decoder) uint32() (uint32, error) {
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (d *decoder) uint64() (uint64, error) {
	b, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// padded reads a length, that many bytes, and the zeros up to a multiple of four.
func (d *decoder) padded() ([]byte, error) {
	n, err := d.uint32()
	if err != nil {
		return nil, err
	}
	b, err := d.take(uint64(n))
	if err != nil {
		return nil, err
	}
	_, err = d.take(uint64(-len(b) & 3))
	return b, err
}

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("xpc: more than %d levels", maxDepth)
	}
	kind, err := d.uint32()
	if err != nil {
		return nil, err
	}
	switch kind {
	case typeNull:
		return nil, nil
	case typeBool:
		b, err := d.take(4)
		return err == nil && b[0] != 0, err
	case typeInt64:
		n, err := d.uint64()
		return int64(n), err
	case typeUint64:
		return d.uint64()
	case typeDouble:
		n, err := d.uint64()
		return math.Float64frombits(n), err
	case typeDate:
		n, err := d.uint64()
		return time.Unix(0, int64(n)).UTC(), err
	case typeData:
		return d.padded()
	case typeString:
		b, err := d.padded()
		for len(b) > 0 && b[len(b)-1] == 0 {
			b = b[:len(b)-1]
		}
		return string(b), err
	case typeUUID:
		b, err := d.take(16)
		if err != nil {
			return nil, err
		}
		return UUID(b), nil
	case typeArray:
		return d.array(depth)
	case typeMap:
		return d.dictionary(depth)
	case typeTransfer:
		return d.transfer(depth)
	}
	return nil, fmt.Errorf("xpc: value of unknown type %#x", kind)
}

// container reads the length and count of a container. The count is what counts: some clients leave the count itself
// out of an array's length, and phones take that. Every entry takes at least least bytes, which bounds the count
// before memory is taken for it.
func (d *decoder) container(least uint64) (uint32, error) {
	length, err := d.uint32()
	if err != nil {
		return 0, err
	}
	if uint64(length) > uint64(len(d.b)) {
		return 0, errShort
	}
	count, err := d.uint32()
	if err == nil && uint64(count)*least > uint64(len(d.b)) {
		err = fmt.Errorf("xpc: %d entries in %d bytes", count, len(d.b))
	}
	return count, err
}

func (d *decoder) array(depth int) (any, error) {
	count, err := d.container(4)
	if err != nil {
		return nil, err
	}
	items := make([]any, count)
	for i := range items {
		if items[i], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (d *decoder) dictionary(depth int) (any, error) {
	count, err := d.container(8)
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, count)
	for range count {
		key, err := d.key()
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("xpc: key %q twice", key)
		}
		if m[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (d *decoder) key() (string, error) {
	for i, b := range d.b {
		if b == 0 {
			key := string(d.b[:i])
			_, err := d.take(uint64(i + 1 + (-(i + 1) & 3)))
			return key, err
		}
	}
	return "", errShort
}

func (d *decoder) transfer(depth int) (any, error) {
	id, err := d.uint64()
	if err != nil {
		return nil, err
	}
	v, err := d.value(depth + 1)
	if err != nil {
		return nil, err
	}
	m, _ := v.(map[string]any)
	size, ok := m["s"].(uint64)
	if !ok {
		return nil, errors.New("xpc: file transfer without size")
	}
	return FileTransfer{id, size}, nil
}

func (d *decoder) atEnd() error {
	if len(d.b) != 0 {
		return fmt.Errorf("xpc: %d bytes behind the last value", len(d.b))
	}
	return nil
}
