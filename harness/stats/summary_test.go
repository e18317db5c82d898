package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
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
				if (f.got == nil) != math.IsNaN(f.want) || f.got != nil && *f.got != f.want {
					t.Errorf("Summarize(%v) has %s %v, want %v", c.values, f.name, f.got, f.want)
				}
			}
			if text := strings.Join(s.Warnings, "; "); !strings.Contains(text, c.warning) || c.warning == "" && text != "" {
				t.Errorf("Summarize(%v) warns %q, want %q", c.values, text, c.warning)
			}
			for i, v := range before {
				if c.values[i] != v && !math.IsNaN(v) {
					t.Fatalf("Summarize changed its input to %v", c.values)
				}
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
	}{{5, 0, 0}, {6, 1, 0.9688}, {8, 1, 0.9922}, {9, 2, 0.9609}, {10, 2, 0.9785}, {12, 3, 0.9614}, {15, 4, 0.9648}, {20, 6, 0.9586}, {25, 8, 0.9567}, {100, 40, 0.9648}}
	for _, c := range cases {
		if rank, coverage := medianRank(c.n, 0.95); rank != c.rank || math.Abs(coverage-c.coverage) > 5e-5 {
			t.Errorf("medianRank(%d) = %d at %.4f, want %d at %.4f", c.n, rank, coverage, c.rank, c.coverage)
		}
	}
	if rank, coverage := medianRank(100_000, 0.95); rank == 0 || coverage < 0.95 || coverage > 0.96 {
		t.Errorf("medianRank(100000) = %d at %v, want a tight interval", rank, coverage)
	}
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
	if share := float64(held) / float64(draws); math.Abs(share-0.9785) > 0.008 {
		t.Errorf("the interval held the median in %.2f %% of draws, want 97.85 %%", 100*share)
	}
}

func TestSummaryNeeds(t *testing.T) {
	for _, confidence := range []float64{0.8, 0.9, 0.95, 0.99} {
		need := SummaryNeeds(confidence)
		if rank, _ := medianRank(need, confidence); rank != 1 {
			t.Errorf("%d values are said to suffice for %v, and do not", need, confidence)
		}
		if rank, _ := medianRank(need-1, confidence); rank != 0 {
			t.Errorf("%d values suffice for %v, and %d are said to be needed", need-1, confidence, need)
		}
	}
}
