package main

import (
	"context"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/plan"
)

// resumeFlag stands alone, for the latest run that was cut off, or names a run.
type resumeFlag struct {
	set  bool
	name string
}

func (r *resumeFlag) String() string { return r.name }
func (r *resumeFlag) Type() string   { return "run" }
func (r *resumeFlag) Set(text string) error {
	r.set = text != "false"
	if text != "true" && text != "false" {
		r.name = text
	}
	return nil
}

// resumeRun takes a recorded run up again, on the devices of its own plan.
func (f *runFlags) resumeRun(ctx context.Context, env Env) (int, error) {
	if slices.ContainsFunc([]string{"model", "scenario", "build", "baseline", "sessions"}, f.typed) {
		return 0, harness.UsageError("run", "Give --resume alone or with --device: the run's own plan goes on.",
			"--resume takes no model, scenario, build or number of sessions")
	}
	r := resolved{lab: lab{env: env, data: dataFolder(env, *f.data), seed: f.seed}}
	var err error
	if r.lab.catalog, err = loadCatalog(*f.configs); err != nil {
		return 0, err
	}
	if r.policy, err = config.Find("policy", f.policy, r.lab.catalog.Policies); err != nil {
		return 0, err
	}
	w, err := f.measuring.openResolved(ctx, env, r)
	if err != nil {
		return 0, err
	}
	defer w.close()
	w.setup.Launch.RenewReferences = f.renew
	run, err := f.cutOff(ctx, w)
	if err != nil {
		return 0, err
	}
	kind, err := runnerOfKind(run.Plan.Cases[0].Device.Kind)
	if err != nil {
		return 0, harness.UsageError("resume run "+run.ID, "Make a new run.", "%w", err)
	}
	if w.setup.Runner, err = openRunner(kind, r.lab); err != nil {
		return 0, err
	}
	done, err := w.setup.Resume(ctx, run)
	return f.conclude(ctx, env, w, run.ID, done, err)
}

// cutOff is the run to take up: the one named, or the latest that was cut off. Devices that are named must be the run's.
func (f *runFlags) cutOff(ctx context.Context, w *workspace) (harness.Run, error) {
	find := func() (string, error) { return w.recorder.Resolve(ctx, f.resume.name) }
	if f.resume.name == "" {
		find = func() (string, error) { return w.recorder.Latest(ctx, true) }
	}
	name, err := find()
	if err != nil {
		return harness.Run{}, err
	}
	run, err := w.recorder.Run(ctx, name)
	if err != nil {
		return run, err
	}
	if len(run.Plan.Cases) == 0 {
		return run, harness.UsageError("resume run "+run.ID, "Make a new run.", "its plan has no case")
	}
	var of []harness.Device
	for _, c := range run.Plan.Cases {
		if !slices.ContainsFunc(of, func(d harness.Device) bool { return d.UDID == c.Device.UDID }) {
			of = append(of, c.Device)
		}
	}
	if !f.typed("device") {
		return run, nil
	}
	for _, word := range f.devices {
		if _, err := plan.ChooseDevice(word, of, w.lab.catalog); err != nil {
			return run, harness.UsageError("resume run "+run.ID, "Leave --device out, or name another run with --resume RUN; bench runs lists them.",
				"it was made on %s, not on %s", strings.Join(run.Plan.DeviceNames(), ", "), word)
		}
	}
	return run, nil
}
