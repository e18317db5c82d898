package gate

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Calibration is what a build measured against itself shows of one metric of one case on one device: the noise that the rule
// borrows, how often the rule has raised a false alarm, and what it can see.
type Calibration struct {
	Case        string       `json:"case"`
	Metric      string       `json:"metric"`
	Pairs       int          `json:"pairs"`           // usable pairs of the build against itself
	Noise       *float64     `json:"noise,omitempty"` // SD of a pair's log ratio; absent: too few pairs
	Comparisons int          `json:"comparisons"`     // recorded runs that the rule could judge
	Alarms      int          `json:"alarms"`          // of those, called a regression or an improvement: both are false
	Open        int          `json:"open"`            // of those, not decided
	Bound       *float64     `json:"bound,omitempty"` // 95 % upper bound of the share of alarms, by Clopper and Pearson
	Detectable  []Detectable `json:"detectable,omitempty"`
}

// Detectable is the smallest relative change for the worse that the rule calls a regression with 90 % probability at a
// number of pairs.
type Detectable struct {
	Pairs  int     `json:"pairs"`
	Change float64 `json:"change"`
}

const (
	detectionPower = 0.90
	boundLevel     = 0.95
)

// Calibrate reads what sessions of one device, case and metric say of a build against itself. Every run is judged as a
// comparison of its own, with the noise of the other runs alone, so that no run vouches for itself.
func Calibrate(key string, metric harness.Metric, sessions []harness.SessionSeries, rule Rule) (Calibration, error) {
	out := Calibration{Case: key, Metric: metric.Name, Pairs: len(SelfDifferences(metric, sessions))}
	filled, err := rule.filled()
	if err != nil {
		return out, fmt.Errorf("calibrate %s of %s: %w", metric.Label, key, err)
	}
	for _, run := range runsOf(sessions) {
		mine := func(s harness.SessionSeries) bool { return s.Run == run }
		others := slices.DeleteFunc(slices.Clone(sessions), mine)
		own := slices.DeleteFunc(slices.Clone(sessions), func(s harness.SessionSeries) bool { return !mine(s) })
		if err := out.count(metric, own, SelfDifferences(metric, others), filled); err != nil {
			return out, err
		}
	}
	if out.Comparisons > 0 {
		bound := upperBound(out.Alarms, out.Comparisons)
		out.Bound = &bound
	}
	if noise := stats.BorrowedNoise(SelfDifferences(metric, sessions)); !math.IsNaN(noise) {
		out.Noise = &noise
		for _, k := range []int{filled.Looks[0], filled.Looks[len(filled.Looks)-1]} {
			out.Detectable = append(out.Detectable, Detectable{k, filled.detectable(noise, k, metric.Better)})
		}
	}
	return out, nil
}

// count judges one run in which a build met itself. A run that met another build, or has too few pairs for a look, does
// not count.
func (c *Calibration) count(metric harness.Metric, run []harness.SessionSeries, history []float64, rule Rule) error {
	if len(SelfDifferences(metric, run)) == 0 {
		return nil
	}
	series, _ := Arms(metric, ofArm(run, harness.ArmBaseline), ofArm(run, harness.ArmCandidate))
	if noise := stats.BorrowedNoise(history); !math.IsNaN(noise) {
		series.Noise = &noise
	}
	judged, err := Judge(series, rule)
	if err != nil {
		return err
	}
	if len(judged.Steps) == 0 {
		return nil
	}
	c.Comparisons++
	switch judged.Judgement {
	case harness.Regression, harness.Improvement:
		c.Alarms++
	case harness.Inconclusive:
		c.Open++
	}
	return nil
}

func runsOf(sessions []harness.SessionSeries) []string {
	var out []string
	for _, s := range sessions {
		if !slices.Contains(out, s.Run) {
			out = append(out, s.Run)
		}
	}
	return out
}

func ofArm(sessions []harness.SessionSeries, arm harness.Arm) []harness.SessionSeries {
	return slices.DeleteFunc(slices.Clone(sessions), func(s harness.SessionSeries) bool { return s.Begin.Planned.Arm != arm })
}

// detectable is the smallest change that one look at k pairs calls a regression with detectionPower, where a pair's log
// ratio has this SD: the estimate must clear both the limit and the guard with its interval.
func (r Rule) detectable(noise float64, k int, better harness.Better) float64 {
	se := noise / math.Sqrt(float64(k))
	q := stats.TQuantile(1-r.Alpha/float64(len(r.Looks)), stats.PriorDF+float64(k)-1)
	clear := max(limit(r.Threshold, better), limit(r.Guard, better)+q*se)
	return relative(clear+distuv.UnitNormal.Quantile(detectionPower)*se, better)
}

// upperBound is the Clopper-Pearson bound of a share of which k of n were seen.
func upperBound(k, n int) float64 {
	if k >= n {
		return 1
	}
	return distuv.Beta{Alpha: float64(k) + 1, Beta: float64(n - k)}.Quantile(boundLevel)
}
