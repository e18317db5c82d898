// Package hosttest is the smallest host that can talk to a virtual iPhone, for the phone's own tests: mux, lockdown
// session, service. It takes short cuts that a client must not take (any error ends the test), so it proves what the
// phone does with well-formed input; that real clients work is for tests with real clients.
package hosttest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// patience bounds every wait of a test; it is reached only when something hangs.
const patience = 30 * time.Second

// Host speaks to one mux.
type Host struct {
	t    testing.TB
	Addr string
}

// Serve starts serving on a free TCP port and returns a host for it. The test's end stops it and waits for it.
func Serve(t testing.TB, serve func(context.Context, net.Listener) error) Host {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			assert.NoError(t, err, "serving ended")
		case <-time.After(patience):
			t.Error("serving did not end")
		}
	})
	return Host{t, listener.Addr().String()}
}

// Dial opens a connection to the mux, which the test's end closes.
func (h Host) Dial() net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.Addr)
	require.NoError(h.t, err)
	conn.SetDeadline(time.Now().Add(patience))
	h.t.Cleanup(func() { conn.Close() })
	return conn
}

// Send writes one mux request.
func Send(conn net.Conn, tag uint32, request map[string]any) error {
	payload, err := plist.Marshal(request, plist.XMLFormat)
	if err != nil {
		return err
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(16+len(payload)))
	for _, word := range []uint32{1, 8, tag} {
		frame = binary.LittleEndian.AppendUint32(frame, word)
	}
	_, err = conn.Write(append(frame, payload...))
	return err
}

// Receive reads one mux message.
func Receive(conn net.Conn) (tag uint32, message plistio.Dict, err error) {
	var header [16]byte
	if _, err = io.ReadFull(conn, header[:]); err != nil {
		return 0, nil, err
	}
	payload := make([]byte, binary.LittleEndian.Uint32(header[:])-16)
	if _, err = io.ReadFull(conn, payload); err != nil {
		return 0, nil, err
	}
	message, err = plistio.Decode(payload)
	return binary.LittleEndian.Uint32(header[12:]), message, err
}

// Ask sends one request to the mux on a connection of its own.
func (h Host) Ask(request map[string]any) plistio.Dict {
	h.t.Helper()
	conn := h.Dial()
	defer conn.Close()
	require.NoError(h.t, Send(conn, 7, request))
	tag, message, err := Receive(conn)
	require.NoError(h.t, err, "mux answered tag")
	require.Equal(h.t, uint32(7), tag, "mux answered tag")
	return message
}

// DeviceID looks a phone up.
func (h Host) DeviceID(udid string) (int, bool) {
	h.t.Helper()
	list, _ := h.Ask(map[string]any{"MessageType": "ListDevices"})["DeviceList"].([]any)
	for _, item := range list {
		entry := plistio.Dict(item.(map[string]any))
		if entry.Dict("Properties").String("SerialNumber") == udid {
			return int(entry.Uint("DeviceID")), true
		}
	}
	return 0, false
}

// Connect opens a stream to a port of a phone.
func (h Host) Connect(udid string, port uint16) (net.Conn, error) {
	h.t.Helper()
	id, ok := h.DeviceID(udid)
	if !ok {
		return nil, fmt.Errorf("no phone %s", udid)
	}
	conn := h.Dial()
	swapped := port<<8 | port>>8
	if err := Send(conn, 1, map[string]any{"MessageType": "Connect", "DeviceID": id, "PortNumber": int(swapped)}); err != nil {
		return nil, err
	}
	_, message, err := Receive(conn)
	if err != nil {
		return nil, err
	}
	if n := message.Uint("Number"); n != 0 {
		return nil, fmt.Errorf("connect to port %d: result %d", port, n)
	}
	return conn, nil
}

// Session is a lockdown connection, in TLS once it was started.
type Session struct {
	host   Host
	udid   string
	plain  net.Conn
	secure *tls.Conn
	config *tls.Config
	frames *plistio.Conn
	id     string
}

// Lockdown opens a lockdown connection without a session.
func (h Host) Lockdown(udid string) (*Session, error) {
	h.t.Helper()
	conn, err := h.Connect(udid, 62078)
	if err != nil {
		return nil, err
	}
	return &Session{host: h, udid: udid, plain: conn, frames: plistio.New(conn)}, nil
}

// Session opens a lockdown connection and starts a session with the host's pair record.
func (h Host) Session(udid string) (*Session, error) {
	h.t.Helper()
	s, err := h.Lockdown(udid)
	if err != nil {
		return nil, err
	}
	return s, s.Start()
}

// Ask sends one lockdown request; an error that the phone names is returned as an error with that text.
func (s *Session) Ask(request map[string]any) (plistio.Dict, error) {
	if err := s.frames.Send(request); err != nil {
		return nil, err
	}
	answer, err := s.frames.Receive()
	if err != nil {
		return nil, err
	}
	if name := answer.String("Error"); name != "" {
		return answer, errors.New(name)
	}
	return answer, nil
}

// Start begins a session.
func (s *Session) Start() error {
	record, err := plistio.Decode(s.host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": s.udid}).Bytes("PairRecordData"))
	if err != nil {
		return fmt.Errorf("pair record: %w", err)
	}
	answer, err := s.Ask(map[string]any{
		"Request": "StartSession", "HostID": record.String("HostID"), "SystemBUID": record.String("SystemBUID"),
	})
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(record.Bytes("HostCertificate"), record.Bytes("HostPrivateKey"))
	if err != nil {
		return err
	}
	s.id = answer.String("SessionID")
	s.config = &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	s.secure = tls.Client(s.plain, s.config)
	s.frames = plistio.New(s.secure)
	return s.secure.Handshake()
}

// Stop ends the session; the connection goes on in plain text.
func (s *Session) Stop() error {
	if _, err := s.Ask(map[string]any{"Request": "StopSession", "SessionID": s.id}); err != nil {
		return err
	}
	if err := s.secure.CloseWrite(); err != nil {
		return err
	}
	var one [1]byte
	if _, err := s.secure.Read(one[:]); !errors.Is(err, io.EOF) {
		return fmt.Errorf("phone did not end TLS: %w", err)
	}
	s.frames = plistio.New(s.plain)
	return s.plain.SetDeadline(time.Now().Add(patience)) // ending TLS has left a deadline that has passed
}

// Service starts a service and connects to it.
func (h Host) Service(udid, name string) (net.Conn, error) {
	h.t.Helper()
	s, err := h.Session(udid)
	if err != nil {
		return nil, err
	}
	defer s.plain.Close()
	answer, err := s.Ask(map[string]any{"Request": "StartService", "Service": name})
	if err != nil {
		return nil, err
	}
	conn, err := h.Connect(udid, uint16(answer.Uint("Port")))
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, s.config)
	return secure, secure.Handshake()
}

// Frames starts a service that speaks framed plists.
func (h Host) Frames(udid, name string) *plistio.Conn {
	h.t.Helper()
	conn, err := h.Service(udid, name)
	require.NoError(h.t, err, "service %s", name)
	return plistio.New(conn)
}
