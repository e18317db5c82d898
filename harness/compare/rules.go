package compare

import (
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Rules are what recorded sessions are judged by: a policy, and what a caller changes of it.
type Rules struct {
	Policy    harness.Policy
	Strict    bool     // regression only where a loss above the threshold is itself proven
	Metrics   []string // names or labels, judged instead of the policy's metrics, limits and requirements; nil: the policy's
	Threshold float64  // relative loss for Metrics; 0: the gate's default
	Looks     []int    // numbers of pairs at which the gate looks; nil: the gate's own
}

// Thresholds are the metrics to judge, each with the rule that it is judged by. A metric of Metrics that does not exist is a
// usage error.
func (r Rules) Thresholds() (map[string]gate.Rule, error) {
	out := map[string]gate.Rule{}
	if len(r.Metrics) == 0 {
		for metric, threshold := range r.Policy.Threshold {
			out[metric] = r.rule(metric, threshold)
		}
	}
	for _, named := range r.Metrics {
		m, ok := harness.MetricNamed(named)
		if !ok {
			return nil, harness.UsageError("judge", "Metrics: "+MetricLabels()+".", "metric %q is not known", named)
		}
		out[m.Name] = r.rule(m.Name, r.Threshold)
	}
	return out, nil
}

func (r Rules) rule(metric string, threshold float64) gate.Rule {
	if threshold == 0 {
		threshold = gate.DefaultThreshold
	}
	return gate.Rule{Threshold: threshold, Strict: r.Strict, Floor: r.Policy.Floor[metric], Looks: r.Looks}
}

// limit is the policy's absolute limit of a metric; nil: it has none.
func (r Rules) limit(metric string) *float64 {
	limit, ok := r.Policy.Limit[metric]
	if !ok {
		return nil
	}
	return &limit
}

// MetricLabels lists the labels of all metrics for a message, in the order in which reports show them.
func MetricLabels() string {
	var out []string
	for _, m := range harness.Metrics() {
		out = append(out, m.Label)
	}
	return strings.Join(out, "; ") // labels have commas
}
