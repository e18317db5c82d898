package xpc

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	goios "github.com/danielpaulus/go-ios/ios/xpc"
)

func everything() map[string]any {
	return map[string]any{
		"null": nil, "yes": true, "no": false, "int": int64(-5), "uint": uint64(math.MaxUint64), "double": 1.25,
		"date": time.Date(2026, 11, 23, 1, 2, 3, 4, time.UTC), "data": []byte{1, 2, 3, 4, 5}, "empty data": []byte{},
		"string": "größer", "empty": "", "uuid": UUID{1, 2, 3}, "list": []any{int64(1), "two", []any{}},
		"map": map[string]any{"": "empty key", "abc": map[string]any{}}, "file": FileTransfer{ID: 1, Size: 99},
	}
}

func TestMessageRoundTrip(t *testing.T) {
	for name, want := range map[string]Message{
		"every type":   {Flags: FlagAlways | FlagData, ID: 7, Body: everything()},
		"empty body":   {Flags: FlagAlways, Body: map[string]any{}},
		"without body": {Flags: FlagAlways | FlagInit, ID: 3},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := want.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, rest, whole, err := Parse(append(b, "next"...))
			if err != nil || !whole || string(rest) != "next" || !reflect.DeepEqual(got, want) {
				t.Errorf("Parse = %+v, %q, %v, %v; want %+v", got, rest, whole, err, want)
			}
			for n := range b {
				if _, rest, whole, err := Parse(b[:n]); whole || err != nil || len(rest) != n {
					t.Fatalf("Parse of the first %d bytes: whole %v, %v", n, whole, err)
				}
			}
		})
	}
}

// TestGoIOSAgrees has an independent codec read what this one writes. It cannot write dates or UUIDs (its structs have
// unexported fields), so the other way is shown without them.
func TestGoIOSAgrees(t *testing.T) {
	body := everything()
	b, err := Message{Flags: FlagAlways | FlagData, Body: body}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	delete(body, "empty data") // its reader takes reading nothing at the end for an error
	b, err = Message{Flags: FlagAlways | FlagData, Body: body}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := goios.DecodeMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if theirs.Body["int"] != int64(-5) || theirs.Body["string"] != "größer" || theirs.Body["file"].(goios.FileTransfer).TransferSize != 99 {
		t.Errorf("go-ios reads %v", theirs.Body)
	}
	if d := theirs.Body["date"].(time.Time); !d.Equal(body["date"].(time.Time)) {
		t.Errorf("go-ios reads the date as %v", d)
	}
	var buf bytes.Buffer
	sent := map[string]any{"a": "b", "n": uint64(3), "list": []any{int64(1), true}, "data": []byte{9}, "none": nil}
	if err := goios.EncodeMessage(&buf, goios.Message{Flags: FlagAlways, Body: sent, Id: 4}); err != nil {
		t.Fatal(err)
	}
	got, _, whole, err := Parse(buf.Bytes())
	if want := (Message{Flags: FlagAlways, ID: 4, Body: sent}); err != nil || !whole || !reflect.DeepEqual(got, want) {
		t.Errorf("Parse = %+v, %v; want %+v", got, err, want)
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := Message{Body: map[string]any{"key": []any{int64(1)}}}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"wrong magic", edit(0, 0), "begins with"},
		{"absurd body", edit(15, 1), "at most"},
		{"wrong version", edit(28, 4), "without its magic"},
		{"root is no dictionary", edit(33, 0xE0), ""},
		{"more entries than bytes", edit(40, 200), "200 entries"},
		{"unknown type", edit(48+1, 0x99), "unknown type"},
		{"list longer than the rest", edit(52, 0xFF), "cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, _, _, err := Parse(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, %v; want an error with %q", m, err, tt.want)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	deep := any("x")
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"an int without width": 1, "a key with a zero": map[string]any{"a\x00b": nil}, "deep nesting": deep} {
		if _, err := (Message{Body: map[string]any{"v": v}}).Append(nil); err == nil {
			t.Errorf("Append of %s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range []Message{{Body: everything()}, {Flags: FlagInit}, {Body: map[string]any{}}, {Body: map[string]any{"a": []any{map[string]any{"b": "c"}}}}} {
		b, err := m.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, whole, err := Parse(data)
		if err != nil || !whole {
			return
		}
		b, err := m.Append(nil)
		if err != nil {
			t.Fatalf("Append of what Parse yielded: %v", err)
		}
		again, rest, whole, err := Parse(b)
		if err != nil || !whole || len(rest) != 0 {
			t.Fatalf("Parse of it: %v", err)
		}
		if c, _ := again.Append(nil); !bytes.Equal(b, c) {
			t.Fatalf("a second round differs: %v and %v", m, again)
		}
	})
}
