package battery

import (
	"math"
	"slices"
	"testing"
	"time"

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
	if err != nil {
		t.Fatal(err)
	}
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
	if count != 300 {
		t.Fatalf("%d samples in 300 s", count)
	}
	want := end.Joule - truth.Joule
	if exact := 300 * (0.45 + 1.5*2.2); math.Abs(want-exact) > 1e-6 {
		t.Errorf("truth = %g J, the stated model gives %g", want, exact)
	}
	// 300 samples with 12 mW of noise each: 0.2 J standard deviation.
	if math.Abs(joule-want) > 1 {
		t.Errorf("accumulators say %g J, truth is %g", joule, want)
	}
	energy := float64(after["AccumulatedSystemEnergyConsumed"].(uint64)-before["AccumulatedSystemEnergyConsumed"].(uint64)) * 3600 / 1e6
	if math.Abs(energy-joule) > 0.01 {
		t.Errorf("energy counter says %g J, load counter %g", energy, joule)
	}
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
	if truth.Count != 5 || math.Abs(float64(truth.Accumulated)/1000-truth.Joule) > 0.005 {
		t.Errorf("%d samples with %d mJ, want 5 with %g J", truth.Count, truth.Accumulated, truth.Joule)
	}
}

func TestHostsSeeWhatWasPublished(t *testing.T) {
	w := newWorld(t, func(p *Power) { p.PublishEvery = 20 * time.Second }, Options{})
	w.run(19, 1)
	if n := telemetry(w)["SystemLoadAccumulatorCount"].(uint64); n != 0 {
		t.Errorf("%d samples shown before the first publication", n)
	}
	w.run(1, 1)
	first := w.Registry()
	w.run(19, 1)
	if again := w.Registry(); again["UpdateTime"] != first["UpdateTime"] {
		t.Error("values changed between publications")
	}
	w.run(1, 1)
	if n := telemetry(w)["SystemLoadAccumulatorCount"].(uint64); n != 40 {
		t.Errorf("%d samples shown after 40 s", n)
	}
	w.SetExternal(true) // plugging in publishes at once
	if !w.Registry()["ExternalConnected"].(bool) {
		t.Error("the cable is not shown at once")
	}
}

func TestCountersWrap(t *testing.T) {
	w := newWorld(t, nil, Options{Accumulated: math.MaxUint64 - 1000})
	before := telemetry(w)["AccumulatedSystemLoad"].(uint64)
	w.run(10, 1)
	after := telemetry(w)["AccumulatedSystemLoad"].(uint64)
	if after >= before {
		t.Fatalf("accumulator went from %d to %d, want a wrap", before, after)
	}
	if sum := after - before; sum < 20_000 || sum > 30_000 { // 10 s at about 2.65 W
		t.Errorf("difference over the wrap = %d mW·s", sum)
	}
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
			if math.Abs(float64(left-right)) > 200 { // one mW of rounding a sample and counter
				t.Errorf("load - in = %d, -(discharge + charge) = %d", left, right)
			}
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
	if used := (start - drained) / 100 * 12.98 / nominalVolt * mean * 3600; math.Abs(used-600*(0.45+4.4)) > 5 {
		t.Errorf("the battery gave %g J", used)
	}
	if amp := w.Registry()["InstantAmperage"].(int64); amp >= 0 {
		t.Errorf("discharging at %d mA, want a negative current", amp)
	}
	w.SetExternal(true)
	w.run(3600, 0)
	if p := w.Truth().Percent; p < 79.9 || p > 80.1 {
		t.Errorf("charged to %g %%, want the limit of 80", p)
	}
	if w.Charging() {
		t.Error("still charging at the limit")
	}
}

func TestUnsignedCurrents(t *testing.T) {
	w := newWorld(t, nil, Options{UnsignedWraps: true})
	w.run(30, 1)
	amp, ok := w.Registry()["InstantAmperage"].(uint64)
	if !ok || amp < 1<<63 || int64(amp) >= 0 {
		t.Errorf("InstantAmperage = %v, want 2^64 less the current", w.Registry()["InstantAmperage"])
	}
}

func TestHeatComesAndGoes(t *testing.T) {
	w := newWorld(t, nil, Options{})
	w.run(60, 2)
	if s := w.Thermal(); s != ThermalNominal {
		t.Errorf("after 60 s at 4.85 W: %s, want nominal", s)
	}
	w.run(240, 2)
	if s := w.Thermal(); s != ThermalFair {
		t.Errorf("after 5 min at 4.85 W: %s (%.1f °C), want fair", s, w.Truth().BatteryCelsius)
	}
	w.run(1200, 2)
	if s := w.Thermal(); s.Rank() < ThermalSerious.Rank() {
		t.Errorf("after 25 min at 4.85 W: %s, want serious or worse", s)
	}
	if err := w.Induce(ThermalNominal); err != nil || w.Thermal() != ThermalNominal {
		t.Errorf("induced nominal: %s, %v", w.Thermal(), err)
	}
	if err := w.Induce("boiling"); err == nil {
		t.Error("an unknown state was induced")
	}
	if err := w.Induce(""); err != nil {
		t.Fatal(err)
	}
	w.run(1800, 0)
	if s := w.Thermal(); s != ThermalNominal {
		t.Errorf("after 30 min idle: %s (%.1f °C), want nominal", s, w.Truth().BatteryCelsius)
	}
}

func TestRebootResetsTheCounters(t *testing.T) {
	w := newWorld(t, nil, Options{Accumulated: 5})
	w.run(60, 1)
	w.Reboot()
	if got := telemetry(w); got["AccumulatedSystemLoad"].(uint64) != 0 || got["SystemLoadAccumulatorCount"].(uint64) != 0 {
		t.Errorf("after a reboot: %v", got)
	}
	if w.Truth().Joule < 60 {
		t.Error("the truth was reset too")
	}
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
		if slices.Max(delays) < 5 || slices.Max(delays) > 8 || slices.Min(intervals) > 8 || slices.Max(intervals) < 12 {
			t.Errorf("seen after %v s, at intervals of %v s", delays, intervals)
		}
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
		if lacking["PowerTelemetryData"] < 20 || lacking["UpdateTime"] < 20 || lacking["Voltage"] > 0 {
			t.Errorf("200 answers lacked %v", lacking)
		}
	})
	t.Run("clock", func(t *testing.T) {
		w := newWorld(t, nil, Options{Skew: time.Hour})
		if at := w.Registry()["UpdateTime"].(int64); at-w.clock.Time.Unix() != 3600 {
			t.Errorf("published at %d, the host's clock says %d", at, w.clock.Time.Unix())
		}
	})
	t.Run("scale", func(t *testing.T) {
		w := newWorld(t, func(p *Power) { p.NoiseMilliwatt = 0 }, Options{Scale: 10})
		w.run(100, 0)
		if sum := telemetry(w)["AccumulatedSystemLoad"].(uint64); sum != 100*4500 {
			t.Errorf("accumulated %d in 100 s of 450 mW at ten counts a milliwatt", sum)
		}
	})
	for layout, check := range map[Layout]func(entry map[string]any) bool{
		LayoutNoTelemetry:  func(e map[string]any) bool { return e["PowerTelemetryData"] == nil && e["InstantAmperage"] != nil },
		LayoutCapacityOnly: func(e map[string]any) bool { return e["InstantAmperage"] == nil && e["AppleRawCurrentCapacity"] != nil },
		LayoutInBatteryData: func(e map[string]any) bool {
			inner := e["BatteryData"].(map[string]any)
			return e["PowerTelemetryData"] == nil && inner["PowerTelemetryData"] != nil && inner["RemainingCapacity"] != nil && e["Voltage"] == nil
		},
	} {
		if w := newWorld(t, nil, Options{Layout: layout}); !check(w.Registry()) {
			t.Errorf("layout %s: %v", layout, w.Registry())
		}
	}
}

func TestRefusedModels(t *testing.T) {
	for name, change := range map[string]func(*Power){
		"published too often": func(p *Power) { p.PublishEvery = time.Millisecond },
		"no time constant":    func(p *Power) { p.ThermalTau = 0 },
	} {
		power := Defaults()
		change(&power)
		if _, err := New(hosttest.NewClock(), power, 12, func() float64 { return 0 }, Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, o := range []Options{{Missing: 1}, {Jitter: -0.1}, {Late: -1}, {Scale: -1}} {
		if _, err := New(hosttest.NewClock(), Defaults(), 12, func() float64 { return 0 }, o); err == nil {
			t.Errorf("%+v: accepted", o)
		}
	}
}
