package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/store"
)

// gateFlags is what `bench gate` is asked for: a file to judge, or two builds to measure until there is a verdict.
type gateFlags struct {
	selection
	judging
	series    string
	pairs     int
	budget    time.Duration
	patience  time.Duration
	telemetry time.Duration
	launchEnv launchEnv
}

func gateCommand() command {
	return command{
		name: "gate", summary: "judge a candidate build against a baseline", usage: "--device NAME --build CANDIDATE --baseline BASELINE [flags]   or   --series FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			f := gateFlags{launchEnv: launchEnv{}}
			f.selection.declare(flags)
			f.judging.declare(flags, f.selection.configs, &f.selection.policy)
			flags.StringVar(&f.series, "series", "", "`file` with one case to judge: Baseline and Candidate sessions, Threshold, Guard, S0, Looks (- reads standard input)")
			flags.IntVar(&f.pairs, "max-pairs", 16, "`pairs` of sessions at the most for each case")
			flags.DurationVar(&f.budget, "budget", 3*time.Hour, "no further pairs are begun after this `time`")
			flags.DurationVar(&f.patience, "patience", 2*time.Minute, "how long a device that vanishes is waited for")
			flags.DurationVar(&f.telemetry, "telemetry", time.Second, "interval of the host's readings of battery and memory; 0: none, and no energy")
			flags.Var(f.launchEnv, "env", "`NAME=VALUE` in the environment of every launch")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("gate", rest); err != nil {
					return 0, err
				}
				if f.series != "" {
					return judgeFile(env, f.series, f.strict, f.json)
				}
				if f.baseline == "" {
					return 0, usageError("gate", "Name the second build with --baseline, or a file with --series.", "there is nothing to judge against")
				}
				return f.onDevice(ctx, env)
			}
		},
	}
}

// onDevice measures interleaved pairs and judges after each look, until every verdict stands or the limits are reached.
func (f *gateFlags) onDevice(ctx context.Context, env Env) (int, error) {
	recorder, err := store.Open(ctx, databasePath(dataFolder(env, *f.selection.data)))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	begin, seed := env.Clock.Now(), f.seed
	var runs []string
	want := f.firstPairs()
	for round := 0; ; round++ {
		// A later round begins with the other arm, so that the pairs go on alternating.
		f.selection.sessions, f.seed = want, seed+uint64(round)
		run, err := f.measure(ctx, env, recorder)
		if err != nil {
			return 0, err
		}
		runs = append(runs, run)
		verdicts, err := f.judge(ctx, recorder, interleavedArms(runs...))
		if err != nil {
			return 0, err
		}
		more := f.morePairs(verdicts)
		if more == 0 || env.Clock.Now().Sub(begin) >= f.budget {
			fmt.Fprintf(env.Stderr, "runs %s\n", strings.Join(runs, " "))
			return f.show(env, verdicts)
		}
		fmt.Fprintf(env.Stderr, "gate: not decided yet: %s more\n", counted(more, "pair"))
		want = more
	}
}

// firstPairs is what the first look needs, and one more: the first launch after an install does not count.
func (f *gateFlags) firstPairs() int {
	const look = 6 // the first look without history; with it, 5
	return min(look+1, max(f.pairs, 1))
}

// morePairs is how many pairs the next look needs where some case is not decided; 0 where all are, or no more may be made.
func (f *gateFlags) morePairs(verdicts []gate.Judged) int {
	more := 0
	for _, v := range verdicts {
		if v.Judgement != harness.Inconclusive {
			continue
		}
		for _, look := range gate.DefaultLooks() {
			if look > v.Pairs && look <= f.pairs && !looked(v, look) {
				more = max(more, look-v.Pairs)
				break
			}
		}
	}
	return more
}

func looked(v gate.Judged, pairs int) bool {
	for _, s := range v.Steps {
		if s.Pairs >= pairs {
			return true
		}
	}
	return false
}

// measure makes one run of both builds and returns its name.
func (f *gateFlags) measure(ctx context.Context, env Env, recorder *store.Store) (string, error) {
	r, err := f.resolve(ctx, env)
	if err != nil {
		return "", err
	}
	run := describeRun(env, r)
	fmt.Fprintf(env.Stderr, "run %s: %s, %s\n", run.ID, counted(len(run.Plan.Sessions), "session"), strings.Join(deviceNames(run.Plan), ", "))
	progress := newProgress(env)
	_, err = (&engine.Engine{Runner: r.runner, Recorder: recorder, Clock: env.Clock, Policy: r.policy, Progress: progress.show,
		Patience: f.patience, Telemetry: f.telemetry, Env: f.launchEnv}).Run(ctx, run)
	progress.end()
	return run.ID, stopped(ctx, run.ID, err)
}
