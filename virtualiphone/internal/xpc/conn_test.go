package xpc

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

// greeter greets on the root stream and answers every request with its own body.
type greeter struct{ greeting map[string]any }

func (g greeter) Open(_ context.Context, c *Conn) error {
	if g.greeting == nil {
		return nil
	}
	return c.Send(StreamRoot, Message{Flags: FlagAlways | FlagData, Body: g.greeting})
}

func (g greeter) Handle(_ context.Context, c *Conn, stream uint32, m Message) error {
	if m.Body["fail"] == true {
		return errors.New("it failed")
	}
	return c.Reply(m, map[string]any{"echo": m.Body, "stream": uint64(stream)})
}

// serve returns a connection to a served one, and the server's result.
func serve(t *testing.T, h Handler) (net.Conn, chan error, context.CancelFunc) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		l.Close() // only now: what waits to be accepted would be reset
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		done <- Serve(ctx, conn, h)
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { cancel(); conn.Close() })
	return conn, done, cancel
}

func TestGoIOSConnects(t *testing.T) {
	conn, done, _ := serve(t, greeter{map[string]any{"MessageType": "Handshake"}})
	h, err := http.NewHttpConnection(conn)
	require.NoError(t, err)
	x, err := ios.CreateXpcConnection(h)
	require.NoError(t, err)
	m, err := x.ReceiveOnClientServerStream()
	require.NoError(t, err, "greeting")
	require.Equal(t, "Handshake", m["MessageType"], "greeting")
	large := strings.Repeat("x", 300<<10) // beyond one frame and the default windows
	for i := range 3 {
		require.NoError(t, x.Send(map[string]any{"large": large, "i": int64(i)}, FlagWantReply))
		m, err := x.ReceiveOnServerClientStream()
		require.NoError(t, err)
		echo := m["echo"].(map[string]any)
		require.Equal(t, int64(i), echo["i"], "answer %d is another", i)
		assert.Len(t, echo["large"].(string), len(large), "answer %d is another", i)
		assert.Equal(t, uint64(1), m["stream"], "answer %d is another", i)
	}
	conn.Close()
	require.NoError(t, <-done, "Serve")
}

// TestWindowsAreHonoured counts what arrives before the client grants more.
func TestWindowsAreHonoured(t *testing.T) {
	conn, _, _ := serve(t, greeter{map[string]any{"data": make([]byte, 200<<10)}})
	w := http2.NewFramer(conn, nil)
	conn.Write([]byte(http2.ClientPreface))
	w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
	open(t, w)
	r := http2.NewFramer(nil, bufio.NewReader(conn))
	got := 0
	take := func(upTo int) {
		for got < upTo {
			f, err := r.ReadFrame()
			require.NoError(t, err)
			if d, ok := f.(*http2.DataFrame); ok && d.StreamID == StreamRoot {
				got += len(d.Data())
			}
		}
	}
	take(1000)
	require.Equal(t, 1000, got, "%d bytes came through a window of 1000", got)
	w.WriteWindowUpdate(StreamRoot, 1<<20)
	take(65535 - 48) // less the echo on the other stream, what the connection's window takes
	w.WriteWindowUpdate(0, 1<<20)
	take(200 << 10)
}

// open sends the three messages that open a connection.
func open(t *testing.T, w *http2.Framer) {
	t.Helper()
	for _, step := range []struct {
		stream uint32
		m      Message
	}{
		{StreamRoot, Message{Flags: FlagAlways, Body: map[string]any{}}},
		{StreamRoot, Message{Flags: FlagAlways | FlagOpen}},
		{StreamReply, Message{Flags: FlagAlways | FlagInit}},
	} {
		b, err := step.m.Append(nil)
		require.NoError(t, err)
		require.NoError(t, w.WriteData(step.stream, false, b))
	}
}

func TestServeEnds(t *testing.T) {
	t.Run("with the context", func(t *testing.T) {
		_, done, cancel := serve(t, greeter{})
		cancel()
		require.ErrorIs(t, <-done, context.Canceled, "Serve")
	})
	t.Run("on a client that speaks something else", func(t *testing.T) {
		conn, done, _ := serve(t, greeter{})
		conn.Write([]byte("GET / HTTP/1.1\r\nHost: phone\r\n\r\n"))
		require.ErrorContains(t, <-done, "GET /", "Serve")
	})
	t.Run("with the handler's error", func(t *testing.T) {
		conn, done, _ := serve(t, greeter{})
		w := http2.NewFramer(conn, nil)
		conn.Write([]byte(http2.ClientPreface))
		b, _ := Message{Flags: FlagAlways, Body: map[string]any{"fail": true}}.Append(nil)
		w.WriteData(StreamRoot, false, b)
		err := <-done
		require.Error(t, err, "Serve")
		require.EqualError(t, err, "it failed", "Serve")
	})
}
