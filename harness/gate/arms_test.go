package gate

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lilims/bench/harness"
)

func session(run, id string, pair int, arm harness.Arm, build string, values ...float64) harness.SessionSeries {
	return harness.SessionSeries{Run: run, Values: values, Begin: &harness.SessionBegin{
		ID: id, Planned: harness.PlannedSession{Pair: pair, Arm: arm}, Build: harness.Build{Hash: build},
		Fingerprint: harness.Fingerprint{UDID: "phone-1", OSBuild: "22G86"},
	}}
}

func metric(t *testing.T, name string) harness.Metric {
	t.Helper()
	m, ok := harness.MetricNamed(name)
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return m
}

func TestArmsPairsByPlan(t *testing.T) {
	first := session("r", "s000", 0, harness.ArmBaseline, "a", 1, 1, 1)
	first.Begin.Prepared.FirstEver = true
	baseline := []harness.SessionSeries{first, session("r", "s003", 1, harness.ArmBaseline, "a", 2, 2, 2), session("r", "s004", 2, harness.ArmBaseline, "a", 3, 3, 3)}
	candidate := []harness.SessionSeries{
		session("r", "s001", 0, harness.ArmCandidate, "b", 1, 1, 1),
		session("r", "s005", 2, harness.ArmCandidate, "b", 3.3, 3.3, 3.3),
		session("r", "s002", 1, harness.ArmCandidate, "b", 2.2, 2.2),
	}
	series, left := Arms(metric(t, harness.DecodeTokS), baseline, candidate)
	if len(series.Baseline) != 1 || series.Baseline[0][0] != 3 || series.Candidate[0][0] != 3.3 {
		t.Errorf("Arms = %v and %v, want only pair 2", series.Baseline, series.Candidate)
	}
	for _, want := range []string{"s000: excluded, first launch after an install", "s002: excluded, 2 readings kept", "s001: its pair has no baseline"} {
		if !slices.ContainsFunc(left, func(l string) bool { return strings.Contains(l, want) }) {
			t.Errorf("left out %q, want a reason with %q", left, want)
		}
	}
}

func TestArmsOfTwoRunsPairByOrder(t *testing.T) {
	baseline := []harness.SessionSeries{session("r1", "s0", 0, harness.ArmCandidate, "a", 5), session("r1", "s1", 1, harness.ArmCandidate, "a", 6)}
	candidate := []harness.SessionSeries{session("r2", "s0", 0, harness.ArmCandidate, "b", 7)}
	series, left := Arms(metric(t, harness.EnergyPerToken), baseline, candidate)
	if len(series.Baseline) != 1 || series.Baseline[0][0] != 5 || len(left) != 1 {
		t.Errorf("Arms = %v, left %q, want one pair and one session without partner", series.Baseline, left)
	}
}

func TestDifferencesNamesWhatDiffers(t *testing.T) {
	a, b := session("r", "s0", 0, harness.ArmBaseline, "a"), session("r", "s1", 0, harness.ArmCandidate, "b")
	if got := Differences([]harness.SessionSeries{a, b}); got != nil {
		t.Errorf("Differences of equals = %q", got)
	}
	b.Begin.Fingerprint.OSBuild, b.Begin.Fingerprint.UDID = "23B85", "phone-2"
	if got := Differences([]harness.SessionSeries{a, b}); !slices.Equal(got, []string{"device phone-1 and phone-2", "OS build 22G86 and 23B85"}) {
		t.Errorf("Differences = %q", got)
	}
}

func TestSelfDifferences(t *testing.T) {
	got := SelfDifferences(metric(t, harness.DecodeTokS), []harness.SessionSeries{
		session("r1", "s0", 0, harness.ArmBaseline, "a", 10, 10, 10), session("r1", "s1", 0, harness.ArmCandidate, "a", 11, 11, 11),
		session("r2", "s0", 0, harness.ArmBaseline, "a", 10, 10, 10), session("r2", "s1", 0, harness.ArmCandidate, "b", 20, 20, 20),
		session("r1", "s2", 1, harness.ArmBaseline, "a", 10, 10, 10),
	})
	if len(got) != 1 || math.Abs(got[0]-math.Log(1.1)) > 1e-12 {
		t.Errorf("SelfDifferences = %v, want only the pair of equal builds", got)
	}
}

func TestResolution(t *testing.T) {
	stating := func(widths ...float64) []harness.SessionSeries {
		var out []harness.SessionSeries
		for _, w := range widths {
			out = append(out, harness.SessionSeries{Values: []float64{1}, Uncertainty: &w})
		}
		return append(out, harness.SessionSeries{Values: []float64{1}})
	}
	if got := Resolution(stating(3, 1), stating(2)); got != 2 {
		t.Errorf("Resolution = %v, want the median of what the sessions state: 2", got)
	}
	if got := Resolution(stating()); got != 0 {
		t.Errorf("Resolution where nobody states one = %v, want 0", got)
	}
}
