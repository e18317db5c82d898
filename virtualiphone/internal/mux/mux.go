// Package mux is usbmuxd: the socket on the host behind which the phones are. It lists them, tells of plugging and
// unplugging, keeps the host's pair records, and turns a socket into a stream to a port of a phone. In come host
// connections, out go streams handed to a phone's ports. It knows nothing of what is spoken on them.
package mux

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
)

// Result codes of usbmuxd.
const (
	resultOK         = 0
	resultBadCommand = 1
	resultBadDevice  = 2
	resultRefused    = 3
	resultBadVersion = 6
)

// maxConnections bounds what one mux serves at a time, over all phones.
const maxConnections = 1024

// Handler serves one stream to a port and returns when it is done. The mux closes the stream afterwards.
type Handler func(ctx context.Context, conn net.Conn)

// ErrRefused says that nothing listens on a port of the phone.
var ErrRefused = errors.New("connection refused")

// Device is a phone on the bus.
type Device struct {
	UDID       string
	ProductID  int    // USB product id, 0x12A8 for an iPhone
	LocationID uint32 // USB port, told to hosts
	// Open returns what serves a port, or ErrRefused.
	Open func(port uint16) (Handler, error)
}

// Records keeps the host's pair records by UDID. Implementations are safe for concurrent use.
type Records interface {
	BUID() string // the host's own identifier
	ReadRecord(udid string) ([]byte, bool)
	SaveRecord(udid string, record []byte) error
	DeleteRecord(udid string) error
}

// Server is one usbmuxd. It is safe for concurrent use.
type Server struct {
	records Records
	log     *slog.Logger
	slots   chan struct{}

	mu       sync.Mutex
	nextID   int
	attached map[int]*attachment
	watchers map[*watcher]struct{}
}

// attachment is a device from plugging to unplugging; its streams end with it.
type attachment struct {
	id     int
	device Device
	ctx    context.Context
	unplug context.CancelFunc
}

// NewServer returns a mux without devices.
func NewServer(records Records, log *slog.Logger) *Server {
	return &Server{
		records:  records,
		log:      log,
		slots:    make(chan struct{}, maxConnections),
		attached: map[int]*attachment{},
		watchers: map[*watcher]struct{}{},
	}
}

// Attach plugs device in and returns its new DeviceID; numbers are never used twice.
func (s *Server) Attach(device Device) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	ctx, cancel := context.WithCancel(context.Background())
	a := &attachment{id: s.nextID, device: device, ctx: ctx, unplug: cancel}
	s.attached[a.id] = a
	s.announce(attachedMessage(a))
	return a.id
}

// Detach pulls the cable: open streams end at once, in the middle of whatever they carry.
func (s *Server) Detach(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attached[id]
	if !ok {
		return
	}
	delete(s.attached, id)
	a.unplug()
	s.announce(map[string]any{"MessageType": "Detached", "DeviceID": id})
}

// announce queues message for every listening host. The caller holds mu, so that all hosts see one order.
func (s *Server) announce(message map[string]any) {
	for w := range s.watchers {
		w.push(message)
	}
}

// Serve accepts hosts on listener until ctx ends. It closes the listener and waits for its connections to end.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			cancel()
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		select {
		case s.slots <- struct{}{}:
		default:
			s.log.Warn("too many connections, one refused", "limit", maxConnections)
			conn.Close()
			continue
		}
		open.Go(func() {
			defer func() { <-s.slots }()
			s.serveHost(ctx, conn)
		})
	}
}

func (s *Server) lookup(id int) (*attachment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attached[id]
	return a, ok
}

// deviceList describes the attached devices in the order in which they came.
func (s *Server) deviceList() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, a := range s.ordered() {
		list = append(list, attachedMessage(a))
	}
	return list
}

func (s *Server) ordered() []*attachment {
	var all []*attachment
	for _, a := range s.attached {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *attachment) int { return a.id - b.id })
	return all
}

func attachedMessage(a *attachment) map[string]any {
	return map[string]any{
		"MessageType": "Attached",
		"DeviceID":    a.id,
		"Properties": map[string]any{
			"ConnectionSpeed": 480000000,
			"ConnectionType":  "USB",
			"DeviceID":        a.id,
			"LocationID":      int(a.device.LocationID),
			"ProductID":       a.device.ProductID,
			"SerialNumber":    a.device.UDID,
			"USBSerialNumber": a.device.UDID,
		},
	}
}
