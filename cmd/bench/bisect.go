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
		name: "bisect", summary: "find the revision that made a metric worse", usage: "--good REV --bad REV --build COMMAND --device NAME " +
			"[--metric X] [flags]",
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
	f.selection.declareWithout(flags, "build", "baseline", "sessions")
	f.judging.configs, f.judging.policy = f.selection.configs, &f.selection.policy
	flags.StringVar(&f.good, "good", "", "`revision` that is known to be good")
	flags.StringVar(&f.bad, "bad", "HEAD", "`revision` that is known to be bad")
	flags.StringVar(&f.command, "build", "", "shell `command` that builds the revision in the current folder and puts the app at "+
		"$BENCH_OUTPUT; $BENCH_ARM is baseline or candidate, for separate bundle identifiers")
	flags.StringVar(&f.repository, "repository", ".", "`folder` of the git repository")
	flags.Var(&f.judging.metrics, "metric", "`metric` that got worse, by its label or name (default decode)")
	flags.Float64Var(&f.limit, "threshold", 0, "relative `loss` from which a revision counts as bad (default half the loss of the bad one)")
	f.declarePairs(flags)
	flags.BoolVar(&f.json, "json", false, "print the steps and the result as JSON")
	f.measuring.declare(flags)
}

func (f *bisectFlags) search(ctx context.Context, env Env) (int, error) {
	kind, err := f.check()
	if err != nil {
		return 0, err
	}
	metric, _ := harness.MetricNamed(f.metrics[0])
	builder := bisect.Builder{Repository: bisect.Repository{Folder: f.repository, Environ: env.Environ},
		Folder: filepath.Join(dataFolder(env, *f.data), "builds"), Command: f.command, Output: env.Notices}
	if kind == runnerIPhone {
		builder.Suffix = ".ipa"
	}
	b := bisect.Bisection{Good: f.good, Bad: f.bad, Metric: metric, Threshold: f.limit, Builder: builder, Events: bisectEvents{env, metric},
		Compare: func(ctx context.Context, baseline, candidate string, threshold float64) (bisect.Comparison, error) {
			return f.compareBuilds(ctx, env, baseline, candidate, threshold)
		}}
	found, err := b.Run(ctx)
	if err != nil {
		return 0, err
	}
	exit := exitOK
	if len(found.Suspects) > 1 {
		exit = exitInconclusive
	}
	return exit, f.print(env, found)
}

// check finds mistakes in the flags before anything is built, and returns the kind of runner.
func (f *bisectFlags) check() (string, error) {
	if f.good == "" || f.command == "" {
		return "", harness.UsageError("bisect", "Name them: --good REV --build COMMAND.", "a good revision and a build command are needed")
	}
	if len(f.metrics) == 0 {
		f.metrics = words{harness.DecodeTokS}
	}
	metric, ok := harness.MetricNamed(f.metrics[0])
	if !ok || len(f.metrics) > 1 {
		return "", harness.UsageError("bisect", "Metrics: "+compare.MetricLabels()+".",
			"expected one metric, not %s", strings.Join(f.metrics, " "))
	}
	f.metrics[0] = metric.Name // by which rules know it
	if f.limit < 0 || f.limit >= 1 || math.IsNaN(f.limit) {
		return "", harness.UsageError("bisect", "0.1 is 10 %.", "--threshold %g is not a loss between 0 and 1", f.limit)
	}
	if len(f.devices) != 1 {
		return "", harness.UsageError("bisect", "Name one with --device.", "%d devices: revisions are compared on one device", len(f.devices))
	}
	return f.runnerKind()
}

// compareBuilds judges a build against the good one: by what is recorded of the two, and by further pairs until it is decided.
func (f *bisectFlags) compareBuilds(ctx context.Context, env Env, baseline, candidate string,
	threshold float64) (bisect.Comparison, error) {
	one := f.gateFlags
	one.build, one.baseline, one.judging.limit = candidate, baseline, threshold
	w, err := one.measuring.open(ctx, env, &one.selection)
	if err != nil {
		return bisect.Comparison{}, err
	}
	defer w.close()
	if n := len(w.plan.Cases); n != 1 {
		return bisect.Comparison{}, harness.UsageError("bisect", "Name one model and one scenario.", "%d cases: one is searched at a time", n)
	}
	g, err := one.gate(w)
	if err != nil {
		return bisect.Comparison{}, err
	}
	found, err := g.Reuse(ctx)
	if err != nil {
		return bisect.Comparison{}, err
	}
	out := bisect.Comparison{Runs: found.Runs, Reused: found.Reused}
	if len(found.Verdicts) == 1 {
		out.Verdict = &found.Verdicts[0].Verdict
	}
	return out, nil
}

// bisectEvents shows where a search stands.
type bisectEvents struct {
	env    Env
	metric harness.Metric
}

func (b bisectEvents) say(format string, args ...any) {
	fmt.Fprintf(b.env.Notices, "bisect: "+format+"\n", args...)
}

func (b bisectEvents) Begun(revisions int, good bisect.Revision) {
	b.say("%s after %s", harness.Count(revisions, "revision"), good)
}

func (b bisectEvents) Limited(threshold float64, bad bisect.Revision) {
	b.say("a revision counts as bad from a loss of %.1f %%, half the loss of %s", 100*threshold, bad)
}

func (b bisectEvents) Left(steps int) { b.say("about %s left", harness.Count(steps, "step")) }

func (b bisectEvents) Answered(of bisect.Revision, step bisect.Step) {
	b.say("%s: %s", of, step.Text(b.metric))
}

// print shows the first bad revision, or those among which it is.
func (f *bisectFlags) print(env Env, found bisect.Result) error {
	if f.json {
		suspects := []string{}
		for _, r := range found.Suspects {
			suspects = append(suspects, r.Hash)
		}
		return reports.Indented(env.Stdout, map[string]any{"schema": 1, "metric": found.Metric.Name, "threshold": found.Threshold,
			"suspects": suspects,
			"steps":    found.Steps})
	}
	if len(found.Suspects) == 1 {
		fmt.Fprintf(env.Stdout, "first bad revision: %s\n", found.Suspects[0])
	} else {
		fmt.Fprintf(env.Stdout, "the first bad revision is one of these; some were skipped:\n")
		for _, r := range found.Suspects {
			fmt.Fprintf(env.Stdout, "  %s\n", r)
		}
	}
	for _, s := range found.Steps {
		fmt.Fprintf(env.Stdout, "  %s  %s\n", s.Revision[:10], s.Text(found.Metric))
	}
	return nil
}
