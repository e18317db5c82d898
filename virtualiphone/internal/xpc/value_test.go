package xpc

import (
	"bytes"
	"math"
	"testing"
	"time"

	goios "github.com/danielpaulus/go-ios/ios/xpc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
			require.NoError(t, err)
			got, rest, whole, err := Parse(append(b, "next"...))
			require.NoError(t, err, "Parse = %+v, %q, %v", got, rest, whole)
			assert.True(t, whole, "Parse = %+v, %q, %v", got, rest, whole)
			assert.Equal(t, "next", string(rest), "Parse = %+v, %q, %v", got, rest, whole)
			assert.Equal(t, want, got, "Parse = %+v, %q, %v", got, rest, whole)
			for n := range b {
				_, rest, whole, err := Parse(b[:n])
				require.False(t, whole, "Parse of the first %d bytes: whole %v", n, whole)
				require.NoError(t, err, "Parse of the first %d bytes: whole %v", n, whole)
				require.Len(t, rest, n, "Parse of the first %d bytes: whole %v", n, whole)
			}
		})
	}
}

// TestGoIOSAgrees has an independent codec read what this one writes. It cannot write dates or UUIDs (its structs have
// unexported fields), so the other way is shown without them.
func TestGoIOSAgrees(t *testing.T) {
	body := everything()
	delete(body, "empty data") // its reader takes reading nothing at the end for an error
	b, err := Message{Flags: FlagAlways | FlagData, Body: body}.Append(nil)
	require.NoError(t, err)
	theirs, err := goios.DecodeMessage(bytes.NewReader(b))
	require.NoError(t, err)
	require.Equal(t, int64(-5), theirs.Body["int"], "go-ios reads")
	require.Equal(t, "größer", theirs.Body["string"], "go-ios reads")
	assert.Equal(t, uint64(99), theirs.Body["file"].(goios.FileTransfer).TransferSize, "go-ios reads")
	d := theirs.Body["date"].(time.Time)
	assert.True(t, d.Equal(body["date"].(time.Time)), "go-ios reads the date as %v", d)
	var buf bytes.Buffer
	sent := map[string]any{"a": "b", "n": uint64(3), "list": []any{int64(1), true}, "data": []byte{9}, "none": nil}
	require.NoError(t, goios.EncodeMessage(&buf, goios.Message{Flags: FlagAlways, Body: sent, Id: 4}))
	got, _, whole, err := Parse(buf.Bytes())
	want := (Message{Flags: FlagAlways, ID: 4, Body: sent})
	require.NoError(t, err, "Parse")
	assert.True(t, whole, "Parse")
	assert.Equal(t, want, got, "Parse")
}

func TestParseRefuses(t *testing.T) {
	good, err := Message{Body: map[string]any{"key": []any{int64(1)}}}.Append(nil)
	require.NoError(t, err)
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
			require.ErrorContains(t, err, tt.want, "Parse = %v", m)
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	deep := any("x")
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{"an int without width": 1, "a key with a zero": map[string]any{"a\x00b": nil}, "deep nesting": deep} {
		_, err := (Message{Body: map[string]any{"v": v}}).Append(nil)
		require.Error(t, err, "Append of %s: no error", name)
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range []Message{
		{Body: everything()}, {Flags: FlagInit}, {Body: map[string]any{}}, {Body: map[string]any{"a": []any{map[string]any{"b": "c"}}}},
	} {
		b, err := m.Append(nil)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, whole, err := Parse(data)
		if err != nil || !whole {
			return
		}
		b, err := m.Append(nil)
		require.NoError(t, err, "Append of what Parse yielded")
		again, rest, whole, err := Parse(b)
		require.NoError(t, err, "Parse of it")
		require.True(t, whole, "Parse of it")
		require.Empty(t, rest, "Parse of it")
		c, _ := again.Append(nil)
		require.True(t, bytes.Equal(b, c), "a second round differs: %v and %v", m, again)
	})
}
