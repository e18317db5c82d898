package simulation

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/stats"
)

// TestErrorRates holds the rule to the error rates that package gate states. The bounds allow for the Monte-Carlo
// error of this size; the full size runs with `bench simulate gate`.
func TestErrorRates(t *testing.T) {
	if testing.Short() {
		t.Skip("plays some thousand nights")
	}
	cells := map[[3]any]Cell{}
	for _, c := range Run(Options{Seed: 11, Nights: 500, CVs: []float64{0.02, 0.05}, Changes: []float64{0, -0.05, -0.12, -0.15}}) {
		cells[[3]any{c.Rule, c.CV, c.Change}] = c
	}
	for _, rule := range []string{"interleaved", "two nights", "two-stage"} {
		for _, cv := range []float64{0.02, 0.05} {
			c := cells[[3]any{rule, cv, 0.0}]
			assert.LessOrEqual(t, c.Regression, 0.002, "%s, CV %g: %.2g false alarms a night without change", rule, cv, c.Regression)
			c = cells[[3]any{rule, cv, -0.05}]
			assert.LessOrEqual(t, c.Regression, 0.01, "%s, CV %g: %.2g regressions at -5 %%", rule, cv, c.Regression)
		}
	}
	assert.GreaterOrEqual(t, cells[[3]any{"interleaved", 0.05, -0.15}].Regression, 0.98, "power at -15 %%, CV 5 %%")
	assert.GreaterOrEqual(t, cells[[3]any{"interleaved", 0.02, -0.12}].Regression, 0.95, "power at -12 %%, CV 2 %%")
	one, two := cells[[3]any{"interleaved", 0.05, -0.12}], cells[[3]any{"two nights", 0.05, -0.12}]
	assert.Less(t, two.Inconclusive, one.Inconclusive,
		"a second night leaves %.3g open and calls %.3g, one leaves %.3g and calls %.3g", two.Inconclusive, two.Regression, one.Inconclusive,
		one.Regression)
	assert.GreaterOrEqual(t, two.Regression, one.Regression,
		"a second night leaves %.3g open and calls %.3g, one leaves %.3g and calls %.3g", two.Inconclusive, two.Regression, one.Inconclusive,
		one.Regression)
	for _, cv := range []float64{0.02, 0.05} {
		c := cells[[3]any{"two-stage", cv, 0.0}]
		assert.LessOrEqual(t, c.Minutes, 35.0, "two-stage without change costs %.3g device-minutes at CV %g", c.Minutes, cv)
	}
}

func TestSameSeedSameCells(t *testing.T) {
	o := Options{Seed: 3, Nights: 5, CVs: []float64{0.05}, Changes: []float64{-0.1}}
	first := Run(o)
	assert.Equal(t, Run(o), first, "the same seed")
	var text strings.Builder
	require.NoError(t, Print(&text, first))
	assert.Contains(t, text.String(), "simulated noise, 5 nights", "table does not say what it is")
	assert.Contains(t, text.String(), "two-stage", "table does not say what it is")
}

// TestNoiseModel checks that the parts add up to the coefficient of variation that the model is named by.
func TestNoiseModel(t *testing.T) {
	n := PhoneNoise(0.05)
	n.SlowShare, n.BadShare = 0, 0
	p := newPhone(n, newRandom(5, 1))
	var logs []float64
	for range 4000 {
		p.sleep()
		logs = append(logs, math.Log(p.session(baseLevel, p.block())[0]))
	}
	assert.InEpsilon(t, n.CV, math.Sqrt(stats.Variance(logs)), 0.08, "SD of an iteration over nights")
}
