package power

import (
	"time"

	"github.com/lilims/bench/harness"
)

// Step is the mean power of the whole device between two publications of its battery's gauge, on the host's clock.
type Step struct {
	Begin, End time.Time
	Watts      float64
}

// maxStepWatts bounds what a phone's gauge can mean; a mean above it is a counter that was reset or misread.
const maxStepWatts = 60

// Steps are a session's steps of power, for drawing: energy, with its uncertainty, is [Measure]'s. The
// gauge adds up one reading of the system's load in mW a second and counts them, so that the mean between two
// publications is a quotient of differences; where it keeps no such sum, voltage times current at a publication stands
// for the time since the one before.
func Steps(readings []harness.BatteryReading) []Step {
	var out []Step
	var last *harness.BatteryReading
	for i := range readings {
		reading := &readings[i]
		if last == nil {
			last = reading
			continue
		}
		watts, fresh := meanPower(*last, *reading)
		if !fresh || !reading.At.After(last.At) {
			continue // the gauge has not published since
		}
		if watts >= 0 && watts <= maxStepWatts {
			out = append(out, Step{Begin: last.At, End: reading.At, Watts: watts})
		}
		last = reading
	}
	return out
}

// meanPower is the mean power in W between two readings; false where the gauge has not published in between. Counters
// that wrap at 64 bits are carried over by the subtraction; what a reset leaves is beyond every bound.
func meanPower(a, b harness.BatteryReading) (float64, bool) {
	if a.SystemLoadCount != nil && b.SystemLoadCount != nil && a.AccumulatedSystemLoad != nil && b.AccumulatedSystemLoad != nil {
		if *a.SystemLoadCount == *b.SystemLoadCount {
			return 0, false
		}
		if *b.SystemLoadCount < *a.SystemLoadCount {
			return -1, true // counted anew since a reset: nothing is known of the time between
		}
		return float64(*b.AccumulatedSystemLoad-*a.AccumulatedSystemLoad) / float64(*b.SystemLoadCount-*a.SystemLoadCount) / 1000, true
	}
	if b.VoltageMillivolt == nil || b.AmperageMilliampere == nil || a.UpdateTime != nil && b.UpdateTime != nil &&
		*a.UpdateTime == *b.UpdateTime {
		return 0, false
	}
	return -float64(*b.VoltageMillivolt) * float64(*b.AmperageMilliampere) / 1e6, true
}
