package main

import (
	"context"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/store"
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
		name: "calibrate", summary: "run a build against itself: noise, false alarms, what can be seen", usage: "--device NAME [--build BUILD] [--pairs N] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f calibrateFlags
			f.selection.declare(flags)
			f.judging.declare(flags, f.selection.configs, &f.selection.policy)
			f.measuring.declare(flags)
			flags.IntVar(&f.pairs, "pairs", 16, "`pairs` of sessions to measure for each case; 0: only show what is recorded")
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
	if f.baseline != "" {
		return 0, harness.UsageError("calibrate", "Give --build alone; bench gate compares two builds.", "--baseline has no place here: the build meets itself")
	}
	if f.pairs < 0 {
		return 0, harness.UsageError("calibrate", "See bench help calibrate.", "--pairs %d: a number of pairs is not negative", f.pairs)
	}
	if len(f.devices) == 0 {
		return 0, noDeviceNamed()
	}
	kind, err := f.runnerKind()
	if err != nil {
		return 0, err
	}
	if f.build == "" {
		f.build = defaultBuild(env, kind)
	}
	if kind == runnerSimulated && f.build == "" {
		f.build = "itself"
	}
	f.baseline = f.build
	bench, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer bench.close()
	if f.pairs > 0 {
		// One more: the first launch after an install does not count.
		if err := bench.round(ctx, f.pairs+1); err != nil {
			return 0, err
		}
	}
	found, err := f.read(ctx, bench.recorder, bench.resolved.plan.Cases)
	if err != nil {
		return 0, err
	}
	if f.json {
		return exitOK, reports.Calibrations(found).JSON(env.Stdout)
	}
	return exitOK, reports.Calibrations(found).Text(env.Stdout)
}

// read makes the calibration of every metric of the policy in every case, of all that is recorded.
func (f *calibrateFlags) read(ctx context.Context, recorder *store.Store, cases []harness.Case) ([]gate.Calibration, error) {
	judged, err := f.rules()
	if err != nil {
		return nil, err
	}
	rules, err := judged.Thresholds()
	if err != nil {
		return nil, err
	}
	out := []gate.Calibration{}
	for _, c := range cases {
		for _, m := range harness.Metrics() {
			rule, wanted := rules[m.Name]
			if !wanted {
				continue
			}
			sessions, err := recorder.Series(ctx, harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Metric: m.Name, Paired: true, Summary: true})
			if err != nil {
				return nil, err
			}
			calibration, err := gate.Calibrate(c.Key(), m, sessions, rule)
			if err != nil {
				return nil, &harness.Error{Kind: harness.KindUsage, Op: "calibrate", Device: c.Device.Name, Err: err, Hint: "bench runs lists the runs; the reading named is no reading."}
			}
			out = append(out, calibration)
		}
	}
	return out, nil
}
