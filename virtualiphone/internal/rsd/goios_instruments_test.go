package rsd_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	dtx "github.com/danielpaulus/go-ios/ios/dtx_codec"
	goinstruments "github.com/danielpaulus/go-ios/ios/instruments"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/instruments"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

// messages is a go-ios dispatcher that hands on what comes.
type messages chan dtx.Message

func (m messages) Dispatch(msg dtx.Message) { m <- msg }

// session is a raw DTX connection whose events are queued, since go-ios's own waits for each to be taken.
type session struct {
	t      *testing.T
	conn   *dtx.Connection
	output chan string
	exits  chan []any
	taps   messages
}

func open(t *testing.T, d ios.DeviceEntry) *session {
	t.Helper()
	conn, err := dtx.NewTunnelConnection(d, instruments.NameRemote)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	s := &session{t: t, conn: conn, output: make(chan string, 1024), exits: make(chan []any, 16), taps: make(messages, 64)}
	conn.MessageDispatcher = s.taps
	g := conn.GlobalChannel()
	const out, exit = "outputReceived:fromProcess:atTime:", "processWithPID:terminatedWithExitCode:orCrashingSignal:"
	g.RegisterMethodForRemote(out)
	g.RegisterMethodForRemote(exit)
	go func() {
		for {
			if a := arguments(g.ReceiveMethodCall(out)); len(a) == 3 {
				s.output <- fmt.Sprint(a[1], ":", a[0])
			} else {
				s.output <- fmt.Sprintf("%d arguments", len(a))
			}
		}
	}()
	go func() {
		for {
			s.exits <- arguments(g.ReceiveMethodCall(exit))
		}
	}()
	return s
}

func arguments(m dtx.Message) []any {
	var out []any
	for _, a := range m.Auxiliary.GetArguments() {
		v, err := nskeyedarchiver.Unarchive(a.([]byte))
		if err != nil {
			panic(err)
		}
		out = append(out, v[0])
	}
	return out
}

func (s *session) channel(name string) *dtx.Channel {
	return s.conn.RequestChannelIdentifier("com.apple.instruments.server.services."+name, s.taps)
}

const launchSelector = "launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:"

func (s *session) launch(ch *dtx.Channel, bundle string, suspended int) uint64 {
	s.t.Helper()
	m, err := ch.MethodCall(launchSelector, "/private/", bundle, map[string]any{"KEY": "value"}, []any{"--flag", "x y"}, map[string]any{
		"StartSuspendedKey": uint64(suspended), "KillExisting": uint64(1),
	})
	require.NoError(s.t, err)
	return m.Payload[0].(uint64)
}

func take[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// TestProcessControl runs the same launch on a healthy phone and on troublesome ones.
func TestProcessControl(t *testing.T) {
	for name, faults := range map[string]faults.Instruments{
		"healthy": {}, "fragments": {FragmentBytes: 128}, "empty outputs": {EmptyOutput: true},
	} {
		t.Run(name, func(t *testing.T) {
			specs := make(chan process.Spec, 1)
			l := serveLoopback(t, faults, func(p *phonetest.Phone) {
				p.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
					specs <- r.Spec
					r.Print("token größer\n")
					return process.Exit{Code: 3}
				})
			})
			s := open(t, l.device(t))
			ch := s.channel("processcontrol")
			pid := s.launch(ch, "com.bench.app", 1)
			_, err := ch.MethodCall("startObservingPid:", pid)
			require.NoError(t, err)
			_, err = ch.MethodCall("resumePid:", pid)
			require.NoError(t, err)
			if faults.FragmentBytes > 0 {
				return // go-ios hands fragmented events to nobody; that it survives them is what is shown
			}
			if faults.EmptyOutput {
				assert.Equal(t, "0 arguments", take(t, s.output), "first event")
			}
			assert.Equal(t, "100:token größer\n", take(t, s.output), "output")
			assert.Equal(t, []any{uint64(100), uint64(3), nskeyedarchiver.NewNSNull()}, take(t, s.exits), "exit")
			spec := <-specs
			assert.Equal(t, []string{"--flag", "x y"}, spec.Args, "launched")
			assert.Equal(t, "value", spec.Env["KEY"], "launched")
			assert.True(t, spec.Suspended, "launched")
			assert.True(t, spec.KillExisting, "launched")
		})
	}
}

func TestKillIsTold(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	d := l.device(t)
	s := open(t, d)
	ch := s.channel("processcontrol")
	pid := s.launch(ch, "com.bench.app", 0)
	require.NoError(t, ch.MethodCallAsync("startObservingPid:", pid))
	control, err := goinstruments.NewProcessControl(d)
	require.NoError(t, err)
	defer control.Close()
	require.NoError(t, control.KillProcess(pid))
	assert.Equal(t, []any{pid, nskeyedarchiver.NewNSNull(), uint64(9)}, take(t, s.exits), "exit")
	require.ErrorContains(t, control.KillProcess(pid), "has ended", "second kill")
	_, err = control.LaunchApp("com.bench.none", nil)
	require.ErrorContains(t, err, "not installed", "launch of an app that is not there")
	lifted, err := control.DisableMemoryLimit(pid)
	require.NoError(t, err, "memory limit lifted %v, %v, though this table has none", lifted, err)
	assert.False(t, lifted, "memory limit lifted %v, %v, though this table has none", lifted, err)
}

func TestDeviceInfo(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	d := l.device(t)
	s := open(t, d)
	pid := s.launch(s.channel("processcontrol"), "com.bench.app", 0)
	info, err := goinstruments.NewDeviceInfoService(d)
	require.NoError(t, err)
	defer info.Close()
	list, err := info.ProcessList()
	require.NoError(t, err, "processes")
	require.Len(t, list, 1, "processes")
	require.Equal(t, pid, list[0].Pid, "processes")
	require.True(t, list[0].IsApplication, "processes")
	assert.Equal(t, int64(1_800_000_000), list[0].StartDate.Unix(), "processes")
	hw, err := info.HardwareInformation()
	require.NoError(t, err, "hardware")
	assert.Equal(t, uint64(6), hw["numberOfCpus"], "hardware")
	nets, err := info.NetworkInformation()
	require.NoError(t, err, "networks")
	assert.Equal(t, "Loopback", nets["lo0"], "networks")
	require.Error(t, info.NameForPid(1), "process 1 has a name")
}

// TestSysmontap takes three samples, one interval apart, and reads the app's row.
func TestSysmontap(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	s := open(t, l.device(t))
	pid := s.launch(s.channel("processcontrol"), "com.bench.app", 0)
	use := func(cpu float64, footprint int64) {
		l.phone.Table.SetUsage(int(pid), process.Usage{CPUSeconds: cpu, FootprintBytes: footprint, ResidentBytes: footprint + 1})
	}
	use(10, 1<<30)
	tap := s.channel("sysmontap")
	config := map[string]any{"ur": 500, "bm": 0, "procAttrs": []any{
		"pid", "physFootprint", "threadCount", "cpuUsage", "memResidentSize",
	}, "sysAttrs": []any{"physMemSize"}, "cpuUsage": true, "physFootprint": true, "sampleInterval": 500_000_000}
	_, err := tap.MethodCall("setConfig:", config)
	require.NoError(t, err)
	require.NoError(t, tap.MethodCallAsync("start"))
	null := nskeyedarchiver.NewNSNull()
	check := func(want []any, load any) {
		t.Helper()
		rows := take(t, s.taps).Payload[0].([]any)
		system, processes := rows[0].(map[string]any), rows[1].(map[string]any)
		got := processes["Processes"].(map[string]any)[fmt.Sprintf("uint64{%d}", pid)]
		assert.Equal(t, want, got, "row")
		assert.Equal(t, []any{uint64(6 << 30)}, system["System"], "system row")
		assert.Equal(t, uint64(6), system["CPUCount"], "system row")
		usage, _ := system["SystemCPUUsage"].(map[string]any)
		assert.Equal(t, load, usage["CPU_TotalLoad"])
	}
	check([]any{pid, uint64(1 << 30), null, null, uint64(1<<30 + 1)}, nil)
	use(10.75, 2<<30)
	l.clock.Advance(500 * time.Millisecond)
	check([]any{pid, uint64(2 << 30), null, 1.5, uint64(2<<30 + 1)}, 150.0)
	use(10.75, 2<<30)
	l.clock.Advance(500 * time.Millisecond)
	check([]any{pid, uint64(2 << 30), null, 0.0, uint64(2<<30 + 1)}, 0.0)
	_, err = tap.MethodCall("stop")
	require.NoError(t, err)
}

func TestGoIOSSysmontap(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	tap, err := goinstruments.NewSysmontapService(l.device(t), 10)
	require.NoError(t, err)
	usage := tap.ReceiveCPUUsage()
	l.clock.Advance(500 * time.Millisecond)
	m := take(t, usage)
	assert.Equal(t, uint64(6), m.CPUCount, "sample")
	assert.InDelta(t, 0, m.SystemCPUUsage.CPU_TotalLoad, 0, "sample")
	assert.Equal(t, uint64(12_000_000), m.EndMachAbsTime, "sample")
	// Its Close closes a channel that its reader may still send on; the connection ends with the phone instead.
}

func TestThermalCondition(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	d := l.device(t)
	control, err := goinstruments.NewDeviceStateControl(d)
	require.NoError(t, err)
	types, err := control.List()
	require.NoError(t, err)
	kind, serious, err := goinstruments.VerifyProfileAndType(types, "ThermalCondition", "ThermalSerious")
	require.NoError(t, err, "%v %+v", err, types)
	require.False(t, kind.IsActive, "%v %+v", err, types)
	require.NoError(t, control.Enable(kind, serious))
	types, err = control.List()
	require.NoError(t, err, "while it is active")
	require.True(t, types[0].IsActive, "while it is active")
	assert.Equal(t, "ThermalSerious", types[0].ActiveProfile, "while it is active")
	other, err := goinstruments.NewDeviceStateControl(d)
	require.NoError(t, err)
	require.ErrorContains(t, other.Enable(kind, serious), "another connection", "a second connection enables it too")
	require.NoError(t, control.Disable(kind))
	require.NoError(t, other.Enable(kind, kind.Profiles[2]), "after it was disabled")
	for i, want := range []battery.ThermalState{battery.ThermalSerious, "", battery.ThermalCritical} {
		assert.Equal(t, want, take(t, l.phone.Induced), "induced state %d", i)
	}
}

// TestThermalConditionEndsWithTheConnection closes the connection that enabled it.
func TestThermalConditionEndsWithTheConnection(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	s := open(t, l.device(t))
	ch := s.channel("ConditionInducer")
	_, err := ch.MethodCall("enableConditionWithIdentifier:profileIdentifier:", "ThermalCondition", "ThermalFair")
	require.NoError(t, err)
	_, err = ch.MethodCall("enableConditionWithIdentifier:profileIdentifier:", "ThermalCondition", "ThermalLava")
	require.Error(t, err, "an unknown profile was enabled")
	assert.Equal(t, battery.ThermalFair, take(t, l.phone.Induced), "induced")
	s.conn.Close()
	assert.Empty(t, take(t, l.phone.Induced), "after the connection was closed the phone is told")
}
