package experiment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Baselines are the stored baselines. A folder of package baseline has it.
type Baselines interface {
	// Of returns the baseline of a case; nil: there is none.
	Of(c harness.Case) (*harness.Baseline, error)
}

// Screen judges the selection's candidate by its stored baselines. Where the selection has a second build, fresh pairs
// decide what the screen could not pass.
func (g *Gate) Screen(ctx context.Context) (Result, error) {
	if err := g.check(); err != nil {
		return Result{}, err
	}
	builds, as := g.Selection.Builds, gate.ScreenAlone
	if len(builds) > 1 {
		as = gate.ScreenFirst
	}
	stored, err := g.readBaselines()
	if err != nil {
		return Result{}, err
	}
	g.Selection.Builds = candidateOf(builds) // its baseline is on file
	if err = g.Round(ctx, gate.ScreenSessions+1); err != nil {
		return Result{}, err
	}
	screened := g.Runs
	verdicts, err := g.screen(ctx, screened[0], stored, as)
	if err != nil {
		return Result{}, err
	}
	result := Result{Verdicts: verdicts, Candidate: []harness.SeriesQuery{{Run: screened[0], Arm: harness.ArmCandidate}}, Runs: screened}
	open := undecided(verdicts)
	if as == gate.ScreenAlone || len(open) == 0 {
		return result, nil
	}
	g.Events.notice(ScreenOpen{len(open)})
	// The screen's own sessions are not judged again: the worst of many screens would look bad twice.
	g.Selection.Builds, g.Runs = builds, nil
	g.Selection.Scenarios = openScenarios(g.Cases, open)
	fresh, err := g.Pairs(ctx)
	if err != nil {
		return Result{}, err
	}
	replace(result.Verdicts, fresh.Verdicts)
	result.Runs = append(screened, fresh.Runs...)
	return result, nil
}

func candidateOf(builds []harness.Build) []harness.Build {
	return slices.DeleteFunc(slices.Clone(builds), func(b harness.Build) bool { return b.Arm != harness.ArmCandidate })
}

// readBaselines reads the baselines, by case, before anything is measured: a damaged one costs no night.
func (g *Gate) readBaselines() (map[string]*harness.Baseline, error) {
	out := map[string]*harness.Baseline{}
	for _, c := range g.Cases {
		b, err := g.Baselines.Of(c)
		if err != nil {
			return nil, err
		}
		out[c.Key()] = b
	}
	return out, nil
}

// screen judges each metric of the rules in each case.
func (g *Gate) screen(ctx context.Context, run string, stored map[string]*harness.Baseline, as gate.Screening) ([]gate.Judged, error) {
	rules, err := g.Rules.Thresholds()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range rules {
		names = append(names, name)
	}
	var out []gate.Judged
	for _, c := range g.Cases {
		sessions, err := g.Recorder.SeriesOf(ctx, harness.SeriesQuery{Run: run, Case: c.Key(), UDID: c.Device.UDID, Summary: true}, names...)
		if err != nil {
			return nil, err
		}
		baseline := stored[c.Key()]
		for _, m := range harness.Metrics() {
			rule, wanted := rules[m.Name]
			if !wanted || len(sessions[m.Name]) == 0 && (baseline == nil || baseline.Series[m.Name] == nil) {
				continue // where neither side has it, the report says why
			}
			out = append(out, g.screenMetric(c.Key(), m, baseline, sessions[m.Name], rule, as))
		}
	}
	return out, nil
}

func (g *Gate) screenMetric(key string, m harness.Metric, baseline *harness.Baseline, sessions []harness.SessionSeries, rule gate.Rule,
	as gate.Screening) gate.Judged {
	verdict := func(j harness.Judgement, format string, args ...any) gate.Judged {
		return gate.Judged{Verdict: harness.Verdict{Case: key, Metric: m.Name, Judgement: j, Threshold: rule.Threshold,
			Reason: fmt.Sprintf(format, args...)}}
	}
	if baseline == nil || len(baseline.Series[m.Name]) == 0 {
		return verdict(harness.NoBaseline, "no baseline is stored: bench baseline accept makes one")
	}
	if len(sessions) == 0 {
		return verdict(harness.Inconclusive, "the candidate has no reading")
	}
	accepted := harness.SessionSeries{Begin: &harness.SessionBegin{Fingerprint: baseline.Fingerprint, Build: baseline.Build}}
	if differs := gate.Differences(append([]harness.SessionSeries{accepted}, sessions...)); len(differs) > 0 {
		return verdict(harness.Incomparable, "the stored baseline differs in %s", strings.Join(differs, ", "))
	}
	nights := baseline.Series[m.Name]
	if why := g.stale(nights[len(nights)-1].Night); why != "" {
		return verdict(harness.Inconclusive, "%s", why)
	}
	var values [][]float64
	for _, night := range gate.Nights(m, sessions, len(sessions)) {
		values = append(values, night.Sessions...)
	}
	judged, err := gate.Screen(key, m, nights, values, rule, as)
	if err != nil {
		return verdict(harness.Inconclusive, "%v", err)
	}
	return judged
}

// stale says why a stored night is too old to judge by; "": it is not.
func (g *Gate) stale(night string) string {
	date, err := time.Parse(time.DateOnly, night)
	if err != nil {
		return err.Error()
	}
	age := g.Clock.Now().Sub(date)
	if g.Policy.Freshness == 0 || age <= g.Policy.Freshness {
		return ""
	}
	return fmt.Sprintf("the stored baseline is stale: its last night, %s, is %.0f days old and the policy allows %.0f", night,
		age.Hours()/24, g.Policy.Freshness.Hours()/24)
}

// undecided are the verdicts that fresh pairs can still settle.
func undecided(verdicts []gate.Judged) []gate.Judged {
	return slices.DeleteFunc(slices.Clone(verdicts), passed)
}

func passed(v gate.Judged) bool {
	return v.Judgement == harness.Pass || v.Judgement == harness.Improvement
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

// replace puts fresh verdicts where the screen has left the decision to them.
func replace(verdicts, fresh []gate.Judged) {
	for i, v := range verdicts {
		if passed(v) {
			continue
		}
		for _, w := range fresh {
			if w.Case == v.Case && w.Metric == v.Metric {
				verdicts[i] = w
			}
		}
	}
}
