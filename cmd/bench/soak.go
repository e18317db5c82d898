package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
)

// soakFlags is what `bench soak` is asked for: a run of one scenario, as long as a person wants it.
type soakFlags struct {
	runFlags
	duration time.Duration // 0: as the scenario says
	idle     time.Duration // below 0: as the scenario says
}

// shortestSoak is the shortest generation that says something of sustained load: one window of the curve and a bit.
const shortestSoak = 10 * time.Second

func soakCommand() command {
	return command{
		name: "soak", summary: "measure thermal throttling under sustained load", usage: "--device NAME [--duration 5m] [--model NAME] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f soakFlags
			f.declareRun(flags)
			flags.DurationVar(&f.duration, "duration", 0, "how long to generate (default the scenario's: 5m)")
			flags.DurationVar(&f.idle, "idle", -1, "idle time before the load, for the energy baseline (default the scenario's: 1m)")
			flags.Lookup("idle").DefValue = "0s" // help shows no default: it is the scenario's
			if scenario := flags.Lookup("scenario"); scenario != nil {
				scenario.Usage = "`scenario` of the catalogue that has a duration (default soak)"
			}
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if !f.typed("scenario") && !f.resume.set {
					f.scenarios = words{"soak"}
				}
				f.adjust = f.stretch
				return f.do(ctx, env, rest)
			}
		},
	}
}

// stretch makes the chosen scenarios as long as the command line says. The time limit keeps its distance.
func (f *soakFlags) stretch(catalog *harness.Catalog) error {
	if f.duration != 0 && f.duration < shortestSoak {
		return harness.UsageError("soak", fmt.Sprintf("Give at least %v.", shortestSoak), "--duration is %v", f.duration)
	}
	for _, wanted := range f.scenarios {
		for name, s := range catalog.Scenarios {
			if !strings.EqualFold(name, wanted) {
				continue
			}
			if s.Duration == 0 {
				return harness.UsageError("soak", "Choose a scenario with a duration; `bench run` makes the others.",
					"the scenario %s is not a soak: it ends after %s", name, harness.Count(s.Iterations, "iteration"))
			}
			catalog.Scenarios[name] = f.stretched(s)
		}
	}
	return nil
}

func (f *soakFlags) stretched(s harness.Scenario) harness.Scenario {
	margin := s.SessionTimeout - s.Duration - s.IdleBefore
	if f.duration > 0 {
		s.Duration = f.duration
	}
	if f.idle >= 0 {
		s.IdleBefore = f.idle
	}
	s.SessionTimeout = s.Duration + s.IdleBefore + margin
	return s
}
