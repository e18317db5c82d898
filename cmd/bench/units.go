package main

import (
	"context"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// judgeUnits judges one metric of one case: on its unit, or on each of several units that have sessions of both arms,
// combined. Arms on different units stay together, and are refused as incomparable.
func judgeUnits(ctx context.Context, history *selfHistory, key string, m harness.Metric, rule gate.Rule, baseline, candidate []harness.SessionSeries) (gate.Judged, error) {
	units := unitsOf(candidate)
	if len(units) < 2 || !slices.Equal(units, unitsOf(baseline)) {
		return judgeCase(ctx, history, key, m, rule, baseline, candidate)
	}
	var each []gate.Judged
	for _, unit := range units {
		judged, err := judgeCase(ctx, history, key, m, rule, ofUnit(baseline, unit), ofUnit(candidate, unit))
		if err != nil {
			return gate.Judged{}, err
		}
		if judged.Judgement == harness.Incomparable { // on one unit is on all
			return judged, nil
		}
		each = append(each, judged)
	}
	return gate.Combine(m, each, units, rule)
}

// unitsOf are the UDIDs of sessions, each once, in order.
func unitsOf(sessions []harness.SessionSeries) []string {
	var out []string
	for _, s := range sessions {
		if unit := s.Begin.Fingerprint.UDID; !slices.Contains(out, unit) {
			out = append(out, unit)
		}
	}
	slices.Sort(out)
	return out
}

func ofUnit(sessions []harness.SessionSeries, unit string) []harness.SessionSeries {
	return slices.DeleteFunc(slices.Clone(sessions), func(s harness.SessionSeries) bool { return s.Begin.Fingerprint.UDID != unit })
}
