package trend

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// nightlySessions are two sessions a night about levels that a function gives.
func nightlySessions(nights int, osBuild func(int) string, level func(int) float64) []harness.SessionSeries {
	random := rand.New(rand.NewPCG(5, 6))
	var out []harness.SessionSeries
	for i := range nights {
		for range 2 {
			x := level(i) * (1 + 0.005*random.NormFloat64())
			out = append(out, harness.SessionSeries{Run: "r", Values: []float64{x, x, x}, Begin: &harness.SessionBegin{
				Fingerprint: harness.Fingerprint{UDID: "u", OSBuild: osBuild(i)}, At: time.Date(2026, 1, 1+i, 2, 0, 0, 0, time.UTC)}})
		}
	}
	return out
}

func TestHistory(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	one := func(int) string { return "22A" }
	step := func(i int) float64 {
		if i >= 15 {
			return 27
		}
		return 30
	}
	found, err := History(speed, nightlySessions(30, one, step))
	require.NoError(t, err, "History")
	require.Len(t, found, 1, "History")
	require.Len(t, found[0].Changes, 1, "History")
	c := found[0].Changes[0]
	assert.Equal(t, "2026-01-16", c.Night, "change")
	assert.True(t, c.Worse, "change")
	assert.False(t, c.Provisional, "change")
	assert.LessOrEqual(t, c.Change, -0.08)
	n := found[0].Nights[3]
	assert.Equal(t, 2, n.Sessions, "night")
	assert.Equal(t, "2026-01-04", n.Night)
	// The same step where the OS changed in that night is no trend.
	other := func(i int) string {
		if i >= 15 {
			return "22B"
		}
		return "22A"
	}
	found, err = History(speed, nightlySessions(30, other, step))
	require.NoError(t, err, "across an update")
	require.Len(t, found, 2, "across an update")
	require.Equal(t, 0, len(found[0].Changes)+len(found[1].Changes), "across an update")
	assert.Equal(t, "OS build 22A and 22B", strings.Join(found[1].Changed,
		""), "across an update")
	// A single wild night is annotated, not a change.
	spike := func(i int) float64 {
		if i == 10 {
			return 20
		}
		return 30
	}
	found, err = History(speed, nightlySessions(30, one, spike))
	require.NoError(t, err, "a wild night")
	require.Empty(t, found[0].Changes, "a wild night")
	assert.True(t, found[0].Nights[10].Outlier, "a wild night")
	_, err = History(speed, nightlySessions(3, one, func(int) float64 { return 0 }))
	require.Error(t, err, "readings of zero were taken")
}
