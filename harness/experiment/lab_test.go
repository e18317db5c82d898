package experiment_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/experiment"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/runners/simulated"
)

// standing is a clock that stands still in one night.
type standing struct{ now time.Time }

func (s *standing) Now() time.Time                                   { return s.now }
func (s *standing) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func (s *standing) After(time.Duration) <-chan time.Time             { return nil }

// night sets the clock to the nth night of November.
func (s *standing) night(n int) { s.now = time.Date(2026, 11, n, 1, 0, 0, 0, time.UTC) }

// lab is a simulated phone with a database, over several nights.
type lab struct {
	t         *testing.T
	recorder  *store.Store
	clock     *standing
	runs      []harness.Run // in the order in which they began
	notices   []experiment.Notice
	baselines baselines
	seed      uint64
	spread    float64 // of an iteration's speed, relative
}

// baselines are stored baselines by case.
type baselines map[string]*harness.Baseline

func (b baselines) Of(c harness.Case) (*harness.Baseline, error) { return b[c.Key()], nil }

func newLab(t *testing.T) *lab {
	t.Helper()
	recorder, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bench.sqlite"))
	require.NoError(t, err)
	t.Cleanup(func() { recorder.Close() })
	l := &lab{t: t, recorder: recorder, clock: &standing{}, baselines: baselines{}, seed: 7, spread: 0.02}
	l.clock.night(1)
	return l
}

var quick = harness.Scenario{Name: "quick", PromptTokens: 16, GenerateTokens: 24, Warmups: 1, Iterations: 3, Sessions: 2,
	StartThermal: harness.ThermalNominal, SessionTimeout: 10 * time.Minute, ComputeUnits: harness.ComputeAll}

// setup makes a new lab of one phone, as every start of the program does: what it measured is in the database alone.
func (l *lab) setup() experiment.Setup {
	runner := simulated.New(simulated.Options{CV: l.spread, Seed: l.seed, Start: l.clock.now,
		Profiles: []harness.DeviceProfile{{Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", Chip: "A16 Bionic",
			BatteryWh: 12.98}}})
	return experiment.Setup{
		Runner: runner, Recorder: l.recorder, Clock: l.clock, Host: "lab-1", Process: 42, Revision: "0123abc",
		Catalog: harness.Catalog{Scenarios: map[string]harness.Scenario{"quick": quick}},
		Policy:  harness.Policy{MaxBatteryCelsius: 35, CoolDownLimit: 30 * time.Minute, Freshness: 30 * 24 * time.Hour},
		Launch:  experiment.Launch{ReconnectTimeout: time.Minute},
		Events: experiment.Events{
			Begun:  func(run harness.Run, _ bool) { l.runs = append(l.runs, run) },
			Notice: func(n experiment.Notice) { l.notices = append(l.notices, n) },
		},
	}
}

// build is a build that runs at a speed relative to the others.
func build(arm harness.Arm, hash, configuration string) harness.Build {
	return harness.Build{Arm: arm, BundleID: "org.example." + string(arm), Hash: hash, Revision: "0123abc",
		Configuration: "Release " + configuration}
}

// selection compares a candidate of that configuration with an unchanged baseline.
func (l *lab) selection(configuration string) plan.Selection {
	return l.selectionOf(build(harness.ArmCandidate, "candidate "+configuration, configuration), build(harness.ArmBaseline, "baseline", ""))
}

func (l *lab) selectionOf(builds ...harness.Build) plan.Selection {
	devices, err := l.setup().Runner.Devices(l.t.Context())
	require.NoError(l.t, err)
	return plan.Selection{Devices: devices, Models: []harness.Model{{Name: "stories-1m", Hash: "aa11", SizeBytes: 3 << 20}},
		Scenarios: []string{"quick"},
		Builds:    builds, Seed: l.seed}
}

// gate judges decode speed alone.
func (l *lab) gate(selection plan.Selection) *experiment.Gate {
	setup := l.setup()
	e, err := experiment.New(setup, selection)
	require.NoError(l.t, err)
	return &experiment.Gate{Experiment: e, MostPairs: 16, Baselines: l.baselines,
		Rules: compare.Rules{Policy: setup.Policy, Metrics: []string{harness.DecodeTokS}}}
}

// counted are the planned sessions of all runs.
func (l *lab) counted() int {
	sum := 0
	for _, run := range l.runs {
		sum += len(run.Plan.Sessions)
	}
	return sum
}

// told reports whether a notice of the type was given.
func told[N experiment.Notice](l *lab) bool {
	for _, n := range l.notices {
		if _, ok := n.(N); ok {
			return true
		}
	}
	return false
}
