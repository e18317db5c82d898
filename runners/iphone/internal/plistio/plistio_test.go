package plistio

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"
)

func TestRoundTrip(t *testing.T) {
	want := map[string]any{"Request": "GetValue", "Value": uint64(1) << 63, "Flag": true, "Data": []byte{0, 1}}
	for name, format := range map[string]int{"xml": plist.XMLFormat, "binary": plist.BinaryFormat} {
		t.Run(name, func(t *testing.T) {
			text, err := plist.Marshal(want, format)
			require.NoError(t, err)
			var got map[string]any
			err = Read(bytes.NewReader(frame(text)), &got)
			require.NoError(t, err, "Read")
			assert.Equal(t, want, got, "Read")
		})
	}
	var wire bytes.Buffer
	require.NoError(t, Write(&wire, want))
	var got map[string]any
	err := Read(&wire, &got)
	require.NoError(t, err, "Read(Write)")
	assert.Equal(t, want, got, "Read(Write)")
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
			require.Error(t, err, "Read error")
			if c.want != nil {
				require.ErrorIs(t, err, c.want, "Read error")
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
