package experiment_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/experiment"
	"github.com/lilims/bench/harness/gate"
)

// store measures the accepted build in so many nights and stores what they gave as its baseline.
func (l *lab) store(nights int) {
	t := l.t
	t.Helper()
	selection := l.selectionOf(build(harness.ArmCandidate, "accepted", ""))
	for night := 1; night <= nights; night++ {
		l.clock.night(night)
		e, err := experiment.New(l.setup(), selection)
		require.NoError(t, err)
		require.NoError(t, e.Round(t.Context(), 4))
	}
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	key := harness.Case{Device: selection.Devices[0], Model: selection.Models[0], Scenario: quick}.Key()
	sessions, err := l.recorder.Series(t.Context(), harness.SeriesQuery{Case: key, Metric: metric.Name})
	require.NoError(t, err)
	l.baselines[key] = &harness.Baseline{Case: key, Fingerprint: sessions[0].Begin.Fingerprint,
		Series: map[string][]harness.BaselineNight{metric.Name: gate.Nights(metric, sessions, nights)}}
	l.runs = nil
}

func TestScreenAlone(t *testing.T) {
	l := newLab(t)
	l.store(8)
	for _, c := range []struct {
		name, configuration string
		night               int
		want                harness.Judgement
		reason              string
	}{
		{"the same", "", 9, harness.Pass, ""},
		{"much slower", "speed=0.6", 10, harness.Regression, ""},
		{"stale", "", 60, harness.Inconclusive, "its last night, 2026-11-08, is 52 days old and the policy allows 30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.clock.night(c.night)
			found, err := l.gate(l.selectionOf(build(harness.ArmCandidate, "new", c.configuration))).Screen(t.Context())
			require.NoError(t, err)
			require.Len(t, found.Verdicts, 1)
			assert.Equal(t, c.want, found.Verdicts[0].Judgement, found.Verdicts[0].Reason)
			assert.Contains(t, found.Verdicts[0].Reason, c.reason)
			assert.Len(t, found.Runs, 1)
		})
	}
}

func TestScreenThenFreshPairs(t *testing.T) {
	l := newLab(t)
	l.store(8)
	l.clock.night(9)
	found, err := l.gate(l.selection("")).Screen(t.Context())
	require.NoError(t, err)
	assert.Equal(t, harness.Pass, found.Verdicts[0].Judgement)
	assert.False(t, told[experiment.ScreenOpen](l), "what the screen passes needs no fresh pairs")
	for _, s := range l.runs[0].Plan.Sessions {
		assert.Equal(t, harness.ArmCandidate, s.Arm, "the screen launches the candidate alone")
	}

	l.runs = nil
	found, err = l.gate(l.selection("speed=0.6")).Screen(t.Context())
	require.NoError(t, err)
	assert.True(t, told[experiment.ScreenOpen](l))
	require.Len(t, found.Runs, 2)
	assert.Equal(t, harness.Regression, found.Verdicts[0].Judgement)
	assert.Equal(t, 6, found.Verdicts[0].Pairs, "of the fresh pairs alone")
	assert.Equal(t, found.Runs[0], found.Candidate[0].Run)
}

func TestNothingIsStored(t *testing.T) {
	l := newLab(t)
	found, err := l.gate(l.selectionOf(build(harness.ArmCandidate, "new", ""))).Screen(t.Context())
	require.NoError(t, err)
	assert.Equal(t, harness.NoBaseline, found.Verdicts[0].Judgement)
}

func TestAnotherProtocolIsIncomparable(t *testing.T) {
	l := newLab(t)
	l.store(8)
	for _, b := range l.baselines {
		b.Fingerprint.Protocol = "0"
	}
	l.clock.night(9)
	found, err := l.gate(l.selectionOf(build(harness.ArmCandidate, "new", ""))).Screen(t.Context())
	require.NoError(t, err)
	assert.Equal(t, harness.Incomparable, found.Verdicts[0].Judgement)
	assert.Equal(t, "the stored baseline differs in protocol 0 and "+harness.Protocol, found.Verdicts[0].Reason)
}

// damaged baselines cannot be read.
type damaged struct{ error }

func (d damaged) Of(harness.Case) (*harness.Baseline, error) { return nil, d.error }

func TestADamagedBaselineCostsNoNight(t *testing.T) {
	l := newLab(t)
	g := l.gate(l.selection(""))
	torn := errors.New("torn")
	g.Baselines = damaged{torn}
	_, err := g.Screen(t.Context())
	require.ErrorIs(t, err, torn)
	assert.Empty(t, l.runs)
}
