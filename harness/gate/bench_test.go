package gate

import (
	"math/rand/v2"
	"testing"

	"github.com/lilims/bench/harness"
)

// BenchmarkJudgeNight judges what a night yields: 36 metrics of 16 pairs with ten readings a session.
func BenchmarkJudgeNight(b *testing.B) {
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	random := rand.New(rand.NewPCG(1, 2))
	noise := 0.02
	var all []Series
	for range 36 {
		s := Series{Case: "case", Metric: metric, Noise: &noise}
		for range 16 {
			session := func(level float64) []float64 {
				var out []float64
				for range 10 {
					out = append(out, level*(1+0.05*random.NormFloat64()))
				}
				return out
			}
			s.Baseline, s.Candidate = append(s.Baseline, session(30)), append(s.Candidate, session(27.1))
		}
		all = append(all, s)
	}
	for b.Loop() {
		for _, s := range all {
			if _, err := Judge(s, Rule{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
