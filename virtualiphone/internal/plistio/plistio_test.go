package plistio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

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
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			conn := New(stream{bytes.NewReader(frame(request)), &out})
			got, err := conn.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if want := (Dict{"Request": "QueryType", "N": uint64(7)}); !reflect.DeepEqual(got, want) {
				t.Errorf("Receive() = %v, want %v", got, want)
			}
			if err := conn.Send(map[string]any{"Type": "x"}); err != nil {
				t.Fatal(err)
			}
			var value any
			answered, err := plist.Unmarshal(out.Bytes()[4:], &value)
			if err != nil || answered != format {
				t.Errorf("answer has format %d (%v), want %d", answered, err, format)
			}
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
			if got, err := New(stream{bytes.NewReader(input), io.Discard}).Receive(); err == nil {
				t.Errorf("Receive() = %v, want an error", got)
			}
		})
	}
}

func TestEndBetweenFramesIsEOF(t *testing.T) {
	if _, err := New(stream{bytes.NewReader(nil), io.Discard}).Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("Receive() = %v, want io.EOF", err)
	}
	if _, err := ReadFrame(strings.NewReader("\x00\x00\x00\x05ab"), 100); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("ReadFrame of a torn frame = %v, want io.ErrUnexpectedEOF", err)
	}
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
	if _, err := Decode([]byte(many)); err != nil {
		t.Errorf("Decode of a flat dictionary: %v", err)
	}
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
