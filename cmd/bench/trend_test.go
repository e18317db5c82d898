package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lilims/bench/harness/gate"
)

// TestTrendOfNights records fourteen nights of a build and seven of a slower one, and asks for the trend.
func TestTrendOfNights(t *testing.T) {
	shortNights(t)
	for night := 1; night <= 21; night++ {
		build := "app"
		if night > 14 {
			build = "app-speed=0.8"
		}
		nightly(t, night, exitOK, "run", "--device", "simulated-iphone15", "--build", build, "--sessions", "4", "--html=false", "--telemetry", "0", "--seed", fmt.Sprint(night))
	}
	got := nightly(t, 22, exitOK, "trend", "--device", "simulated-iphone15", "--metric", "decode_tok_s")
	for _, want := range []string{"iPhone15,4/stories-1m/quick  Simulated iPhone 15  decode_tok_s", "21 nights", "from 2026-11-15: ", " %% (worse)"} {
		if want = strings.ReplaceAll(want, "%%", "%"); !strings.Contains(got, want) {
			t.Errorf("bench trend prints\n%s\nwant %q", got, want)
		}
	}
	if got := nightly(t, 22, exitOK, "trend", "--json", "--since", "96h"); !strings.Contains(got, `"night": "2026-11-20"`) || strings.Contains(got, `"night": "2026-11-10"`) {
		t.Errorf("the latest nights are\n%s", got)
	}
	nightly(t, 22, exitUsage, "trend", "--device", "iphone12")
	nightly(t, 22, exitUsage, "trend", "--metric", "speed")
}

// TestHistoriesAreJSON writes histories on several processors: the bytes are those of one encoder.
func TestHistoriesAreJSON(t *testing.T) {
	for n := 1; n < 4; n++ {
		var all []caseHistory
		for i := range n {
			all = append(all, caseHistory{Case: fmt.Sprintf("<case> & %d", i), Stretches: []gate.Stretch{{Nights: []gate.NightMedian{{Night: "2026-01-01", Value: 1.5}}}}})
		}
		var got, want bytes.Buffer
		if err := errors.Join(printHistories(&got, all), printJSON(&want, all)); err != nil || got.String() != want.String() {
			t.Errorf("%d histories: %v\n%s\nwant\n%s", n, err, got.String(), want.String())
		}
	}
}
