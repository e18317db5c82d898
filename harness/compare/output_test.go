package compare

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestOutput(t *testing.T) {
	half, all := 0.5, 1.0
	for name, c := range map[string]struct {
		candidate []int32
		limit     *float64
		want      harness.Judgement
	}{
		"the same":                 {[]int32{1, 2, 3, 4}, nil, harness.Pass},
		"differs, not limited":     {[]int32{1, 2, 3, 9}, nil, harness.Differs},
		"differs, within a limit":  {[]int32{1, 2, 3, 9}, &half, harness.Differs},
		"differs, beyond a limit":  {[]int32{1, 2, 3, 9}, &all, harness.OverLimit},
		"nothing was generated":    {nil, nil, ""},
		"nothing, although wanted": {nil, &all, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recordings{}
			r.record("r1", "phone-1", 6, levels{1, 1})
			for i := range r.sessions {
				if r.sessions[i].Begin.Planned.Arm == harness.ArmCandidate {
					r.sessions[i].tokens = c.candidate
				}
			}
			rules := Rules{Policy: policy()}
			if c.limit != nil {
				rules.Policy.Limit = map[string]float64{harness.GreedyMatch: *c.limit}
			}
			verdicts, err := Judge(t.Context(), r, rules, Interleaved("r1"))
			require.NoError(t, err)
			assert.Equal(t, c.want, judged(t, verdicts)[harness.GreedyMatch])
		})
	}
}

// TestOutputOfOneBuild compares nothing where both arms are the same build, or text is sampled.
func TestOutputOfOneBuild(t *testing.T) {
	for name, change := range map[string]func(*harness.SessionBegin){
		"one build":    func(b *harness.SessionBegin) { b.Build.Hash = "same" },
		"sampled":      func(b *harness.SessionBegin) { b.Case.Scenario.Temperature = 0.7 },
		"imported":     func(b *harness.SessionBegin) { b.Fingerprint.Kind = harness.KindImported },
		"other models": func(b *harness.SessionBegin) { b.Fingerprint.ModelHash = string(b.Planned.Arm) },
	} {
		t.Run(name, func(t *testing.T) {
			r := &recordings{}
			r.record("r1", "phone-1", 6, levels{1, 1})
			for _, s := range r.sessions {
				change(s.Begin)
			}
			verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
			require.NoError(t, err)
			assert.NotContains(t, judged(t, verdicts), harness.GreedyMatch)
		})
	}
}

func TestPlacementIsNamedWithEveryMetric(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{0.8, 1})
	for i := range r.sessions {
		unit := "neural_engine"
		if r.sessions[i].Begin.Planned.Arm == harness.ArmCandidate {
			unit = "cpu"
		}
		r.sessions[i].lines = []harness.EventLine{{Number: 1,
			Text: fmt.Sprintf(`{"v":1,"seq":1,"at_ns":1,"kind":"placement","unit":%q,"function":"decode","count":9}`, unit)}}
	}
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	require.NoError(t, err)
	for _, metric := range []string{harness.DecodeTokS, harness.TTFT} {
		assert.Contains(t, strings.Join(about(t, verdicts, metric).Warnings, "\n"),
			"placement: most operations of decode run on the CPU, not the Neural Engine")
	}
}
