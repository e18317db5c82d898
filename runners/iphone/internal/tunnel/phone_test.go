package tunnel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lilims/bench/runners/iphone/internal/coredevice"
	"github.com/lilims/bench/runners/iphone/internal/instruments"
	"github.com/lilims/bench/runners/iphone/internal/tunnel"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

const app = "org.lilims.bench"

// phone is the modern half of a virtual iPhone and a tunnel to it.
type phone struct {
	*phonetest.Phone
	clock *phonetest.Clock
	t     *testing.T
	cut   func()
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	return &phone{Phone: phonetest.New(), clock: phonetest.NewClock(), t: t}
}

// serve returns the host's end of a connection to a lockdown service.
func (p *phone) serve(name string, habits faults.Instruments) net.Conn {
	p.t.Helper()
	conn, err := p.Dial(name, p.clock, habits)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cut = conn.Cut
	p.t.Cleanup(func() { conn.Stop(); p.Table.KillAll() })
	return conn
}

func (p *phone) tunnel(habits faults.Instruments) *tunnel.Tunnel {
	p.t.Helper()
	t, err := tunnel.Open(p.t.Context(), p.serve(tunnel.Service, habits))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { t.Close() })
	return t
}

func hub(t *testing.T, n *tunnel.Tunnel) *instruments.Hub {
	t.Helper()
	conn, err := n.Dial(t.Context(), instruments.TunnelService)
	if err != nil {
		t.Fatal(err)
	}
	h, err := instruments.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func take[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

func TestOutputAndExit(t *testing.T) {
	for name, habits := range map[string]faults.Instruments{"healthy": {}, "empty output": {EmptyOutput: true}, "fragments": {FragmentBytes: 60}} {
		t.Run(name, func(t *testing.T) {
			p := newPhone(t)
			p.Table.Install(app, func(r *phonetest.Running) process.Exit {
				r.Print(fmt.Sprintf("args %q, X=%s\n", r.Spec.Args, r.Spec.Env["X"]))
				select {
				case <-r.Signals:
				case <-r.Killed:
				}
				return process.Exit{Code: 3}
			})
			n := p.tunnel(habits)
			started, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: app, Args: []string{"--plan", "a b"}, Env: map[string]string{"X": "y"}})
			if err != nil {
				t.Fatal(err)
			}
			h := hub(t, n)
			if err := h.Observe(t.Context(), started.PID); err != nil {
				t.Fatal(err)
			}
			if err := p.Table.Signal(started.PID, 1); err != nil {
				t.Fatal(err)
			}
			exit := take(t, h.Exits())
			if exit.PID != started.PID || exit.Code == nil || *exit.Code != 3 || exit.Signal != nil {
				t.Errorf("exit = %+v", exit)
			}
			text, err := io.ReadAll(started.Output)
			if err != nil || !strings.Contains(strings.ReplaceAll(string(text), "\r", ""), "args [\"--plan\" \"a b\"], X=y\n") {
				t.Errorf("output = %q, %v", text, err)
			}
		})
	}
}

func TestListAndKill(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	n := p.tunnel(faults.Instruments{})
	first, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: app})
	if err != nil {
		t.Fatal(err)
	}
	list, err := coredevice.Processes(t.Context(), n)
	if err != nil || len(list) != 1 || list[0].PID != first.PID || !strings.Contains(list[0].Path, app) {
		t.Errorf("Processes = %+v, %v", list, err)
	}
	h := hub(t, n)
	if list, err := h.Processes(t.Context()); err != nil || len(list) != 1 || list[0].PID != first.PID {
		t.Errorf("Processes by instruments = %+v, %v", list, err)
	}
	if err := h.Observe(t.Context(), first.PID); err != nil {
		t.Fatal(err)
	}
	if err := coredevice.Kill(t.Context(), n, first.PID); err != nil {
		t.Fatal(err)
	}
	if exit := take(t, h.Exits()); exit.Signal == nil || *exit.Signal != int(syscall.SIGKILL) || exit.Code != nil {
		t.Errorf("exit = %+v, want signal 9", exit)
	}
	if _, err := io.ReadAll(first.Output); err != nil {
		t.Errorf("output after the kill: %v", err)
	}
	if err := h.Kill(t.Context(), first.PID); err == nil {
		t.Error("killing a process that has ended gave no error")
	}
}

func TestRefusals(t *testing.T) {
	p := newPhone(t)
	n := p.tunnel(faults.Instruments{})
	var refused *coredevice.Error
	if _, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: "org.absent"}); !errors.As(err, &refused) || refused.Text == "" {
		t.Errorf("Start of an app that is not there = %v, want the phone's words", err)
	}
	if _, err := hub(t, n).Start(t.Context(), instruments.Launch{BundleID: "org.absent"}); err == nil || !strings.Contains(err.Error(), "org.absent") {
		t.Errorf("Start by instruments = %v, want the phone's words", err)
	}
}

func TestTheImageIsMountedLater(t *testing.T) {
	p := newPhone(t)
	p.SetImage(false)
	n := p.tunnel(faults.Instruments{})
	var missing *tunnel.NoService
	if _, err := n.Dial(t.Context(), instruments.TunnelService); !errors.As(err, &missing) {
		t.Errorf("Dial without the image = %v", err)
	}
	p.SetImage(true)
	hub(t, n) // the directory is asked again
	if n.UDID() != phonetest.UDID {
		t.Errorf("UDID = %q", n.UDID())
	}
}

func TestLaunchByInstruments(t *testing.T) {
	p := newPhone(t)
	p.Version = "16.7.2"
	p.Table.Install(app, func(r *phonetest.Running) process.Exit { r.Print("hello"); return process.Exit{Code: 0} })
	h, err := instruments.Open(t.Context(), p.serve(instruments.LockdownService, faults.Instruments{}))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	pid, err := h.Start(t.Context(), instruments.Launch{BundleID: app, Args: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Observe(t.Context(), pid); err != nil {
		t.Fatal(err)
	}
	if exit := take(t, h.Exits()); exit.Code == nil || *exit.Code != 0 {
		t.Errorf("exit = %+v", exit)
	}
	if got := string(h.Output()); got != "hello" {
		t.Errorf("output = %q", got)
	}
}

func TestFootprint(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	h := hub(t, p.tunnel(faults.Instruments{}))
	pid, err := h.Start(t.Context(), instruments.Launch{BundleID: app})
	if err != nil {
		t.Fatal(err)
	}
	p.Table.SetUsage(pid, process.Usage{FootprintBytes: 123 << 20})
	if err := h.Sample(t.Context(), pid, time.Second); err != nil {
		t.Fatal(err)
	}
	if u := take(t, h.Usages()); u.PID != pid || u.FootprintBytes != 123<<20 {
		t.Errorf("usage = %+v", u)
	}
	p.Table.SetUsage(pid, process.Usage{FootprintBytes: 5 << 30})
	p.clock.Advance(time.Second)
	if u := take(t, h.Usages()); u.FootprintBytes != 5<<30 {
		t.Errorf("second usage = %+v", u)
	}
}

func TestACutTunnelEndsWhatIsOnIt(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	n := p.tunnel(faults.Instruments{})
	started, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: app})
	if err != nil {
		t.Fatal(err)
	}
	h := hub(t, n)
	p.cut()
	take(t, n.Done())
	take(t, h.Done())
	if _, err := io.ReadAll(started.Output); err == nil {
		t.Error("the output of a cut tunnel ends as if the process had ended")
	}
	if _, err := n.Dial(t.Context(), instruments.TunnelService); err == nil || n.Err() == nil {
		t.Errorf("Dial after the cut = %v, Err = %v", err, n.Err())
	}
}

func TestOpenRefusesWhatIsNoTunnel(t *testing.T) {
	for name, greeting := range map[string]string{"other greeting": "HTTP/1.1 400\r\n", "nonsense": "CDTunnel\x00\x02{}", "hangs up": ""} {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			go func() {
				there.Read(make([]byte, 512))
				io.WriteString(there, greeting)
				there.Close()
			}()
			if _, err := tunnel.Open(t.Context(), here); err == nil {
				t.Error("no error")
			}
		})
	}
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { there.Read(make([]byte, 512)); cancel() }()
	if _, err := tunnel.Open(ctx, here); !errors.Is(err, context.Canceled) {
		t.Errorf("a mute phone: %v", err)
	}
}
