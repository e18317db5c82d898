package gate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// arms makes pairs of sessions around the given levels with log-normal noise of the given SD.
func arms(seed uint64, pairs int, base, candidate, sd float64) Series {
	random := rand.New(rand.NewPCG(seed, 1))
	session := func(level float64) []float64 {
		level *= math.Exp(sd * random.NormFloat64())
		var out []float64
		for range 5 {
			out = append(out, level*math.Exp(sd*random.NormFloat64()))
		}
		return out
	}
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	noise := 1.4 * sd
	s := Series{Case: "iPhone15,4/stories-1m/quick", Metric: metric, Noise: &noise}
	for range pairs {
		s.Baseline = append(s.Baseline, session(base))
		s.Candidate = append(s.Candidate, session(candidate))
	}
	return s
}

func swapped(s Series) Series {
	s.Baseline, s.Candidate = s.Candidate, s.Baseline
	return s
}

func judge(t *testing.T, s Series, r Rule) Judged {
	t.Helper()
	j, err := Judge(s, r)
	require.NoError(t, err)
	return j
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name      string
		series    Series
		rule      Rule
		want      harness.Judgement
		wantPairs int
	}{
		{"no change", arms(1, 16, 30, 30, 0.02), Rule{}, harness.Pass, 5},
		{"a fifth slower", arms(2, 16, 30, 24, 0.02), Rule{}, harness.Regression, 5},
		{"a fifth slower, strict", arms(2, 16, 30, 24, 0.02), Rule{Strict: true}, harness.Regression, 5},
		{"a quarter faster", arms(3, 16, 30, 37.5, 0.02), Rule{}, harness.Improvement, 5},
		{"too few pairs", arms(4, 3, 30, 24, 0.02), Rule{}, harness.Inconclusive, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := judge(t, c.series, c.rule)
			assert.Equal(t, c.want, got.Judgement, "Judge")
			assert.Equal(t, c.wantPairs, got.Pairs, "Judge")
		})
	}
}

func TestDirectionOfEveryMetric(t *testing.T) {
	for _, m := range harness.Metrics() {
		s := arms(5, 8, 30, 22, 0.01)
		s.Metric = m
		want := harness.Regression
		if m.Better == harness.Lower {
			want = harness.Improvement
		}
		assert.Equal(t, want, judge(t, s, Rule{}).Judgement, "%s fell by a quarter", m.Name)
	}
}

func TestSwappingArmsMirrorsTheVerdict(t *testing.T) {
	mirror := map[harness.Judgement]harness.Judgement{harness.Regression: harness.Improvement, harness.Improvement: harness.Regression}
	for seed := range uint64(60) {
		s := arms(seed, 5, 30, 30*math.Exp(0.4*(float64(seed)/60-0.5)), 0.02)
		there, back := judge(t, s, Rule{}), judge(t, swapped(s), Rule{})
		want, ok := mirror[there.Judgement]
		if ok {
			assert.Equal(t, want, back.Judgement, "seed %d: %s, and with arms swapped", seed, there.Judgement)
		}
		a, b := there.Steps[0].Estimate, back.Steps[0].Estimate
		assert.LessOrEqual(t, math.Abs(a+b), 1e-12, "seed %d: losses %g and %g are no mirror images", seed, a, b)
	}
}

func TestOrderAndCopiesOfIterationsChangeNothing(t *testing.T) {
	s := arms(6, 8, 30, 27, 0.03)
	want := judge(t, s, Rule{})
	shuffled := s
	shuffled.Baseline = nil
	for _, session := range s.Baseline {
		doubled := append(slices.Clone(session), session...)
		slices.Reverse(doubled)
		shuffled.Baseline = append(shuffled.Baseline, doubled)
	}
	got := judge(t, shuffled, Rule{})
	require.Equal(t, want.Judgement, got.Judgement, "doubled and reversed iterations")
	require.InDelta(t, *want.Estimate, *got.Estimate, 0, "doubled and reversed iterations")
	assert.InDelta(t, *want.Low, *got.Low, 0, "doubled and reversed iterations")
}

func TestFloorAndResolution(t *testing.T) {
	s := arms(7, 8, 30, 24, 0.01)
	got := judge(t, s, Rule{Floor: 10})
	assert.Equal(t, harness.Pass, got.Judgement, "a difference of 6 under a floor of 10: want pass with a reason")
	assert.NotEmpty(t, got.Reason, "a difference of 6 under a floor of 10: want pass with a reason")
	assert.Equal(t, harness.Inconclusive, judge(t, s, Rule{Resolution: 3}).Judgement, "resolution 3 of 30")
}

func TestJudgeRefuses(t *testing.T) {
	good := arms(8, 5, 30, 30, 0.01)
	with := func(change func(*Series)) Series {
		s := arms(8, 5, 30, 30, 0.01)
		change(&s)
		return s
	}
	for _, c := range []struct {
		name   string
		series Series
		rule   Rule
		want   string
	}{
		{"empty arm", with(func(s *Series) { s.Candidate = nil }), Rule{}, "0 candidate sessions"},
		{"one-sided", with(func(s *Series) { s.Candidate = s.Candidate[:3] }), Rule{}, "in pairs"},
		{"not a number", with(func(s *Series) { s.Baseline[1][2] = math.NaN() }), Rule{}, "baseline session 1, iteration 2 is NaN"},
		{"zero", with(func(s *Series) { s.Candidate[4][0] = 0 }), Rule{}, "candidate session 4, iteration 0 is 0"},
		{"negative", with(func(s *Series) { s.Candidate[0][0] = -1 }), Rule{}, "is -1"},
		{"infinite", with(func(s *Series) { s.Candidate[0][0] = math.Inf(1) }), Rule{}, "is +Inf"},
		{"no direction", with(func(s *Series) { s.Metric.Better = "" }), Rule{}, "direction"},
		{"threshold", good, Rule{Threshold: 1.5}, "threshold 1.5"},
		{"guard", good, Rule{Guard: 0.2}, "guard 0.2"},
		{"looks", good, Rule{Looks: []int{8, 5}}, "looks [8 5]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Judge(c.series, c.rule)
			require.ErrorContains(t, err, c.want, "Judge")
		})
	}
}

func TestShortSessionsAreLeftOutAloud(t *testing.T) {
	s := arms(9, 8, 30, 30, 0.01)
	s.Baseline[2] = s.Baseline[2][:2]
	got := judge(t, s, Rule{})
	assert.True(t, slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, "pair 2 excluded") }),
		"warnings %q do not name the short session", got.Warnings)
}

// TestAgainstSharedVectors holds the rule against reference cases where they lie beside the checkout.
func TestAgainstSharedVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "stats-vectors.json"))
	if err != nil {
		t.Skip("no shared vectors beside this checkout")
	}
	var v struct {
		Gate []struct {
			Name                 string
			Threshold, Guard, S0 float64
			Looks                []int
			Baseline, Candidate  [][]float64
			Final                string
			Regression           float64 `json:"regression_pct_estimate"`
			Steps                []struct{ Est, LoPass, HiFail float64 }
		}
	}
	require.NoError(t, json.Unmarshal(text, &v))
	words := map[string]harness.Judgement{
		"PASS": harness.Pass, "FAIL": harness.Regression, "PASS_NEAR_THRESHOLD": harness.NearThreshold, "INCONCLUSIVE": harness.Inconclusive,
	}
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	for _, c := range v.Gate {
		got := judge(t, Series{
			Case: c.Name, Metric: metric, Baseline: c.Baseline, Candidate: c.Candidate, Noise: &c.S0,
		}, Rule{Threshold: c.Threshold, Guard: c.Guard, Looks: c.Looks})
		if !assert.False(t, got.Judgement != words[c.Final] || len(got.Steps) != len(c.Steps),
			"%s: %s after %d steps, want %s after %d", c.Name, got.Judgement, len(got.Steps), words[c.Final], len(c.Steps)) {
			continue
		}
		for i, s := range c.Steps { // the reference's scale is log(C/B), ours is its negative
			g := got.Steps[i]
			assert.LessOrEqual(t, math.Abs(g.Estimate+s.Est)+math.Abs(g.Low+s.HiFail)+math.Abs(g.High+s.LoPass), 1e-9,
				"%s, step %d: %g [%g, %g], want %g [%g, %g]", c.Name, i, g.Estimate, g.Low, g.High, -s.Est, -s.HiFail, -s.LoPass)
		}
		assert.InDelta(t, c.Regression, 100**got.Estimate, 1e-6, "%s: estimate", c.Name)
	}
}
