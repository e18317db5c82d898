package dtx

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	goios "github.com/danielpaulus/go-ios/ios/dtx_codec"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample(t testing.TB) Message {
	t.Helper()
	m, err := NewCall("a:b:", map[string]any{"k": "v"}, nil)
	require.NoError(t, err)
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
			require.NoError(t, err)
			r := NewReader(bytes.NewReader(b))
			got, err := r.Next()
			require.NoError(t, err, "Next")
			assert.Equal(t, tt.message, got, "Next")
			_, err = r.Next()
			require.ErrorIs(t, err, io.EOF, "second Next")
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
		got, err := r.Next()
		require.NoError(t, err, "Next")
		assert.Equal(t, want, got, "Next")
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
	require.NoError(t, err)
	m.Identifier, m.Channel = 3, 1
	b, err := m.Append(nil, 0)
	require.NoError(t, err)
	theirs, err := goios.ReadMessage(bytes.NewReader(b))
	require.NoError(t, err, "go-ios reads")
	assert.Equal(t, "outputReceived:fromProcess:atTime:", theirs.Payload[0], "go-ios reads")
	assert.Len(t, theirs.Auxiliary.GetArguments(), 3, "go-ios reads")

	aux := goios.NewPrimitiveDictionary()
	aux.AddInt32(4)
	aux.AddNsKeyedArchivedObject([]any{"x"})
	payload, _ := nskeyedarchiver.ArchiveBin("killPid:")
	b, err = goios.Encode(5, 0, 2, true, goios.Methodinvocation, payload, aux)
	require.NoError(t, err)
	got, err := NewReader(bytes.NewReader(b)).Next()
	require.NoError(t, err)
	call, err := got.Call()
	want := Call{"killPid:", []any{int64(4), []any{"x"}}}
	require.NoError(t, err, "Call")
	assert.Equal(t, want, call)
	assert.Equal(t, int32(2), got.Channel, "Call")
	assert.True(t, got.ExpectsReply, "Call")
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
			require.ErrorContains(t, err, tt.want, "Next = %+v", m)
		})
	}
}

// TestReaderTakesAnySplit feeds the bytes a few at a time.
func TestReaderTakesAnySplit(t *testing.T) {
	m := sample(t)
	m.Payload = make([]byte, 3<<20)
	rand.NewChaCha8([32]byte{1}).Read(m.Payload)
	b, _ := m.Append(nil, 1000)
	got, err := NewReader(&trickle{b}).Next()
	require.NoError(t, err, "Next: %v, %d bytes of payload", err, len(got.Payload))
	assert.True(t, bytes.Equal(got.Payload, m.Payload), "Next: %v, %d bytes of payload", err, len(got.Payload))
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
			_, err = m.Call()
			if err != nil {
				require.NotErrorIs(t, err, io.EOF, "Call")
			}
			again, err := m.Append(nil, 0)
			require.NoError(t, err, "Append of what Next yielded")
			back, err := NewReader(bytes.NewReader(again)).Next()
			require.NoError(t, err, "Next")
			require.Equal(t, m, back, "Next")
		}
	})
}
