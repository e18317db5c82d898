package experiment

import (
	"context"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
)

// Calibrate measures so many pairs of a build against itself (both arms of the selection are that build), and returns what
// all recorded pairs of a build against itself say of each metric of the rules in each case: noise, false alarms, what can
// be detected. With 0 pairs nothing is measured.
func (e *Experiment) Calibrate(ctx context.Context, rules compare.Rules, pairs int) ([]gate.Calibration, error) {
	byMetric, err := rules.Thresholds()
	if err != nil {
		return nil, err
	}
	if pairs > 0 {
		// One more: the first launch after an install does not count.
		if err := e.Round(ctx, pairs+1); err != nil {
			return nil, err
		}
	}
	var names []string
	for name := range byMetric {
		names = append(names, name)
	}
	out := []gate.Calibration{}
	for _, c := range e.Cases {
		sessions, err := e.Recorder.SeriesOf(ctx, harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Paired: true, Summary: true}, names...)
		if err != nil {
			return nil, err
		}
		for _, m := range harness.Metrics() {
			rule, wanted := byMetric[m.Name]
			if !wanted {
				continue
			}
			calibration, err := gate.Calibrate(c.Key(), m, sessions[m.Name], rule)
			if err != nil {
				return nil, &harness.Error{Kind: harness.KindUsage, Op: "calibrate", Device: c.Device.Name, Err: err,
					Hint: "bench runs lists the runs; the named reading is not a positive number."}
			}
			out = append(out, calibration)
		}
	}
	return out, nil
}
