package stats

import (
	"fmt"
	"math"
	"slices"
)

// SummaryConfidence is the level of a summary's interval.
const SummaryConfidence = 0.95

// noisyCV is the coefficient of variation from which a summary warns that its series is noisy: twice the noise at which
// a 10 % change can be judged within a session's budget (docs/method.md).
const noisyCV = 0.10

// Summary describes one series. A nil field cannot be said of so few values.
type Summary struct {
	N        int      `json:"n"`
	Median   *float64 `json:"median,omitempty"`
	Low      *float64 `json:"low,omitempty"` // interval of the median
	High     *float64 `json:"high,omitempty"`
	Coverage *float64 `json:"coverage,omitempty"` // the interval's true confidence: at least SummaryConfidence
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	P05      *float64 `json:"p05,omitempty"`
	P95      *float64 `json:"p95,omitempty"`
	CV       *float64 `json:"cv,omitempty"` // sample standard deviation over mean; nil below two values or where the mean is 0
	Warnings []string `json:"warnings,omitempty"`
}

// Summarize describes a series of independent readings. The interval of the median comes from order statistics and the
// binomial distribution, so nothing is assumed of the values' distribution. Values that are no numbers are left out,
// with a warning.
func Summarize(values []float64) Summary {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	s := Summary{N: len(sorted)}
	if left := len(values) - len(sorted); left > 0 {
		s.warn("%d of %d values are no numbers and were left out", left, len(values))
	}
	if s.N == 0 {
		s.warn("no values")
		return s
	}
	at := func(q float64) *float64 { v := Quantile(sorted, q); return &v }
	s.Median, s.Min, s.Max, s.P05, s.P95 = at(0.5), at(0), at(1), at(0.05), at(0.95)
	if mean := Mean(sorted); s.N > 1 && mean != 0 {
		cv := math.Sqrt(Variance(sorted)) / math.Abs(mean)
		s.CV = &cv
		if cv > noisyCV {
			s.warn("values vary by %.0f %%", cv*100)
		}
	}
	rank, coverage := medianRank(s.N, SummaryConfidence)
	if rank == 0 {
		s.warn("need n >= %d for a %.0f %% interval of the median, have %d", SummaryNeeds(SummaryConfidence), SummaryConfidence*100, s.N)
		return s
	}
	s.Low, s.High, s.Coverage = &sorted[rank-1], &sorted[s.N-rank], &coverage
	return s
}

func (s *Summary) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// SummaryNeeds returns how many values an interval of the median at this confidence needs.
func SummaryNeeds(confidence float64) int {
	// Even the whole range misses the median with probability 2 * (1/2)^n.
	return int(math.Ceil(1 - math.Log2(1-confidence)))
}

// medianRank returns the largest r for which the interval from the r-th smallest to the r-th largest of n values holds
// the median with at least this confidence, and the confidence that it has. Rank 0: n is too small.
func medianRank(n int, confidence float64) (rank int, coverage float64) {
	tail := 0.0 // P(B < r) for B binomial with n trials of 1/2
	for r := 1; 2*r <= n; r++ {
		tail += binomialHalf(n, r-1)
		if 1-2*tail < confidence {
			break
		}
		rank, coverage = r, 1-2*tail
	}
	return rank, coverage
}

// binomialHalf is P(B = k) for B binomial with n trials of 1/2, by logarithms so that a large n does not overflow.
func binomialHalf(n, k int) float64 {
	all, _ := math.Lgamma(float64(n) + 1)
	in, _ := math.Lgamma(float64(k) + 1)
	out, _ := math.Lgamma(float64(n-k) + 1)
	return math.Exp(all - in - out - float64(n)*math.Ln2)
}
