package reports

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/release"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestVerdictsInColour: a terminal shows the words of verdicts in colour, in the same columns; anything else is given none.
func TestVerdictsInColour(t *testing.T) {
	loss := 0.2
	verdicts := Verdicts{
		{Verdict: harness.Verdict{
			Case: "c", Metric: harness.DecodeTokS, Judgement: harness.Regression, Estimate: &loss, Low: &loss, High: &loss,
		}},
		{Verdict: harness.Verdict{Case: "c", Metric: harness.TTFT, Judgement: harness.Pass, Estimate: &loss}},
		{Verdict: harness.Verdict{Case: "c", Metric: harness.Energy, Judgement: harness.Inconclusive, Reason: "no pairs"}},
		{Verdict: harness.Verdict{Case: "d", Metric: harness.Energy, Judgement: harness.OverLimit, Reason: "12 J"}},
	}
	series := gate.Judged{Verdict: harness.Verdict{Case: "x", Judgement: harness.Regression}}
	page := release.Page{Status: release.NotMeasured}
	var plainText, coloured bytes.Buffer
	require.NoError(t, verdicts.Text(&plainText))
	require.NoError(t, SeriesVerdict(&plainText, harness.Metric{Label: "speed"}, series))
	require.NoError(t, Release(&plainText, page))
	require.NoError(t, verdicts.Text(Terminal{&coloured}))
	require.NoError(t, SeriesVerdict(Terminal{&coloured}, harness.Metric{Label: "speed"}, series))
	require.NoError(t, Release(Terminal{&coloured}, page))

	assert.NotContains(t, plainText.String(), "\x1b")
	assert.Equal(t, plainText.String(), escapes.ReplaceAllString(coloured.String(), ""))
	for _, word := range []string{red + "regression", green + "pass", yellow + "inconclusive", red + "over limit",
		"speed: " + red + "regression", "release check: " + yellow + "incomplete"} {
		assert.Contains(t, coloured.String(), word+plain)
	}
}
