package gate

import (
	"fmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Limit checks a candidate against an absolute limit of its metric: not more where lower is better, not less where
// higher is. It compares the median of the sessions' medians and claims nothing of what another day would give.
func Limit(key string, metric harness.Metric, sessions [][]float64, limit float64) (Judged, error) {
	out := Judged{Verdict: harness.Verdict{Case: key, Metric: metric.Name, Judgement: harness.Inconclusive, Limit: &limit}}
	if err := positive(harness.ArmCandidate, sessions); err != nil {
		return out, fmt.Errorf("check %s of %s against its limit: %w", metric.Label, key, err)
	}
	of := medians(metric, sessions)
	if len(of) == 0 {
		out.Reason = "no session has enough readings for the limit"
		return out, nil
	}
	value := stats.Median(of)
	out.Value, out.Measured, out.Judgement = &value, len(of), harness.Pass
	if metric.Better == harness.Lower && value > limit || metric.Better == harness.Higher && value < limit {
		out.Judgement = harness.OverLimit
	}
	bound := "at most"
	if metric.Better == harness.Higher {
		bound = "at least"
	}
	out.Reason = fmt.Sprintf("%s, absolute limit %s %s", harness.Quantity(metric.Unit, value), bound, harness.Quantity(metric.Unit, limit))
	return out, nil
}
