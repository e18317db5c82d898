package power

import (
	"fmt"
	"math"
	"sort"
	"time"
)

const (
	minSnapshots   = 8    // publications of voltage and current within the work
	minSnapshotSD  = 0.02 // of the mean: snapshots of a load that changes by the millisecond
	minCapacityMAh = 10   // fall in capacity below which its steps are too coarse
	stepSD         = 0.29 // mAh, of a value cut to the step
	leastMillivolt = 2000 // of one lithium cell, with room on either side
	mostMillivolt  = 6000
	cellVolts      = 3.85 // V, a cell's mean voltage, where the gauge tells none
)

// point is a snapshot of the battery's power at the device's time.
type point struct {
	at    time.Time
	watts float64
}

// voltageCurrent integrates voltage times current by trapezoids over the publications. How far neighbouring snapshots
// differ tells how much is missed between them.
func voltageCurrent(r input) (Figure, error) {
	if external(r.readings, r.work) {
		return Figure{}, refuse("voltage and current do not tell the load on external power")
	}
	points, notes := snapshots(r.readings)
	inside := within(points, r.work)
	if len(inside) < minSnapshots {
		return Figure{}, refuse("%d readings of voltage and current within the work; %d are needed", len(inside), minSnapshots)
	}
	first, last := inside[0], inside[len(inside)-1]
	if span := last.at.Sub(first.at).Seconds(); span < coverageAtBest*r.work.Seconds() {
		return Figure{}, refuse("readings of voltage and current cover %.0f s of %.0f s of work", span, r.work.Seconds())
	}
	joules, scatter, mean := trapezoids(inside)
	// Before the first and after the last snapshot the power is taken to be the nearest one's.
	before, after := first.at.Sub(r.work.Begin).Seconds(), r.work.End.Sub(last.at).Seconds()
	joules += first.watts*before + last.watts*after
	n := len(inside)
	doubt := max(scatter, borderFloor*mean)
	variance := sq(max(scatter, minSnapshotSD*mean)*r.work.Seconds())/float64(n) + sq(before*doubt) + sq(after*doubt)
	f := Figure{Gross: joules, Uncertainty: student95(n-1) * math.Sqrt(variance), Method: MethodVoltageCurrent, Notes: notes}
	return net(f, r.work, idleSnapshots(points, r.idle)), nil
}

// snapshots are the distinct readings of voltage and discharging current, in order of the device's time. The note says
// how many made no sense.
func snapshots(readings []reading) (out []point, notes []string) {
	type state struct{ update, mv, ma int64 }
	var last *state
	senseless := 0
	for _, r := range readings {
		if r.VoltageMillivolt == nil || r.AmperageMilliampere == nil {
			continue
		}
		now := state{mv: *r.VoltageMillivolt, ma: signed(*r.AmperageMilliampere)}
		if r.dated {
			now.update = *r.UpdateTime
		}
		same := last != nil && last.mv == now.mv && last.ma == now.ma
		if same && (last.update == now.update || !r.dated) {
			continue // polled again
		}
		if same && last.update == 0 && len(out) > 0 {
			out = out[:len(out)-1] // the same publication, now with its date
		}
		last = &now
		watts := float64(now.mv) / 1000 * math.Abs(float64(now.ma)) / 1000
		switch {
		case now.mv < leastMillivolt || now.mv > mostMillivolt || watts > maxWatts:
			senseless++
		case now.ma <= 0: // a battery that gives
			out = append(out, point{at: r.at, watts: watts})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at.Before(out[j].at) })
	if senseless > 0 {
		notes = append(notes, fmt.Sprintf("%d readings of voltage and current left out: no lithium cell gives them", senseless))
	}
	return out, notes
}

// signed undoes a current that lost its sign on the way: 16-bit values between 32,768 and 65,535 were negative.
func signed(ma int64) int64 {
	if ma > math.MaxInt16 && ma <= math.MaxUint16 {
		return ma - (math.MaxUint16 + 1)
	}
	return ma
}

func within(points []point, s Span) []point {
	var out []point
	for _, p := range points {
		if !p.at.Before(s.Begin) && !p.at.After(s.End) {
			out = append(out, p)
		}
	}
	return out
}

// trapezoids returns the energy under the points, the scatter of neighbouring points, and their mean.
func trapezoids(points []point) (joules, scatter, mean float64) {
	squares := 0.0
	for i, p := range points {
		mean += p.watts / float64(len(points))
		if i == 0 {
			continue
		}
		q := points[i-1]
		joules += (p.watts + q.watts) / 2 * p.at.Sub(q.at).Seconds()
		squares += sq(p.watts - q.watts)
	}
	return joules, math.Sqrt(squares / 2 / float64(len(points)-1)), mean
}

func idleSnapshots(points []point, idle *Span) *level {
	if idle == nil {
		return nil
	}
	inside := within(points, *idle)
	if len(inside) < 2 {
		return nil
	}
	_, scatter, mean := trapezoids(inside)
	n := len(inside)
	return &level{watts: mean, sd: max(student95(n-1)/z95*scatter/math.Sqrt(float64(n)), idleFloor*mean)}
}

// capacity measures by the fall of the raw capacity.
func capacity(r input) (Figure, error) {
	if external(r.readings, r.work) {
		return Figure{}, refuse("capacity does not tell the load on external power")
	}
	var first, last *reading
	volts, n := 0.0, 0.0
	for i, reading := range r.readings {
		if reading.RawCapacityMAh == nil || reading.at.Before(r.work.Begin) || reading.at.After(r.work.End) {
			continue
		}
		if first == nil {
			first = &r.readings[i]
		}
		last = &r.readings[i]
		if v := reading.VoltageMillivolt; v != nil && *v >= leastMillivolt && *v <= mostMillivolt {
			volts += float64(*v) / 1000
			n++
		}
	}
	if first == nil {
		return Figure{}, refuse("no reading of the battery's capacity within the work")
	}
	fall := *first.RawCapacityMAh - *last.RawCapacityMAh
	if fall < minCapacityMAh {
		return Figure{}, refuse("resolution: the capacity fell by %d mAh; %d are needed", fall, minCapacityMAh)
	}
	mean := cellVolts
	if n > 0 {
		mean = volts / n
	}
	span := last.at.Sub(first.at).Seconds()
	if span <= 0 || span < coverageAtBest*r.work.Seconds() {
		return Figure{}, refuse("readings of the capacity cover %.0f s of %.0f s of work", span, r.work.Seconds())
	}
	scale := mean * 3.6 * r.work.Seconds() / span // J for one mAh, stretched to the whole of the work
	// Each of the two values is cut to a step, and the step may have been due for as long as the work's edge is open.
	sd := scale * math.Sqrt(2*sq(stepSD)+sq(float64(fall)*(1-span/r.work.Seconds())/2))
	return Figure{Joules: float64(fall) * scale, Gross: float64(fall) * scale, Uncertainty: z95 * sd, Method: MethodCapacity}, nil
}
