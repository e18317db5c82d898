package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMetricKitBesideARun: a payload that is taken in is shown beside the run that lies in its window, where both know
// the same, and says where they disagree.
func TestMetricKitBesideARun(t *testing.T) {
	t.Chdir(t.TempDir())
	nightly(t, 3, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false")
	nightly(t, 4, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false")
	assert.NotContains(t, nightly(t, 4, exitOK, "report"), "MetricKit", "the report speaks of MetricKit before there is a payload")
	day := `{"timeStampBegin":"2026-11-03 00:00:00 +0000","timeStampEnd":"2026-11-03 23:59:00 +0000",
		"metaData":{"deviceType":"iPhone15,4","regionFormat":"DE"},
		"memoryMetrics":{"peakMemoryUsage":"900.000 kB"},
		"signpostMetrics":[{"signpostName":"decode","signpostCategory":"bench","totalSignpostCount":120}]}`
	require.NoError(t, os.WriteFile("day.json", []byte(day), 0o644))
	nightly(t, 5, exitOK, "ingest", "metrickit", "day.json")
	assert.NotContains(t, nightly(t, 5, exitOK, "report"), "MetricKit", "the report of the fourth speaks of a payload about the third")
	third := strings.Fields(strings.Split(nightly(t, 5, exitOK, "runs"), "\n")[2])[0]
	got := nightly(t, 5, exitOK, "report", third)
	for _, want := range []string{"MetricKit cross-check: iPhone15,4, 2026-11-03 00:00 to 2026-11-03 23:59 UTC, 2 sessions of 1 run " +
		"(simulated)", "peak memory     858.3 MiB", "DISAGREES",
		"decodes marked        120        117  agrees", "from day.json", "names a device type, not a single device"} {
		assert.Contains(t, got, want, "the report lacks")
	}
	assert.Contains(t, nightly(t, 5, exitOK, "report", third, "--format", "html", "-o", "-"), "It is an independent source",
		"the page does not speak of MetricKit")
}

// TestPayloadsThatASessionBrings are taken in as those from files are; one that cannot be read is told of and kept.
func TestPayloadsThatASessionBrings(t *testing.T) {
	t.Chdir(t.TempDir())
	got := nightly(
		t, 3, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false", "--env", "LILIMS_FAULT=payload@load",
	)
	assert.NotContains(t, got, "not read", "a payload that is fine is told of")
	err := os.WriteFile("same.json", []byte(`{"timeStampBegin":"2026-11-22 00:00:00 +0000","metaData":{"deviceType":"iPhone15,4"}}`), 0o644)
	require.NoError(t, err)
	var errs strings.Builder
	env := stillEnv(&errs, &errs)
	code := run(t.Context(), env, []string{"ingest", "metrickit", "same.json"})
	assert.Equal(t, exitOK, code, "ingest of what the session brought ends")
	assert.Contains(t, errs.String(), "0 new", "ingest of what the session brought ends")
}
