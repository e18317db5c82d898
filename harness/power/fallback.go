package power

import (
	"math"
	"sort"
	"time"

	"github.com/lilims/bench/harness"
)

const (
	minSnapshots   = 8    // publications of voltage and current within the work
	minSnapshotSD  = 0.02 // of the mean: snapshots of a load that changes by the millisecond
	minCapacityMAh = 10   // fall in capacity below which its steps are too coarse
	stepSD         = 0.29 // mAh, of a value cut to the step
	cellVolts      = 3.85 // V, a cell's mean voltage, where the gauge tells none
)

// point is a snapshot of the battery's power at the device's time.
type point struct {
	at    time.Time
	watts float64
}

// voltageCurrent integrates voltage times current by trapezoids over the publications.
func voltageCurrent(r Request) (Figure, error) {
	if external(r) {
		return Figure{}, refuse("voltage and current do not tell the load on external power")
	}
	points := snapshots(r.Readings, r.ClockOffset)
	inside := within(points, r.Work)
	if len(inside) < minSnapshots {
		return Figure{}, refuse("%d readings of voltage and current within the work; %d are needed", len(inside), minSnapshots)
	}
	joules, scatter, mean := trapezoids(inside)
	// Before the first and after the last snapshot the power is taken to be the nearest one's.
	first, last := inside[0], inside[len(inside)-1]
	before, after := first.at.Sub(r.Work.Begin).Seconds(), r.Work.End.Sub(last.at).Seconds()
	joules += first.watts*before + last.watts*after
	n := float64(len(inside))
	variance := sq(max(scatter, minSnapshotSD*mean) * r.Work.Seconds() / math.Sqrt(n))
	variance += sq(before*max(scatter, borderFloor*mean)) + sq(after*max(scatter, borderFloor*mean))
	f := Figure{Gross: joules, Uncertainty: z95 * math.Sqrt(variance), Method: MethodVoltageCurrent}
	return net(f, r.Work, idleSnapshots(points, r.Idle)), nil
}

// snapshots are the distinct readings of voltage and discharging current, in order of the device's time.
func snapshots(readings []harness.BatteryReading, offset time.Duration) []point {
	var out []point
	type state struct{ update, mv, ma int64 }
	var last *state
	for _, reading := range readings {
		if reading.VoltageMillivolt == nil || reading.AmperageMilliampere == nil {
			continue
		}
		now := state{mv: *reading.VoltageMillivolt, ma: signed(*reading.AmperageMilliampere)}
		if reading.UpdateTime != nil {
			now.update = *reading.UpdateTime
		}
		if last != nil && *last == now || now.mv < 2000 || now.mv > 6000 || now.ma > 0 {
			continue // polled again, or not a discharging lithium cell
		}
		last = &now
		watts := float64(now.mv) / 1000 * math.Abs(float64(now.ma)) / 1000
		if watts > maxWatts {
			continue
		}
		out = append(out, point{at: clock(reading, offset), watts: watts})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at.Before(out[j].at) })
	return out
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
	return &level{watts: mean, sd: max(scatter/math.Sqrt(float64(len(inside))), 0.01*mean)}
}

// capacity measures by the fall of the raw capacity.
func capacity(r Request) (Figure, error) {
	if external(r) {
		return Figure{}, refuse("capacity does not tell the load on external power")
	}
	var first, last *harness.BatteryReading
	volts, n := 0.0, 0.0
	for i, reading := range r.Readings {
		at := clock(reading, r.ClockOffset)
		if reading.RawCapacityMAh == nil || at.Before(r.Work.Begin) || at.After(r.Work.End) {
			continue
		}
		if first == nil {
			first = &r.Readings[i]
		}
		last = &r.Readings[i]
		if v := reading.VoltageMillivolt; v != nil && *v > 2000 && *v < 6000 {
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
	span := clock(*last, r.ClockOffset).Sub(clock(*first, r.ClockOffset)).Seconds()
	if span <= 0 || span < coverageAtBest*r.Work.Seconds() {
		return Figure{}, refuse("readings of the capacity cover %.0f s of %.0f s of work", span, r.Work.Seconds())
	}
	scale := mean * 3.6 * r.Work.Seconds() / span // J for one mAh, stretched to the whole of the work
	// Each of the two values is cut to a step, and the step may have been due for as long as the work's edge is open.
	sd := scale * math.Sqrt(2*sq(stepSD)+sq(float64(fall)*(1-span/r.Work.Seconds())/2))
	return Figure{Joules: float64(fall) * scale, Gross: float64(fall) * scale, Uncertainty: z95 * sd, Method: MethodCapacity}, nil
}
