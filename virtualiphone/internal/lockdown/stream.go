package lockdown

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// handshakeLimit is how long a host may take over a TLS handshake.
const handshakeLimit = 30 * time.Second

// recordConn reads at most one TLS record at a time. No byte behind the last record of a TLS session is consumed, so
// that the stream can go on in plain text, as lockdown and the oldest services do.
type recordConn struct {
	net.Conn
	header [5]byte
	unread []byte // of header
	left   int    // bytes of the record behind the header
}

func (c *recordConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 && c.left == 0 {
		if _, err := io.ReadFull(c.Conn, c.header[:]); err != nil {
			return 0, err
		}
		c.unread = c.header[:]
		c.left = int(binary.BigEndian.Uint16(c.header[3:]))
	}
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// readAhead takes several TLS records from the host at a time: a large transfer otherwise costs two system calls for
// every 16 KiB.
type readAhead struct {
	net.Conn
	ahead *bufio.Reader
}

func newReadAhead(conn net.Conn) *readAhead {
	return &readAhead{conn, bufio.NewReaderSize(conn, 128<<10)}
}

func (c *readAhead) Read(p []byte) (int, error) { return c.ahead.Read(p) }

// startTLS performs the phone's side of a handshake.
func startTLS(ctx context.Context, conn net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	secure := tls.Server(conn, config)
	return secure, secure.HandshakeContext(ctx)
}

// endTLS leaves TLS on a stream that goes on in plain text: it waits for the host's closing alert and sends its own.
func endTLS(secure *tls.Conn) error {
	var one [1]byte
	if err := secure.SetReadDeadline(time.Now().Add(handshakeLimit)); err != nil {
		return err
	}
	n, err := secure.Read(one[:])
	if n > 0 {
		return errors.New("host goes on in TLS after its session has ended")
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	if err := secure.CloseWrite(); err != nil {
		return err
	}
	// Sending the alert leaves a write deadline behind that has passed already.
	return secure.NetConn().SetDeadline(time.Time{})
}
