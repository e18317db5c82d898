package cable

import (
	"net"
	"sync/atomic"
)

// CutAfter returns conn, which calls cut once when the host has sent that many bytes. What was already read stays
// valid, as on a cable.
func CutAfter(conn net.Conn, bytes int64, cut func()) net.Conn {
	c := &cutConn{Conn: conn, cut: cut}
	c.left.Store(bytes)
	if bytes <= 0 {
		cut()
	}
	return c
}

type cutConn struct {
	net.Conn
	left atomic.Int64
	cut  func()
}

func (c *cutConn) Read(p []byte) (int, error) {
	if left := c.left.Load(); left > 0 && int64(len(p)) > left {
		p = p[:left]
	}
	n, err := c.Conn.Read(p)
	if n > 0 && c.left.Add(-int64(n)) == 0 {
		c.cut()
	}
	return n, err
}
