// Package rsd is the virtual iPhone's remote service discovery, the directory of what a host reaches through the
// tunnel of iOS 17.4 and later, and the list of services that make up that modern half of the phone. A network to
// listen on comes in, a handshake naming every service with its port goes out, and each port is served until the
// network ends. It implements no service itself.
package rsd

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/appservice"
	"github.com/lilims/bench/virtualiphone/internal/clock"
	"github.com/lilims/bench/virtualiphone/internal/instruments"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/internal/tunnel"
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
	Clock  clock.Clock // paces the samplers
	Faults faults.Instruments
	Log    *slog.Logger // what becomes of connections that end in an error; nil: nothing
}

// New returns the service discovery of a phone with instruments and the CoreDevice services behind it.
func New(d Device, o Options) *Server {
	return newServer(d, instruments.New(d, o.Clock, o.Faults), o.Log)
}

func newServer(d Device, i *instruments.Server, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{device: d, native: append(service.Catalog{i.Remote()}, appservice.New(d).Services()...), log: log}
}

// Services returns what lockdown offers of the modern half on a phone with this OS version: instruments up to iOS 16,
// the tunnel from iOS 17.4. The phone appends them to its catalog. Between 17.0 and 17.3 a phone offers neither: it is
// reached by another kind of tunnel that the virtual phone does not have.
func Services(d Device, o Options) (service.Catalog, error) {
	major, minor, err := version(d.OSVersion())
	if err != nil {
		return nil, err
	}
	i := instruments.New(d, o.Clock, o.Faults)
	catalog := i.Lockdown(major)
	if major > 17 || major == 17 && minor >= 4 {
		catalog = append(catalog, tunnel.Service(Port, newServer(d, i, o.Log).Serve))
	}
	return catalog, nil
}

// version reads the first two numbers of "17.4.1"; a missing minor version is 0.
func version(text string) (major, minor int, err error) {
	parts := append(strings.Split(text, "."), "0")
	if major, err = strconv.Atoi(parts[0]); err == nil {
		minor, err = strconv.Atoi(parts[1])
	}
	if err != nil {
		err = fmt.Errorf("OS version %q: %w", text, err)
	}
	return major, minor, err
}
