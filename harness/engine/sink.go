package engine

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/wire"
)

// sink takes what a launch yields, records it at once and folds it.
type sink struct {
	d        *device
	ctx      context.Context
	begin    harness.SessionBegin
	fold     *derive.Fold
	live     bool // lines come as the app writes them
	final    bool // a lost device ends the session; otherwise the launch is collected when it is back
	recorded int  // lines that an earlier execution recorded: they are folded, not recorded again

	mu        sync.Mutex
	lines     int // handed on so far
	battery   []harness.BatteryReading
	peak      *harness.Sample                          // highest footprint that the host saw
	senseless string                                   // the first reading of the host's samplers that made no sense
	told      bool                                     // the runner gave the host's peak itself
	stepped   time.Duration                            // by how much the host clock had been set when it began
	rested    *span                                    // the idle window; nil: none in this execution
	heard     struct{ battery, footprint []time.Time } // when the host's samplers said something
	began     int                                      // measured iterations that began
	err       error                                    // of the recorder; nothing is recorded after it
}

func (d *device) newSink(ctx context.Context, past harness.SessionState, live bool) *sink {
	begin, s := past.Begin, past.Begin.Case.Scenario
	return &sink{d: d, ctx: ctx, begin: begin, live: live, stepped: d.hostStep(), recorded: past.Lines, battery: slices.Clone(past.Battery),
		fold: derive.NewFold(derive.Expect{Session: begin.ID, Iterations: s.Iterations, Duration: s.Duration})}
}

func (s *sink) record(entries ...harness.Entry) {
	if s.err != nil || len(entries) == 0 {
		return
	}
	for i := range entries {
		entries[i].Session = s.begin.ID
	}
	s.err = s.d.record(s.ctx, entries...)
}

// Line records an event line together with all that follows from it, in one call.
func (s *sink) Line(number int, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number <= s.lines {
		return // handed on before
	}
	now := s.d.clock.Now()
	var entries []harness.Entry
	if number > s.lines+1 {
		entries = append(entries, s.notice("events", fmt.Sprintf("lines %d to %d did not arrive", s.lines+1, number-1)))
	}
	s.lines = number
	var received time.Time // a line that is collected was written long ago: its receipt says nothing of the clocks
	if s.live {
		received = now
	}
	entries = append(entries, harness.Entry{Line: &harness.EventLine{Session: s.begin.ID, Number: number, Text: string(text), At: now}})
	line := wire.DecodeLine(number, text)
	entries = append(entries, s.entries(s.fold.Add(line, received))...)
	if number > s.recorded {
		s.record(entries...)
	}
	s.progress(line)
}

// entries turns what followed from a line into records.
func (s *sink) entries(y derive.Yield) []harness.Entry {
	var out []harness.Entry
	for i := range y.Iterations {
		if !y.Iterations[i].Warmup {
			s.began++
		}
		out = append(out, harness.Entry{Iteration: &y.Iterations[i]})
	}
	for i := range y.Samples {
		out = append(out, harness.Entry{Sample: &y.Samples[i]})
	}
	for _, p := range y.Problems {
		out = append(out, s.notice("events", p.Text))
	}
	return out
}

func (s *sink) notice(what, text string) harness.Entry {
	return harness.Entry{Notice: &harness.Notice{Session: s.begin.ID, What: what, Text: text, At: s.d.clock.Now()}}
}

func (s *sink) progress(line wire.Line) {
	if line.Event == nil {
		return
	}
	scenario := s.begin.Case.Scenario
	total := 0
	if scenario.Duration == 0 {
		total = scenario.Warmups + scenario.Iterations
	}
	switch line.Event.Kind {
	case wire.Hello:
		s.d.tell(Progress{Step: "loading model"})
	case wire.IterationBegin, wire.Tokens:
		if m, ok := s.fold.Moment(); ok {
			if scenario.MinimumWork > 0 && m.Iteration >= total {
				total = 0 // beyond the planned ones: until they have lasted long enough
			}
			s.d.tell(Progress{Step: "generating", Iteration: m.Iteration, Iterations: total, Warmup: m.Warmup, Tokens: m.Tokens, TokS: m.TokS})
		}
	case wire.End:
		s.d.tell(Progress{Step: "finishing"})
	}
}

// Battery records a reading of the gauge.
func (s *sink) Battery(reading harness.BatteryReading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.battery = append(s.battery, reading)
	s.heard.battery = append(s.heard.battery, reading.At)
	s.record(harness.Entry{Battery: &reading})
}

// Sample records a reading of one of the host's samplers. One that cannot be is left out, and said so once.
func (s *sink) Sample(sample harness.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sample.Session = s.begin.ID
	if v := sample.Value; math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		if s.senseless == "" {
			s.senseless = fmt.Sprintf("the host's sampler read %v %s for %s: left out", v, sample.Unit, sample.Metric)
			s.record(s.notice("telemetry", s.senseless))
		}
		return
	}
	switch sample.Metric {
	case harness.PeakFootprintHost:
		s.told = true
	case harness.FootprintHost:
		s.heard.footprint = append(s.heard.footprint, sample.At)
		if s.peak == nil || sample.Value > s.peak.Value {
			s.peak = &sample
		}
	}
	s.record(harness.Entry{Sample: &sample})
}

// state is what a store would know of the launch now.
func (s *sink) state() harness.SessionState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return harness.SessionState{Begin: s.begin, Lines: max(s.lines, s.recorded), Battery: slices.Clone(s.battery)}
}

// Notice passes a runner's progress on to people.
func (s *sink) Notice(p harness.Progress) { s.d.step(p) }

// Note records what a runner has to say of the launch.
func (s *sink) Note(what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(s.notice(what, text))
}

// Payload records a MetricKit payload that lay beside the events.
func (s *sink) Payload(name string, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := "metric"
	for _, mark := range []string{`"callStackTree"`, `"diagnosticMetaData"`, `Diagnostics"`} {
		if bytes.Contains(raw, []byte(mark)) {
			kind = "diagnostic"
		}
	}
	s.record(harness.Entry{Payload: &harness.Payload{Session: s.begin.ID, Name: name, Kind: kind, At: s.d.clock.Now(), Raw: bytes.Clone(raw)}})
}
