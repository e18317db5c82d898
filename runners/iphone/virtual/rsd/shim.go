package rsd

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/lilims/bench/runners/iphone/virtual/service"
	"howett.net/plist"
)

// maxCheckin bounds the property list with which a client begins.
const maxCheckin = 64 << 10

// shims are lockdown's services as the tunnel offers them: a check-in, then the same protocol without TLS.
func shims(d Device) service.Catalog {
	var out service.Catalog
	for _, s := range d.Catalog() {
		if s.Shim == "" {
			continue
		}
		classic := s
		s.Name, s.Serve = s.Shim, func(ctx context.Context, conn net.Conn) error {
			if err := checkin(conn, classic.NeedsUnlocked && d.Locked()); err != nil {
				return err
			}
			return classic.Serve(ctx, conn)
		}
		out = append(out, s)
	}
	return out
}

// checkin answers RSDCheckin and starts the service, or says why it does not.
func checkin(conn net.Conn, locked bool) error {
	var request struct{ Request, Label string }
	if err := readPlist(conn, &request); err != nil {
		return fmt.Errorf("check-in: %w", err)
	}
	if request.Request != "RSDCheckin" {
		return fmt.Errorf("check-in: request %q", request.Request)
	}
	if err := writePlist(conn, map[string]any{"Request": "RSDCheckin"}); err != nil {
		return err
	}
	if locked {
		if err := writePlist(conn, map[string]any{"Request": "StartService", "Error": "PasswordProtected"}); err != nil {
			return err
		}
		return fmt.Errorf("check-in of %q: the phone is locked", request.Label)
	}
	return writePlist(conn, map[string]any{"Request": "StartService"})
}

// readPlist reads a property list behind its length of four bytes, taking no byte beyond it.
func readPlist(r io.Reader, into any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxCheckin {
		return fmt.Errorf("property list of %d bytes", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	_, err := plist.Unmarshal(body, into)
	return err
}

func writePlist(w io.Writer, v any) error {
	body, err := plist.Marshal(v, plist.XMLFormat)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}
