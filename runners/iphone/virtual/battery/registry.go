package battery

import (
	"math"
	"time"
)

// published is what hosts see until the gauge publishes again.
type published struct {
	at       time.Time
	load     float64 // W, the sample at publication
	sums     counters
	charge   float64
	celsius  float64
	external bool
	charging bool
}

// publish freezes the gauge's values for hosts. The caller holds mu.
func (g *Gauge) publish(at time.Time, load float64) {
	g.shown = published{at, load, g.sums, g.charge, g.celsius, g.external, g.charging}
}

// nominalVolt turns watt hours into milliampere hours, as phone makers do.
const nominalVolt = 3.87

// volt is the open-circuit voltage of one lithium-ion cell, close enough for a gauge: 3.4 V empty, 4.3 V full.
func volt(share float64) float64 { return 3.4 + 0.9*share }

// Registry is the IORegistry entry AppleSmartBattery as last published: mV, mA, 1/100 °C, mAh, mW, unix seconds.
// Accumulators are sums of one mW sample a second; AccumulatedSystemEnergyConsumed is in µWh. Between two readings,
// load - power in = -(discharge + battery power), where discharge sums negative and battery power positive milliwatts.
func (g *Gauge) Registry() map[string]any {
	g.Advance()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.shown
	share := s.charge / g.joules
	full := g.joules / 3600 / nominalVolt * 1000
	milliamp := g.milliamp(s)
	percent := int(math.Round(100 * share))
	return map[string]any{
		"Amperage":                  g.signed(milliamp),
		"InstantAmperage":           g.signed(milliamp),
		"AppleRawCurrentCapacity":   int(full * share),
		"AppleRawMaxCapacity":       int(full),
		"NominalChargeCapacity":     int(full),
		"DesignCapacity":            int(full),
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
		"UpdateTime":                s.at.Unix(),
		"Serial":                    "VIRTUAL",
		"PowerTelemetryData":        g.telemetry(s),
	}
}

// milliamp is the battery's current: negative discharges.
func (g *Gauge) milliamp(s published) int64 {
	v := volt(s.charge / g.joules)
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
	if g.unsigned {
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
	percent := uint64(math.Round(100 * s.charge / g.joules))
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
