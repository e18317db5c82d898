// Package tunnel is the network to an iPhone of iOS 17.4 and later, without root: the connection to the phone's
// CoreDeviceProxy comes in, connections to the services of its directory (RSD) come out. A TCP/IP stack in this process
// exchanges IPv6 packets with the phone, so that no interface, port or privilege of the host is needed. The library's
// own tunnel takes each read for one packet, listens on a local port, and waits without limit on a dead phone; this one does none of that.
package tunnel

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// Service is the lockdown service that carries the tunnel.
const Service = "com.apple.internal.devicecompute.CoreDeviceProxy"

const (
	nic       = tcpip.NICID(1)
	wantedMTU = 1280 // what the library asks for and phones are known to grant
	queue     = 1024 // packets on their way to the phone
	dialLimit = 20 * time.Second
)

// Tunnel is an open network to a phone. It is safe for concurrent use.
type Tunnel struct {
	conn   net.Conn
	stack  *stack.Stack
	link   *channel.Endpoint
	phone  tcpip.Address
	rsd    uint16
	alive  context.Context // ends with the tunnel
	cancel context.CancelFunc
	done   chan struct{}

	once sync.Once
	mu   sync.Mutex
	err  error

	directory map[string]uint16
	udid      string
}

// parameters are what the phone grants.
type parameters struct {
	ClientParameters struct {
		Address string `json:"address"`
		MTU     uint32 `json:"mtu"`
	} `json:"clientParameters"`
	ServerAddress string `json:"serverAddress"`
	ServerRSDPort uint16 `json:"serverRSDPort"`
}

// Open takes over a connection to the CoreDeviceProxy, brings up the network and reads the phone's directory.
func Open(ctx context.Context, conn net.Conn) (*Tunnel, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	in := bufio.NewReaderSize(conn, 64<<10)
	var granted parameters
	if err := guard.Do(ctx, conn, func() (err error) { granted, err = shakeHands(conn, in); return err }); err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the tunnel: %w", err)
	}
	t, err := start(conn, in, granted)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the tunnel: %w", err)
	}
	if err := t.readDirectory(ctx); err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("open the tunnel: %w", err)
	}
	return t, nil
}

// shakeHands asks for an address. Messages are "CDTunnel", two bytes of length, JSON.
func shakeHands(w io.Writer, r io.Reader) (parameters, error) {
	const magic = "CDTunnel"
	request, err := json.Marshal(map[string]any{"type": "clientHandshakeRequest", "mtu": wantedMTU})
	if err != nil {
		return parameters{}, err
	}
	message := binary.BigEndian.AppendUint16([]byte(magic), uint16(len(request)))
	if _, err := w.Write(append(message, request...)); err != nil {
		return parameters{}, err
	}
	head := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, head); err != nil {
		return parameters{}, err
	}
	if string(head[:len(magic)]) != magic {
		return parameters{}, fmt.Errorf("the phone greets with %q", head[:len(magic)])
	}
	body := make([]byte, binary.BigEndian.Uint16(head[len(magic):]))
	if _, err := io.ReadFull(r, body); err != nil {
		return parameters{}, err
	}
	var granted parameters
	if err := json.Unmarshal(body, &granted); err != nil {
		return parameters{}, fmt.Errorf("the phone grants %q: %w", body, err)
	}
	if granted.ServerRSDPort == 0 || granted.ClientParameters.MTU < header.IPv6MinimumMTU || granted.ClientParameters.MTU > 1<<16 {
		return parameters{}, fmt.Errorf("the phone grants %s", body)
	}
	return granted, nil
}

// start brings up the stack and the two goroutines that carry packets.
func start(conn net.Conn, in *bufio.Reader, granted parameters) (*Tunnel, error) {
	own, err := address(granted.ClientParameters.Address)
	if err != nil {
		return nil, err
	}
	phone, err := address(granted.ServerAddress)
	if err != nil {
		return nil, err
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	link := channel.New(queue, granted.ClientParameters.MTU, "")
	if e := s.CreateNIC(nic, link); e != nil {
		return nil, fmt.Errorf("network interface: %s", e)
	}
	if e := s.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol: ipv6.ProtocolNumber, AddressWithPrefix: own.WithPrefix(),
	}, stack.AddressProperties{}); e != nil {
		return nil, fmt.Errorf("network address: %s", e)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	ctx, cancel := context.WithCancel(context.Background())
	t := &Tunnel{
		conn: conn, stack: s, link: link, phone: phone, rsd: granted.ServerRSDPort, alive: ctx, cancel: cancel, done: make(chan struct{}),
	}
	go func() { t.fail(guard.Recover(func() error { return receive(in, link) })) }()
	go func() { t.fail(guard.Recover(func() error { return transmit(ctx, conn, link) })) }()
	return t, nil
}

func address(text string) (tcpip.Address, error) {
	ip := net.ParseIP(text)
	if ip == nil || ip.To4() != nil {
		return tcpip.Address{}, fmt.Errorf("%q is not an IPv6 address", text)
	}
	return tcpip.AddrFromSlice(ip.To16()), nil
}

// receive hands the phone's packets to the stack. The stream has no other frame than the packets' own length.
func receive(in *bufio.Reader, link *channel.Endpoint) error {
	for {
		head, err := in.Peek(header.IPv6MinimumSize)
		if err != nil {
			return err
		}
		if header.IPVersion(head) != header.IPv6Version {
			return fmt.Errorf("out of step: packet begins with %#x", head[0])
		}
		packet := make([]byte, header.IPv6MinimumSize+int(header.IPv6(head).PayloadLength()))
		if _, err := io.ReadFull(in, packet); err != nil {
			return err
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		link.InjectInbound(header.IPv6ProtocolNumber, p)
		p.DecRef()
	}
}

// transmit sends the stack's packets, each in a write of its own: some versions of iOS lose packets that share one.
func transmit(ctx context.Context, conn net.Conn, link *channel.Endpoint) error {
	for {
		p := link.ReadContext(ctx)
		if p == nil {
			return context.Cause(ctx)
		}
		b := p.ToBuffer()
		_, err := conn.Write(b.Flatten())
		b.Release()
		p.DecRef()
		if err != nil {
			return err
		}
	}
}

// fail ends the tunnel once. Every connection through it ends with it.
func (t *Tunnel) fail(err error) {
	t.once.Do(func() {
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
		t.cancel()
		t.conn.Close()
		t.link.Close()
		t.stack.Close()
		close(t.done)
	})
}

// ErrClosed is the error of a tunnel that was closed by its user.
var ErrClosed = errors.New("the tunnel was closed")

// Close ends the tunnel.
func (t *Tunnel) Close() error {
	t.fail(ErrClosed)
	return nil
}

// Done is closed when the tunnel has ended.
func (t *Tunnel) Done() <-chan struct{} { return t.done }

// Err says why the tunnel has ended; nil while it lives.
func (t *Tunnel) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// dial connects to a port of the phone.
func (t *Tunnel) dial(ctx context.Context, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	defer context.AfterFunc(t.alive, cancel)()
	conn, err := gonet.DialContextTCP(ctx, t.stack, tcpip.FullAddress{NIC: nic, Addr: t.phone, Port: port}, ipv6.ProtocolNumber)
	if err != nil {
		if ended := t.Err(); ended != nil {
			err = ended
		}
		return nil, fmt.Errorf("connect to port %d through the tunnel: %w", port, err)
	}
	return conn, nil
}
