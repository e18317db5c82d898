package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// screenStored judges a candidate by its stored baselines, and where a second build is at hand lets fresh pairs decide
// what the screen could not pass.
func (f *gateFlags) screenStored(ctx context.Context, env Env) (int, error) {
	bench, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer bench.close()
	as := gate.ScreenAlone
	if f.baseline != "" {
		as = gate.ScreenFirst
	}
	all := bench.resolved.wanted.Builds
	bench.resolved.wanted.Builds = all[:1] // the candidate; its baseline is on file
	if err := f.checkStored(bench); err != nil {
		return 0, err
	}
	if err := bench.round(ctx, gate.ScreenSessions+1); err != nil {
		return 0, err
	}
	candidate := []harness.SeriesQuery{{Run: bench.runs[0], Arm: harness.ArmCandidate}}
	verdicts, err := f.screen(ctx, env, bench, as)
	if err != nil {
		return 0, err
	}
	if open := undecided(verdicts); as == gate.ScreenFirst && len(open) > 0 {
		fmt.Fprintf(env.Stderr, "gate: the screen leaves %s open: fresh pairs\n", harness.Count(len(open), "verdict"))
		bench.resolved.wanted.Builds, bench.earlier, bench.runs = all, bench.runs, nil
		bench.resolved.wanted.Scenarios = openScenarios(bench.resolved.plan.Cases, open)
		if err := f.pool.begin(ctx, env, f, bench); err != nil {
			return 0, err
		}
		fresh, err := f.untilDecided(ctx, env, bench)
		if err != nil {
			return 0, err
		}
		f.pool.mark(env, fresh)
		replace(verdicts, fresh)
	}
	return f.conclude(ctx, env, bench.recorder, candidate, verdicts)
}

// checkStored reads the baselines before anything is measured, so that a damaged one costs no night.
func (f *gateFlags) checkStored(bench *workbench) error {
	for _, c := range bench.resolved.plan.Cases {
		if _, err := readBaseline(baselinePath(*f.baselines, c, bench.resolved.lab.catalog)); err != nil {
			return err
		}
	}
	return nil
}

// screen judges each metric of the policy in each case of the plan.
func (f *gateFlags) screen(ctx context.Context, env Env, bench *workbench, as gate.Screening) ([]gate.Judged, error) {
	judged, err := f.rules()
	if err != nil {
		return nil, err
	}
	rules, err := judged.Thresholds()
	if err != nil {
		return nil, err
	}
	var out []gate.Judged
	for _, c := range bench.resolved.plan.Cases {
		baseline, err := readBaseline(baselinePath(*f.baselines, c, bench.resolved.lab.catalog))
		if err != nil {
			return nil, err
		}
		for _, m := range harness.Metrics() {
			rule, wanted := rules[m.Name]
			if !wanted {
				continue
			}
			sessions, err := bench.recorder.Series(ctx, harness.SeriesQuery{Run: bench.runs[0], Case: c.Key(), UDID: c.Device.UDID, Metric: m.Name, Summary: true})
			if err != nil {
				return nil, err
			}
			if len(sessions) == 0 && (baseline == nil || baseline.Series[m.Name] == nil) {
				continue // neither side has it: the report says why
			}
			out = append(out, f.screenMetric(env, c, m, baseline, sessions, rule, as))
		}
	}
	return out, nil
}

func (f *gateFlags) screenMetric(env Env, c harness.Case, m harness.Metric, baseline *harness.Baseline, sessions []harness.SessionSeries, rule gate.Rule, as gate.Screening) gate.Judged {
	verdict := func(j harness.Judgement, format string, args ...any) gate.Judged {
		return gate.Judged{Verdict: harness.Verdict{Case: c.Key(), Metric: m.Name, Judgement: j, Threshold: rule.Threshold, Reason: fmt.Sprintf(format, args...)}}
	}
	if baseline == nil || len(baseline.Series[m.Name]) == 0 {
		return verdict(harness.NoBaseline, "no baseline is stored: bench baseline accept makes one")
	}
	if len(sessions) == 0 {
		return verdict(harness.Inconclusive, "the candidate has no reading")
	}
	if differs := gate.Differences(append(sessionsOf(*baseline), sessions...)); len(differs) > 0 {
		return verdict(harness.Incomparable, "the stored baseline differs in %s", strings.Join(differs, ", "))
	}
	nights := baseline.Series[m.Name]
	if why := f.stale(env, nights[len(nights)-1].Night); why != "" {
		return verdict(harness.Inconclusive, "%s", why)
	}
	var values [][]float64
	for _, night := range gate.Nights(m, sessions, len(sessions)) {
		values = append(values, night.Sessions...)
	}
	judged, err := gate.Screen(c.Key(), m, nights, values, rule, as)
	if err != nil {
		return verdict(harness.Inconclusive, "%v", err)
	}
	return judged
}

// undecided are the verdicts that fresh pairs can still settle.
func undecided(verdicts []gate.Judged) []gate.Judged {
	return slices.DeleteFunc(slices.Clone(verdicts), func(v gate.Judged) bool {
		return v.Judgement == harness.Pass || v.Judgement == harness.Improvement
	})
}

// openScenarios are the names of the scenarios that verdicts are about.
func openScenarios(cases []harness.Case, open []gate.Judged) []string {
	var out []string
	for _, c := range cases {
		about := slices.ContainsFunc(open, func(v gate.Judged) bool { return v.Case == c.Key() })
		if about && !slices.Contains(out, c.Scenario.Name) {
			out = append(out, c.Scenario.Name)
		}
	}
	return out
}

// replace puts fresh verdicts where the screen has left the word to them.
func replace(verdicts, fresh []gate.Judged) {
	for i, v := range verdicts {
		if v.Judgement == harness.Pass || v.Judgement == harness.Improvement {
			continue
		}
		for _, w := range fresh {
			if w.Case == v.Case && w.Metric == v.Metric {
				verdicts[i] = w
			}
		}
	}
}
