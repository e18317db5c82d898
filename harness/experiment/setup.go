package experiment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/engine"
)

// Recorder is what experiments need of the database. A store has it.
type Recorder interface {
	engine.Recorder
	engine.References
	compare.Recordings
	// Run returns the record of a run. An unknown ID is an error of kind usage.
	Run(ctx context.Context, id string) (harness.Run, error)
}

// Setup is what all runs of an experiment share.
type Setup struct {
	Runner   harness.Runner
	Recorder Recorder
	Catalog  harness.Catalog // what later rounds are planned from
	Policy   harness.Policy  // when a device is fit, how long a gate may take, how old a baseline may be
	Clock    harness.Clock
	Host     string // name of this host, kept with every run
	Process  int    // its process ID: part of a run's name
	Revision string // of the harness
	Launch   Launch
	Events   Events

	// Collect takes in what a run's sessions brought along, once the run is over; nil: nothing does.
	Collect func(ctx context.Context, run string) error
}

// Launch is how sessions are made.
type Launch struct {
	ReconnectTimeout  time.Duration     // how long to wait for a device that has disconnected
	TelemetryInterval time.Duration     // of the host's readings of battery and memory; 0: none, and no energy
	Env               map[string]string // passed to every launch
	RenewReferences   bool              // the first good probe of a device replaces its reference
	Wait              bool              // for a device that another process of this host holds, instead of giving up
}

// Run executes a plan as a new run. The report is true even when there is an error; a run without an ID could not even be
// named.
func (s Setup) Run(ctx context.Context, plan harness.Plan) (harness.Run, engine.Report, error) {
	run, err := s.describe(ctx, plan)
	if err != nil {
		return run, engine.Report{}, err
	}
	s.Events.begun(run, false)
	report, err := s.engine(run.ID).Run(ctx, run)
	return run, report, s.ended(ctx, run.ID, err)
}

// Resume takes a run up where it was cut off, on the devices of its own plan.
func (s Setup) Resume(ctx context.Context, run harness.Run) (engine.Report, error) {
	s.Events.begun(run, true)
	report, err := s.engine(run.ID).Resume(ctx, run.ID)
	return report, s.ended(ctx, run.ID, err)
}

func (s Setup) engine(run string) *engine.Engine {
	runner := s.Runner
	if leasing, ok := runner.(harness.Leasing); ok {
		runner = leasing.For(run, s.Launch.Wait)
	}
	return &engine.Engine{Runner: runner, Recorder: s.Recorder, Clock: s.Clock, Policy: s.Policy, Progress: s.Events.Progress,
		ReconnectTimeout: s.Launch.ReconnectTimeout, TelemetryInterval: s.Launch.TelemetryInterval, Env: s.Launch.Env,
		References: s.Recorder, RenewReferences: s.Launch.RenewReferences}
}

// ended takes in what the sessions brought along, even when a person has stopped the run, and says of a stopped run how it
// is taken up again.
func (s Setup) ended(ctx context.Context, run string, err error) error {
	s.Events.ended(run)
	if err != nil {
		if _, unknown := s.Recorder.Run(context.WithoutCancel(ctx), run); harness.KindOf(unknown) == harness.KindUsage {
			return err // it was refused, or stopped while it waited for a device: nothing has begun
		}
	}
	if err != nil && ctx.Err() != nil {
		err = &harness.Error{Kind: harness.KindInternal, Op: "run " + run, Err: errors.New("stopped by a signal"),
			Hint: "What had arrived is recorded; `bench run --resume " + run + "` goes on."}
	}
	if s.Collect == nil {
		return err
	}
	return errors.Join(err, s.Collect(context.WithoutCancel(ctx), run))
}

// describe makes the record of a run that is about to begin.
func (s Setup) describe(ctx context.Context, plan harness.Plan) (harness.Run, error) {
	if len(plan.Cases) == 0 {
		return harness.Run{}, harness.UsageError("run the plan", "Correct the selection; `bench plan` shows a plan without running it.",
			"it has no case")
	}
	run := harness.Run{Revision: s.Revision, Start: s.Clock.Now(), Host: s.Host, Plan: plan}
	first := plan.Cases[0]
	run.Fingerprint = harness.Fingerprint{UDID: first.Device.UDID, OSBuild: first.Device.OSBuild, ModelHash: first.Model.Hash,
		ScenarioHash: first.Scenario.Hash(), Protocol: harness.Protocol, PowerMode: "unknown", Kind: first.Device.Kind}
	for _, c := range plan.Cases {
		run.Synthetic = run.Synthetic || c.Device.Kind.Synthetic()
	}
	var err error
	run.ID, err = s.newID(ctx, run)
	return run, err
}

// newID names a run. The time tells people which run it is; the rest keeps two runs of the same second apart, and a number
// those that begin within one tick of the clock.
func (s Setup) newID(ctx context.Context, run harness.Run) (string, error) {
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %v", run.Start.UnixNano(), s.Host, s.Process, run.Plan.DeviceNames()))
	id := run.Start.UTC().Format("20060102-150405-") + hex.EncodeToString(digest[:2])
	for n, name := 2, id; ; n, name = n+1, fmt.Sprintf("%s-%d", id, n) {
		_, err := s.Recorder.Run(ctx, name)
		switch {
		case err == nil: // there is one of this name
		case harness.KindOf(err) == harness.KindUsage:
			return name, nil
		default:
			return "", err
		}
	}
}
