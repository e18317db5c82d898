package engine_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/runners/local"
	"github.com/lilims/bench/runners/runnertest"
)

// wall is the host's clock, for the one test that waits for a real process.
type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (wall) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tiny is the model of the runtime's own tests.
func tiny(t *testing.T) harness.Model {
	t.Helper()
	const dir = "../../runtime/Tests/Fixtures/model/tiny"
	text, err := os.ReadFile(dir + "/manifest.json")
	require.NoError(t, err)
	var manifest struct {
		Hash    string
		Context int
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	return harness.Model{Name: "tiny", Hash: manifest.Hash, Path: dir, Context: manifest.Context}
}

// TestRealProcess runs a plan on this host: with the Swift agent and its tiny model where BENCH_AGENT names it, else
// with the agent for tests. What the app writes must fold without a single complaint.
func TestRealProcess(t *testing.T) {
	agent, model := os.Getenv("BENCH_AGENT"), runnertest.Model(t, 4096)
	if _, err := os.Stat(agent); err == nil {
		model = tiny(t)
	} else {
		agent = runnertest.BuildAgent(t)
	}
	runner, err := local.New(local.Options{
		Dir: t.TempDir(), Clock: wall{}, Environ: []string{"PATH=/usr/bin:/bin"}, Poll: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	devices, err := runner.Devices(context.Background())
	require.NoError(t, err)
	scenario := harness.Scenario{Name: "quick", Prompt: "abc", GenerateTokens: 24, Warmups: 1, Iterations: 2, Sessions: 1,
		ComputeUnits: harness.ComputeCPUOnly, StartThermal: harness.ThermalNominal, SessionTimeout: time.Minute}
	p, err := plan.Build(harness.Catalog{Scenarios: map[string]harness.Scenario{"quick": scenario}}, plan.Selection{
		Devices: devices, Models: []harness.Model{model}, Scenarios: []string{"quick"},
		Builds: []harness.Build{{Arm: harness.ArmCandidate, Path: agent, Hash: runnertest.HashFile(t, agent)}},
	})
	require.NoError(t, err)
	rec := &memory{}
	e := engine.Engine{Runner: runner, Recorder: rec, Clock: wall{}, TelemetryInterval: 20 * time.Millisecond, ReconnectTimeout: time.Second}
	r, err := e.Run(context.Background(), harness.Run{ID: "r", Start: time.Now(), Plan: p})
	require.NoError(t, err, "Run()")
	require.Equal(t, "ok", outcomes(r), "Run()")
	require.Equal(t, 2, r.Ended[0].Measured, "Run()")
	assert.Empty(t, rec.notices("events"), "the app's lines")
	id := p.Sessions[0].ID
	for metric, n := range map[string]int{
		harness.DecodeTokS: 2, harness.PrefillTokS: 2, harness.ITLP50: 2, harness.TTFT: 2, harness.PeakFootprint: 2,
	} {
		got := rec.samples(id, metric)
		require.Len(t, got, n, "%s, absent: %q", metric, rec.absence(id, metric))
		assert.Positive(t, got[0].Value, metric)
	}
	// The process lives for some milliseconds: on a busy host its sampler may come too late, and then says so.
	got := rec.samples(id, harness.PeakFootprintHost)
	if len(got) != 1 {
		assert.NotEmpty(t, rec.absence(id, harness.PeakFootprintHost), "%s: %+v, and no reason why", harness.PeakFootprintHost, got)
	}
	assert.NotEmpty(t, rec.absence(id, harness.Energy), "a host has no battery gauge, and yet no reason is given for the missing energy")
}
