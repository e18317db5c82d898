package tunnel

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/http"
	"github.com/danielpaulus/go-ios/ios/xpc"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// NoService says that the phone's directory lacks a service. The usual reason is a developer image that is not mounted.
type NoService struct{ Name string }

func (e *NoService) Error() string { return "the phone does not offer " + e.Name }

// UDID is the phone's name of itself.
func (t *Tunnel) UDID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.udid
}

// Dial connects to a service of the directory. The directory is read anew when it lacks the service, as mounting the
// developer image adds to it.
func (t *Tunnel) Dial(ctx context.Context, service string) (net.Conn, error) {
	port, ok := t.lookUp(service)
	if !ok {
		if err := t.readDirectory(ctx); err != nil {
			return nil, err
		}
		if port, ok = t.lookUp(service); !ok {
			return nil, &NoService{service}
		}
	}
	return t.dial(ctx, port)
}

func (t *Tunnel) lookUp(service string) (uint16, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	port, ok := t.directory[service]
	return port, ok
}

// readDirectory shakes hands with the phone's service discovery.
func (t *Tunnel) readDirectory(ctx context.Context) error {
	conn, err := t.dial(ctx, t.rsd)
	if err != nil {
		return err
	}
	defer conn.Close()
	var message map[string]any
	err = guard.Do(ctx, conn, func() (err error) {
		x, err := remoteXPC(conn)
		if err != nil {
			return err
		}
		message, err = x.ReceiveOnClientServerStream()
		return err
	})
	if err != nil {
		return fmt.Errorf("read the phone's directory: %w", err)
	}
	return t.keepDirectory(message)
}

func (t *Tunnel) keepDirectory(message map[string]any) error {
	services, ok := message["Services"].(map[string]any)
	if message["MessageType"] != "Handshake" || !ok {
		return fmt.Errorf("read the phone's directory: it sent %v", message["MessageType"])
	}
	directory := map[string]uint16{}
	for name, v := range services {
		entry, _ := v.(map[string]any)
		text, _ := entry["Port"].(string)
		if port, err := strconv.ParseUint(text, 10, 16); err == nil && port != 0 {
			directory[name] = uint16(port)
		}
	}
	properties, _ := message["Properties"].(map[string]any)
	udid, _ := properties["UniqueDeviceID"].(string)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.directory, t.udid = directory, udid
	return nil
}

// remoteXPC begins RemoteXPC on a connection.
func remoteXPC(conn net.Conn) (*xpc.Connection, error) {
	h, err := http.NewHttpConnection(conn)
	if err != nil {
		return nil, err
	}
	return ios.CreateXpcConnection(h)
}

// XPC connects to a service that speaks RemoteXPC. The caller closes the connection, which ends the other.
func (t *Tunnel) XPC(ctx context.Context, service string) (*xpc.Connection, net.Conn, error) {
	conn, err := t.Dial(ctx, service)
	if err != nil {
		return nil, nil, err
	}
	var x *xpc.Connection
	if err := guard.Do(ctx, conn, func() (err error) { x, err = remoteXPC(conn); return err }); err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("begin RemoteXPC with %s: %w", service, err)
	}
	return x, conn, nil
}
