package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/store"
)

// judging is how recorded sessions are judged, whoever asks.
type judging struct {
	configs  *string
	policy   *string
	strict   bool
	json     bool
	metrics  words
	junit    string
	markdown string
}

func (f *judging) declare(flags *flag.FlagSet, configs, policy *string) {
	f.configs, f.policy = configs, policy
	flags.BoolVar(&f.strict, "strict", false, "say regression only where a loss above the threshold is itself proven")
	flags.BoolVar(&f.json, "json", false, "print the verdicts with every step as JSON")
	flags.StringVar(&f.junit, "junit", "", "`file` for the verdicts as JUnit XML")
	flags.StringVar(&f.markdown, "markdown", "", "`file` for the verdicts as Markdown, for a pull request or a step summary (appended where the file exists)")
	flags.Var(&f.metrics, "metric", "`metric` to judge by the default threshold, instead of the policy's; repeat the flag for several")
}

func compareCommand() command {
	return command{
		name: "compare", summary: "judge recorded sessions of two builds", usage: "[RUN | BASELINE-RUN CANDIDATE-RUN] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f judging
			data := dataFlag(flags)
			policy := flags.String("policy", "default", "`policy` of the catalogue: which metrics are judged, and by what threshold")
			f.declare(flags, configsFlag(flags), policy)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				runs, err := interspersed(flags, "compare", rest)
				if err != nil {
					return 0, err
				}
				if len(runs) > 2 {
					return 0, usageError("compare", "Name one run with two arms, or a baseline run and a candidate run.", "%d runs", len(runs))
				}
				return f.compare(ctx, env, dataFolder(env, *data), runs)
			}
		},
	}
}

// arms is where the two arms' sessions come from: several runs of each, in their order.
type arms struct {
	baseline, candidate []store.SeriesQuery
}

// interleavedArms are the two arms of the same runs.
func interleavedArms(runs ...string) arms {
	var of arms
	for _, run := range runs {
		of.baseline = append(of.baseline, store.SeriesQuery{Run: run, Arm: harness.ArmBaseline})
		of.candidate = append(of.candidate, store.SeriesQuery{Run: run, Arm: harness.ArmCandidate})
	}
	return of
}

func (f *judging) compare(ctx context.Context, env Env, data string, runs []string) (int, error) {
	recorder, err := openRecorded(ctx, data)
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	if len(runs) == 0 {
		latest, err := recorder.Latest(ctx, false)
		if err != nil {
			return 0, err
		}
		runs = []string{latest}
	}
	for _, run := range runs {
		if _, err := recorder.Load(ctx, run); err != nil {
			return 0, err
		}
	}
	of := interleavedArms(runs[0])
	if len(runs) == 2 {
		of = arms{[]store.SeriesQuery{{Run: runs[0], Arm: harness.ArmCandidate}}, []store.SeriesQuery{{Run: runs[1], Arm: harness.ArmCandidate}}}
	}
	verdicts, err := f.judge(ctx, recorder, of)
	if err != nil {
		return 0, err
	}
	return f.conclude(ctx, env, recorder, of.candidate, verdicts)
}

// judge judges every metric of the policy in every case that either arm has sessions of.
func (f *judging) judge(ctx context.Context, recorder *store.Store, of arms) ([]gate.Judged, error) {
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	var out []gate.Judged
	for _, m := range harness.Metrics() {
		rule, wanted := rules[m.Name]
		if !wanted {
			continue
		}
		judged, err := judgeMetric(ctx, recorder, of, m, rule)
		if err != nil {
			return nil, err
		}
		out = append(out, judged...)
	}
	slices.SortStableFunc(out, func(a, b gate.Judged) int { return strings.Compare(a.Case, b.Case) })
	return out, nil
}

// rules are the metrics to judge, each with its rule.
func (f *judging) rules() (map[string]gate.Rule, error) {
	policy, err := f.readPolicy()
	if err != nil {
		return nil, err
	}
	rules := map[string]gate.Rule{}
	for metric, threshold := range policy.Threshold {
		rules[metric] = gate.Rule{Threshold: threshold, Strict: f.strict, Floor: policy.Floor[metric]}
	}
	if len(f.metrics) > 0 {
		clear(rules)
	}
	for _, metric := range f.metrics {
		if _, ok := harness.MetricNamed(metric); !ok {
			return nil, usageError("judge", "The metrics are: "+strings.Join(metricNames(), ", ")+".", "metric %q is not known", metric)
		}
		rules[metric] = gate.Rule{Strict: f.strict, Floor: policy.Floor[metric]}
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
func judgeMetric(ctx context.Context, recorder *store.Store, of arms, m harness.Metric, rule gate.Rule) ([]gate.Judged, error) {
	baseline, err := seriesOf(ctx, recorder, m, of.baseline)
	if err != nil {
		return nil, err
	}
	candidate, err := seriesOf(ctx, recorder, m, of.candidate)
	if err != nil {
		return nil, err
	}
	var out []gate.Judged
	for _, key := range caseKeys(baseline, candidate) {
		judged, err := judgeUnits(ctx, recorder, key, m, rule, ofCase(baseline, key), ofCase(candidate, key))
		if err != nil {
			return nil, err
		}
		out = append(out, judged)
	}
	return out, nil
}

// seriesOf reads one metric of several selections, one after the other, in summary: verdicts go by medians.
func seriesOf(ctx context.Context, recorder *store.Store, m harness.Metric, queries []store.SeriesQuery) ([]harness.SessionSeries, error) {
	var out []harness.SessionSeries
	for _, query := range queries {
		query.Metric, query.Summary = m.Name, true
		sessions, err := recorder.Series(ctx, query)
		if err != nil {
			return nil, err
		}
		out = append(out, sessions...)
	}
	return out, nil
}

func caseKeys(arms ...[]harness.SessionSeries) []string {
	var out []string
	for _, arm := range arms {
		for _, s := range arm {
			if key := s.Begin.Case.Key(); !slices.Contains(out, key) {
				out = append(out, key)
			}
		}
	}
	return out
}

func ofCase(sessions []harness.SessionSeries, key string) []harness.SessionSeries {
	return slices.DeleteFunc(slices.Clone(sessions), func(s harness.SessionSeries) bool { return s.Begin.Case.Key() != key })
}

// judgeCase judges one metric of one case, or says why it cannot be judged.
func judgeCase(ctx context.Context, recorder *store.Store, key string, m harness.Metric, rule gate.Rule, baseline, candidate []harness.SessionSeries) (gate.Judged, error) {
	verdict := harness.Verdict{Case: key, Metric: m.Name, Threshold: thresholdOf(rule)}
	if differs := gate.Differences(slices.Concat(baseline, candidate)); len(differs) > 0 {
		verdict.Judgement, verdict.Reason = harness.Incomparable, "the arms differ in "+strings.Join(differs, ", ")
		return gate.Judged{Verdict: verdict}, nil
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
	noise, err := borrowed(ctx, recorder, key, candidate[0].Begin.Fingerprint.UDID, m)
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

// borrowed is the noise of builds against themselves on this unit in this case; nil: too little history.
func borrowed(ctx context.Context, recorder *store.Store, key, udid string, m harness.Metric) (*float64, error) {
	all, err := recorder.Series(ctx, store.SeriesQuery{Case: key, UDID: udid, Metric: m.Name, Paired: true, Summary: true})
	if err != nil {
		return nil, err
	}
	noise := stats.BorrowedNoise(gate.SelfDifferences(m, all))
	if math.IsNaN(noise) {
		return nil, nil
	}
	return &noise, nil
}

// show prints the verdicts and returns the exit code of the worst.
func (f *judging) show(env Env, verdicts []gate.Judged) (int, error) {
	if len(verdicts) == 0 {
		return 0, usageError("judge", "bench report shows what a run recorded.", "no session has a reading of the metrics to judge")
	}
	exit := exitOK
	for _, v := range verdicts {
		exit = worse(exit, exitOfVerdict(v.Judgement))
	}
	if err := f.writeFiles(verdicts); err != nil {
		return 0, err
	}
	if f.json {
		out := make([]verdictJSON, len(verdicts))
		for i, v := range verdicts {
			out[i] = newVerdict(v)
		}
		return exit, printJSON(env.Stdout, out)
	}
	return exit, printVerdicts(env.Stdout, verdicts)
}

// worse ranks a regression above what could not be decided.
func worse(a, b int) int {
	if a == exitRegression || b == exitRegression {
		return exitRegression
	}
	return max(a, b)
}

func printVerdicts(w io.Writer, verdicts []gate.Judged) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	last := ""
	for _, v := range verdicts {
		if v.Case != last {
			fmt.Fprintf(table, "%s\n", v.Case)
			last = v.Case
		}
		if v.Limit != nil {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", v.Metric, v.Judgement, v.Reason)
			continue
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%d pairs\tnoise %s\tlimit %.0f %%\n", v.Metric, v.Judgement, percent(v.Estimate), interval(v), v.Pairs, percentOf(v.Noise), 100*v.Threshold)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	printRemarks(w, verdicts)
	fmt.Fprint(w, "Positive is worse. A regression: the loss is above the guard (0.8 of the limit) with at most 5 % error, its best estimate above the limit. A pass: it is below the limit with at most 5 % error. Both speak of this unit only.\n")
	return nil
}

// printRemarks prints reasons and warnings, each once with the metrics that it is about.
func printRemarks(w io.Writer, verdicts []gate.Judged) {
	var order []string
	about := map[string][]string{}
	for _, v := range verdicts {
		for _, remark := range append([]string{v.Reason}, v.Warnings...) {
			if remark == "" || v.Limit != nil && remark == v.Reason {
				continue
			}
			if about[remark] == nil {
				order = append(order, remark)
			}
			about[remark] = append(about[remark], v.Metric)
		}
	}
	for _, remark := range order {
		metrics := strings.Join(about[remark], ", ")
		if len(about[remark]) == len(verdicts) && len(verdicts) > 1 {
			metrics = "all"
		}
		fmt.Fprintf(w, "  %s: %s\n", metrics, remark)
	}
}

func percent(x *float64) string {
	if x == nil {
		return "—"
	}
	return fmt.Sprintf("%+.1f %%", 100**x)
}

func percentOf(x *float64) string {
	if x == nil {
		return "—"
	}
	return fmt.Sprintf("%.1f %%", 100**x)
}

func interval(v gate.Judged) string {
	if v.Low == nil {
		return "—"
	}
	return fmt.Sprintf("[%+.1f, %+.1f]", 100**v.Low, 100**v.High)
}
