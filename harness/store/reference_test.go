package store

import (
	"context"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestReferences(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "bench.sqlite"), context.Background()
	s := openAt(t, path)
	key := harness.ReferenceKey{UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "p"}
	_, found, err := s.Reference(ctx, key)
	require.False(t, found, "an empty store has a reference (%v)", err)
	require.NoError(t, err)
	nominal := harness.ThermalNominal
	first := harness.Reference{Key: key, TokS: 41.5, Run: "r1", Session: "s001-candidate", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		State: harness.DeviceState{Thermal: &nominal}}
	later := first
	later.TokS, later.Run = 43, "r9"
	for _, r := range []harness.Reference{first, later} {
		require.NoError(t, s.KeepReference(ctx, r))
	}
	got, found, err := openAt(t, path).Reference(ctx, key)
	assert.True(t, found, "Reference() = %+v, %v", got, found)
	require.NoError(t, err, "Reference() = %+v, %v", got, found)
	assert.Equal(t, later, got, "Reference() = %+v, %v", got, found)
	for name, other := range map[string]harness.ReferenceKey{
		"unit":  {UDID: "U-2", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "p"},
		"OS":    {UDID: "U-1", OSBuild: "22G90", ModelHash: "m", BuildHash: "b", Probe: "p"},
		"model": {UDID: "U-1", OSBuild: "22G86", ModelHash: "n", BuildHash: "b", Probe: "p"},
		"build": {UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "c", Probe: "p"},
		"probe": {UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "q"},
	} {
		_, found, err := s.Reference(ctx, other)
		assert.False(t, found, "another %s has the same reference (%v)", name, err)
		require.NoError(t, err, "another %s has the same reference (%v)", name, err)
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		require.Error(t, s.KeepReference(ctx, harness.Reference{Key: key, TokS: bad}), "a reference of %v tok/s was kept", bad)
	}
}
