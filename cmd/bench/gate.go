package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// gateFlags is what `bench gate` is asked for: a file to judge, or two builds to measure until there is a verdict.
type gateFlags struct {
	selection
	judging
	series string
	pairs  int
	budget time.Duration
	measuring
}

func gateCommand() command {
	return command{
		name: "gate", summary: "judge a candidate build against a baseline", usage: "--device NAME --build CANDIDATE --baseline BASELINE [flags]   or   --series FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			var f gateFlags
			f.selection.declare(flags)
			f.judging.declare(flags, f.selection.configs, &f.selection.policy)
			flags.StringVar(&f.series, "series", "", "`file` with one case to judge: Baseline and Candidate sessions, Threshold, Guard, S0, Looks (- reads standard input)")
			flags.IntVar(&f.pairs, "max-pairs", 16, "`pairs` of sessions at the most for each case")
			flags.DurationVar(&f.budget, "budget", 3*time.Hour, "no further pairs are begun after this `time`")
			f.measuring.declare(flags)
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
	bench, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer bench.close()
	verdicts, err := f.untilDecided(ctx, env, bench)
	if err != nil {
		return 0, err
	}
	return f.show(env, verdicts)
}

// untilDecided measures round after round. A round that adds no pair anywhere is the last: the device will not give more.
func (f *gateFlags) untilDecided(ctx context.Context, env Env, bench *workbench) ([]gate.Judged, error) {
	begin, pairs := env.Clock.Now(), -1
	for want := f.firstPairs(); ; {
		if err := bench.round(ctx, want); err != nil {
			return nil, err
		}
		verdicts, err := f.judge(ctx, bench.recorder, interleavedArms(bench.runs...))
		if err != nil {
			return nil, err
		}
		was := pairs
		pairs = 0
		for _, v := range verdicts {
			pairs += v.Measured
		}
		want = f.morePairs(verdicts)
		if want == 0 || pairs == was || env.Clock.Now().Sub(begin) >= f.budget {
			fmt.Fprintf(env.Stderr, "runs %s\n", strings.Join(bench.runs, " "))
			return verdicts, nil
		}
		fmt.Fprintf(env.Stderr, "gate: not decided yet: %s more\n", counted(want, "pair"))
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
		if v.Judgement != harness.Inconclusive || len(v.Steps) == 0 && v.Measured == 0 {
			continue
		}
		for _, look := range gate.DefaultLooks() {
			if look > v.Measured && look <= f.pairs {
				more = max(more, look-v.Measured)
				break
			}
		}
	}
	return more
}
