package derive

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// evenly gives time stamps of that many tokens a second in each window, one window after the other.
func evenly(rates ...float64) []int64 {
	out := []int64{7e9} // a clock does not begin with the session
	for i, rate := range rates {
		n := int(rate * CurveWindow.Seconds())
		for k := range n {
			at := float64(i)*CurveWindow.Seconds() + (float64(k)+0.5)/rate
			out = append(out, 7e9+int64(at*1e9))
		}
	}
	return append(out, out[0]+int64(len(rates))*CurveWindow.Nanoseconds())
}

func TestRates(t *testing.T) {
	got := Rates(evenly(10, 20, 5), CurveWindow)
	for i, want := range []float64{10.2, 20, 5} { // the very first token is the first window's own
		require.Len(t, got, 3, "Rates()")
		require.InDelta(t, want, got[i], 1e-9, "Rates()")
	}
	for name, stamps := range map[string][]int64{"none": nil, "one": {5}, "back in time": {9e9, 1}, "less than a window": {0, 4e9}} {
		assert.Empty(t, Rates(stamps, CurveWindow), "%s: Rates()", name)
	}
	got = Rates([]int64{0, math.MaxInt64}, CurveWindow)
	assert.Equal(t, maxCurveWindows, int64(len(got)), "a wrong stamp makes %d windows", len(got))
}

func TestFallTime(t *testing.T) {
	for name, tc := range map[string]struct {
		rates []float64
		share float64
		want  time.Duration // 0: never
	}{
		"never":            {[]float64{10, 10, 9.5, 9.2, 9.9}, 0.9, 0},
		"a hiccup":         {[]float64{10, 10, 5, 10, 5, 5, 10}, 0.9, 0},
		"lasting":          {[]float64{10, 10, 9.5, 8.9, 8.8, 8.7, 8}, 0.9, 20 * time.Second},
		"below 75":         {[]float64{10, 9, 8, 7.4, 7.3, 7.2}, 0.75, 20 * time.Second},
		"slow start":       {[]float64{2, 3, 2, 10, 10, 10, 10}, 0.9, 0},
		"too late to last": {[]float64{10, 10, 10, 8, 8}, 0.9, 0},
		"nothing":          {nil, 0.9, 0},
	} {
		got, ok := FallTime(tc.rates, tc.share)
		assert.Equal(t, tc.want, got, "%s: FallTime()", name)
		assert.Equal(t, tc.want > 0, ok, "%s: FallTime()", name)
	}
}

func ref[T any](v T) *T { return &v }

func TestCurve(t *testing.T) {
	begin := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	wall := func(ns int64) time.Time { return begin.Add(time.Duration(ns)) }
	sample := func(metric string, ns int64, value float64) harness.Sample {
		return harness.Sample{Metric: metric, Value: value, DeviceNs: &ns, At: wall(ns)}
	}
	reading := func(seconds int, sum, count uint64) harness.BatteryReading {
		return harness.BatteryReading{At: begin.Add(time.Duration(seconds) * time.Second), AccumulatedSystemLoad: &sum, SystemLoadCount: &count}
	}
	s := harness.RecordedSession{
		Begin: harness.SessionBegin{At: begin},
		Iterations: []harness.Iteration{
			{Warmup: true, Outcome: harness.OutcomeOK, TokenNs: []int64{1, 2}},
			{Outcome: harness.OutcomeInvalid, TokenNs: []int64{3, 4}},
			{Outcome: harness.OutcomeOK, TokenNs: evenly(10, 20, 5, 5)},
		},
		Samples: []harness.Sample{
			sample(harness.ThermalRank, 1e9, 0), sample(harness.Footprint, 8e9, 100), sample(harness.Footprint, 9e9, 300),
			sample(harness.Footprint, 10e9, 200),
			sample(harness.ThermalRank, 18e9, 2), sample(harness.ThermalRank, 24e9, 1), sample(harness.ThermalRank, 25e9, 9),
		},
		// 7 s to 27 s on the host: 2 W, then 4 W, then a reset.
		Battery: []harness.BatteryReading{
			reading(2, 0, 0), reading(12, 20000, 10), reading(12, 20000, 10), reading(22, 60000, 20), reading(27, 5, 1),
		},
	}
	points := Curve(s)
	require.Len(t, points, 4, "%d windows: %+v", len(points), points)
	for i, want := range []struct {
		thermal   harness.ThermalState
		footprint *float64
		watts     *float64
	}{
		{harness.ThermalNominal, ref(300.0), ref(2.0)}, {harness.ThermalNominal, nil, ref(4.0)}, {harness.ThermalSerious, nil, ref(4.0)},
		{harness.ThermalSerious, nil, nil},
	} {
		p := points[i]
		require.NotNil(t, p.Thermal, "window %d: thermal", i)
		assert.Equal(t, want.thermal, *p.Thermal, "window %d: thermal", i)
		require.Equal(t, want.footprint == nil, p.Footprint == nil, "window %d: footprint", i)
		if p.Footprint != nil {
			assert.InDelta(t, *want.footprint, *p.Footprint, 0, "window %d: footprint", i)
		}
		require.Equal(t, want.watts == nil, p.Watts == nil, "window %d: power", i)
		if p.Watts != nil {
			assert.InDelta(t, *want.watts, *p.Watts, 1e-9, "window %d: power", i)
		}
	}
	s.Iterations = append(s.Iterations, harness.Iteration{Outcome: harness.OutcomeOK, TokenNs: []int64{1, 2}})
	assert.Nil(t, Curve(s), "a clock that begins anew gives the curve")
}
