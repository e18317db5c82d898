package tunnel_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(p.t, err)
	p.cut = conn.Cut
	p.t.Cleanup(func() { conn.Stop(); p.Table.KillAll() })
	return conn
}

func (p *phone) tunnel(habits faults.Instruments) *tunnel.Tunnel {
	p.t.Helper()
	t, err := tunnel.Open(p.t.Context(), p.serve(tunnel.Service, habits))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { t.Close() })
	return t
}

func hub(t *testing.T, n *tunnel.Tunnel) *instruments.Hub {
	t.Helper()
	conn, err := n.Dial(t.Context(), instruments.TunnelService)
	require.NoError(t, err)
	h, err := instruments.Open(t.Context(), conn)
	require.NoError(t, err)
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
	for name, habits := range map[string]faults.Instruments{
		"healthy": {}, "empty output": {EmptyOutput: true}, "fragments": {FragmentBytes: 60},
	} {
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
			started, err := coredevice.Start(t.Context(), n, coredevice.Launch{
				BundleID: app, Args: []string{"--plan", "a b"}, Env: map[string]string{"X": "y"},
			})
			require.NoError(t, err)
			h := hub(t, n)
			require.NoError(t, h.Observe(t.Context(), started.PID))
			require.NoError(t, p.Table.Signal(started.PID, 1))
			exit := take(t, h.Exits())
			require.Equal(t, started.PID, exit.PID, "exit")
			require.NotNil(t, exit.Code, "exit")
			assert.Equal(t, 3, *exit.Code, "exit")
			assert.Nil(t, exit.Signal, "exit")
			text, err := io.ReadAll(started.Output)
			require.NoError(t, err, "output = %q", text)
			assert.Contains(t, strings.ReplaceAll(string(text), "\r", ""), "args [\"--plan\" \"a b\"], X=y\n", "output")
		})
	}
}

func TestListAndKill(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	n := p.tunnel(faults.Instruments{})
	first, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: app})
	require.NoError(t, err)
	list, err := coredevice.Processes(t.Context(), n)
	require.NoError(t, err, "Processes")
	require.Len(t, list, 1, "Processes")
	require.Equal(t, first.PID, list[0].PID, "Processes")
	assert.Contains(t, list[0].Path, app, "Processes")
	h := hub(t, n)
	processes, err := h.Processes(t.Context())
	require.NoError(t, err, "Processes by instruments")
	require.Len(t, processes, 1, "Processes by instruments")
	assert.Equal(t, first.PID, processes[0].PID, "Processes by instruments")
	require.NoError(t, h.Observe(t.Context(), first.PID))
	require.NoError(t, coredevice.Kill(t.Context(), n, first.PID))
	exit := take(t, h.Exits())
	require.NotNil(t, exit.Signal, "exit")
	assert.Equal(t, int(syscall.SIGKILL), *exit.Signal, "exit")
	assert.Nil(t, exit.Code, "exit")
	_, err = io.ReadAll(first.Output)
	require.NoError(t, err, "output after the kill")
	require.Error(t, h.Kill(t.Context(), first.PID), "killing a process that has ended gave no error")
}

func TestRefusals(t *testing.T) {
	p := newPhone(t)
	n := p.tunnel(faults.Instruments{})
	var refused *coredevice.Error
	_, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: "org.absent"})
	require.ErrorAs(t, err, &refused, "Start of an app that is not there")
	assert.NotEmpty(t, refused.Text, "Start of an app that is not there")
	_, err = hub(t, n).Start(t.Context(), instruments.Launch{BundleID: "org.absent"})
	require.ErrorContains(t, err, "org.absent", "Start by instruments")
}

func TestTheImageIsMountedLater(t *testing.T) {
	p := newPhone(t)
	p.SetImage(false)
	n := p.tunnel(faults.Instruments{})
	var missing *tunnel.NoService
	_, err := n.Dial(t.Context(), instruments.TunnelService)
	require.ErrorAs(t, err, &missing, "Dial without the image")
	p.SetImage(true)
	hub(t, n) // the directory is asked again
	assert.Equal(t, phonetest.UDID, n.UDID())
}

func TestLaunchByInstruments(t *testing.T) {
	p := newPhone(t)
	p.Version = "16.7.2"
	p.Table.Install(app, func(r *phonetest.Running) process.Exit { r.Print("hello"); return process.Exit{Code: 0} })
	h, err := instruments.Open(t.Context(), p.serve(instruments.LockdownService, faults.Instruments{}))
	require.NoError(t, err)
	defer h.Close()
	pid, err := h.Start(t.Context(), instruments.Launch{BundleID: app, Args: []string{"x"}})
	require.NoError(t, err)
	require.NoError(t, h.Observe(t.Context(), pid))
	exit := take(t, h.Exits())
	require.NotNil(t, exit.Code, "exit")
	assert.Equal(t, 0, *exit.Code, "exit")
	assert.Equal(t, "hello", string(h.Output()))
}

func TestFootprint(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	h := hub(t, p.tunnel(faults.Instruments{}))
	pid, err := h.Start(t.Context(), instruments.Launch{BundleID: app})
	require.NoError(t, err)
	p.Table.SetUsage(pid, process.Usage{FootprintBytes: 123 << 20})
	require.NoError(t, h.Sample(t.Context(), pid, time.Second))
	u := take(t, h.Usages())
	assert.Equal(t, pid, u.PID, "usage")
	assert.Equal(t, int64(123<<20), u.FootprintBytes, "usage")
	p.Table.SetUsage(pid, process.Usage{FootprintBytes: 5 << 30})
	p.clock.Advance(time.Second)
	assert.Equal(t, int64(5<<30), take(t, h.Usages()).FootprintBytes, "second usage")
}

func TestACutTunnelEndsWhatIsOnIt(t *testing.T) {
	p := newPhone(t)
	p.Table.Install(app, phonetest.Until())
	n := p.tunnel(faults.Instruments{})
	started, err := coredevice.Start(t.Context(), n, coredevice.Launch{BundleID: app})
	require.NoError(t, err)
	h := hub(t, n)
	p.cut()
	take(t, n.Done())
	take(t, h.Done())
	_, err = io.ReadAll(started.Output)
	require.Error(t, err, "the output of a cut tunnel ends as if the process had ended")
	_, err = n.Dial(t.Context(), instruments.TunnelService)
	require.Error(t, err, "Dial after the cut = %v, Err = %v", err, n.Err())
	require.Error(t, n.Err(), "Dial after the cut = %v, Err = %v", err, n.Err())
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
			_, err := tunnel.Open(t.Context(), here)
			require.Error(t, err, "no error")
		})
	}
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { there.Read(make([]byte, 512)); cancel() }()
	_, err := tunnel.Open(ctx, here)
	require.ErrorIs(t, err, context.Canceled, "a mute phone")
}
