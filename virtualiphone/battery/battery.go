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
	At             time.Time    `json:"at"`
	Seconds        float64      `json:"seconds"` // since the gauge began
	CPUSeconds     float64      `json:"cpu_seconds"`
	Joule          float64      `json:"joule"`      // IdleJoule + AppJoule
	IdleJoule      float64      `json:"idle_joule"` // idle power over the whole time
	AppJoule       float64      `json:"app_joule"`
	Percent        float64      `json:"percent"`
	BatteryCelsius float64      `json:"battery_celsius"`
	Thermal        ThermalState `json:"thermal"`
	Accumulated    uint64       `json:"accumulated_system_load"` // the gauge's sum now, published or not
	Count          uint64       `json:"system_load_count"`
}

// Clock tells the gauge the time; a test turns its own.
type Clock interface{ Now() time.Time }

// Gauge is one phone's battery. It is safe for concurrent use.
type Gauge struct {
	clock   Clock
	power   Power
	options Options
	full    float64        // mAh
	cpu     func() float64 // seconds of CPU that the app's processes have used, ended ones included

	mu        sync.Mutex
	noise     *rand.Rand
	manner    *rand.Rand // of publishing and answering, apart from the noise
	began     time.Time
	last      time.Time // end of the last sample
	lastCPU   float64
	charge    float64 // mAh
	celsius   float64
	external  bool
	charging  bool
	thermal   ThermalState
	induced   ThermalState
	sums      counters
	due       time.Time   // of the next publication
	shown     published   // what hosts see
	pending   []published // published, and not yet seen
	cycles    int
	startSums counters
}

// counters are the gauge's accumulators: sums of one mW sample a second, and their number. They wrap at 2^64.
type counters struct {
	load, powerIn, charged, discharged, loss uint64
	count                                    uint64
}

// Options are what else a gauge can be given, most of them habits that make it hard to read.
type Options struct {
	Seed          uint64
	UnsignedWraps bool          // negative currents arrive as 2^64 - x, as some phones send them
	Accumulated   uint64        // the load accumulator's first value, to let tests reach the wrap
	Count         uint64        // the sample counter's first value
	Jitter        float64       // how far an interval between publications may lie from PublishEvery, as a share of it
	Late          time.Duration // longest time from a publication until hosts see it
	Missing       float64       // share of answers that lack the power telemetry, or the time of publication
	Skew          time.Duration // the phone's clock minus the host's
	Scale         float64       // what the accumulators hold for one mW, to try a wrong assumption on; 0: 1
	Layout        Layout
}

// Layout is how a phone spells its registry entry.
type Layout string

const (
	LayoutPlain         Layout = ""                // iOS as known
	LayoutNoTelemetry   Layout = "no_telemetry"    // no accumulators: voltage, current and capacity alone
	LayoutCapacityOnly  Layout = "capacity_only"   // neither accumulators nor current
	LayoutInBatteryData Layout = "in_battery_data" // capacities, voltage and telemetry below BatteryData, as macOS 27 has begun to
)

// New returns a full gauge for a battery of that many watt hours. cpu may be called from any goroutine.
func New(clock Clock, power Power, wattHours float64, cpu func() float64, o Options) (*Gauge, error) {
	if wattHours <= 0 || power.PublishEvery < time.Second || power.ThermalTau <= 0 {
		return nil, fmt.Errorf(
			"battery of %g Wh, published every %v, time constant %v: all must be above zero (publication: 1 s)", wattHours, power.PublishEvery,
			power.ThermalTau,
		)
	}
	if o.Jitter < 0 || o.Jitter >= 1 || o.Late < 0 || o.Missing < 0 || o.Missing >= 1 || o.Scale < 0 {
		return nil, fmt.Errorf(
			"gauge with jitter %g, late %v, missing %g, scale %g: shares lie between 0 and 1, nothing is negative", o.Jitter, o.Late, o.Missing,
			o.Scale,
		)
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	now := clock.Now()
	full := wattHours / nominalVolt * 1000
	g := &Gauge{
		clock: clock, power: power, options: o, full: full, cpu: cpu,
		noise:   rand.New(rand.NewPCG(o.Seed, 0x6761756765)),
		manner:  rand.New(rand.NewPCG(o.Seed, 0x6d616e6e6572)),
		began:   now,
		last:    now,
		lastCPU: cpu(),
		charge:  full * power.StartPercent / 100,
		celsius: power.AmbientCelsius + power.IdleWatt*power.KelvinPerWatt,
		thermal: ThermalNominal,
		cycles:  42,
	}
	g.startSums = counters{load: o.Accumulated, count: o.Count}
	g.sums = g.startSums
	g.publish(now, power.IdleWatt)
	g.shown, g.pending = g.pending[0], nil
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
		g.reveal(now)
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
	g.reveal(now)
}

// sample accounts for one second at that power.
func (g *Gauge) sample(watt float64) {
	g.charging = g.external && g.below(g.power.HoldPercent)
	in, into := 0.0, -watt
	if g.external {
		into = 0
		if g.charging {
			into = max(0, g.power.SupplyWatt-watt)
		}
		in = watt + into
	}
	// What the battery gives or takes is counted as charge; its voltage makes energy of it.
	g.charge = min(g.full, max(0, g.charge+into/volt(g.charge/g.full)/3.6))
	rest := g.power.AmbientCelsius + watt*g.power.KelvinPerWatt
	g.celsius = rest + (g.celsius-rest)*math.Exp(-1/g.power.ThermalTau.Seconds())
	g.warm()
	load := g.measure(watt)
	g.sums.load += g.counted(load)
	g.sums.count++
	if g.external {
		g.sums.powerIn += g.counted(g.measure(in))
		g.sums.loss += g.counted(g.measure(in * 0.08))
	}
	if into > 0 {
		g.sums.charged += g.counted(int64(math.Round(into * 1000)))
	} else {
		g.sums.discharged += g.counted(int64(math.Round(into * 1000)))
	}
	if !g.last.Before(g.due) {
		g.publish(g.last, float64(load)/1000)
	}
}

// counted is what an accumulator adds for so many milliwatts. Two's complement: a negative number wraps below zero, as
// the real counter does.
func (g *Gauge) counted(milliwatt int64) uint64 {
	return uint64(int64(math.Round(float64(milliwatt) * g.options.Scale)))
}

// below reports whether the battery holds less than that share of its capacity, by more than a second's charging.
func (g *Gauge) below(percent float64) bool {
	return g.charge < g.full*percent/100-1/volt(g.charge/g.full)/3.6
}

// measure is one sample of the gauge in mW: noisy, whole, never negative.
func (g *Gauge) measure(watt float64) int64 {
	return max(0, int64(math.Round(watt*1000+g.noise.NormFloat64()*g.power.NoiseMilliwatt)))
}

// warm derives the thermal state, one kelvin of hysteresis on the way down.
func (g *Gauge) warm() {
	const hysteresis = 1
	limit := func(at float64, state ThermalState) float64 {
		if g.thermal.Rank() >= state.Rank() {
			return at - hysteresis
		}
		return at
	}
	switch {
	case g.celsius >= limit(g.power.CriticalCelsius, ThermalCritical):
		g.thermal = ThermalCritical
	case g.celsius >= limit(g.power.SeriousCelsius, ThermalSerious):
		g.thermal = ThermalSerious
	case g.celsius >= limit(g.power.FairCelsius, ThermalFair):
		g.thermal = ThermalFair
	default:
		g.thermal = ThermalNominal
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
		Percent:        100 * g.charge / g.full,
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
func (g *Gauge) Thermal() ThermalState {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state()
}

func (g *Gauge) state() ThermalState {
	if g.induced != "" {
		return g.induced
	}
	return g.thermal
}

// Induce fakes the reported thermal state, as Xcode's condition does: it neither heats nor throttles. Empty ends it.
func (g *Gauge) Induce(state ThermalState) error {
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
	g.charging = on && g.below(g.power.HoldPercent)
	g.publishNow(g.latest().load)
}

// SetPercent sets the charge, for tests of policies that refuse an empty phone.
func (g *Gauge) SetPercent(percent float64) error {
	if percent < 0 || percent > 100 {
		return fmt.Errorf("battery charge %g %%: not between 0 and 100", percent)
	}
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.charge = g.full * percent / 100
	g.charging = g.external && g.below(g.power.HoldPercent)
	g.publishNow(g.latest().load)
	return nil
}

// Reboot resets the accumulators, as a restart of the phone does.
func (g *Gauge) Reboot() {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sums, g.startSums = counters{}, counters{}
	g.publishNow(g.power.IdleWatt)
}

// Charging reports whether the battery takes power from the cable now.
func (g *Gauge) Charging() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.charging
}
