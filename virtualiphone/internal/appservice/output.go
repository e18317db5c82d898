package appservice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/xpc"
)

// maxWaiting is how many sockets may be open that no launch has claimed yet.
const maxWaiting = 64

// outputs are the sockets that wait for the launch that names them.
type outputs struct {
	mu      sync.Mutex
	waiting map[xpc.UUID]*output
}

func (o *outputs) add(out *output) (xpc.UUID, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var id xpc.UUID
	if len(o.waiting) >= maxWaiting {
		return id, fmt.Errorf("appservice: %d output sockets wait for a launch", len(o.waiting))
	}
	if _, err := rand.Read(id[:]); err != nil {
		return id, err
	}
	id[6], id[8] = id[6]&0x0F|0x40, id[8]&0x3F|0x80 // version 4, RFC 9562
	o.waiting[id] = out
	return id, nil
}

func (o *outputs) take(id xpc.UUID) (*output, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	out, ok := o.waiting[id]
	delete(o.waiting, id)
	return out, ok
}

// output is a socket that takes what a process writes. A client that has gone ends nothing but the copying: writes
// then go nowhere, so that the app lives on.
type output struct {
	conn net.Conn
	once sync.Once
	done chan struct{} // closed when nothing more is to be written
}

func (o *output) Write(p []byte) (int, error) {
	select {
	case <-o.done:
		return len(p), nil
	default:
	}
	if _, err := o.conn.Write(p); err != nil {
		o.close()
	}
	return len(p), nil
}

func (o *output) close() { o.once.Do(func() { close(o.done) }) }

// serveOutput gives the client a socket's identifier and keeps the socket until the process that claimed it has
// ended, or the client has gone. What the client writes is taken and dropped: apps of the virtual phone read nothing.
func (s *Server) serveOutput(ctx context.Context, conn net.Conn) error {
	out := &output{conn: conn, done: make(chan struct{})}
	id, err := s.outputs.add(out)
	if err != nil {
		return err
	}
	defer s.outputs.take(id)
	defer out.close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err = conn.Write(id[:]); err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() {
		_, ended := io.Copy(io.Discard, conn)
		read <- ended
	}()
	select {
	case <-out.done:
		conn.SetReadDeadline(time.Unix(1, 0)) // ends the copy; what was written stays on its way
		<-read
		return nil
	case err = <-read:
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
