package dtx

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"reflect"
	"strings"
	"testing"

	goios "github.com/danielpaulus/go-ios/ios/dtx_codec"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
)

func sample(t testing.TB) Message {
	t.Helper()
	m, err := NewCall("a:b:", map[string]any{"k": "v"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Identifier, m.Channel, m.ExpectsReply = 7, -3, true
	m.Aux = append(m.Aux, "text", int32(-5), int64(1<<40), nil)
	return m
}

func TestMessageRoundTrip(t *testing.T) {
	tests := []struct {
		name     string
		message  Message
		fragment int
	}{
		{"call in one piece", sample(t), 0},
		{"call in small fragments", sample(t), 10},
		{"call in two fragments", sample(t), 300},
		{"acknowledgement", Message{Identifier: 9, Conversation: 1, Channel: 2, Payload: []byte{}}, 0},
		{"reply without arguments", Message{Identifier: 9, Conversation: 1, Type: TypeReply, Payload: []byte("x")}, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.message.Append(nil, tt.fragment)
			if err != nil {
				t.Fatal(err)
			}
			r := NewReader(bytes.NewReader(b))
			got, err := r.Next()
			if err != nil || !reflect.DeepEqual(got, tt.message) {
				t.Errorf("Next = %+v, %v; want %+v", got, err, tt.message)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("second Next: %v, want EOF", err)
			}
		})
	}
}

// TestFragmentsInterleave reads two messages whose fragments alternate.
func TestFragmentsInterleave(t *testing.T) {
	one, two := sample(t), sample(t)
	two.Identifier = 8
	a, _ := one.Append(nil, 100)
	b, _ := two.Append(nil, 100)
	var mixed []byte
	for piece := range splitFrames(a) {
		mixed = append(append(mixed, splitFrames(a)[piece]...), splitFrames(b)[piece]...)
	}
	r := NewReader(bytes.NewReader(mixed))
	for _, want := range []Message{one, two} {
		if got, err := r.Next(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Next = %+v, %v; want %+v", got, err, want)
		}
	}
}

func splitFrames(b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		h, err := readHeader(bytes.NewReader(b))
		if err != nil {
			panic(err)
		}
		n := headerBytes + int(h.length)
		if h.index == 0 {
			n = headerBytes
		}
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}

// TestGoIOSAgrees encodes with one implementation and reads with the other, both ways.
func TestGoIOSAgrees(t *testing.T) {
	m, err := NewCall("outputReceived:fromProcess:atTime:", "text\n", 12, 34)
	if err != nil {
		t.Fatal(err)
	}
	m.Identifier, m.Channel = 3, 1
	b, err := m.Append(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := goios.ReadMessage(bytes.NewReader(b))
	if err != nil || theirs.Payload[0] != "outputReceived:fromProcess:atTime:" || len(theirs.Auxiliary.GetArguments()) != 3 {
		t.Errorf("go-ios reads %v, %v", theirs, err)
	}

	aux := goios.NewPrimitiveDictionary()
	aux.AddInt32(4)
	aux.AddNsKeyedArchivedObject([]any{"x"})
	payload, _ := nskeyedarchiver.ArchiveBin("killPid:")
	b, err = goios.Encode(5, 0, 2, true, goios.Methodinvocation, payload, aux)
	if err != nil {
		t.Fatal(err)
	}
	got, err := NewReader(bytes.NewReader(b)).Next()
	if err != nil {
		t.Fatal(err)
	}
	call, err := got.Call()
	want := Call{"killPid:", []any{int64(4), []any{"x"}}}
	if err != nil || !reflect.DeepEqual(call, want) || got.Channel != 2 || !got.ExpectsReply {
		t.Errorf("Call = %v, %v; want %v", call, err, want)
	}
}

func TestReaderRefuses(t *testing.T) {
	whole, _ := sample(t).Append(nil, 0)
	split, _ := sample(t).Append(nil, 100)
	edit := func(b []byte, at int, v byte) []byte {
		b = bytes.Clone(b)
		b[at] = v
		return b
	}
	frames := splitFrames(split)
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"wrong magic", edit(whole, 0, 0), "begins with"},
		{"absurd length", edit(whole, 15, 0xFF), "at most"},
		{"no fragments at all", edit(whole, 10, 0), "fragment 0 of 0"},
		{"compressed", edit(whole, 33, 7), "flags"},
		{"auxiliary longer than the message", edit(whole, 38, 1), "payload header"},
		{"fragments out of order", bytes.Join([][]byte{frames[0], frames[2]}, nil), "out of order"},
		{"first fragment twice", bytes.Join([][]byte{frames[0], frames[0]}, nil), "under way"},
		{"cut within the body", whole[:60], "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := NewReader(bytes.NewReader(tt.in)).Next()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Next = %+v, %v; want an error with %q", m, err, tt.want)
			}
		})
	}
}

// TestReaderTakesAnySplit feeds the bytes a few at a time.
func TestReaderTakesAnySplit(t *testing.T) {
	m := sample(t)
	m.Payload = make([]byte, 3<<20)
	rand.New(rand.NewSource(1)).Read(m.Payload)
	b, _ := m.Append(nil, 1000)
	got, err := NewReader(&trickle{b}).Next()
	if err != nil || !bytes.Equal(got.Payload, m.Payload) {
		t.Errorf("Next: %v, %d bytes of payload", err, len(got.Payload))
	}
}

type trickle struct{ b []byte }

func (o *trickle) Read(p []byte) (int, error) {
	if len(o.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 7)], o.b)
	o.b = o.b[n:]
	return n, nil
}

func FuzzReader(f *testing.F) {
	for _, fragment := range []int{0, 50, 200} {
		b, _ := sample(f).Append(nil, fragment)
		f.Add(b)
		f.Add(append(b, b...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		for {
			m, err := r.Next()
			if err != nil {
				return
			}
			if _, err := m.Call(); err != nil && errors.Is(err, io.EOF) {
				t.Fatalf("Call: %v", err)
			}
			again, err := m.Append(nil, 0)
			if err != nil {
				t.Fatalf("Append of what Next yielded: %v", err)
			}
			if back, err := NewReader(bytes.NewReader(again)).Next(); err != nil || !reflect.DeepEqual(back, m) {
				t.Fatalf("Next = %+v, %v; want %+v", back, err, m)
			}
		}
	})
}
