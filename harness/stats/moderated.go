package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Constants of the moderated interval. They were tuned by simulation of iPhone-like noise together (shared history of
// the rule in docs/method.md); changing one alone voids the error rates that the gate states.
const (
	PriorDF       = 10    // weight of the borrowed noise, in degrees of freedom
	ClipSigmas    = 3     // a pair further than this from the median counts as if it were this far
	NoiseFloor    = 0.005 // smallest borrowed noise, log scale
	DistrustRatio = 2.5   // today's variance over the borrowed one from which today's is believed instead
	DistrustPairs = 5     // pairs needed before today's noise may contradict the borrowed one
)

// Moderated is a moderated, clipped t estimate of the mean of pair differences on the log scale.
type Moderated struct {
	Pairs    int
	Clipped  []float64 // the differences as used
	Noise    float64   // borrowed SD of a pair difference, after floor and distrust
	Distrust bool      // today's pairs are noisier than the borrowed SD allows
	Estimate float64   // mean of the clipped differences
	SD       float64   // moderated SD of one difference
	DF       float64
	SE       float64
}

// Moderate estimates the mean of d, differences of log medians, one for each interleaved pair of sessions, borrowing
// the SD of a pair difference from history: s0, or NaN when there is none (then it is a plain t estimate, unclipped).
// It needs two pairs; with fewer the SE is NaN. Source: Smyth 2004, doi 10.2202/1544-6115.1027, for the moderation.
func Moderate(d []float64, s0 float64) Moderated {
	m := Moderated{Pairs: len(d), Clipped: append([]float64(nil), d...), Noise: s0}
	k := float64(len(d))
	if math.IsNaN(s0) {
		m.Estimate, m.SD, m.DF = Mean(d), math.Sqrt(Variance(d)), k-1
		m.SE = m.SD / math.Sqrt(k)
		return m
	}
	m.Noise = max(s0, NoiseFloor)
	if mad := MAD(d); len(d) >= DistrustPairs && mad*mad > DistrustRatio*m.Noise*m.Noise {
		m.Noise, m.Distrust = mad, true
	}
	center := Median(d)
	for i, x := range d {
		m.Clipped[i] = min(max(x, center-ClipSigmas*m.Noise), center+ClipSigmas*m.Noise)
	}
	m.Estimate = Mean(m.Clipped)
	m.DF = PriorDF + k - 1
	m.SD = math.Sqrt((PriorDF*m.Noise*m.Noise + (k-1)*Variance(m.Clipped)) / m.DF)
	m.SE = m.SD / math.Sqrt(k)
	return m
}

// Interval returns the two-sided bounds estimate -+ t(p; df) * SE: each side holds with probability p.
func (m Moderated) Interval(p float64) (low, high float64) {
	q := TQuantile(p, m.DF)
	return m.Estimate - q*m.SE, m.Estimate + q*m.SE
}

// TQuantile returns the p-quantile of Student's t with df degrees of freedom.
func TQuantile(p, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

// BorrowedNoise returns the SD of a pair difference from differences of build against itself, floored. It is NaN for
// fewer than eight: then there is no history to borrow from.
func BorrowedNoise(history []float64) float64 {
	const enough, most = 8, 60
	if len(history) < enough {
		return math.NaN()
	}
	if len(history) > most {
		history = history[len(history)-most:]
	}
	return max(MAD(history), NoiseFloor)
}
