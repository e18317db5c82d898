package baseline

import (
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
)

// Size is how much a baseline holds, of the metric that has most.
type Size struct {
	Nights   int
	Sessions int
	Metrics  int
}

// SizeOf counts nights, sessions and metrics of a baseline.
func SizeOf(b harness.Baseline) Size {
	out := Size{Metrics: len(b.Series)}
	for _, series := range b.Series {
		sessions := 0
		for _, night := range series {
			sessions += len(night.Sessions)
		}
		out.Nights, out.Sessions = max(out.Nights, len(series)), max(out.Sessions, sessions)
	}
	return out
}

// Median is the median of the nights' medians of their sessions' medians, in the metric's base unit. There must be a night.
func Median(nights []harness.BaselineNight) float64 {
	var out []float64
	for _, night := range nights {
		var sessions []float64
		for _, s := range night.Sessions {
			sessions = append(sessions, stats.Median(s))
		}
		out = append(out, stats.Median(sessions))
	}
	return stats.Median(out)
}

// Difference is what accepting a proposed baseline would change.
type Difference struct {
	Proposed Stored
	Old      *harness.Baseline // nil: nothing is stored for the case
	Differs  []string          // what makes the two incomparable: "OS build 22A100 and 22G86"
	Metrics  []MetricChange    // of either, in the order of [harness.Metrics]
}

// MetricChange is a metric's median before and after, base units; nil where that baseline has no night of it.
type MetricChange struct {
	Metric  harness.Metric
	Was, Is *float64
}

// Diff compares proposed baselines with the stored ones.
func Diff(proposed []Stored) ([]Difference, error) {
	var out []Difference
	for _, p := range proposed {
		old, err := Read(p.Path)
		if err != nil {
			return nil, err
		}
		difference := Difference{Proposed: p, Old: old, Metrics: changes(old, p.Baseline)}
		if old != nil {
			difference.Differs = gate.Differences(append(Sessions(*old), Sessions(p.Baseline)...))
		}
		out = append(out, difference)
	}
	return out, nil
}

func changes(old *harness.Baseline, proposed harness.Baseline) []MetricChange {
	var out []MetricChange
	for _, m := range harness.Metrics() {
		change := MetricChange{Metric: m, Is: medianOf(proposed.Series[m.Name])}
		if old != nil {
			change.Was = medianOf(old.Series[m.Name])
		}
		if change.Was != nil || change.Is != nil {
			out = append(out, change)
		}
	}
	return out
}

func medianOf(nights []harness.BaselineNight) *float64 {
	if len(nights) == 0 {
		return nil
	}
	median := Median(nights)
	return &median
}

// Sessions gives a baseline the form that comparability is asked of, see [gate.Differences].
func Sessions(b harness.Baseline) []harness.SessionSeries {
	return []harness.SessionSeries{{Begin: &harness.SessionBegin{Fingerprint: b.Fingerprint, Build: b.Build}}}
}
