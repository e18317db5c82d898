package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/demo"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
	"github.com/lilims/bench/runners/simulated"
)

func demoCommand() command {
	return command{
		name: "demo", summary: "record forty simulated nights to try trends, reports and gates", usage: "[--data FOLDER]",
		setup: func(flags *flag.FlagSet) action {
			folder := flags.String("data", "", "new `folder` for the demo (default a temporary one; the data setting is not used)")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("demo", rest); err != nil {
					return 0, err
				}
				if !flags.Changed("data") {
					*folder = ""
				}
				return exitOK, recordDemo(ctx, env, *folder)
			}
		},
	}
}

func recordDemo(ctx context.Context, env Env, folder string) error {
	catalog, err := config.Load(configs.Files) // the built-in one: a lab's own has its own devices
	if err != nil {
		return err
	}
	if folder, err = demoFolder(folder); err != nil {
		return err
	}
	recorder, err := store.Open(ctx, store.File(folder))
	if err != nil {
		return err
	}
	defer recorder.Close()
	story, err := demo.Record(ctx, demo.Options{Devices: catalog.Devices, Recorder: recorder, Runner: simulatedNight, Now: env.Clock.Now(),
		Revision: env.Revision, Progress: func(night, of int) {
			if night%10 == 0 {
				fmt.Fprintf(env.Notices, "demo: night %d of %d\n", night, of)
			}
		}})
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return reports.Demo(env.Stdout, story, folder)
}

// demoFolder is the folder that was named, or a new temporary one. One with runs is refused: invented runs must not stand
// among a lab's own, nor one demo in another.
func demoFolder(folder string) (string, error) {
	if folder == "" {
		temporary, err := os.MkdirTemp("", "bench-demo-")
		if err != nil {
			return "", harness.UsageError("make the demo's folder", "Name one with --data.", "%w", err)
		}
		return temporary, nil
	}
	if _, err := os.Stat(store.File(folder)); !errors.Is(err, os.ErrNotExist) {
		return "", harness.UsageError("record the demo", "Name a new folder, or leave --data out for a temporary one.",
			"%s already holds runs", folder)
	}
	return folder, nil
}

// simulatedNight is the simulated lab on one night.
func simulatedNight(n demo.Night) harness.Runner {
	versions := map[string]simulated.OS{}
	for product, version := range n.OS {
		versions[product] = simulated.OS{Version: version, Build: n.OSBuild[product]}
	}
	return simulated.New(simulated.Options{Profiles: n.Profiles, Seed: n.Seed, Start: n.Start, CV: n.CV, Installed: true, OS: versions,
		Speed: map[harness.Arm]float64{harness.ArmCandidate: n.Speed, harness.ArmBaseline: n.Speed}})
}
