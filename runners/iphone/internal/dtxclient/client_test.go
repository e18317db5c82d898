package dtxclient

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	dtx "github.com/danielpaulus/go-ios/ios/dtx_codec"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// server is the phone's end of a connection. script is given every call and answers on s.
type server struct {
	t    *testing.T
	conn net.Conn
	asm  assembler
}

// connect returns a client whose phone runs script for every call after the greeting.
func connect(t *testing.T, handler Handler, script func(s *server, m dtx.Message, selector string, args []any)) *Client {
	t.Helper()
	here, there := net.Pipe()
	s := &server{t: t, conn: there}
	go func() {
		defer there.Close()
		for {
			raw, err := s.asm.next(there)
			if err != nil {
				return
			}
			m, err := decode(raw)
			if !assert.NoError(t, err, "the phone cannot read") {
				return
			}
			if m.PayloadHeader.MessageType != dtx.Methodinvocation {
				continue // an acknowledgement
			}
			selector, _ := m.Payload[0].(string)
			if selector == "_notifyOfPublishedCapabilities:" {
				continue
			}
			script(s, m, selector, arguments(m))
		}
	}()
	c, err := New(context.Background(), here, handler)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); there.Close() })
	return c
}

func archive(t *testing.T, v any) []byte {
	t.Helper()
	b, err := nskeyedarchiver.ArchiveBin(v)
	require.NoError(t, err)
	return b
}

func (s *server) answer(m dtx.Message, v any) {
	b, err := dtx.Encode(
		m.Identifier, 1, m.ChannelCode, false, dtx.ResponseWithReturnValueInPayload, archive(s.t, v), dtx.NewPrimitiveDictionary(),
	)
	if assert.NoError(s.t, err) {
		s.conn.Write(b)
	}
}

func (s *server) ack(m dtx.Message) { s.conn.Write(dtx.BuildAckMessage(m)) }

// event sends a call of the phone's own on a channel that the client had opened with code.
func eventBytes(t *testing.T, code int, selector string, args ...any) []byte {
	aux := dtx.NewPrimitiveDictionary()
	for _, a := range args {
		aux.AddNsKeyedArchivedObject(a)
	}
	b, err := dtx.Encode(1000, 0, -code, false, dtx.Methodinvocation, archive(t, selector), aux)
	require.NoError(t, err)
	return b
}

func TestCall(t *testing.T) {
	var got []any
	c := connect(t, nil, func(s *server, m dtx.Message, selector string, args []any) {
		if selector == "_requestChannelWithCode:identifier:" {
			s.ack(m)
			return
		}
		got = append([]any{m.ChannelCode, selector}, args...)
		s.answer(m, uint64(4711))
	})
	ctx := context.Background()
	ch, err := c.Open(ctx, "processcontrol")
	require.NoError(t, err)
	answer, err := ch.Call(ctx, "launch:options:", "org.lilims.bench", map[string]any{"KillExisting": uint64(1)})
	require.NoError(t, err, "Call")
	assert.Equal(t, uint64(4711), answer, "Call")
	want := []any{1, "launch:options:", "org.lilims.bench", map[string]any{"KillExisting": uint64(1)}}
	assert.Equal(t, want, got, "the phone got")
}

// TestEvents sends what has ended or blocked other clients: an event without arguments, one with an empty list of
// them, one of an unknown class, a late answer, fragments.
func TestEvents(t *testing.T) {
	events := make(chan Event, 10)
	unknown := archive(t, map[string]any{"a": "b"})
	copy(unknown[indexOf(unknown, "NSDictionary"):], "XXDictionary")
	c := connect(t, func(e Event) { events <- e }, func(s *server, m dtx.Message, selector string, args []any) {
		if selector != "go" {
			s.ack(m)
			return
		}
		bare := eventBytes(t, 1, "outputReceived:fromProcess:atTime:")
		s.conn.Write(bare)
		s.conn.Write(emptyArguments(bare))
		undecodable, _ := dtx.Encode(1001, 0, 0, false, dtx.Methodinvocation, unknown, dtx.NewPrimitiveDictionary())
		s.conn.Write(undecodable)
		s.conn.Write(dtx.BuildAckMessage(dtx.Message{Identifier: 99999, ConversationIndex: 0}))
		for _, part := range fragments(eventBytes(t, 1, "exited:", uint64(7), "text"), 100) {
			s.conn.Write(part)
		}
		s.answer(m, "done")
	})
	ctx := context.Background()
	ch, err := c.Open(ctx, "x")
	require.NoError(t, err)
	answer, err := ch.Call(ctx, "go")
	require.NoError(t, err, "Call after the events")
	require.Equal(t, "done", answer, "Call after the events")
	for _, want := range []Event{
		{Channel: 1, Selector: "outputReceived:fromProcess:atTime:"},
		{Channel: 1, Selector: "outputReceived:fromProcess:atTime:"},
		{Channel: 1, Selector: "exited:", Args: []any{uint64(7), "text"}},
	} {
		assert.Equal(t, want, <-events, "event")
	}
}

func indexOf(b []byte, s string) int {
	for i := range b {
		if i+len(s) <= len(b) && string(b[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

// emptyArguments gives a message a list of arguments without entries.
func emptyArguments(b []byte) []byte {
	list := make([]byte, 16)
	binary.LittleEndian.PutUint32(list, 496)
	out := append(append(append([]byte(nil), b[:48]...), list...), b[48:]...)
	for _, at := range []int{12, 36, 40} {
		binary.LittleEndian.PutUint32(out[at:], binary.LittleEndian.Uint32(b[at:])+16)
	}
	return out
}

// fragments cuts a message as phones do: a header that announces, then parts with a header each.
func fragments(b []byte, size int) [][]byte {
	body := b[32:]
	count := 1 + (len(body)+size-1)/size
	header := func(index, length int) []byte {
		h := append([]byte(nil), b[:32]...)
		binary.LittleEndian.PutUint16(h[8:], uint16(index))
		binary.LittleEndian.PutUint16(h[10:], uint16(count))
		binary.LittleEndian.PutUint32(h[12:], uint32(length))
		return h
	}
	out := [][]byte{header(0, len(body))}
	for i := 1; i < count; i++ {
		part := body[(i-1)*size : min(i*size, len(body))]
		out = append(out, append(header(i, len(part)), part...))
	}
	return out
}

func TestAnErrorOfThePhone(t *testing.T) {
	c := connect(t, nil, func(s *server, m dtx.Message, selector string, args []any) {
		b, err := dtx.Encode(m.Identifier, 1, m.ChannelCode, false, dtx.DtxTypeError, archive(t, "no such app"), dtx.NewPrimitiveDictionary())
		if assert.NoError(t, err) {
			s.conn.Write(b)
		}
	})
	var phone *Error
	_, err := c.Open(context.Background(), "x")
	require.ErrorAs(t, err, &phone, "Open")
	assert.Equal(t, "no such app", phone.Text, "Open")
}

func TestACallEndsWithItsContextAndTheConnectionLives(t *testing.T) {
	asked := make(chan struct{})
	c := connect(t, nil, func(s *server, m dtx.Message, selector string, args []any) {
		if selector == "never:" {
			close(asked)
			return
		}
		s.ack(m)
	})
	ch, err := c.Open(context.Background(), "x")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-asked; cancel() }()
	_, err = ch.Call(ctx, "never:")
	require.ErrorIs(t, err, context.Canceled, "Call")
	_, err = ch.Call(context.Background(), "other")
	require.NoError(t, err, "the next call")
}

func TestALostConnectionWakesItsCallers(t *testing.T) {
	c := connect(t, nil, func(s *server, m dtx.Message, selector string, args []any) { s.conn.Close() })
	_, err := c.Open(context.Background(), "x")
	require.Error(t, err, "Open")
	require.NotErrorIs(t, err, ErrClosed, "Open")
	<-c.Done()
	require.Error(t, c.Err(), "Err is nil after the loss")
}

func TestUnarchivableArgument(t *testing.T) {
	c := connect(t, nil, func(s *server, m dtx.Message, selector string, args []any) { s.ack(m) })
	ch, err := c.Open(context.Background(), "x")
	require.NoError(t, err)
	_, err = ch.Call(context.Background(), "x:", struct{}{})
	require.Error(t, err, "an argument that cannot be archived gave no error")
}

func FuzzRead(f *testing.F) {
	t := &testing.T{}
	whole := eventBytes(t, 1, "exited:", uint64(7))
	f.Add(whole)
	f.Add(emptyArguments(eventBytes(t, 1, "outputReceived:fromProcess:atTime:")))
	var cut []byte
	for _, part := range fragments(whole, 64) {
		cut = append(cut, part...)
	}
	f.Add(cut)
	f.Fuzz(func(t *testing.T, b []byte) {
		here, there := net.Pipe()
		go func() { there.Write(b); there.Close() }()
		var a assembler
		for {
			raw, err := a.next(here)
			if err != nil {
				break
			}
			if m, err := decode(raw); err == nil {
				event(m)
				result(m)
			}
		}
		io.Copy(io.Discard, here)
	})
}
