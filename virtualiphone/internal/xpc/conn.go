package xpc

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

	"golang.org/x/net/http2"
)

// The two streams of a connection: the client opens both, sends requests on the first and takes replies on the second.
const (
	StreamRoot  = 1
	StreamReply = 3
)

const (
	initialWindow    = 1 << 20   // what phones grant each stream
	connectionWindow = 983041    // and add to the connection's 65535
	defaultWindow    = 65535     // RFC 9113, until settings say otherwise
	maxWindow        = 1<<31 - 1 // RFC 9113 section 6.9.1
	defaultFrame     = 16384
	maxFrame         = 1 << 20 // clients send a message as one frame, whatever its length
	maxQueued        = MaxBody * 2
)

// Handler answers a connection. Its methods are called one after another.
type Handler interface {
	// Open is called once both streams are open.
	Open(ctx context.Context, c *Conn) error
	// Handle takes a message with a body.
	Handle(ctx context.Context, c *Conn, stream uint32, m Message) error
}

// Conn is the phone's end of a RemoteXPC connection. Send is safe for concurrent use.
type Conn struct {
	reader *http2.Framer
	in     map[uint32][]byte // bytes of messages that are not whole yet, for the streams that are understood

	mu       sync.Mutex // guards what follows, and keeps frames whole
	writer   *http2.Framer
	out      map[uint32]*outStream
	window   int64 // what the client still takes on the connection
	initial  int64 // and on a new stream
	frame    int   // longest frame that the client takes
	queued   int
	finished bool
}

type outStream struct {
	window  int64
	begun   bool // headers are out
	pending []byte
}

// opening is which of the three messages that open a connection have come.
type opening struct{ root, reply, end, told bool }

// Serve answers a connection until the client is done, the handler fails or ctx ends. It does not close rw.
func Serve(ctx context.Context, rw net.Conn, h Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { rw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r := bufio.NewReader(rw)
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(r, preface); err != nil {
		return ended(ctx, err)
	}
	if string(preface) != http2.ClientPreface {
		return fmt.Errorf("xpc: connection begins with %q", preface)
	}
	c := &Conn{
		reader: http2.NewFramer(io.Discard, r), writer: http2.NewFramer(rw, nil),
		in: map[uint32][]byte{StreamRoot: nil, StreamReply: nil}, out: map[uint32]*outStream{},
		window: defaultWindow, initial: defaultWindow, frame: defaultFrame,
	}
	c.reader.SetMaxReadFrameSize(maxFrame)
	defer c.finish(rw)
	if err := c.settings(); err != nil {
		return ended(ctx, err)
	}
	return ended(ctx, c.serve(ctx, h))
}

// ended turns the ways in which a client leaves into nil.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

func (c *Conn) settings() error {
	err := c.writer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 100}, http2.Setting{
		ID: http2.SettingInitialWindowSize, Val: initialWindow,
	})
	if err != nil {
		return err
	}
	return c.writer.WriteWindowUpdate(0, connectionWindow)
}

// finish lets no more be sent, and ends a send that is stuck.
func (c *Conn) finish(rw net.Conn) {
	rw.SetDeadline(time.Unix(1, 0))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = true
}

func (c *Conn) serve(ctx context.Context, h Handler) error {
	var state opening
	for {
		f, err := c.reader.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			err = c.apply(f)
		case *http2.WindowUpdateFrame:
			err = c.widen(f.StreamID, int64(f.Increment))
		case *http2.PingFrame:
			if !f.IsAck() {
				err = c.locked(func() error { return c.writer.WritePing(true, f.Data) })
			}
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			return nil
		case *http2.DataFrame:
			err = c.data(ctx, h, &state, f)
		}
		if err != nil {
			return err
		}
	}
}

func (c *Conn) locked(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return do()
}

func (c *Conn) apply(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	return c.locked(func() error {
		if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
			for _, s := range c.out {
				s.window += int64(v) - c.initial
			}
			c.initial = int64(v)
		}
		if v, ok := f.Value(http2.SettingMaxFrameSize); ok {
			c.frame = int(min(max(v, defaultFrame), maxFrame))
		}
		if err := c.writer.WriteSettingsAck(); err != nil {
			return err
		}
		return c.flush()
	})
}

func (c *Conn) widen(stream uint32, by int64) error {
	return c.locked(func() error {
		window := &c.window
		if stream != 0 {
			s, ok := c.out[stream]
			if !ok {
				return nil // a stream that the phone sends nothing on
			}
			window = &s.window
		}
		if *window += by; *window > maxWindow {
			return fmt.Errorf("xpc: window of stream %d grown to %d", stream, *window)
		}
		return c.flush()
	})
}

// data takes a piece of a stream, grants the client as much again, and hands on the messages that are whole now.
func (c *Conn) data(ctx context.Context, h Handler, state *opening, f *http2.DataFrame) error {
	if n := f.Header().Length; n > 0 {
		err := c.locked(func() error {
			if err := c.writer.WriteWindowUpdate(0, n); err != nil {
				return err
			}
			return c.writer.WriteWindowUpdate(f.StreamID, n)
		})
		if err != nil {
			return err
		}
	}
	rest, ok := c.in[f.StreamID]
	if !ok {
		return nil // file transfers, which the phone's services do not take
	}
	rest = append(rest, f.Data()...)
	for {
		m, after, whole, err := Parse(rest)
		if err != nil {
			return err
		}
		if rest = after; !whole {
			break
		}
		if err := c.message(ctx, h, state, f.StreamID, m); err != nil {
			return err
		}
	}
	c.in[f.StreamID] = append([]byte(nil), rest...)
	if f.StreamEnded() {
		return io.EOF
	}
	return nil
}

// message answers what opens a connection and keeps it alive, and hands on the rest.
func (c *Conn) message(ctx context.Context, h Handler, state *opening, stream uint32, m Message) error {
	if len(m.Body) > 0 {
		return h.Handle(ctx, c, stream, m)
	}
	echo := Message{Flags: m.Flags, ID: m.ID, Body: m.Body}
	switch {
	case m.Flags&FlagReply != 0:
		return nil
	case m.Flags&FlagWantReply != 0:
		echo.Flags = FlagAlways | FlagReply
	case stream == StreamReply && m.Flags&FlagInit != 0:
		state.reply = true
	case stream == StreamRoot && m.Flags&FlagOpen != 0:
		state.end = true
	case stream == StreamRoot && !state.root:
		state.root = true
	default:
		return nil
	}
	if err := c.Send(stream, echo); err != nil {
		return err
	}
	if state.root && state.reply && state.end && !state.told {
		state.told = true
		return h.Open(ctx, c)
	}
	return nil
}

// Send sends a message on a stream. What the client's windows do not take yet is sent when they do.
func (c *Conn) Send(stream uint32, m Message) error {
	if stream != StreamRoot && stream != StreamReply {
		return fmt.Errorf("xpc: nothing is sent on stream %d", stream)
	}
	b, err := m.Append(nil)
	if err != nil {
		return err
	}
	return c.locked(func() error {
		if c.finished {
			return net.ErrClosed
		}
		if c.queued += len(b); c.queued > maxQueued {
			return fmt.Errorf("xpc: %d bytes are waiting for the client to take them", c.queued)
		}
		s, ok := c.out[stream]
		if !ok {
			s = &outStream{window: c.initial}
			c.out[stream] = s
		}
		s.pending = append(s.pending, b...)
		return c.flush()
	})
}

// Reply answers a request where replies belong.
func (c *Conn) Reply(to Message, body map[string]any) error {
	return c.Send(StreamReply, Message{Flags: FlagAlways | FlagData | FlagReply, ID: to.ID, Body: body})
}

// flush sends what the windows take; the caller holds mu.
func (c *Conn) flush() error {
	for _, id := range []uint32{StreamRoot, StreamReply} {
		s, ok := c.out[id]
		if !ok {
			continue
		}
		if !s.begun && len(s.pending) > 0 {
			s.begun = true
			if err := c.writer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true}); err != nil {
				return err
			}
		}
		for len(s.pending) > 0 {
			n := min(int64(len(s.pending)), int64(c.frame), s.window, c.window)
			if n <= 0 {
				break
			}
			if err := c.writer.WriteData(id, false, s.pending[:n]); err != nil {
				return err
			}
			s.pending = s.pending[n:]
			s.window -= n
			c.window -= n
			c.queued -= int(n)
		}
	}
	return nil
}
