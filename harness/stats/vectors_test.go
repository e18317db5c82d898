package stats

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	assert.InDelta(t, want, got, tolerance, "%s", what)
}

type vectors struct {
	Moderated struct {
		D                                  []float64
		S0, Estimate, SD, DF, P, Low, High float64
		PlainMean                          float64 `json:"plain_mean"`
		PlainSD                            float64 `json:"plain_sd"`
		PlainP                             float64 `json:"plain_p"`
		PlainHigh                          float64 `json:"plain_high"`
	}
	TQuantiles [][3]float64 `json:"t_quantiles"`
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

func TestModerateVector(t *testing.T) {
	var v vectors
	read(t, filepath.Join("testdata", "vectors.json"), &v)
	w := v.Moderated
	m := Moderate(w.D, w.S0)
	low, high := m.Interval(w.P)
	near(t, "estimate", m.Estimate, w.Estimate, 1e-6)
	near(t, "sd", m.SD, w.SD, 1e-6)
	near(t, "df", m.DF, w.DF, 0)
	near(t, "low", low, w.Low, 1e-6)
	near(t, "high", high, w.High, 1e-6)
	plain := Moderate(w.D, math.NaN())
	_, high = plain.Interval(w.PlainP)
	near(t, "plain mean", plain.Estimate, w.PlainMean, 1e-6)
	near(t, "plain sd", plain.SD, w.PlainSD, 1e-6)
	near(t, "plain high", high, w.PlainHigh, 1e-6)
	for _, q := range v.TQuantiles {
		near(t, "t quantile", TQuantile(q[0], q[1]), q[2], 1e-6)
	}
}

// TestAgainstSharedVectors reads a larger set of reference series where it lies beside the checkout.
func TestAgainstSharedVectors(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "data", "stats-vectors.json")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no shared vectors beside this checkout; testdata/vectors.json has the project's own")
	}
	var v struct {
		Gate []struct {
			Name  string
			S0    float64
			D     []float64 `json:"pair_log_ratio"`
			Steps []struct {
				K                      int
				Est, S, LoPass, HiFail float64
				Noise                  float64 `json:"s0_used"`
			}
		}
	}
	read(t, path, &v)
	for _, w := range v.Gate {
		for _, s := range w.Steps {
			m := Moderate(w.D[:s.K], w.S0)
			low, high := m.Interval(1 - 0.05/4)
			near(t, w.Name+": noise", m.Noise, s.Noise, 1e-9)
			near(t, w.Name+": estimate", m.Estimate, s.Est, 1e-9)
			near(t, w.Name+": sd", m.SD, s.S, 1e-9)
			near(t, w.Name+": low", low, s.LoPass, 1e-9)
			near(t, w.Name+": high", high, s.HiFail, 1e-9)
		}
	}
}

func TestQuantile(t *testing.T) {
	xs := []float64{4, 1, 3, 2}
	near(t, "median", Median(xs), 2.5, 0)
	near(t, "p95", Quantile(xs, 0.95), 3.85, 1e-12)
	near(t, "p0", Quantile(xs, 0), 1, 0)
	near(t, "p100", Quantile(xs, 1), 4, 0)
	assert.Equal(t, []float64{4, 1, 3, 2}, xs, "Quantile changed its argument")
	assert.False(t, !math.IsNaN(Median(nil)) || !math.IsNaN(Mean(nil)) || !math.IsNaN(Variance([]float64{1})) || !math.IsNaN(MAD(nil)),
		"an empty series has a value")
}

func TestBorrowedNoise(t *testing.T) {
	assert.True(t, math.IsNaN(BorrowedNoise(make([]float64, 7))), "seven differences are lent as noise")
	near(t, "floor", BorrowedNoise(make([]float64, 8)), NoiseFloor, 0)
}
