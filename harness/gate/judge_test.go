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
	if err != nil {
		t.Fatal(err)
	}
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
			if got.Judgement != c.want || got.Pairs != c.wantPairs {
				t.Errorf("Judge = %s with %d pairs, want %s with %d", got.Judgement, got.Pairs, c.want, c.wantPairs)
			}
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
		if got := judge(t, s, Rule{}); got.Judgement != want {
			t.Errorf("%s fell by a quarter: %s, want %s", m.Name, got.Judgement, want)
		}
	}
}

func TestSwappingArmsMirrorsTheVerdict(t *testing.T) {
	mirror := map[harness.Judgement]harness.Judgement{harness.Regression: harness.Improvement, harness.Improvement: harness.Regression}
	for seed := range uint64(60) {
		s := arms(seed, 5, 30, 30*math.Exp(0.4*(float64(seed)/60-0.5)), 0.02)
		there, back := judge(t, s, Rule{}), judge(t, swapped(s), Rule{})
		if want, ok := mirror[there.Judgement]; ok && back.Judgement != want {
			t.Errorf("seed %d: %s, and with arms swapped %s", seed, there.Judgement, back.Judgement)
		}
		if a, b := there.Steps[0].Estimate, back.Steps[0].Estimate; math.Abs(a+b) > 1e-12 {
			t.Errorf("seed %d: losses %g and %g are no mirror images", seed, a, b)
		}
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
	if got.Judgement != want.Judgement || *got.Estimate != *want.Estimate || *got.Low != *want.Low {
		t.Errorf("doubled and reversed iterations: %s %g, want %s %g", got.Judgement, *got.Estimate, want.Judgement, *want.Estimate)
	}
}

func TestFloorAndResolution(t *testing.T) {
	s := arms(7, 8, 30, 24, 0.01)
	if got := judge(t, s, Rule{Floor: 10}); got.Judgement != harness.Pass || got.Reason == "" {
		t.Errorf("a difference of 6 under a floor of 10: %s %q, want pass with a reason", got.Judgement, got.Reason)
	}
	if got := judge(t, s, Rule{Resolution: 3}); got.Judgement != harness.Inconclusive {
		t.Errorf("resolution 3 of 30: %s, want inconclusive", got.Judgement)
	}
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
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Judge: %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestShortSessionsAreLeftOutAloud(t *testing.T) {
	s := arms(9, 8, 30, 30, 0.01)
	s.Baseline[2] = s.Baseline[2][:2]
	got := judge(t, s, Rule{})
	if !slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, "pair 2 excluded") }) {
		t.Errorf("warnings %q do not name the short session", got.Warnings)
	}
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
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	words := map[string]harness.Judgement{"PASS": harness.Pass, "FAIL": harness.Regression, "PASS_NEAR_THRESHOLD": harness.NearThreshold, "INCONCLUSIVE": harness.Inconclusive}
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	for _, c := range v.Gate {
		got := judge(t, Series{Case: c.Name, Metric: metric, Baseline: c.Baseline, Candidate: c.Candidate, Noise: &c.S0}, Rule{Threshold: c.Threshold, Guard: c.Guard, Looks: c.Looks})
		if got.Judgement != words[c.Final] || len(got.Steps) != len(c.Steps) {
			t.Errorf("%s: %s after %d steps, want %s after %d", c.Name, got.Judgement, len(got.Steps), words[c.Final], len(c.Steps))
			continue
		}
		for i, s := range c.Steps { // the reference's scale is log(C/B), ours is its negative
			if g := got.Steps[i]; math.Abs(g.Estimate+s.Est)+math.Abs(g.Low+s.HiFail)+math.Abs(g.High+s.LoPass) > 1e-9 {
				t.Errorf("%s, step %d: %g [%g, %g], want %g [%g, %g]", c.Name, i, g.Estimate, g.Low, g.High, -s.Est, -s.HiFail, -s.LoPass)
			}
		}
		if math.Abs(100**got.Estimate-c.Regression) > 1e-6 {
			t.Errorf("%s: estimate %g %%, want %g", c.Name, 100**got.Estimate, c.Regression)
		}
	}
}
