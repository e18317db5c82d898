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
		name: "simulate", summary: "estimate false alarms and misses by simulation",
		usage: "gate [--nights N] [--seed N] [--json]   or   trend [--years N] [--seed N] [--json]",
		setup: func(flags *flag.FlagSet) action {
			nights := flags.Int("nights", 500, "simulated `nights` for each cell of the gate's table")
			years := flags.Int("years", 100, "simulated `years` for each row of the trends' table")
			seed := flags.Uint64("seed", 1, "seed of the noise")
			asJSON := flags.Bool("json", false, "print the cells as JSON")
			return func(_ context.Context, env Env, rest []string) (int, error) {
				if len(rest) != 1 || rest[0] != "gate" && rest[0] != "trend" {
					return 0, harness.UsageError("simulate", "Use bench simulate gate, or bench simulate trend.", "what to simulate: gate or trend")
				}
				if *nights < 1 || *years < 1 {
					return 0, harness.UsageError("simulate", "See bench help simulate.", "--nights %d, --years %d: at least one is needed",
						*nights, *years)
				}
				if rest[0] == "trend" {
					cells := trendsimulation.Run(*seed, *years)
					if *asJSON {
						return exitOK, reports.Indented(env.Stdout, cells)
					}
					return exitOK, trendsimulation.Print(env.Stdout, cells)
				}
				cells := gatesimulation.Run(gatesimulation.Options{Seed: *seed, Nights: *nights})
				if *asJSON {
					return exitOK, reports.Indented(env.Stdout, cells)
				}
				return exitOK, gatesimulation.Print(env.Stdout, cells)
			}
		},
	}
}
