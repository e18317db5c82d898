package runnertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

func testDevices(l *lab) {
	first, err := l.runner.Devices(l.ctx)
	if err != nil || len(first) == 0 {
		l.Fatalf("Devices() = %v, %v", first, err)
	}
	seen := map[string]bool{}
	for _, d := range first {
		if d.UDID == "" || d.Name == "" || d.Kind == "" || d.ProductType == "" || strings.Contains(d.ProductType, "/") {
			l.Errorf("device %+v lacks a UDID, name, kind or product type", d)
		}
		if seen[d.UDID] {
			l.Errorf("UDID %s comes twice", d.UDID)
		}
		seen[d.UDID] = true
	}
	again, err := l.runner.Devices(l.ctx)
	if err != nil || !reflect.DeepEqual(first, again) {
		l.Errorf("Devices() again = %+v, %v, want %+v", again, err, first)
	}
}

func testOpenUnknown(l *lab) {
	_, err := l.runner.Open(l.ctx, harness.Device{UDID: "no-such-device", Name: "nobody's phone"})
	if harness.KindOf(err) != harness.KindDevice || err == nil || harness.HintOf(err) == "" {
		l.Errorf(
			"Open() of an unknown device = %v (kind %s, hint %q), want an error of kind device with a hint", err, harness.KindOf(err),
			harness.HintOf(err),
		)
	}
}

// testOpenTwice: a device that was let go can be taken hold of again.
func testOpenTwice(l *lab) {
	d := l.device()
	if err := l.open(d).Close(); err != nil {
		l.Fatalf("Close() = %v", err)
	}
	s := l.open(d)
	if _, err := s.State(l.ctx); err != nil {
		l.Errorf("State() of the second session = %v", err)
	}
}

func testState(l *lab) {
	s := l.open(l.device())
	state, err := s.State(l.ctx)
	if err != nil || state.At.IsZero() {
		l.Fatalf("State() = %+v, %v", state, err)
	}
	if l.Battery && (state.BatteryPercent == nil || *state.BatteryPercent <= 0 || *state.BatteryPercent > 100) {
		l.Errorf("State() has battery %v", state.BatteryPercent)
	}
	if c := state.BatteryCelsius; c != nil && (*c < -20 || *c > 100) {
		l.Errorf("State() has a battery of %v °C", *c)
	}
}

func testPrepare(l *lab) {
	s := l.open(l.device())
	first := l.prepare(s)
	if !first.FirstEver {
		l.Errorf("Prepare() on a fresh device = %+v, want first ever", first)
	}
	second := l.prepare(s)
	if second.BuildInstalled || second.ModelPushed || second.PushedBytes != 0 || !second.FirstEver {
		l.Errorf("Prepare() again, without a launch between = %+v, want nothing done and still first ever", second)
	}
	if _, exit := l.run(s, l.task("first", "")); exit.Outcome != harness.OutcomeOK {
		l.Fatalf("Run() = %+v", exit)
	}
	third := l.prepare(s)
	if third.BuildInstalled || third.ModelPushed || third.FirstEver {
		l.Errorf("Prepare() after a launch = %+v, want nothing done and not first ever", third)
	}
}

func testPrepareMissing(l *lab) {
	s := l.open(l.device())
	build, model := l.Build, l.Model
	build.Path, build.Hash = l.TempDir()+"/missing", "00"
	_, err := s.Prepare(l.ctx, build, l.Model, func(harness.Progress) {})
	if err == nil || harness.KindOf(err) != harness.KindBuild {
		l.Errorf("Prepare() with a missing build = %v (kind %s), want kind build", err, harness.KindOf(err))
	}
	model.Path, model.Hash = l.TempDir()+"/missing", "00"
	_, err = s.Prepare(l.ctx, l.Build, model, func(harness.Progress) {})
	if err == nil || harness.KindOf(err) != harness.KindModel {
		l.Errorf("Prepare() with a missing model = %v (kind %s), want kind model", err, harness.KindOf(err))
	}
	l.prepare(s) // the session still works
}

// decoded checks what holds of every launch's lines and returns them as events; garbled lines are left out.
func (l *lab) decoded(r *record) []wire.Event {
	l.Helper()
	for _, p := range r.problems {
		l.Error(p)
	}
	var out []wire.Event
	for i, text := range r.all() {
		if line := wire.DecodeLine(i+1, []byte(text)); line.Event != nil {
			out = append(out, *line.Event)
		}
	}
	return out
}

// complete checks that the lines are a whole launch of the task.
func (l *lab) complete(r *record, task harness.Task) {
	l.Helper()
	events := l.decoded(r)
	if len(events) < 3 || events[0].Kind != wire.Hello || events[0].Session != task.Session {
		l.Fatalf("the first of %d events is %+v, want the hello of %s", len(events), events, task.Session)
	}
	if last := events[len(events)-1]; last.Kind != wire.End {
		l.Fatalf("the last event is %+v, want the end", last)
	}
	tokens, ended := 0, 0
	for i, e := range events {
		if e.Seq != int64(i) {
			l.Fatalf("event %d has the sequence number %d", i, e.Seq)
		}
		tokens += len(e.IDs)
		if e.Kind == wire.IterationEnd {
			ended++
		}
	}
	s := task.Scenario
	if n := s.Warmups + s.Iterations; ended != n || tokens != n*s.GenerateTokens {
		l.Errorf("%d iterations with %d tokens, want %d with %d", ended, tokens, n, n*s.GenerateTokens)
	}
}

func testRun(l *lab) {
	s := l.ready()
	task := l.task("whole", "")
	r, exit := l.run(s, task)
	if exit.Outcome != harness.OutcomeOK || exit.Code != nil && *exit.Code != 0 {
		l.Errorf("Run() = %+v, want ok", exit)
	}
	l.complete(r, task)
	// A second launch is another session.
	task = l.task("another", "")
	r, _ = l.run(s, task)
	l.complete(r, task)
}

// partial checks that a launch that was cut off at a token of the second iteration left its lines up to there.
func (l *lab) partial(r *record) {
	l.Helper()
	tokens, ends := 0, 0
	for _, e := range l.decoded(r) {
		tokens += len(e.IDs)
		if e.Kind == wire.End {
			ends++
		}
	}
	if ends != 0 || tokens < l.Generate || tokens >= 2*l.Generate {
		l.Errorf("%d tokens and %d end events, want the first iteration's %d tokens, part of the second's, and no end", tokens, ends, l.Generate)
	}
}

// place is a token in the middle of the second iteration.
func (l *lab) place(fault string) string {
	return fmt.Sprintf("%s@token:%d", fault, l.Generate+l.Generate/2)
}

func testCrash(l *lab) {
	r, exit := l.run(l.ready(), l.task("crash", l.place("crash")))
	if exit.Outcome != harness.OutcomeAppCrash || exit.Reason == "" {
		l.Errorf("Run() of a crashing app = %+v, want app_crash with a reason", exit)
	}
	l.partial(r)
}

func testJetsam(l *lab) {
	r, exit := l.run(l.ready(), l.task("jetsam", l.place("jetsam")))
	if exit.Outcome != harness.OutcomeJetsam && exit.Outcome != harness.OutcomeAppCrash || exit.Reason == "" {
		l.Errorf("Run() of an app that the system kills = %+v, want jetsam, or app_crash where that cannot be told", exit)
	}
	l.partial(r)
}

func testExitCode(l *lab) {
	_, exit := l.run(l.ready(), l.task("exit", "exit@load"))
	if exit.Outcome != harness.OutcomeAppCrash || exit.Code != nil && *exit.Code != 9 {
		l.Errorf("Run() of an app that ends with code 9 while loading = %+v, want app_crash", exit)
	}
}

func testErrorEvent(l *lab) {
	r, exit := l.run(l.ready(), l.task("oom", l.place("oom")))
	events := l.decoded(r)
	if len(events) == 0 || events[len(events)-1].Kind != wire.End {
		l.Errorf("an app that reports an error and ends in order: %d events without an end (exit %+v)", len(events), exit)
	}
	if exit.Code != nil && *exit.Code == 0 {
		l.Errorf("Run() = %+v, want another code than 0", exit)
	}
}

func testGarbled(l *lab) {
	r, exit := l.run(l.ready(), l.task("garble", "garble@line:8"))
	if exit.Outcome != harness.OutcomeOK {
		l.Errorf("Run() with a damaged line = %+v, want ok: judging lines is not the runner's part", exit)
	}
	garbled := 0
	for i, text := range r.all() {
		if wire.DecodeLine(i+1, []byte(text)).Garbled != nil {
			garbled++
		}
	}
	if garbled != 1 || len(r.problems) != 0 {
		l.Errorf("%d damaged lines (problems %v), want 1", garbled, r.problems)
	}
}

// testTorn: the line that a dying app did not finish is evidence too, and comes last.
func testTorn(l *lab) {
	if !l.Torn {
		l.Skip("the app knows no such fault")
	}
	s := l.ready()
	task := l.task("torn", "tear@line:6")
	r, exit := l.run(s, task)
	if exit.Outcome != harness.OutcomeAppCrash {
		l.Errorf("Run() of an app that dies within a line = %+v, want app_crash", exit)
	}
	lines := r.all()
	if len(lines) != 6 || len(r.problems) != 0 {
		l.Fatalf("%d lines (problems %v), want the 5 whole ones and the torn one: %q", len(lines), r.problems, lines)
	}
	for i, text := range lines {
		if garbled := wire.DecodeLine(i+1, []byte(text)).Garbled != nil; garbled != (i == 5) || text == "" {
			l.Errorf("line %d is %q", i+1, text)
		}
	}
	var again record
	if _, err := s.Collect(l.ctx, task, &again); err != nil || !reflect.DeepEqual(lines, again.all()) {
		l.Errorf("Collect() = %v with %q, want the same lines %q", err, again.all(), lines)
	}
}

// testHang: an app that does nothing more is ended with its context, soon, and its lines are all there.
func testHang(l *lab) {
	s := l.ready()
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	var r record
	var once sync.Once
	r.line = func(n int) {
		if strings.Contains(r.all()[n-1], `"iteration":1`) {
			once.Do(func() { time.AfterFunc(300*time.Millisecond, cancel) })
		}
	}
	exit, err := s.Run(ctx, l.task("hang", l.place("hang")), &r)
	if l.ctx.Err() != nil {
		l.Fatal("Run() did not come back from a hanging app")
	}
	if err != nil || exit.Outcome != harness.OutcomeCancelled {
		l.Errorf("Run() with its context ended = %+v, %v, want cancelled", exit, err)
	}
	l.partial(&r)
	// The device is free again.
	task := l.task("after", "")
	again, exit := l.run(s, task)
	if exit.Outcome != harness.OutcomeOK {
		l.Fatalf("Run() after a hang = %+v", exit)
	}
	l.complete(again, task)
}

func testCancelledBefore(l *lab) {
	s := l.ready()
	ctx, cancel := context.WithCancel(l.ctx)
	cancel()
	exit, err := s.Run(ctx, l.task("never", ""), &record{})
	if err == nil && exit.Outcome != harness.OutcomeCancelled {
		l.Errorf("Run() with a context that has ended = %+v, want cancelled or an error", exit)
	}
}

func testCollect(l *lab) {
	s := l.ready()
	for name, fault := range map[string]string{"whole": "", "crashed": l.place("crash")} {
		task := l.task(name, fault)
		r, exit := l.run(s, task)
		var again record
		collected, err := s.Collect(l.ctx, task, &again)
		if err != nil || !reflect.DeepEqual(r.all(), again.all()) || len(again.problems) != 0 {
			l.Errorf(
				"Collect(%s) = %v with %d lines (problems %v), want the %d lines of the launch", name, err, len(again.all()), again.problems,
				len(r.all()),
			)
		}
		want := harness.OutcomeOK
		if exit.Outcome != harness.OutcomeOK {
			want = harness.OutcomeAppCrash
		}
		if collected.Outcome != want {
			l.Errorf("Collect(%s) = %+v, want %s", name, collected, want)
		}
	}
	if l.Reopen == nil {
		return
	}
	_ = s.Close()
	l.runner = l.Reopen(l.T)
	var later record
	if _, err := l.open(l.device()).Collect(l.ctx, l.task("whole", ""), &later); err != nil {
		l.Fatalf("Collect() by another runner = %v", err)
	}
	l.complete(&later, l.task("whole", ""))
}

func testCollectUnknown(l *lab) {
	_, err := l.ready().Collect(l.ctx, l.task("unheard-of", ""), &record{})
	if !errors.Is(err, harness.ErrNoLaunch) {
		l.Errorf("Collect() of a launch that never was = %v, want ErrNoLaunch", err)
	}
}

// testCollectFollows: an app that is still at it when another harness comes is followed to its end.
func testCollectFollows(l *lab) {
	if l.Slow == nil || l.Reopen == nil {
		l.Skip("this lab has no slow app or cannot be opened again")
	}
	task := l.task("followed", "")
	for k, v := range l.Slow {
		task.Env[k] = v
	}
	s := l.ready()
	began := make(chan struct{})
	var r record
	r.line = func(n int) {
		if n == 5 {
			close(began)
		}
	}
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := s.Run(l.ctx, task, &r); err != nil {
			l.Errorf("Run() = %v", err)
		}
	})
	<-began
	l.runner = l.Reopen(l.T)
	var follower record
	exit, err := l.open(l.device()).Collect(l.ctx, task, &follower)
	if err != nil || exit.Outcome != harness.OutcomeOK {
		l.Errorf("Collect() of a launch in progress = %+v, %v", exit, err)
	}
	l.complete(&follower, task)
	group.Wait()
}

func testPayload(l *lab) {
	task := l.task("payload", "payload@load")
	s := l.ready()
	r, _ := l.run(s, task)
	told := 0
	for _, e := range l.decoded(r) {
		if e.Kind == wire.Payload {
			told++
		}
	}
	if told == 0 {
		l.Skip("this lab's agent writes no payloads")
	}
	if raw := r.payloads["metric-0.json"]; !strings.Contains(raw, "metaData") {
		l.Errorf("payloads = %v, want metric-0.json", r.payloads)
	}
	var again record
	if _, err := s.Collect(l.ctx, task, &again); err != nil || !reflect.DeepEqual(again.payloads, r.payloads) {
		l.Errorf("Collect() = %v with payloads %v, want %v", err, again.payloads, r.payloads)
	}
}

func testBattery(l *lab) {
	if !l.Battery {
		l.Skip("this lab's devices have no battery gauge")
	}
	s := l.ready()
	r, _ := l.run(s, l.task("battery", ""))
	if len(r.battery) == 0 {
		l.Error("no battery readings with telemetry on")
	}
	for _, b := range r.battery {
		if b.At.IsZero() || b.VoltageMillivolt == nil || *b.VoltageMillivolt < 2500 || *b.VoltageMillivolt > 5000 {
			l.Errorf("battery reading %+v", b)
		}
	}
	if gauge, ok := s.(harness.Gauge); ok {
		if reading, err := gauge.Battery(l.ctx); err != nil || reading.At.IsZero() {
			l.Errorf("Battery() = %+v, %v", reading, err)
		}
	}
	task := l.task("silent", "")
	task.TelemetryInterval = 0
	if r, _ := l.run(s, task); len(r.battery) != 0 || len(r.samples) != 0 {
		l.Errorf("%d battery readings and %d samples with telemetry off", len(r.battery), len(r.samples))
	}
}

// testConcurrent: sessions on different devices at once lose nothing and mix nothing up.
func testConcurrent(l *lab) {
	devices, err := l.runner.Devices(l.ctx)
	if err != nil || len(devices) < 2 {
		l.Skipf("%d devices (%v); this wants two", len(devices), err)
	}
	var group sync.WaitGroup
	for i, d := range devices {
		s := l.open(d)
		group.Go(func() {
			if _, err := s.Prepare(l.ctx, l.Build, l.Model, func(harness.Progress) {}); err != nil {
				l.Errorf("Prepare() on %s = %v", d.Name, err)
				return
			}
			task := l.task(fmt.Sprintf("at-once-%d", i), "")
			var r record
			exit, err := s.Run(l.ctx, task, &r)
			if err != nil || exit.Outcome != harness.OutcomeOK {
				l.Errorf("Run() on %s = %+v, %v", d.Name, exit, err)
				return
			}
			for _, e := range l.decoded(&r) {
				if e.Kind == wire.Hello && e.Session != task.Session {
					l.Errorf("%s delivers the lines of session %s", d.Name, e.Session)
				}
			}
			if n := strings.Count(strings.Join(r.all(), "\n"), `"kind":"end"`); n != 1 {
				l.Errorf("%s delivers %d ends", d.Name, n)
			}
		})
	}
	group.Wait()
}
