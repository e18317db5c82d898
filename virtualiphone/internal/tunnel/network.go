package tunnel

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	nic = tcpip.NICID(1)
	// queuedPackets is how many packets wait for the connection before more are dropped, for TCP to send again.
	queuedPackets = 4096
	headerBytes   = 40 // of an IPv6 packet before its payload (RFC 8200)
	// socketBuffer bounds what TCP keeps under way for each connection and direction.
	socketBuffer = 4 << 20
)

// network is the phone's end of a tunnel: a TCP/IP stack with one address on one link.
type network struct {
	link  link
	stack *stack.Stack
	out   *channel.Endpoint
}

func newNetwork(l link) (*network, error) {
	n := &network{link: l, out: channel.New(queuedPackets, uint32(l.mtu), "")}
	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol6},
	})
	if err := n.configure(); err != nil {
		n.stack.Destroy()
		return nil, fmt.Errorf("tunnel network: %s", err)
	}
	return n, nil
}

func (n *network) configure() tcpip.Error {
	sack := tcpip.TCPSACKEnabled(true)
	if err := n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack); err != nil {
		return err
	}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultReceiveBufferSize, Max: socketBuffer}
	if err := n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &receive); err != nil {
		return err
	}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultSendBufferSize, Max: socketBuffer}
	if err := n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &send); err != nil {
		return err
	}
	if err := n.stack.CreateNIC(nic, n.out); err != nil {
		return err
	}
	address := tcpip.ProtocolAddress{
		Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.AddrFrom16(n.link.phone.As16()), PrefixLen: 64},
	}
	if err := n.stack.AddProtocolAddress(nic, address, stack.AddressProperties{}); err != nil {
		return err
	}
	n.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv6EmptySubnet, NIC: nic}})
	return nil
}

// listener ends a waiting Accept when it is closed.
type listener struct{ *gonet.TCPListener }

func (l listener) Close() error {
	l.TCPListener.Shutdown()
	return l.TCPListener.Close()
}

func (n *network) listen(port uint16) (net.Listener, error) {
	address := tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFrom16(n.link.phone.As16()), Port: port}
	l, err := gonet.ListenTCP(n.stack, address, ipv6.ProtocolNumber)
	if err != nil {
		return nil, err
	}
	return listener{l}, nil
}

// carry tells the client of the network once it is ready, and then carries packets both ways until one way ends.
func (n *network) carry(ctx context.Context, conn net.Conn, ready <-chan struct{}, tell func() error) error {
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := tell(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() {
		err := n.send(ctx, conn)
		conn.SetReadDeadline(time.Unix(1, 0)) // a host that takes nothing has gone
		sent <- err
	}()
	err := n.receive(conn)
	cancel()
	if failed := <-sent; failed != nil && !errors.Is(failed, context.Canceled) {
		return failed
	}
	return err
}

// receive hands the client's packets to the stack. It goes by the packets' own lengths, so that a client may put
// several into one record or split one.
func (n *network) receive(r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		packet, err := readPacket(in, n.link.mtu)
		if err != nil {
			return err
		}
		p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
		n.out.InjectInbound(ipv6.ProtocolNumber, p)
		p.DecRef()
	}
}

// readPacket reads one IPv6 packet. A longer one than the MTU is a broken stream, since nothing on a link exceeds it.
func readPacket(r io.Reader, mtu int) ([]byte, error) {
	var head [headerBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if head[0]>>4 != 6 {
		return nil, fmt.Errorf("tunnel: packet begins with %#02x, not IPv6", head[0])
	}
	length := headerBytes + int(binary.BigEndian.Uint16(head[4:]))
	if length > mtu {
		return nil, fmt.Errorf("tunnel: packet of %d bytes on a link of %d", length, mtu)
	}
	packet := make([]byte, length)
	copy(packet, head[:])
	_, err := io.ReadFull(r, packet[headerBytes:])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return packet, err
}

// send writes the stack's packets, each in one write and so in one TLS record: clients take a record for a packet.
func (n *network) send(ctx context.Context, w io.Writer) error {
	for {
		p := n.out.ReadContext(ctx)
		if p == nil {
			return ctx.Err()
		}
		view := p.ToView()
		_, err := w.Write(view.AsSlice())
		view.Release()
		p.DecRef()
		if err != nil {
			return err
		}
	}
}

// abort resets every connection.
func (n *network) abort() { n.stack.Close() }

// destroy frees what is left once nobody uses the network any more.
func (n *network) destroy() {
	n.out.Close()
	n.stack.Wait()
}
