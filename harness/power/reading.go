package power

import (
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
)

// reading is a reading of the gauge at the device's time.
type reading struct {
	harness.BatteryReading
	at    time.Time
	dated bool // by the gauge; otherwise it is the time of receipt
}

// How far the date that a publication carries may lie from its first receipt to be believed. A gauge publishes once a
// minute at the least; a date further off comes from a clock that was set meanwhile.
const (
	maxStale = 2 * time.Minute
	maxAhead = 30 * time.Second
)

// place puts the readings on the device's clock: each at its publication, in the middle of the second to which the gauge
// dates it; one without a date that can be right at its receipt. The note says how many dates were not believed.
func place(r Request) (out []reading, notes []string) {
	believed := map[int64]bool{}
	wrong := 0
	for i, given := range r.Readings {
		put := reading{BatteryReading: given, at: given.At.Add(-r.ClockOffset)}
		if update := given.UpdateTime; update != nil {
			at := time.Unix(*update, 500_000_000).UTC()
			age := put.at.Sub(at)
			ok, again := believed[*update]
			if !again {
				ok = *update > 0 && age <= maxStale && age >= -maxAhead
				believed[*update] = ok
			}
			if ok {
				put.at, put.dated = at, true
			} else if i > 0 { // before the first reading a gauge may have rested for long
				wrong++
			}
		}
		out = append(out, put)
	}
	if wrong > 0 {
		notes = append(
			notes, fmt.Sprintf("%d readings carry a date that cannot be right: the phone's clock was set; they are placed by their receipt", wrong),
		)
	}
	return out, notes
}

// during counts the readings of the work that have a flag set, of those that tell it. The last one before the work is
// among them: it says how the work began.
func during(readings []reading, work Span, flag func(reading) *bool) (set, of int) {
	var before *bool
	var beforeAt time.Time
	count := func(b bool) {
		of++
		if b {
			set++
		}
	}
	for _, r := range readings {
		b := flag(r)
		switch {
		case b == nil:
		case r.at.Before(work.Begin):
			if before == nil || !r.at.Before(beforeAt) {
				before, beforeAt = b, r.at
			}
		case !r.at.After(work.End):
			count(*b)
		}
	}
	if before != nil {
		count(*before)
	}
	return set, of
}

// charging refuses readings of a battery that took charge within the work.
func charging(readings []reading, work Span) error {
	set, of := during(readings, work, func(r reading) *bool { return r.Charging })
	if set == 0 {
		return nil
	}
	return refuse("the battery was charging in %d of %d readings of the work", set, of)
}

// external reports whether the device had external power at any time within the work.
func external(readings []reading, work Span) bool {
	set, _ := during(readings, work, func(r reading) *bool { return r.ExternalPower })
	return set > 0
}
