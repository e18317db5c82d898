package gate

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Combine makes one verdict of the verdicts of several devices about the same metric of the same case: the unweighted mean
// of the devices' estimates with the squared errors added. A regression needs a second device that itself lies above the
// guard, since a single device's verdict is one about that device. How much the devices disagree is stated as Cochran's Q
// and I²; a large disagreement is a warning, never smoothed over. Devices without a look leave the whole undecided.
func Combine(metric harness.Metric, devices []Judged, names []string, rule Rule) (Judged, error) {
	if len(devices) < 2 || len(devices) != len(names) {
		return Judged{}, fmt.Errorf("combine %d devices under %d names: two are needed at least", len(devices), len(names))
	}
	rule, err := rule.filled()
	if err != nil {
		return Judged{}, fmt.Errorf("combine %s: %w", metric.Label, err)
	}
	out := Judged{Verdict: harness.Verdict{Case: devices[0].Case, Metric: metric.Name, Threshold: rule.Threshold,
		Judgement: harness.Inconclusive}, Measured: devices[0].Measured}
	var losses, errors []float64
	step := Step{Limit: limit(rule.Threshold, metric.Better), Guard: limit(rule.Guard, metric.Better)}
	last, above := true, 0
	for i, d := range devices {
		out.Measured = min(out.Measured, d.Measured)
		out.Warnings = append(out.Warnings, d.Warnings...)
		if len(d.Steps) == 0 {
			out.Reason = fmt.Sprintf("device %s has too few pairs for a first look", names[i])
			return out, nil
		}
		s := d.Steps[len(d.Steps)-1]
		losses, errors = append(losses, s.Estimate), append(errors, s.SD/math.Sqrt(float64(s.Pairs)))
		step.Pairs, step.DF = step.Pairs+s.Pairs, step.DF+s.DF
		last = last && s.Pairs >= rule.Looks[len(rule.Looks)-1]
		if s.Estimate > step.Guard {
			above++
		}
	}
	step.Losses, step.Estimate = losses, stats.Mean(losses)
	se := rootSum(errors) / float64(len(devices))
	step.SD = se * math.Sqrt(float64(step.Pairs))
	step.Quantile = stats.TQuantile(1-rule.Alpha/float64(len(rule.Looks)), step.DF)
	step.Low, step.High = step.Estimate-step.Quantile*se, step.Estimate+step.Quantile*se
	step.Verdict = step.judge(last)
	if step.Verdict == string(harness.Regression) && above < 2 {
		step.Verdict, out.Reason = Continue, "the loss of only one device exceeds the guard"
	}
	if step.Verdict != Continue {
		out.Judgement = harness.Judgement(step.Verdict)
	}
	out.Steps = []Step{step}
	out.record(step, metric.Better)
	out.Warnings = append(out.Warnings, heterogeneity(losses, errors, names, metric))
	return out, nil
}

func rootSum(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// heterogeneity says each device's estimate, and whether the devices differ by more than their errors explain.
func heterogeneity(losses, errors []float64, names []string, metric harness.Metric) string {
	var weights, sum, q float64
	for i, l := range losses {
		w := 1 / math.Max(errors[i]*errors[i], 1e-12)
		weights, sum = weights+w, sum+w*l
	}
	text := "devices:"
	for i, l := range losses {
		q += (l - sum/weights) * (l - sum/weights) / math.Max(errors[i]*errors[i], 1e-12)
		text += fmt.Sprintf(" %s %s,", names[i], metric.ChangeText(relative(l, metric.Better)))
	}
	df := float64(len(losses) - 1)
	text += fmt.Sprintf(" I² %.0f %%", 100*math.Max(0, 1-df/math.Max(q, 1e-12)))
	if 1-(distuv.ChiSquared{K: df}).CDF(q) < 0.05 {
		text += ": they differ by more than their errors explain"
	}
	return text
}
