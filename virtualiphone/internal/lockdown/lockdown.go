// Package lockdown is lockdownd, the phone's front door on port 62078: it tells what the phone is, pairs with hosts,
// opens encrypted sessions and starts services on ports of their own. In come streams from the mux, out go streams to
// service handlers. It knows services by name only.
package lockdown

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/cable"
	"github.com/lilims/bench/virtualiphone/internal/clock"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

// Port is where lockdownd listens on every iPhone.
const Port = 62078

// Trust is what the phone does when a new host asks to pair.
type Trust string

const (
	TrustAuto    Trust = "auto"    // the user taps Trust at once
	TrustPending Trust = "pending" // the dialogue stays open
	TrustDenied  Trust = "denied"  // the user taps Don't Trust
)

// Phone is what lockdownd needs of the phone that it serves.
type Phone interface {
	// Values are the phone's properties in a domain ("" is the main one), and whether there is such a domain.
	Values(domain string) (map[string]any, bool)
	// SetValue changes a property; false: hosts may not.
	SetValue(domain, key string, value any) bool
	Services() service.Catalog
	Locked() bool
	Trust() Trust
	ImageMounted() bool
	Link() faults.Link
	// Detach pulls the phone's cable, for faults that do so in the middle of a transfer.
	Detach()
}

// Server is one phone's lockdownd. It is safe for concurrent use.
type Server struct {
	phone    Phone
	identity *Identity
	pairings *pairings
	script   *faults.Script
	clock    clock.Clock
	log      *slog.Logger

	mu    sync.Mutex
	ports map[uint16]started
	order []uint16 // started ports, oldest first
	next  uint16
}

// started is a service that waits for its host on a port of its own.
type started struct {
	service service.Service
	config  *tls.Config
}

// maxStarted bounds the services that were started but never connected to; beyond it the oldest is forgotten.
const maxStarted = 256

// firstPort begins the range of ports on which services are started.
const firstPort = 49152

// New returns the lockdownd of phone, whose identity and pairings lie below dir.
func New(phone Phone, dir string, script *faults.Script, clock clock.Clock, log *slog.Logger) (*Server, error) {
	trusted := filepath.Join(dir, "pairings")
	if err := os.MkdirAll(trusted, 0o700); err != nil {
		return nil, fmt.Errorf("lockdown: %w", err)
	}
	identity, err := LoadIdentity(dir)
	if err != nil {
		return nil, err
	}
	return &Server{
		phone:    phone,
		identity: identity,
		pairings: &pairings{dir: trusted},
		script:   script,
		clock:    clock,
		log:      log,
		ports:    map[uint16]started{},
		next:     firstPort,
	}, nil
}

// Identity is the phone's key pair.
func (s *Server) Identity() *Identity { return s.identity }

// Paired reports whether the phone trusts the host of that id.
func (s *Server) Paired(hostID string) bool {
	_, ok := s.pairings.find(hostID)
	return ok
}

// Forget ends the trust in every host, as "Reset Location & Privacy" does.
func (s *Server) Forget() error { return s.pairings.clear() }

// Open returns what serves a port: lockdownd itself, or a service that was started there and waits for its host.
func (s *Server) Open(port uint16) (func(context.Context, net.Conn), bool) {
	if port == Port {
		return s.serveLockdown, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting, ok := s.ports[port]
	if !ok {
		return nil, false
	}
	delete(s.ports, port)
	return func(ctx context.Context, conn net.Conn) { s.serveStarted(ctx, conn, waiting) }, true
}

// start makes a service wait on a new port.
func (s *Server) start(waiting started) uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		port := s.next
		if s.next++; s.next == 0 || s.next == Port {
			s.next = firstPort // the range below lockdownd's own port is wide enough
		}
		if _, taken := s.ports[port]; taken {
			continue
		}
		s.ports[port] = waiting
		s.order = append(s.order, port)
		if len(s.order) > maxStarted {
			delete(s.ports, s.order[0])
			s.order = s.order[1:]
		}
		return port
	}
}

// serveStarted runs a service on the stream of the host that asked for it, with the faults and the link in force.
func (s *Server) serveStarted(ctx context.Context, conn net.Conn, waiting started) {
	name := waiting.service.Name
	conn, abort, ok := s.impair(ctx, conn, name)
	defer conn.Close()
	if !ok || abort {
		return
	}
	var under net.Conn = newReadAhead(conn)
	if waiting.service.HandshakeOnly {
		under = &recordConn{Conn: conn}
	}
	secure, err := startTLS(ctx, under, waiting.config)
	if err != nil {
		s.log.Debug("service handshake failed", "service", name, "err", err)
		return
	}
	var stream net.Conn = secure
	if waiting.service.HandshakeOnly {
		stream = conn
	}
	err = waiting.service.Serve(ctx, stream)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Debug("service ended", "service", name, "err", err)
	}
	stream.Close()
}

// impair applies the link and the scripted faults to a stream. abort asks to end it in the middle of the handshake.
func (s *Server) impair(ctx context.Context, conn net.Conn, name string) (out net.Conn, abort, ok bool) {
	conn = cable.Shape(ctx, s.clock, conn, s.phone.Link())
	if f, hit := s.script.Take(name, faults.Delay); hit {
		if s.clock.Sleep(ctx, f.Delay) != nil {
			return conn, false, false
		}
	}
	if f, hit := s.script.Take(name, faults.Drop); hit {
		inner := conn
		conn = cable.CutAfter(conn, f.AfterBytes, func() { go inner.Close() })
	}
	if f, hit := s.script.Take(name, faults.Detach); hit {
		conn = cable.CutAfter(conn, f.AfterBytes, func() { go s.phone.Detach() })
	}
	if _, hit := s.script.Take(name, faults.TLSAbort); hit {
		var hello [5]byte
		_, _ = conn.Read(hello[:]) // the host has begun its handshake; closing now breaks it off
		return conn, true, true
	}
	return conn, false, true
}
