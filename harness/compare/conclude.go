package compare

import (
	"context"
	"path"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Conclude adds to verdicts what the policy says apart from them: absolute limits of the candidate, and what it requires and
// nothing was judged of. Nothing to judge at all is a usage error.
func Conclude(ctx context.Context, recordings Recordings, rules Rules, candidate []harness.SeriesQuery,
	verdicts []gate.Judged) ([]gate.Judged, error) {
	out := slices.Clone(verdicts)
	if len(rules.Metrics) == 0 { // metrics that are named replace the policy's
		limits, err := judgeLimits(ctx, recordings, candidate, rules.Policy)
		if err != nil {
			return nil, err
		}
		out = append(out, limits...)
		out = append(out, missingMetrics(out, rules.Policy)...)
	}
	sortByCase(out)
	out = append(out, missingCases(out, rules.Policy)...)
	if len(out) == 0 {
		return nil, harness.UsageError("judge", "bench report shows what a run recorded.", "no session has a reading of the metrics to judge")
	}
	return out, nil
}

// judgeLimits holds the candidate's sessions to the policy's absolute limits.
func judgeLimits(ctx context.Context, recordings Recordings, candidate []harness.SeriesQuery,
	policy harness.Policy) ([]gate.Judged, error) {
	var out []gate.Judged
	for _, m := range harness.Metrics() {
		limit, wanted := policy.Limit[m.Name]
		if !wanted {
			continue
		}
		sessions, err := limited(ctx, recordings, m, candidate)
		if err != nil {
			return nil, err
		}
		in := byCase(sessions)
		for _, key := range in.keys {
			judged, err := gate.Limit(key, m, gate.Readings(in.of[key]), limit)
			if err != nil {
				judged.Reason = err.Error()
			}
			out = append(out, judged)
		}
	}
	return out, nil
}

// limited reads what is compared with a limit. A model's size is known of every session without being measured.
func limited(ctx context.Context, recordings Recordings, m harness.Metric,
	candidate []harness.SeriesQuery) ([]harness.SessionSeries, error) {
	read := m.Name
	if m.Name == harness.ModelBytes {
		read = harness.DecodeTokS
	}
	of, err := seriesOf(ctx, recordings, []string{read}, candidate)
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
				out = append(out, gate.Judged{Verdict: harness.Verdict{Case: key, Metric: metric, Judgement: harness.Missing,
					Threshold: policy.Threshold[metric],
					Reason:    "the policy requires this metric and neither arm has a reading"}})
			}
		}
	}
	return out
}

// AnyMetric stands for a verdict's metric where the verdict is about a whole case.
const AnyMetric = "any"

// missingCases names the patterns of the policy that no judged case fits.
func missingCases(verdicts []gate.Judged, policy harness.Policy) []gate.Judged {
	var out []gate.Judged
	for _, pattern := range policy.RequiredCases {
		fits := slices.ContainsFunc(verdicts, func(v gate.Judged) bool {
			ok, err := path.Match(pattern, v.Case)
			return ok && err == nil // the configuration has checked the pattern
		})
		if !fits {
			out = append(out, gate.Judged{Verdict: harness.Verdict{Case: pattern, Metric: AnyMetric, Judgement: harness.Missing,
				Reason: "the policy requires a case like this and none was judged"}})
		}
	}
	return out
}
