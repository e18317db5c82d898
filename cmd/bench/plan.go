package main

import (
	"context"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/reports"
)

func planCommand() command {
	return command{
		name: "plan", summary: "print the plan of a run without running it", usage: "--device NAME [flags]",
		setup: func(flags *flag.FlagSet) action {
			s := selection{planOnly: true}
			s.declareWithout(flags, "policy")
			asJSON := flags.Bool("json", false, "print the plan as JSON")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("plan", rest); err != nil {
					return 0, err
				}
				r, err := s.resolve(ctx, env)
				if err != nil {
					return 0, err
				}
				if *asJSON {
					return exitOK, reports.PlanJSON(env.Stdout, r.plan)
				}
				return exitOK, reports.Plan(env.Stdout, r.plan)
			}
		},
	}
}
