package lockdown

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
	"github.com/lilims/bench/virtualiphone/internal/uuid"
)

// connection is one host's connection to lockdownd: in plain text first, in TLS while a session lasts.
type connection struct {
	server  *Server
	plain   net.Conn
	secure  *tls.Conn // nil outside a session
	frames  *plistio.Conn
	session string // id, empty outside a session
	pairing Pairing
}

// serveLockdown answers one host's requests until it leaves.
func (s *Server) serveLockdown(ctx context.Context, conn net.Conn) {
	conn, abort, ok := s.impair(ctx, conn, faults.Lockdown)
	defer conn.Close()
	if !ok || abort {
		return
	}
	c := &connection{server: s, plain: conn, frames: plistio.New(conn)}
	var last string
	err := c.frames.Serve(func(request plistio.Dict) error {
		last = request.String("Request")
		return c.handle(ctx, request)
	})
	if err != nil {
		s.log.Debug("lockdown connection ended", "request", last, "err", err)
	}
}

// handle answers one request. An error ends the connection; plistio.ErrDone says that the host has said goodbye.
func (c *connection) handle(ctx context.Context, request plistio.Dict) error {
	verb := request.String("Request")
	switch verb {
	case "StartSession":
		return c.startSession(ctx, request)
	case "StopSession":
		return c.stopSession(request)
	case "Goodbye":
		if err := c.reply(verb, map[string]any{"Result": "Success"}); err != nil {
			return err
		}
		return plistio.ErrDone
	}
	answer, failure := c.server.answer(request, c.session != "", c.pairing)
	if failure != "" {
		return c.reply(verb, map[string]any{"Error": failure})
	}
	return c.reply(verb, answer)
}

func (c *connection) reply(verb string, answer map[string]any) error {
	full := map[string]any{"Request": verb}
	for k, v := range answer {
		full[k] = v
	}
	return c.frames.Send(full)
}

// startSession turns to TLS after the answer, if the phone knows the host.
func (c *connection) startSession(ctx context.Context, request plistio.Dict) error {
	if c.session != "" {
		return c.reply("StartSession", map[string]any{"Error": "SessionActive"})
	}
	pairing, ok := c.server.pairings.find(request.String("HostID"))
	if !ok {
		return c.reply("StartSession", map[string]any{"Error": "InvalidHostID"})
	}
	config, err := c.server.identity.serverTLS(pairing)
	if err != nil {
		return err
	}
	id := uuid.New()
	if err = c.reply("StartSession", map[string]any{"SessionID": id, "EnableSessionSSL": true}); err != nil {
		return err
	}
	secure, err := startTLS(ctx, &recordConn{Conn: c.plain}, config)
	if err != nil {
		return fmt.Errorf("session handshake: %w", err)
	}
	c.secure, c.session, c.pairing = secure, id, pairing
	c.frames.Switch(secure)
	return nil
}

// stopSession answers in TLS, then both sides leave TLS and go on in plain text.
func (c *connection) stopSession(request plistio.Dict) error {
	if c.session == "" || request.String("SessionID") != c.session {
		return c.reply("StopSession", map[string]any{"Error": "SessionInactive"})
	}
	if err := c.reply("StopSession", map[string]any{"Result": "Success"}); err != nil {
		return err
	}
	if err := endTLS(c.secure); err != nil {
		return err
	}
	c.secure, c.session, c.pairing = nil, "", Pairing{}
	c.frames.Switch(c.plain)
	return nil
}
