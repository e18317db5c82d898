package trend

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

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
	if err != nil || len(found) != 1 || len(found[0].Changes) != 1 {
		t.Fatalf("History = %+v, %v, want one change", found, err)
	}
	if c := found[0].Changes[0]; c.Night != "2026-01-16" || !c.Worse || c.Provisional || c.Change > -0.08 {
		t.Errorf("change = %+v, want 10 %% worse on 2026-01-16, confirmed", c)
	}
	if n := found[0].Nights[3]; n.Sessions != 2 || n.Night != "2026-01-04" {
		t.Errorf("night = %+v", n)
	}
	// The same step where the OS changed in that night is no trend.
	other := func(i int) string {
		if i >= 15 {
			return "22B"
		}
		return "22A"
	}
	found, err = History(speed, nightlySessions(30, other, step))
	if err != nil || len(found) != 2 || len(found[0].Changes)+len(found[1].Changes) != 0 || strings.Join(found[1].Changed,
		"") != "OS build 22A and 22B" {
		t.Errorf("across an update: %+v, %v", found, err)
	}
	// A single wild night is annotated, not a change.
	spike := func(i int) float64 {
		if i == 10 {
			return 20
		}
		return 30
	}
	found, err = History(speed, nightlySessions(30, one, spike))
	if err != nil || len(found[0].Changes) != 0 || !found[0].Nights[10].Outlier {
		t.Errorf("a wild night: %+v, %v", found, err)
	}
	if _, err := History(speed, nightlySessions(3, one, func(int) float64 { return 0 })); err == nil {
		t.Error("readings of zero were taken")
	}
}
