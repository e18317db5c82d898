package derive

import (
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/power"
)

// CurveWindow is the length of a window in which sustained load is looked at.
const CurveWindow = 5 * time.Second

// maxCurveWindows bounds what a wrong time stamp can make of a session: a day's worth.
const maxCurveWindows = int64(24 * time.Hour / CurveWindow)

// Rates are the tokens per second of full windows from the first time stamp on. The last window, which generation does
// not fill, is left out. Time stamps are the device's, in ns and in order.
func Rates(tokenNs []int64, window time.Duration) []float64 {
	if len(tokenNs) == 0 || tokenNs[len(tokenNs)-1] < tokenNs[0] {
		return nil
	}
	begin := tokenNs[0]
	full := int(min((tokenNs[len(tokenNs)-1]-begin)/window.Nanoseconds(), maxCurveWindows))
	rates := make([]float64, full)
	for _, at := range tokenNs {
		if i := int((at - begin) / window.Nanoseconds()); i >= 0 && i < full {
			rates[i]++
		}
	}
	for i := range rates {
		rates[i] /= window.Seconds()
	}
	return rates
}

// lastingWindows is how many windows in a row must lie below a share of the peak before throughput counts as fallen: a
// single slow window is a hiccup.
const lastingWindows = 3

// FallTime is the time from the first token to the end of the window after which throughput has lastingly fallen below
// share of its peak: the first of three windows in a row, all after the peak. False where it never has.
func FallTime(rates []float64, share float64) (time.Duration, bool) {
	if len(rates) == 0 {
		return 0, false
	}
	peak := slices.Max(rates)
	below := 0
	for i := slices.Index(rates, peak); i < len(rates); i++ {
		if rates[i] >= share*peak {
			below = 0
			continue
		}
		if below++; below == lastingWindows {
			return time.Duration(i+2-lastingWindows) * CurveWindow, true
		}
	}
	return 0, false
}

// CurvePoint is what one window of sustained load showed. A nil field was not read in it.
type CurvePoint struct {
	Begin, End time.Duration // since the first token
	TokS       float64
	Footprint  *float64              // B, highest that the app saw of itself
	Thermal    *harness.ThermalState // hottest, as the app was told
	Watts      *float64              // mean of the gauge's publications, whole device, idle included
}

// Curve cuts a session's generation into full windows. It is empty for a session of several processes, whose clocks
// differ, and for one that generated nothing.
func Curve(s harness.RecordedSession) []CurvePoint {
	var tokens []int64
	for _, it := range s.Iterations {
		if !it.Warmup && (it.Outcome == harness.OutcomeOK || it.Outcome == harness.OutcomeThermal) {
			tokens = append(tokens, it.TokenNs...)
		}
	}
	if !slices.IsSorted(tokens) {
		return nil
	}
	rates := Rates(tokens, CurveWindow)
	if len(rates) == 0 {
		return nil
	}
	points := make([]CurvePoint, len(rates))
	for i := range points {
		points[i] = CurvePoint{Begin: time.Duration(i) * CurveWindow, End: time.Duration(i+1) * CurveWindow, TokS: rates[i]}
	}
	readSamples(s, points, tokens[0])
	readPower(s, points, tokens[0])
	return points
}

// readSamples puts footprints and thermal states into the windows in which the app took them. A thermal state lasts
// until the next.
func readSamples(s harness.RecordedSession, points []CurvePoint, begin int64) {
	var states []harness.Sample
	for _, m := range s.Samples {
		switch {
		case m.DeviceNs == nil:
		case m.Metric == harness.ThermalRank:
			states = append(states, m)
		case m.Metric == harness.Footprint:
			if i := (*m.DeviceNs - begin) / CurveWindow.Nanoseconds(); *m.DeviceNs >= begin && i < int64(len(points)) {
				if p := &points[i]; p.Footprint == nil || m.Value > *p.Footprint {
					p.Footprint = &m.Value
				}
			}
		}
	}
	var current *harness.ThermalState
	for i := range points {
		points[i].Thermal = current
		for len(states) > 0 && *states[0].DeviceNs-begin < points[i].End.Nanoseconds() {
			if state, ok := harness.ThermalOfRank(states[0].Value); ok {
				current = &state
				if hottest := points[i].Thermal; hottest == nil || state.Rank() > hottest.Rank() || *states[0].DeviceNs <= begin {
					points[i].Thermal = current
				}
			}
			states = states[1:]
		}
	}
}

// readPower spreads the gauge's mean powers over the windows that they cover. The host's clock places both: the first
// token's time is that of the sample nearest to it.
func readPower(s harness.RecordedSession, points []CurvePoint, begin int64) {
	origin, ok := wallAt(s, begin)
	if !ok {
		return
	}
	joules, seconds := make([]float64, len(points)), make([]float64, len(points))
	for _, step := range power.Steps(s.Battery) {
		for i := range points {
			from, to := origin.Add(points[i].Begin), origin.Add(points[i].End)
			if step.Begin.After(from) {
				from = step.Begin
			}
			if step.End.Before(to) {
				to = step.End
			}
			if d := to.Sub(from).Seconds(); d > 0 {
				joules[i] += d * step.Watts
				seconds[i] += d
			}
		}
	}
	for i := range points {
		if seconds[i] >= CurveWindow.Seconds()/2 {
			watts := joules[i] / seconds[i]
			points[i].Watts = &watts
		}
	}
}

// wallAt is the host's time at a moment of the device's monotonic clock, by the nearest sample that has both.
func wallAt(s harness.RecordedSession, ns int64) (time.Time, bool) {
	var best *harness.Sample
	distance := func(m *harness.Sample) int64 { return max(*m.DeviceNs-ns, ns-*m.DeviceNs) }
	for i := range s.Samples {
		m := &s.Samples[i]
		if m.DeviceNs != nil && !m.At.IsZero() && (best == nil || distance(m) < distance(best)) {
			best = m
		}
	}
	if best == nil {
		return time.Time{}, false
	}
	return best.At.Add(time.Duration(ns - *best.DeviceNs)), true
}
