package simulated

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/lilims/bench/harness"
)

// Constants of the model. They are chosen for the shape of published curves, not fitted to any one phone.
const (
	tokenOverhead  = 2 * time.Millisecond // t0: work per call that does not depend on the model
	cacheBytes     = 2048.0               // k: bytes read for every token of depth
	effectiveShare = 0.45                 // of the chip's memory bandwidth that one request gets
	flops          = 2.0e12               // of a prompt's pass
	throttleFrom   = 33.0                 // °C
	throttleSlope  = 0.04                 // per °C
	throttleFloor  = 0.45
	dieSeconds     = 14.0
	caseSeconds    = 300.0
	dieHeat        = 0.2   // K/s for one W above rest
	restWatts      = 0.4   // heat that always flows off
	caseHeat       = 0.018 // K/s for one W
	ambient        = 23.0  // °C
	sunlit         = 47.0  // °C, of a case in the sun
	powerExponent  = 1.4
	idleWatts      = 0.75
	peakWatts      = 4.9
	fullLoadBytes  = 1e9  // of a model; a smaller one does not load the chip fully
	leastLoad      = 0.25 // of the chip, however small the model
	publishEvery   = 15 * time.Second
	hysteresis     = 0.5 // °C
)

// bandwidth is the chip's memory bandwidth in B/s, as published; an unknown chip gets the oldest one's.
func bandwidth(chip string) float64 {
	switch chip {
	case "A19 Pro":
		return 76.8e9
	case "A18 Pro":
		return 60.0e9
	case "A17 Pro", "A16 Bionic":
		return 51.2e9
	}
	return 34.1e9
}

// world is the physical state of one device.
type world struct {
	random    *rand.Rand
	chip      float64 // bandwidth, B/s
	unit      float64 // this unit's speed relative to its kind
	die       float64 // °C
	shell     float64 // °C, of the case
	state     harness.ThermalState
	busy      float64 // 0 idle, 1 a large model at full tilt
	capacity  float64 // J, of the full battery
	charge    float64 // J left
	second    float64 // since the last whole second
	sum       uint64  // accumulated system load, mW samples
	count     uint64
	watts     float64
	now       time.Time
	published gaugeState
	publish   time.Time
	plugged   bool
}

// gaugeState is what the gauge has published last.
type gaugeState struct {
	at         time.Time
	sum, count uint64
	watts      float64
	charge     float64
	celsius    float64
}

func newWorld(p harness.DeviceProfile, seed uint64, start time.Time, o Options) *world {
	random := rand.New(rand.NewPCG(seed, 0x6c6162))
	wh := p.BatteryWh
	if wh == 0 {
		wh = 12
	}
	w := &world{
		random: random, chip: bandwidth(p.Chip), unit: math.Exp(o.UnitSpread * random.NormFloat64()),
		die: ambient + o.StartAbove, shell: ambient + o.StartAbove, state: harness.ThermalNominal, capacity: wh * 3600,
		charge: 0.8 * wh * 3600, now: start, publish: start, plugged: o.Charging,
		sum: random.Uint64N(1 << 40), count: random.Uint64N(1 << 24),
	}
	w.move(time.Second)
	w.now = start
	return w
}

// throttle is f(T): the share of full speed that heat leaves.
func (w *world) throttle() float64 {
	return max(throttleFloor, 1-throttleSlope*max(0, w.die-throttleFrom))
}

// power is what the device draws now, noise excluded.
func (w *world) power() float64 {
	return idleWatts + w.busy*(peakWatts-idleWatts)*math.Pow(w.throttle(), powerExponent)
}

// move lets time pass, in steps of at most a second.
func (w *world) move(d time.Duration) {
	for d > 0 {
		step := min(d, time.Second)
		w.step(step)
		d -= step
	}
}

func (w *world) step(d time.Duration) {
	s := d.Seconds()
	watts := w.power()
	w.die += s * ((w.shell-w.die)/dieSeconds + dieHeat*max(0, watts-restWatts))
	w.shell += s * ((ambient-w.shell)/caseSeconds + caseHeat*watts)
	w.classify()
	w.now = w.now.Add(d)
	w.second += s
	if w.second < 1 {
		w.drain(watts * s)
		return
	}
	w.second--
	w.watts = watts * (1 + 0.03*w.random.NormFloat64())
	w.drain(w.watts * s)
	w.sum += uint64(w.watts * 1000)
	w.count++
	if !w.now.Before(w.publish) {
		w.published = gaugeState{w.now, w.sum, w.count, w.watts, w.charge, w.shell - 1}
		w.publish = w.now.Add(time.Duration((0.8 + 0.4*w.random.Float64()) * float64(publishEvery)))
	}
}

func (w *world) drain(joules float64) {
	if !w.plugged {
		w.charge = max(0, w.charge-joules)
	}
}

// classify moves the thermal state by the temperature of the case, with hysteresis.
func (w *world) classify() {
	limits := []struct {
		state harness.ThermalState
		above float64
	}{{harness.ThermalCritical, 45}, {harness.ThermalSerious, 35}, {harness.ThermalFair, 31}}
	next := harness.ThermalNominal
	for _, l := range limits {
		limit := l.above
		if w.state.Rank() >= l.state.Rank() {
			limit -= hysteresis
		}
		if w.shell >= limit {
			next = l.state
			break
		}
	}
	w.state = next
}

// reading is what the diagnostics relay would give now.
func (w *world) reading() harness.BatteryReading {
	p := w.published
	share := p.charge / w.capacity
	millivolt := int64(1000 * (3.45 + 0.75*share))
	r := harness.BatteryReading{
		At: w.now, UpdateTime: at(p.at.Unix()), VoltageMillivolt: &millivolt,
		AmperageMilliampere: at(-int64(p.watts / float64(millivolt) * 1e6)), TemperatureCentiC: at(int64(p.celsius * 100)),
		RawCapacityMAh: at(int64(p.charge / 3.6 / 3.85)), Percent: at(int64(share * 100)), Charging: at(w.plugged), ExternalPower: at(w.plugged),
		SystemLoadMilliwatt: at(int64(p.watts * 1000)), AccumulatedSystemLoad: at(p.sum), SystemLoadCount: at(p.count),
	}
	return r
}

func at[T any](v T) *T { return &v }
