package iphone_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

func TestDevices(t *testing.T) {
	b := newBench(t)
	devices, err := b.runner.Devices(t.Context())
	require.NoError(t, err, "without phones")
	assert.Empty(t, devices, "without phones")
	p := b.phone("", virtualiphone.PhoneOptions{Name: "Lab 1"})
	d := b.device(0)
	want := harness.Device{UDID: p.UDID(), Name: "Lab 1", Kind: harness.KindVirtual, ProductType: "iPhone15,4", Marketing: "iPhone 15",
		Chip:        "A16 Bionic",
		MemoryBytes: 6 << 30, OSVersion: "18.6", OSBuild: "22G86", Connection: "USB"}
	assert.Equal(t, want, d, "device")
	p.Detach()
	devices, err = b.runner.Devices(t.Context())
	require.NoError(t, err, "after the cable was pulled")
	assert.Empty(t, devices, "after the cable was pulled")
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
				require.NoError(t, err)
				sink.gapless(t)
				assert.False(t, exit.Outcome != c.outcome || exit.Code == nil || *exit.Code != c.code || exit.Signal != nil || sink.kinds() != c.kinds,
					"%s: exit = %+v, lines %s", name, exit, sink.kinds())
				if c.outcome == harness.OutcomeAppCrash {
					assert.Contains(t, exit.Evidence, "last words", "%s: evidence %q lacks the last output", name, exit.Evidence)
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
				_, err := s.Prepare(t.Context(), build, model, nil)
				require.NoError(t, err)
				job := task("x", build, model, "MODE", "exit7")
				job.TelemetryInterval = 20 * time.Millisecond
				exit, err := s.Run(t.Context(), job, newRecord())
				require.NoError(t, err, "exit")
				require.NotNil(t, exit.Code, "exit")
				assert.Equal(t, 7, *exit.Code, "exit")
				assert.Contains(t, exit.Evidence, "last words", "exit")
			})
		}
	}
}

func TestManyLinesArriveInOrder(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("many", testBuild(t, ""), testModel(t, 3000), "MODE", "many", "COUNT", "500"), sink)
	require.NoError(t, err, "exit")
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
	sink.gapless(t)
	require.Len(t, sink.lines, 502, "%d lines, line 301 %s", len(sink.lines), sink.lines[300])
	assert.Contains(t, sink.lines[300], `"seq":300,`, "%d lines, line 301 %s", len(sink.lines), sink.lines[300])
}

func TestACrashHasItsReport(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("crash", testBuild(t, ""), testModel(t, 3000), "MODE", "crash"), sink)
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeAppCrash, exit.Outcome, "exit")
	require.NotNil(t, exit.Signal, "exit")
	assert.Equal(t, int(syscall.SIGSEGV), *exit.Signal, "exit")
	assert.Contains(t, exit.Evidence, "EXC_BAD_ACCESS", "evidence: want crash report and last output")
	assert.Contains(t, exit.Evidence, "hello from the app", "evidence: want crash report and last output")
	assert.Equal(t, "hello iteration_begin ", sink.kinds(), "lines: want the torn line, which has no kind, handed on and named")
	assert.Contains(t, exit.Reason, "cut off after", "lines: want the torn line, which has no kind, handed on and named")
}

// TestTheSystemEndsAnAppForItsMemory: the phone's own report tells it from a crash.
func TestTheSystemEndsAnAppForItsMemory(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("", func(p *virtualiphone.Profile) { p.JetsamBytes = 48 << 20 })
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("eat", testBuild(t, ""), testModel(t, 3000), "MODE", "eat"), sink)
	require.NoError(t, err)
	assert.Equal(t, harness.OutcomeJetsam, exit.Outcome, "exit")
	assert.Contains(t, exit.Reason, "per-process-limit", "exit")
	assert.Contains(t, exit.Evidence, "largestProcess", "exit")
	assert.Equal(t, "hello iteration_begin", sink.kinds(), "lines")
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
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeCancelled, exit.Outcome, "exit = %+v, %v with %d lines", exit, err, len(sink.lines))
	assert.Len(t, sink.lines, 4, "exit = %+v, %v with %d lines", exit, err, len(sink.lines))
}

func TestPayloads(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	sink := newRecord()
	exit, err := s.Run(t.Context(), task("payload", testBuild(t, ""), testModel(t, 3000), "MODE", "payload"), sink)
	require.NoError(t, err, "exit")
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
	assert.Equal(t, map[string]string{"metric-1.json": `{"metaData":{}}`, "unnamed.json": `{"crashDiagnostics":[]}`}, sink.payloads)
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
			require.NoError(t, err, "exit")
			assert.Equal(t, c.want, exit.Outcome, "exit")
			require.NotNil(t, exit.Signal)
			assert.Equal(t, int(syscall.SIGKILL), *exit.Signal)
			for _, process := range p.Processes().List() {
				assert.NotEqual(t, bundleID, process.BundleID, "the app still runs")
			}
			exit, err = s.Run(t.Context(), task("next", testBuild(t, ""), testModel(t, 3000)), newRecord())
			require.NoError(t, err, "the next launch")
			assert.Equal(t, harness.OutcomeOK, exit.Outcome, "the next launch")
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
	require.NoError(t, err, "exit")
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
	r, m := sink.readings[0], sink.samples[0]
	assert.NotNil(t, r.AccumulatedSystemLoad, "reading")
	assert.NotNil(t, r.VoltageMillivolt, "reading")
	assert.NotEmpty(t, r.Raw, "reading")
	assert.False(t, r.At.IsZero(), "reading")
	assert.Equal(t, harness.FootprintHost, m.Metric, "sample")
	assert.Positive(t, m.Value, "sample")
	assert.Equal(t, "B", m.Unit, "sample")
	assert.Equal(t, harness.SourceHost, m.Source, "sample")
	assert.Equal(t, "gated", m.Session, "sample")
}

func TestState(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	p.SetThermal(battery.ThermalSerious)
	p.SetLocked(true)
	state, err := s.State(t.Context())
	require.NoError(t, err)
	require.NotNil(t, state.Locked, "state")
	require.True(t, *state.Locked, "state")
	require.NotNil(t, state.Thermal, "state")
	assert.Equal(t, harness.ThermalSerious, *state.Thermal, "state")
	assert.Nil(t, state.LowPowerMode, "state")
	require.NotNil(t, state.BatteryPercent, "state")
	require.Positive(t, *state.BatteryPercent, "state")
	require.NotNil(t, state.BatteryCelsius, "state")
	require.NotNil(t, state.FreeDiskBytes, "state")
	assert.Positive(t, *state.FreeDiskBytes, "state")
	assert.NotNil(t, state.ExternalPower, "state")
	reading, err := s.Battery(t.Context())
	require.NoError(t, err, "Battery")
	assert.NotNil(t, reading.Percent, "Battery")
}
