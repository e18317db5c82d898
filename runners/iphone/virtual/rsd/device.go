// Package rsd is the virtual iPhone's remote service discovery, the directory of what a host reaches through the
// tunnel of iOS 17.4 and later, and the list of services that make up that modern half of the phone. A network to
// listen on comes in, a handshake naming every service with its port goes out, and each port is served until the
// network ends. It implements no service itself.
package rsd

import (
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/virtual/appservice"
	"github.com/lilims/bench/runners/iphone/virtual/instruments"
	"github.com/lilims/bench/runners/iphone/virtual/service"
)

// Device is what the modern services need of the phone. It is safe for concurrent use.
type Device interface {
	instruments.Device
	appservice.Device
	UDID() string
	ProductType() string // "iPhone15,4"
	OSVersion() string   // "18.6"
	BuildVersion() string
	Locked() bool
	// Catalog is what lockdown offers; its entries with a Shim are offered through the tunnel too.
	Catalog() service.Catalog
}

// Options are what the modern services need besides the phone.
type Options struct {
	Clock  harness.Clock // paces the samplers
	Faults instruments.Faults
}

// Services returns what lockdown offers of the modern half on a phone with this OS version: instruments up to iOS 16,
// the tunnel from iOS 17.4.1. The phone appends them to its catalog.
func Services(d Device, o Options) service.Catalog {
	return service.Catalog{}
}
