package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Exact judges a metric that is the same on every run of the same build: perplexity, sizes. There is nothing to replicate:
// one reading of each arm tells the difference, its interval has no width, and whether a launch was the first after an
// install does not matter. Where readings of an arm differ all the same,
// their median counts, and a warning says by how much they do.
func Exact(key string, metric harness.Metric, baseline, candidate [][]float64, rule Rule) (Judged, error) {
	was, is := slices.Concat(baseline...), slices.Concat(candidate...)
	out := Judged{Verdict: harness.Verdict{Case: key, Metric: metric.Name, Judgement: harness.Inconclusive}}
	rule, err := rule.filled()
	if err != nil {
		return out, fmt.Errorf("judge %s of %s: %w", metric.Label, key, err)
	}
	out.Threshold = rule.Threshold
	switch {
	case len(was) == 0:
		out.Judgement, out.Reason = harness.NoBaseline, "no baseline session has a reading"
		return out, nil
	case len(is) == 0:
		out.Reason = "no candidate session has a reading"
		return out, nil
	}
	if err := errors.Join(positive(harness.ArmBaseline, baseline), positive(harness.ArmCandidate, candidate)); err != nil {
		return out, fmt.Errorf("judge %s of %s: %w", metric.Label, key, err)
	}
	before, after := stats.Median(was), stats.Median(is)
	loss := math.Log(after / before)
	if metric.Better == harness.Higher {
		loss = -loss
	}
	change := relative(loss, metric.Better)
	out.Estimate, out.Low, out.High, out.Measured, out.Pairs = &change, &change, &change, 1, 1
	switch bound := limit(rule.Threshold, metric.Better); {
	case loss > bound && math.Abs(after-before) >= rule.Floor:
		out.Judgement = harness.Regression
	case loss < -bound:
		out.Judgement = harness.Improvement
	default:
		out.Judgement = harness.Pass
	}
	out.Reason = fmt.Sprintf("%s, baseline %s", harness.Quantity(metric.Unit, after), harness.Quantity(metric.Unit, before))
	out.Warnings = append(scatter(harness.ArmBaseline, metric, was), scatter(harness.ArmCandidate, metric, is)...)
	return out, nil
}

// Readings are the values of sessions.
func Readings(sessions []harness.SessionSeries) [][]float64 {
	var out [][]float64
	for _, s := range sessions {
		if len(s.Values) > 0 {
			out = append(out, s.Values)
		}
	}
	return out
}

// scatter says that readings which ought to agree do not. Sums in another order differ in their last digits.
func scatter(arm harness.Arm, metric harness.Metric, values []float64) []string {
	const rounding = 1e-3
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if high-low <= rounding*low {
		return nil
	}
	return []string{fmt.Sprintf(
		"the %s's readings differ from launch to launch, from %s to %s", arm, harness.Quantity(metric.Unit, low),
		harness.Quantity(metric.Unit, high),
	)}
}
