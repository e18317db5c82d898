package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"s", 0.004618, "4.618 ms"},
		{"s", 12.5, "12.50 s"},
		{"s", 0.0000421, "42.10 µs"},
		{"B", 2.097e6, "2.000 MiB"},
		{"B", 512, "0.5000 KiB"},
		{"B", 3 << 30, "3.000 GiB"},
		{"J", 36, "10.00 mWh"},
		{"J", 0.0036, "1.000 µWh"},
		{"ratio", 0.875, "87.50 %"},
		{"1", 8.755, "8.755"},
		{"tok/s", 32.117, "32.12 tok/s"},
	} {
		assert.Equal(t, c.want, Quantity(c.unit, c.value))
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
	assert.Equal(t, 0.1, speed.Change(speed.Change(0.1)))
}
