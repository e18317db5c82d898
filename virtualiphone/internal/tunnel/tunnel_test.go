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
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gotunnel "github.com/danielpaulus/go-ios/ios/tunnel"
)

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError) // go-ios says every connection
	os.Exit(m.Run())
}

// certificate returns a server certificate for one test.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// connect serves one tunnel over TLS and returns the host's end before the handshake.
func connect(t *testing.T, serve Serve) (host *tls.Conn, done chan error, cancel context.CancelFunc) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
		conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true})
		defer conn.Close()
		done <- Service(58783, serve).Serve(ctx, conn)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	host = tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	t.Cleanup(func() { cancel(); raw.Close() })
	return host, done, cancel
}

// ask performs the host's side of the handshake as go-ios does: two reads, one byte of length.
func ask(t *testing.T, host net.Conn, mtu int) response {
	t.Helper()
	body := fmt.Sprintf(`{"type":"clientHandshakeRequest","mtu":%d}`, mtu)
	if _, err := host.Write(append([]byte(magic+"\x00"), append([]byte{byte(len(body))}, body...)...)); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, len(magic)+2)
	if _, err := host.Read(head); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, head[len(head)-1])
	n, err := host.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	var r response
	if err := json.Unmarshal(answer[:n], &r); err != nil {
		t.Fatal(err)
	}
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
			if r.Client.MTU != mtu || r.ServerRSDPort != 58783 {
				t.Errorf("response %+v", r)
			}
			link := &records{Conn: host, mtu: mtu}
			var iface gotunnel.UserSpaceTUNInterface
			if err := iface.Init(uint32(r.Client.MTU), link, r.Client.Address, 64); err != nil {
				t.Fatal(err)
			}
			ours, theirs := net.Pipe()
			go iface.TunnelRWCThroughInterface(0, net.ParseIP(r.ServerAddress), uint16(<-ports), theirs)
			sent := make([]byte, 2<<20)
			rand.Read(sent)
			go ours.Write(sent)
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(ours, got); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("echo: %v, equal %v", err, bytes.Equal(got, sent))
			}
			if link.broken.Load() != 0 || link.seen.Load() < int64(len(sent)/mtu) {
				t.Errorf("%d of %d records are no packet", link.broken.Load(), link.seen.Load())
			}
			ours.Close()
			host.Close()
			if err := <-done; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

// TestPacketsMayBeSplitAndJoined writes a SYN in pieces and another behind it in one record.
func TestPacketsMayBeSplitAndJoined(t *testing.T) {
	a, b := make([]byte, headerBytes+20), make([]byte, headerBytes+1)
	a[0], a[5], b[0], b[1], b[5] = 0x60, 20, 0x6F, 0xFF, 1 // the second has a traffic class
	r := io.MultiReader(bytes.NewReader(a[:3]), bytes.NewReader(append(a[3:len(a):len(a)], b...)))
	for _, want := range [][]byte{a, b} {
		if got, err := readPacket(r, 1280); err != nil || !bytes.Equal(got, want) {
			t.Errorf("readPacket = %x, %v; want %x", got, err, want)
		}
	}
	if _, err := readPacket(r, 1280); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for want, in := range map[string][]byte{
		"not IPv6":                      append([]byte{0x45}, a...),
		"65575 bytes on a link of 1280": append([]byte{0x60, 0, 0, 0, 0xFF, 0xFF}, make([]byte, 70000)...),
		io.ErrUnexpectedEOF.Error():     a[:headerBytes+3],
	} {
		if p, err := readPacket(bytes.NewReader(in), 1280); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("readPacket of %d bytes = %x, %v; want an error with %q", len(in), p, err, want)
		}
	}
}

func TestEveryTunnelHasItsOwnNetwork(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		host, _, _ := connect(t, echo(make(chan int, 1)))
		r := ask(t, host, 1)
		phone, us := net.ParseIP(r.ServerAddress), net.ParseIP(r.Client.Address)
		if !bytes.Equal(phone[:8], us[:8]) || phone.Equal(us) || phone[0] != 0xFD || r.Client.MTU != minMTU {
			t.Errorf("response %+v", r)
		}
		if seen[r.ServerAddress] {
			t.Errorf("address %s again", r.ServerAddress)
		}
		seen[r.ServerAddress] = true
	}
}

func TestTunnelEnds(t *testing.T) {
	t.Run("with the context", func(t *testing.T) {
		host, done, cancel := connect(t, echo(make(chan int, 1)))
		ask(t, host, 1280)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Run("while it waits for the handshake", func(t *testing.T) {
		host, done, cancel := connect(t, echo(make(chan int, 1)))
		if err := host.Handshake(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Serve: %v", err)
		}
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
		if err := <-done; err == nil || err.Error() != "no network" {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Run("on a broken stream", func(t *testing.T) {
		host, done, _ := connect(t, echo(make(chan int, 1)))
		ask(t, host, 1280)
		host.Write(bytes.Repeat([]byte{0x45}, 100))
		if err := <-done; err == nil || !strings.Contains(err.Error(), "not IPv6") {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Run("on another handshake", func(t *testing.T) {
		host, done, _ := connect(t, echo(make(chan int, 1)))
		host.Write([]byte("CDTunnel\x00\x10{\"type\":\"other\"}"))
		if err := <-done; err == nil || !strings.Contains(err.Error(), `"other"`) {
			t.Errorf("Serve: %v", err)
		}
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
			if len(p) < headerBytes || len(p) > 1280 {
				t.Fatalf("packet of %d bytes", len(p))
			}
		}
	})
}
