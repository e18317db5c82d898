package rsd_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	dtx "github.com/danielpaulus/go-ios/ios/dtx_codec"
	goinstruments "github.com/danielpaulus/go-ios/ios/instruments"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"
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
	if err != nil {
		t.Fatal(err)
	}
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
	m, err := ch.MethodCall(launchSelector, "/private/", bundle, map[string]any{"KEY": "value"}, []any{"--flag", "x y"}, map[string]any{"StartSuspendedKey": uint64(suspended), "KillExisting": uint64(1)})
	if err != nil {
		s.t.Fatal(err)
	}
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
	for name, faults := range map[string]faults.Instruments{"healthy": {}, "fragments": {FragmentBytes: 128}, "empty outputs": {EmptyOutput: true}} {
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
			if _, err := ch.MethodCall("startObservingPid:", pid); err != nil {
				t.Fatal(err)
			}
			if _, err := ch.MethodCall("resumePid:", pid); err != nil {
				t.Fatal(err)
			}
			if faults.FragmentBytes > 0 {
				return // go-ios hands fragmented events to nobody; that it survives them is what is shown
			}
			if faults.EmptyOutput {
				if out := take(t, s.output); out != "0 arguments" {
					t.Errorf("first event %q", out)
				}
			}
			if out := take(t, s.output); out != "100:token größer\n" {
				t.Errorf("output %q", out)
			}
			if exit := take(t, s.exits); !reflect.DeepEqual(exit, []any{uint64(100), uint64(3), nskeyedarchiver.NewNSNull()}) {
				t.Errorf("exit %v", exit)
			}
			spec := <-specs
			if !reflect.DeepEqual(spec.Args, []string{"--flag", "x y"}) || spec.Env["KEY"] != "value" || !spec.Suspended || !spec.KillExisting {
				t.Errorf("launched %+v", spec)
			}
		})
	}
}

func TestKillIsTold(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	d := l.device(t)
	s := open(t, d)
	ch := s.channel("processcontrol")
	pid := s.launch(ch, "com.bench.app", 0)
	if err := ch.MethodCallAsync("startObservingPid:", pid); err != nil {
		t.Fatal(err)
	}
	control, err := goinstruments.NewProcessControl(d)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if err := control.KillProcess(pid); err != nil {
		t.Fatal(err)
	}
	if exit := take(t, s.exits); !reflect.DeepEqual(exit, []any{pid, nskeyedarchiver.NewNSNull(), uint64(9)}) {
		t.Errorf("exit %v", exit)
	}
	if err := control.KillProcess(pid); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("second kill: %v", err)
	}
	if _, err := control.LaunchApp("com.bench.none", nil); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("launch of an app that is not there: %v", err)
	}
	if lifted, err := control.DisableMemoryLimit(pid); err != nil || lifted {
		t.Errorf("memory limit lifted %v, %v, though this table has none", lifted, err)
	}
}

func TestDeviceInfo(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	d := l.device(t)
	s := open(t, d)
	pid := s.launch(s.channel("processcontrol"), "com.bench.app", 0)
	info, err := goinstruments.NewDeviceInfoService(d)
	if err != nil {
		t.Fatal(err)
	}
	defer info.Close()
	list, err := info.ProcessList()
	if err != nil || len(list) != 1 || list[0].Pid != pid || !list[0].IsApplication || list[0].StartDate.Unix() != 1_800_000_000 {
		t.Errorf("processes %+v, %v", list, err)
	}
	if hw, err := info.HardwareInformation(); err != nil || hw["numberOfCpus"] != uint64(6) {
		t.Errorf("hardware %v, %v", hw, err)
	}
	if nets, err := info.NetworkInformation(); err != nil || nets["lo0"] != "Loopback" {
		t.Errorf("networks %v, %v", nets, err)
	}
	if err := info.NameForPid(1); err == nil {
		t.Error("process 1 has a name")
	}
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
	config := map[string]any{"ur": 500, "bm": 0, "procAttrs": []any{"pid", "physFootprint", "threadCount", "cpuUsage", "memResidentSize"}, "sysAttrs": []any{"physMemSize"}, "cpuUsage": true, "physFootprint": true, "sampleInterval": 500_000_000}
	if _, err := tap.MethodCall("setConfig:", config); err != nil {
		t.Fatal(err)
	}
	if err := tap.MethodCallAsync("start"); err != nil {
		t.Fatal(err)
	}
	null := nskeyedarchiver.NewNSNull()
	check := func(want []any, load any) {
		t.Helper()
		rows := take(t, s.taps).Payload[0].([]any)
		system, processes := rows[0].(map[string]any), rows[1].(map[string]any)
		got := processes["Processes"].(map[string]any)[fmt.Sprintf("uint64{%d}", pid)]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("row %v, want %v", got, want)
		}
		if !reflect.DeepEqual(system["System"], []any{uint64(6 << 30)}) || system["CPUCount"] != uint64(6) {
			t.Errorf("system row %v", system)
		}
		usage, _ := system["SystemCPUUsage"].(map[string]any)
		if usage["CPU_TotalLoad"] != load {
			t.Errorf("load %v, want %v", usage["CPU_TotalLoad"], load)
		}
	}
	check([]any{pid, uint64(1 << 30), null, null, uint64(1<<30 + 1)}, nil)
	use(10.75, 2<<30)
	l.clock.Advance(500 * time.Millisecond)
	check([]any{pid, uint64(2 << 30), null, 1.5, uint64(2<<30 + 1)}, 150.0)
	use(10.75, 2<<30)
	l.clock.Advance(500 * time.Millisecond)
	check([]any{pid, uint64(2 << 30), null, 0.0, uint64(2<<30 + 1)}, 0.0)
	if _, err := tap.MethodCall("stop"); err != nil {
		t.Fatal(err)
	}
}

func TestGoIOSSysmontap(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	tap, err := goinstruments.NewSysmontapService(l.device(t), 10)
	if err != nil {
		t.Fatal(err)
	}
	usage := tap.ReceiveCPUUsage()
	l.clock.Advance(500 * time.Millisecond)
	if m := take(t, usage); m.CPUCount != 6 || m.SystemCPUUsage.CPU_TotalLoad != 0 || m.EndMachAbsTime != 12_000_000 {
		t.Errorf("sample %+v", m)
	}
	// Its Close closes a channel that its reader may still send on; the connection ends with the phone instead.
}

func TestThermalCondition(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	d := l.device(t)
	control, err := goinstruments.NewDeviceStateControl(d)
	if err != nil {
		t.Fatal(err)
	}
	types, err := control.List()
	if err != nil {
		t.Fatal(err)
	}
	kind, serious, err := goinstruments.VerifyProfileAndType(types, "ThermalCondition", "ThermalSerious")
	if err != nil || kind.IsActive {
		t.Fatalf("%v %+v", err, types)
	}
	if err := control.Enable(kind, serious); err != nil {
		t.Fatal(err)
	}
	if types, err = control.List(); err != nil || !types[0].IsActive || types[0].ActiveProfile != "ThermalSerious" {
		t.Errorf("while it is active: %+v, %v", types, err)
	}
	other, err := goinstruments.NewDeviceStateControl(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Enable(kind, serious); err == nil || !strings.Contains(err.Error(), "another connection") {
		t.Errorf("a second connection enables it too: %v", err)
	}
	if err := control.Disable(kind); err != nil {
		t.Fatal(err)
	}
	if err := other.Enable(kind, kind.Profiles[2]); err != nil {
		t.Errorf("after it was disabled: %v", err)
	}
	for i, want := range []battery.ThermalState{battery.ThermalSerious, "", battery.ThermalCritical} {
		if got := take(t, l.phone.Induced); got != want {
			t.Errorf("induced state %d is %q, want %q", i, got, want)
		}
	}
}

// TestThermalConditionEndsWithTheConnection closes the connection that enabled it.
func TestThermalConditionEndsWithTheConnection(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	s := open(t, l.device(t))
	ch := s.channel("ConditionInducer")
	if _, err := ch.MethodCall("enableConditionWithIdentifier:profileIdentifier:", "ThermalCondition", "ThermalFair"); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.MethodCall("enableConditionWithIdentifier:profileIdentifier:", "ThermalCondition", "ThermalLava"); err == nil {
		t.Error("an unknown profile was enabled")
	}
	if got := take(t, l.phone.Induced); got != battery.ThermalFair {
		t.Errorf("induced %q", got)
	}
	s.conn.Close()
	if got := take(t, l.phone.Induced); got != "" {
		t.Errorf("after the connection was closed the phone is told %q", got)
	}
}
