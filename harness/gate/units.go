package gate

import (
	"fmt"
	"math"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// Combine makes one verdict of the verdicts of several units about the same metric of the same case: the unweighted
// mean of the units' estimates with the squared errors added. A regression needs a second unit that itself lies above
// the guard, since a single unit's verdict is one about that unit. How much the units disagree is stated as Cochran's Q
// and I²; a large disagreement is a warning, never smoothed over. Units without a look leave the whole undecided.
func Combine(metric harness.Metric, units []Judged, names []string, rule Rule) (Judged, error) {
	if len(units) < 2 || len(units) != len(names) {
		return Judged{}, fmt.Errorf("combine %d units under %d names: two are needed at least", len(units), len(names))
	}
	rule, err := rule.filled()
	if err != nil {
		return Judged{}, fmt.Errorf("combine %s: %w", metric.Name, err)
	}
	out := Judged{Verdict: harness.Verdict{Case: units[0].Case, Metric: metric.Name, Threshold: rule.Threshold, Judgement: harness.Inconclusive}, Measured: units[0].Measured}
	var losses, errors []float64
	step := Step{Limit: limit(rule.Threshold, metric.Better), Guard: limit(rule.Guard, metric.Better)}
	last, above := true, 0
	for i, u := range units {
		out.Measured = min(out.Measured, u.Measured)
		out.Warnings = append(out.Warnings, u.Warnings...)
		if len(u.Steps) == 0 {
			out.Reason = fmt.Sprintf("unit %s has no look yet", names[i])
			return out, nil
		}
		s := u.Steps[len(u.Steps)-1]
		losses, errors = append(losses, s.Estimate), append(errors, s.SD/math.Sqrt(float64(s.Pairs)))
		step.Pairs, step.DF = step.Pairs+s.Pairs, step.DF+s.DF
		last = last && s.Pairs >= rule.Looks[len(rule.Looks)-1]
		if s.Estimate > step.Guard {
			above++
		}
	}
	step.Losses, step.Estimate = losses, stats.Mean(losses)
	se := rootSum(errors) / float64(len(units))
	step.SD = se * math.Sqrt(float64(step.Pairs))
	step.Quantile = stats.TQuantile(1-rule.Alpha/float64(len(rule.Looks)), step.DF)
	step.Low, step.High = step.Estimate-step.Quantile*se, step.Estimate+step.Quantile*se
	step.Verdict = step.judge(last)
	if step.Verdict == string(harness.Regression) && above < 2 {
		step.Verdict, out.Reason = Continue, "only one unit lies above the guard"
	}
	if step.Verdict != Continue {
		out.Judgement = harness.Judgement(step.Verdict)
	}
	out.Steps = []Step{step}
	out.record(step, metric.Better)
	out.Warnings = append(out.Warnings, heterogeneity(losses, errors, names, metric.Better))
	return out, nil
}

func rootSum(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// heterogeneity says each unit's estimate, and whether the units differ by more than their errors explain.
func heterogeneity(losses, errors []float64, names []string, better harness.Better) string {
	var weights, sum, q float64
	for i, l := range losses {
		w := 1 / math.Max(errors[i]*errors[i], 1e-12)
		weights, sum = weights+w, sum+w*l
	}
	text := "units:"
	for i, l := range losses {
		q += (l - sum/weights) * (l - sum/weights) / math.Max(errors[i]*errors[i], 1e-12)
		text += fmt.Sprintf(" %s %+.1f %%,", names[i], 100*relative(l, better))
	}
	df := float64(len(losses) - 1)
	text += fmt.Sprintf(" I² %.0f %%", 100*math.Max(0, 1-df/math.Max(q, 1e-12)))
	if 1-(distuv.ChiSquared{K: df}).CDF(q) < 0.05 {
		text += ": they differ by more than their errors explain"
	}
	return text
}
