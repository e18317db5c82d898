package main

import (
	"context"
	"fmt"
	"os"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/demo"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
	"github.com/lilims/bench/runners/simulated"
)

func demoCommand() command {
	return command{
		name: "demo", summary: "record forty simulated nights to try trends, reports and gates on", usage: "[--data FOLDER]",
		setup: func(flags *flag.FlagSet) action {
			folder := flags.String("data", "", "`folder` for the demo's database (default a new temporary one, printed last)")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("demo", rest); err != nil {
					return 0, err
				}
				return exitOK, recordDemo(ctx, env, *folder)
			}
		},
	}
}

func recordDemo(ctx context.Context, env Env, folder string) error {
	catalog, err := loadCatalog("")
	if err != nil {
		return err
	}
	if folder == "" {
		if folder, err = os.MkdirTemp("", "bench-demo-"); err != nil {
			return harness.UsageError("make the demo's folder", "Name one with --data.", "%w", err)
		}
	}
	recorder, err := store.Open(ctx, store.File(folder))
	if err != nil {
		return err
	}
	defer recorder.Close()
	story, err := demo.Record(ctx, demo.Options{Catalog: catalog, Recorder: recorder, Runner: simulatedNight, Clock: env.Clock, Revision: env.Revision, Host: env.Host,
		Progress: func(night, of int) {
			if night%10 == 0 {
				fmt.Fprintf(env.Notices, "demo: night %d of %d\n", night, of)
			}
		}})
	if err != nil {
		return err
	}
	return reports.Demo(env.Stdout, story, folder)
}

// simulatedNight is the simulated lab on one night.
func simulatedNight(n demo.Night) harness.Runner {
	os := map[string]simulated.OS{}
	for product, version := range n.OS {
		os[product] = simulated.OS{Version: version[0], Build: version[1]}
	}
	return simulated.New(simulated.Options{Profiles: n.Profiles, Seed: n.Seed, Start: n.Start, CV: n.CV, Installed: true, OS: os,
		Speed: map[harness.Arm]float64{harness.ArmCandidate: n.Speed, harness.ArmBaseline: n.Speed}})
}
