package main

import (
	"context"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	gatesimulation "github.com/lilims/bench/harness/gate/simulation"
	trendsimulation "github.com/lilims/bench/harness/trend/simulation"
	"github.com/lilims/bench/reports"
)

func simulateCommand() command {
	return command{
		name: "simulate", summary: "estimate false alarms and misses by simulation", usage: "gate|trend [flags]",
		verbs: []command{
			{name: "gate", summary: "estimate how often the gate's rule errs, by loss and noise", usage: "[--nights N] [--seed N] [--json]",
				setup: setupSimulateGate},
			{name: "trend", summary: "estimate how many changes the trends find, and how many are none", usage: "[--years N] [--seed N] [--json]",
				setup: setupSimulateTrend},
		},
	}
}

func setupSimulateGate(flags *flag.FlagSet) action {
	nights := flags.Int("nights", 500, "simulated `nights` for each cell of the table")
	seed, asJSON := simulationFlags(flags)
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := simulationSize("gate", rest, "--nights", *nights); err != nil {
			return 0, err
		}
		cells := gatesimulation.Run(gatesimulation.Options{Seed: *seed, Nights: *nights})
		if *asJSON {
			return exitOK, reports.ListingJSON(env.Stdout, "cells", cells)
		}
		return exitOK, gatesimulation.Print(env.Stdout, cells)
	}
}

func setupSimulateTrend(flags *flag.FlagSet) action {
	years := flags.Int("years", 100, "simulated `years` for each row of the table")
	seed, asJSON := simulationFlags(flags)
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := simulationSize("trend", rest, "--years", *years); err != nil {
			return 0, err
		}
		cells := trendsimulation.Run(*seed, *years)
		if *asJSON {
			return exitOK, reports.ListingJSON(env.Stdout, "cells", cells)
		}
		return exitOK, trendsimulation.Print(env.Stdout, cells)
	}
}

func simulationFlags(flags *flag.FlagSet) (seed *uint64, asJSON *bool) {
	return flags.Uint64("seed", 1, "`seed` of the noise"), flags.Bool("json", false, "print the cells as JSON")
}

// simulationSize refuses arguments and simulations of nothing.
func simulationSize(of string, rest []string, name string, size int) error {
	if err := noArguments("simulate "+of, rest); err != nil {
		return err
	}
	if size < 1 {
		return harness.UsageError("simulate "+of, "See bench help simulate "+of+".", "%s %d: at least one is needed", name, size)
	}
	return nil
}
