package rsd_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	goapps "github.com/danielpaulus/go-ios/ios/appservice"
	godeviceinfo "github.com/danielpaulus/go-ios/ios/deviceinfo"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/rsd"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
	"github.com/sirupsen/logrus"
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
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.Handshake()
	if err != nil {
		t.Fatal(err)
	}
	if h.Udid != phonetest.UDID {
		t.Errorf("UDID %q", h.Udid)
	}
	d.Rsd = h
	return d
}

func TestDirectoryFollowsTheImage(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.SetImage(false)
		p.Services = service.Catalog{{Name: "com.apple.syslog_relay", Shim: "com.apple.syslog_relay.shim.remote", Serve: greet}, {Name: "com.apple.lockdown.only", Serve: greet}}
	})
	before := l.device(t).Rsd.GetServices()
	if len(before) != 1 || before["com.apple.syslog_relay.shim.remote"].Port == 0 {
		t.Errorf("before the image: %v", before)
	}
	l.phone.SetImage(true)
	after := l.device(t).Rsd.GetServices()
	for _, name := range []string{"com.apple.instruments.dtservicehub", "com.apple.coredevice.appservice", "com.apple.coredevice.openstdiosocket", "com.apple.coredevice.deviceinfo"} {
		if after[name].Port == 0 {
			t.Errorf("after the image %s has no port: %v", name, after)
		}
	}
	d := l.device(t)
	l.phone.SetImage(false)
	if _, err := goapps.New(d); err == nil {
		t.Error("the application service answered after the image was unmounted")
	}
}

func greet(_ context.Context, conn net.Conn) error {
	_, err := io.WriteString(conn, "hello")
	return err
}

func TestShim(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.Services = service.Catalog{{Name: "com.apple.syslog_relay", Shim: "com.apple.syslog_relay.shim.remote", Serve: greet, NeedsUnlocked: true}}
	})
	d := l.device(t)
	conn, err := ios.ConnectToShimService(d, "com.apple.syslog_relay.shim.remote")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn.Reader()); err != nil || string(text) != "hello" {
		t.Errorf("service says %q, %v", text, err)
	}
	silent, err := ios.ConnectTUNDevice("::1", d.Rsd.GetPort("com.apple.syslog_relay.shim.remote"), d)
	if err != nil {
		t.Fatal(err)
	}
	l.last = silent // a client that never checks in must not hold up the phone's end
	l.phone.SetLocked(true)
	conn, err = ios.ConnectToShimService(d, "com.apple.syslog_relay.shim.remote")
	if err != nil {
		t.Fatal(err) // the library does not read the answer
	}
	if text, _ := io.ReadAll(conn.Reader()); len(text) != 0 {
		t.Errorf("the locked phone's service says %q", text)
	}
}

func apps(t testing.TB, d ios.DeviceEntry) *goapps.Connection {
	t.Helper()
	c, err := goapps.New(d)
	if err != nil {
		t.Fatal(err)
	}
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
	app, err := apps(t, d).LaunchAppWithStdIo("com.bench.app", []any{"--plan", "größer plan.json"}, map[string]any{"KEY": "value"}, map[string]any{}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	out, err := io.ReadAll(app)
	if err != nil || len(out) != 11+200<<10 || !strings.HasPrefix(string(out), "first line\n") {
		t.Errorf("output of %d bytes, %v", len(out), err)
	}
	spec := <-specs
	if !reflect.DeepEqual(spec.Args, []string{"--plan", "größer plan.json"}) || !reflect.DeepEqual(spec.Env, map[string]string{"KEY": "value"}) || !spec.KillExisting || app.Pid != 100 {
		t.Errorf("launched %+v as %d", spec, app.Pid)
	}
}

func TestListAndKill(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	c := apps(t, l.device(t))
	if pid, err := c.LaunchApp("com.bench.none", nil, nil, nil, false); err == nil {
		t.Errorf("an app that is not installed was launched as %d", pid)
	}
	pid, err := c.LaunchApp("com.bench.app", []any{}, map[string]any{}, map[string]any{}, true)
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.ListProcesses()
	if err != nil || len(list) != 1 || list[0].Pid != pid || list[0].ExecutableName() != "com.bench.app" {
		t.Errorf("processes %v, %v", list, err)
	}
	ended := make(chan process.Exit, 1)
	if err := l.phone.Table.Watch(pid, func(e process.Exit) { ended <- e }); err != nil {
		t.Fatal(err)
	}
	if err := c.KillProcess(pid); err != nil {
		t.Fatal(err)
	}
	if e := <-ended; e.Signal != 9 {
		t.Errorf("ended with %+v", e)
	}
	if err := c.KillProcess(pid); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("second kill: %v", err)
	}
}

func TestDisplayInfo(t *testing.T) {
	c, err := godeviceinfo.NewDeviceInfo(serveLoopback(t, faults.Instruments{}).device(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if info, err := c.GetDisplayInfo(); err != nil || len(info["displays"].([]any)) != 1 {
		t.Errorf("display info %v, %v", info, err)
	}
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
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			running, err := c.LaunchAppWithStdIo(app.BundleID, nil, nil, nil, true)
			if err != nil {
				t.Error(err)
				return
			}
			defer running.Close()
			if out, err := io.ReadAll(running); err != nil || string(out) != app.BundleID {
				t.Errorf("output of %s: %q, %v", app.BundleID, out, err)
			}
		}()
	}
	all.Wait()
}
