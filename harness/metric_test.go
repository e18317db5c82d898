package harness

import (
	"strings"
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

func TestEveryMetricIsDescribed(t *testing.T) {
	for _, m := range Metrics() {
		assert.Contains(t, []string{"tok/s", "s", "B", "J", "ratio", "1"}, m.Unit, "%s: base units only", m.Name)
		assert.Contains(t, []Better{Higher, Lower}, m.Better, m.Name)
		assert.Contains(t, []Assumption{AssumeLogNormal, AssumeExact}, m.Assume, m.Name)
		assert.NotEmpty(t, m.What, m.Name)
		assert.False(t, strings.HasSuffix(m.What, "."), "%s: a line of a table ends without a period", m.Name)
	}
}
