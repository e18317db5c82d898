package power

import "math"

// Disagreement is how far two ways to the same energy may lie apart before somebody ought to look: beyond it the scale
// or the meaning of a counter is not what it is taken for.
const Disagreement = 0.10

// CheckEnergyCounter is a check against the gauge's own counter of energy.
const CheckEnergyCounter = "energy-counter"

// Check is the same energy by another way than the figure's.
type Check struct {
	Method      string  // MethodVoltageCurrent or CheckEnergyCounter
	Joules      float64 // nothing taken off
	Uncertainty float64 // J, half width of a 95 % interval; 0 where both come of the same samples
	Ratio       float64 // of the figure, nothing taken off, to it
}

// Disagrees reports whether somebody ought to look.
func (c Check) Disagrees() bool { return c.Ratio > 1+Disagreement || c.Ratio < 1/(1+Disagreement) }

// joulesPerCount is what one count of the gauge's energy counter is taken to be worth: a microwatt hour.
const joulesPerCount = 3600e-6

// checks compares the accumulators' figure with voltage times current, which off external power is the same energy
// measured by other means, and against the gauge's own counter of energy, whose unit is an assumption too.
func checks(r input, f Figure) []Check {
	if f.Method != MethodGauge && f.Method != MethodGauge+netSuffix {
		return nil
	}
	var out []Check
	if other, err := voltageCurrent(r); err == nil && tooWide(other) == nil {
		out = append(out, Check{Method: MethodVoltageCurrent, Joules: other.Gross, Uncertainty: other.Uncertainty, Ratio: f.Gross / other.Gross})
	}
	if load, energy, ok := counters(publications(r.readings), r.work); ok {
		out = append(out, Check{Method: CheckEnergyCounter, Joules: f.Gross * energy / load, Ratio: load / energy})
	}
	return out
}

// counters are the energies, in J, by which both counters grew between the publications of the work that have both. A
// pair across a reset is left out.
func counters(ps []publication, work Span) (load, energy float64, ok bool) {
	rate := samplesPerSecond(ps)
	var last *publication
	for i := range ps {
		p := &ps[i]
		if p.energy == nil || p.at.Before(work.Begin) || p.at.After(work.End) {
			continue
		}
		if last != nil {
			counts := float64(*p.energy - *last.energy)
			if g, ok := grown(*last, *p, rate); ok && counts < math.MaxInt64 {
				load += g.sum / 1000 / rate
				energy += counts * joulesPerCount
			}
		}
		last = p
	}
	return load, energy, load > 0 && energy > 0
}
