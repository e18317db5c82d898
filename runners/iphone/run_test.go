package iphone_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

func TestDevices(t *testing.T) {
	b := newBench(t)
	if devices, err := b.runner.Devices(t.Context()); err != nil || len(devices) != 0 {
		t.Errorf("without phones: %v, %v", devices, err)
	}
	p := b.phone("", virtualiphone.PhoneOptions{Name: "Lab 1"})
	d := b.device(0)
	want := harness.Device{UDID: p.UDID(), Name: "Lab 1", Kind: harness.KindVirtual, ProductType: "iPhone15,4", Marketing: "iPhone 15", Chip: "A16 Bionic",
		MemoryBytes: 6 << 30, OSVersion: "18.6", OSBuild: "22G86", Connection: "USB"}
	if d != want {
		t.Errorf("device = %+v, want %+v", d, want)
	}
	p.Detach()
	if devices, err := b.runner.Devices(t.Context()); err != nil || len(devices) != 0 {
		t.Errorf("after the cable was pulled: %v, %v", devices, err)
	}
}

// TestRun launches the app on every way to a phone's processes.
func TestRun(t *testing.T) {
	for _, os := range []string{"16.7.2", "17.4.1", "18.6", "26.1"} {
		t.Run(os, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			s, _ := b.ready(os)
			build, model := testBuild(t, ""), testModel(t, 3000)
			for name, c := range map[string]struct {
				env     []string
				kinds   string
				outcome harness.Outcome
				code    int
			}{
				"plain":    {nil, "hello end", harness.OutcomeOK, 0},
				"exit":     {[]string{"MODE", "exit7"}, "hello", harness.OutcomeAppCrash, 7},
				"no-model": {[]string{"MODE", "no-model"}, "hello error end", harness.OutcomeOK, 3},
			} {
				sink := newRecord()
				exit, err := s.Run(t.Context(), task(name, build, model, c.env...), sink)
				if err != nil {
					t.Fatal(err)
				}
				sink.gapless(t)
				if exit.Outcome != c.outcome || exit.Code == nil || *exit.Code != c.code || exit.Signal != nil || sink.kinds() != c.kinds {
					t.Errorf("%s: exit = %+v, lines %s", name, exit, sink.kinds())
				}
				if c.outcome == harness.OutcomeAppCrash && !strings.Contains(exit.Evidence, "last words") {
					t.Errorf("%s: evidence %q lacks the last output", name, exit.Evidence)
				}
			}
		})
	}
}

// TestTroublesomeInstruments launches on phones whose instruments send what has killed other clients.
func TestTroublesomeInstruments(t *testing.T) {
	for name, habits := range map[string]faults.Instruments{"empty output": {EmptyOutput: true}, "fragments": {FragmentBytes: 40}} {
		for _, os := range []string{"16.7.2", "26.1"} {
			t.Run(name+" "+os, func(t *testing.T) {
				b := newBench(t)
				b.phone(os, virtualiphone.PhoneOptions{Instruments: habits})
				s, build, model := b.open(b.device(0)), testBuild(t, ""), testModel(t, 100)
				if _, err := s.Prepare(t.Context(), build, model, nil); err != nil {
					t.Fatal(err)
				}
				job := task("x", build, model, "MODE", "exit7")
				job.TelemetryInterval = 20 * time.Millisecond
				exit, err := s.Run(t.Context(), job, newRecord())
				if err != nil || exit.Code == nil || *exit.Code != 7 || !strings.Contains(exit.Evidence, "last words") {
					t.Errorf("exit = %+v, %v", exit, err)
				}
			})
		}
	}
}

func TestManyLinesArriveInOrder(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("many", testBuild(t, ""), testModel(t, 3000), "MODE", "many", "COUNT", "500"), sink)
	if err != nil || exit.Outcome != harness.OutcomeOK {
		t.Fatalf("exit = %+v, %v", exit, err)
	}
	sink.gapless(t)
	if len(sink.lines) != 502 || !strings.Contains(sink.lines[300], `"seq":300,`) {
		t.Errorf("%d lines, line 301 %s", len(sink.lines), sink.lines[300])
	}
}

func TestACrashHasItsReport(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("crash", testBuild(t, ""), testModel(t, 3000), "MODE", "crash"), sink)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Outcome != harness.OutcomeAppCrash || exit.Signal == nil || *exit.Signal != int(syscall.SIGSEGV) {
		t.Errorf("exit = %+v", exit)
	}
	if !strings.Contains(exit.Evidence, "EXC_BAD_ACCESS") || !strings.Contains(exit.Evidence, "hello from the app") {
		t.Errorf("evidence = %q, want crash report and last output", exit.Evidence)
	}
	if sink.kinds() != "hello iteration_begin " || !strings.Contains(exit.Reason, "cut off after") {
		t.Errorf("lines %q, reason %s; want the torn line, which has no kind, handed on and named", sink.kinds(), exit.Reason)
	}
}

// TestTheSystemEndsAnAppForItsMemory: the phone's own report tells it from a crash.
func TestTheSystemEndsAnAppForItsMemory(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("", func(p *virtualiphone.Profile) { p.JetsamBytes = 48 << 20 })
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("eat", testBuild(t, ""), testModel(t, 3000), "MODE", "eat"), sink)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Outcome != harness.OutcomeJetsam || !strings.Contains(exit.Reason, "per-process-limit") || !strings.Contains(exit.Evidence, "largestProcess") {
		t.Errorf("exit = %+v, want jetsam with its report", exit)
	}
	if sink.kinds() != "hello iteration_begin" {
		t.Errorf("lines %s", sink.kinds())
	}
}

// TestCancelledWhileThePhoneIsAway: nobody can be reached to end the app, and Run comes back all the same.
func TestCancelledWhileThePhoneIsAway(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
		p.Detach()
		sink.await("the loss is noticed", func() bool { return strings.HasPrefix(sink.notices[len(sink.notices)-1].Step, "waiting") })
		cancel()
	}()
	exit, err := s.Run(ctx, task("away", testBuild(t, ""), testModel(t, 3000), "MODE", "gated"), sink)
	if err != nil || exit.Outcome != harness.OutcomeCancelled || len(sink.lines) != 4 {
		t.Errorf("exit = %+v, %v with %d lines", exit, err, len(sink.lines))
	}
}

func TestPayloads(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	if exit, err := s.Run(t.Context(), task("payload", testBuild(t, ""), testModel(t, 3000), "MODE", "payload"), sink); err != nil || exit.Outcome != harness.OutcomeOK {
		t.Fatalf("exit = %+v, %v", exit, err)
	}
	if sink.payloads["metric-1.json"] != `{"metaData":{}}` || sink.payloads["unnamed.json"] != `{"crashDiagnostics":[]}` || len(sink.payloads) != 2 {
		t.Errorf("payloads = %v", sink.payloads)
	}
}

func TestCancelEndsTheApp(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want harness.Outcome
	}{
		"cancelled": {context.WithCancel, harness.OutcomeCancelled},
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(context.DeadlineExceeded) }
		}, harness.OutcomeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s, p := b.ready("")
			sink := newRecord()
			ctx, cancel := c.end(t.Context())
			defer cancel()
			go func() {
				sink.await("hello", func() bool { return len(sink.lines) > 0 })
				cancel()
			}()
			exit, err := s.Run(ctx, task("hang", testBuild(t, ""), testModel(t, 3000), "MODE", "hang"), sink)
			if err != nil || exit.Outcome != c.want {
				t.Errorf("exit = %+v, %v; want %s", exit, err, c.want)
			}
			if exit.Signal == nil || *exit.Signal != int(syscall.SIGKILL) {
				t.Errorf("signal = %v, want 9", exit.Signal)
			}
			for _, process := range p.Processes().List() {
				if process.BundleID == bundleID {
					t.Errorf("the app still runs: %+v", process)
				}
			}
			if exit, err := s.Run(t.Context(), task("next", testBuild(t, ""), testModel(t, 3000)), newRecord()); err != nil || exit.Outcome != harness.OutcomeOK {
				t.Errorf("the next launch: %+v, %v", exit, err)
			}
		})
	}
}

// TestTelemetry samples the gauge and the process's memory while the app runs.
func TestTelemetry(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	job := task("gated", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
	job.TelemetryInterval = 20 * time.Millisecond
	go func() {
		sink.await("samples of both", func() bool { return len(sink.readings) > 2 && len(sink.samples) > 2 })
		allow(t, p, "go")
	}()
	exit, err := s.Run(t.Context(), job, sink)
	if err != nil || exit.Outcome != harness.OutcomeOK {
		t.Fatalf("exit = %+v, %v", exit, err)
	}
	r, m := sink.readings[0], sink.samples[0]
	if r.AccumulatedSystemLoad == nil || r.VoltageMillivolt == nil || r.Raw == "" || r.At.IsZero() {
		t.Errorf("reading = %+v", r)
	}
	if m.Metric != harness.FootprintHost || m.Value <= 0 || m.Unit != "B" || m.Source != harness.SourceHost || m.Session != "gated" {
		t.Errorf("sample = %+v", m)
	}
}

func TestState(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	p.SetThermal(battery.ThermalSerious)
	p.SetLocked(true)
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if state.Locked == nil || !*state.Locked || state.Thermal == nil || *state.Thermal != harness.ThermalSerious || state.LowPowerMode != nil {
		t.Errorf("state = %+v", state)
	}
	if state.BatteryPercent == nil || *state.BatteryPercent <= 0 || state.BatteryCelsius == nil || state.FreeDiskBytes == nil || *state.FreeDiskBytes <= 0 || state.ExternalPower == nil {
		t.Errorf("state = %+v", state)
	}
	if reading, err := s.Battery(t.Context()); err != nil || reading.Percent == nil {
		t.Errorf("Battery = %+v, %v", reading, err)
	}
}
