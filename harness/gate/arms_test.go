package gate

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.True(t, ok, "no metric %s", name)
	return m
}

func TestArmsPairsByPlan(t *testing.T) {
	first := session("r", "s000", 0, harness.ArmBaseline, "a", 1, 1, 1)
	first.Begin.Prepared.FirstEver = true
	baseline := []harness.SessionSeries{
		first, session("r", "s003", 1, harness.ArmBaseline, "a", 2, 2, 2), session("r", "s004", 2, harness.ArmBaseline, "a", 3, 3, 3),
	}
	candidate := []harness.SessionSeries{
		session("r", "s001", 0, harness.ArmCandidate, "b", 1, 1, 1),
		session("r", "s005", 2, harness.ArmCandidate, "b", 3.3, 3.3, 3.3),
		session("r", "s002", 1, harness.ArmCandidate, "b", 2.2, 2.2),
	}
	series, left := Arms(metric(t, harness.DecodeTokS), baseline, candidate)
	require.Len(t, series.Baseline, 1, "Arms")
	require.InDelta(t, 3, series.Baseline[0][0], 0, "Arms")
	assert.InDelta(t, 3.3, series.Candidate[0][0], 0, "Arms")
	for _, want := range []string{
		"s000: excluded, first launch after an install", "s002: excluded, 2 readings kept", "s001: its pair has no baseline",
	} {
		assert.True(t, slices.ContainsFunc(left, func(l string) bool { return strings.Contains(l, want) }),
			"left out %q, want a reason with %q", left, want)
	}
}

func TestArmsOfTwoRunsPairByOrder(t *testing.T) {
	baseline := []harness.SessionSeries{
		session("r1", "s0", 0, harness.ArmCandidate, "a", 5), session("r1", "s1", 1, harness.ArmCandidate, "a", 6),
	}
	candidate := []harness.SessionSeries{session("r2", "s0", 0, harness.ArmCandidate, "b", 7)}
	series, left := Arms(metric(t, harness.EnergyPerToken), baseline, candidate)
	require.Len(t, series.Baseline, 1, "Arms")
	assert.InDelta(t, 5, series.Baseline[0][0], 0, "Arms")
	assert.Len(t, left, 1, "Arms")
}

func TestDifferencesNamesWhatDiffers(t *testing.T) {
	a, b := session("r", "s0", 0, harness.ArmBaseline, "a"), session("r", "s1", 0, harness.ArmCandidate, "b")
	assert.Nil(t, Differences([]harness.SessionSeries{a, b}), "Differences of equals")
	b.Begin.Fingerprint.OSBuild, b.Begin.Fingerprint.UDID = "23B85", "phone-2"
	assert.Equal(t, []string{"device phone-1 and phone-2", "OS build 22G86 and 23B85"}, Differences([]harness.SessionSeries{a, b}))
}

func TestSelfDifferences(t *testing.T) {
	got := SelfDifferences(metric(t, harness.DecodeTokS), []harness.SessionSeries{
		session("r1", "s0", 0, harness.ArmBaseline, "a", 10, 10, 10), session("r1", "s1", 0, harness.ArmCandidate, "a", 11, 11, 11),
		session("r2", "s0", 0, harness.ArmBaseline, "a", 10, 10, 10), session("r2", "s1", 0, harness.ArmCandidate, "b", 20, 20, 20),
		session("r1", "s2", 1, harness.ArmBaseline, "a", 10, 10, 10),
	})
	require.Len(t, got, 1, "SelfDifferences: want only the pair of equal builds")
	assert.InDelta(t, math.Log(1.1), got[0], 1e-12, "SelfDifferences: want only the pair of equal builds")
}

func TestResolution(t *testing.T) {
	stating := func(widths ...float64) []harness.SessionSeries {
		var out []harness.SessionSeries
		for _, w := range widths {
			out = append(out, harness.SessionSeries{Values: []float64{1}, Uncertainty: &w})
		}
		return append(out, harness.SessionSeries{Values: []float64{1}})
	}
	assert.InDelta(t, 2, Resolution(stating(3, 1), stating(2)), 0, "Resolution: want the median of what the sessions state: 2")
	assert.InDelta(t, 0, Resolution(stating()), 0, "Resolution where nobody states one")
}
