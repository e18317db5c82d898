package compare

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// concluded judges one run by a policy and concludes.
func concluded(t *testing.T, r *recordings, rules Rules) []gate.Judged {
	t.Helper()
	arms := Interleaved("r1")
	verdicts, err := Judge(t.Context(), r, rules, arms)
	require.NoError(t, err)
	out, err := Conclude(t.Context(), r, rules, arms.Candidate, verdicts)
	require.NoError(t, err)
	return out
}

func TestConcludeLimits(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{1, 1})
	rules := Rules{Policy: policy()}
	rules.Policy.Limit = map[string]float64{harness.TTFT: 0.001, harness.DecodeTokS: 10, harness.ModelBytes: 1e9}
	var limits []gate.Judged
	for _, v := range concluded(t, r, rules) {
		if v.Limit != nil && v.Metric != harness.GreedyMatch {
			limits = append(limits, v)
		}
	}
	assert.Equal(t, map[string]harness.Judgement{harness.TTFT: harness.OverLimit, harness.DecodeTokS: harness.Pass,
		harness.ModelBytes: harness.Pass}, judged(t, limits))
	assert.InDelta(t, 5e8, *about(t, limits, harness.ModelBytes).Value, 0, "a model's size is known without being measured")
	assert.Equal(t, "400.8 ms, absolute limit at most 1.000 ms", about(t, limits, harness.TTFT).Reason)
	assert.Contains(t, about(t, limits, harness.DecodeTokS).Reason, "absolute limit at least 10.00 tok/s")

	// Metrics that are named replace the policy's limits too.
	rules.Metrics = []string{harness.DecodeTokS}
	assert.Len(t, concluded(t, r, rules), 1)
}

func TestConcludeMissing(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{1, 1})
	rules := Rules{Policy: policy()}
	rules.Policy.RequiredMetrics = []string{harness.DecodeTokS, harness.EnergyPerToken}
	rules.Policy.RequiredCases = []string{"iPhone15,4/*/*", "iPhone12,*/*/*"}
	out := concluded(t, r, rules)
	assert.Equal(t, harness.Missing, about(t, out, harness.EnergyPerToken).Judgement)
	missing := about(t, out, AnyMetric)
	assert.Equal(t, "iPhone12,*/*/*", missing.Case)
	assert.Equal(t, harness.Missing, missing.Judgement)
	assert.Len(t, out, 5, "decode, first token, output, the missing metric and the missing case")
}

func TestConcludeErrNothing(t *testing.T) {
	_, err := Conclude(t.Context(), &recordings{}, Rules{Policy: policy()}, nil, nil)
	var known *harness.Error
	require.ErrorAs(t, err, &known)
	assert.Equal(t, harness.KindUsage, known.Kind)
}

func TestWorst(t *testing.T) {
	of := func(all ...harness.Judgement) []gate.Judged {
		var out []gate.Judged
		for _, j := range all {
			out = append(out, gate.Judged{Verdict: harness.Verdict{Judgement: j}})
		}
		return out
	}
	assert.Equal(t, Passed, Worst(nil))
	assert.Equal(t, Passed, Worst(of(harness.Pass, harness.Improvement, harness.NearThreshold, harness.Differs)))
	for _, open := range []harness.Judgement{harness.Inconclusive, harness.Incomparable, harness.NoBaseline, harness.Missing} {
		assert.Equal(t, Undecided, Worst(of(harness.Pass, open)), open)
	}
	assert.Equal(t, Failed, Worst(of(harness.Regression, harness.Missing)), "a failure outweighs what is open")
	assert.Equal(t, Failed, Worst(of(harness.OverLimit)))
}

func TestThresholds(t *testing.T) {
	rules := Rules{Policy: policy(), Strict: true, Looks: []int{5, 9}}
	rules.Policy.Floor = map[string]float64{harness.TTFT: 0.02}
	got, err := rules.Thresholds()
	require.NoError(t, err)
	assert.Equal(t, map[string]gate.Rule{
		harness.DecodeTokS: {Threshold: 0.10, Strict: true, Looks: []int{5, 9}},
		harness.TTFT:       {Threshold: 0.10, Strict: true, Looks: []int{5, 9}, Floor: 0.02},
	}, got)
	rules.Metrics = []string{"Time to first token, warm"}
	got, err = rules.Thresholds()
	require.NoError(t, err)
	assert.Equal(t, map[string]gate.Rule{harness.TTFT: {Threshold: gate.DefaultThreshold, Strict: true, Looks: []int{5, 9}, Floor: 0.02}}, got)
}
