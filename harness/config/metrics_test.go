package config

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestMetricsByLabel: a policy names metrics as tables do, or by their names.
func TestMetricsByLabel(t *testing.T) {
	policy := func(text string) (harness.Policy, error) {
		c, err := Load(fstest.MapFS{"policies/a.yaml": {Data: []byte(text + "max_battery_celsius: 35\n")}})
		return c.Policies["a"], err
	}
	p, err := policy("threshold:\n  decode: 0.1\n  Time to first token, warm: 0.2\n  perplexity: 0.3\nlimit: {model-on-disk: " +
		"5}\nrequired_metrics: [Decode, ttft_s]\n")
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{harness.DecodeTokS: 0.1, harness.TTFT: 0.2, harness.Perplexity: 0.3}, p.Threshold)
	assert.Equal(t, map[string]float64{harness.ModelBytes: 5}, p.Limit)
	assert.Equal(t, []string{harness.DecodeTokS, harness.TTFT}, p.RequiredMetrics)

	_, err = policy("threshold:\n  decode: 0.1\n  decode_tok_s: 0.2\n")
	assert.ErrorContains(t, err, "decode_tok_s: given before in line 2", "one metric twice, by two names")
}
