package rsd_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	goapps "github.com/danielpaulus/go-ios/ios/appservice"
	godeviceinfo "github.com/danielpaulus/go-ios/ios/deviceinfo"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/rsd"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard) // go-ios logs to both
	slog.SetLogLoggerLevel(slog.LevelError)
	os.Exit(m.Run())
}

// loopback serves a phone's network on this host's own ::1, as go-ios dials it when told so: RSD without a tunnel.
type loopback struct {
	phone *phonetest.Phone
	clock *phonetest.Clock
	port  int       // of the service discovery
	last  io.Closer // closed when the phone has ended
}

func serveLoopback(t *testing.T, faults faults.Instruments, prepare ...func(*phonetest.Phone)) *loopback {
	t.Helper()
	l := &loopback{phone: phonetest.New(), clock: phonetest.NewClock()}
	for _, p := range prepare {
		p(l.phone)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan int, 1)
	server := rsd.New(l.phone, rsd.Options{Clock: l.clock, Faults: faults})
	go func() {
		done <- server.Serve(ctx, func(port uint16) (net.Listener, error) {
			listener, err := net.Listen("tcp6", "[::1]:0")
			if err == nil && port == rsd.Port {
				ready <- listener.Addr().(*net.TCPAddr).Port
			}
			return listener, err
		}, func() {})
	}()
	select {
	case l.port = <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		<-done // every goroutine of the phone has ended, or this hangs
		l.phone.Table.KillAll()
		if l.last != nil {
			l.last.Close()
		}
	})
	return l
}

// device asks the service discovery and returns the entry that go-ios then works with.
func (l *loopback) device(t *testing.T) ios.DeviceEntry {
	t.Helper()
	d := ios.DeviceEntry{Address: "::1", Properties: ios.DeviceProperties{SerialNumber: phonetest.UDID}}
	s, err := ios.NewWithAddrPortDevice("::1", l.port, d)
	require.NoError(t, err)
	defer s.Close()
	h, err := s.Handshake()
	require.NoError(t, err)
	assert.Equal(t, phonetest.UDID, h.Udid)
	d.Rsd = h
	return d
}

func TestDirectoryFollowsTheImage(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.SetImage(false)
		p.Services = service.Catalog{{
			Name: "com.apple.syslog_relay", Shim: "com.apple.syslog_relay.shim.remote", Serve: greet,
		}, {Name: "com.apple.lockdown.only", Serve: greet}}
	})
	before := l.device(t).Rsd.GetServices()
	assert.Len(t, before, 1, "before the image")
	assert.NotEqual(t, uint32(0), before["com.apple.syslog_relay.shim.remote"].Port, "before the image")
	l.phone.SetImage(true)
	after := l.device(t).Rsd.GetServices()
	for _, name := range []string{
		"com.apple.instruments.dtservicehub", "com.apple.coredevice.appservice", "com.apple.coredevice.openstdiosocket",
		"com.apple.coredevice.deviceinfo",
	} {
		assert.NotEqual(t, uint32(0), after[name].Port, "after the image %s has no port: %v", name, after)
	}
	d := l.device(t)
	l.phone.SetImage(false)
	_, err := goapps.New(d)
	require.Error(t, err, "the application service answered after the image was unmounted")
}

func greet(_ context.Context, conn net.Conn) error {
	_, err := io.WriteString(conn, "hello")
	return err
}

func TestShim(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.Services = service.Catalog{
			{Name: "com.apple.syslog_relay", Shim: "com.apple.syslog_relay.shim.remote", Serve: greet, NeedsUnlocked: true},
		}
	})
	d := l.device(t)
	conn, err := ios.ConnectToShimService(d, "com.apple.syslog_relay.shim.remote")
	require.NoError(t, err)
	text, err := io.ReadAll(conn.Reader())
	require.NoError(t, err, "service says %q", text)
	assert.Equal(t, "hello", string(text), "service says")
	silent, err := ios.ConnectTUNDevice("::1", d.Rsd.GetPort("com.apple.syslog_relay.shim.remote"), d)
	require.NoError(t, err)
	l.last = silent // a client that never checks in must not hold up the phone's end
	l.phone.SetLocked(true)
	conn, err = ios.ConnectToShimService(d, "com.apple.syslog_relay.shim.remote")
	// the library does not read the answer
	require.NoError(t, err)
	text, _ = io.ReadAll(conn.Reader())
	assert.Empty(t, text, "the locked phone's service says")
}

func apps(t testing.TB, d ios.DeviceEntry) *goapps.Connection {
	t.Helper()
	c, err := goapps.New(d)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLaunchWithOutput(t *testing.T) {
	specs := make(chan process.Spec, 1)
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
			specs <- r.Spec
			r.Print("first line\n")
			r.Print(strings.Repeat("x", 200<<10))
			return process.Exit{}
		})
	})
	d := l.device(t)
	app, err := apps(t, d).LaunchAppWithStdIo("com.bench.app", []any{
		"--plan", "größer plan.json",
	}, map[string]any{"KEY": "value"}, map[string]any{}, true)
	require.NoError(t, err)
	defer app.Close()
	out, err := io.ReadAll(app)
	require.NoError(t, err)
	assert.Len(t, out, 11+200<<10, "output of %d bytes, %v", len(out), err)
	assert.True(t, strings.HasPrefix(string(out), "first line\n"), "output of %d bytes, %v", len(out), err)
	spec := <-specs
	assert.Equal(t, []string{"--plan", "größer plan.json"}, spec.Args, "launched")
	assert.Equal(t, map[string]string{"KEY": "value"}, spec.Env, "launched")
	assert.True(t, spec.KillExisting, "launched")
	assert.Equal(t, 100, app.Pid, "launched")
}

func TestListAndKill(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	c := apps(t, l.device(t))
	pid, err := c.LaunchApp("com.bench.none", nil, nil, nil, false)
	require.Error(t, err, "an app that is not installed was launched as %d", pid)
	pid, err = c.LaunchApp("com.bench.app", []any{}, map[string]any{}, map[string]any{}, true)
	require.NoError(t, err)
	list, err := c.ListProcesses()
	require.NoError(t, err, "processes")
	require.Len(t, list, 1, "processes")
	require.Equal(t, pid, list[0].Pid, "processes")
	assert.Equal(t, "com.bench.app", list[0].ExecutableName(), "processes")
	ended := make(chan process.Exit, 1)
	require.NoError(t, l.phone.Table.Watch(pid, func(e process.Exit) { ended <- e }))
	require.NoError(t, c.KillProcess(pid))
	assert.Equal(t, 9, (<-ended).Signal, "ended")
	require.ErrorContains(t, c.KillProcess(pid), "has ended", "second kill")
}

func TestDisplayInfo(t *testing.T) {
	c, err := godeviceinfo.NewDeviceInfo(serveLoopback(t, faults.Instruments{}).device(t))
	require.NoError(t, err)
	defer c.Close()
	info, err := c.GetDisplayInfo()
	require.NoError(t, err, "display info")
	assert.Len(t, info["displays"].([]any), 1, "display info")
}

// TestManyLaunchesAtOnce keeps outputs apart.
func TestManyLaunchesAtOnce(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
			p.Table.Install("com.bench."+n, func(r *phonetest.Running) process.Exit {
				r.Print(r.Spec.BundleID)
				return process.Exit{}
			})
		}
	})
	d := l.device(t)
	var all sync.WaitGroup
	for _, app := range l.phone.Apps() {
		all.Add(1)
		go func() {
			defer all.Done()
			c, err := goapps.New(d)
			if !assert.NoError(t, err) {
				return
			}
			defer c.Close()
			running, err := c.LaunchAppWithStdIo(app.BundleID, nil, nil, nil, true)
			if !assert.NoError(t, err) {
				return
			}
			defer running.Close()
			out, err := io.ReadAll(running)
			assert.NoError(t, err, "output of %s: %q", app.BundleID, out)
			assert.Equal(t, app.BundleID, string(out), "output")
		}()
	}
	all.Wait()
}
