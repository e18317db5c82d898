package battery

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// world is a gauge with a clock and a CPU meter that the test turns.
type world struct {
	*Gauge
	clock *hosttest.Clock
	cpu   float64
}

func newWorld(t *testing.T, change func(*Power), o Options) *world {
	t.Helper()
	w := &world{clock: hosttest.NewClock()}
	power := Defaults()
	if change != nil {
		change(&power)
	}
	gauge, err := New(w.clock, power, 12.98, func() float64 { return w.cpu }, o)
	require.NoError(t, err)
	w.Gauge = gauge
	return w
}

// run lets time pass second by second while an app uses that much CPU.
func (w *world) run(seconds int, cpuPerSecond float64) {
	for range seconds {
		w.clock.Time = w.clock.Time.Add(time.Second)
		w.cpu += cpuPerSecond
		w.Advance()
	}
}

func telemetry(w *world) map[string]any { return w.Registry()["PowerTelemetryData"].(map[string]any) }

func TestAccumulatorsAgreeWithTheTruth(t *testing.T) {
	w := newWorld(t, nil, Options{Seed: 3})
	w.SetExternal(true)
	w.run(10, 0)
	before, truth := telemetry(w), w.Truth()
	w.run(300, 1.5)
	after, end := telemetry(w), w.Truth()

	joule := float64(after["AccumulatedSystemLoad"].(uint64)-before["AccumulatedSystemLoad"].(uint64)) / 1000
	count := after["SystemLoadAccumulatorCount"].(uint64) - before["SystemLoadAccumulatorCount"].(uint64)
	require.Equal(t, uint64(300), count, "%d samples in 300 s", count)
	want := end.Joule - truth.Joule
	exact := 300 * (0.45 + 1.5*2.2)
	assert.InDelta(t, want, exact, 1e-6, "truth = %g J, the stated model gives %g", want, exact)
	// 300 samples with 12 mW of noise each: 0.2 J standard deviation.
	assert.InDelta(t, want, joule, 1, "accumulators say %g J, truth is %g", joule, want)
	energy := float64(after["AccumulatedSystemEnergyConsumed"].(uint64)-before["AccumulatedSystemEnergyConsumed"].(uint64)) * 3600 / 1e6
	assert.InDelta(t, joule, energy, 0.01, "energy counter says %g J, load counter %g", energy, joule)
}

func TestLateSamplesLoseNothing(t *testing.T) {
	w := newWorld(t, func(p *Power) { p.NoiseMilliwatt = 0 }, Options{})
	w.clock.Time = w.clock.Time.Add(4500 * time.Millisecond)
	w.cpu = 9
	w.Advance()
	w.clock.Time = w.clock.Time.Add(500 * time.Millisecond)
	w.cpu = 10
	w.Advance()
	truth := w.Truth()
	assert.Equal(t, uint64(5), truth.Count, "%d samples with %d mJ, want 5 with %g J", truth.Count, truth.Accumulated, truth.Joule)
	assert.InDelta(t, truth.Joule, float64(truth.Accumulated)/1000, 0.005,
		"%d samples with %d mJ, want 5 with %g J", truth.Count, truth.Accumulated, truth.Joule)
}

func TestHostsSeeWhatWasPublished(t *testing.T) {
	w := newWorld(t, func(p *Power) { p.PublishEvery = 20 * time.Second }, Options{})
	w.run(19, 1)
	n := telemetry(w)["SystemLoadAccumulatorCount"].(uint64)
	assert.Equal(t, uint64(0), n, "%d samples shown before the first publication", n)
	w.run(1, 1)
	first := w.Registry()
	w.run(19, 1)
	assert.Equal(t, first["UpdateTime"], w.Registry()["UpdateTime"], "values changed between publications")
	w.run(1, 1)
	n = telemetry(w)["SystemLoadAccumulatorCount"].(uint64)
	assert.Equal(t, uint64(40), n, "%d samples shown after 40 s", n)
	w.SetExternal(true) // plugging in publishes at once
	assert.True(t, w.Registry()["ExternalConnected"].(bool), "the cable is not shown at once")
}

func TestCountersWrap(t *testing.T) {
	w := newWorld(t, nil, Options{Accumulated: math.MaxUint64 - 1000})
	before := telemetry(w)["AccumulatedSystemLoad"].(uint64)
	w.run(10, 1)
	after := telemetry(w)["AccumulatedSystemLoad"].(uint64)
	require.Less(t, after, before, "accumulator")
	// 10 s at about 2.65 W
	sum := after - before
	assert.GreaterOrEqual(t, sum, uint64(20_000), "difference over the wrap = %d mW·s", sum)
	assert.LessOrEqual(t, sum, uint64(30_000), "difference over the wrap = %d mW·s", sum)
}

func TestPowerFlowsAddUp(t *testing.T) {
	for name, prepare := range map[string]func(*world){
		"on battery": func(*world) {},
		"held":       func(w *world) { w.SetExternal(true) },
		"charging":   func(w *world) { w.SetExternal(true); w.SetPercent(40) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(p *Power) { p.NoiseMilliwatt = 0 }, Options{})
			prepare(w)
			w.run(5, 0)
			before := telemetry(w)
			w.run(100, 0.5)
			after := telemetry(w)
			delta := func(key string) int64 { return int64(after[key].(uint64) - before[key].(uint64)) }
			left := delta("AccumulatedSystemLoad") - delta("AccumulatedSystemPowerIn")
			right := -(delta("AccumulatedBatteryDischarge") + delta("AccumulatedBatteryPower"))
			// one mW of rounding a sample and counter
			assert.LessOrEqual(t, math.Abs(float64(left-right)), 200.0, "load - in = %d, -(discharge + charge) = %d", left, right)
		})
	}
}

func TestBatteryDrainsAndFills(t *testing.T) {
	w := newWorld(t, nil, Options{})
	start := w.Truth().Percent
	w.run(600, 2)
	drained := w.Truth().Percent
	// What left the battery is charge; at the voltage it had meanwhile, that is the energy.
	mean := (volt(start/100) + volt(drained/100)) / 2
	assert.InDelta(t, 600*(0.45+4.4), (start-drained)/100*12.98/nominalVolt*mean*3600, 5, "the battery")
	assert.Negative(t, w.Registry()["InstantAmperage"].(int64), "discharging")
	w.SetExternal(true)
	w.run(3600, 0)
	p := w.Truth().Percent
	assert.GreaterOrEqual(t, p, 79.9, "charged")
	assert.LessOrEqual(t, p, 80.1, "charged")
	assert.False(t, w.Charging(), "still charging at the limit")
}

func TestUnsignedCurrents(t *testing.T) {
	w := newWorld(t, nil, Options{UnsignedWraps: true})
	w.run(30, 1)
	amp, ok := w.Registry()["InstantAmperage"].(uint64)
	require.True(t, ok, "InstantAmperage = %v", w.Registry()["InstantAmperage"])
	assert.Negative(t, int64(amp), "InstantAmperage, want 2^64 less the current")
}

func TestHeatComesAndGoes(t *testing.T) {
	w := newWorld(t, nil, Options{})
	w.run(60, 2)
	assert.Equal(t, ThermalNominal, w.Thermal(), "after 60 s at 4.85 W")
	w.run(240, 2)
	assert.Equal(t, ThermalFair, w.Thermal(), "after 5 min at 4.85 W (%.1f °C)", w.Truth().BatteryCelsius)
	w.run(1200, 2)
	assert.GreaterOrEqual(t, w.Thermal().Rank(), ThermalSerious.Rank(), "after 25 min at 4.85 W")
	err := w.Induce(ThermalNominal)
	require.NoError(t, err, "induced nominal")
	assert.Equal(t, ThermalNominal, w.Thermal(), "induced nominal")
	require.Error(t, w.Induce("boiling"), "an unknown state was induced")
	require.NoError(t, w.Induce(""))
	w.run(1800, 0)
	assert.Equal(t, ThermalNominal, w.Thermal(), "after 30 min idle (%.1f °C)", w.Truth().BatteryCelsius)
}

func TestRebootResetsTheCounters(t *testing.T) {
	w := newWorld(t, nil, Options{Accumulated: 5})
	w.run(60, 1)
	w.Reboot()
	got := telemetry(w)
	require.Equal(t, uint64(0), got["AccumulatedSystemLoad"].(uint64), "after a reboot")
	assert.Equal(t, uint64(0), got["SystemLoadAccumulatorCount"].(uint64), "after a reboot")
	assert.GreaterOrEqual(t, w.Truth().Joule, 60.0, "the truth was reset too")
}

// TestHabits: what a gauge can be told to do to its readers.
func TestHabits(t *testing.T) {
	t.Run("late", func(t *testing.T) {
		w := newWorld(t, func(p *Power) { p.PublishEvery = 10 * time.Second }, Options{Late: 8 * time.Second, Jitter: 0.3, Seed: 7})
		var delays, intervals []int64
		last := w.Registry()["UpdateTime"].(int64)
		for range 600 {
			w.run(1, 1)
			if at := w.Registry()["UpdateTime"].(int64); at != last {
				delays, intervals, last = append(delays, w.clock.Time.Unix()-at), append(intervals, at-last), at
			}
		}
		assert.False(t, slices.Max(delays) < 5 || slices.Max(delays) > 8 || slices.Min(intervals) > 8 || slices.Max(intervals) < 12,
			"seen after %v s, at intervals of %v s", delays, intervals)
	})
	t.Run("missing", func(t *testing.T) {
		w := newWorld(t, nil, Options{Missing: 0.5})
		lacking := map[string]int{}
		for range 200 {
			entry := w.Registry()
			for _, key := range []string{"PowerTelemetryData", "UpdateTime", "Voltage"} {
				if _, ok := entry[key]; !ok {
					lacking[key]++
				}
			}
		}
		assert.GreaterOrEqual(t, lacking["PowerTelemetryData"], 20, "200 answers lacked")
		assert.GreaterOrEqual(t, lacking["UpdateTime"], 20, "200 answers lacked")
		assert.LessOrEqual(t, lacking["Voltage"], 0, "200 answers lacked")
	})
	t.Run("clock", func(t *testing.T) {
		w := newWorld(t, nil, Options{Skew: time.Hour})
		at := w.Registry()["UpdateTime"].(int64)
		assert.Equal(t, int64(3600), at-w.clock.Time.Unix(), "published at %d, the host's clock says %d", at, w.clock.Time.Unix())
	})
	t.Run("scale", func(t *testing.T) {
		w := newWorld(t, func(p *Power) { p.NoiseMilliwatt = 0 }, Options{Scale: 10})
		w.run(100, 0)
		sum := telemetry(w)["AccumulatedSystemLoad"].(uint64)
		assert.Equal(t, uint64(100*4500), sum, "accumulated %d in 100 s of 450 mW at ten counts a milliwatt", sum)
	})
	for layout, check := range map[Layout]func(entry map[string]any) bool{
		LayoutNoTelemetry:  func(e map[string]any) bool { return e["PowerTelemetryData"] == nil && e["InstantAmperage"] != nil },
		LayoutCapacityOnly: func(e map[string]any) bool { return e["InstantAmperage"] == nil && e["AppleRawCurrentCapacity"] != nil },
		LayoutInBatteryData: func(e map[string]any) bool {
			inner := e["BatteryData"].(map[string]any)
			return e["PowerTelemetryData"] == nil && inner["PowerTelemetryData"] != nil && inner["RemainingCapacity"] != nil && e["Voltage"] == nil
		},
	} {
		w := newWorld(t, nil, Options{Layout: layout})
		assert.True(t, check(w.Registry()), "layout %s: %v", layout, w.Registry())
	}
}

func TestRefusedModels(t *testing.T) {
	for name, change := range map[string]func(*Power){
		"published too often": func(p *Power) { p.PublishEvery = time.Millisecond },
		"no time constant":    func(p *Power) { p.ThermalTau = 0 },
	} {
		power := Defaults()
		change(&power)
		_, err := New(hosttest.NewClock(), power, 12, func() float64 { return 0 }, Options{})
		require.Error(t, err, "%s: accepted", name)
	}
	for _, o := range []Options{{Missing: 1}, {Jitter: -0.1}, {Late: -1}, {Scale: -1}} {
		_, err := New(hosttest.NewClock(), Defaults(), 12, func() float64 { return 0 }, o)
		require.Error(t, err, "%+v: accepted", o)
	}
}
