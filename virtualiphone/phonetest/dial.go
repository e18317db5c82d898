package phonetest

import (
	"context"
	"fmt"
	"net"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/rsd"
)

// Connection is a host's end of a connection to a service, over a pipe in memory.
type Connection struct {
	net.Conn
	phone  net.Conn
	cancel context.CancelFunc
	ended  chan struct{}
}

// Dial opens one of the services that the phone's lockdown offers, by name, as a host has it once TLS is off: the tunnel
// of iOS 17.4 and later, com.apple.internal.devicecompute.CoreDeviceProxy, or the instruments server of iOS 16 and
// earlier. The clock paces the samplers. A name that this version of iOS does not offer is an error.
func (p *Phone) Dial(name string, clock *Clock, habits faults.Instruments) (*Connection, error) {
	offered, err := rsd.Services(p, rsd.Options{Clock: clock, Faults: habits})
	if err != nil {
		return nil, fmt.Errorf("phone in memory: %w", err)
	}
	service, ok := offered.Find(name)
	if !ok {
		return nil, fmt.Errorf("phone in memory: iOS %s offers no %s", p.Version, name)
	}
	here, there := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	c := &Connection{Conn: here, phone: there, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		defer there.Close()
		_ = service.Serve(ctx, there) // how it ends is what the host's end shows
	}()
	return c, nil
}

// Cut ends the connection as a pulled cable does.
func (c *Connection) Cut() { c.phone.Close() }

// Stop ends the connection and waits until the phone has left it. Apps run on.
func (c *Connection) Stop() {
	c.cancel()
	c.Close()
	c.phone.Close()
	<-c.ended
}
