package plistio

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"
)

type stream struct {
	io.Reader
	io.Writer
}

func frame(payload []byte) []byte {
	var out bytes.Buffer
	if err := WriteFrame(&out, payload); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestAnswersComeInTheHostsFormat(t *testing.T) {
	for name, format := range map[string]int{"xml": plist.XMLFormat, "binary": plist.BinaryFormat} {
		t.Run(name, func(t *testing.T) {
			request, err := plist.Marshal(map[string]any{"Request": "QueryType", "N": uint64(7)}, format)
			require.NoError(t, err)
			var out bytes.Buffer
			conn := New(stream{bytes.NewReader(frame(request)), &out})
			got, err := conn.Receive()
			require.NoError(t, err)
			assert.Equal(t, (Dict{"Request": "QueryType", "N": uint64(7)}), got, "Receive()")
			require.NoError(t, conn.Send(map[string]any{"Type": "x"}))
			var value any
			answered, err := plist.Unmarshal(out.Bytes()[4:], &value)
			require.NoError(t, err, "answer has format")
			assert.Equal(t, format, answered, "answer has format")
		})
	}
}

func TestReceiveRefuses(t *testing.T) {
	deep := "<plist>" + strings.Repeat("<array>", 5000) + strings.Repeat("</array>", 5000) + "</plist>"
	cases := map[string][]byte{
		"a length beyond the limit": binary.BigEndian.AppendUint32(nil, MaxFrame+1),
		"a torn payload":            frame([]byte("<plist><dict/></plist>"))[:10],
		"an array":                  frame([]byte("<plist><array/></plist>")),
		"text":                      frame([]byte("GET / HTTP/1.1")),
		"deep nesting":              frame([]byte(deep)),
		"expanding references":      frame(expanding(40)),
		"a torn binary plist":       frame([]byte("bplist00\xd1")),
	}
	for name, input := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := New(stream{bytes.NewReader(input), io.Discard}).Receive()
			require.Error(t, err, "Receive() = %v, want an error", got)
		})
	}
}

func TestEndBetweenFramesIsEOF(t *testing.T) {
	_, err := New(stream{bytes.NewReader(nil), io.Discard}).Receive()
	require.ErrorIs(t, err, io.EOF, "Receive()")
	_, err = ReadFrame(strings.NewReader("\x00\x00\x00\x05ab"), 100)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "ReadFrame of a torn frame")
}

// expanding builds a binary plist of n arrays, each holding the next one twice: 2^n values from a few bytes.
func expanding(n int) []byte {
	out := []byte("bplist00")
	var offsets []byte
	for i := range n {
		offsets = append(offsets, byte(len(out)))
		if i == n-1 {
			out = append(out, 0x10, 1)
			break
		}
		out = append(out, 0xA2, byte(i+1), byte(i+1))
	}
	table := len(out)
	out = append(out, offsets...)
	trailer := make([]byte, 32)
	trailer[6], trailer[7] = 1, 1
	binary.BigEndian.PutUint64(trailer[8:], uint64(n))
	binary.BigEndian.PutUint64(trailer[24:], uint64(table))
	return append(out, trailer...)
}

func TestCheckTextAllowsRealRequests(t *testing.T) {
	many := "<plist><dict>" + strings.Repeat("<key>a/b</key><true/><key>c</key><string>x/y</string>", 500) + "</dict></plist>"
	_, err := Decode([]byte(many))
	require.NoError(t, err, "Decode of a flat dictionary")
}

func FuzzReceive(f *testing.F) {
	binaryRequest, _ := plist.Marshal(map[string]any{"Request": "GetValue", "A": []any{1, true, []byte{1}, 1.5}}, plist.BinaryFormat)
	f.Add(frame([]byte("<plist><dict><key>Request</key><string>QueryType</string></dict></plist>")))
	f.Add(frame(binaryRequest))
	f.Add(frame(expanding(12)))
	f.Add(frame([]byte("{a=b;}")))
	f.Fuzz(func(t *testing.T, input []byte) {
		conn := New(stream{bytes.NewReader(input), io.Discard})
		for {
			value, err := conn.Receive()
			if err != nil {
				return
			}
			if err := conn.Send(map[string]any(value)); err != nil {
				t.Logf("re-encode: %v", err) // not every decodable value can be encoded again, but none may panic
			}
		}
	})
}
