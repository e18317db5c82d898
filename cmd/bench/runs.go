package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// runsOptions is which runs are listed.
type runsOptions struct {
	data                    *string
	device, model, scenario string
	since                   days
	limit                   int
	json                    bool
}

func runsCommand() command {
	return command{
		name: "runs", summary: "list, annotate, delete and restore recorded runs", usage: "[flags]",
		setup: func(flags *flag.FlagSet) action {
			o := runsOptions{data: dataFlag(flags)}
			flags.StringVar(&o.device, "device", "", "only runs on devices whose `name`, UDID or product type contains this")
			flags.StringVar(&o.model, "model", "", "only runs of models whose `name` contains this")
			flags.StringVar(&o.scenario, "scenario", "", "only runs of scenarios whose `name` contains this")
			flags.Var(&o.since, "since", "only runs that began within this `time`, such as 36h or 7d")
			flags.IntVar(&o.limit, "limit", 0, "maximum `number` of runs to list, the latest first; 0: all")
			flags.BoolVar(&o.json, "json", false, "print the list as JSON")
			return o.list
		},
		verbs: []command{
			{name: "note", summary: "add a note to a run", usage: "RUN TEXT…", example: "bench runs note latest 'new battery'",
				setup: onRun("runs note", func(ctx context.Context, env Env, recorder *store.Store, run string, rest []string) error {
					text := strings.TrimSpace(strings.Join(rest, " "))
					if text == "" {
						return harness.UsageError("runs note", "Use bench runs note RUN TEXT.", "there is no text")
					}
					return recorder.NoteRun(ctx, run, text, env.Clock.Now())
				})},
			{name: "delete", summary: "hide a run from lists, comparisons, baselines and trends until it is restored", usage: "RUN",
				example: "bench runs delete 20261123-120000",
				setup: onRun("runs delete", func(ctx context.Context, env Env, recorder *store.Store, run string, rest []string) error {
					fmt.Fprintf(env.Stdout, "deleted %s; bench runs restore %s brings it back\n", run, run)
					return recorder.DeleteRun(ctx, run, env.Clock.Now())
				})},
			{name: "restore", summary: "restore a deleted run, by its full name", usage: "RUN", example: "bench runs restore 20261123-120000-8ef9",
				setup: restoreRun},
		},
	}
}

func (o *runsOptions) list(ctx context.Context, env Env, rest []string) (int, error) {
	if err := noArguments("runs", rest); err != nil {
		return 0, err
	}
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *o.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	query := harness.RunQuery{Device: o.device, Model: o.model, Scenario: o.scenario, Limit: o.limit}
	if o.since > 0 {
		query.Since = env.Clock.Now().Add(-time.Duration(o.since))
	}
	runs, err := recorder.RunsLike(ctx, query)
	if err != nil {
		return 0, err
	}
	if o.json {
		return exitOK, reports.Indented(env.Stdout, map[string]any{"schema": 1, "runs": append([]harness.RunSummary{}, runs...)})
	}
	return exitOK, reports.Columns(env.Stdout, reports.RunRows(runs))
}

// onRun makes a verb that changes what is said of one run.
func onRun(name string, do func(context.Context, Env, *store.Store, string, []string) error) func(*flag.FlagSet) action {
	return func(flags *flag.FlagSet) action {
		data := dataFlag(flags)
		return func(ctx context.Context, env Env, rest []string) (int, error) {
			if len(rest) == 0 {
				return 0, harness.UsageError(name, "`bench runs` lists the runs.", "no run is named")
			}
			recorder, err := store.OpenRecorded(ctx, dataFolder(env, *data))
			if err != nil {
				return 0, err
			}
			defer recorder.Close()
			run, err := recorder.Resolve(ctx, rest[0])
			if err != nil {
				return 0, err
			}
			return exitOK, do(ctx, env, recorder, run, rest[1:])
		}
	}
}

func restoreRun(flags *flag.FlagSet) action {
	data := dataFlag(flags)
	return func(ctx context.Context, env Env, rest []string) (int, error) {
		if len(rest) != 1 {
			return 0, harness.UsageError("runs restore", "Use bench runs restore RUN.", "expected one run, not %d", len(rest))
		}
		recorder, err := store.OpenRecorded(ctx, dataFolder(env, *data))
		if err != nil {
			return 0, err
		}
		defer recorder.Close()
		return exitOK, recorder.RestoreRun(ctx, rest[0])
	}
}

// days is a flag of a time that may be given in days.
type days time.Duration

// String is empty for none, so that help shows no default.
func (d *days) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}
func (d *days) Type() string { return "time" }
func (d *days) Set(text string) error {
	v, err := harness.ParseSpan(text)
	*d = days(v)
	return err
}
