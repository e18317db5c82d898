package rsd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/internal/tunnel"
	"github.com/lilims/bench/virtualiphone/internal/xpc"
)

// Port is where the service discovery listens on the phone's network.
const Port = 58783

// maxConnections is how many connections a tunnel carries at once; further ones are closed at once.
const maxConnections = 256

// Server is the service discovery of one phone with the services that it leads to.
type Server struct {
	device Device
	native service.Catalog // services that only the tunnel offers
	log    *slog.Logger
}

// Serve listens on Port and on a port for every service, calls ready, and serves them until ctx ends.
func (s *Server) Serve(ctx context.Context, listen tunnel.Listen, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	n := &network{ctx: ctx, server: s, slots: make(chan struct{}, maxConnections)}
	defer n.running.Wait()
	defer cancel()
	d := &directory{device: s.device}
	for _, svc := range slices.Concat(s.native, shims(s.device)) {
		port, err := n.open(listen, 0, svc)
		if err != nil {
			return err
		}
		d.entries = append(d.entries, entry{svc, port})
	}
	// Discovery opens last: whoever is told of a port finds it open.
	if _, err := n.open(listen, Port, service.Service{Name: "com.apple.remoted", Serve: d.serve}); err != nil {
		return err
	}
	ready()
	<-ctx.Done()
	return ctx.Err()
}

// network is the listeners and connections of one tunnel.
type network struct {
	ctx     context.Context
	server  *Server
	slots   chan struct{}
	running sync.WaitGroup
}

// open listens for a service and returns the port.
func (n *network) open(listen tunnel.Listen, port uint16, svc service.Service) (int, error) {
	l, err := listen(port)
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		l.Close()
		return 0, errors.New("rsd: the network does not tell its ports")
	}
	n.running.Add(1)
	go n.accept(l, svc)
	return addr.Port, nil
}

func (n *network) accept(l net.Listener, svc service.Service) {
	defer n.running.Done()
	stop := context.AfterFunc(n.ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			l.Close()
			return
		}
		select {
		case n.slots <- struct{}{}:
			n.running.Add(1)
			go n.serve(conn, svc)
		default:
			conn.Close()
		}
	}
}

func (n *network) serve(conn net.Conn, svc service.Service) {
	stop := context.AfterFunc(n.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		conn.Close()
		<-n.slots
		n.running.Done()
	}()
	if svc.NeedsImage && !n.server.device.ImageMounted() {
		return // its port was told before the image was unmounted
	}
	if err := svc.Serve(n.ctx, conn); err != nil && n.ctx.Err() == nil {
		n.server.log.Warn("service connection ended", "service", svc.Name, "device", n.server.device.UDID(), "error", err)
	}
}

// entry is a service and where it listens.
type entry struct {
	service.Service
	port int
}

// directory answers discovery connections.
type directory struct {
	device  Device
	entries []entry
}

func (d *directory) serve(ctx context.Context, conn net.Conn) error {
	return xpc.Serve(ctx, conn, d)
}

// Open tells the client everything at once, which is all that discovery does.
func (d *directory) Open(_ context.Context, c *xpc.Conn) error {
	services := map[string]any{}
	for _, e := range d.entries {
		if e.NeedsImage && !d.device.ImageMounted() {
			continue
		}
		services[e.Name] = map[string]any{
			"Entitlement": "com.apple.mobile.lockdown.remote.trusted",
			"Port":        strconv.Itoa(e.port),
			"Properties":  map[string]any{"UsesRemoteXPC": e.Shim == "", "ServiceVersion": uint64(1)},
		}
	}
	return c.Send(xpc.StreamRoot, xpc.Message{Flags: xpc.FlagAlways | xpc.FlagData, ID: 1, Body: map[string]any{
		"MessageType":              "Handshake",
		"MessagingProtocolVersion": uint64(3),
		"Properties": map[string]any{
			"UniqueDeviceID": d.device.UDID(), "ProductType": d.device.ProductType(), "ProductName": "iPhone OS", "DeviceClass": "iPhone",
			"OSVersion": d.device.OSVersion(), "HumanReadableProductVersionString": d.device.OSVersion(), "BuildVersion": d.device.BuildVersion(),
			"CPUArchitecture": "arm64e", "AppleInternal": false, "RemoteXPCVersionFlags": uint64(0x0100000000000006),
			"SensitivePropertiesVisible": true,
		},
		"Services": services,
	}})
}

// Handle ignores what clients tell of themselves.
func (d *directory) Handle(context.Context, *xpc.Conn, uint32, xpc.Message) error { return nil }
