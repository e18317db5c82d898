package tether

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/danielpaulus/go-ios/ios"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// requestLimit bounds one exchange with usbmuxd or lockdownd. Both answer from memory; a phone that needs longer is
// gone or rebooting.
const requestLimit = 15 * time.Second

// Mux is usbmuxd, reached at one socket. It keeps no connection: every exchange dials anew, as usbmuxd wants it.
type Mux struct {
	network, address string
}

// NewMux takes the socket as people write it: "" is USBMUXD_SOCKET_ADDRESS or the platform's default; "host:port",
// "/path/to/socket" and libusbmuxd's "UNIX:/path" are understood.
func NewMux(socket string) (*Mux, error) {
	if socket == "" {
		socket = ios.GetUsbmuxdSocket()
	}
	if network, address, ok := strings.Cut(socket, "://"); ok {
		return newMux(network, address)
	}
	if address, ok := strings.CutPrefix(socket, "UNIX:"); ok {
		return newMux("unix", address)
	}
	if strings.Contains(socket, ":") {
		return newMux("tcp", socket)
	}
	return newMux("unix", socket)
}

func newMux(network, address string) (*Mux, error) {
	// libusbmuxd's spelling in USBMUXD_SOCKET_ADDRESS reaches us from go-ios as "tcp://UNIX:/path".
	if path, ok := strings.CutPrefix(address, "UNIX:"); ok {
		network, address = "unix", path
	}
	switch {
	case address == "":
		return nil, errors.New("the socket of usbmuxd is empty")
	case network != "unix" && network != "tcp":
		return nil, fmt.Errorf("the socket of usbmuxd is %s://%s, neither unix nor tcp", network, address)
	}
	return &Mux{network, address}, nil
}

// Socket names the socket for messages.
func (m *Mux) Socket() string { return m.network + "://" + m.address }

// Address is the socket's path, or its host and port.
func (m *Mux) Address() string { return m.address }

// dial opens a connection to usbmuxd.
func (m *Mux) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, m.network, m.address)
	if err != nil {
		return nil, &MuxError{Socket: m.Socket(), Err: err}
	}
	return conn, nil
}

// ask dials, runs one exchange and closes.
func (m *Mux) ask(ctx context.Context, exchange func(*ios.UsbMuxConnection) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	conn, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return guard.Do(ctx, conn, func() error { return exchange(overMux(conn)) })
}

func overMux(conn net.Conn) *ios.UsbMuxConnection {
	return ios.NewUsbMuxConnection(ios.NewDeviceConnectionWithConn(conn))
}

// Entry is a phone as usbmuxd lists it. ID changes at every replug; UDID never does.
type Entry struct {
	ID         int
	UDID       string
	Connection string // "USB" or "Network"
}

// Devices lists the attached phones, each once: the cable is preferred to Wi-Fi.
func (m *Mux) Devices(ctx context.Context) ([]Entry, error) {
	var list struct{ DeviceList *[]ios.DeviceEntry }
	err := m.ask(ctx, func(c *ios.UsbMuxConnection) error { return exchange(c, ios.NewReadDevices(), &list) })
	if err == nil && list.DeviceList == nil { // go-ios itself takes any answer for an empty list
		err = errors.New("the answer holds no list")
	}
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	var out []Entry
	seen := map[string]int{}
	for _, d := range *list.DeviceList {
		e := Entry{d.DeviceID, d.Properties.SerialNumber, d.Properties.ConnectionType}
		i, twice := seen[e.UDID]
		switch {
		case !twice:
			seen[e.UDID] = len(out)
			out = append(out, e)
		case e.Connection == "USB" && out[i].Connection != "USB":
			out[i] = e
		}
	}
	return out, nil
}

// Find returns the entry of the phone with that UDID, or ErrAbsent.
func (m *Mux) Find(ctx context.Context, udid string) (Entry, error) {
	entries, err := m.Devices(ctx)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range entries {
		if e.UDID == udid {
			return e, nil
		}
	}
	return Entry{}, ErrAbsent
}

// Event is a phone coming or going. usbmuxd names a phone that went only by its ID; Watch adds the UDID.
type Event struct {
	Entry
	Attached bool
}

// Watch tells fn of every phone that is there, then of every one that comes or goes, until ctx ends or usbmuxd does.
func (m *Mux) Watch(ctx context.Context, fn func(Event)) error {
	conn, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return guard.Do(ctx, conn, func() error {
		next, err := overMux(conn).Listen()
		if err != nil {
			return fmt.Errorf("listen at usbmuxd: %w", err)
		}
		present := map[int]Entry{}
		for {
			msg, err := next()
			if err != nil {
				return fmt.Errorf("listen at usbmuxd: %w", err)
			}
			if event, ok := track(present, msg); ok {
				fn(event)
			}
		}
	})
}

// track keeps the map from ID to phone that a Detached message needs.
func track(present map[int]Entry, msg ios.AttachedMessage) (Event, bool) {
	switch {
	case msg.DeviceAttached():
		e := Entry{msg.DeviceID, msg.Properties.SerialNumber, msg.Properties.ConnectionType}
		present[e.ID] = e
		return Event{e, true}, true
	case msg.DeviceDetached():
		e, known := present[msg.DeviceID]
		delete(present, msg.DeviceID)
		return Event{e, false}, known
	}
	return Event{}, false
}

// connect opens a stream to a port of the phone.
func (m *Mux) connect(ctx context.Context, id int, port uint16) (net.Conn, error) {
	conn, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	err = guard.Do(ctx, conn, func() error { return overMux(conn).Connect(id, port) })
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to port %d: %w", port, err)
	}
	return conn, nil
}
