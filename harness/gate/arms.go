package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Arms pairs the sessions of two arms up. Sessions of the same runs are paired by the pair that the plan put them in;
// those of different runs by their order. The first launch after an install is left out of every metric but those that
// are about just that launch. What is left out comes back as a reason, never in silence.
func Arms(metric harness.Metric, baseline, candidate []harness.SessionSeries) (series Series, left []string) {
	series.Metric = metric
	if len(candidate) > 0 {
		series.Case = candidate[0].Begin.Case.Key()
	}
	interleaved := shareRuns(baseline, candidate)
	baseline, left = usable(metric, harness.ArmBaseline, baseline)
	candidate, more := usable(metric, harness.ArmCandidate, candidate)
	left = append(left, more...)
	if interleaved {
		return byPlan(series, left, baseline, candidate)
	}
	pairs := min(len(baseline), len(candidate))
	if extra := max(len(baseline), len(candidate)) - pairs; extra > 0 && pairs > 0 {
		left = append(left, harness.Count(extra, "session")+" without a partner in the other run")
	}
	for i := range pairs {
		series.Baseline, series.Candidate = append(series.Baseline, baseline[i].Values), append(series.Candidate, candidate[i].Values)
	}
	return series, left
}

// place is where a plan put a session.
type place struct {
	run  string
	pair int
}

func placeOf(s harness.SessionSeries) place { return place{s.Run, s.Begin.Planned.Pair} }

// byPlan pairs sessions by run and pair, in the order of the candidate's sessions.
func byPlan(series Series, left []string, baseline, candidate []harness.SessionSeries) (Series, []string) {
	partner := map[place][]float64{}
	for _, b := range baseline {
		partner[placeOf(b)] = b.Values
	}
	for _, c := range candidate {
		b, ok := partner[placeOf(c)]
		if !ok {
			left = append(left, fmt.Sprintf("candidate session %s: its pair has no baseline session", c.Begin.ID))
			continue
		}
		series.Baseline, series.Candidate = append(series.Baseline, b), append(series.Candidate, c.Values)
	}
	return series, left
}

// shareRuns reports whether the arms were interleaved: some run has sessions of both.
func shareRuns(baseline, candidate []harness.SessionSeries) bool {
	return slices.ContainsFunc(baseline, func(b harness.SessionSeries) bool {
		return slices.ContainsFunc(candidate, func(c harness.SessionSeries) bool { return b.Run == c.Run })
	})
}

// usable leaves out the sessions that the rule does not count.
func usable(metric harness.Metric, arm harness.Arm, sessions []harness.SessionSeries) (kept []harness.SessionSeries, left []string) {
	for i := range sessions {
		if why := LeftOut(metric, &sessions[i]); why != "" {
			left = append(left, fmt.Sprintf("%s session %s: %s", arm, sessions[i].Begin.ID, why))
			continue
		}
		kept = append(kept, sessions[i])
	}
	return kept, left
}

// LeftOut says why a session does not count in comparisons and trends; "" where it does: the first launch after an install
// counts only for the metrics that are about it, and a session needs enough kept readings.
func LeftOut(metric harness.Metric, s *harness.SessionSeries) string {
	switch {
	case s.Begin.Prepared.FirstEver && metric.Assume != harness.AssumeExact && metric.Name != harness.TTFTFirstEver &&
		metric.Name != harness.LoadFirstEver:
		return "excluded, first launch after an install"
	case len(s.Values) < fewest(metric):
		return fmt.Sprintf("excluded, %s kept, %d needed", harness.Count(len(s.Values), "reading"), fewest(metric))
	}
	return ""
}

// fewest is how many kept readings make a session of a metric.
func fewest(metric harness.Metric) int {
	if harness.OncePerSession(metric.Name) {
		return 1
	}
	return fewestIterations
}

// Differences names what must agree between all sessions of a comparison and does not: device, OS build, model, scenario,
// protocol, power mode, kind of device. An empty list means that they may be compared.
func Differences(sessions []harness.SessionSeries) []string {
	var out []string
	for _, field := range []struct {
		name string
		of   func(harness.Fingerprint) string
	}{
		{"device", func(f harness.Fingerprint) string { return f.UDID }},
		{"OS build", func(f harness.Fingerprint) string { return f.OSBuild }},
		{"model", func(f harness.Fingerprint) string { return f.ModelHash }},
		{"scenario", func(f harness.Fingerprint) string { return f.ScenarioHash }},
		{"protocol", func(f harness.Fingerprint) string { return f.Protocol }},
		{"power mode", func(f harness.Fingerprint) string { return f.PowerMode }},
		{"kind of device", func(f harness.Fingerprint) string { return string(f.Kind) }},
	} {
		var values []string
		for _, s := range sessions {
			if v := field.of(s.Begin.Fingerprint); !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > 1 {
			out = append(out, field.name+" "+strings.Join(values, " and "))
		}
	}
	return out
}

// DevicesOf are the UDIDs of sessions, each once, sorted.
func DevicesOf(sessions []harness.SessionSeries) []string {
	var out []string
	for _, s := range sessions {
		if udid := s.Begin.Fingerprint.UDID; !slices.Contains(out, udid) {
			out = append(out, udid)
		}
	}
	slices.Sort(out)
	return out
}

// OfDevice are the sessions of one device, in their order.
func OfDevice(sessions []harness.SessionSeries, udid string) []harness.SessionSeries {
	return slices.DeleteFunc(slices.Clone(sessions), func(s harness.SessionSeries) bool { return s.Begin.Fingerprint.UDID != udid })
}

// Resolution is what the readings of both arms can resolve, in the metric's base unit: the median of the uncertainties
// that the sessions state. 0 where none does: such readings are as fine as their scatter.
func Resolution(sessions ...[]harness.SessionSeries) float64 {
	var stated []float64
	for _, arm := range sessions {
		for _, s := range arm {
			if s.Uncertainty != nil {
				stated = append(stated, *s.Uncertainty)
			}
		}
	}
	if len(stated) == 0 {
		return 0
	}
	return stats.Median(stated)
}

// SelfDifferences returns the pair differences, log scale, of the runs in which a build was compared with itself: the
// history that the rule borrows its noise from. Sessions are of one device, case and metric, oldest first.
func SelfDifferences(metric harness.Metric, sessions []harness.SessionSeries) []float64 {
	arms := map[place]map[harness.Arm]harness.SessionSeries{}
	var order []place
	for _, s := range sessions {
		if s.Begin.Prepared.FirstEver || len(s.Values) < fewest(metric) {
			continue
		}
		key := placeOf(s)
		if arms[key] == nil {
			arms[key] = map[harness.Arm]harness.SessionSeries{}
			order = append(order, key)
		}
		arms[key][s.Begin.Planned.Arm] = s
	}
	var out []float64
	for _, key := range order {
		b, okB := arms[key][harness.ArmBaseline]
		c, okC := arms[key][harness.ArmCandidate]
		if !okB || !okC || b.Begin.Build.Hash != c.Begin.Build.Hash {
			continue
		}
		if d := math.Log(stats.Median(c.Values) / stats.Median(b.Values)); !math.IsNaN(d) && !math.IsInf(d, 0) {
			out = append(out, d)
		}
	}
	return out
}
