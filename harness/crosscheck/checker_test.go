package crosscheck

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// recordings is a database that counts how often a run is read.
type recordings struct {
	all   []harness.Recorded
	taken []harness.Taken
	reads map[string]int // of runs, whole or their sessions only
	lists int
}

func (r *recordings) Runs(context.Context) (out []harness.RunSummary, err error) {
	r.lists++
	for _, run := range r.all {
		out = append(out, harness.RunSummary{Run: run.Run})
	}
	return out, nil
}

func (r *recordings) find(name string) (harness.Recorded, error) {
	r.reads[name]++
	for _, run := range r.all {
		if run.Run.ID == name {
			return run, nil
		}
	}
	return harness.Recorded{}, errors.New("no such run")
}

func (r *recordings) Read(_ context.Context, name string) (harness.Recorded, error) {
	return r.find(name)
}

func (r *recordings) Load(_ context.Context, name string) (harness.RunState, error) {
	recorded, err := r.find(name)
	state := harness.RunState{Run: recorded.Run}
	for _, s := range recorded.Sessions {
		state.Sessions = append(state.Sessions, harness.SessionState{Begin: s.Begin})
	}
	return state, err
}

func (r *recordings) TakenBetween(_ context.Context, kind string, from, to time.Time) (out []harness.Taken, err error) {
	for _, t := range r.taken {
		if t.DeviceType == kind && t.Begin <= to.Format(time.RFC3339) && t.End >= from.Format(time.RFC3339) {
			out = append(out, t)
		}
	}
	return out, nil
}

const aPeak = `[{"path":"memoryMetrics.peakMemoryUsage","value":1e8,"unit":"B"}]`

// TestCheckerReadsARunOnce: three runs of one day share its payload; checking each of them reads no run twice.
func TestCheckerReadsARunOnce(t *testing.T) {
	db := &recordings{reads: map[string]int{}, taken: []harness.Taken{day(aPeak).Taken}, all: []harness.Recorded{
		run("r1", "U1", noon), run("r2", "U2", noon.Add(time.Hour)), run("r3", "U1", noon.Add(2*time.Hour)),
		run("far", "U1", noon.AddDate(0, 0, 9))}}
	checker := New(db)
	for i, want := range [][]string{{"r1", "r3"}, {"r2"}, {"r3", "r1"}} {
		found, err := checker.Run(t.Context(), db.all[i])
		require.NoError(t, err)
		require.Len(t, found, 1, "only units on which the run has sessions")
		assert.Equal(t, want, found[0].Runs)
	}
	assert.Equal(t, map[string]int{"r2": 1, "r3": 1}, db.reads)
	assert.Equal(t, 1, db.lists)
}

// TestCheckerKnowsWhoDelivered: a payload that a session of a later run brought along speaks of that session's unit, and
// one from a file whose folders look alike of any.
func TestCheckerKnowsWhoDelivered(t *testing.T) {
	later := run("later", "U2", noon.AddDate(0, 0, 2))
	for source, units := range map[string]map[string]int{
		"later/s000/day.json":   {"U1": 0, "U2": 1},
		"later/s999/day.json":   {"U1": 1, "U2": 1},
		"folder/of/day.json":    {"U1": 1, "U2": 1},
		"day.json":              {"U1": 1, "U2": 1},
		"later/s000":            {"U1": 1, "U2": 1},
		"later/s000/a/day.json": {"U1": 0, "U2": 1},
	} {
		payload := day(aPeak).Taken
		payload.Source = source
		db := &recordings{reads: map[string]int{}, taken: []harness.Taken{payload},
			all: []harness.Recorded{run("r1", "U1", noon), run("r2", "U2", noon), later}}
		for i, udid := range []string{"U1", "U2"} {
			found, err := New(db).Run(t.Context(), db.all[i])
			require.NoError(t, err)
			assert.Len(t, found, units[udid], "%s beside %s", source, udid)
		}
	}
}

// TestCheckerWithoutPayloads: nothing else is read where there is nothing to hold a run against.
func TestCheckerWithoutPayloads(t *testing.T) {
	db := &recordings{reads: map[string]int{}, all: []harness.Recorded{run("r1", "U1", noon), run("r2", "U2", noon)}}
	found, err := New(db).Run(t.Context(), db.all[0])
	require.NoError(t, err)
	assert.Empty(t, found)
	assert.Empty(t, db.reads)
	assert.Zero(t, db.lists)
}
