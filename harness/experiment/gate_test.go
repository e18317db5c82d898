package experiment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/experiment"
)

func TestPairsUntilDecided(t *testing.T) {
	for _, c := range []struct {
		name, configuration string
		want                harness.Judgement
	}{
		{"alike", "", harness.Pass},
		{"much slower", "speed=0.7", harness.Regression},
		{"much faster", "speed=1.4", harness.Improvement},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			found, err := l.gate(l.selection(c.configuration)).Pairs(t.Context())
			require.NoError(t, err)
			require.Len(t, found.Verdicts, 1)
			assert.Equal(t, c.want, found.Verdicts[0].Judgement)
			assert.Len(t, found.Runs, 1, "the first look decides")
			assert.Equal(t, 14, l.counted(), "6 pairs for the look, and one whose launch is the first after an install")
			assert.Equal(t, []experiment.Notice{experiment.Measured{Runs: found.Runs}}, l.notices)
		})
	}
}

// near is a loss too near the threshold for the strict rule to decide in one night, on a phone whose speed varies much.
func (l *lab) near() *experiment.Gate {
	l.spread = 0.05
	g := l.gate(l.selection("speed=0.92"))
	g.Rules.Strict, g.MostPairs = true, 8
	return g
}

func TestRoundsAlternateTheArmThatBegins(t *testing.T) {
	l := newLab(t)
	found, err := l.near().Pairs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, harness.Inconclusive, found.Verdicts[0].Judgement)
	assert.Equal(t, 8, found.Verdicts[0].Measured)
	require.Len(t, l.runs, 2)
	assert.Contains(t, l.notices, experiment.Notice(experiment.MorePairs{Pairs: 2}))
	for _, run := range l.runs {
		for i, s := range run.Plan.Sessions[2:] {
			if i%2 == 0 {
				assert.Equal(t, s.Arm, run.Plan.Sessions[i+1].Arm, "run %s: pairs alternate AB, BA", run.ID)
			}
		}
	}
	assert.NotEqual(t, l.runs[0].Plan.Seed, l.runs[1].Plan.Seed, "each round draws anew which arm begins")
}

func TestBudgetStops(t *testing.T) {
	l := newLab(t)
	g := l.near()
	g.MostPairs, g.Budget = 16, time.Nanosecond
	found, err := g.Pairs(t.Context())
	require.NoError(t, err)
	assert.Len(t, found.Runs, 1, "the round that was begun is finished, no other begins")
	assert.Equal(t, harness.Inconclusive, found.Verdicts[0].Judgement)

	l = newLab(t)
	g = l.near()
	g.MostPairs, g.Policy.Budget = 16, time.Nanosecond
	found, err = g.Pairs(t.Context())
	require.NoError(t, err)
	assert.Len(t, found.Runs, 1, "the policy's budget, where none is given")
}

func TestReuseMeasuresNothingTwice(t *testing.T) {
	l := newLab(t)
	first, err := l.gate(l.selection("speed=0.7")).Reuse(t.Context())
	require.NoError(t, err)
	assert.False(t, first.Reused)
	again, err := l.gate(l.selection("speed=0.7")).Reuse(t.Context())
	require.NoError(t, err)
	assert.True(t, again.Reused)
	assert.Equal(t, first.Runs, again.Runs)
	assert.Equal(t, first.Verdicts[0].Estimate, again.Verdicts[0].Estimate)
	other, err := l.gate(l.selection("speed=0.8")).Reuse(t.Context())
	require.NoError(t, err)
	assert.False(t, other.Reused, "pairs of other builds do not count")
	assert.NotContains(t, other.Runs, first.Runs[0])
}

func TestGateRefusesBeforeItMeasures(t *testing.T) {
	phone := func(configuration, revision string) func(*experiment.Gate) {
		return func(g *experiment.Gate) {
			g.Selection.Devices[0].Kind = harness.KindVirtual
			g.Selection.Builds[0].Configuration, g.Selection.Builds[0].Revision = configuration, revision
		}
	}
	for _, c := range []struct {
		name string
		edit func(*experiment.Gate)
		kind harness.Kind
		want string
	}{
		{"a Debug build", phone("Debug", "0123abc"), harness.KindBuild, "is a Debug build"},
		{"an unknown revision", phone("Release", "unknown"), harness.KindBuild, "the revision of the candidate"},
		{"an unknown metric", func(g *experiment.Gate) { g.Rules = compare.Rules{Metrics: []string{"tokens"}} }, harness.KindUsage,
			`metric "tokens" is not known`},
		{"fewer than no pairs", func(g *experiment.Gate) { g.MostPairs = -1 }, harness.KindUsage, "not negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			g := l.gate(l.selection(""))
			c.edit(g)
			_, err := g.Pairs(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, c.kind, harness.KindOf(err))
			_, err = g.Screen(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, l.runs)
		})
	}
}

func TestCalibrate(t *testing.T) {
	l := newLab(t)
	e, err := experiment.New(l.setup(), l.selectionOf(build(harness.ArmCandidate, "one", ""), build(harness.ArmBaseline, "one", "")))
	require.NoError(t, err)
	rules := compare.Rules{Metrics: []string{harness.DecodeTokS}}
	found, err := e.Calibrate(t.Context(), rules, 0)
	require.NoError(t, err)
	assert.Zero(t, found[0].Pairs)
	assert.Empty(t, l.runs, "0 pairs: nothing is measured")
	found, err = e.Calibrate(t.Context(), rules, 8)
	require.NoError(t, err)
	assert.Equal(t, 8, found[0].Pairs)
	require.NotNil(t, found[0].Noise)
	assert.InDelta(t, 0.01, *found[0].Noise, 0.01)
	_, err = e.Calibrate(t.Context(), compare.Rules{Metrics: []string{"tokens"}}, 8)
	require.Error(t, err)
	assert.Len(t, l.runs, 1, "an unknown metric costs no time")
}
