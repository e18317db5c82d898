// Package compare turns recorded sessions and a policy into verdicts. In come the sessions of two arms, through the small
// interface [Recordings], and [Rules]; out comes one verdict for each metric of each case, with its evidence. It measures
// nothing, prints nothing and knows no clock: the same recordings give the same verdicts.
//
// [Judge] compares the candidate with the baseline: by the rule of package gate on each device, combined over several
// devices, and by what both builds generate. [Conclude] adds what the policy says apart from a comparison: absolute limits,
// and metrics and cases that it requires and nothing was judged of.
package compare

import (
	"context"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Recordings is what a comparison reads of the recorded runs. A store has it.
type Recordings interface {
	// SeriesOf returns the sessions that a query selects, by metric, each in the order in which the sessions began. A metric
	// without readings is absent.
	SeriesOf(ctx context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error)
	// Lines returns the event lines of one launch.
	Lines(ctx context.Context, run, session string) ([]harness.EventLine, error)
	// Iterations returns the iterations of one launch, in their order.
	Iterations(ctx context.Context, run, session string) ([]harness.Iteration, error)
}

// Arms is where the two arms' sessions come from: several runs of each, in their order.
type Arms struct {
	Baseline, Candidate []harness.SeriesQuery
}

// Interleaved are the two arms of the same runs.
func Interleaved(runs ...string) Arms {
	var of Arms
	for _, run := range runs {
		of.Baseline = append(of.Baseline, harness.SeriesQuery{Run: run, Arm: harness.ArmBaseline})
		of.Candidate = append(of.Candidate, harness.SeriesQuery{Run: run, Arm: harness.ArmCandidate})
	}
	return of
}

// Separate are the candidates of two runs, of which the first is the baseline.
func Separate(baseline, candidate string) Arms {
	return Arms{
		Baseline:  []harness.SeriesQuery{{Run: baseline, Arm: harness.ArmCandidate}},
		Candidate: []harness.SeriesQuery{{Run: candidate, Arm: harness.ArmCandidate}},
	}
}

// Judge judges every metric of the rules in every case that either arm has sessions of. Verdicts are sorted by case, those
// of a case in the order of [harness.Metrics]. An error is one of the recordings or of the rules: readings that cannot be
// judged give a verdict that says so.
func Judge(ctx context.Context, recordings Recordings, rules Rules, arms Arms) ([]gate.Judged, error) {
	byMetric, err := rules.Thresholds()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range byMetric {
		names = append(names, name)
	}
	baseline, err := seriesOf(ctx, recordings, names, arms.Baseline)
	if err != nil {
		return nil, err
	}
	candidate, err := seriesOf(ctx, recordings, names, arms.Candidate)
	if err != nil {
		return nil, err
	}
	history := &selfHistory{recordings: recordings, metrics: names, known: map[[2]string]map[string][]harness.SessionSeries{}}
	var out []gate.Judged
	for _, m := range harness.Metrics() {
		rule, wanted := byMetric[m.Name]
		if !wanted {
			continue
		}
		judged, judgeErr := judgeMetric(ctx, history, m, rule, byCase(baseline[m.Name]), byCase(candidate[m.Name]))
		if judgeErr != nil {
			return nil, judgeErr
		}
		out = append(out, judged...)
	}
	if len(rules.Metrics) == 0 { // metrics that are named are all that is asked for
		compared := output{recordings: recordings, limit: rules.limit(harness.GreedyMatch)}
		if out, err = compared.judge(ctx, out, byCase(ofAny(baseline)), byCase(ofAny(candidate))); err != nil {
			return nil, err
		}
	}
	sortByCase(out)
	return out, nil
}

func sortByCase(verdicts []gate.Judged) {
	slices.SortStableFunc(verdicts, func(a, b gate.Judged) int { return strings.Compare(a.Case, b.Case) })
}

// ofAny are the sessions that have a reading of any metric, some of them several times.
func ofAny(series map[string][]harness.SessionSeries) []harness.SessionSeries {
	var out []harness.SessionSeries
	for _, m := range harness.Metrics() {
		out = append(out, series[m.Name]...)
	}
	return out
}

// seriesOf reads metrics of several selections, one after the other, in summary: verdicts go by medians.
func seriesOf(ctx context.Context, recordings Recordings, metrics []string,
	queries []harness.SeriesQuery) (map[string][]harness.SessionSeries, error) {
	out := map[string][]harness.SessionSeries{}
	for _, query := range queries {
		query.Summary = true
		sessions, err := recordings.SeriesOf(ctx, query, metrics...)
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
