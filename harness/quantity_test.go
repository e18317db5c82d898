package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		name, unit string
		value      float64
		want       string
	}{
		{"fast token", "s", 0.0000123456, "12.35 µs"},
		{"token", "s", 0.0123456, "12.35 ms"},
		{"load", "s", 12.3456, "12.35 s"},
		{"small memory", "B", 2048, "2.000 KiB"},
		{"memory", "B", 45.2e6, "43.11 MiB"},
		{"large memory", "B", 3 << 30, "3.000 GiB"},
		{"energy", "J", 3.6, "1.000 mWh"},
		{"tiny energy", "J", 0.00036, "0.1000 µWh"},
		{"rate", "tok/s", 12345.6, "12346 tok/s"},
		{"share", "ratio", 0.8712, "87.12 %"},
		{"count", "1", 3.25, "3.250"},
		{"zero", "s", 0, "0 µs"},
		{"negative", "J", -3.6, "-1.000 mWh"},
		{"time to first token", "s", 0.004618, "4.618 ms"},
		{"peak memory", "B", 2.097e6, "2.000 MiB"},
		{"perplexity", "1", 8.5, "8.500"},
	} {
		assert.Equal(t, c.want, Quantity(c.unit, c.value), c.name)
	}
}

func TestChangeText(t *testing.T) {
	speed, _ := MetricNamed(DecodeTokS)
	latency, _ := MetricNamed(TTFT)
	for _, c := range []struct {
		metric Metric
		worse  float64
		want   string
	}{
		{speed, 0.123, "−12.3 % worse"},
		{speed, -0.021, "+2.1 % better"},
		{latency, 0.04, "+4.0 % worse"},
		{latency, -0.04, "−4.0 % better"},
		{latency, 0, "0.0 %"},
		{speed, 0.0004, "0.0 %"},
	} {
		assert.Equal(t, c.want, c.metric.ChangeText(c.worse), c.metric.Name)
	}
	assert.InDelta(t, 0.1, speed.Change(speed.Change(0.1)), 1e-12)
}
