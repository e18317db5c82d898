package power

import (
	"fmt"
	"math"
	"time"
)

// Bounds of what a phone's gauge can mean.
const (
	maxWatts       = 60.0 // no phone draws more; a mean above it is a counter that was reset or misread
	datingSD       = 0.29 // s, standard deviation of a time cut to the second
	minInterior    = 2    // publications' segments that must lie wholly within the work
	borderFloor    = 0.04 // what is not known of the power in a border segment, relative
	sampledShare   = 0.5  // of the scatter between segments that is put down to sampling once a second
	idleFloor      = 0.01 // what is not known of the idle power, relative
	silentShare    = 0.8  // share below which the figure says how much of the work it rests on …
	silentSeconds  = 30.0 // … where more than that is missing: shorter work never has more
	coverageAtBest = 0.5  // share of the work that segments wholly within it must cover
)

// gauge measures with the accumulators.
func gauge(r input) (Figure, error) {
	segments, notes := segments(publications(r.readings))
	inside, head, tail := split(segments, r.work)
	if len(segments) == 0 {
		return Figure{}, refuse("the gauge published no accumulators that can be compared")
	}
	if len(inside) < minInterior || covered(inside) < coverageAtBest*r.work.Seconds() {
		return Figure{}, refuse("resolution: %d publications of the gauge's accumulators cover %.0f s of %.0f s of work",
			len(inside), covered(inside), r.work.Seconds())
	}
	if told := covered(inside); told < silentShare*r.work.Seconds() && r.work.Seconds()-told > silentSeconds {
		notes = append(
			notes, fmt.Sprintf("the gauge covers %.0f s of %.0f s of work; the rest is interpolated", told, r.work.Seconds()),
		)
	}
	total := newTally(inside)
	idle := idleLevel(segments, r.idle, total.scatter*math.Sqrt(covered(inside)/float64(len(inside))))
	if idle == nil && r.idle != nil {
		notes = append(notes, "no two publications lie within the idle window: no idle baseline is subtracted")
	}
	for _, s := range inside {
		total.joules += s.watts * s.seconds()
	}
	total.gaps(inside)
	total.border(r.work.Begin, inside[0].begin, head, inside[0], inside[1], idle)
	n := len(inside)
	total.border(inside[n-1].end, r.work.End, tail, inside[n-1], inside[n-2], idle)
	f := Figure{Gross: total.joules, Uncertainty: z95 * math.Sqrt(total.variance), Method: MethodGauge, Notes: notes}
	return net(f, r.work, idle), nil
}

// tally adds up energy and its variance.
type tally struct {
	joules, variance float64
	scatter          float64 // standard deviation of one segment's mean power, trend excluded, W
	mean             float64 // W
}

// newTally learns the scatter of power from neighbouring segments: half the mean square of their differences, which a
// slow trend hardly enters.
func newTally(inside []segment) tally {
	var t tally
	squares := 0.0
	for i, s := range inside {
		t.mean += s.watts / float64(len(inside))
		if i > 0 {
			d := s.watts - inside[i-1].watts
			squares += d * d
		}
	}
	t.scatter = math.Sqrt(squares / 2 / float64(len(inside)-1))
	// The accumulator takes one sample a second, so that its mean misses what happens between samples. How much cannot
	// be seen from the sums; it is less than what neighbouring segments differ by, most of which is the work's own.
	for _, s := range inside {
		t.variance += sq(sampledShare * t.scatter * s.seconds())
	}
	return t
}

// gaps fills holes between the segments with their neighbours' mean, as uncertain as the neighbours differ.
func (t *tally) gaps(inside []segment) {
	for i := 1; i < len(inside); i++ {
		a, b := inside[i-1], inside[i]
		hole := b.begin.Sub(a.end).Seconds()
		if hole <= 0 {
			continue
		}
		t.joules += hole * (a.watts + b.watts) / 2
		t.variance += sq(hole * max(math.Abs(a.watts-b.watts)/2, t.scatter, borderFloor*t.mean))
	}
}

// border adds the stretch between the span's border and the segments within it. The nearest segments tell the power
// that the work had there. Where a segment lies across the border and idle power is known, what that segment holds
// beyond idling is a second estimate; the two are averaged, and their difference enters the uncertainty.
func (t *tally) border(from, to time.Time, across *segment, near, next segment, idle *level) {
	// A publication's date is cut to the second, which moves the border between work and what is around it by as much.
	t.variance += sq(datingSD * t.mean)
	seconds, doubt := to.Sub(from).Seconds(), max(math.Abs(near.watts-next.watts), t.scatter, borderFloor*near.watts)
	if seconds <= 0 {
		return
	}
	shared := 0.0 // of the stretch, with the segment across
	if across != nil {
		shared = min(seconds, across.overlap(Span{from, to}))
	}
	alone := seconds - shared
	t.joules += alone * near.watts
	variance := sq(alone * doubt)
	if shared > 0 {
		joules, sd := sharedEnergy(*across, shared, near.watts, doubt, idle)
		t.joules += joules
		variance += sq(sd)
	}
	t.variance += variance
}

// sharedEnergy is what the work took in its part of a segment across its border, with the standard deviation.
func sharedEnergy(across segment, shared, watts, doubt float64, idle *level) (joules, sd float64) {
	held := across.watts * across.seconds()
	inner := min(watts*shared, held)
	if idle == nil {
		return inner, shared * doubt
	}
	outer := max(0, held-idle.watts*(across.seconds()-shared))
	return (inner + outer) / 2, max(math.Abs(inner-outer)/2, shared*borderFloor*watts)
}

// idleLevel is the mean power of the segments that lie within the idle span. white is what one second's sample scatters
// by during the work, W.
func idleLevel(all []segment, idle *Span, white float64) *level {
	if idle == nil {
		return nil
	}
	inside, _, _ := split(all, *idle)
	seconds := covered(inside)
	if len(inside) == 0 {
		return nil
	}
	l := level{}
	for _, s := range inside {
		l.watts += s.watts * s.seconds() / seconds
	}
	// A handful of segments says little of its own scatter, which Student's factor owns up to. The work's samples bound
	// it as well: an idle phone does not flicker more than a busy one.
	l.sd = white / math.Sqrt(seconds)
	if n := len(inside); n > 1 {
		squares := 0.0
		for _, s := range inside {
			squares += s.seconds() * sq(s.watts-l.watts)
		}
		l.sd = min(l.sd, student95(n-1)/z95*math.Sqrt(squares/float64(n-1)/seconds))
	}
	l.sd = max(l.sd, idleFloor*l.watts)
	return &l
}

// student95 is the 97.5 % quantile of Student's t.
func student95(df int) float64 {
	quantiles := [...]float64{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23}
	return quantiles[min(df, len(quantiles))-1]
}

func sq(x float64) float64 { return x * x }
