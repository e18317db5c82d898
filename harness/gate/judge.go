package gate

import (
	"fmt"
	"math"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Series is one metric of one case: the kept iterations of each session of both arms, session j of one arm paired with
// session j of the other.
type Series struct {
	Case      string
	Metric    harness.Metric
	Baseline  [][]float64
	Candidate [][]float64
	Noise     *float64 // SD of a pair's log ratio of the build against itself; nil: none known
}

// Judged is a verdict with the steps that led to it.
type Judged struct {
	harness.Verdict
	Steps    []Step `json:"steps"`
	Measured int    `json:"measured"` // usable pairs; Pairs counts those that the last look has used
}

// Judge applies the rule to the series. It refuses, with an error that names the place, what cannot be judged: an arm
// that is empty, arms of unequal length, values that are not positive numbers.
func Judge(series Series, rule Rule) (Judged, error) {
	rule, err := rule.filled()
	if err != nil {
		return Judged{}, fmt.Errorf("judge %s of %s: %w", series.Metric.Label, series.Case, err)
	}
	out := Judged{Verdict: harness.Verdict{Case: series.Case, Metric: series.Metric.Name, Threshold: rule.Threshold}}
	losses, dropped, err := losses(series)
	if err != nil {
		return Judged{}, fmt.Errorf("judge %s of %s: %w", series.Metric.Label, series.Case, err)
	}
	out.Warnings, out.Measured = dropped, len(losses)
	noise := math.NaN()
	if series.Noise != nil {
		noise = *series.Noise
	} else {
		out.Warnings = append(out.Warnings, "not calibrated (run bench calibrate): noise estimated from today's pairs")
	}
	judgeLosses(&out, losses, noise, series.Metric.Better, rule)
	out.apply(series, rule)
	return out, nil
}

// judgeLosses walks the looks until one of them says something.
func judgeLosses(out *Judged, losses []float64, noise float64, better harness.Better, rule Rule) {
	out.Judgement = harness.Inconclusive
	looks := rule.looks(!math.IsNaN(noise))
	for i, k := range looks {
		if i > 0 && k == looks[i-1] {
			continue
		}
		if k > len(losses) {
			out.Reason = fmt.Sprintf("%s measured, the next look is at %d", harness.Count(len(losses), "pair"), k)
			break
		}
		step, m := rule.look(losses[:k], noise, better, i == len(looks)-1)
		out.Steps = append(out.Steps, step)
		out.record(step, better)
		if m.Distrust {
			out.Warnings = append(out.Warnings, fmt.Sprintf(
				"at %s today's noise of %s contradicts the calibrated %s; today's is used", harness.Count(k, "pair"), harness.Percent(m.Noise),
				harness.Percent(noise),
			))
		}
		if step.Verdict != Continue {
			out.Judgement = harness.Judgement(step.Verdict)
			return
		}
	}
	if len(out.Steps) == 0 && len(losses) > 0 {
		estimate := relative(stats.Median(losses), better)
		out.Estimate, out.Pairs = &estimate, len(losses)
	}
}

// record copies a step's estimate and interval into the verdict, on the metric's own scale.
func (j *Judged) record(s Step, better harness.Better) {
	estimate, low, high, sd := relative(s.Estimate, better), relative(s.Low, better), relative(s.High, better), s.SD
	j.Estimate, j.Low, j.High, j.Noise, j.Pairs = &estimate, &low, &high, &sd, s.Pairs
}

// apply lets the policy's absolute limits soften a verdict: a difference below the floor is no regression, and a
// reading too coarse for the threshold cannot carry any verdict.
func (j *Judged) apply(series Series, rule Rule) {
	base, candidate := stats.Median(medians(series.Metric, series.Baseline)), stats.Median(medians(series.Metric, series.Candidate))
	if j.Judgement == harness.Regression && math.Abs(candidate-base) < rule.Floor {
		j.Judgement = harness.Pass
		j.Reason = fmt.Sprintf(
			"the difference of %s is below the policy's floor of %s", harness.Quantity(series.Metric.Unit, math.Abs(candidate-base)),
			harness.Quantity(series.Metric.Unit, rule.Floor),
		)
	}
	if rule.Resolution > 0 && rule.Resolution/base > rule.Threshold/2 {
		j.Judgement = harness.Inconclusive
		j.Reason = fmt.Sprintf(
			"a resolution of %s is too coarse for a threshold of %.0f %% of %s", harness.Quantity(series.Metric.Unit, rule.Resolution),
			100*rule.Threshold, harness.Quantity(series.Metric.Unit, base),
		)
	}
}

func medians(metric harness.Metric, sessions [][]float64) []float64 {
	var out []float64
	for _, s := range sessions {
		if len(s) >= fewest(metric) {
			out = append(out, stats.Median(s))
		}
	}
	return out
}

// losses returns a loss for each usable pair and a warning for each that is not.
func losses(series Series) (out []float64, warnings []string, err error) {
	if len(series.Baseline) == 0 || len(series.Candidate) == 0 {
		return nil, nil, fmt.Errorf("%d baseline and %d candidate sessions: both arms are needed", len(series.Baseline), len(series.Candidate))
	}
	if len(series.Baseline) != len(series.Candidate) {
		return nil, nil, fmt.Errorf(
			"%d baseline and %d candidate sessions: sessions are judged in pairs", len(series.Baseline), len(series.Candidate),
		)
	}
	if better := series.Metric.Better; better != harness.Higher && better != harness.Lower {
		return nil, nil, fmt.Errorf("direction %q: a metric is better higher or lower", better)
	}
	if err := positive(harness.ArmBaseline, series.Baseline); err != nil {
		return nil, nil, err
	}
	if err := positive(harness.ArmCandidate, series.Candidate); err != nil {
		return nil, nil, err
	}
	for i := range series.Baseline {
		b, c := series.Baseline[i], series.Candidate[i]
		if need := fewest(series.Metric); len(b) < need || len(c) < need {
			warnings = append(warnings, fmt.Sprintf("pair %d excluded: %d and %d kept iterations, %d are needed", i, len(b), len(c), need))
			continue
		}
		loss := math.Log(stats.Median(b) / stats.Median(c))
		if series.Metric.Better == harness.Lower {
			loss = -loss
		}
		out = append(out, loss)
	}
	return out, warnings, nil
}

// positive says where a value is not a positive finite number: such a value has no logarithm and no meaning here.
func positive(arm harness.Arm, sessions [][]float64) error {
	for i, session := range sessions {
		for j, x := range session {
			if !(x > 0) || math.IsInf(x, 0) {
				return fmt.Errorf("%s session %d, iteration %d is %v: readings must be positive numbers", arm, i, j, x)
			}
		}
	}
	return nil
}
