package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSummarize(t *testing.T) {
	cases := []struct {
		name    string
		values  []float64
		median  float64 // NaN: absent
		low     float64
		high    float64
		warning string
	}{
		{"nothing", nil, math.NaN(), math.NaN(), math.NaN(), "no values"},
		{"one", []float64{4}, 4, math.NaN(), math.NaN(), "need n >= 6"},
		{"five are too few", []float64{5, 4, 3, 2, 1}, 3, math.NaN(), math.NaN(), "have 5"},
		{"six span their range", []float64{60, 61, 62, 63, 64, 65}, 62.5, 60, 65, ""},
		{"not numbers", []float64{math.NaN(), 2, math.Inf(1)}, 2, math.NaN(), math.NaN(), "2 of 3 values are no numbers"},
		{"noisy", []float64{1, 2, 3, 4, 5, 6, 7}, 4, 1, 7, "vary by 54 %"},
		{"constant", []float64{3, 3, 3, 3, 3, 3}, 3, 3, 3, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.values)
			s := Summarize(c.values)
			for _, f := range []struct {
				name string
				got  *float64
				want float64
			}{{"median", s.Median, c.median}, {"low", s.Low, c.low}, {"high", s.High, c.high}} {
				require.Equal(t, math.IsNaN(f.want), f.got == nil, "Summarize(%v) has %s", c.values, f.name)
				if f.got != nil {
					assert.InDelta(t, f.want, *f.got, 0, "Summarize(%v) has %s", c.values, f.name)
				}
			}
			text := strings.Join(s.Warnings, "; ")
			assert.Contains(t, text, c.warning, "Summarize(%v) warns", c.values)
			if c.warning == "" {
				assert.Empty(t, text, "Summarize(%v) warns", c.values)
			}
			for i, v := range before {
				require.False(t, c.values[i] != v && !math.IsNaN(v), "Summarize changed its input to %v", c.values)
			}
		})
	}
}

// TestMedianRank compares ranks and coverage with the published table of the sign test (Conover, Practical
// Nonparametric Statistics, table A3: binomial with p = 1/2).
func TestMedianRank(t *testing.T) {
	cases := []struct {
		n, rank  int
		coverage float64
	}{{5, 0, 0}, {6, 1, 0.9688}, {8, 1, 0.9922}, {9, 2, 0.9609}, {
		10, 2, 0.9785,
	}, {12, 3, 0.9614}, {15, 4, 0.9648}, {20, 6, 0.9586}, {25, 8, 0.9567}, {100, 40, 0.9648}}
	for _, c := range cases {
		rank, coverage := medianRank(c.n, 0.95)
		assert.Equal(t, c.rank, rank, "medianRank(%d)", c.n)
		assert.InDelta(t, c.coverage, coverage, 5e-5, "medianRank(%d)", c.n)
	}
	rank, coverage := medianRank(100_000, 0.95)
	assert.NotEqual(t, 0, rank, "medianRank(100000)")
	assert.GreaterOrEqual(t, coverage, 0.95, "medianRank(100000)")
	assert.LessOrEqual(t, coverage, 0.96, "medianRank(100000)")
}

// TestIntervalHoldsTheMedian draws from a skewed distribution with a known median.
func TestIntervalHoldsTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	held, draws := 0, 4000
	for range draws {
		values := make([]float64, 10)
		for i := range values {
			values[i] = math.Exp(random.NormFloat64())
		}
		if s := Summarize(values); *s.Low <= 1 && 1 <= *s.High {
			held++
		}
	}
	share := float64(held) / float64(draws)
	assert.InDelta(t, 0.9785, share, 0.008, "the interval held the median in %.2f %% of draws, want 97.85 %%", 100*share)
}

func TestSummaryNeeds(t *testing.T) {
	for _, confidence := range []float64{0.8, 0.9, 0.95, 0.99} {
		need := SummaryNeeds(confidence)
		rank, _ := medianRank(need, confidence)
		assert.Equal(t, 1, rank, "%d values are said to suffice for %v, and do not", need, confidence)
		rank, _ = medianRank(need-1, confidence)
		assert.Equal(t, 0, rank, "%d values suffice for %v, and %d are said to be needed", need-1, confidence, need)
	}
}
