package main

import (
	"context"
	"io"
	"os"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// judging is how recorded sessions are judged, whoever asks.
type judging struct {
	configs  *string
	policy   *string
	strict   bool
	json     bool
	metrics  words
	limit    float64 // relative loss for metrics that are named; 0: the default
	junit    string
	markdown string
	looks    []int // nil: the rule's own
}

func (f *judging) declare(flags *flag.FlagSet, configs, policy *string) {
	f.configs, f.policy = configs, policy
	flags.BoolVar(&f.strict, "strict", false, "call a regression only when a loss above the threshold is itself significant")
	flags.BoolVar(&f.json, "json", false, "print the verdicts with every step as JSON")
	flags.StringVar(&f.junit, "junit", "", "`file` for the verdicts as JUnit XML")
	flags.StringVar(&f.markdown, "markdown", "",
		"`file` for the verdicts as Markdown, for a pull request or a step summary (appended where the file exists)")
	flags.Var(&f.metrics, "metric", "`metric` to judge at the default threshold, instead of the policy's metrics; repeat the flag for several")
}

func compareCommand() command {
	return command{
		name: "compare", summary: "judge recorded sessions of two builds", usage: "[RUN | BASELINE-RUN CANDIDATE-RUN] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f judging
			data := dataFlag(flags)
			policy := flags.String("policy", "default", "`policy` of the catalogue: which metrics are judged, and by what threshold")
			f.declare(flags, configsFlag(flags), policy)
			return func(ctx context.Context, env Env, runs []string) (int, error) {
				if len(runs) > 2 {
					return 0, harness.UsageError("compare", "Name one run with two arms, or a baseline run and a candidate run.", "%d runs", len(runs))
				}
				return f.compare(ctx, env, dataFolder(env, *data), runs)
			}
		},
	}
}

// rules are the flags as rules: the policy with what the flags change of it.
func (f *judging) rules() (compare.Rules, error) {
	policy, err := f.readPolicy()
	return compare.Rules{Policy: policy, Strict: f.strict, Metrics: f.metrics, Threshold: f.limit, Looks: f.looks}, err
}

func (f *judging) readPolicy() (harness.Policy, error) {
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return harness.Policy{}, err
	}
	return config.Find("policy", *f.policy, catalog.Policies)
}

func (f *judging) compare(ctx context.Context, env Env, data string, runs []string) (int, error) {
	recorder, err := store.OpenRecorded(ctx, data)
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	if len(runs) == 0 {
		runs = []string{"latest"}
	}
	for i, word := range runs {
		if runs[i], err = recorder.Resolve(ctx, word); err != nil {
			return 0, err
		}
	}
	rules, err := f.rules()
	if err != nil {
		return 0, err
	}
	arms := compare.Interleaved(runs[0])
	if len(runs) == 2 {
		arms = compare.Separate(runs[0], runs[1])
	}
	verdicts, err := compare.Judge(ctx, recorder, rules, arms)
	if err != nil {
		return 0, err
	}
	return f.conclude(ctx, env, recorder, arms.Candidate, verdicts)
}

// conclude adds what the policy says apart from the comparison and shows everything.
func (f *judging) conclude(ctx context.Context, env Env, recorder compare.Recordings, candidate []harness.SeriesQuery,
	verdicts []gate.Judged) (int, error) {
	rules, err := f.rules()
	if err != nil {
		return 0, err
	}
	if verdicts, err = compare.Conclude(ctx, recorder, rules, candidate, verdicts); err != nil {
		return 0, err
	}
	return f.show(env, verdicts)
}

// show prints the verdicts and returns the exit code of the worst.
func (f *judging) show(env Env, verdicts []gate.Judged) (int, error) {
	exit := exitOfResult(compare.Worst(verdicts))
	if err := f.writeFiles(verdicts); err != nil {
		return 0, err
	}
	if f.json {
		return exit, reports.Verdicts(verdicts).JSON(env.Stdout)
	}
	return exit, reports.Verdicts(verdicts).Text(env.Stdout)
}

// writeFiles writes the verdicts to the files that were asked for.
func (f *judging) writeFiles(verdicts []gate.Judged) error {
	if f.junit != "" {
		if err := writeFile(f.junit, reports.Verdicts(verdicts).JUnit); err != nil {
			return err
		}
	}
	if f.markdown == "" {
		return nil
	}
	was, err := os.ReadFile(f.markdown) // a step summary is one file for several steps
	if err != nil && !os.IsNotExist(err) {
		return harness.UsageError("write verdicts", "Name another file with --markdown.", "%w", err)
	}
	return writeFile(f.markdown, func(w io.Writer) error {
		if _, err := w.Write(was); err != nil {
			return err
		}
		return reports.Verdicts(verdicts).Markdown(w)
	})
}

// exitOfResult is the exit code of a result.
func exitOfResult(r compare.Result) int {
	switch r {
	case compare.Failed:
		return exitRegression
	case compare.Undecided:
		return exitInconclusive
	}
	return exitOK
}
