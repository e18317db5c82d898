package gate

import (
	"fmt"
	"math"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

const (
	// ScreenNights is how many nights a stored baseline needs: against stored values the night is the replicate.
	ScreenNights = 7
	// ScreenSessions is how many sessions of the candidate a screen needs.
	ScreenSessions = 5

	screenShare = 0.6  // of the threshold: a first stage passes below it
	screenLevel = 0.99 // of the night interval
)

// Screening says what a screen is for.
type Screening int

const (
	// ScreenAlone judges by stored nights alone: the interval of a new night around them must clear the guard or the
	// limit. It has less power than fresh pairs.
	ScreenAlone Screening = iota
	// ScreenFirst is the first of two stages: it passes below 0.6 of the threshold, and otherwise leaves the word to
	// fresh interleaved pairs. Its own sessions are not used again, or the worst of many screens would look bad twice.
	ScreenFirst
)

// Screen judges sessions of a candidate against stored nights of an accepted build on the same device.
func Screen(key string, metric harness.Metric, nights []harness.BaselineNight, candidate [][]float64, rule Rule, as Screening) (
	Judged, error,
) {
	fail := func(err error) (Judged, error) {
		return Judged{}, fmt.Errorf("screen %s of %s: %w", metric.Label, key, err)
	}
	rule, err := rule.filled()
	if err != nil {
		return fail(err)
	}
	out := Judged{Verdict: harness.Verdict{Case: key, Metric: metric.Name, Threshold: rule.Threshold, Judgement: harness.Inconclusive}}
	if metric.Assume == harness.AssumeExact {
		var all [][]float64
		for _, night := range nights {
			all = append(all, night.Sessions...)
		}
		return Exact(key, metric, all, candidate, rule)
	}
	stored, err := nightLogs(metric, nights)
	if err != nil {
		return fail(err)
	}
	if err := positive(harness.ArmCandidate, candidate); err != nil {
		return fail(err)
	}
	tonight := medians(metric, candidate)
	out.Measured = len(tonight)
	switch {
	case len(stored) < ScreenNights:
		out.Reason = fmt.Sprintf("the baseline has %s, a screen needs %d", harness.Count(len(stored), "night"), ScreenNights)
		return out, nil
	case len(tonight) < ScreenSessions:
		out.Reason = fmt.Sprintf("%s of the candidate, a screen needs %d", harness.Count(len(tonight), "session"), ScreenSessions)
		return out, nil
	}
	step := rule.screen(math.Log(stats.Median(tonight)), stored, metric.Better)
	step.Pairs = len(tonight)
	if as == ScreenFirst {
		step.Verdict, out.Reason = firstStage(step, limit(screenShare*rule.Threshold, metric.Better))
	}
	out.Steps = []Step{step}
	out.record(step, metric.Better)
	if step.Verdict != Continue {
		out.Judgement = harness.Judgement(step.Verdict)
	}
	out.Warnings = append(out.Warnings, fmt.Sprintf("screened against %d stored nights: fresh pairs detect smaller changes", len(stored)))
	return out, nil
}

// screen gives the loss of a night against stored ones the interval of a new observation.
func (r Rule) screen(tonight float64, stored []float64, better harness.Better) Step {
	m := float64(len(stored))
	loss := stats.Mean(stored) - tonight
	if better == harness.Lower {
		loss = -loss
	}
	noise := max(math.Sqrt(stats.Variance(stored)), stats.NoiseFloor)
	step := Step{Losses: []float64{loss}, Noise: &noise, Estimate: loss, SD: noise * math.Sqrt(1+1/m), DF: m - 1,
		Quantile: stats.TQuantile(screenLevel, m-1), Limit: limit(r.Threshold, better), Guard: limit(r.Guard, better)}
	step.Low, step.High = loss-step.Quantile*step.SD, loss+step.Quantile*step.SD
	step.Verdict = step.judge(false)
	return step
}

func firstStage(step Step, passes float64) (verdict, reason string) {
	if step.Estimate <= passes {
		return string(harness.Pass), "the screen found no loss; no fresh pairs were needed"
	}
	return Continue, "the screen found a possible loss: fresh pairs decide"
}

// nightLogs are the logs of the nights' medians of session medians.
func nightLogs(metric harness.Metric, nights []harness.BaselineNight) ([]float64, error) {
	var out []float64
	for _, night := range nights {
		if err := positive(harness.ArmBaseline, night.Sessions); err != nil {
			return nil, fmt.Errorf("night %s: %w", night.Night, err)
		}
		if of := medians(metric, night.Sessions); len(of) > 0 {
			out = append(out, math.Log(stats.Median(of)))
		}
	}
	return out, nil
}
