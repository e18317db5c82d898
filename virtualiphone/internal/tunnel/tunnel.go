// Package tunnel is the virtual iPhone's CoreDeviceProxy, the way into the phone's own IPv6 network over USB from iOS
// 17.4 on. An encrypted connection comes in; after a short handshake it carries bare IPv6 packets, and a TCP/IP stack
// in this process answers them. What listens on that network is given by the caller; nothing of the host's network
// can be reached through it.
package tunnel

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/service"
)

// Name is the lockdown service of the tunnel.
const Name = "com.apple.internal.devicecompute.CoreDeviceProxy"

const (
	magic = "CDTunnel"
	// minMTU is what every IPv6 link carries (RFC 8200); maxMTU is what Apple's clients ask for, and it fits a TLS
	// record of 16384 bytes.
	minMTU = 1280
	maxMTU = 16000
	// maxRequest bounds the client's handshake, maxResponse the phone's: some clients read one byte of its length.
	maxRequest  = 4096
	maxResponse = 255
	netmask     = "ffff:ffff:ffff:ffff::"
)

// Listen opens a port of the phone's network; port 0 chooses one.
type Listen func(port uint16) (net.Listener, error)

// Serve serves the phone's network until ctx ends, and returns when all that it started has ended. It calls ready once
// everything listens; before that no host is told of the network.
type Serve func(ctx context.Context, listen Listen, ready func()) error

// Service returns the lockdown service. Each connection gets a network of its own with a new pair of addresses; the
// service discovery listens on rsdPort of it. Clients take a TLS record for a packet, so the TLS below must not split
// a write: Go's does at the beginning of a connection, unless its DynamicRecordSizingDisabled is set.
func Service(rsdPort uint16, serve Serve) service.Service {
	return service.Service{Name: Name, NeedsUnlocked: true, Serve: func(ctx context.Context, conn net.Conn) error {
		stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		l, err := agree(conn)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case gone(err):
			return nil // it never asked
		case err != nil:
			return fmt.Errorf("tunnel handshake: %w", err)
		}
		return l.run(ctx, conn, rsdPort, serve)
	}}
}

// link is what both ends agreed on.
type link struct {
	phone, host netip.Addr
	mtu         int
}

type request struct {
	Type string `json:"type"`
	MTU  int    `json:"mtu"`
}

type response struct {
	Type          string     `json:"type"`
	Client        parameters `json:"clientParameters"`
	ServerAddress string     `json:"serverAddress"`
	ServerRSDPort uint16     `json:"serverRSDPort"`
}

type parameters struct {
	Address string `json:"address"`
	Netmask string `json:"netmask"`
	MTU     int    `json:"mtu"`
}

// agree reads the client's wishes and decides the tunnel's parameters.
func agree(conn net.Conn) (link, error) {
	body, err := readHandshake(conn)
	if err != nil {
		return link{}, err
	}
	var q request
	if err = json.Unmarshal(body, &q); err != nil {
		return link{}, err
	}
	if q.Type != "clientHandshakeRequest" {
		return link{}, fmt.Errorf("request of type %q", q.Type)
	}
	l := link{mtu: min(max(q.MTU, minMTU), maxMTU)}
	l.phone, l.host, err = addresses()
	return l, err
}

// tell answers the client with the tunnel's parameters.
func (l link) tell(conn net.Conn, rsdPort uint16) error {
	answer, err := json.Marshal(response{"serverHandshakeResponse", parameters{l.host.String(), netmask, l.mtu}, l.phone.String(), rsdPort})
	if err != nil {
		return err
	}
	if len(answer) > maxResponse {
		return fmt.Errorf("tunnel handshake: response of %d bytes", len(answer))
	}
	out := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(answer)))
	_, err = conn.Write(append(out, answer...)) // in one record: clients do not gather pieces
	return err
}

func readHandshake(conn net.Conn) ([]byte, error) {
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(conn, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(head[len(magic):])
	if string(head[:len(magic)]) != magic || n > maxRequest {
		return nil, fmt.Errorf("begins with %q", head)
	}
	body := make([]byte, n)
	_, err := io.ReadFull(conn, body)
	return body, err
}

// addresses draws a unique local /64 (RFC 4193): the phone is 1 in it, the host 2.
func addresses() (phone, host netip.Addr, err error) {
	var a [16]byte
	if _, err := rand.Read(a[1:8]); err != nil {
		return phone, host, err
	}
	a[0], a[15] = 0xFD, 1
	phone = netip.AddrFrom16(a)
	a[15] = 2
	return phone, netip.AddrFrom16(a), nil
}

// run carries packets and serves the network until the client goes, ctx ends, or serving fails.
func (l link) run(ctx context.Context, conn net.Conn, rsdPort uint16, serve Serve) error {
	n, err := newNetwork(l)
	if err != nil {
		return err
	}
	outer := ctx // which has ended before anything that hangs on it has
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	ready := make(chan struct{})
	ends := make(chan error, 2)
	go func() { ends <- serve(ctx, n.listen, sync.OnceFunc(func() { close(ready) })) }()
	go func() { ends <- n.carry(ctx, conn, ready, func() error { return l.tell(conn, rsdPort) }) }()
	first := <-ends
	stopped := outer.Err()
	cancel()
	n.abort() // ends what is being read and written over the network
	<-ends
	n.destroy()
	switch {
	case stopped != nil:
		return stopped
	case gone(first):
		return nil
	}
	return first
}

// gone reports whether an error says no more than that the host has left, be it in the middle of a packet: that is
// what pulling the cable looks like.
func gone(err error) bool {
	for _, way := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, way) {
			return true
		}
	}
	return false
}
