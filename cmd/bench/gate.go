package main

import (
	"context"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/experiment"
)

// gateFlags is what `bench gate` is asked for: a file to judge, or two builds to measure until there is a verdict.
type gateFlags struct {
	selection
	judging
	measuring
	series    string
	pairs     int
	budget    time.Duration
	stored    bool
	goOn      bool
	baselines *string
}

func gateCommand() command {
	return command{
		name: "gate", summary: "judge a candidate build against a baseline", usage: "--device NAME --build CANDIDATE --baseline BASELINE " +
			"[flags]   or   --series FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			var f gateFlags
			f.selection.declareWithout(flags, "sessions")
			f.judging.declare(flags, f.selection.configs, &f.selection.policy)
			flags.StringVar(&f.series, "series", "", "`file` with one case to judge: Baseline and Candidate sessions, Threshold, Guard, S0, "+
				"Looks (- reads standard input)")
			f.declarePairs(flags)
			flags.BoolVar(&f.stored, "stored", false, "screen the candidate against its stored baseline first; with --baseline, measure pairs "+
				"only if the screen finds a possible loss")
			flags.BoolVar(&f.goOn, "continue", false, "continue from the pairs of an earlier, undecided night of these two builds; the "+
				"second night is the last")
			alias(flags, "pool", "continue")
			f.baselines = baselinesFlag(flags)
			f.measuring.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("gate", rest); err != nil {
					return 0, err
				}
				if f.series != "" {
					return judgeFile(env, f.series, f.strict, f.json)
				}
				if f.baseline == "" && !f.stored {
					return 0, harness.UsageError("gate", "Name the second build with --baseline, or a file with --series.",
						"there is nothing to judge against")
				}
				return f.onDevice(ctx, env)
			}
		},
	}
}

// declarePairs puts the limits of a sequence of pairs on a command.
func (f *gateFlags) declarePairs(flags *flag.FlagSet) {
	flags.IntVar(&f.pairs, "max-pairs", 16, "maximum number of `pairs` of sessions for each case")
	flags.DurationVar(&f.budget, "budget", 0, "device `time` after which no further pairs are started (default the policy's)")
}

// onDevice measures until every verdict stands or the limits are reached.
func (f *gateFlags) onDevice(ctx context.Context, env Env) (int, error) {
	w, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer w.close()
	g, err := f.gate(w)
	if err != nil {
		return 0, err
	}
	decide := g.Pairs
	if f.stored {
		decide = g.Screen
	}
	found, err := decide(ctx)
	if err != nil {
		return 0, err
	}
	return f.conclude(ctx, env, w.recorder, found.Candidate, found.Verdicts)
}

// gate is the design that the flags ask for.
func (f *gateFlags) gate(w *workspace) (*experiment.Gate, error) {
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	e, err := w.experiment()
	if err != nil {
		return nil, err
	}
	g := &experiment.Gate{Experiment: e, Rules: rules, MostPairs: f.pairs, Budget: f.budget, Continue: f.goOn}
	if f.baselines != nil {
		g.Baselines = baselineFolder(*f.baselines, w.lab.catalog)
	}
	return g, nil
}
