package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// selfRun is a run in which a build met itself, or another of a given relative speed.
func selfRun(random *rand.Rand, name string, pairs int, noise, speed float64) []harness.SessionSeries {
	var out []harness.SessionSeries
	for pair := range pairs {
		for _, arm := range []harness.Arm{harness.ArmBaseline, harness.ArmCandidate} {
			level := 30 * math.Exp(noise/math.Sqrt2*random.NormFloat64())
			hash := "one"
			if arm == harness.ArmCandidate && speed != 1 {
				hash, level = "other", level*speed
			}
			out = append(out, harness.SessionSeries{Run: name, Values: []float64{level, level, level}, Unit: "tok/s",
				Begin: &harness.SessionBegin{ID: fmt.Sprintf("%s-%d-%s", name, pair, arm), Build: harness.Build{Arm: arm, Hash: hash},
					Planned: harness.PlannedSession{Arm: arm, Pair: pair}}})
		}
	}
	return out
}

func TestCalibrate(t *testing.T) {
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	random := rand.New(rand.NewPCG(1, 2))
	var sessions []harness.SessionSeries
	for i := range 10 {
		sessions = append(sessions, selfRun(random, fmt.Sprint("self", i), 8, 0.02, 1)...)
	}
	sessions = append(sessions, selfRun(random, "regression", 8, 0.02, 0.7)...)
	sessions = append(sessions, selfRun(random, "short", 3, 0.02, 1)...)
	c, err := Calibrate("case", metric, sessions, Rule{})
	require.NoError(t, err)
	assert.Equal(t, 83, c.Pairs, "Calibrate")
	assert.Equal(t, 10, c.Comparisons, "Calibrate")
	assert.Equal(t, 0, c.Alarms, "Calibrate")
	assert.Equal(t, 0, c.Open, "Calibrate")
	require.NotNil(t, c.Noise)
	require.GreaterOrEqual(t, *c.Noise, 0.013)
	assert.LessOrEqual(t, *c.Noise, 0.027)
	// None of ten: the bound is 1 - 0.05^(1/10).
	want := 1 - math.Pow(0.05, 0.1)
	require.NotNil(t, c.Bound)
	assert.InDelta(t, want, *c.Bound, 1e-9)
	require.Len(t, c.Detectable, 2)
	require.Equal(t, 5, c.Detectable[0].Pairs, "detectable")
	require.Equal(t, 16, c.Detectable[1].Pairs, "detectable")
	require.Greater(t, c.Detectable[0].Change, c.Detectable[1].Change, "detectable")
	assert.GreaterOrEqual(t, c.Detectable[1].Change, 0.1, "detectable")
}

// TestDetectable plays the change that is called detectable and counts how often the rule finds it.
func TestDetectable(t *testing.T) {
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	random := rand.New(rand.NewPCG(3, 4))
	const noise, pairs, nights = 0.03, 5, 800
	rule, err := Rule{Looks: []int{pairs, 8, 12, 16}}.filled()
	require.NoError(t, err)
	speed, found, known := 1-rule.detectable(noise, pairs, metric.Better), 0, noise
	for range nights {
		run := selfRun(random, "r", pairs, noise, speed)
		series, _ := Arms(metric, ofArm(run, harness.ArmBaseline), ofArm(run, harness.ArmCandidate))
		series.Noise = &known
		judged, err := Judge(series, rule)
		require.NoError(t, err)
		if judged.Judgement == harness.Regression {
			found++
		}
	}
	share := float64(found) / nights
	assert.GreaterOrEqual(t, share, 0.86, "a detectable change was found in %.3f of the nights, want about %.2f", share, detectionPower)
	assert.LessOrEqual(t, share, 0.97, "a detectable change was found in %.3f of the nights, want about %.2f", share, detectionPower)
}
