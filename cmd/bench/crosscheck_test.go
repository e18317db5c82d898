package main

import (
	"os"
	"strings"
	"testing"
)

// TestMetricKitBesideARun: a payload that is taken in is shown beside the run that lies in its window, where both know
// the same, and says where they disagree.
func TestMetricKitBesideARun(t *testing.T) {
	t.Chdir(t.TempDir())
	nightly(t, 3, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false")
	nightly(t, 4, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false")
	if got := nightly(t, 4, exitOK, "report"); strings.Contains(got, "MetricKit") {
		t.Errorf("the report speaks of MetricKit before there is a payload:\n%s", got)
	}
	day := `{"timeStampBegin":"2026-11-03 00:00:00 +0000","timeStampEnd":"2026-11-03 23:59:00 +0000","metaData":{"deviceType":"iPhone15,4","regionFormat":"DE"},
		"memoryMetrics":{"peakMemoryUsage":"900.000 kB"},"signpostMetrics":[{"signpostName":"decode","signpostCategory":"bench","totalSignpostCount":120}]}`
	if err := os.WriteFile("day.json", []byte(day), 0o644); err != nil {
		t.Fatal(err)
	}
	nightly(t, 5, exitOK, "ingest", "metrickit", "day.json")
	if got := nightly(t, 5, exitOK, "report"); strings.Contains(got, "MetricKit") {
		t.Errorf("the report of the fourth speaks of a payload about the third:\n%s", got)
	}
	third := strings.Fields(strings.Split(nightly(t, 5, exitOK, "runs"), "\n")[2])[0]
	got := nightly(t, 5, exitOK, "report", third)
	for _, want := range []string{"MetricKit cross-check: iPhone15,4, 2026-11-03 00:00 to 2026-11-03 23:59 UTC, 2 sessions of 1 run (simulated)", "peak memory     858.3 MiB", "DISAGREES",
		"decodes marked        120        117  agrees", "from day.json", "names a device type, not a single device"} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	if page := nightly(t, 5, exitOK, "report", third, "--format", "html", "-o", "-"); !strings.Contains(page, "It is an independent source") {
		t.Error("the page does not speak of MetricKit")
	}
}

// TestPayloadsThatASessionBrings are taken in as those from files are; one that cannot be read is told of and kept.
func TestPayloadsThatASessionBrings(t *testing.T) {
	t.Chdir(t.TempDir())
	got := nightly(t, 3, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--html=false", "--env", "LILIMS_FAULT=payload@load")
	if strings.Contains(got, "not read") {
		t.Errorf("a payload that is fine is told of:\n%s", got)
	}
	if err := os.WriteFile("same.json", []byte(`{"timeStampBegin":"2026-11-22 00:00:00 +0000","metaData":{"deviceType":"iPhone15,4"}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	env := stillEnv(&errs, &errs)
	if code := run(t.Context(), env, []string{"ingest", "metrickit", "same.json"}); code != exitOK || !strings.Contains(errs.String(), "0 new") {
		t.Errorf("ingest of what the session brought ends with %d: %s, want nothing new", code, errs.String())
	}
}
