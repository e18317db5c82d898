package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/experiment"
	"github.com/lilims/bench/harness/ingest"
	"github.com/lilims/bench/harness/store"
)

// measuring is how a command lets its sessions be made.
type measuring struct {
	reconnectTimeout  time.Duration
	telemetryInterval time.Duration
	launchEnv         launchEnv
	wait              bool
}

func (m *measuring) declare(flags *flag.FlagSet) {
	m.launchEnv = launchEnv{}
	flags.DurationVar(&m.reconnectTimeout, "reconnect-timeout", 2*time.Minute, "how long to wait for a device that has disconnected")
	flags.DurationVar(&m.telemetryInterval, "telemetry-interval", time.Second,
		"interval of the host's battery and memory readings; 0: none, and no energy figures")
	flags.Var(m.launchEnv, "env", "environment variable `NAME=VALUE` of every launch; repeat the flag for several")
	flags.BoolVar(&m.wait, "wait", false, "wait for a phone that another bench has, instead of ending with exit code 3")
	alias(flags, "patience", "reconnect-timeout")
	alias(flags, "telemetry", "telemetry-interval")
}

// workspace is a resolved selection with the database that its runs go to.
type workspace struct {
	resolved
	recorder *store.Store
	setup    experiment.Setup
}

// open resolves a selection and opens the database.
func (m measuring) open(ctx context.Context, env Env, s *selection) (*workspace, error) {
	r, err := s.resolve(ctx, env)
	if err != nil {
		return nil, err
	}
	return m.openResolved(ctx, env, r)
}

func (m measuring) openResolved(ctx context.Context, env Env, r resolved) (*workspace, error) {
	recorder, err := store.Open(ctx, store.File(r.lab.data))
	if err != nil {
		return nil, err
	}
	w := &workspace{resolved: r, recorder: recorder}
	w.setup = experiment.Setup{
		Runner: r.runner, Recorder: recorder, Catalog: r.lab.catalog, Policy: r.policy, Clock: env.Clock,
		Host: env.Host, Process: env.PID, Revision: env.Revision, Events: printedEvents(env),
		Launch: experiment.Launch{ReconnectTimeout: m.reconnectTimeout, TelemetryInterval: m.telemetryInterval, Env: m.launchEnv,
			Wait: m.wait},
		Collect: func(ctx context.Context, run string) error { return ingest.FromRun(ctx, recorder, env.Clock, run) },
	}
	return w, nil
}

func (w *workspace) close() {
	if leasing, ok := w.setup.Runner.(harness.Leasing); ok {
		_ = leasing.Release() // what stays behind is taken over
	}
	_ = w.recorder.Close()
}

// experiment is the one that measures the selection.
func (w *workspace) experiment() (*experiment.Experiment, error) {
	return experiment.New(w.setup, w.wanted)
}

// printedEvents shows where an experiment stands.
func printedEvents(env Env) experiment.Events {
	shown := newProgress(env)
	return experiment.Events{
		Begun: func(run harness.Run, resumed bool) {
			shown = newProgress(env)
			devices := strings.Join(run.Plan.DeviceNames(), ", ")
			if resumed {
				fmt.Fprintf(env.Notices, "run %s goes on: %s\n", run.ID, devices)
				return
			}
			fmt.Fprintf(env.Notices, "run %s: %s, %s\n", run.ID, harness.Count(len(run.Plan.Sessions), "session"), devices)
		},
		Progress: func(news engine.Progress) { shown.show(news) },
		Ended:    func(string) { shown.end() },
		Notice:   func(n experiment.Notice) { fmt.Fprintf(env.Notices, "gate: %s\n", n) },
	}
}

// launchEnv is the environment of every launch: NAME=VALUE, several times.
type launchEnv map[string]string

func (e launchEnv) String() string { return "" }
func (e launchEnv) Type() string   { return "NAME=VALUE" }
func (e launchEnv) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("not NAME=VALUE")
	}
	e[name] = value
	return nil
}
