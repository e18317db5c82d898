// Package dtxclient speaks DTX, the remote calls of an iPhone's instruments server: a connection comes in, channels,
// answers and events come out. It stands on go-ios's codec but not on its connection, which dies of a message without
// arguments, forgets answers that come late, and blocks for good on an event that nobody reads. Here one goroutine reads, never
// blocks on a receiver, and turns whatever goes wrong in decoding into the client's error. It knows no instrument.
package dtxclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	dtx "github.com/danielpaulus/go-ios/ios/dtx_codec"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// The library fills its class tables at first use without a lock; filled here they are only read later on.
func init() {
	nskeyedarchiver.SetupDecoders()
	nskeyedarchiver.SetupEncoders()
}

// ErrClosed is the error of a client that was closed by its user.
var ErrClosed = errors.New("the instruments connection was closed")

// Event is a call or an object that the phone sends on its own.
type Event struct {
	Channel  int    // code of the channel it belongs to, as Open got it; 0 for the connection as a whole
	Selector string // empty for a bare object
	Args     []any  // decoded arguments of a call
	Payload  any    // the object, where there is no selector
}

// Handler is told of every event, on the reading goroutine: it must neither block nor call the client.
type Handler func(Event)

// Client is one DTX connection. It is safe for concurrent use.
type Client struct {
	conn    net.Conn
	handler Handler
	done    chan struct{}

	write sync.Mutex // one message at a time on the wire

	mu      sync.Mutex
	err     error
	lastID  int
	lastCh  int
	waiting map[int]chan reply
}

// reply is an answer, or why it could not be read.
type reply struct {
	m   dtx.Message
	err error
}

// New takes over a connection to an instruments server and greets it. handler may be nil.
func New(ctx context.Context, conn net.Conn, handler Handler) (*Client, error) {
	if handler == nil {
		handler = func(Event) {}
	}
	c := &Client{conn: conn, handler: handler, done: make(chan struct{}), waiting: map[int]chan reply{}}
	go c.read()
	capabilities := map[string]any{"com.apple.private.DTXBlockCompression": uint64(0), "com.apple.private.DTXConnection": uint64(1)}
	if err := c.cast(ctx, 0, "_notifyOfPublishedCapabilities:", capabilities); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	return nil
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the connection has ended; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fail ends the connection once and wakes all who wait for an answer.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	c.conn.Close()
	close(c.done)
}

// read is the reading goroutine.
func (c *Client) read() {
	var assembly assembler
	for {
		raw, err := assembly.next(c.conn)
		if err == nil {
			err = guard.Recover(func() error { return c.route(raw) })
		}
		if err != nil {
			c.fail(fmt.Errorf("instruments connection: %w", err))
			return
		}
	}
}

// route hands an answer to its waiter and an event to the handler. One message that cannot be decoded, because it
// holds a class that the library does not know, does no harm to the others.
func (c *Client) route(raw []byte) error {
	m, err := decode(raw)
	if m.ConversationIndex > 0 {
		c.mu.Lock()
		waiter := c.waiting[m.Identifier]
		delete(c.waiting, m.Identifier)
		c.mu.Unlock()
		if waiter != nil { // else: it came after its caller had given up
			waiter <- reply{m, err} // has room for one
		}
		return nil
	}
	if m.ExpectsReply {
		if unsent := c.send(context.Background(), dtx.BuildAckMessage(m)); unsent != nil {
			return unsent
		}
	}
	if err == nil {
		c.handler(event(m))
	}
	return nil
}

// send writes one whole message. A write cut short leaves the stream out of step, so it ends the connection.
func (c *Client) send(ctx context.Context, b []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	if err := context.Cause(ctx); err != nil {
		return err // nothing of it is on the way
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.conn.SetWriteDeadline(time.Unix(1, 0))
		close(ended)
	})
	_, err := c.conn.Write(b)
	if !stop() { // a message that got through whole leaves the connection as it was
		<-ended
		c.conn.SetWriteDeadline(time.Time{})
		if err != nil {
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		c.fail(err)
	}
	return err
}

// Error is an NSError of the phone.
type Error struct {
	Domain string
	Code   int64
	Text   string
}

func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%s %d", e.Domain, e.Code)
	}
	return fmt.Sprintf("%s (%s %d)", e.Text, e.Domain, e.Code)
}

// Channel is one service on the connection.
type Channel struct {
	c    *Client
	code int
	name string
}

// Open asks for a service by its identifier.
func (c *Client) Open(ctx context.Context, identifier string) (*Channel, error) {
	c.mu.Lock()
	c.lastCh++
	code := c.lastCh
	c.mu.Unlock()
	if _, err := c.call(ctx, 0, "_requestChannelWithCode:identifier:", int32(code), identifier); err != nil {
		return nil, fmt.Errorf("open %s: %w", identifier, err)
	}
	return &Channel{c, code, identifier}, nil
}

// Code tells the channel's events from others'.
func (ch *Channel) Code() int { return ch.code }

// Call invokes a method and waits for its answer, nil where it has none.
func (ch *Channel) Call(ctx context.Context, selector string, args ...any) (any, error) {
	answer, err := ch.c.call(ctx, ch.code, selector, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", selector, err)
	}
	return answer, nil
}

// Cast invokes a method that does not answer.
func (ch *Channel) Cast(ctx context.Context, selector string, args ...any) error {
	if err := ch.c.cast(ctx, ch.code, selector, args...); err != nil {
		return fmt.Errorf("%s: %w", selector, err)
	}
	return nil
}

func (c *Client) nextID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	return c.lastID
}

func (c *Client) cast(ctx context.Context, channel int, selector string, args ...any) error {
	message, err := encode(c.nextID(), channel, false, selector, args)
	if err != nil {
		return err
	}
	return c.send(ctx, message)
}

func (c *Client) call(ctx context.Context, channel int, selector string, args ...any) (any, error) {
	id := c.nextID()
	message, err := encode(id, channel, true, selector, args)
	if err != nil {
		return nil, err
	}
	waiter := make(chan reply, 1)
	c.mu.Lock()
	c.waiting[id] = waiter
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
	}()
	if err := c.send(ctx, message); err != nil {
		return nil, err
	}
	select {
	case r := <-waiter:
		if r.err != nil {
			return nil, r.err
		}
		return result(r.m)
	case <-c.done:
		return nil, c.Err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
