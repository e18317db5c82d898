package power

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Bounds of what a phone's gauge can mean.
const (
	maxWatts       = 60.0 // no phone draws more; a mean above it is a counter that was reset or misread
	datingSD       = 0.29 // s, standard deviation of a time cut to the second
	minInterior    = 2    // publications' segments that must lie wholly within the work
	borderFloor    = 0.04 // what is not known of the power in a border segment, relative
	sampledShare   = 0.5  // of the scatter between segments that is put down to sampling once a second
	coverageAtBest = 0.5  // share of the work that segments wholly within it must cover
)

// publication is one state of the accumulators, at the device's time.
type publication struct {
	at         time.Time
	sum, count uint64
}

// segment is the time between two publications with its mean power.
type segment struct {
	begin, end time.Time
	watts      float64
}

func (s segment) seconds() float64 { return s.end.Sub(s.begin).Seconds() }

// overlap is how many seconds of the segment lie within the span.
func (s segment) overlap(w Span) float64 {
	begin, end := s.begin, s.end
	if w.Begin.After(begin) {
		begin = w.Begin
	}
	if w.End.Before(end) {
		end = w.End
	}
	return max(0, end.Sub(begin).Seconds())
}

// gauge measures with the accumulators.
func gauge(r Request) (Figure, error) {
	segments, notes := segments(publications(r))
	inside, head, tail := split(segments, r.Work)
	if len(segments) == 0 {
		return Figure{}, refuse("the gauge published no accumulators that can be compared")
	}
	if len(inside) < minInterior || covered(inside) < coverageAtBest*r.Work.Seconds() {
		return Figure{}, refuse("resolution: %d publications of the gauge's accumulators cover %.0f s of %.0f s of work",
			len(inside), covered(inside), r.Work.Seconds())
	}
	idle := idleLevel(segments, r.Idle)
	total := newTally(inside)
	for _, s := range inside {
		total.joules += s.watts * s.seconds()
	}
	total.gaps(inside)
	total.border(r.Work.Begin, inside[0].begin, head, inside[0], inside[1], idle)
	n := len(inside)
	total.border(inside[n-1].end, r.Work.End, tail, inside[n-1], inside[n-2], idle)
	f := Figure{Gross: total.joules, Uncertainty: z95 * math.Sqrt(total.variance), Method: MethodGauge, Notes: notes}
	return net(f, r.Work, idle), nil
}

// publications are the readings' distinct states of the accumulators in the order of the device's time.
func publications(r Request) []publication {
	var out []publication
	seen := map[publication]bool{}
	for _, reading := range r.Readings {
		if reading.AccumulatedSystemLoad == nil || reading.SystemLoadCount == nil {
			continue
		}
		p := publication{sum: *reading.AccumulatedSystemLoad, count: *reading.SystemLoadCount}
		if seen[p] {
			continue // polled again before the next publication
		}
		seen[p] = true
		p.at = clock(reading, r.ClockOffset)
		out = append(out, p)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].at.Before(out[j].at) })
	return out
}

// segments pairs publications up. A pair that no second-by-second sum can explain (a reset at boot, a damaged reading)
// makes a gap; a counter that wraps at 64 bits is carried over by the subtraction.
func segments(ps []publication) ([]segment, []string) {
	var out []segment
	breaks := 0
	for i := 1; i < len(ps); i++ {
		a, b := ps[i-1], ps[i]
		seconds := b.at.Sub(a.at).Seconds()
		samples, sum := float64(b.count-a.count), float64(b.sum-a.sum)
		// One sample a second: the count must agree with the clock, but for the second to which times are cut.
		if seconds > 0 && math.Abs(samples-seconds) <= 2.5+0.1*seconds && plausible(sum, samples) {
			out = append(out, segment{begin: a.at, end: b.at, watts: sum / samples / 1000})
			continue
		}
		breaks++
		// Counters that started over hold the time since: only what came before, up to the reset, is lost.
		samples, sum = float64(b.count), float64(b.sum)
		if samples >= 2 && samples < seconds && plausible(sum, samples) {
			begin := b.at.Add(-time.Duration(samples * float64(time.Second)))
			out = append(out, segment{begin: begin, end: b.at, watts: sum / samples / 1000})
		}
	}
	if breaks > 0 {
		return out, []string{fmt.Sprintf("%d gaps where the gauge's counters were reset or unreadable", breaks)}
	}
	return out, nil
}

func plausible(sum, samples float64) bool { return samples > 0 && sum/samples/1000 < maxWatts }

// split returns the segments wholly within the work, and those that lie across its beginning and its end.
func split(all []segment, work Span) (inside []segment, head, tail *segment) {
	for _, s := range all {
		switch {
		case !s.begin.Before(work.Begin) && !s.end.After(work.End):
			inside = append(inside, s)
		case s.overlap(work) == 0:
		case s.begin.Before(work.Begin) && s.end.After(work.End):
			// one publication for all the work and more: nothing to tell it from what is around it
		case s.begin.Before(work.Begin):
			head = &s
		default:
			tail = &s
		}
	}
	return inside, head, tail
}

func covered(inside []segment) float64 {
	total := 0.0
	for _, s := range inside {
		total += s.seconds()
	}
	return total
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
// beyond idling is a second witness; the two are averaged, and their difference enters the uncertainty.
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

// idleLevel is the mean power of the segments that lie within the idle span.
func idleLevel(all []segment, idle *Span) *level {
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
	if len(inside) == 1 {
		l.sd = 0.1 * l.watts // one publication says nothing of its own scatter
		return &l
	}
	squares := 0.0
	for _, s := range inside {
		squares += sq(s.watts - l.watts)
	}
	n := float64(len(inside))
	l.sd = max(math.Sqrt(squares/(n-1)/n), 0.01*l.watts)
	return &l
}

func sq(x float64) float64 { return x * x }
