package battery

import (
	"math"
	"time"
)

// published is one publication of the gauge.
type published struct {
	at       time.Time
	visible  time.Time // when hosts see it
	load     float64   // W, the sample at publication
	sums     counters
	charge   float64 // mAh
	celsius  float64
	external bool
	charging bool
}

// publish freezes the gauge's values for hosts, which see them then or a little later. The caller holds mu.
func (g *Gauge) publish(at time.Time, load float64) {
	interval := g.power.PublishEvery
	if j := g.options.Jitter; j > 0 {
		interval = time.Duration(float64(interval) * (1 + j*(2*g.manner.Float64()-1)))
	}
	visible := at
	if late := g.options.Late; late > 0 {
		visible = at.Add(time.Duration(g.manner.Int64N(int64(late))))
	}
	if last := g.latest(); visible.Before(last.visible) {
		visible = last.visible // none overtakes another
	}
	g.due = at.Add(interval)
	g.pending = append(g.pending, published{at, visible, load, g.sums, g.charge, g.celsius, g.external, g.charging})
}

// publishNow publishes out of turn and without delay, as gauges do around changes. The caller holds mu.
func (g *Gauge) publishNow(load float64) {
	g.publish(g.last, load)
	g.shown, g.pending = g.pending[len(g.pending)-1], nil
	g.shown.visible = g.clock.Now()
}

// latest is the last publication, seen or not. The caller holds mu.
func (g *Gauge) latest() published {
	if n := len(g.pending); n > 0 {
		return g.pending[n-1]
	}
	return g.shown
}

// reveal shows hosts what is due by now. The caller holds mu.
func (g *Gauge) reveal(now time.Time) {
	for len(g.pending) > 0 && !g.pending[0].visible.After(now) {
		g.shown, g.pending = g.pending[0], g.pending[1:]
	}
}

// nominalVolt turns watt hours into milliampere hours: the mean of the voltage from full to empty.
const nominalVolt = 3.85

// volt is the voltage of one lithium-ion cell, close enough for a gauge: 3.4 V empty, 4.3 V full.
func volt(share float64) float64 { return 3.4 + 0.9*share }

// Registry is the IORegistry entry AppleSmartBattery as last published: mV, mA, 1/100 °C, mAh, mW, unix seconds.
// Accumulators are sums of one mW sample a second; AccumulatedSystemEnergyConsumed is in µWh. Between two readings,
// load - power in = -(discharge + battery power), where discharge sums negative and battery power positive milliwatts.
func (g *Gauge) Registry() map[string]any {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.shown
	share := s.charge / g.full
	milliamp := g.milliamp(s)
	percent := int(math.Round(100 * share))
	entry := map[string]any{
		"Amperage":                  g.signed(milliamp),
		"InstantAmperage":           g.signed(milliamp),
		"AppleRawCurrentCapacity":   int(s.charge),
		"AppleRawMaxCapacity":       int(g.full),
		"NominalChargeCapacity":     int(g.full),
		"DesignCapacity":            int(g.full),
		"AppleRawBatteryVoltage":    int(volt(share) * 1000),
		"Voltage":                   int(volt(share) * 1000),
		"AppleRawExternalConnected": s.external,
		"AtCriticalLevel":           percent <= 2,
		"AtWarnLevel":               percent <= 10,
		"BatteryInstalled":          true,
		"CurrentCapacity":           percent,
		"MaxCapacity":               100,
		"CycleCount":                g.cycles,
		"ExternalChargeCapable":     s.external,
		"ExternalConnected":         s.external,
		"FullyCharged":              percent >= 100,
		"IsCharging":                s.charging,
		"Temperature":               int(math.Round(s.celsius * 100)),
		"UpdateTime":                s.at.Add(g.options.Skew).Unix(),
		"Serial":                    "VIRTUAL",
		"PowerTelemetryData":        g.telemetry(s),
	}
	g.lay(entry)
	return entry
}

// lay spells an entry as the phone's layout does, and leaves out what this answer is to lack. The caller holds mu.
func (g *Gauge) lay(entry map[string]any) {
	switch g.options.Layout {
	case LayoutNoTelemetry:
		delete(entry, "PowerTelemetryData")
	case LayoutCapacityOnly:
		delete(entry, "PowerTelemetryData")
		delete(entry, "Amperage")
		delete(entry, "InstantAmperage")
	case LayoutInBatteryData:
		inner := map[string]any{"RemainingCapacity": entry["AppleRawCurrentCapacity"], "FullChargeCapacity": entry["AppleRawMaxCapacity"]}
		for _, key := range []string{"DesignCapacity", "Voltage", "Amperage", "InstantAmperage", "PowerTelemetryData"} {
			inner[key] = entry[key]
			delete(entry, key)
		}
		for _, key := range []string{"AppleRawCurrentCapacity", "AppleRawMaxCapacity", "NominalChargeCapacity"} {
			delete(entry, key)
		}
		entry["BatteryData"] = inner
	}
	if missing := g.options.Missing; missing > 0 && g.manner.Float64() < missing {
		if g.manner.IntN(2) == 0 {
			delete(entry, "PowerTelemetryData")
		} else {
			delete(entry, "UpdateTime")
		}
	}
}

// milliamp is the battery's current: negative discharges.
func (g *Gauge) milliamp(s published) int64 {
	v := volt(s.charge / g.full)
	switch {
	case !s.external:
		return -int64(math.Round(s.load / v * 1000))
	case s.charging:
		return int64(math.Round(max(0, g.power.SupplyWatt-s.load) / v * 1000))
	default:
		return 0
	}
}

// signed gives a number as this phone sends it: negative ones as 2^64 - x where that is its habit.
func (g *Gauge) signed(n int64) any {
	if g.options.UnsignedWraps {
		return uint64(n)
	}
	return n
}

func (g *Gauge) telemetry(s published) map[string]any {
	load := int64(math.Round(s.load * 1000))
	in, battery := int64(0), -load
	if s.external {
		battery = 0
		if s.charging {
			battery = max(0, int64(g.power.SupplyWatt*1000)-load)
		}
		in = load + battery
	}
	const supplyVolt = 5
	return map[string]any{
		"SystemLoad":                            load,
		"SystemPowerIn":                         in,
		"SystemVoltageIn":                       supplyVolt * 1000 * boolInt(s.external),
		"SystemCurrentIn":                       in / supplyVolt,
		"BatteryPower":                          g.signed(battery),
		"AdapterEfficiencyLoss":                 int64(float64(in) * 0.08),
		"AccumulatedSystemLoad":                 s.sums.load,
		"SystemLoadAccumulatorCount":            s.sums.count,
		"AccumulatedSystemPowerIn":              s.sums.powerIn,
		"SystemPowerInAccumulatorCount":         s.sums.count,
		"AccumulatedBatteryPower":               s.sums.charged,
		"BatteryPowerAccumulatorCount":          s.sums.count,
		"AccumulatedBatteryDischarge":           s.sums.discharged,
		"BatteryDischargeAccumulatorCount":      s.sums.count,
		"AccumulatedAdapterEfficiencyLoss":      s.sums.loss,
		"AdapterEfficiencyLossAccumulatorCount": s.sums.count,
		"AccumulatedSystemEnergyConsumed":       uint64(float64(s.sums.load-g.startSums.load) / 3.6),
		"PowerTelemetryErrorCount":              0,
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Lockdown is the domain com.apple.mobile.battery.
func (g *Gauge) Lockdown() map[string]any {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.shown
	percent := uint64(math.Round(100 * s.charge / g.full))
	return map[string]any{
		"BatteryCurrentCapacity": percent,
		"BatteryIsCharging":      s.charging,
		"ExternalChargeCapable":  s.external,
		"ExternalConnected":      s.external,
		"FullyCharged":           percent >= 100,
		"GasGaugeCapability":     true,
		"HasBattery":             true,
	}
}
