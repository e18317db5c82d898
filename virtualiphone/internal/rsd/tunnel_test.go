package rsd_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	gotunnel "github.com/danielpaulus/go-ios/ios/tunnel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/rsd"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/internal/tunnel"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

// tunneled opens the phone's tunnel over TLS, as lockdown would start it, and runs go-ios's own stack on the host's
// end. It returns a device that go-ios reaches through it, and what pulls the cable.
func tunneled(t testing.TB, phone *phonetest.Phone) (device ios.DeviceEntry, pull func() error) {
	t.Helper()
	catalog, err := rsd.Services(phone, rsd.Options{Clock: phonetest.NewClock()})
	require.NoError(t, err)
	proxy, ok := catalog.Find(tunnel.Name)
	require.True(t, ok, "no tunnel in %v", catalog)
	host, done := secured(t, proxy)
	var parameters struct {
		ServerAddress    string
		ServerRSDPort    int
		ClientParameters struct {
			Address string
			MTU     uint32
		}
	}
	exchange(t, host, &parameters)
	var iface gotunnel.UserSpaceTUNInterface
	require.NoError(t, iface.Init(parameters.ClientParameters.MTU, host, parameters.ClientParameters.Address, 64))
	device = ios.DeviceEntry{
		Address: parameters.ServerAddress, UserspaceTUN: true, UserspaceTUNHost: "127.0.0.1", UserspaceTUNPort: relay(t, &iface),
	}
	s, err := ios.NewWithAddrPortDevice(parameters.ServerAddress, parameters.ServerRSDPort, device)
	require.NoError(t, err)
	defer s.Close()
	h, err := s.Handshake()
	require.NoError(t, err)
	device.Rsd = h
	return device, func() error { host.Close(); return <-done }
}

// secured serves a service over TLS on this host.
func secured(t testing.TB, svc service.Service) (*tls.Conn, chan error) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{
		{Certificate: [][]byte{der}, PrivateKey: key},
	}, MaxVersion: tls.VersionTLS12, DynamicRecordSizingDisabled: true}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		raw, err := l.Accept()
		l.Close()
		if err != nil {
			done <- err
			return
		}
		conn := tls.Server(raw, config)
		defer conn.Close()
		done <- svc.Serve(ctx, conn)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { cancel(); raw.Close() })
	return tls.Client(raw, &tls.Config{InsecureSkipVerify: true}), done
}

// exchange performs the host's side of the tunnel handshake.
func exchange(t testing.TB, host io.ReadWriter, into any) {
	t.Helper()
	const request = `{"type":"clientHandshakeRequest","mtu":1280}`
	_, err := host.Write([]byte("CDTunnel\x00" + string(rune(len(request))) + request))
	require.NoError(t, err)
	head := make([]byte, 10)
	_, err = io.ReadFull(host, head)
	require.NoError(t, err)
	body := make([]byte, head[9])
	_, err = io.ReadFull(host, body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, into))
}

// relay listens where go-ios asks for connections through a userspace tunnel: address, port, then bytes.
func relay(t testing.TB, iface *gotunnel.UserSpaceTUNInterface) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				var head [20]byte
				if _, err := io.ReadFull(conn, head[:]); err == nil {
					_ = iface.TunnelRWCThroughInterface(0, head[:16], uint16(binary.LittleEndian.Uint32(head[16:])), conn)
				}
				conn.Close()
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestLaunchThroughTheTunnel(t *testing.T) {
	phone := phonetest.New()
	phone.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
		r.Print(strings.Join(r.Spec.Args, " "))
		r.Print(strings.Repeat(".", 500<<10))
		return process.Exit{}
	})
	d, pull := tunneled(t, phone)
	for i := range 3 {
		app, err := apps(t, d).LaunchAppWithStdIo("com.bench.app", []any{fmt.Sprint("run ", i)}, map[string]any{}, map[string]any{}, true)
		require.NoError(t, err)
		out, err := io.ReadAll(app)
		require.NoError(t, err)
		assert.Len(t, out, 5+500<<10, "output of %d bytes, %v", len(out), err)
		assert.True(t, strings.HasPrefix(string(out), fmt.Sprint("run ", i)), "output of %d bytes, %v", len(out), err)
		app.Close()
	}
	s := open(t, d)
	ch := s.channel("processcontrol")
	pid := s.launch(ch, "com.bench.app", 1)
	_, err := ch.MethodCall("startObservingPid:", pid)
	require.NoError(t, err)
	_, err = ch.MethodCall("resumePid:", pid)
	require.NoError(t, err)
	exit := take(t, s.exits)
	require.Equal(t, pid, exit[0], "exit")
	assert.Equal(t, uint64(0), exit[1], "exit")
	require.NoError(t, pull(), "Serve after the cable was pulled")
	left := goroutines()
	assert.Empty(t, left, "the phone still runs %d goroutines:\n%s", len(left), strings.Join(left, "\n\n"))
}

// goroutines lists those that run code of the phone's services, or of its network.
func goroutines() []string {
	buf := make([]byte, 4<<20)
	var out []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		running, _, _ := strings.Cut(g, "created by ") // one that has returned already is on its way out
		for _, pkg := range []string{"tunnel", "rsd", "xpc", "dtx", "instruments", "appservice"} {
			if strings.Contains(running, "iphone/virtual/"+pkg+".") {
				out = append(out, g)
				break
			}
		}
	}
	return out
}

// TestPulledCableSparesTheApp pulls it while the app writes; the app goes on to its end.
func TestPulledCableSparesTheApp(t *testing.T) {
	phone := phonetest.New()
	go1, ended := make(chan struct{}), make(chan struct{})
	phone.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
		r.Print("before")
		<-go1
		for range 100 {
			r.Print(strings.Repeat("after", 10000))
		}
		close(ended)
		return process.Exit{}
	})
	d, pull := tunneled(t, phone)
	app, err := apps(t, d).LaunchAppWithStdIo("com.bench.app", nil, nil, nil, true)
	require.NoError(t, err)
	_, err = io.ReadFull(app, make([]byte, 6))
	require.NoError(t, err)
	require.NoError(t, pull(), "Serve")
	close(go1)
	take(t, ended)
}

// TestServicesByVersion says what lockdown starts on which iOS.
func TestServicesByVersion(t *testing.T) {
	const handshakeOnly, secure, proxy = "com.apple.instruments.remoteserver", "com.apple.instruments.remoteserver.DVTSecureSocketProxy",
		tunnel.Name
	for version, want := range map[string][]string{
		"13.7": {handshakeOnly}, "14.0": {secure}, "16.7.2": {secure}, "17": nil, "17.3.1": nil, "17.4": {proxy}, "17.5.1": {proxy},
		"18.6": {proxy}, "26.0": {proxy},
	} {
		phone := phonetest.New()
		phone.Version = version
		catalog, err := rsd.Services(phone, rsd.Options{Clock: phonetest.NewClock()})
		var got []string
		for _, s := range catalog {
			got = append(got, s.Name)
		}
		require.NoError(t, err, "Services of iOS %s", version)
		assert.Equal(t, want, got, "Services of iOS %s", version)
	}
	phone := phonetest.New()
	phone.Version = "eighteen"
	catalog, err := rsd.Services(phone, rsd.Options{Clock: phonetest.NewClock()})
	require.Error(t, err, "Services of iOS eighteen = %v", catalog)
}

// BenchmarkOutputThroughTheTunnel is what an app's output costs from its write to the host's read.
func BenchmarkOutputThroughTheTunnel(b *testing.B) {
	phone := phonetest.New()
	chunk := strings.Repeat("x", 64<<10)
	phone.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
		for range b.N {
			r.Print(chunk)
		}
		return process.Exit{}
	})
	d, _ := tunneled(b, phone)
	b.SetBytes(int64(len(chunk)))
	b.ResetTimer()
	app, err := apps(b, d).LaunchAppWithStdIo("com.bench.app", nil, nil, nil, true)
	require.NoError(b, err)
	n, err := io.Copy(io.Discard, app)
	require.NoError(b, err)
	require.Equal(b, int64(b.N*len(chunk)), n, "%d bytes, %v", n, err)
}
