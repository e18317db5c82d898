package gate

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// storedNights are nights of three sessions about a level, the nights 1 % apart.
func storedNights(n int, level float64) []harness.BaselineNight {
	var out []harness.BaselineNight
	for i := range n {
		x := level * (1 + 0.01*float64(i%3-1))
		out = append(out, harness.BaselineNight{Night: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Runs: []string{"r"}, Sessions: [][]float64{{x, x, x}, {x, x, x}, {x, x, x}}})
	}
	return out
}

func tonight(n int, level float64) [][]float64 {
	var out [][]float64
	for range n {
		out = append(out, []float64{level, level, level})
	}
	return out
}

func TestScreen(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	latency, _ := harness.MetricNamed(harness.TTFT)
	for _, c := range []struct {
		name      string
		metric    harness.Metric
		nights    int
		sessions  int
		candidate float64
		as        Screening
		want      harness.Judgement
	}{
		{"the same", speed, 7, 5, 30, ScreenAlone, harness.Pass},
		{"20 % slower", speed, 7, 5, 24, ScreenAlone, harness.Regression},
		{"20 % faster", speed, 7, 5, 36, ScreenAlone, harness.Improvement},
		{"9 % slower is open", speed, 7, 5, 27.3, ScreenAlone, harness.Inconclusive},
		{"latency 20 % up", latency, 7, 5, 36, ScreenAlone, harness.Regression},
		{"too few nights", speed, 6, 5, 24, ScreenAlone, harness.Inconclusive},
		{"too few sessions", speed, 7, 4, 24, ScreenAlone, harness.Inconclusive},
		{"first stage, 5 % slower", speed, 7, 5, 28.5, ScreenFirst, harness.Pass},
		{"first stage, 7 % slower", speed, 7, 5, 27.9, ScreenFirst, harness.Inconclusive},
		{"first stage never says regression", speed, 7, 5, 15, ScreenFirst, harness.Inconclusive},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Screen("case", c.metric, storedNights(c.nights, 30), tonight(c.sessions, c.candidate), Rule{}, c.as)
			require.NoError(t, err, "Screen = %s (%s)", got.Judgement, got.Reason)
			assert.Equal(t, c.want, got.Judgement, "Screen = %s (%s)", got.Judgement, got.Reason)
		})
	}
	_, err := Screen("case", speed, storedNights(7, 30), tonight(5, math.NaN()), Rule{}, ScreenAlone)
	require.ErrorContains(t, err, "NaN", "a reading that is not a number")
}

func TestLimit(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.Retention300)
	latency, _ := harness.MetricNamed(harness.TTFT)
	for _, c := range []struct {
		metric       harness.Metric
		value, limit float64
		want         harness.Judgement
	}{{latency, 2.9, 3, harness.Pass}, {
		latency, 3.1, 3, harness.OverLimit,
	}, {speed, 0.6, 0.5, harness.Pass}, {speed, 0.4, 0.5, harness.OverLimit}} {
		got, err := Limit("case", c.metric, tonight(3, c.value), c.limit)
		require.NoError(t, err, "Limit(%s %v, %v)", c.metric.Name, c.value, c.limit)
		assert.Equal(t, c.want, got.Judgement, "Limit(%s %v, %v)", c.metric.Name, c.value, c.limit)
	}
}
