package crosscheck

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/metrickit"
)

// TestFiguresComeBack: what is written is JSON, and is read as it was: exact values, odd names, and nothing for a record
// without a value.
func TestFiguresComeBack(t *testing.T) {
	const third = 1.0 / 3
	records := []metrickit.Record{
		{Path: "memoryMetrics.peakMemoryUsage", Value: ptr(third), Unit: "B"},
		{Path: "futureMetrics.odd"},
		{Path: `signpostMetrics.0."count"`, Signpost: "de\\code\n", Category: "bench", Value: ptr(1e300), Unit: "1"},
		{Path: "a\xffb", Value: ptr(0.0), Unit: "s"},
	}
	text, err := EncodeFigures(records)
	require.NoError(t, err)
	assert.True(t, json.Valid(text), "%s", text)
	got, err := decodeFigures(text)
	require.NoError(t, err)
	assert.Equal(t, []figure{
		{Path: "memoryMetrics.peakMemoryUsage", Value: ptr(third), Unit: "B"},
		{Path: `signpostMetrics.0."count"`, Signpost: "de\\code\n", Category: "bench", Value: ptr(1e300), Unit: "1"},
		{Path: "a\uFFFDb", Value: ptr(0.0), Unit: "s"},
	}, got)
}

func TestFiguresOfNothing(t *testing.T) {
	text, err := EncodeFigures(nil)
	require.NoError(t, err)
	assert.Equal(t, "[]", string(text))
}

func TestFiguresThatAreNoNumber(t *testing.T) {
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		_, err := EncodeFigures([]metrickit.Record{{Path: "cpuMetrics.time", Text: "1e999 s", Value: &v}})
		require.ErrorContains(t, err, "cpuMetrics.time")
		require.ErrorContains(t, err, "1e999 s")
	}
}
