package derive

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// open is an iteration that has begun and not ended.
type open struct {
	it        harness.Iteration
	spoilt    string   // why it cannot be trusted; empty: it can
	first     bool     // the first of its process
	regime    string   // of its process's first load
	footprint *float64 // highest, whatever the phase
	prefill   *float64 // highest during the prompt's pass
	decode    *float64 // highest while it generated
	text      strings.Builder
}

// Moment is where the app stands, for people.
type Moment struct {
	Iteration int
	Warmup    bool
	Tokens    int
	TokS      *float64 // so far in this iteration; nil before the second token
}

// Moment returns the iteration in progress, and false between iterations.
func (f *Fold) Moment() (Moment, bool) {
	if f.current == nil {
		return Moment{}, false
	}
	it := f.current.it
	m := Moment{Iteration: it.Index, Warmup: it.Warmup, Tokens: len(it.TokenNs)}
	if rate, ok := DecodeRate(it.TokenNs); ok {
		m.TokS = &rate
	}
	return m, true
}

func (f *Fold) apply(line wire.Line, y *Yield) {
	e := *line.Event
	switch e.Kind {
	case wire.Load:
		f.load(e, line.Number, y)
	case wire.IterationBegin:
		if e.Iteration != nil {
			f.begin(e, line.Number, y)
		}
	case wire.Prefill, wire.Tokens, wire.IterationEnd:
		if e.Iteration != nil && f.locate(e, line.Number, y) {
			f.advance(e, y)
		}
	case wire.Sample:
		f.sample(e, line.Number, y)
	case wire.Thermal:
		f.thermal(e, line.Number, y)
	case wire.MemoryWarning:
		f.problem(y, line.Number, "the system reported memory pressure")
	case wire.Error:
		f.failed(e, line.Number, y)
	case wire.End:
		if f.current != nil {
			f.close(y, harness.OutcomeInvalid, "its end is missing", e.AtNs, false)
		}
		f.summary.Ended, f.summary.EndReason = true, e.Reason
	}
}

func (f *Fold) begin(e wire.Event, line int, y *Yield) {
	index := *e.Iteration
	if f.current != nil {
		f.close(y, harness.OutcomeInvalid, "its end is missing", e.AtNs, false)
	}
	if f.broken != nil && f.broken.it.Index == index {
		f.problem(y, line, fmt.Sprintf("iteration %d was cut off after %d tokens and begun again by the next process",
			index, len(f.broken.it.TokenNs)))
		f.broken = nil
	}
	f.settleBroken(y)
	if f.done[index] {
		f.problem(y, line, fmt.Sprintf("iteration %d was begun again after its end; the first one stands", index))
		f.again = &index
		return
	}
	f.again = nil
	f.start(e)
	if e.Warmup != nil {
		f.current.it.Warmup = *e.Warmup
	}
	if e.PromptTokens != nil {
		f.current.it.PromptTokens = *e.PromptTokens
	}
	if e.Newer() {
		f.spoil(newness(e))
	}
}

func (f *Fold) start(e wire.Event) {
	f.current = &open{
		it:     harness.Iteration{Session: f.expect.Session, Index: *e.Iteration, BeginNs: e.AtNs},
		first:  f.process.iterations == 0,
		regime: f.process.regime,
	}
	f.process.iterations++
}

// locate makes the event's iteration the current one, and reports whether there is one to advance.
func (f *Fold) locate(e wire.Event, line int, y *Yield) bool {
	index := *e.Iteration
	if f.current != nil && f.current.it.Index == index {
		return true
	}
	if f.again != nil && *f.again == index {
		return false
	}
	if f.done[index] {
		f.problem(y, line, fmt.Sprintf("%s of iteration %d after its end", e.Kind, index))
		f.spoil(fmt.Sprintf("a line of iteration %d is among its lines", index))
		return false
	}
	if f.current != nil {
		f.close(y, harness.OutcomeInvalid, "its end is missing", e.AtNs, false)
	}
	f.settleBroken(y)
	if f.done[index] { // it was the broken one
		return false
	}
	f.start(e)
	f.spoil("its beginning is missing")
	return true
}

// advance applies a prefill, tokens or end to the current iteration.
func (f *Fold) advance(e wire.Event, y *Yield) {
	c := f.current
	switch e.Kind {
	case wire.Prefill:
		if e.PromptTokens != nil {
			c.it.PromptTokens = *e.PromptTokens
		}
		if e.Ns == nil {
			return
		}
		if *e.Ns < 0 {
			f.spoil(fmt.Sprintf("its prefill took %d ns", *e.Ns))
			return
		}
		ns := *e.Ns
		c.it.PrefillNs = &ns
	case wire.Tokens:
		f.tokens(e)
	case wire.IterationEnd:
		if e.Count != nil && *e.Count != len(c.it.TokenNs) {
			f.spoil(fmt.Sprintf("the app counted %d tokens and %d arrived", *e.Count, len(c.it.TokenNs)))
		}
		outcome, reason := readOutcome(e)
		f.close(y, outcome, reason, e.AtNs, true)
	}
}

func (f *Fold) tokens(e wire.Event) {
	c := f.current
	if e.First == nil || len(e.IDs) != len(e.At) {
		f.spoil("a line of tokens lacks its index or time stamps")
		return
	}
	if *e.First != len(c.it.TokenNs) {
		f.spoil(fmt.Sprintf("received token %d, expected token %d", *e.First, len(c.it.TokenNs)))
	}
	last := c.it.BeginNs
	if n := len(c.it.TokenNs); n > 0 {
		last = c.it.TokenNs[n-1]
	}
	for _, at := range e.At {
		if at < last {
			f.spoil("its tokens' time stamps go back")
		}
		last = at
	}
	if ahead := last - e.AtNs; len(e.At) > 0 && ahead > reorder.Nanoseconds() {
		f.spoil(fmt.Sprintf("a token's time stamp is %v later than that of its line", time.Duration(ahead)))
	}
	c.it.TokenIDs = append(c.it.TokenIDs, e.IDs...)
	c.it.TokenNs = append(c.it.TokenNs, e.At...)
	c.text.WriteString(e.Text)
	f.summary.Tokens += len(e.IDs)
}

func readOutcome(e wire.Event) (harness.Outcome, string) {
	switch o := harness.Outcome(e.Outcome); o {
	case harness.OutcomeOK, harness.OutcomeThermal, harness.OutcomeJetsam, harness.OutcomeTimeout,
		harness.OutcomeAppCrash, harness.OutcomeInvalid, harness.OutcomeError:
		return o, e.Reason
	}
	return harness.OutcomeInvalid, fmt.Sprintf("the app gave the unknown outcome %q", e.Outcome)
}

// close ends the current iteration and yields it with its figures. seen says that the app itself told the end.
func (f *Fold) close(y *Yield, outcome harness.Outcome, reason string, at int64, seen bool) {
	c := f.current
	f.current = nil
	if c.spoilt != "" {
		switch outcome {
		case harness.OutcomeOK:
			outcome, reason = harness.OutcomeInvalid, c.spoilt
		case harness.OutcomeInvalid:
			reason = c.spoilt + "; " + reason
		}
	}
	c.it.Outcome, c.it.Reason, c.it.Thermal = outcome, reason, f.process.thermal
	c.it.Text = c.text.String()
	if seen {
		end := at
		c.it.EndNs = &end
	}
	if len(c.it.TokenNs) > 0 {
		first := c.it.TokenNs[0]
		c.it.FirstTokenNs = &first
	}
	f.yield(y, c)
}

func (f *Fold) yield(y *Yield, c *open) {
	f.done[c.it.Index] = true
	y.Iterations = append(y.Iterations, c.it)
	if c.it.Outcome != harness.OutcomeOK {
		if c.it.Outcome == harness.OutcomeThermal && !c.it.Warmup {
			f.pace = append(f.pace, c.it.TokenNs...) // no figure of its own, but throughput up to where heat ended it
		}
		f.figures.failed(c.it)
		return
	}
	if !c.it.Warmup {
		f.summary.Measured++
		f.pace = append(f.pace, c.it.TokenNs...)
		f.widen(c.it)
	}
	y.Samples = append(y.Samples, f.derive(c)...)
}

// widen extends the measured window by an iteration. After a relaunch it starts anew: the clock is another.
func (f *Fold) widen(it harness.Iteration) {
	if w := f.window; !w.set || w.process != f.summary.Processes {
		f.window = window{begin: it.BeginNs, process: f.summary.Processes, set: true}
	}
	if it.EndNs != nil {
		f.window.end = *it.EndNs
	}
	f.window.tokens += len(it.TokenNs)
}

// settleBroken yields the iteration that the previous process left open: nobody took it up again.
func (f *Fold) settleBroken(y *Yield) {
	c := f.broken
	if c == nil {
		return
	}
	f.broken = nil
	c.it.Outcome, c.it.Reason = harness.OutcomeAppCrash, "the process ended before it"
	c.it.Text = c.text.String()
	if len(c.it.TokenNs) > 0 {
		first := c.it.TokenNs[0]
		c.it.FirstTokenNs = &first
	}
	f.yield(y, c)
}

func (f *Fold) thermal(e wire.Event, line int, y *Yield) {
	state := harness.ThermalState(e.State)
	if state.Rank() < 0 {
		f.problem(y, line, fmt.Sprintf("unknown thermal state %q", e.State))
		return
	}
	f.process.thermal = &state
	if f.summary.ThermalStart == nil {
		f.summary.ThermalStart = &state
	}
	if w := f.summary.ThermalWorst; w == nil || state.Rank() > w.Rank() {
		f.summary.ThermalWorst = &state
	}
	if e.Newer() {
		return
	}
	ns := e.AtNs
	y.Samples = append(y.Samples, harness.Sample{
		Session: f.expect.Session, Metric: harness.ThermalRank, Value: float64(state.Rank()), Unit: "rank",
		At: f.hostWall(ns), DeviceNs: &ns, Source: harness.SourceApp,
	})
}

func (f *Fold) failed(e wire.Event, line int, y *Yield) {
	text := strings.TrimSuffix(strings.TrimSpace(e.Code+": "+e.Message), ":")
	f.problem(y, line, "the app reported "+text)
	if e.Iteration == nil && f.summary.ErrorCode == "" {
		f.summary.ErrorCode, f.summary.ErrorMessage = e.Code, e.Message
	}
}

// sample passes on a reading of the app. One that cannot be is left out with its reason; its line is kept.
func (f *Fold) sample(e wire.Event, line int, y *Yield) {
	if e.Newer() {
		f.lost(e.Metric, "the reading was "+newness(e))
		return
	}
	if e.Value == nil && e.Reason != "" {
		f.lost(e.Metric, e.Reason)
		return
	}
	if e.Value == nil {
		f.problem(y, line, e.Metric+" came without a number")
		f.lost(e.Metric, "the app read no number")
		return
	}
	value := *e.Value
	if known, ok := harness.MetricNamed(e.Metric); ok && known.Name == e.Metric && known.Unit != e.Unit {
		f.problem(y, line, fmt.Sprintf("%s came in %q, not in %q", e.Metric, e.Unit, known.Unit))
		return
	}
	if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 && neverNegative(e.Unit) {
		f.problem(y, line, fmt.Sprintf("%s cannot be %v %s", e.Metric, value, e.Unit))
		f.lost(e.Metric, fmt.Sprintf("the app read %v %s", value, e.Unit))
		return
	}
	if f.process.scored = f.process.scored || e.Phase == "score"; !f.process.scored {
		f.memory.take(e, value, f.current, f.process.iterations == 0)
	}
	ns := e.AtNs
	f.figures.have(e.Metric)
	y.Samples = append(y.Samples, harness.Sample{
		Session: f.expect.Session, Iteration: e.Iteration, Metric: e.Metric, Value: value, Unit: e.Unit,
		At: f.hostWall(ns), DeviceNs: &ns, Phase: e.Phase, Source: harness.SourceApp,
	})
}

// lost remembers why a reading and the figure that is made of it are missing.
func (f *Fold) lost(reading, reason string) {
	f.figures.without(reading, reason)
	switch reading {
	case harness.Footprint:
		f.figures.without(harness.PeakFootprint, reason)
	case harness.LedgerPeak:
		f.figures.without(harness.LifetimePeak, reason)
	case harness.Available:
		f.figures.without(harness.LeastAvailable, reason)
	}
}

func neverNegative(unit string) bool {
	switch unit {
	case "B", "s", "J", "tok/s", "ratio", "1":
		return true
	}
	return false
}
