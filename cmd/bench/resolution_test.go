package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// TestEnergyTooCoarseForTheGate: the uncertainty that a session states with its energy reaches the gate, and energy that
// is known to no more than half the threshold decides nothing, however far apart the arms lie.
func TestEnergyTooCoarseForTheGate(t *testing.T) {
	for _, c := range []struct {
		name   string
		width  float64 // of figures of some 100 J
		exit   int
		expect string
	}{
		{"fine", 3, exitRegression, "energy per session  regression"},
		{"coarse", 6, exitInconclusive, "a resolution of 1.667 mWh is too coarse for a threshold of 10 %"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			recordEnergy(t, filepath.Join("data", "bench.sqlite"), c.width)
			got := nightly(t, 2, c.exit, "compare", "--metric", harness.Energy)
			assert.Contains(t, got, c.expect, "compare says\n%s", got)
		})
	}
}

// recordEnergy records a run of twelve interleaved pairs in which the candidate takes 40 % more energy.
func recordEnergy(t *testing.T, path string, width float64) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	db, err := store.Open(ctx, path)
	require.NoError(t, err)
	defer db.Close()
	begun := time.Date(2026, 11, 1, 1, 0, 0, 0, time.UTC)
	at := harness.Case{Device: harness.Device{
		UDID: "U", ProductType: "iPhone15,4",
	}, Model: harness.Model{Name: "m", Hash: "aa"}, Scenario: harness.Scenario{Name: "soak"}}
	run := harness.Run{ID: "r1", Start: begun, End: &begun, Plan: harness.Plan{Cases: []harness.Case{at}}}
	require.NoError(t, db.Begin(ctx, run))
	for i := range 24 {
		arm, joules := harness.ArmBaseline, 100+float64(i%5)/10
		if i%2 == 1 {
			arm, joules = harness.ArmCandidate, joules*1.4
		}
		planned := harness.PlannedSession{ID: fmt.Sprintf("s%03d-%s", i, arm), Ordinal: i, Arm: arm, Pair: i / 2}
		begin := harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned, Case: at, At: begun.Add(time.Duration(i) * time.Minute)}
		sample := harness.Sample{
			Session: planned.ID, Metric: harness.Energy, Value: joules, Unit: "J", At: begun, Source: harness.SourceHost, Uncertainty: &width,
		}
		end := harness.SessionEnd{ID: planned.ID, Outcome: harness.OutcomeOK, At: begun}
		err := db.Record(ctx, run.ID, harness.Entry{
			Session: planned.ID, SessionBegin: &begin,
		}, harness.Entry{Session: planned.ID, Sample: &sample},
			harness.Entry{Session: planned.ID, SessionEnd: &end})
		require.NoError(t, err)
	}
}
