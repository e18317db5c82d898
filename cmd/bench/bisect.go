package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/bisect"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/reports"
)

// bisectFlags is what `bench bisect` is asked for.
type bisectFlags struct {
	gateFlags
	good, bad, command, repository string
	limit                          float64
}

func bisectCommand() command {
	return command{
		name: "bisect", summary: "find the revision that made a metric worse", usage: "--good REV --bad REV --build COMMAND --device NAME [--metric X] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f bisectFlags
			f.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("bisect", rest); err != nil {
					return 0, err
				}
				return f.search(ctx, env)
			}
		},
	}
}

func (f *bisectFlags) declare(flags *flag.FlagSet) {
	selected := flag.NewFlagSet("selection", flag.ContinueOnError)
	f.selection.declare(selected)
	selected.VisitAll(func(one *flag.Flag) {
		if one.Name != "build" && one.Name != "baseline" && one.Name != "sessions" {
			flags.Var(one.Value, one.Name, one.Usage)
		}
	})
	f.judging.configs, f.judging.policy = f.selection.configs, &f.selection.policy
	flags.StringVar(&f.good, "good", "", "`revision` that is as it should be")
	flags.StringVar(&f.bad, "bad", "HEAD", "`revision` that is worse")
	flags.StringVar(&f.command, "build", "", "`command` for the shell that builds the work tree it runs in and leaves the app at $BENCH_OUTPUT; $BENCH_ARM is baseline or candidate, for a bundle identifier of its own")
	flags.StringVar(&f.repository, "repository", ".", "`folder` of the git repository")
	flags.Var(&f.judging.metrics, "metric", "`metric` that got worse (default "+harness.DecodeTokS+")")
	flags.Float64Var(&f.limit, "threshold", 0, "relative `loss` from which on a revision is bad (default half the loss of the bad one)")
	flags.IntVar(&f.pairs, "max-pairs", 16, "`pairs` of sessions at the most for each revision")
	flags.DurationVar(&f.budget, "budget", 0, "no further pairs of a revision are begun after so much `time` of the device (default as the policy says)")
	flags.BoolVar(&f.json, "json", false, "print the steps and the result as JSON")
	f.measuring.declare(flags)
}

// bisected is one revision with its answer and what led to it.
type bisected struct {
	Revision string        `json:"revision"`
	Subject  string        `json:"subject"`
	Answer   bisect.Answer `json:"answer"`
	Reason   string        `json:"reason,omitempty"`
	Estimate *float64      `json:"estimate,omitempty"` // loss against the good revision, relative, positive worse
	Interval []float64     `json:"interval,omitempty"`
	Pairs    int           `json:"pairs"`
	Runs     []string      `json:"runs"`
	Reused   bool          `json:"reused,omitempty"` // nothing had to be measured
}

// bisection is a search under way.
type bisection struct {
	*bisectFlags
	env       Env
	workshop  workshop
	good      string // its build
	revisions []commit
	search    *bisect.Search
	steps     []bisected
}

func (f *bisectFlags) search(ctx context.Context, env Env) (int, error) {
	b, err := f.begin(ctx, env)
	if err != nil {
		return 0, err
	}
	last := len(b.revisions) - 1
	whole, err := b.ask(ctx, last)
	if err != nil {
		return 0, err
	}
	if whole.Answer != bisect.Bad {
		return exitInconclusive, b.nothingToFind(whole)
	}
	if f.limit == 0 {
		f.limit = *whole.Estimate / 2
		fmt.Fprintf(env.Stderr, "bisect: a revision is bad from a loss of %.1f %% on, half of what %s has lost\n", 100*f.limit, b.revisions[last])
	}
	for {
		at, ok := b.search.Next()
		if !ok {
			return b.conclude()
		}
		fmt.Fprintf(env.Stderr, "bisect: about %s left\n", harness.Count(b.search.Left(), "step"))
		step, err := b.ask(ctx, at)
		if err != nil {
			return 0, err
		}
		b.search.Tell(at, step.Answer)
	}
}

// begin checks all that the search rests on before anything is built.
func (f *bisectFlags) begin(ctx context.Context, env Env) (*bisection, error) {
	if f.good == "" || f.command == "" {
		return nil, harness.UsageError("bisect", "Name them: --good REV --build COMMAND.", "a good revision and a build command are needed")
	}
	if len(f.metrics) == 0 {
		f.metrics = words{harness.DecodeTokS}
	}
	metric, ok := harness.MetricNamed(f.metrics[0])
	if !ok || len(f.metrics) > 1 {
		return nil, harness.UsageError("bisect", "The metrics are: "+strings.Join(compare.MetricNames(), ", ")+".", "one metric is wanted, not %s", strings.Join(f.metrics, " "))
	}
	f.metrics[0] = metric.Name
	if f.limit < 0 || f.limit >= 1 || math.IsNaN(f.limit) {
		return nil, harness.UsageError("bisect", "0.1 is 10 %.", "--threshold %g is no loss between 0 and 1", f.limit)
	}
	if len(f.devices) != 1 {
		return nil, harness.UsageError("bisect", "Name one with --device.", "%d devices: revisions are compared on one unit", len(f.devices))
	}
	kind, err := f.runnerKind()
	if err != nil {
		return nil, err
	}
	repository := repository{env, f.repository}
	good, err := repository.named(ctx, f.good)
	if err != nil {
		return nil, err
	}
	bad, err := repository.named(ctx, f.bad)
	if err != nil {
		return nil, err
	}
	b := &bisection{bisectFlags: f, env: env, workshop: workshop{repository, filepath.Join(dataFolder(env, *f.data), "builds"), f.command, ""}}
	if kind == runnerIPhone {
		b.workshop.suffix = ".ipa"
	}
	if b.revisions, err = repository.between(ctx, good, bad); err != nil {
		return nil, err
	}
	if b.search, err = bisect.New(len(b.revisions)); err != nil {
		return nil, err
	}
	if b.good, err = b.workshop.build(ctx, good, harness.ArmBaseline); err != nil {
		return nil, &harness.Error{Kind: harness.KindBuild, Op: "build " + good.String(), Err: err, Hint: "Try the command in a work tree of that revision."}
	}
	fmt.Fprintf(env.Stderr, "bisect: %s after %s\n", harness.Count(len(b.revisions), "revision"), good)
	return b, nil
}

// ask builds a revision and compares it with the good one. A build that fails skips the revision; what stops the whole
// search, a device that is gone or an interrupt, is an error.
func (b *bisection) ask(ctx context.Context, at int) (bisected, error) {
	of := b.revisions[at]
	step := bisected{Revision: of.hash, Subject: of.subject, Answer: bisect.Skipped}
	candidate, err := b.workshop.build(ctx, of, harness.ArmCandidate)
	if ctx.Err() != nil {
		return step, ctx.Err()
	}
	if err != nil {
		step.Reason = err.Error()
	} else if err := b.compare(ctx, candidate, &step); err != nil {
		return step, err
	}
	fmt.Fprintf(b.env.Stderr, "bisect: %s: %s\n", of, step.words())
	b.steps = append(b.steps, step)
	return step, nil
}

// compare judges a build against the good one: by what is recorded of the two, and by further pairs until it is decided.
func (b *bisection) compare(ctx context.Context, candidate string, step *bisected) error {
	f := *b.bisectFlags
	f.build, f.baseline, f.judging.limit = candidate, b.good, b.limit
	bench, err := f.measuring.open(ctx, b.env, &f.selection)
	if err != nil {
		return err
	}
	defer bench.close()
	if n := len(bench.resolved.plan.Cases); n != 1 {
		return harness.UsageError("bisect", "Name one model and one scenario.", "%d cases: one is searched at a time", n)
	}
	if bench.runs, err = bench.recordedPairs(ctx); err != nil {
		return err
	}
	before := len(bench.runs)
	verdicts, err := f.untilDecided(ctx, b.env, bench)
	if err != nil {
		return err
	}
	step.Runs, step.Reused = bench.runs, len(bench.runs) == before
	if len(verdicts) != 1 {
		step.Reason = "no session has a reading of " + f.metrics[0]
		return nil
	}
	step.take(verdicts[0])
	return nil
}

// take turns a verdict into an answer.
func (s *bisected) take(v gate.Judged) {
	s.Estimate, s.Pairs, s.Reason = v.Estimate, v.Pairs, v.Reason
	if v.Low != nil {
		s.Interval = []float64{*v.Low, *v.High}
	}
	switch v.Judgement {
	case harness.Regression:
		s.Answer = bisect.Bad
	case harness.Pass, harness.Improvement, harness.NearThreshold:
		s.Answer = bisect.Good
	default:
		s.Answer = bisect.Skipped
		if s.Reason == "" {
			s.Reason = "its pairs decide nothing"
		}
	}
}

func (s bisected) words() string {
	out := string(s.Answer)
	if s.Estimate != nil {
		out += fmt.Sprintf(", %+.1f %% worse after %s", 100**s.Estimate, harness.Count(s.Pairs, "pair"))
	}
	if s.Reused {
		out += ", as recorded before"
	}
	if s.Reason != "" {
		out += ": " + harness.PrintableLine(s.Reason)
	}
	return out
}

func (b *bisection) nothingToFind(whole bisected) error {
	return &harness.Error{Kind: harness.KindIncomparable, Op: "bisect", Err: fmt.Errorf("%s is not shown to be worse than the good one: %s", b.revisions[len(b.revisions)-1], whole.words()),
		Hint: "Look at the run's report; a smaller loss is searched for with --threshold, more pairs are made with --max-pairs."}
}

// conclude prints the first bad revision, or those among which it is.
func (b *bisection) conclude() (int, error) {
	first, last := b.search.Suspects()
	exit := exitOK
	if first != last {
		exit = exitInconclusive
	}
	if b.json {
		suspects := []string{}
		for _, r := range b.revisions[first : last+1] {
			suspects = append(suspects, r.hash)
		}
		return exit, reports.Indented(b.env.Stdout, map[string]any{"metric": b.metrics[0], "threshold": b.limit, "suspects": suspects, "steps": b.steps})
	}
	if first == last {
		fmt.Fprintf(b.env.Stdout, "first bad revision: %s\n", b.revisions[first])
	} else {
		fmt.Fprintf(b.env.Stdout, "the first bad revision is one of these; those in between were skipped:\n")
		for _, r := range b.revisions[first : last+1] {
			fmt.Fprintf(b.env.Stdout, "  %s\n", r)
		}
	}
	for _, s := range b.steps {
		fmt.Fprintf(b.env.Stdout, "  %s  %s\n", s.Revision[:10], s.words())
	}
	return exit, nil
}
