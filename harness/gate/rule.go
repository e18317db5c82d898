package gate

import (
	"fmt"
	"math"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// Rule is what a metric is judged by.
type Rule struct {
	Threshold  float64 // relative change that is a regression, 0.10 for 10 %
	Guard      float64 // relative change that must be excluded; 0: 0.8 of the threshold
	Strict     bool    // the guard is the threshold itself
	Alpha      float64 // error budget over all looks, for either verdict; 0: 0.05
	Looks      []int   // numbers of pairs at which the rule looks, ascending; nil: 5, 8, 12, 16
	Floor      float64 // smallest difference of medians, base units, that can be a regression
	Resolution float64 // resolution of one reading, base units; 0: fine enough
}

// Defaults of a rule.
const (
	DefaultThreshold = 0.10
	DefaultAlpha     = 0.05
	guardShare       = 0.8
	firstPlainLook   = 6 // without borrowed noise five pairs are too few for a t interval
	fewestIterations = 3 // a session with fewer kept iterations is no session
)

// DefaultLooks are the numbers of pairs at which the default rule looks.
func DefaultLooks() []int { return []int{5, 8, 12, 16} }

// PooledLooks are the looks of a rule that goes on, on a second night, from the pairs of a first one that decided nothing:
// those of the first night, and two later ones. Each look has then a smaller part of the error budget. The first night's
// looks had the larger parts, so over both nights the budget is exceeded by a third at most: 6.7 % for 5 %.
func PooledLooks() []int { return append(DefaultLooks(), 24, 32) }

// filled returns the rule with its defaults in place, or says what is wrong with it.
func (r Rule) filled() (Rule, error) {
	if r.Threshold == 0 {
		r.Threshold = DefaultThreshold
	}
	if r.Guard == 0 {
		r.Guard = guardShare * r.Threshold
	}
	if r.Strict {
		r.Guard = r.Threshold
	}
	if r.Alpha == 0 {
		r.Alpha = DefaultAlpha
	}
	if len(r.Looks) == 0 {
		r.Looks = DefaultLooks()
	}
	switch {
	case !(r.Threshold > 0 && r.Threshold < 1):
		return r, fmt.Errorf("threshold %v is not between 0 and 1", r.Threshold)
	case !(r.Guard > 0 && r.Guard <= r.Threshold):
		return r, fmt.Errorf("guard %v is not between 0 and the threshold %v", r.Guard, r.Threshold)
	case !(r.Alpha > 0 && r.Alpha < 0.5):
		return r, fmt.Errorf("error budget %v is not between 0 and 0.5", r.Alpha)
	case !(r.Floor >= 0) || !(r.Resolution >= 0):
		return r, fmt.Errorf("floor %v and resolution %v must not be negative", r.Floor, r.Resolution)
	}
	for i, k := range r.Looks {
		if k < 2 || i > 0 && k <= r.Looks[i-1] {
			return r, fmt.Errorf("looks %v are not ascending numbers of at least 2 pairs", r.Looks)
		}
	}
	return r, nil
}

// looks returns where the rule looks, given whether there is noise to borrow.
func (r Rule) looks(borrowed bool) []int {
	if borrowed {
		return r.Looks
	}
	var later []int
	for _, k := range r.Looks {
		later = append(later, max(k, firstPlainLook))
	}
	return later
}

// limit maps a relative change to the loss scale of the metric's direction.
func limit(change float64, better harness.Better) float64 {
	if better == harness.Higher {
		return -math.Log(1 - change)
	}
	return math.Log(1 + change)
}

// relative maps a loss back to a relative change of the metric, positive worse.
func relative(loss float64, better harness.Better) float64 {
	if better == harness.Higher {
		return 1 - math.Exp(-loss)
	}
	return math.Exp(loss) - 1
}

// Step is one look: what the rule saw and what it said.
type Step struct {
	Pairs    int       `json:"pairs"`
	Losses   []float64 `json:"losses"` // as used, after clipping; log scale, positive worse
	Noise    *float64  `json:"noise"`  // borrowed SD of a pair's loss; absent without history
	Estimate float64   `json:"estimate"`
	SD       float64   `json:"sd"`
	DF       float64   `json:"df"`
	Quantile float64   `json:"quantile"`
	Low      float64   `json:"low"`
	High     float64   `json:"high"`
	Limit    float64   `json:"limit"`
	Guard    float64   `json:"guard"`
	Verdict  string    `json:"verdict"` // a judgement, or "continue"
}

// Continue is a step's verdict when it asks for more pairs.
const Continue = "continue"

// look judges the first pairs of losses.
func (r Rule) look(losses []float64, noise float64, better harness.Better, last bool) (Step, stats.Moderated) {
	m := stats.Moderate(losses, noise)
	p := 1 - r.Alpha/float64(len(r.Looks))
	low, high := m.Interval(p)
	step := Step{
		Pairs: m.Pairs, Losses: m.Clipped, Estimate: m.Estimate, SD: m.SD, DF: m.DF, Quantile: stats.TQuantile(p, m.DF),
		Low: low, High: high, Limit: limit(r.Threshold, better), Guard: limit(r.Guard, better),
	}
	if !math.IsNaN(m.Noise) {
		step.Noise = &m.Noise
	}
	step.Verdict = step.judge(last)
	return step, m
}

func (s Step) judge(last bool) string {
	switch {
	case s.Estimate > s.Limit && s.Low > s.Guard:
		return string(harness.Regression)
	case s.Estimate < -s.Limit && s.High < -s.Guard:
		return string(harness.Improvement)
	case s.High < s.Limit:
		return string(harness.Pass)
	case !last:
		return Continue
	case s.Estimate <= s.Limit:
		return string(harness.NearThreshold)
	default:
		return string(harness.Inconclusive)
	}
}
