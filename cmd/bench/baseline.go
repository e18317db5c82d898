package main

import (
	"context"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/baseline"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

func baselineCommand() command {
	return command{
		name: "baseline", summary: "accept, show, compare and list stored baselines", usage: "accept|list|show|diff",
		verbs: []command{
			{name: "accept", summary: "accept the nights of a run's build as the baseline of its cases", usage: "[RUN] --reason TEXT",
				setup: setupAccept},
			{name: "list", summary: "list the stored baselines", setup: setupBaselineList},
			{name: "show", summary: "show the medians of a stored baseline, or of all", usage: "[CASE|FILE]", setup: setupBaselineShow},
			{name: "diff", summary: "show what accepting a run would change", usage: "[RUN]", setup: setupBaselineDiff},
		},
	}
}

func baselinesFlag(flags *flag.FlagSet) *string {
	return flags.String("baselines", "baselines", "`folder` of the stored baselines")
}

// baselineFolder is the folder of stored baselines, whose devices are named as in the catalogue.
func baselineFolder(path string, catalog harness.Catalog) baseline.Folder {
	return baseline.Folder{Path: path, DeviceName: func(productType string) string {
		profile, _ := plan.ProfileNamed(productType, catalog)
		return profile.Name
	}}
}

// proposing is how a baseline is made of a recorded run.
type proposing struct {
	folder, data, configs *string
	nights                int
}

func (p *proposing) declare(flags *flag.FlagSet) {
	p.folder, p.data, p.configs = baselinesFlag(flags), dataFlag(flags), configsFlag(flags)
	flags.IntVar(&p.nights, "nights", 14, "maximum number of `nights` to keep, the latest")
}

// propose makes the baselines of the run that is named, or of the latest.
func (p *proposing) propose(ctx context.Context, env Env, op string, rest []string) (baseline.Folder, []baseline.Stored, error) {
	catalog, err := loadCatalog(*p.configs)
	if err != nil {
		return baseline.Folder{}, nil, err
	}
	folder := baselineFolder(*p.folder, catalog)
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *p.data))
	if err != nil {
		return folder, nil, err
	}
	defer recorder.Close()
	word, err := oneArgument(op, rest, "latest")
	if err != nil {
		return folder, nil, err
	}
	run, err := recorder.Resolve(ctx, word)
	if err != nil {
		return folder, nil, err
	}
	proposed, err := folder.Propose(ctx, recorder, run, p.nights)
	return folder, proposed, err
}

// oneArgument is the one argument that a verb takes, or a default.
func oneArgument(op string, rest []string, otherwise string) (string, error) {
	if len(rest) == 0 {
		return otherwise, nil
	}
	return rest[0], noArguments(op, rest[1:])
}

func setupAccept(flags *flag.FlagSet) action {
	var p proposing
	p.declare(flags)
	by := flags.String("by", "", "`name` of who accepts (default $USER)")
	reason := flags.String("reason", "", "`text` that says why this build is the new baseline")
	return func(ctx context.Context, env Env, rest []string) (int, error) {
		who := baseline.Acceptance{By: *by, Reason: *reason, At: env.Clock.Now()}
		if who.By == "" {
			who.By = env.Getenv("USER")
		}
		if err := who.Check(); err != nil {
			return 0, err
		}
		folder, proposed, err := p.propose(ctx, env, "baseline accept", rest)
		if err != nil {
			return 0, err
		}
		accepted, err := folder.Accept(proposed, who)
		if err != nil {
			return 0, err
		}
		return exitOK, reports.Accepted(env.Stdout, accepted)
	}
}

func setupBaselineList(flags *flag.FlagSet) action {
	folder := baselinesFlag(flags)
	asJSON := flags.Bool("json", false, "print the list as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := noArguments("baseline list", rest); err != nil {
			return 0, err
		}
		all, err := baseline.Folder{Path: *folder}.All()
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.BaselinesJSON(env.Stdout, all)
		}
		return exitOK, reports.Baselines(env.Stdout, all)
	}
}

func setupBaselineShow(flags *flag.FlagSet) action {
	folder := baselinesFlag(flags)
	asJSON := flags.Bool("json", false, "print the medians as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		word, err := oneArgument("baseline show", rest, "")
		if err != nil {
			return 0, err
		}
		found, err := baseline.Folder{Path: *folder}.Named(word)
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.BaselinesJSON(env.Stdout, found)
		}
		return exitOK, reports.BaselineMedians(env.Stdout, found)
	}
}

func setupBaselineDiff(flags *flag.FlagSet) action {
	var p proposing
	p.declare(flags)
	asJSON := flags.Bool("json", false, "print the differences as JSON")
	return func(ctx context.Context, env Env, rest []string) (int, error) {
		_, proposed, err := p.propose(ctx, env, "baseline diff", rest)
		if err != nil {
			return 0, err
		}
		differences, err := baseline.Diff(proposed)
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.BaselineDiffJSON(env.Stdout, differences)
		}
		return exitOK, reports.BaselineDiff(env.Stdout, differences)
	}
}
