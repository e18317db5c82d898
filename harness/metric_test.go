package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMetricNamedTakesNamesAndLabels(t *testing.T) {
	for _, m := range Metrics() {
		assert.NotEmpty(t, m.Label, m.Name)
		for _, text := range []string{m.Name, m.Label} {
			found, ok := MetricNamed(text)
			assert.True(t, ok, text)
			assert.Equal(t, m, found, "two metrics answer to %q", text)
		}
	}
	for text, want := range map[string]string{
		"decode": DecodeTokS, "Decode": DecodeTokS, "DECODE_TOK_S": DecodeTokS, "load-cold": LoadCold,
		"time to first token, cold": TTFTCold, "Peak memory (app)": PeakFootprint,
	} {
		m, _ := MetricNamed(text)
		assert.Equal(t, want, m.Name, text)
	}
	for _, text := range []string{"", "speed", "decode tok", Footprint, ","} {
		_, ok := MetricNamed(text)
		assert.False(t, ok, text)
	}
}
