package main

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/store"
)

// conclude adds to the verdicts what the policy says apart from them: absolute limits of the candidate, and what it
// requires and nothing was judged of. Then it shows everything.
func (f *judging) conclude(ctx context.Context, env Env, recorder *store.Store, candidate []harness.SeriesQuery, verdicts []gate.Judged) (int, error) {
	policy, err := f.readPolicy()
	if err != nil {
		return 0, err
	}
	if len(f.metrics) == 0 { // metrics that are named replace the policy's
		limits, err := judgeLimits(ctx, recorder, candidate, policy)
		if err != nil {
			return 0, err
		}
		verdicts = append(verdicts, limits...)
		verdicts = append(verdicts, missingMetrics(verdicts, policy)...)
	}
	slices.SortStableFunc(verdicts, func(a, b gate.Judged) int { return strings.Compare(a.Case, b.Case) })
	return f.show(env, append(verdicts, missingCases(verdicts, policy)...))
}

// judgeLimits holds the candidate's sessions to the policy's absolute limits.
func judgeLimits(ctx context.Context, recorder *store.Store, candidate []harness.SeriesQuery, policy harness.Policy) ([]gate.Judged, error) {
	var out []gate.Judged
	for _, m := range harness.Metrics() {
		limit, wanted := policy.Limit[m.Name]
		if !wanted {
			continue
		}
		sessions, err := limited(ctx, recorder, m, candidate)
		if err != nil {
			return nil, err
		}
		in := byCase(sessions)
		for _, key := range in.keys {
			var values [][]float64
			for _, s := range in.of[key] {
				values = append(values, s.Values)
			}
			judged, err := gate.Limit(key, m, values, limit)
			if err != nil {
				judged.Reason = err.Error()
			}
			out = append(out, judged)
		}
	}
	return out, nil
}

// limited reads what a limit is held against. A model's size is known of every session without being measured.
func limited(ctx context.Context, recorder *store.Store, m harness.Metric, candidate []harness.SeriesQuery) ([]harness.SessionSeries, error) {
	read := m.Name
	if m.Name == harness.ModelBytes {
		read = harness.DecodeTokS
	}
	of, err := seriesOf(ctx, recorder, []string{read}, candidate)
	sessions := of[read]
	if read == m.Name {
		return sessions, err
	}
	for i := range sessions {
		sessions[i].Values = []float64{float64(sessions[i].Begin.Case.Model.SizeBytes)}
	}
	return slices.DeleteFunc(sessions, func(s harness.SessionSeries) bool { return s.Begin.Case.Model.SizeBytes == 0 }), err
}

// missingMetrics names what the policy requires of every case and nothing was judged of.
func missingMetrics(verdicts []gate.Judged, policy harness.Policy) []gate.Judged {
	var out []gate.Judged
	var keys []string
	judged := map[[2]string]bool{}
	for _, v := range verdicts {
		if v.Limit != nil {
			continue
		}
		judged[[2]string{v.Case, v.Metric}] = true
		if !slices.Contains(keys, v.Case) {
			keys = append(keys, v.Case)
		}
	}
	for _, key := range keys {
		for _, metric := range policy.RequiredMetrics {
			if !judged[[2]string{key, metric}] {
				out = append(out, gate.Judged{Verdict: harness.Verdict{Case: key, Metric: metric, Judgement: harness.Missing, Threshold: policy.Threshold[metric],
					Reason: "the policy requires this metric and neither arm has a reading"}})
			}
		}
	}
	return out
}

// missingCases names the patterns of the policy that no judged case fits.
func missingCases(verdicts []gate.Judged, policy harness.Policy) []gate.Judged {
	var out []gate.Judged
	for _, pattern := range policy.RequiredCases {
		fits := slices.ContainsFunc(verdicts, func(v gate.Judged) bool {
			ok, err := path.Match(pattern, v.Case)
			return ok && err == nil // the configuration has checked the pattern
		})
		if !fits {
			out = append(out, gate.Judged{Verdict: harness.Verdict{Case: pattern, Metric: "any", Judgement: harness.Missing,
				Reason: "the policy requires a case like this and none was judged"}})
		}
	}
	return out
}
