package simulation

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lilims/bench/harness/trend"
)

// TestTrendErrorRates holds the detector to what docs/method.md says of it. The bounds allow for the Monte-Carlo error of
// this size; the full size runs with `bench simulate trend`.
func TestTrendErrorRates(t *testing.T) {
	if testing.Short() {
		t.Skip("plays years of nights")
	}
	c := playYears(detectors()[0], Drift{CV: 0.02, Phi: 0.3}, 60, newRandom(1, 0))
	if c.RecallLarge < 0.95 || c.Precision < 0.95 {
		t.Errorf("recall of steps of 6 %% and more is %.3g, precision %.3g", c.RecallLarge, c.Precision)
	}
	if c.ToldInTime < 0.88 || c.MedianDelay > 4 {
		t.Errorf("%.3g of the large steps are reported by their fifth night, the median after %g nights", c.ToldInTime, c.MedianDelay)
	}
	if c.FalseAYear > 0.1 || c.Confirmed > 0.6 {
		t.Errorf("%.3g false changes in a year without any, %.3g over all mornings", c.FalseAYear, c.Confirmed)
	}
}

func TestSameSeedSameTrends(t *testing.T) {
	first := Run(3, 2)
	if second := Run(3, 2); !reflect.DeepEqual(first, second) {
		t.Errorf("the same seed gave %+v and %+v", first, second)
	}
	var text strings.Builder
	if err := Print(&text, first); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "simulated nights, years: 2") || !strings.Contains(text.String(), "Welch") {
		t.Errorf("table does not say what it is:\n%s", text.String())
	}
}

// TestTrendCounts plays detectors whose errors are known.
func TestTrendCounts(t *testing.T) {
	blind := playYears(detector{"blind", func([]float64) []trend.Change { return nil }}, Drift{0.02, 0.3}, 5, newRandom(1, 1))
	if blind.RecallSmall != 0 || blind.RecallLarge != 0 || blind.FalseAYear != 0 || blind.Confirmed != 0 || blind.MedianDelay != patience {
		t.Errorf("a detector that finds nothing: %+v", blind)
	}
	startled := playYears(detector{"startled", func(s []float64) []trend.Change { return []trend.Change{{Index: len(s) - 1, Provisional: true}} }},
		Drift{0.02, 0.3}, 5, newRandom(1, 1))
	if startled.FalseAYear != 1 || startled.Confirmed != 0 || startled.Provisional < 30 || startled.ToldInTime != 1 {
		t.Errorf("a detector that sees a change every morning: %+v", startled)
	}
}
