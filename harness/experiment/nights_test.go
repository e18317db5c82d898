package experiment_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/experiment"
)

// continued is the gate of one more night.
func (l *lab) continued(t *testing.T) experiment.Result {
	t.Helper()
	g := l.near()
	g.Continue = true
	found, err := g.Pairs(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Verdicts, 1)
	return found
}

func TestASecondNightContinues(t *testing.T) {
	l := newLab(t)
	first := l.continued(t)
	assert.Equal(t, harness.Inconclusive, first.Verdicts[0].Judgement)
	assert.Equal(t, 8, first.Verdicts[0].Measured)
	assert.NotContains(t, first.Verdicts[0].Reason, "a person")
	assert.Contains(t, l.notices, experiment.Notice(experiment.LeftOpen{Verdicts: 1}))

	again := l.continued(t)
	assert.True(t, again.Reused, "later in the same night there is nothing to continue with")
	assert.Equal(t, 8, again.Verdicts[0].Measured)

	l.clock.night(2)
	second := l.continued(t)
	assert.False(t, second.Reused)
	assert.Equal(t, 16, second.Verdicts[0].Measured)
	assert.Contains(t, l.notices, experiment.Notice(experiment.Continued{Runs: 2, Nights: 1}))
	assert.Equal(t, harness.Inconclusive, second.Verdicts[0].Judgement)
	assert.Equal(t, "undecided after 2 nights: a person has to decide", second.Verdicts[0].Reason)

	l.clock.night(3)
	third := l.continued(t)
	assert.True(t, third.Reused, "a second night is the last")
	assert.Equal(t, "undecided after 2 nights: a person has to decide", third.Verdicts[0].Reason)
}

func TestOtherBuildsBeginAnew(t *testing.T) {
	l := newLab(t)
	l.continued(t)
	l.clock.night(2)
	g := l.gate(l.selection("speed=0.7"))
	g.Continue = true
	found, err := g.Pairs(t.Context())
	require.NoError(t, err)
	assert.Equal(t, harness.Regression, found.Verdicts[0].Judgement)
	assert.Equal(t, 6, found.Verdicts[0].Measured)
}
