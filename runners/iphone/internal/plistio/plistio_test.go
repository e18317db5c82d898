package plistio

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"howett.net/plist"
)

func TestRoundTrip(t *testing.T) {
	want := map[string]any{"Request": "GetValue", "Value": uint64(1) << 63, "Flag": true, "Data": []byte{0, 1}}
	for name, format := range map[string]int{"xml": plist.XMLFormat, "binary": plist.BinaryFormat} {
		t.Run(name, func(t *testing.T) {
			text, err := plist.Marshal(want, format)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := Read(bytes.NewReader(frame(text)), &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Read = %v, %v; want %v", got, err, want)
			}
		})
	}
	var wire bytes.Buffer
	if err := Write(&wire, want); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := Read(&wire, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Read(Write) = %v, %v", got, err)
	}
}

func frame(text []byte) []byte {
	n := len(text)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, text...)
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":        {nil, io.EOF},
		"half a length":  {[]byte{0, 0}, io.ErrUnexpectedEOF},
		"a torn list":    {frame([]byte("<plist/>"))[:6], io.ErrUnexpectedEOF},
		"a huge length":  {[]byte{0xff, 0xff, 0xff, 0xff}, nil},
		"an empty list":  {[]byte{0, 0, 0, 0}, nil},
		"no list at all": {frame([]byte("hello")), nil},
		"a torn binary":  {frame([]byte("bplist00" + strings.Repeat("\xff", 40))), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var v map[string]any
			err := Read(bytes.NewReader(c.bytes), &v)
			if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("Read error = %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	text, _ := plist.Marshal(map[string]any{"Status": "Complete", "List": []any{1, "x"}}, plist.BinaryFormat)
	f.Add(frame(text))
	f.Add(frame([]byte("<plist><dict><key>a</key><true/></dict></plist>")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v map[string]any
		_ = Read(bytes.NewReader(b), &v) // must neither panic nor allocate without end
	})
}
