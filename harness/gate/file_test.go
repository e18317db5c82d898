package gate

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestDecodeCase(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		series, rule, err := DecodeCase([]byte(`{"Name": "x", "Metric": "time to first token, warm", "Threshold": 0.2, "Guard": 0.1,
			"alpha_fail_total": 0.01,
			"Looks": [5, 9], "S0": 0.02, "Baseline": [[1, 2, 3]], "Candidate": [[4, 5, 6]]}`))
		require.NoError(t, err)
		assert.Equal(t, "x", series.Case)
		assert.Equal(t, harness.TTFT, series.Metric.Name)
		assert.Equal(t, harness.Lower, series.Metric.Better)
		assert.Equal(t, [][]float64{{4, 5, 6}}, series.Candidate)
		require.NotNil(t, series.Noise)
		assert.InDelta(t, 0.02, *series.Noise, 1e-12)
		assert.Equal(t, Rule{Threshold: 0.2, Guard: 0.1, Alpha: 0.01, Looks: []int{5, 9}}, rule)
	})
	t.Run("OKDefaults", func(t *testing.T) {
		series, rule, err := DecodeCase([]byte(`{"Better": "lower"}`))
		require.NoError(t, err)
		assert.Equal(t, harness.DecodeTokS, series.Metric.Name)
		assert.Equal(t, harness.Lower, series.Metric.Better, "the file's direction overrides the metric's")
		assert.Nil(t, series.Noise)
		assert.Equal(t, Rule{}, rule)
	})
	t.Run("ErrMetric", func(t *testing.T) {
		_, _, err := DecodeCase([]byte(`{"Metric": "speed"}`))
		assert.EqualError(t, err, `metric "speed" is not known`)
	})
	t.Run("ErrSyntax", func(t *testing.T) {
		_, _, err := DecodeCase([]byte(`{"Baseline": [[NaN]]}`))
		assert.ErrorContains(t, err, "invalid character")
	})
}
