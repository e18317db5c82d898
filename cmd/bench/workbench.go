package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/harness/store"
)

// measuring is how a command that judges lets its sessions be made.
type measuring struct {
	patience  time.Duration
	telemetry time.Duration
	launchEnv launchEnv
}

func (m *measuring) declare(flags *flag.FlagSet) {
	m.launchEnv = launchEnv{}
	flags.DurationVar(&m.patience, "patience", 2*time.Minute, "how long a device that vanishes is waited for")
	flags.DurationVar(&m.telemetry, "telemetry", time.Second, "interval of the host's readings of battery and memory; 0: none, and no energy")
	flags.Var(m.launchEnv, "env", "`NAME=VALUE` in the environment of every launch")
}

// workbench makes several runs of one selection on the same devices, one after the other.
type workbench struct {
	measuring
	env      Env
	resolved resolved
	recorder *store.Store
	runs     []string // made so far
	earlier  []string // of a stage before, with which these are not judged
}

// open resolves a selection and opens the database that its runs go to.
func (m measuring) open(ctx context.Context, env Env, s *selection) (*workbench, error) {
	r, err := s.resolve(ctx, env)
	if err != nil {
		return nil, err
	}
	recorder, err := store.Open(ctx, store.File(r.lab.data))
	if err != nil {
		return nil, err
	}
	return &workbench{measuring: m, env: env, resolved: r, recorder: recorder}, nil
}

func (w *workbench) close() { w.recorder.Close() }

// round makes one run with so many sessions of each case and build.
func (w *workbench) round(ctx context.Context, sessions int) error {
	r := w.resolved
	// A later round begins with the other arm, so that the pairs go on alternating.
	wanted := r.wanted
	wanted.Sessions, wanted.Seed = sessions, wanted.Seed+uint64(len(w.runs))
	var err error
	if r.plan, err = plan.Build(r.lab.catalog, wanted); err != nil {
		return err
	}
	run := describeRun(w.env, r)
	if w.taken(run.ID) { // two runs within one tick of the clock
		run.ID = fmt.Sprintf("%s-%d", run.ID, len(w.earlier)+len(w.runs)+1)
	}
	fmt.Fprintf(w.env.Stderr, "run %s: %s, %s\n", run.ID, harness.Count(len(run.Plan.Sessions), "session"), strings.Join(deviceNames(run.Plan), ", "))
	progress := newProgress(w.env)
	_, err = (&engine.Engine{Runner: r.runner, Recorder: w.recorder, Clock: w.env.Clock, Policy: r.policy, Progress: progress.show,
		Patience: w.patience, Telemetry: w.telemetry, Env: w.launchEnv, References: w.recorder}).Run(ctx, run)
	progress.end()
	w.runs = append(w.runs, run.ID)
	if err = stopped(ctx, run.ID, err); err != nil {
		return err
	}
	_, err = collected(ctx, w.env, w.recorder, run.ID)
	return err
}

func (w *workbench) taken(id string) bool {
	return slices.Contains(w.earlier, id) || slices.Contains(w.runs, id)
}

// deviceTime is how long the devices were kept busy by all runs so far: from each run's first launch to its last end,
// by the devices' own clocks.
func (w *workbench) deviceTime(ctx context.Context) (time.Duration, error) {
	var sum time.Duration
	for _, run := range w.runs {
		state, err := w.recorder.Load(ctx, run)
		if err != nil {
			return 0, err
		}
		first, last := map[string]time.Time{}, map[string]time.Time{}
		for _, s := range state.Sessions {
			unit := s.Begin.Fingerprint.UDID
			if _, ok := first[unit]; !ok {
				first[unit], last[unit] = s.Begin.At, s.Begin.At
			}
			if s.End != nil && s.End.At.After(last[unit]) {
				last[unit] = s.End.At
			}
		}
		for unit := range first {
			sum += last[unit].Sub(first[unit])
		}
	}
	return sum, nil
}
