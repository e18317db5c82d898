package rsd

import (
	"context"
	"fmt"
	"net"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

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
	plists := plistio.New(conn)
	request, err := plists.Receive()
	if err != nil {
		return fmt.Errorf("check-in: %w", err)
	}
	if request.String("Request") != "RSDCheckin" {
		return fmt.Errorf("check-in: request %q", request.String("Request"))
	}
	if err := plists.Send(map[string]any{"Request": "RSDCheckin"}); err != nil {
		return err
	}
	if locked {
		if err := plists.Send(map[string]any{"Request": "StartService", "Error": "PasswordProtected"}); err != nil {
			return err
		}
		return fmt.Errorf("check-in of %q: the phone is locked", request.String("Label"))
	}
	return plists.Send(map[string]any{"Request": "StartService"})
}
