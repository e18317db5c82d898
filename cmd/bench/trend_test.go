package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTrendOfNights records fourteen nights of a build and seven of a slower one, and asks for the trend.
func TestTrendOfNights(t *testing.T) {
	shortNights(t)
	for night := 1; night <= 21; night++ {
		build := "app"
		if night > 14 {
			build = "app-speed=0.8"
		}
		nightly(
			t, night, exitOK, "run", "--device", "simulated-iphone15", "--build", build, "--sessions", "4", "--html=false", "--telemetry", "0",
			"--seed", fmt.Sprint(night),
		)
	}
	got := nightly(t, 22, exitOK, "trend", "--device", "simulated-iphone15", "--metric", "decode")
	for _, want := range []string{"iPhone15,4/stories-1m/quick  Simulated iPhone 15  decode", "21 nights", "from 2026-11-15: ", " %% worse"} {
		want = strings.ReplaceAll(want, "%%", "%")
		assert.Contains(t, got, want, "bench trend prints\n%s", got)
	}
	got = nightly(t, 22, exitOK, "trend", "--json", "--since", "96h")
	assert.Contains(t, got, `"night": "2026-11-20"`, "the latest nights are\n%s", got)
	assert.NotContains(t, got, `"night": "2026-11-10"`, "the latest nights are\n%s", got)
	nightly(t, 22, exitUsage, "trend", "--device", "iphone12")
	nightly(t, 22, exitUsage, "trend", "--metric", "speed")
}
