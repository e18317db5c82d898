package dtx

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
)

// echo answers every call with its first argument, and says when it was closed.
type echo struct {
	channel *Channel
	closed  chan string
}

func (e *echo) Invoke(_ context.Context, call Call) (any, error) {
	switch call.Selector {
	case "echo:":
		return call.Args[0], nil
	case "void":
		return nil, nil
	case "fail":
		return nil, errors.New("it failed")
	case "event":
		return nil, e.channel.Call("happened:", "now")
	}
	return nil, Unknown(call)
}

func (e *echo) Close() { e.closed <- "closed" }

// client is the other end of a served connection.
type client struct {
	t      *testing.T
	conn   net.Conn
	r      *Reader
	next   uint32
	closed chan string
	done   chan error
	cancel context.CancelFunc
	last   *Channel
}

func serve(t *testing.T, fragment int) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	c := &client{t: t, conn: ours, r: NewReader(bufio.NewReader(ours)), closed: make(chan string, 8), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	s := Server{Fragment: fragment, Channels: map[string]Open{"echo": func(_ context.Context, ch *Channel) Service {
		c.last = ch
		return &echo{ch, c.closed}
	}}}
	go func() { c.done <- s.Serve(ctx, theirs) }()
	t.Cleanup(func() { cancel(); ours.Close() })
	require.Equal(t, int32(0), c.read().Channel, "first message")
	return c
}

func (c *client) read() Message {
	c.t.Helper()
	m, err := c.r.Next()
	require.NoError(c.t, err)
	return m
}

func (c *client) send(channel int32, selector string, args ...any) {
	c.t.Helper()
	m, err := NewCall(selector, args...)
	require.NoError(c.t, err)
	c.next++
	m.Identifier, m.Channel, m.ExpectsReply = c.next, channel, true
	b, err := m.Append(nil, 64)
	require.NoError(c.t, err)
	_, err = c.conn.Write(b)
	require.NoError(c.t, err)
}

func (c *client) call(channel int32, selector string, args ...any) Message {
	c.t.Helper()
	c.send(channel, selector, args...)
	m := c.read()
	require.Equal(c.t, c.next, m.Identifier, "reply %+v to message %d on channel %d", m, c.next, channel)
	require.Equal(c.t, uint32(1), m.Conversation, "reply %+v to message %d on channel %d", m, c.next, channel)
	require.Equal(c.t, channel, m.Channel, "reply %+v to message %d on channel %d", m, c.next, channel)
	return m
}

func value(t *testing.T, m Message) any {
	t.Helper()
	v, err := nskeyed.Unarchive(m.Payload)
	require.NoError(t, err)
	return v
}

func TestServerAnswers(t *testing.T) {
	for name, fragment := range map[string]int{"whole": 0, "fragmented": 40} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, fragment)
			require.Equal(t, TypeAck, c.call(0, "_requestChannelWithCode:identifier:", 1, "echo").Type, "channel request answered")
			m := c.call(1, "echo:", "hello")
			assert.Equal(t, TypeReply, m.Type, "echo")
			assert.Equal(t, "hello", value(t, m), "echo")
			m = c.call(1, "void")
			assert.Equal(t, TypeAck, m.Type, "void")
			assert.Empty(t, m.Payload, "void")
			m = c.call(1, "fail")
			require.Equal(t, TypeError, m.Type, "fail")
			assert.Contains(t, value(t, m).(*nskeyed.Error).Error(), "it failed", "fail")
			assert.Equal(t, TypeError, c.call(1, "nonsense").Type, "an unknown selector")
			c.send(1, "event")
			m = c.read()
			assert.Equal(t, int32(-1), m.Channel, "event")
			assert.Equal(t, TypeCall, m.Type, "event")
			assert.Equal(t, uint32(0), m.Conversation, "event")
			c.read()
		})
	}
}

func TestServerRefusesChannels(t *testing.T) {
	c := serve(t, 0)
	tests := []struct {
		name     string
		channel  int32
		selector string
		args     []any
		want     string
	}{
		{"unknown service", 0, "_requestChannelWithCode:identifier:", []any{1, "com.apple.none"}, "com.apple.none"},
		{"negative code", 0, "_requestChannelWithCode:identifier:", []any{-1, "echo"}, "channel code"},
		{"no identifier", 0, "_requestChannelWithCode:identifier:", []any{1}, "missing"},
		{"channel that is not open", 5, "echo:", []any{"x"}, "not open"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := c.call(tt.channel, tt.selector, tt.args...)
			require.Equal(t, TypeError, m.Type, "%s", tt.selector)
			require.ErrorContains(t, value(t, m).(error), tt.want, "%s", tt.selector)
		})
	}
}

func TestServerClosesServices(t *testing.T) {
	t.Run("when the channel is cancelled", func(t *testing.T) {
		c := serve(t, 0)
		c.call(0, "_requestChannelWithCode:identifier:", 1, "echo")
		c.call(0, "_channelCanceled:", 1)
		<-c.closed
	})
	t.Run("when the client goes", func(t *testing.T) {
		c := serve(t, 0)
		c.call(0, "_requestChannelWithCode:identifier:", 1, "echo")
		c.conn.Close()
		<-c.closed
		require.NoError(t, <-c.done, "Serve")
		require.ErrorIs(t, c.last.Call("late:"), net.ErrClosed, "event after the end")
	})
	t.Run("when the context ends", func(t *testing.T) {
		c := serve(t, 0)
		c.call(0, "_requestChannelWithCode:identifier:", 1, "echo")
		c.cancel()
		<-c.closed
		require.ErrorIs(t, <-c.done, context.Canceled, "Serve")
	})
	t.Run("while an event is stuck", func(t *testing.T) {
		c := serve(t, 0)
		c.call(0, "_requestChannelWithCode:identifier:", 1, "echo")
		stuck := make(chan error)
		go func() { stuck <- c.last.Call("unread:") }()
		c.cancel()
		<-c.closed
		require.Error(t, <-stuck, "the event was sent to nobody")
	})
}
