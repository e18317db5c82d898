package compare

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
)

// judgeMetric judges one metric in each case of the arms.
func judgeMetric(ctx context.Context, history *selfHistory, m harness.Metric, rule gate.Rule,
	baseline, candidate cases) ([]gate.Judged, error) {
	var out []gate.Judged
	for _, key := range append(baseline.keys, slices.DeleteFunc(slices.Clone(candidate.keys), baseline.has)...) {
		judged, err := judgeDevices(ctx, history, key, m, rule, baseline.of[key], candidate.of[key])
		if err != nil {
			return nil, err
		}
		out = append(out, judged)
	}
	return out, nil
}

// judgeDevices judges one metric of one case: on its device, or on each of several devices that have sessions of both arms,
// combined. Arms on different devices stay together, and are refused as incomparable.
func judgeDevices(ctx context.Context, history *selfHistory, key string, m harness.Metric, rule gate.Rule,
	baseline, candidate []harness.SessionSeries) (gate.Judged, error) {
	devices := gate.DevicesOf(candidate)
	if len(devices) < 2 || !slices.Equal(devices, gate.DevicesOf(baseline)) {
		return judgeCase(ctx, history, key, m, rule, baseline, candidate)
	}
	var each []gate.Judged
	for _, udid := range devices {
		judged, err := judgeCase(ctx, history, key, m, rule, gate.OfDevice(baseline, udid), gate.OfDevice(candidate, udid))
		if err != nil {
			return gate.Judged{}, err
		}
		if judged.Judgement == harness.Incomparable { // on one device is on all
			return judged, nil
		}
		each = append(each, judged)
	}
	return gate.Combine(m, each, devices, rule)
}

// judgeCase judges one metric of one case on one device, or says why it cannot be judged.
func judgeCase(ctx context.Context, history *selfHistory, key string, m harness.Metric, rule gate.Rule,
	baseline, candidate []harness.SessionSeries) (gate.Judged, error) {
	verdict := harness.Verdict{Case: key, Metric: m.Name, Threshold: rule.Threshold}
	if differs := gate.Differences(slices.Concat(baseline, candidate)); len(differs) > 0 {
		verdict.Judgement, verdict.Reason = harness.Incomparable, "the arms differ in "+strings.Join(differs, ", ")
		return gate.Judged{Verdict: verdict}, nil
	}
	if m.Assume == harness.AssumeExact {
		return gate.Exact(key, m, gate.Readings(baseline), gate.Readings(candidate), rule)
	}
	series, left := gate.Arms(m, baseline, candidate)
	series.Case = key
	if len(series.Baseline) == 0 {
		verdict.Judgement, verdict.Reason, verdict.Warnings = harness.Inconclusive, "no pair of sessions is left to judge", left
		if len(baseline) == 0 {
			verdict.Judgement, verdict.Reason = harness.NoBaseline, "no baseline session has a reading"
		}
		return gate.Judged{Verdict: verdict}, nil
	}
	noise, err := history.noise(ctx, key, candidate[0].Begin.Fingerprint.UDID, m)
	if err != nil {
		return gate.Judged{}, err
	}
	series.Noise = noise
	rule.Resolution = max(rule.Resolution, gate.Resolution(baseline, candidate))
	judged, err := gate.Judge(series, rule)
	if err != nil { // a reading that is no positive number: the case cannot be judged, the others can
		verdict.Judgement, verdict.Reason, verdict.Warnings = harness.Inconclusive, err.Error(), left
		return gate.Judged{Verdict: verdict}, nil
	}
	judged.Warnings = append(left, judged.Warnings...)
	return judged, nil
}

// selfHistory is what builds measured against themselves, read once for each case on each device.
type selfHistory struct {
	recordings Recordings
	metrics    []string
	known      map[[2]string]map[string][]harness.SessionSeries // by case and UDID
}

// noise is that of builds against themselves on this device in this case; nil: too little history.
func (h *selfHistory) noise(ctx context.Context, key, udid string, m harness.Metric) (*float64, error) {
	at := [2]string{key, udid}
	if h.known[at] == nil {
		all, err := h.recordings.SeriesOf(ctx, harness.SeriesQuery{Case: key, UDID: udid, Paired: true, Summary: true}, h.metrics...)
		if err != nil {
			return nil, err
		}
		h.known[at] = all
	}
	noise := stats.BorrowedNoise(gate.SelfDifferences(m, h.known[at][m.Name]))
	if math.IsNaN(noise) {
		return nil, nil
	}
	return &noise, nil
}
