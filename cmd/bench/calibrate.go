package main

import (
	"context"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/reports"
)

// calibrateFlags is what `bench calibrate` is asked for.
type calibrateFlags struct {
	selection
	judging
	measuring
	pairs int
}

func calibrateCommand() command {
	return command{
		name: "calibrate", summary: "measure a build against itself: noise, false alarms, detectable change", usage: "--device NAME [--build " +
			"BUILD] [--pairs N] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f calibrateFlags
			f.selection.declareWithout(flags, "sessions")
			f.judging.configs, f.judging.policy = f.selection.configs, &f.selection.policy
			flags.BoolVar(&f.strict, "strict", false, "count false alarms of the strict rule: a regression only when a loss above the threshold "+
				"is itself significant")
			flags.BoolVar(&f.json, "json", false, "print the calibrations as JSON")
			flags.Var(&f.metrics, "metric", "`metric` to calibrate, instead of the policy's; repeat the flag for several")
			f.measuring.declare(flags)
			flags.IntVar(&f.pairs, "pairs", 16, "`pairs` of sessions to measure for each case; 0: only show recorded ones")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("calibrate", rest); err != nil {
					return 0, err
				}
				return f.calibrate(ctx, env)
			}
		},
	}
}

func (f *calibrateFlags) calibrate(ctx context.Context, env Env) (int, error) {
	if err := f.chooseBuilds(env); err != nil {
		return 0, err
	}
	rules, err := f.rules()
	if err != nil {
		return 0, err
	}
	w, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer w.close()
	e, err := w.experiment()
	if err != nil {
		return 0, err
	}
	found, err := e.Calibrate(ctx, rules, f.pairs)
	if err != nil {
		return 0, err
	}
	if f.json {
		return exitOK, reports.Calibrations(found).JSON(env.Stdout)
	}
	return exitOK, reports.Calibrations(found).Text(env.Stdout)
}

// chooseBuilds makes both arms the same build.
func (f *calibrateFlags) chooseBuilds(env Env) error {
	if f.baseline != "" {
		return harness.UsageError("calibrate", "Give --build alone; bench gate compares two builds.",
			"--baseline does not apply: the build is compared with itself")
	}
	if f.pairs < 0 {
		return harness.UsageError("calibrate", "See bench help calibrate.", "--pairs %d: a number of pairs is not negative", f.pairs)
	}
	if len(f.devices) == 0 {
		return plan.NoDeviceNamed()
	}
	kind, err := f.runnerKind()
	if err != nil {
		return err
	}
	if f.build == "" {
		f.build = defaultBuild(env, kind)
	}
	if kind == runnerSimulated && f.build == "" {
		f.build = "itself"
	}
	f.baseline = f.build
	return nil
}
