// Package battery is the virtual iPhone's battery and power gauge. The power drawn is a stated model: an idle power
// plus an energy for each second that the app's processes spend on the CPU. The model's truth can be asked for at any
// time; what hosts see is what the gauge of a real phone shows: one rounded, noisy sample a second, summed up in
// accumulators and published now and then. Tests compare the two. In comes CPU time, out go registry entries.
package battery

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
)

// Power states how much a phone draws and how it warms. Units are in the names.
type Power struct {
	IdleWatt        float64       `json:"idle_watt"`
	JoulePerCPU     float64       `json:"joule_per_cpu_second"` // of the app's processes
	NoiseMilliwatt  float64       `json:"noise_milliwatt"`      // standard deviation of one sample of the gauge
	PublishEvery    time.Duration `json:"publish_every_ns"`     // how often the gauge shows new values
	KelvinPerWatt   float64       `json:"kelvin_per_watt"`      // of the battery above its surroundings, in the long run
	ThermalTau      time.Duration `json:"thermal_tau_ns"`       // time constant of warming
	AmbientCelsius  float64       `json:"ambient_celsius"`
	FairCelsius     float64       `json:"fair_celsius"` // battery temperature at which the state becomes fair
	SeriousCelsius  float64       `json:"serious_celsius"`
	CriticalCelsius float64       `json:"critical_celsius"`
	SupplyWatt      float64       `json:"supply_watt"`   // what the cable can bring
	HoldPercent     float64       `json:"hold_percent"`  // charging stops here, as with the charge limit set
	StartPercent    float64       `json:"start_percent"` // charge when the phone is made
}

// Defaults are a phone in a lab at 25 °C on a USB 2 port, charge limit 80 %.
func Defaults() Power {
	return Power{
		IdleWatt: 0.45, JoulePerCPU: 2.2, NoiseMilliwatt: 12, PublishEvery: 5 * time.Second,
		KelvinPerWatt: 4.5, ThermalTau: 4 * time.Minute, AmbientCelsius: 25,
		FairCelsius: 36, SeriousCelsius: 42, CriticalCelsius: 46,
		SupplyWatt: 4.5, HoldPercent: 80, StartPercent: 80,
	}
}

// Truth is what the model has really drawn, without the gauge's rounding, noise and delay.
type Truth struct {
	At             time.Time            `json:"at"`
	Seconds        float64              `json:"seconds"` // since the gauge began
	CPUSeconds     float64              `json:"cpu_seconds"`
	Joule          float64              `json:"joule"`      // IdleJoule + AppJoule
	IdleJoule      float64              `json:"idle_joule"` // idle power over the whole time
	AppJoule       float64              `json:"app_joule"`
	Percent        float64              `json:"percent"`
	BatteryCelsius float64              `json:"battery_celsius"`
	Thermal        harness.ThermalState `json:"thermal"`
	Accumulated    uint64               `json:"accumulated_system_load"` // the gauge's sum now, published or not
	Count          uint64               `json:"system_load_count"`
}

// Gauge is one phone's battery. It is safe for concurrent use.
type Gauge struct {
	clock  harness.Clock
	power  Power
	joules float64        // full charge
	cpu    func() float64 // seconds of CPU that the app's processes have used, ended ones included

	mu        sync.Mutex
	noise     *rand.Rand
	began     time.Time
	last      time.Time // end of the last sample
	lastCPU   float64
	charge    float64 // J
	celsius   float64
	external  bool
	charging  bool
	thermal   harness.ThermalState
	induced   harness.ThermalState
	sums      counters
	shown     published
	unsigned  bool
	cycles    int
	startSums counters
}

// counters are the gauge's accumulators: sums of one mW sample a second, and their number. They wrap at 2^64.
type counters struct {
	load, powerIn, charged, discharged, loss uint64
	count                                    uint64
}

// Options are what else a gauge can be given.
type Options struct {
	Seed          uint64
	UnsignedWraps bool   // negative currents arrive as 2^64 - x, as some phones send them
	Accumulated   uint64 // the load accumulator's first value, to let tests reach the wrap
}

// New returns a full gauge for a battery of that many watt hours. cpu may be called from any goroutine.
func New(clock harness.Clock, power Power, wattHours float64, cpu func() float64, o Options) (*Gauge, error) {
	if wattHours <= 0 || power.PublishEvery < time.Second || power.ThermalTau <= 0 {
		return nil, fmt.Errorf("battery of %g Wh, published every %v, time constant %v: all must be above zero (publication: 1 s)", wattHours, power.PublishEvery, power.ThermalTau)
	}
	now := clock.Now()
	g := &Gauge{
		clock: clock, power: power, joules: wattHours * 3600, cpu: cpu,
		noise:    rand.New(rand.NewPCG(o.Seed, 0x6761756765)),
		began:    now,
		last:     now,
		lastCPU:  cpu(),
		charge:   wattHours * 3600 * power.StartPercent / 100,
		celsius:  power.AmbientCelsius + power.IdleWatt*power.KelvinPerWatt,
		thermal:  harness.ThermalNominal,
		unsigned: o.UnsignedWraps,
		cycles:   42,
	}
	g.startSums = counters{load: o.Accumulated}
	g.sums = g.startSums
	g.publish(now, power.IdleWatt)
	return g, nil
}

// Advance takes the samples that are due by now: one for each whole second since the last. A caller that comes late
// spreads the CPU time evenly over the seconds it missed.
func (g *Gauge) Advance() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	due := int(now.Sub(g.last) / time.Second)
	if due <= 0 {
		return
	}
	cpu := g.cpu()
	whole := time.Duration(due) * time.Second
	// CPU time beyond the last whole second belongs to the next sample; take the share of the whole seconds only.
	share := (cpu - g.lastCPU) * float64(whole) / float64(now.Sub(g.last))
	watt := g.power.IdleWatt + max(0, share)*g.power.JoulePerCPU/float64(due)
	g.lastCPU += share
	for range due {
		g.last = g.last.Add(time.Second)
		g.sample(watt)
	}
}

// sample accounts for one second at that power.
func (g *Gauge) sample(watt float64) {
	g.charging = g.external && g.charge < g.joules*g.power.HoldPercent/100-1
	in, into := 0.0, -watt
	if g.external {
		into = 0
		if g.charging {
			into = max(0, g.power.SupplyWatt-watt)
		}
		in = watt + into
	}
	g.charge = min(g.joules, max(0, g.charge+into))
	rest := g.power.AmbientCelsius + watt*g.power.KelvinPerWatt
	g.celsius = rest + (g.celsius-rest)*math.Exp(-1/g.power.ThermalTau.Seconds())
	g.warm()
	load := g.measure(watt)
	g.sums.load += uint64(load)
	g.sums.count++
	if g.external {
		g.sums.powerIn += uint64(g.measure(in))
		g.sums.loss += uint64(g.measure(in * 0.08))
	}
	// Two's complement: the sum of a negative number of milliwatts wraps below zero, as the real counter does.
	if into > 0 {
		g.sums.charged += uint64(int64(math.Round(into * 1000)))
	} else {
		g.sums.discharged += uint64(int64(math.Round(into * 1000)))
	}
	if g.last.Sub(g.shown.at) >= g.power.PublishEvery {
		g.publish(g.last, float64(load)/1000)
	}
}

// measure is one sample of the gauge in mW: noisy, whole, never negative.
func (g *Gauge) measure(watt float64) int64 {
	return max(0, int64(math.Round(watt*1000+g.noise.NormFloat64()*g.power.NoiseMilliwatt)))
}

// warm derives the thermal state, one kelvin of hysteresis on the way down.
func (g *Gauge) warm() {
	const hysteresis = 1
	limit := func(at float64, state harness.ThermalState) float64 {
		if g.thermal.Rank() >= state.Rank() {
			return at - hysteresis
		}
		return at
	}
	switch {
	case g.celsius >= limit(g.power.CriticalCelsius, harness.ThermalCritical):
		g.thermal = harness.ThermalCritical
	case g.celsius >= limit(g.power.SeriousCelsius, harness.ThermalSerious):
		g.thermal = harness.ThermalSerious
	case g.celsius >= limit(g.power.FairCelsius, harness.ThermalFair):
		g.thermal = harness.ThermalFair
	default:
		g.thermal = harness.ThermalNominal
	}
}

// Truth asks the model itself.
func (g *Gauge) Truth() Truth {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	now, cpu := g.clock.Now(), g.cpu()
	t := Truth{
		At:             now,
		Seconds:        now.Sub(g.began).Seconds(),
		CPUSeconds:     cpu,
		AppJoule:       cpu * g.power.JoulePerCPU,
		Percent:        100 * g.charge / g.joules,
		BatteryCelsius: g.celsius,
		Thermal:        g.state(),
		Accumulated:    g.sums.load,
		Count:          g.sums.count,
	}
	t.IdleJoule = t.Seconds * g.power.IdleWatt
	t.Joule = t.IdleJoule + t.AppJoule
	return t
}

// Power returns the model in force.
func (g *Gauge) Power() Power { return g.power }

// Thermal is the state that the phone reports: the induced one if there is one.
func (g *Gauge) Thermal() harness.ThermalState {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state()
}

func (g *Gauge) state() harness.ThermalState {
	if g.induced != "" {
		return g.induced
	}
	return g.thermal
}

// Induce fakes the reported thermal state, as Xcode's condition does: it neither heats nor throttles. Empty ends it.
func (g *Gauge) Induce(state harness.ThermalState) error {
	if state != "" && state.Rank() < 0 {
		return fmt.Errorf("thermal state %q: not nominal, fair, serious or critical", state)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.induced = state
	return nil
}

// SetExternal says whether the cable brings power. The gauge publishes at once, as a real one does.
func (g *Gauge) SetExternal(on bool) {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.external = on
	g.charging = on && g.charge < g.joules*g.power.HoldPercent/100-1
	g.publish(g.last, g.shown.load)
}

// SetPercent sets the charge, for tests of policies that refuse an empty phone.
func (g *Gauge) SetPercent(percent float64) error {
	if percent < 0 || percent > 100 {
		return fmt.Errorf("battery charge %g %%: not between 0 and 100", percent)
	}
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.charge = g.joules * percent / 100
	g.charging = g.external && g.charge < g.joules*g.power.HoldPercent/100-1
	g.publish(g.last, g.shown.load)
	return nil
}

// Reboot resets the accumulators, as a restart of the phone does.
func (g *Gauge) Reboot() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sums = g.startSums
	g.publish(g.last, g.power.IdleWatt)
}

// Charging reports whether the battery takes power from the cable now.
func (g *Gauge) Charging() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.charging
}
