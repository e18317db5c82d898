package power

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// publication is one state of the accumulators, at the device's time.
type publication struct {
	at         time.Time
	dated      bool // by the gauge itself; otherwise by its counter or by receipt
	sum, count uint64
	energy     *uint64 // the gauge's own counter of energy, µWh as far as is known
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

// publications are the readings' distinct states of the accumulators in the order of the device's time. Of readings of
// the same publication the one that tells its time stands.
func publications(readings []reading) []publication {
	type state struct{ sum, count uint64 }
	var out []publication
	known := map[state]int{}
	for _, r := range readings {
		if r.AccumulatedSystemLoad == nil || r.SystemLoadCount == nil {
			continue
		}
		p := publication{at: r.at, dated: r.dated, sum: *r.AccumulatedSystemLoad, count: *r.SystemLoadCount, energy: r.AccumulatedEnergy}
		i, again := known[state{p.sum, p.count}]
		switch {
		case !again:
			known[state{p.sum, p.count}] = len(out)
			out = append(out, p)
		case p.dated && !out[i].dated:
			out[i] = p
		}
	}
	dateByCount(out)
	sort.SliceStable(out, func(i, j int) bool { return out[i].at.Before(out[j].at) })
	return out
}

// dateByCount dates what carries no date of its own by its counter of seconds and the nearest dated publication: a
// receipt tells no more than that it was published before. Publications are in order of receipt.
func dateByCount(ps []publication) {
	const around, farthest = 20, int64(10 * 60) // publications and samples: over longer, an uneven counter would tell
	dates := make([]time.Time, len(ps))
	for i, p := range ps {
		dates[i] = p.at
		nearest := farthest
		for _, q := range ps[max(0, i-around):min(len(ps), i+around+1)] {
			samples := int64(p.count - q.count)
			by := q.at.Add(time.Duration(samples) * time.Second)
			// The receipt must bear it out: not before the publication, nor long after.
			borne := by.Before(p.at.Add(time.Second)) && p.at.Sub(by) < time.Minute
			if !p.dated && q.dated && borne && max(samples, -samples) < nearest {
				nearest, dates[i] = max(samples, -samples), by
			}
		}
	}
	for i := range ps {
		ps[i].at = dates[i]
	}
}

// samplesPerSecond is how often the gauge adds to its sum: once a second wherever it has been watched, but nothing here
// depends on it.
func samplesPerSecond(ps []publication) float64 {
	const least, most = 0.05, 20.0 // a quotient beyond these is a reset or damage
	var rates []float64
	for i := 1; i < len(ps); i++ {
		samples, seconds := float64(ps[i].count-ps[i-1].count), ps[i].at.Sub(ps[i-1].at).Seconds()
		if rate := samples / seconds; seconds > 0 && rate >= least && rate <= most {
			rates = append(rates, rate)
		}
	}
	if len(rates) == 0 {
		return 1
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// growth is by what the counters grew from one publication to the next.
type growth struct{ seconds, samples, sum float64 }

// grown tells by what the counters grew from a to b. False where no regular sampling can explain it: a reset at boot, a
// damaged reading. Counters that wrap at 64 bits are carried over by the subtraction.
func grown(a, b publication, rate float64) (growth, bool) {
	g := growth{b.at.Sub(a.at).Seconds(), float64(b.count - a.count), float64(b.sum - a.sum)}
	// The count must agree with the clock, but for the second to which times are cut.
	fits := g.seconds > 0 && math.Abs(g.samples/rate-g.seconds) <= 2.5+0.1*g.seconds
	return g, fits && plausible(g.sum, g.samples)
}

// segments pairs publications up. Where the counters started over or cannot be read there is a gap.
func segments(ps []publication) ([]segment, []string) {
	var out []segment
	rate, breaks := samplesPerSecond(ps), 0
	for i := 1; i < len(ps); i++ {
		a, b := ps[i-1], ps[i]
		g, ok := grown(a, b, rate)
		if ok {
			out = append(out, segment{begin: a.at, end: b.at, watts: g.sum / g.samples / 1000})
			continue
		}
		breaks++
		// Counters that started over hold the time since: only what came before, up to the reset, is lost.
		samples, sum := float64(b.count), float64(b.sum)
		if since := samples / rate; since >= 2 && since < g.seconds && plausible(sum, samples) {
			begin := b.at.Add(-time.Duration(since * float64(time.Second)))
			out = append(out, segment{begin: begin, end: b.at, watts: sum / samples / 1000})
		}
	}
	var notes []string
	if breaks > 0 {
		notes = append(notes, fmt.Sprintf("%d gaps where the gauge's counters were reset or unreadable", breaks))
	}
	if math.Abs(rate-1) > 0.1 {
		notes = append(notes, fmt.Sprintf("the gauge counts %.3g samples a second, not one", rate))
	}
	return out, notes
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
