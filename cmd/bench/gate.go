package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
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
	stored    bool
	pool      pooling
	baselines *string
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
			flags.DurationVar(&f.budget, "budget", 0, "no further pairs are begun after so much `time` of the device (default as the policy says)")
			flags.BoolVar(&f.stored, "stored", false, "screen the candidate by its stored baseline; fresh pairs only with --baseline, where the screen sees a loss")
			flags.BoolVar(&f.pool.on, "pool", false, "go on from the pairs of an earlier night that left these two builds undecided; a second night is the last")
			f.baselines = baselinesFlag(flags)
			f.measuring.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("gate", rest); err != nil {
					return 0, err
				}
				if f.series != "" {
					return judgeFile(env, f.series, f.strict, f.json)
				}
				if f.stored {
					return f.screenStored(ctx, env)
				}
				if f.baseline == "" {
					return 0, harness.UsageError("gate", "Name the second build with --baseline, or a file with --series.", "there is nothing to judge against")
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
	if err := f.pool.begin(ctx, env, f, bench); err != nil {
		return 0, err
	}
	verdicts, err := f.untilDecided(ctx, env, bench)
	if err != nil {
		return 0, err
	}
	f.pool.mark(env, verdicts)
	return f.conclude(ctx, env, bench.recorder, compare.Interleaved(bench.runs...).Candidate, verdicts)
}

// untilDecided measures round after round, from the first on or after those that the bench has made already. A round that
// adds no pair anywhere is the last: the device will not give more.
func (f *gateFlags) untilDecided(ctx context.Context, env Env, bench *workbench) ([]gate.Judged, error) {
	rules, err := f.rules()
	if err != nil {
		return nil, err
	}
	budget, err := f.limitOfTime()
	if err != nil {
		return nil, err
	}
	before, err := bench.deviceTime(ctx) // of earlier nights: the budget is for this one
	if err != nil {
		return nil, err
	}
	pairs, want := -1, f.firstPairs()
	for again := len(bench.runs) > 0; ; again = false {
		if !again {
			if err := bench.round(ctx, want); err != nil {
				return nil, err
			}
		}
		verdicts, err := compare.Judge(ctx, bench.recorder, rules, compare.Interleaved(bench.runs...))
		if err != nil {
			return nil, err
		}
		was := pairs
		pairs = 0
		for _, v := range verdicts {
			pairs += v.Measured
		}
		spent, err := bench.deviceTime(ctx)
		if err != nil {
			return nil, err
		}
		want = f.morePairs(verdicts)
		// What earlier runs have left open is gone on with once at least.
		if want == 0 || !again && (pairs == was || spent-before >= budget) {
			fmt.Fprintf(env.Stderr, "runs %s\n", strings.Join(bench.runs, " "))
			return verdicts, nil
		}
		fmt.Fprintf(env.Stderr, "gate: not decided yet: %s more\n", harness.Count(want, "pair"))
	}
}

// limitOfTime is how long the devices may be kept busy.
func (f *gateFlags) limitOfTime() (time.Duration, error) {
	const unlessSaid = 3 * time.Hour
	policy, err := f.readPolicy()
	if err != nil || f.budget > 0 {
		return f.budget, err
	}
	if policy.Budget > 0 {
		return policy.Budget, nil
	}
	return unlessSaid, nil
}

// stale says why a stored night is too old to judge by, or nothing.
func (f *gateFlags) stale(env Env, night string) string {
	policy, err := f.readPolicy()
	if err != nil {
		return err.Error()
	}
	date, err := time.Parse(time.DateOnly, night)
	if err != nil {
		return err.Error()
	}
	age := env.Clock.Now().Sub(date)
	if policy.Freshness == 0 || age <= policy.Freshness {
		return ""
	}
	return fmt.Sprintf("the stored baseline is stale: its last night, %s, is %.0f days old and the policy allows %.0f", night, age.Hours()/24, policy.Freshness.Hours()/24)
}

// firstPairs is what the first look needs, and one more: the first launch after an install does not count.
func (f *gateFlags) firstPairs() int {
	const look = 6 // the first look without history; with it, 5
	return min(look+1, max(f.pairs, 1))
}

func (f *gateFlags) looksOrDefault() []int {
	if f.looks == nil {
		return gate.DefaultLooks()
	}
	return f.looks
}

// morePairs is how many pairs the next look needs where some case is not decided; 0 where all are, or no more may be made.
func (f *gateFlags) morePairs(verdicts []gate.Judged) int {
	more := 0
	for _, v := range verdicts {
		if v.Judgement != harness.Inconclusive || len(v.Steps) == 0 && v.Measured == 0 {
			continue
		}
		for _, look := range f.looksOrDefault() {
			if look > v.Measured && look <= f.pairs {
				more = max(more, look-v.Measured)
				break
			}
		}
	}
	return more
}
