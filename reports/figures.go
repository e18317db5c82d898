package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/stats"
)

// Report is a run with its figures.
type Report struct {
	Recorded    harness.Recorded
	Cases       []Case
	CrossChecks []harness.CrossCheck // what MetricKit says beside it; set by who reads the payloads
}

// Case is what one arm of one case yielded.
type Case struct {
	Case         harness.Case
	Arm          harness.Arm
	Arms         int // how many arms of this case the run has
	Build        harness.Build
	Fingerprint  harness.Fingerprint
	Sessions     []harness.RecordedSession
	Planned      int // iterations
	Measured     int
	ThermalStart *harness.ThermalState // hottest at a session's start
	ThermalWorst *harness.ThermalState
	Figures      []Figure
	Ends         []End // sessions that did not end ok
}

// Figure is one metric of a case in its base unit, or why there is none.
type Figure struct {
	Metric      harness.Metric
	Label       string
	Summary     stats.Summary // of the sessions' medians
	Min, Max    *float64      // of the single readings
	Readings    int
	Sessions    int
	Method      string
	Uncertainty *float64 // largest of the sessions'
	Absent      string   // reason; empty: there is a value
	Note        string   // what else a reader must know
}

// End is how one session ended, where not well.
type End struct {
	Session string
	Outcome harness.Outcome
	Reason  string
}

// cutOff is what stands for the outcome of a session that has no end.
const cutOff harness.Outcome = "cut off"

// New computes a run's figures.
func New(recorded harness.Recorded) Report {
	r := Report{Recorded: recorded}
	index := map[string]int{}
	for _, s := range recorded.Counting() {
		c := s.Begin.Case
		key := strings.Join([]string{c.Key(), c.Device.UDID, c.Model.Hash, string(s.Begin.Planned.Arm)}, "\x00")
		i, ok := index[key]
		if !ok {
			i = len(r.Cases)
			index[key] = i
			r.Cases = append(r.Cases, Case{Case: c, Arm: s.Begin.Planned.Arm, Build: s.Begin.Build, Fingerprint: s.Begin.Fingerprint})
		}
		r.Cases[i].Sessions = append(r.Cases[i].Sessions, s)
	}
	for i := range r.Cases {
		r.Cases[i].compute()
		for _, other := range r.Cases {
			if other.Case.Key() == r.Cases[i].Case.Key() && other.Case.Device.UDID == r.Cases[i].Case.Device.UDID {
				r.Cases[i].Arms++
			}
		}
	}
	return r
}

// compute fills in what follows from the sessions.
func (c *Case) compute() {
	for _, s := range c.Sessions {
		c.count(s)
		switch {
		case s.End == nil:
			c.Ends = append(c.Ends, End{s.Begin.ID, cutOff, "the harness ended before it; `bench run --resume` continues it"})
		case s.End.Outcome != harness.OutcomeOK:
			c.Ends = append(c.Ends, End{s.Begin.ID, s.End.Outcome, s.End.Reason})
		}
	}
	firsts := len(c.valuesOf(harness.TTFTFirstEver)) > 0
	for _, m := range harness.Metrics() {
		f := c.figure(m)
		if m.Name == harness.TTFTCold && f.Absent == m.Absent && firsts {
			f.Absent = "every process was the first after an install"
		}
		if f.Absent == "" || !m.Optional || f.Absent != neverRecorded {
			c.Figures = append(c.Figures, f)
		}
	}
}

func (c *Case) count(s harness.RecordedSession) {
	if s.End == nil {
		c.Planned += s.Begin.Case.Scenario.Iterations
		for _, it := range s.Iterations {
			if !it.Warmup && it.Outcome == harness.OutcomeOK {
				c.Measured++
			}
		}
		return
	}
	c.Planned += s.End.Planned
	c.Measured += s.End.Measured
	c.ThermalStart = hotter(c.ThermalStart, s.End.ThermalStart)
	c.ThermalWorst = hotter(c.ThermalWorst, s.End.ThermalWorst)
}

func hotter(a, b *harness.ThermalState) *harness.ThermalState {
	if a == nil || b != nil && b.Rank() > a.Rank() {
		return b
	}
	return a
}

// figure summarises one metric over the sessions.
func (c *Case) figure(m harness.Metric) Figure {
	f := Figure{Metric: m, Label: m.Label}
	var medians, all []float64
	for _, s := range c.Sessions {
		values := s.Values(m.Name)
		if len(values) == 0 {
			continue
		}
		medians = append(medians, stats.Median(values))
		all = append(all, values...)
		f.describe(s)
	}
	f.Readings, f.Sessions = len(all), len(medians)
	reasons := c.absences(m.Name)
	if len(all) == 0 {
		f.Absent = cmp.Or(strings.Join(reasons, "; "), m.Absent, neverRecorded)
		return f
	}
	f.Summary = stats.Summarize(medians)
	low, high := slices.Min(all), slices.Max(all)
	f.Min, f.Max = &low, &high
	if missing := len(c.Sessions) - len(medians); missing > 0 && len(reasons) > 0 {
		f.Note = fmt.Sprintf("missing in %d of %d sessions: %s", missing, len(c.Sessions), strings.Join(reasons, "; "))
	}
	return f
}

// valuesOf lists the kept readings of a metric over all sessions.
func (c *Case) valuesOf(metric string) []float64 {
	var out []float64
	for _, s := range c.Sessions {
		out = append(out, s.Values(metric)...)
	}
	return out
}

// describe takes method and uncertainty from a session's samples of the figure.
func (f *Figure) describe(s harness.RecordedSession) {
	for _, m := range s.Samples {
		if m.Metric != f.Metric.Name {
			continue
		}
		if m.Method != "" && !strings.Contains(f.Method, m.Method) {
			f.Method = strings.TrimPrefix(f.Method+", "+m.Method, ", ")
		}
		if m.Uncertainty != nil && (f.Uncertainty == nil || *m.Uncertainty > *f.Uncertainty) {
			f.Uncertainty = m.Uncertainty
		}
	}
}

// absences lists the distinct reasons that sessions give for a missing metric.
func (c *Case) absences(metric string) []string {
	var out []string
	for _, s := range c.Sessions {
		for _, a := range s.Absences {
			if a.Metric == metric && !slices.Contains(out, a.Reason) {
				out = append(out, a.Reason)
			}
		}
	}
	return out
}

// neverRecorded is the reason where nobody has given one.
const neverRecorded = "not recorded"

// label is what people call a metric; a name that is none stays as it is.
func label(metric string) string {
	if metric == compare.AnyMetric {
		return "any metric"
	}
	if m, ok := harness.MetricNamed(metric); ok {
		return m.Label
	}
	return metric
}

// figureOf returns the figure of a metric.
func (c Case) figureOf(metric string) (Figure, bool) {
	for _, f := range c.Figures {
		if f.Metric.Name == metric {
			return f, true
		}
	}
	return Figure{}, false
}
