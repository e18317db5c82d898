// Package cable is the cable between a virtual iPhone and its host: slower than this host if the phone's link says so, or
// cut after so many bytes. In come streams that a phone is about to serve, out go the same streams, impaired.
package cable

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/clock"
)

// flightLimit bounds what one direction of a shaped stream holds back, so that a slow link is felt by its sender.
const flightLimit = 4 << 20

// Shape returns conn behind link. Chunks arrive late but in order, and several may be under way at a time, so that a
// host which keeps requests outstanding gains what it would gain on a cable.
func Shape(ctx context.Context, clock clock.Clock, conn net.Conn, link faults.Link) net.Conn {
	if link == (faults.Link{}) {
		return conn
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &shaped{Conn: conn, in: newLane(clock, link), out: newLane(clock, link), cancel: cancel, flushed: make(chan struct{})}
	context.AfterFunc(ctx, func() {
		s.in.close(net.ErrClosed)
		s.out.close(net.ErrClosed)
		conn.Close()
	})
	go s.pumpIn()
	go s.pumpOut(ctx)
	s.ctx = ctx
	return s
}

type shaped struct {
	net.Conn
	ctx     context.Context
	in, out *lane
	cancel  context.CancelFunc
	flushed chan struct{}
}

func (s *shaped) pumpIn() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := s.Conn.Read(buffer)
		if n > 0 && !s.in.push(append([]byte(nil), buffer[:n]...)) {
			return
		}
		if err != nil {
			s.in.close(err)
			return
		}
	}
}

func (s *shaped) pumpOut(ctx context.Context) {
	defer close(s.flushed)
	for {
		chunk, err := s.out.pop(ctx)
		if err != nil {
			return
		}
		if _, err := s.Conn.Write(chunk); err != nil {
			s.out.close(err)
			return
		}
	}
}

func (s *shaped) Read(p []byte) (int, error) { return s.in.read(s.ctx, p) }

func (s *shaped) Write(p []byte) (int, error) {
	const step = 64 << 10
	for sent := 0; sent < len(p); sent += step {
		if !s.out.push(append([]byte(nil), p[sent:min(sent+step, len(p))]...)) {
			return sent, net.ErrClosed
		}
	}
	return len(p), nil
}

// SetWriteDeadline does nothing: what was written is on its way. (Ending TLS sets a deadline in the past.)
func (s *shaped) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the read deadline alone.
func (s *shaped) SetDeadline(t time.Time) error { return s.Conn.SetReadDeadline(t) }

// Close lets what was written arrive, then closes the stream.
func (s *shaped) Close() error {
	s.out.close(io.EOF)
	<-s.flushed
	s.cancel()
	return s.Conn.Close()
}

// lane is one direction: chunks with the time at which each arrives.
type lane struct {
	clock clock.Clock
	link  faults.Link

	mu     sync.Mutex
	change *sync.Cond
	queue  []parcel
	held   int
	free   time.Time // when the link has carried what was pushed so far
	rest   []byte    // of the parcel being read
	end    error
}

type parcel struct {
	data []byte
	due  time.Time
}

func newLane(clock clock.Clock, link faults.Link) *lane {
	l := &lane{clock: clock, link: link}
	l.change = sync.NewCond(&l.mu)
	return l
}

// push queues data, waiting while the lane is full. It reports false once the lane has ended.
func (l *lane) push(data []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.end == nil && l.held > flightLimit {
		l.change.Wait()
	}
	if l.end != nil {
		return false
	}
	if now := l.clock.Now(); l.free.Before(now) {
		l.free = now
	}
	if l.link.BytesPerSecond > 0 {
		l.free = l.free.Add(time.Duration(float64(len(data)) / float64(l.link.BytesPerSecond) * float64(time.Second)))
	}
	l.queue = append(l.queue, parcel{data, l.free.Add(l.link.RTT / 2)})
	l.held += len(data)
	l.change.Broadcast()
	return true
}

func (l *lane) close(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.end = err
	}
	l.change.Broadcast()
}

// pop returns the next chunk once it has arrived. What was queued before the end still arrives.
func (l *lane) pop(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	for len(l.queue) == 0 && l.end == nil {
		l.change.Wait()
	}
	if len(l.queue) == 0 {
		end := l.end
		l.mu.Unlock()
		return nil, end
	}
	next := l.queue[0]
	l.queue = l.queue[1:]
	l.mu.Unlock()
	if wait := next.due.Sub(l.clock.Now()); wait > 0 {
		if err := l.clock.Sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	l.held -= len(next.data)
	l.change.Broadcast()
	l.mu.Unlock()
	return next.data, nil
}

func (l *lane) read(ctx context.Context, p []byte) (int, error) {
	if len(l.rest) == 0 { // only one goroutine reads a stream
		data, err := l.pop(ctx)
		if err != nil {
			return 0, err
		}
		l.rest = data
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
