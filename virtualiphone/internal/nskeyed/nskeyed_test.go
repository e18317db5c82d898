package nskeyed

import (
	"math"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"
)

func TestArchiveThenUnarchive(t *testing.T) {
	id := UUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	tests := []struct {
		name     string
		in, want any
	}{
		{"nil", nil, nil},
		{"string", "launch", "launch"},
		{"unicode", "größer 言語", "größer 言語"},
		{"string that looks like null", "$null", "$null"},
		{"true", true, true},
		{"small integer", 7, int64(7)},
		{"negative integer", int64(-3), int64(-3)},
		{"largest unsigned", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"float", 0.25, 0.25},
		{"data", []byte{0, 1, 255}, []byte{0, 1, 255}},
		{"date", time.Date(2026, 11, 23, 1, 2, 3, 500e6, time.UTC), time.Date(2026, 11, 23, 1, 2, 3, 500e6, time.UTC)},
		{"uuid", id, id},
		{"null", Null{}, Null{}},
		{"nil in a list becomes null", []any{nil, int64(1)}, []any{Null{}, int64(1)}},
		{"strings", []string{"a", "b"}, []any{"a", "b"}},
		{"empty list", []any{}, []any{}},
		{"set", Set{"a"}, Set{"a"}},
		{"dictionary", map[string]any{"a": int64(1), "b": []any{"c"}}, map[string]any{"a": int64(1), "b": []any{"c"}}},
		{"numbered dictionary", map[int64]any{12: []any{1.5}}, map[any]any{int64(12): []any{1.5}}},
		{"mixed keys", map[any]any{"a": "x", int64(2): "y"}, map[any]any{"a": "x", int64(2): "y"}},
		{"error", NewError("FBSError", 4, "no such app"), NewError("FBSError", 4, "no such app")},
		{"tap", Tap{"DTSysmonTapMessage", map[string]any{"k": int64(1)}}, Tap{"DTSysmonTapMessage", map[string]any{"k": int64(1)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := Archive(tt.in)
			require.NoError(t, err, "Archive(%v)", tt.in)
			got, err := Unarchive(data)
			require.NoError(t, err, "Unarchive")
			assert.Equal(t, tt.want, got, "Unarchive(Archive(%#v))", tt.in)
		})
	}
}

func TestArchiveRefuses(t *testing.T) {
	deep := any("x")
	for range maxDepth + 2 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"a channel": make(chan int), "a struct": struct{ A int }{}, "deep nesting": deep, "unknown tap": Tap{Class: "NSString"},
	} {
		data, err := Archive(v)
		require.Error(t, err, "Archive of %s = %d bytes, want an error", name, len(data))
	}
}

// TestGoIOSReads has an independent reader take every class that the phone sends.
func TestGoIOSReads(t *testing.T) {
	when := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
	data, err := Archive([]any{"s", 7, 1.5, true, when, nil, map[string]any{"k": "v"}, map[int64]any{
		12: []any{3},
	}, NewError("D", 2, "text"), Tap{"DTSysmonTapMessage", map[string]any{"x": 1}}})
	require.NoError(t, err)
	out, err := nskeyedarchiver.Unarchive(data)
	require.NoError(t, err)
	items := out[0].([]any)
	d := items[4].(nskeyedarchiver.NSDate).Timestamp
	assert.True(t, d.Equal(when), "date = %v, want %v", d, when)
	assert.IsType(t, nskeyedarchiver.NSNull{}, items[5])
	assert.Equal(t, []any{uint64(3)}, items[7].(map[string]any)["uint64{12}"], "numbered dictionary")
	e := items[8].(nskeyedarchiver.NSError)
	assert.Equal(t, uint64(2), e.ErrorCode)
	assert.Contains(t, e.Error(), "text")
	assert.Equal(t, uint64(1), items[9].(nskeyedarchiver.DTActivityTraceTapMessage).DTTapMessagePlist["x"], "tap")
}

func TestReadsGoIOS(t *testing.T) {
	data, err := nskeyedarchiver.ArchiveBin(map[string]any{
		"procAttrs": []any{"pid"}, "ur": 500, "cpuUsage": true, "none": nskeyedarchiver.NewNSNull(),
	})
	require.NoError(t, err)
	got, err := Unarchive(data)
	want := map[string]any{"procAttrs": []any{"pid"}, "ur": int64(500), "cpuUsage": true, "none": Null{}}
	require.NoError(t, err, "Unarchive")
	assert.Equal(t, want, got, "Unarchive")
}

// archiveOf builds an archive around an object table of the test's own making.
func archiveOf(t *testing.T, objects []any) []byte {
	t.Helper()
	data, err := plist.Marshal(map[string]any{
		"$archiver": archiverName, "$top": map[string]any{"root": plist.UID(1)}, "$objects": objects,
	}, plist.BinaryFormat)
	require.NoError(t, err)
	return data
}

func TestUnarchiveRefuses(t *testing.T) {
	array := map[string]any{"$classname": "NSArray", "$classes": []any{"NSArray"}}
	bomb := []any{nullObject, nil, array}
	bomb[1] = map[string]any{"$class": plist.UID(2), "NS.objects": []plist.UID{3, 3}}
	for i := 3; i < 40; i++ {
		bomb = append(bomb, map[string]any{"$class": plist.UID(2), "NS.objects": []plist.UID{plist.UID(i + 1), plist.UID(i + 1)}})
	}
	bomb = append(bomb, "end")
	tests := []struct {
		name    string
		objects []any
		want    string
	}{
		{"reference to itself", []any{nullObject, map[string]any{"$class": plist.UID(2), "NS.objects": []plist.UID{1}}, array}, "nested"},
		{"references that multiply", bomb, "nested"},
		{"reference beyond the table", []any{
			nullObject, map[string]any{"$class": plist.UID(2), "NS.objects": []plist.UID{9}}, array,
		}, "reference 9"},
		{"unknown class", []any{
			nullObject, map[string]any{"$class": plist.UID(2)}, map[string]any{"$classname": "NSTask"},
		}, `"NSTask" is not known`},
		{"no class", []any{nullObject, map[string]any{"a": "b"}}, "without class"},
		{"short uuid", []any{
			nullObject, map[string]any{"$class": plist.UID(2), "NS.uuidbytes": []byte{1}}, map[string]any{"$classname": "NSUUID"},
		}, "1 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := Unarchive(archiveOf(t, tt.objects))
			require.ErrorContains(t, err, tt.want, "Unarchive = %v", v)
		})
	}
}

func FuzzUnarchive(f *testing.F) {
	for _, v := range []any{nil, "a", 1.5, []any{1, nil}, map[string]any{
		"k": time.Unix(0, 0),
	}, map[int64]any{1: Set{"x"}}, NewError("d", 1, "t"), UUID{1}, Tap{"DTTapMessage", "x"}} {
		data, err := Archive(v)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Unarchive(data)
		if err != nil {
			return
		}
		again, err := Archive(v)
		require.NoError(t, err, "Archive of what Unarchive yielded")
		_, err = Unarchive(again)
		require.NoError(t, err, "Unarchive of it")
	})
}
