package trend

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func TestChangesVector(t *testing.T) {
	var v struct {
		Step struct {
			Series  []float64
			Changes []int
			Sigma   float64
		}
	}
	read(t, filepath.Join("testdata", "vectors.json"), &v)
	got := Find(v.Step.Series)
	assert.Equal(t, v.Step.Changes, changed(got))
	assert.InDelta(t, v.Step.Sigma, got.Sigma, 1e-6, "sigma")
	assert.InDelta(t, 100, got.Changes[0].Before, 1e-9, "before")
	assert.InDelta(t, 90, got.Changes[0].After, 1e-9, "after")

	spiked := slices.Clone(v.Step.Series)
	spiked[5] = 70
	got = Find(spiked)
	assert.Equal(t, v.Step.Changes, changed(got), "with a spike")
	assert.Equal(t, []int{5}, got.Outliers)
}

func changed(t Found) []int {
	var out []int
	for _, c := range t.Changes {
		out = append(out, c.Index)
	}
	return out
}

func TestChangesMarksAFreshShiftProvisional(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	var series []float64
	for range 40 {
		series = append(series, 50*math.Exp(0.01*random.NormFloat64()))
	}
	shifted := append(slices.Clone(series), 42, 42.3, 41.8)
	got := Find(shifted)
	require.Len(t, got.Changes, 1, "three nights at a new level")
	assert.Equal(t, 40, got.Changes[0].Index)
	assert.True(t, got.Changes[0].Provisional)
	confirmed := append(shifted, 42.1, 41.9, 42.2, 42)
	got = Find(confirmed)
	require.Len(t, got.Changes, 1, "seven nights at a new level")
	assert.Equal(t, 40, got.Changes[0].Index)
	assert.False(t, got.Changes[0].Provisional)
	assert.Empty(t, Find(append(slices.Clone(series), 42)).Changes, "one low night")
}

func TestChangesOfFlatOrShortSeries(t *testing.T) {
	for name, series := range map[string][]float64{
		"none": nil, "one": {1}, "nine": {1, 2, 3, 4, 5, 6, 7, 8, 9}, "constant": slices.Repeat([]float64{3}, 30),
	} {
		got := Find(series)
		assert.Empty(t, got.Changes, name)
		assert.Empty(t, got.Outliers, name)
	}
}

// TestFindAgainstSharedVectors reads a larger set of reference series where it lies beside the checkout.
func TestFindAgainstSharedVectors(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "data", "stats-vectors.json")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no shared vectors beside this checkout; testdata/vectors.json has the project's own")
	}
	var v struct {
		Trend []struct {
			Name       string
			Series     []float64
			Sigma, Phi float64
			Want       []int `json:"robust_pelt_4logn_min5_mag025"`
		}
	}
	read(t, path, &v)
	require.NotEmpty(t, v.Trend)
	for _, w := range v.Trend {
		got := Find(w.Series)
		assert.ElementsMatch(t, w.Want, changed(got), w.Name)
		assert.InDelta(t, w.Sigma, got.Sigma, 1e-9, w.Name)
		assert.InDelta(t, w.Phi, got.Phi, 1e-9, w.Name)
	}
}
