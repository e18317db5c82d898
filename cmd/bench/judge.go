package main

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/store"
)

// judge judges every metric of the policy in every case that either arm has sessions of.
func (f *judging) judge(ctx context.Context, recorder *store.Store, of arms) ([]gate.Judged, error) {
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range rules {
		names = append(names, name)
	}
	baseline, err := seriesOf(ctx, recorder, names, of.baseline)
	if err != nil {
		return nil, err
	}
	candidate, err := seriesOf(ctx, recorder, names, of.candidate)
	if err != nil {
		return nil, err
	}
	history := &selfHistory{recorder: recorder, metrics: names, known: map[[2]string]map[string][]harness.SessionSeries{}}
	var out []gate.Judged
	for _, m := range harness.Metrics() {
		rule, wanted := rules[m.Name]
		if !wanted {
			continue
		}
		judged, err := judgeMetric(ctx, history, m, rule, byCase(baseline[m.Name]), byCase(candidate[m.Name]))
		if err != nil {
			return nil, err
		}
		out = append(out, judged...)
	}
	if len(f.metrics) == 0 { // metrics that are named are all that is asked for
		if out, err = f.judgeLikeness(ctx, recorder, out, baseline, candidate); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b gate.Judged) int { return strings.Compare(a.Case, b.Case) })
	return out, nil
}

// judgeLikeness holds the arms' words and placements against each other, by the launches that any metric was read of.
func (f *judging) judgeLikeness(ctx context.Context, recorder *store.Store, verdicts []gate.Judged, baseline, candidate map[string][]harness.SessionSeries) ([]gate.Judged, error) {
	policy, err := f.readPolicy()
	if err != nil {
		return nil, err
	}
	of := likeness{recorder: recorder}
	if limit, ok := policy.Limit[harness.GreedyMatch]; ok {
		of.limit = &limit
	}
	return of.judge(ctx, verdicts, byCase(ofAny(baseline)), byCase(ofAny(candidate)))
}

// ofAny are the sessions that have a reading of any metric, some of them several times.
func ofAny(series map[string][]harness.SessionSeries) []harness.SessionSeries {
	var out []harness.SessionSeries
	for _, m := range harness.Metrics() {
		out = append(out, series[m.Name]...)
	}
	return out
}

// rules are the metrics to judge, each with its rule.
func (f *judging) rules() (map[string]gate.Rule, error) {
	policy, err := f.readPolicy()
	if err != nil {
		return nil, err
	}
	rules := map[string]gate.Rule{}
	for metric, threshold := range policy.Threshold {
		rules[metric] = gate.Rule{Threshold: threshold, Strict: f.strict, Floor: policy.Floor[metric], Looks: f.looks}
	}
	if len(f.metrics) > 0 {
		clear(rules)
	}
	for _, metric := range f.metrics {
		if _, ok := harness.MetricNamed(metric); !ok {
			return nil, harness.UsageError("judge", "The metrics are: "+strings.Join(metricNames(), ", ")+".", "metric %q is not known", metric)
		}
		rules[metric] = gate.Rule{Threshold: f.limit, Strict: f.strict, Floor: policy.Floor[metric], Looks: f.looks}
	}
	return rules, nil
}

func metricNames() []string {
	var out []string
	for _, m := range harness.Metrics() {
		out = append(out, m.Name)
	}
	return out
}

func (f *judging) readPolicy() (harness.Policy, error) {
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return harness.Policy{}, err
	}
	return config.Find("policy", *f.policy, catalog.Policies)
}

// judgeMetric judges one metric in each case of the arms.
func judgeMetric(ctx context.Context, history *selfHistory, m harness.Metric, rule gate.Rule, baseline, candidate cases) ([]gate.Judged, error) {
	var out []gate.Judged
	for _, key := range append(baseline.keys, slices.DeleteFunc(slices.Clone(candidate.keys), baseline.has)...) {
		judged, err := judgeUnits(ctx, history, key, m, rule, baseline.of[key], candidate.of[key])
		if err != nil {
			return nil, err
		}
		out = append(out, judged)
	}
	return out, nil
}

// seriesOf reads metrics of several selections, one after the other, in summary: verdicts go by medians.
func seriesOf(ctx context.Context, recorder *store.Store, metrics []string, queries []harness.SeriesQuery) (map[string][]harness.SessionSeries, error) {
	out := map[string][]harness.SessionSeries{}
	for _, query := range queries {
		query.Summary = true
		sessions, err := recorder.SeriesOf(ctx, query, metrics...)
		if err != nil {
			return nil, err
		}
		for metric, series := range sessions {
			out[metric] = append(out[metric], series...)
		}
	}
	return out, nil
}

// cases are sessions by the key of their case, in the order in which the cases first appear.
type cases struct {
	keys []string
	of   map[string][]harness.SessionSeries
}

func (c cases) has(key string) bool { return c.of[key] != nil }

func byCase(sessions []harness.SessionSeries) cases {
	out := cases{of: map[string][]harness.SessionSeries{}}
	for _, s := range sessions {
		key := s.Begin.Case.Key()
		if !out.has(key) {
			out.keys = append(out.keys, key)
		}
		out.of[key] = append(out.of[key], s)
	}
	return out
}

// judgeCase judges one metric of one case, or says why it cannot be judged.
func judgeCase(ctx context.Context, history *selfHistory, key string, m harness.Metric, rule gate.Rule, baseline, candidate []harness.SessionSeries) (gate.Judged, error) {
	verdict := harness.Verdict{Case: key, Metric: m.Name, Threshold: thresholdOf(rule)}
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

func thresholdOf(r gate.Rule) float64 {
	if r.Threshold == 0 {
		return gate.DefaultThreshold
	}
	return r.Threshold
}

// selfHistory is what builds measured against themselves, read once for each case on each unit.
type selfHistory struct {
	recorder *store.Store
	metrics  []string
	known    map[[2]string]map[string][]harness.SessionSeries // by case and UDID
}

// noise is that of builds against themselves on this unit in this case; nil: too little history.
func (h *selfHistory) noise(ctx context.Context, key, udid string, m harness.Metric) (*float64, error) {
	at := [2]string{key, udid}
	if h.known[at] == nil {
		all, err := h.recorder.SeriesOf(ctx, harness.SeriesQuery{Case: key, UDID: udid, Paired: true, Summary: true}, h.metrics...)
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
