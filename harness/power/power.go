// Package power turns readings of a battery gauge into the energy that a device used between two instants. Readings as
// they arrived come in, with the span of the work and, where there is one, of idling before it; a [Figure] with its
// method and uncertainty goes out, or a [Refusal] with the reason why these readings carry no figure. It is pure. It
// must never turn battery percentage into energy: that moves in steps of up to 5 % of the pack (docs/method.md).
//
// # Methods, best first
//
// gauge-accumulator. The firmware adds one reading of the system's power, in mW, to a sum every second and publishes
// sum and count every few seconds to a minute. Between two publications the mean power is ΔAccumulatedSystemLoad /
// ΔSystemLoadAccumulatorCount, whatever happened in between. The load excludes what charges the battery.
//
// voltage-current. Battery voltage times current of every publication, trapezoids between them. Snapshots: what happens
// between two publications is not seen. Only off external power, where the battery alone feeds the device.
//
// capacity. Fall of the raw capacity in mAh times the mean voltage. One step is some 14 J; only off external power.
//
// # Uncertainty
//
// Half width of a 95 % interval from the readings themselves: the alignment of publications with the span's borders,
// the second to which publications are dated, the scatter of power from publication to publication, gaps, and the idle
// baseline. The gauge's own calibration is not in it: it is the same for two builds on one phone.
package power

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// Names of the methods.
const (
	MethodGauge          = "gauge-accumulator"
	MethodVoltageCurrent = "voltage-current"
	MethodCapacity       = "capacity"
)

// MaxRelative is the largest uncertainty, relative to the figure, that a figure may have.
const MaxRelative = 0.5

// minWork is the shortest work in seconds for which readings are looked at.
const minWork = 10.0

// Span is a stretch of time on the device's own clock.
type Span struct{ Begin, End time.Time }

// Seconds is the span's length.
func (s Span) Seconds() float64 { return s.End.Sub(s.Begin).Seconds() }

// Request is what there is to compute from.
type Request struct {
	Readings    []harness.BatteryReading // in order of receipt
	Work        Span
	Idle        *Span         // the device did nothing; nil: no idle baseline is subtracted
	ClockOffset time.Duration // host's clock minus device's; readings without a time of their own carry the host's
}

// Figure is the energy of the work span.
type Figure struct {
	Joules      float64  // net of idle where IdleWatts is set
	Uncertainty float64  // J, half width of a 95 % interval
	Method      string   // with "-net" after it when the idle baseline is taken off
	Gross       float64  // J, nothing taken off
	IdleWatts   *float64 // the baseline
	Notes       []string // resets, gaps, methods that did not do
	Checks      []Check  // the same energy by other ways
}

// Refusal says why there is no figure.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{Reason: fmt.Sprintf(format, args...)} }

// Measure computes the energy of the work span with the best method that the readings carry, and checks it by the others.
func Measure(r Request) (Figure, error) {
	switch {
	case r.Work.Seconds() <= 0:
		return Figure{}, refuse("the work took no time")
	case r.Work.Seconds() < minWork:
		return Figure{}, refuse("resolution: the work took %.1f s, and the gauge publishes every few seconds to a minute", r.Work.Seconds())
	case len(r.Readings) == 0:
		return Figure{}, refuse("the battery's gauge was not read")
	}
	readings, notes := place(r)
	if err := charging(readings, r.Work); err != nil {
		return Figure{}, err
	}
	in := input{readings, r.Work, r.Idle}
	var reasons []string
	for _, method := range []func(input) (Figure, error){gauge, voltageCurrent, capacity} {
		f, err := method(in)
		if err == nil {
			err = tooWide(f)
		}
		if err == nil {
			f.Notes = append(append(f.Notes, notes...), reasons...)
			f.Checks = checks(in, f)
			return f, nil
		}
		reasons = append(reasons, err.Error())
	}
	return Figure{}, refuse("%s", strings.Join(append(reasons, notes...), "; "))
}

// input is a request whose readings have their places.
type input struct {
	readings []reading
	work     Span
	idle     *Span
}

func tooWide(f Figure) error {
	if math.IsNaN(f.Joules) || math.IsInf(f.Joules, 0) || f.Joules <= 0 {
		return refuse("%s: %.3g J is not a positive energy", f.Method, f.Joules)
	}
	if f.Uncertainty > MaxRelative*f.Joules {
		return refuse("%s: resolution, %.3g J ± %.3g J", f.Method, f.Joules, f.Uncertainty)
	}
	return nil
}

// net takes the idle baseline off, where there is one.
func net(f Figure, work Span, idle *level) Figure {
	f.Joules = f.Gross
	if idle == nil {
		return f
	}
	f.IdleWatts = &idle.watts
	f.Joules -= idle.watts * work.Seconds()
	f.Uncertainty = math.Hypot(f.Uncertainty, z95*idle.sd*work.Seconds())
	f.Method += netSuffix
	return f
}

// netSuffix marks the method of a figure from which the idle baseline was taken.
const netSuffix = "-net"

// z95 makes the half width of a 95 % interval out of a standard deviation.
const z95 = 1.96

// level is a mean power and the standard deviation of that mean.
type level struct{ watts, sd float64 }
