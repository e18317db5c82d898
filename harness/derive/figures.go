package derive

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/wire"
)

// Intervals that a percentile needs before it says more than the largest value does.
const (
	minIntervalsP95 = 20
	minIntervalsP99 = 100
)

// derive computes the figures of an iteration that ended ok. A warm-up only tells what a process's first request costs.
func (f *Fold) derive(c *open) []harness.Sample {
	var out []harness.Sample
	add := func(metric string, value float64, phase string) {
		m, _ := harness.MetricNamed(metric)
		index, ns := c.it.Index, c.it.BeginNs
		if c.it.EndNs != nil {
			ns = *c.it.EndNs
		}
		f.figures.have(metric)
		out = append(out, harness.Sample{
			Session: f.expect.Session, Iteration: &index, Metric: metric, Value: value, Unit: m.Unit,
			At: f.hostWall(ns), DeviceNs: &ns, Phase: phase, Source: harness.SourceDerived,
		})
	}
	if first := c.it.FirstTokenNs; first != nil && (c.first || !c.it.Warmup) {
		add(ttftMetric(c), float64(*first-c.it.BeginNs)/1e9, "prefill")
	}
	if c.it.Warmup {
		return out
	}
	f.derivePrefill(c, add)
	f.deriveDecode(c, add)
	for _, peak := range []struct {
		metric, phase string
		value         *float64
	}{{harness.PeakFootprint, "", c.footprint}, {harness.PeakPrefill, "prefill", c.prefill}, {harness.PeakDecode, "decode", c.decode}} {
		if peak.value != nil {
			add(peak.metric, *peak.value, peak.phase)
		} else if peak.phase == "" {
			f.figures.without(peak.metric, "the app sampled no footprint during an iteration")
		}
	}
	return out
}

func ttftMetric(c *open) string {
	switch {
	case !c.first:
		return harness.TTFT
	case c.regime == "first_ever":
		return harness.TTFTFirstEver
	}
	return harness.TTFTCold
}

func (f *Fold) derivePrefill(c *open, add func(string, float64, string)) {
	switch {
	case c.it.PrefillNs == nil:
		f.figures.without(harness.PrefillTokS, "the app reported no prefill")
	case *c.it.PrefillNs == 0 || c.it.PromptTokens == 0:
		f.figures.without(harness.PrefillTokS, "prefill has no length or no duration")
	default:
		add(harness.PrefillTokS, float64(c.it.PromptTokens)/(float64(*c.it.PrefillNs)/1e9), "prefill")
	}
}

func (f *Fold) deriveDecode(c *open, add func(string, float64, string)) {
	rate, ok := DecodeRate(c.it.TokenNs)
	if !ok {
		reason := fmt.Sprintf("an iteration generated %d tokens", len(c.it.TokenNs))
		if len(c.it.TokenNs) > 1 {
			reason = "all tokens of an iteration have the same time stamp"
		}
		for _, m := range []string{harness.DecodeTokS, harness.ITLP50, harness.ITLP95, harness.ITLP99} {
			f.figures.without(m, reason)
		}
		return
	}
	add(harness.DecodeTokS, rate, "decode")
	gaps := intervals(c.it.TokenNs)
	for _, p := range []struct {
		metric string
		q      float64
		need   int
	}{{harness.ITLP50, 0.50, 1}, {harness.ITLP95, 0.95, minIntervalsP95}, {harness.ITLP99, 0.99, minIntervalsP99}} {
		if len(gaps) < p.need {
			f.figures.without(p.metric, fmt.Sprintf("%d intervals between tokens; %d are needed", len(gaps), p.need))
			continue
		}
		add(p.metric, stats.QuantileSorted(gaps, p.q), "decode")
	}
}

// intervals are the times between tokens in seconds, sorted.
func intervals(ns []int64) []float64 {
	out := make([]float64, 0, len(ns)-1)
	for i := 1; i < len(ns); i++ {
		out = append(out, float64(ns[i]-ns[i-1])/1e9)
	}
	slices.Sort(out)
	return out
}

func (f *Fold) load(e wire.Event, line int, y *Yield) {
	if f.process.regime == "" {
		f.process.regime = e.Regime
	}
	metric, ok := map[string]string{
		"first_ever": harness.LoadFirstEver, "cold": harness.LoadCold, "warm": harness.LoadWarm,
	}[e.Regime]
	switch {
	case e.Newer():
		f.figures.without(metric, "the load was "+newness(e))
		f.figures.without(harness.LoadCold, "the load was "+newness(e))
		return
	case !ok || e.Ns == nil || *e.Ns < 0:
		f.problem(y, line, fmt.Sprintf("a model load of regime %q is left out of the figures", e.Regime))
		return
	}
	ns := e.AtNs
	f.figures.have(metric)
	f.figures.have(harness.LoadCold) // one regime per launch is what there is to know
	y.Samples = append(y.Samples, harness.Sample{
		Session: f.expect.Session, Metric: metric, Value: float64(*e.Ns) / 1e9, Unit: "s",
		At: f.hostWall(ns), DeviceNs: &ns, Phase: "load", Source: harness.SourceDerived,
	})
}

// sustained computes what a soak is made for: the throughput of the windows that end at 60 s and at 300 s of generation
// against the best window up to there, and when throughput has lastingly fallen. An app that stops at the second leaves
// the very last window unfinished; the one before it stands in.
func (f *Fold) sustained(y *Yield) {
	if f.expect.Duration < time.Minute {
		return
	}
	rates := Rates(f.pace, CurveWindow)
	short := f.shortened(rates)
	for _, at := range []struct {
		metric string
		after  time.Duration
	}{{harness.Retention60, time.Minute}, {harness.Retention300, 5 * time.Minute}} {
		if f.expect.Duration < at.after {
			continue // not a soak of that length: nobody expects the figure
		}
		n := int(at.after / CurveWindow)
		if len(rates) < n-1 || f.summary.Processes != 1 || f.process.jumped != "" {
			f.figures.without(at.metric, short)
			continue
		}
		until := rates[:min(n, len(rates))]
		f.sustain(y, at.metric, until[len(until)-1]/slices.Max(until), "ratio")
	}
	for _, to := range []struct {
		metric string
		share  float64
	}{{harness.TimeTo90, 0.90}, {harness.TimeTo75, 0.75}} {
		fell, ok := FallTime(rates, to.share)
		switch {
		case f.summary.Processes != 1 || f.process.jumped != "":
			f.figures.without(to.metric, short)
		case !ok:
			f.figures.without(to.metric, fmt.Sprintf("throughput did not stay below %.0f %% of its peak within the %v of generation",
				100*to.share, time.Duration(len(rates))*CurveWindow))
		default:
			f.sustain(y, to.metric, fell.Seconds(), "s")
		}
	}
}

// sustain yields a figure of the session as a whole.
func (f *Fold) sustain(y *Yield, metric string, value float64, unit string) {
	f.figures.have(metric)
	y.Samples = append(y.Samples, harness.Sample{
		Session: f.expect.Session, Metric: metric, Value: value, Unit: unit,
		At: f.hostWall(f.pace[len(f.pace)-1]), Phase: "decode", Source: harness.SourceDerived,
		Method: fmt.Sprintf("%v windows", CurveWindow),
	})
}

// shortened says why a soak did not last.
func (f *Fold) shortened(rates []float64) string {
	lasted := time.Duration(len(rates)) * CurveWindow
	switch {
	case f.process.jumped != "":
		return f.process.jumped
	case f.summary.Processes > 1:
		return fmt.Sprintf("generation was spread over %d processes", f.summary.Processes)
	case f.summary.EndReason == string(harness.OutcomeThermal):
		return fmt.Sprintf("the app stopped at its thermal limit after %v of generation", lasted)
	}
	return fmt.Sprintf("generation lasted %v, not %v", lasted, f.expect.Duration)
}

// figures remembers which metrics were obtained, and why others were not.
type figures struct {
	obtained map[string]bool
	reasons  map[string]string
	outcomes map[harness.Outcome]int // of iterations that gave no figures
	reason   string                  // of the first of those
}

func newFigures() figures {
	return figures{obtained: map[string]bool{}, reasons: map[string]string{}, outcomes: map[harness.Outcome]int{}}
}

func (g *figures) have(metric string) { g.obtained[metric] = true }

func (g *figures) without(metric, reason string) {
	if _, ok := g.reasons[metric]; !ok {
		g.reasons[metric] = reason
	}
}

func (g *figures) failed(it harness.Iteration) {
	g.outcomes[it.Outcome]++
	if g.reason == "" {
		g.reason = it.Reason
	}
}

// absences names every figure of a launch that is missing.
func (f *Fold) absences() []harness.Absence {
	want := []string{harness.DecodeTokS, harness.PrefillTokS, harness.TTFT, harness.ITLP50, harness.ITLP95,
		harness.ITLP99, harness.LoadCold, harness.PeakFootprint}
	if f.expect.Duration >= time.Minute {
		want = append(want, harness.Retention60, harness.TimeTo90, harness.TimeTo75)
	}
	if f.expect.Duration >= 5*time.Minute {
		want = append(want, harness.Retention300)
	}
	for _, m := range harness.Metrics() {
		if _, tried := f.figures.reasons[m.Name]; tried && m.Sent { // not every launch is asked for it
			want = append(want, m.Name)
		}
	}
	var out []harness.Absence
	for _, metric := range want {
		if f.figures.obtained[metric] {
			continue
		}
		out = append(out, harness.Absence{Session: f.expect.Session, Metric: metric, Reason: f.whyWithout(metric)})
	}
	return out
}

func (f *Fold) whyWithout(metric string) string {
	if reason, ok := f.figures.reasons[metric]; ok {
		return reason
	}
	switch {
	case f.summary.Hello == nil:
		return "the app wrote no events"
	case metric == harness.LoadCold:
		return "the app reported no model load"
	case f.summary.Measured > 0 && metric == harness.TTFT:
		return "every iteration was the first of its process"
	}
	if len(f.figures.outcomes) == 0 {
		return "no iteration was measured"
	}
	var parts []string
	for outcome, n := range f.figures.outcomes {
		parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
	}
	sort.Strings(parts)
	text := "no iteration ended ok (" + strings.Join(parts, ", ") + ")"
	if f.figures.reason != "" {
		text += ": " + f.figures.reason
	}
	return text
}
