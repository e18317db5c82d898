package store

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

func TestReferences(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "bench.sqlite"), context.Background()
	s := openAt(t, path)
	key := harness.ReferenceKey{UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "p"}
	if _, found, err := s.Reference(ctx, key); found || err != nil {
		t.Fatalf("an empty store has a reference (%v)", err)
	}
	nominal := harness.ThermalNominal
	first := harness.Reference{Key: key, TokS: 41.5, Run: "r1", Session: "s001-candidate", At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
		State: harness.DeviceState{Thermal: &nominal}}
	later := first
	later.TokS, later.Run = 43, "r9"
	for _, r := range []harness.Reference{first, later} {
		if err := s.KeepReference(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	got, found, err := openAt(t, path).Reference(ctx, key)
	if !found || err != nil || !reflect.DeepEqual(got, later) {
		t.Errorf("Reference() = %+v, %v, %v, want the later one", got, found, err)
	}
	for name, other := range map[string]harness.ReferenceKey{
		"unit": {UDID: "U-2", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "p"}, "OS": {UDID: "U-1", OSBuild: "22G90", ModelHash: "m", BuildHash: "b", Probe: "p"},
		"model": {UDID: "U-1", OSBuild: "22G86", ModelHash: "n", BuildHash: "b", Probe: "p"}, "build": {UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "c", Probe: "p"},
		"probe": {UDID: "U-1", OSBuild: "22G86", ModelHash: "m", BuildHash: "b", Probe: "q"},
	} {
		if _, found, err := s.Reference(ctx, other); found || err != nil {
			t.Errorf("another %s has the same reference (%v)", name, err)
		}
	}
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if s.KeepReference(ctx, harness.Reference{Key: key, TokS: bad}) == nil {
			t.Errorf("a reference of %v tok/s was kept", bad)
		}
	}
}
