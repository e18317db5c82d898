package simulated

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// flushEvery is how often the app writes the tokens it has: often enough to be watched, seldom enough to be cheap.
const flushEvery = 250 * time.Millisecond

// errEnded is how the app's code is left when the process ends before its time.
var errEnded = errors.New("the process ended")

// app is one launch of the simulated app. All of it runs on the goroutine of who called Run: the virtual clock moves as it works.
type app struct {
	h      *handle
	ctx    context.Context
	task   harness.Task
	sink   harness.Sink
	fault  Fault
	file   *file
	random *rand.Rand

	boot    time.Time // moment 0 of the monotonic clock
	back    time.Duration
	enc     *wire.Encoder
	line    bytes.Buffer
	lines   wire.Lines // cuts the file as the host does while it watches
	speed   float64    // of this session
	pending wire.Event
	flushed time.Time
	sampled time.Time
	began   time.Time
	watched bool // lines reach the host
	exit    harness.Exit
	ended   int
	thermal harness.ThermalState
	tokens  int // generated in this launch
	written int // lines, counting one that was never written
}

// Run launches the app and sees it to its end.
func (h *handle) Run(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	if err := h.reachable("launch app"); err != nil {
		return harness.Exit{}, err
	}
	fault, err := ParseFault(task.Env[FaultVariable])
	if err != nil {
		return harness.Exit{}, &harness.Error{Kind: harness.KindUsage, Op: "launch app", Device: h.device.Name, Err: err}
	}
	h.launches++
	a := &app{
		h: h, ctx: ctx, task: task, sink: sink, fault: fault, watched: true,
		file:   &file{payloads: map[string][]byte{}},
		random: rand.New(rand.NewPCG(h.options.Seed^uint64(h.launches), h.world.count)),
		boot:   h.clock.Now().Add(-90 * time.Second), began: h.clock.Now(), sampled: h.clock.Now(),
		exit: harness.Exit{Outcome: harness.OutcomeOK, Code: at(0)},
	}
	a.enc = wire.NewEncoder(&a.line, 0)
	a.speed = h.world.unit * a.armSpeed() * math.Exp(h.options.CV/2*a.random.NormFloat64())
	h.files[task.Run+"/"+task.Session] = a.file
	h.launched[string(task.Build.Arm)+task.Build.Hash+"/"+task.Model.Hash] = true
	if err := a.main(); err != nil && !errors.Is(err, errEnded) {
		a.exit = harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "ended by the harness"}
	}
	a.load(0)
	a.lines.Close(a.tell)
	if !a.watched {
		h.lost = true
		return harness.Exit{Outcome: harness.OutcomeDeviceLost, Reason: "the device went away"}, nil
	}
	return a.exit, nil
}

func (a *app) armSpeed() float64 {
	speed := factorOf(a.task.Build, speedWord)
	if v, ok := a.h.options.Speed[a.task.Build.Arm]; ok {
		speed *= v
	}
	return speed
}

// Collect hands on what an earlier launch left.
func (h *handle) Collect(_ context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	if err := h.reachable("collect launch"); err != nil {
		return harness.Exit{}, err
	}
	f, ok := h.files[task.Run+"/"+task.Session]
	if !ok {
		return harness.Exit{}, &harness.Error{Kind: harness.KindDevice, Op: "collect launch", Device: h.device.Name, Err: harness.ErrNoLaunch}
	}
	var lines wire.Lines
	lines.Feed(f.events, sink.Line)
	lines.Close(sink.Line)
	for name, raw := range f.payloads {
		sink.Payload(name, raw)
	}
	if f.ended {
		return harness.Exit{Outcome: harness.OutcomeOK}, nil
	}
	return harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "its file has no end event"}, nil
}

// main is the app: hello, load, iterations, end.
func (a *app) main() error {
	s := a.task.Scenario
	if err := a.hello(); err != nil {
		return err
	}
	var worked time.Time // since
	for i := 0; ; i++ {
		now := a.h.clock.Now()
		if i == s.Warmups {
			worked = now
		}
		if i >= s.Warmups && done(s, i-s.Warmups, now.Sub(worked)) {
			break
		}
		if err := a.iterate(i, i < s.Warmups); err != nil {
			return err
		}
		if s.AbortThermal != "" && a.thermal.Rank() >= s.AbortThermal.Rank() {
			return a.end("thermal")
		}
	}
	if err := a.perplexity(); err != nil {
		return err
	}
	return a.end("complete")
}

// done reports whether a session has done what it was asked for.
func done(s harness.Scenario, iterations int, worked time.Duration) bool {
	if s.Duration > 0 {
		return worked >= s.Duration
	}
	return iterations >= s.Iterations && worked >= s.MinimumWork
}

// perplexity tells the same of every text: the model has no words to foresee.
func (a *app) perplexity() error {
	if a.task.ScoreText == "" {
		return nil
	}
	return a.write(wire.Event{
		Kind: wire.Sample, Metric: harness.Perplexity, Unit: "1", Phase: "score", Value: at(8.5 * factorOf(a.task.Build, wordsWord)),
	})
}

func (a *app) end(reason string) error {
	err := a.write(wire.Event{Kind: wire.End, Count: &a.ended, Reason: reason})
	a.file.ended = err == nil
	return err
}

func (a *app) hello() error {
	m, d := a.task.Model, a.h.device
	now := a.h.clock.Now()
	err := a.write(wire.Event{
		Kind: wire.Hello, Session: a.task.Session, Agent: "simulated", PID: at(1000 + a.h.launches), BundleID: a.task.Build.BundleID,
		Revision: a.task.Build.Revision, Config: a.task.Build.Configuration, Backend: "model", ComputeUnits: string(a.task.Scenario.ComputeUnits),
		OS: d.OSVersion, Machine: d.ProductType, MemoryBytes: &d.MemoryBytes, LowPower: at(false), UnixNs: at(now.UnixNano()),
	})
	if err != nil {
		return err
	}
	regime, took := "cold", 0.2+0.7*float64(m.SizeBytes)/1e9
	if a.task.FirstEver {
		regime, took = "first_ever", 1.2+9*float64(m.SizeBytes)/1e9
	}
	duration := time.Duration(took / a.speed * (1 + 0.05*a.random.Float64()) * float64(time.Second))
	a.load(0.6)
	if err := a.pass(duration); err != nil {
		return err
	}
	if a.fault.What == "exit" {
		a.exit = harness.Exit{Outcome: harness.OutcomeAppCrash, Code: at(9), Reason: "exit code 9"}
		return errEnded
	}
	if err := a.write(wire.Event{
		Kind: wire.Load, Regime: regime, Ns: at(duration.Nanoseconds()), Model: m.Name, ModelHash: m.Hash, ModelBytes: &m.SizeBytes,
	}); err != nil {
		return err
	}
	if err := a.placement(); err != nil {
		return err
	}
	if a.fault.What == "payload" {
		a.file.payloads["metric-0.json"] = []byte(`{"timeStampBegin":"2026-11-22 00:00:00 +0000","metaData":{"deviceType":"` + d.ProductType +
			`"}}`)
		a.sink.Payload("metric-0.json", a.file.payloads["metric-0.json"])
		if err := a.write(wire.Event{Kind: wire.Payload, File: "metric-0.json"}); err != nil {
			return err
		}
	}
	return a.footprint("load", nil, 0)
}

// pass lets time go by as the host watches: its samplers read, the system may report another thermal state.
func (a *app) pass(d time.Duration) error {
	if limit := a.task.Limit; limit > 0 && a.h.clock.Now().Add(d).Sub(a.began) >= limit {
		return a.hang()
	}
	if err := a.h.clock.Sleep(a.ctx, d); err != nil {
		return err
	}
	a.h.mu.Lock()
	reading, state, now := a.h.world.reading(), a.h.world.state, a.h.world.now
	a.h.mu.Unlock()
	if t := a.task.TelemetryInterval; t > 0 && a.watched && now.Sub(a.sampled) >= t {
		a.sampled = now
		a.sink.Battery(reading)
		a.sink.Sample(harness.Sample{
			Session: a.task.Session, Metric: harness.FootprintHost, Unit: "B", At: now, Value: a.bytes(0) * 1.04, Source: harness.SourceHost,
		})
	}
	if state != a.thermal {
		a.thermal = state
		if err := a.flush(); err != nil {
			return err
		}
		return a.write(wire.Event{Kind: wire.Thermal, State: string(state)})
	}
	return nil
}

func (a *app) hang() error {
	a.h.clock.Idle(a.ctx)
	return a.ctx.Err()
}

// load sets how hard the chip works, a build's appetite included.
func (a *app) load(share float64) {
	a.h.mu.Lock()
	defer a.h.mu.Unlock()
	a.h.world.busy = share * factorOf(a.task.Build, powerWord)
}

func (a *app) bytes(tokens int) float64 {
	all := 38e6 + 0.06*float64(a.task.Model.SizeBytes) + cacheBytes*float64(tokens+a.task.Scenario.KVDepth)
	return factorOf(a.task.Build, memoryWord) * all
}

func (a *app) footprint(phase string, iteration *int, tokens int) error {
	return a.write(wire.Event{
		Kind: wire.Sample, Metric: harness.Footprint, Unit: "B", Value: at(math.Round(a.bytes(tokens))), Phase: phase, Iteration: iteration,
	})
}

// write puts a line into the file, and before the host while it watches.
func (a *app) write(e wire.Event) error {
	e.AtNs = a.ns()
	a.line.Reset()
	if err := a.enc.Encode(e); err != nil {
		return err
	}
	a.written++
	strikes := a.fault.Where == "line" && a.fault.N == a.written
	if strikes && a.fault.What == "gap" {
		return nil
	}
	text := a.line.Bytes()
	if strikes && a.fault.What == "tear" {
		a.append(text[:len(text)/2])
		a.exit = crashed()
		return errEnded
	}
	if strikes {
		text = append([]byte("\x00\x00"), text[len(text)/2:]...)
	}
	a.append(text)
	return nil
}

// append puts text at the end of the file, and its lines before the host while it watches.
func (a *app) append(text []byte) {
	a.file.events = append(a.file.events, text...)
	a.lines.Feed(text, a.tell)
}

func (a *app) tell(number int, text []byte) {
	if a.watched {
		a.sink.Line(number, text)
	}
}

func (a *app) ns() int64 { return a.h.clock.Now().Sub(a.boot).Nanoseconds() - a.back.Nanoseconds() }
