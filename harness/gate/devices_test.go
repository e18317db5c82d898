package gate

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// deviceAt judges five pairs of a device on which the candidate runs at a relative speed.
func deviceAt(t *testing.T, random *rand.Rand, speed float64) Judged {
	t.Helper()
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	run := selfRun(random, "r", 5, 0.01, speed)
	series, _ := Arms(metric, ofArm(run, harness.ArmBaseline), ofArm(run, harness.ArmCandidate))
	noise := 0.01
	series.Case, series.Noise = "case", &noise
	judged, err := Judge(series, Rule{})
	require.NoError(t, err)
	return judged
}

func TestCombine(t *testing.T) {
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	random := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		name        string
		one, two    float64
		want        harness.Judgement
		differ      bool
		wantWarning string
	}{
		{"both alike", 1, 1, harness.Pass, false, "devices: A"},
		{"both slower", 0.8, 0.8, harness.Regression, false, "I²"},
		{"one much slower, the other not", 0.6, 1, harness.Inconclusive, true, "differ by more"},
		{"both faster", 1.3, 1.3, harness.Improvement, false, "devices: A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			one, two := deviceAt(t, random, c.one), deviceAt(t, random, c.two)
			got, err := Combine(metric, []Judged{one, two}, []string{"A", "B"}, Rule{})
			require.NoError(t, err, "Combine = %+v", got.Verdict)
			require.Equal(t, c.want, got.Judgement, "Combine = %+v", got.Verdict)
			all := strings.Join(got.Warnings, "\n")
			assert.Contains(t, all, c.wantWarning, "warnings")
			assert.Equal(t, c.differ, strings.Contains(all, "differ by more"), "warnings")
			assert.InDelta(t, (one.Steps[0].Estimate+two.Steps[0].Estimate)/2, got.Steps[0].Estimate, 1e-12)
		})
	}
	got, err := Combine(metric, []Judged{deviceAt(t, random, 1), {}}, []string{"A", "B"}, Rule{})
	require.NoError(t, err, "with a device that has no look: %+v", got.Verdict)
	assert.Equal(t, harness.Inconclusive, got.Judgement, "with a device that has no look: %+v", got.Verdict)
	assert.Contains(t, got.Reason, "device B", "with a device that has no look: %+v", got.Verdict)
	_, err = Combine(metric, []Judged{deviceAt(t, random, 1)}, []string{"A"}, Rule{})
	require.Error(t, err, "one device was combined")
}
