package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/lilims/bench/reports"
	flag "github.com/spf13/pflag"
)

func planCommand() command {
	return command{
		name: "plan", summary: "print the plan of a run without running it", usage: "--device NAME [flags]",
		setup: func(flags *flag.FlagSet) action {
			s := selection{planOnly: true}
			s.declare(flags)
			asJSON := flags.Bool("json", false, "print the plan as JSON")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("plan", rest); err != nil {
					return 0, err
				}
				r, err := s.resolve(ctx, env)
				if err != nil {
					return 0, err
				}
				return exitOK, printPlan(env, r, *asJSON)
			}
		},
	}
}

func printPlan(env Env, r resolved, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(env.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r.plan)
	}
	rows := [][]string{{"SESSION", "DEVICE", "MODEL", "SCENARIO", "ARM", "PAIR", "ITERATIONS"}}
	for _, p := range r.plan.Sessions {
		c := r.plan.Cases[p.Case]
		iterations := fmt.Sprintf("%d + %d warm-up", c.Scenario.Iterations, c.Scenario.Warmups)
		if c.Scenario.MinimumWork > 0 {
			iterations += ", at least " + c.Scenario.MinimumWork.String()
		}
		if c.Scenario.Duration > 0 {
			iterations = "for " + c.Scenario.Duration.String()
		}
		rows = append(rows, []string{p.ID, c.Device.Name, c.Model.Name, c.Scenario.Name, string(p.Arm), strconv.Itoa(p.Pair), iterations})
	}
	return reports.Columns(env.Stdout, rows)
}
