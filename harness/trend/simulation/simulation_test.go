package simulation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/trend"
)

// TestTrendErrorRates holds the detector to what docs/method.md says of it. The bounds allow for the Monte-Carlo error of
// this size; the full size runs with `bench simulate trend`.
func TestTrendErrorRates(t *testing.T) {
	if testing.Short() {
		t.Skip("plays years of nights")
	}
	c := playYears(detectors()[0], Drift{CV: 0.02, Phi: 0.3}, 60, newRandom(1, 0))
	assert.GreaterOrEqual(t, c.RecallLarge, 0.95, "recall of steps of 6 %% and more is %.3g, precision %.3g", c.RecallLarge, c.Precision)
	assert.GreaterOrEqual(t, c.Precision, 0.95, "recall of steps of 6 %% and more is %.3g, precision %.3g", c.RecallLarge, c.Precision)
	assert.GreaterOrEqual(t, c.ToldInTime, 0.88,
		"%.3g of the large steps are reported by their fifth night, the median after %g nights", c.ToldInTime, c.MedianDelay)
	assert.LessOrEqual(t, c.MedianDelay, 4.0,
		"%.3g of the large steps are reported by their fifth night, the median after %g nights", c.ToldInTime, c.MedianDelay)
	assert.LessOrEqual(t, c.FalseAYear, 0.1, "%.3g false changes in a year without any, %.3g over all mornings", c.FalseAYear, c.Confirmed)
	assert.LessOrEqual(t, c.Confirmed, 0.6, "%.3g false changes in a year without any, %.3g over all mornings", c.FalseAYear, c.Confirmed)
}

func TestSameSeedSameTrends(t *testing.T) {
	first := Run(3, 2)
	assert.Equal(t, Run(3, 2), first, "the same seed")
	var text strings.Builder
	require.NoError(t, Print(&text, first))
	assert.Contains(t, text.String(), "simulated nights, years: 2", "table does not say what it is")
	assert.Contains(t, text.String(), "Welch", "table does not say what it is")
}

// TestTrendCounts plays detectors whose errors are known.
func TestTrendCounts(t *testing.T) {
	blind := playYears(detector{"blind", func([]float64) []trend.Change { return nil }}, Drift{0.02, 0.3}, 5, newRandom(1, 1))
	assert.InDelta(t, 0, blind.RecallSmall, 0, "a detector that finds nothing")
	assert.InDelta(t, 0, blind.RecallLarge, 0, "a detector that finds nothing")
	assert.InDelta(t, 0, blind.FalseAYear, 0, "a detector that finds nothing")
	assert.InDelta(t, 0, blind.Confirmed, 0, "a detector that finds nothing")
	assert.InDelta(t, patience, blind.MedianDelay, 0, "a detector that finds nothing")
	startled := playYears(detector{
		"startled", func(s []float64) []trend.Change { return []trend.Change{{Index: len(s) - 1, Provisional: true}} },
	},
		Drift{0.02, 0.3}, 5, newRandom(1, 1))
	assert.InDelta(t, 1, startled.FalseAYear, 0, "a detector that sees a change every morning")
	assert.InDelta(t, 0, startled.Confirmed, 0, "a detector that sees a change every morning")
	assert.GreaterOrEqual(t, startled.Provisional, 30.0, "a detector that sees a change every morning")
	assert.InDelta(t, 1, startled.ToldInTime, 0, "a detector that sees a change every morning")
}
