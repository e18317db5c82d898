package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func named(t *testing.T, s *Store, name string, start time.Time, device string) {
	t.Helper()
	c := harness.Case{Device: harness.Device{
		Name: device, UDID: "U-" + device, ProductType: "iPhone15,4",
	}, Model: harness.Model{Name: "stories-1m"}, Scenario: harness.Scenario{Name: "quick"}}
	require.NoError(t, s.Begin(context.Background(), harness.Run{ID: name, Start: start, Plan: harness.Plan{Cases: []harness.Case{c}}}))
}

func curated(t *testing.T) *Store {
	t.Helper()
	s := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite"))
	for i, name := range []string{"20261101-010000-aaaa", "20261102-010000-bbbb", "20261102-020000-cccc"} {
		named(t, s, name, noon.Add(time.Duration(i)*time.Hour), []string{"iPhone 15", "iPhone 16", "iPhone 15"}[i])
	}
	return s
}

func TestResolve(t *testing.T) {
	s, ctx := curated(t), context.Background()
	for word, want := range map[string]string{"latest": "20261102-020000-cccc", "latest~0": "20261102-020000-cccc",
		"latest~2": "20261101-010000-aaaa",
		"20261101": "20261101-010000-aaaa", "bbbb": "20261102-010000-bbbb", "20261102-020000-cccc": "20261102-020000-cccc"} {
		got, err := s.Resolve(ctx, word)
		require.NoError(t, err, word)
		assert.Equal(t, want, got, word)
	}
	for word, says := range map[string]string{
		"20261102": `"20261102" fits 2 runs`, "zzzz": `no run "zzzz"`, "latest~3": "3 runs recorded", "latest~x": `no run "latest~x"`,
	} {
		_, err := s.Resolve(ctx, word)
		require.ErrorContains(t, err, says)
		assert.Equal(t, harness.KindUsage, harness.KindOf(err))
	}
	_, err := openAt(t, filepath.Join(t.TempDir(), "empty.sqlite")).Resolve(ctx, "latest")
	assert.ErrorContains(t, err, "no run is recorded yet")
}

// TestDeletedRunsComeBack: a deleted run counts nowhere, and all of it is there again once it is restored.
func TestDeletedRunsComeBack(t *testing.T) {
	s, ctx := curated(t), context.Background()
	require.NoError(t, s.NoteRun(ctx, "20261102-020000-cccc", "a new battery", noon))
	require.NoError(t, s.DeleteRun(ctx, "20261102-020000-cccc", noon))
	runs, err := s.Runs(ctx)
	require.NoError(t, err)
	assert.Len(t, runs, 2)
	latest, err := s.Latest(ctx, false)
	require.NoError(t, err)
	assert.Equal(t, "20261102-010000-bbbb", latest)

	require.NoError(t, s.RestoreRun(ctx, "20261102-020000-cccc"))
	runs, err = s.RunsLike(ctx, harness.RunQuery{Device: "iphone15", Since: noon, Limit: 1})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	assert.Equal(t, "a new battery", runs[0].Notes[0].Text)
	assert.Error(t, s.DeleteRun(ctx, "nothing", noon))
}
