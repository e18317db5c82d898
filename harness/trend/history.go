package trend

import (
	"fmt"
	"math"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
)

// Stretch is a part of a history under one fingerprint: nothing that must agree changed in it, so a trend may be
// looked for. Between two stretches there is no trend, only a note of what changed.
type Stretch struct {
	Fingerprint harness.Fingerprint `json:"fingerprint"`
	Changed     []string            `json:"changed,omitempty"` // against the stretch before
	Nights      []NightMedian       `json:"nights"`
	Changes     []NightChange       `json:"changes"`
	Sigma       float64             `json:"sigma"` // SD of a night, log scale; 0: too few nights or no variation
	Phi         float64             `json:"phi"`
}

// NightMedian is one night: the median of its session medians.
type NightMedian struct {
	Night    string  `json:"night"` // 2026-11-23, UTC
	Value    float64 `json:"value"` // base unit of the metric
	Sessions int     `json:"sessions"`
	Outlier  bool    `json:"outlier,omitempty"` // far off its neighbours, and not used to look for changes
}

// NightChange is a lasting shift of level.
type NightChange struct {
	Night       string  `json:"night"` // first of the new level
	Before      float64 `json:"before"`
	After       float64 `json:"after"`
	Change      float64 `json:"change"`                // relative, of the metric itself
	Worse       bool    `json:"worse"`                 // in the metric's direction
	Provisional bool    `json:"provisional,omitempty"` // the new level is younger than Segment nights
}

// History cuts one metric of one case into stretches and finds the lasting changes in each. Sessions are in the order
// in which they began.
func History(metric harness.Metric, sessions []harness.SessionSeries) ([]Stretch, error) {
	var kept []*harness.SessionSeries
	for i := range sessions {
		s := &sessions[i]
		if gate.LeftOut(metric, s) != "" && s.Begin.Fingerprint.Kind != harness.KindImported { // files often hold one figure a session
			continue
		}
		if i := notPositive(s.Values); i >= 0 {
			return nil, fmt.Errorf("session %s of run %s: reading %d is %v: readings must be positive numbers", s.Begin.ID, s.Run, i, s.Values[i])
		}
		kept = append(kept, s)
	}
	var out []Stretch
	for len(kept) > 0 {
		n := 1
		for n < len(kept) && kept[n].Begin.Fingerprint == kept[0].Begin.Fingerprint {
			n++
		}
		s := stretchOf(metric, kept[:n])
		if len(out) > 0 {
			before := harness.SessionSeries{Begin: &harness.SessionBegin{Fingerprint: out[len(out)-1].Fingerprint}}
			s.Changed = gate.Differences([]harness.SessionSeries{before, *kept[0]})
		}
		out, kept = append(out, s), kept[n:]
	}
	return out, nil
}

func stretchOf(metric harness.Metric, sessions []*harness.SessionSeries) Stretch {
	out := Stretch{Fingerprint: sessions[0].Begin.Fingerprint, Changes: []NightChange{}}
	var values, night []float64
	for i, s := range sessions {
		night = append(night, stats.Median(s.Values))
		if i+1 < len(sessions) && sameDate(sessions[i+1], s) {
			continue
		}
		values = append(values, stats.Median(night))
		date := s.Begin.At.UTC().Format(time.DateOnly)
		out.Nights = append(out.Nights, NightMedian{Night: date, Value: stats.Median(night), Sessions: len(night)})
		night = nil
	}
	found := Find(values)
	out.Sigma, out.Phi = found.Sigma, found.Phi
	for _, i := range found.Outliers {
		out.Nights[i].Outlier = true
	}
	for _, c := range found.Changes {
		out.Changes = append(out.Changes, NightChange{Night: out.Nights[c.Index].Night, Before: c.Before, After: c.After,
			Change: c.After/c.Before - 1, Worse: (c.After < c.Before) == (metric.Better == harness.Higher), Provisional: c.Provisional})
	}
	return out
}

// sameDate reports whether two sessions began on the same day, UTC.
func sameDate(a, b *harness.SessionSeries) bool {
	year, month, day := a.Begin.At.UTC().Date()
	otherYear, otherMonth, otherDay := b.Begin.At.UTC().Date()
	return day == otherDay && month == otherMonth && year == otherYear
}

// notPositive is the index of the first value that is no positive finite number, and so has no logarithm; -1: there is none.
func notPositive(values []float64) int {
	for i, x := range values {
		if !(x > 0) || math.IsInf(x, 0) {
			return i
		}
	}
	return -1
}
