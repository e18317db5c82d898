package tunnel

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	gotunnel "github.com/danielpaulus/go-ios/ios/tunnel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError) // go-ios says every connection
	os.Exit(m.Run())
}

// certificate returns a server certificate for one test.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// connect serves one tunnel over TLS and returns the host's end before the handshake.
func connect(t *testing.T, serve Serve) (host *tls.Conn, done chan error, cancel context.CancelFunc) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan error, 1)
	cert := certificate(t)
	go func() {
		raw, err := l.Accept()
		l.Close() // only now: what waits to be accepted would be reset
		if err != nil {
			done <- err
			return
		}
		conn := tls.Server(raw, &tls.Config{
			Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true,
		})
		defer conn.Close()
		done <- Service(58783, serve).Serve(ctx, conn)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	host = tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	t.Cleanup(func() { cancel(); raw.Close() })
	return host, done, cancel
}

// ask performs the host's side of the handshake as go-ios does: two reads, one byte of length.
func ask(t *testing.T, host net.Conn, mtu int) response {
	t.Helper()
	body := fmt.Sprintf(`{"type":"clientHandshakeRequest","mtu":%d}`, mtu)
	_, err := host.Write(append([]byte(magic+"\x00"), append([]byte{byte(len(body))}, body...)...))
	require.NoError(t, err)
	head := make([]byte, len(magic)+2)
	_, err = host.Read(head)
	require.NoError(t, err)
	answer := make([]byte, head[len(head)-1])
	n, err := host.Read(answer)
	require.NoError(t, err)
	var r response
	require.NoError(t, json.Unmarshal(answer[:n], &r))
	return r
}

// echo serves a port that sends back what it gets.
func echo(ports chan<- int) Serve {
	return func(ctx context.Context, listen Listen, ready func()) error {
		l, err := listen(0)
		if err != nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		ports <- l.Addr().(*net.TCPAddr).Port
		ready()
		for {
			conn, err := l.Accept()
			if err != nil {
				return ctx.Err()
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}
}

// records checks that every TLS record holds exactly one IPv6 packet within the MTU, as it is read, and that none has a
// traffic class, at which go-ios's kernel tunnel gives up.
type records struct {
	*tls.Conn
	mtu    int
	seen   atomic.Int64
	broken atomic.Int64
}

func (r *records) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err == nil {
		r.seen.Add(1)
		if n < headerBytes || p[0] != 0x60 || n > r.mtu || n != headerBytes+int(binary.BigEndian.Uint16(p[4:])) {
			r.broken.Add(1)
		}
	}
	return n, err
}

// TestPacketsBothWays sends data through the stack of go-ios and back.
func TestPacketsBothWays(t *testing.T) {
	for _, mtu := range []int{1280, 9000} {
		t.Run(fmt.Sprint("MTU ", mtu), func(t *testing.T) {
			ports := make(chan int, 1)
			host, done, _ := connect(t, echo(ports))
			r := ask(t, host, mtu)
			assert.Equal(t, mtu, r.Client.MTU, "response")
			assert.Equal(t, uint16(58783), r.ServerRSDPort, "response")
			link := &records{Conn: host, mtu: mtu}
			var iface gotunnel.UserSpaceTUNInterface
			require.NoError(t, iface.Init(uint32(r.Client.MTU), link, r.Client.Address, 64))
			ours, theirs := net.Pipe()
			go iface.TunnelRWCThroughInterface(0, net.ParseIP(r.ServerAddress), uint16(<-ports), theirs)
			sent := make([]byte, 2<<20)
			rand.Read(sent)
			go ours.Write(sent)
			got := make([]byte, len(sent))
			_, err := io.ReadFull(ours, got)
			require.NoError(t, err, "echo: %v, equal %v", err, bytes.Equal(got, sent))
			assert.True(t, bytes.Equal(got, sent), "echo: %v, equal %v", err, bytes.Equal(got, sent))
			require.Equal(t, int64(0), link.broken.Load(), "%d of %d records are no packet", link.broken.Load(), link.seen.Load())
			assert.GreaterOrEqual(t, link.seen.Load(), int64(len(sent)/mtu), "%d of %d records are no packet", link.broken.Load(), link.seen.Load())
			ours.Close()
			host.Close()
			require.NoError(t, <-done, "Serve")
		})
	}
}

// TestPacketsMayBeSplitAndJoined writes a SYN in pieces and another behind it in one record.
func TestPacketsMayBeSplitAndJoined(t *testing.T) {
	a, b := make([]byte, headerBytes+20), make([]byte, headerBytes+1)
	a[0], a[5], b[0], b[1], b[5] = 0x60, 20, 0x6F, 0xFF, 1 // the second has a traffic class
	r := io.MultiReader(bytes.NewReader(a[:3]), bytes.NewReader(append(a[3:len(a):len(a)], b...)))
	for _, want := range [][]byte{a, b} {
		got, err := readPacket(r, 1280)
		require.NoError(t, err, "readPacket = %x, %v; want %x", got, err, want)
		assert.True(t, bytes.Equal(got, want), "readPacket = %x, %v; want %x", got, err, want)
	}
	_, err := readPacket(r, 1280)
	require.ErrorIs(t, err, io.EOF, "at the end")
	for want, in := range map[string][]byte{
		"not IPv6":                      append([]byte{0x45}, a...),
		"65575 bytes on a link of 1280": append([]byte{0x60, 0, 0, 0, 0xFF, 0xFF}, make([]byte, 70000)...),
		io.ErrUnexpectedEOF.Error():     a[:headerBytes+3],
	} {
		p, err := readPacket(bytes.NewReader(in), 1280)
		require.ErrorContains(t, err, want, "readPacket of %d bytes = %x", len(in), p)
	}
}

func TestEveryTunnelHasItsOwnNetwork(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		host, _, _ := connect(t, echo(make(chan int, 1)))
		r := ask(t, host, 1)
		phone, us := net.ParseIP(r.ServerAddress), net.ParseIP(r.Client.Address)
		require.Equal(t, []byte(phone[:8]), []byte(us[:8]), "the prefix of both addresses")
		require.False(t, phone.Equal(us), "response")
		assert.Equal(t, byte(0xFD), phone[0], "response")
		assert.Equal(t, minMTU, r.Client.MTU, "response")
		assert.False(t, seen[r.ServerAddress], "address %s again", r.ServerAddress)
		seen[r.ServerAddress] = true
	}
}

func TestTunnelEnds(t *testing.T) {
	t.Run("with the context", func(t *testing.T) {
		host, done, cancel := connect(t, echo(make(chan int, 1)))
		ask(t, host, 1280)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled, "Serve")
	})
	t.Run("while it waits for the handshake", func(t *testing.T) {
		host, done, cancel := connect(t, echo(make(chan int, 1)))
		require.NoError(t, host.Handshake())
		cancel()
		require.ErrorIs(t, <-done, context.Canceled, "Serve")
	})
	t.Run("when serving fails", func(t *testing.T) {
		fail := make(chan struct{})
		host, done, _ := connect(t, func(_ context.Context, _ Listen, ready func()) error {
			ready()
			<-fail
			return errors.New("no network")
		})
		ask(t, host, 1280)
		close(fail)
		err := <-done
		require.Error(t, err, "Serve")
		require.EqualError(t, err, "no network", "Serve")
	})
	t.Run("on a broken stream", func(t *testing.T) {
		host, done, _ := connect(t, echo(make(chan int, 1)))
		ask(t, host, 1280)
		host.Write(bytes.Repeat([]byte{0x45}, 100))
		require.ErrorContains(t, <-done, "not IPv6", "Serve")
	})
	t.Run("on another handshake", func(t *testing.T) {
		host, done, _ := connect(t, echo(make(chan int, 1)))
		host.Write([]byte("CDTunnel\x00\x10{\"type\":\"other\"}"))
		require.ErrorContains(t, <-done, `"other"`, "Serve")
	})
}

func FuzzReadPacket(f *testing.F) {
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 1}, make([]byte, 35)...))
	f.Add([]byte{0x60})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			p, err := readPacket(r, 1280)
			if err != nil {
				return
			}
			require.GreaterOrEqual(t, len(p), headerBytes, "packet of %d bytes", len(p))
			require.LessOrEqual(t, len(p), 1280, "packet of %d bytes", len(p))
		}
	})
}
