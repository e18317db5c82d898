package dtx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
)

// ErrorDomain is the domain of errors that concern calls and channels as such.
const ErrorDomain = "DTXMessage"

// maxChannels is how many channels a connection may open.
const maxChannels = 256

// Service is what stands behind one open channel. Its calls come one after another.
type Service interface {
	// Invoke answers a call. A nil value is a reply without a value; *nskeyed.Error goes to the client as it is,
	// any other error as an NSError with its text.
	Invoke(ctx context.Context, call Call) (any, error)
	// Close ends the service when its channel is cancelled or the connection has ended.
	Close()
}

// Open begins a service for a channel. Events of the service go through the channel.
type Open func(ctx context.Context, channel *Channel) Service

// Server serves connections of hosts. The zero value offers no channel.
type Server struct {
	Channels map[string]Open // by channel identifier
	Fragment int             // longest body sent in one piece; 0: any
}

// Serve answers a connection until the client is done or ctx ends, and closes every service it opened. It does not
// close the connection. Whatever a service still sends afterwards is dropped.
func (s Server) Serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := &connection{server: s, out: conn, channels: map[int32]*open{}}
	defer c.end()
	if err := c.announce(); err != nil {
		return err
	}
	r := NewReader(bufio.NewReader(conn))
	for {
		m, err := r.Next()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
			return nil
		case err != nil:
			return err
		}
		if m.Type != TypeCall {
			continue // acknowledgements of events
		}
		if err := c.handle(ctx, m); err != nil {
			return err
		}
	}
}

type open struct {
	channel *Channel
	service Service
}

type connection struct {
	server   Server
	channels map[int32]*open // by the client's code; only the serving goroutine uses it

	mu    sync.Mutex // guards what follows, and keeps messages whole
	out   net.Conn
	next  uint32
	ended bool
}

// announce tells the client what the phone can do, as both sides do first.
func (c *connection) announce() error {
	published := map[string]any{"com.apple.private.DTXConnection": 1}
	for name := range c.server.Channels {
		published[name] = 1
	}
	m, err := NewCall("_notifyOfPublishedCapabilities:", published)
	if err != nil {
		return err
	}
	return c.event(m)
}

func (c *connection) handle(ctx context.Context, m Message) error {
	call, err := m.Call()
	if err != nil {
		return c.reply(m, nil, err)
	}
	var value any
	if m.Channel == 0 {
		err = c.control(ctx, call)
	} else if o, ok := c.channels[m.Channel]; ok {
		value, err = o.service.Invoke(ctx, call)
	} else {
		err = nskeyed.NewError(ErrorDomain, 1, fmt.Sprintf("%s on channel %d, which is not open", call.Selector, m.Channel))
	}
	return c.reply(m, value, err)
}

// control answers the calls of channel 0, which open and close the others.
func (c *connection) control(ctx context.Context, call Call) error {
	switch call.Selector {
	case "_requestChannelWithCode:identifier:":
		return c.request(ctx, call)
	case "_channelCanceled:":
		c.cancel(call)
		return nil
	case "_notifyOfPublishedCapabilities:":
		return nil
	}
	return unknownSelector(call)
}

// cancel closes the named channels; a client that leaves names all of its own at once.
func (c *connection) cancel(call Call) {
	for _, arg := range call.Args {
		code, _ := nskeyed.Int(arg)
		if o, ok := c.channels[int32(code)]; ok {
			delete(c.channels, int32(code))
			o.service.Close()
		}
	}
}

func (c *connection) request(ctx context.Context, call Call) error {
	code, err := code(call)
	if err != nil {
		return err
	}
	name, err := call.String(1)
	if err != nil {
		return err
	}
	begin, ok := c.server.Channels[name]
	if !ok {
		return nskeyed.NewError(ErrorDomain, 1, fmt.Sprintf("Unable to create channel: no service with identifier %s", name))
	}
	if _, taken := c.channels[code]; taken || len(c.channels) >= maxChannels {
		return nskeyed.NewError(ErrorDomain, 1, fmt.Sprintf("Unable to create channel %d of %d", code, len(c.channels)))
	}
	o := &open{channel: &Channel{connection: c, code: code}}
	o.service = begin(ctx, o.channel)
	c.channels[code] = o
	return nil
}

func code(call Call) (int32, error) {
	if len(call.Args) > 0 {
		if n, ok := nskeyed.Int(call.Args[0]); ok && n > 0 && n < 1<<31 {
			return int32(n), nil
		}
	}
	return 0, fmt.Errorf("%s: argument 0 is no channel code", call.Selector)
}

// unknownSelector is the answer to a call that nobody implements.
func unknownSelector(call Call) error {
	return nskeyed.NewError(ErrorDomain, 1, fmt.Sprintf("Unable to invoke -[%s]: nothing implements it", call.Selector))
}

// Unknown is what a service answers to a selector that it does not have.
func Unknown(call Call) error { return unknownSelector(call) }

// reply answers m if it wants an answer.
func (c *connection) reply(m Message, value any, failure error) error {
	if !m.ExpectsReply {
		return nil
	}
	r := Message{Identifier: m.Identifier, Conversation: m.Conversation + 1, Channel: m.Channel, Type: TypeAck}
	if failure != nil {
		value = asNSError(failure)
		r.Type = TypeError
	} else if value != nil {
		r.Type = TypeReply
	}
	if value != nil {
		var err error
		if r.Payload, err = nskeyed.Archive(value); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write(r)
}

func asNSError(err error) *nskeyed.Error {
	var e *nskeyed.Error
	if errors.As(err, &e) {
		return e
	}
	return nskeyed.NewError(ErrorDomain, 2, err.Error())
}

// event sends a message that nobody asked for under an identifier of its own.
func (c *connection) event(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	m.Identifier = c.next
	return c.write(m)
}

// write sends m; the caller holds mu.
func (c *connection) write(m Message) error {
	if c.ended {
		return net.ErrClosed
	}
	b, err := m.Append(nil, c.server.Fragment)
	if err != nil {
		return err
	}
	_, err = c.out.Write(b)
	return err
}

// end stops all sending and closes the services. A send that is stuck on a client that reads no more is ended first.
func (c *connection) end() {
	c.out.SetDeadline(time.Unix(1, 0))
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	for _, o := range c.channels {
		o.service.Close()
	}
}

// Channel is an open channel as its service sees it. It is safe for concurrent use.
type Channel struct {
	connection *connection
	code       int32
}

// Call sends a method call to the client, without waiting for an answer. Once the connection has ended it returns
// an error and does nothing.
func (c *Channel) Call(selector string, args ...any) error {
	m, err := NewCall(selector, args...)
	if err != nil {
		return err
	}
	m.Channel = -c.code
	return c.connection.event(m)
}

// Object sends an object that no call asked for.
func (c *Channel) Object(v any) error {
	payload, err := nskeyed.Archive(v)
	if err != nil {
		return err
	}
	return c.connection.event(Message{Type: TypeObject, Channel: -c.code, Payload: payload})
}
