package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestEveryMetricHasAPlace: a reading of any metric is in the table, under its label, in the order of the metrics.
func TestEveryMetricHasAPlace(t *testing.T) {
	s := harness.RecordedSession{}
	var want []string
	for _, m := range harness.Metrics() {
		want = append(want, m.Label)
		s.Samples = append(s.Samples, harness.Sample{Metric: m.Name, Value: 1, Unit: m.Unit})
	}
	r := New(harness.Recorded{Sessions: []harness.RecordedSession{s}})
	require.Len(t, r.Cases, 1)
	var got []string
	for _, f := range r.Cases[0].Figures {
		got = append(got, f.Label)
	}
	assert.Equal(t, want, got)
}

// TestFigures checks the rule of every figure: median of the medians of sessions, of kept iterations, of last attempts.
func TestFigures(t *testing.T) {
	session := func(id, planned string, attempt int, values ...float64) harness.RecordedSession {
		s := harness.RecordedSession{Begin: harness.SessionBegin{ID: id, Attempt: attempt, Planned: harness.PlannedSession{
			ID: planned, Arm: harness.ArmCandidate,
		},
			Case: fixtureCase(harness.KindIPhone), At: noon}, End: &harness.SessionEnd{Outcome: harness.OutcomeOK, Planned: 2, Measured: 2}}
		for i, v := range values {
			s.Iterations = append(s.Iterations, harness.Iteration{Index: i, Warmup: i == 0, Outcome: harness.OutcomeOK})
			s.Samples = append(s.Samples, harness.Sample{Iteration: ptr(i), Metric: harness.DecodeTokS, Value: v, Unit: "tok/s"})
		}
		return s
	}
	r := New(harness.Recorded{Sessions: []harness.RecordedSession{
		session("s0", "s0", 1, 1, 999, 999), // replaced by its second attempt
		session("s0.2", "s0", 2, 1, 10, 20, 90),
		session("s1", "s1", 1, 1, 30, 32),
	}})
	require.Len(t, r.Cases, 1, "New")
	f, ok := r.Cases[0].figureOf(harness.DecodeTokS)
	require.True(t, ok, "decode")
	require.Empty(t, f.Absent, "decode")
	require.InDelta(t, 25.5, *f.Summary.Median, 0, "decode")
	require.InDelta(t, 10, *f.Min, 0, "decode")
	assert.InDelta(t, 90, *f.Max, 0, "decode")
	assert.Equal(t, 5, f.Readings, "decode")
	assert.Equal(t, 2, f.Sessions, "decode")
	c := r.Cases[0]
	assert.Equal(t, 4, c.Planned, "%d of %d iterations, want 4 of 4", c.Measured, c.Planned)
	assert.Equal(t, 4, c.Measured, "%d of %d iterations, want 4 of 4", c.Measured, c.Planned)
}

func TestTerminalTakesNoOrders(t *testing.T) {
	recorded := fixture("r1", harness.KindIPhone, noon, 1)
	for i := range recorded.Sessions {
		recorded.Sessions[i].Begin.Case.Device.Name = "shelf\x1b]0;owned\x07\u009b31m"
	}
	var b bytes.Buffer
	require.NoError(t, New(recorded).Text(&b))
	assert.False(t, strings.ContainsAny(b.String(), "\x1b\x07\u009b"), "control characters of a device's name reach the terminal")
}

func TestGaugePower(t *testing.T) {
	at := func(seconds int, sum, count uint64) harness.BatteryReading {
		return harness.BatteryReading{At: noon.Add(time.Duration(seconds) * time.Second), AccumulatedSystemLoad: &sum, SystemLoadCount: &count}
	}
	volts := func(seconds int, update, mv, ma int64) harness.BatteryReading {
		return harness.BatteryReading{
			At: noon.Add(time.Duration(seconds) * time.Second), UpdateTime: &update, VoltageMillivolt: &mv, AmperageMilliampere: &ma,
		}
	}
	cases := []struct {
		name     string
		readings []harness.BatteryReading
		watts    []float64
		mWh      float64
	}{
		{"accumulators", []harness.BatteryReading{at(0, 1000, 10), at(36, 73_000, 46)}, []float64{2, 2}, 20},
		{"no update between", []harness.BatteryReading{at(0, 1000, 10), at(18, 1000, 10), at(36, 73_000, 46)}, []float64{2, 2}, 20},
		{"counter was reset", []harness.BatteryReading{at(0, 9000, 10), at(36, 100, 46)}, nil, 0},
		{"voltage times current", []harness.BatteryReading{volts(0, 1, 4000, -500), volts(36, 2, 4000, -500)}, []float64{2, 2}, 20},
		{"one reading", []harness.BatteryReading{at(0, 1000, 10)}, nil, 0},
		{"clock went back", []harness.BatteryReading{at(10, 1000, 10), at(5, 2000, 11)}, nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			power, energy := gaugePower(harness.RecordedSession{Begin: harness.SessionBegin{At: noon}, Battery: c.readings})
			require.Len(t, power, len(c.watts))
			for i, want := range c.watts {
				assert.InDelta(t, want, power[i].Value.([]float64)[1], 1e-12, "step %d", i)
			}
			n := len(energy)
			if n > 0 {
				assert.InDelta(t, c.mWh, energy[n-1].Value.([]float64)[1], 1e-9, "energy")
			}
		})
	}
}

func TestPageName(t *testing.T) {
	got, want := PageName("../x y/é"), "run-.._x_y__.html"
	assert.Equal(t, want, got, "PageName")
}
