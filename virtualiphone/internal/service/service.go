// Package service names what the virtual iPhone offers to a host: a registry of lockdown services and the
// conditions under which the phone starts each. It knows no protocol.
package service

import (
	"context"
	"net"
)

// Handler serves one connection of a service and returns when the client is done or ctx ends. The connection is
// already encrypted where the service wants that. The handler does not close it.
type Handler func(ctx context.Context, conn net.Conn) error

// Service is one named service and when a phone starts it.
type Service struct {
	Name          string
	Serve         Handler
	NeedsImage    bool   // only after the developer image counts as mounted
	NeedsUnlocked bool   // refused with PasswordProtected while the phone is locked
	HandshakeOnly bool   // TLS for the handshake, plain text after it (iOS 13 and earlier instruments)
	Shim          string // name under which RSD offers the same protocol after an RSDCheckin, empty: not offered
}

// Catalog is an ordered list of services, looked up by name.
type Catalog []Service

// Find returns the service of that name.
func (c Catalog) Find(name string) (Service, bool) {
	for _, s := range c {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}
