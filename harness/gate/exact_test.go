package gate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestExact(t *testing.T) {
	perplexity, _ := harness.MetricNamed(harness.Perplexity)
	match, _ := harness.MetricNamed(harness.GreedyMatch)
	for name, c := range map[string]struct {
		metric    harness.Metric
		was, is   [][]float64
		floor     float64
		judgement harness.Judgement
	}{
		"the same":                   {perplexity, [][]float64{{8.5}}, [][]float64{{8.5}}, 0, harness.Pass},
		"worse by more":              {perplexity, [][]float64{{8.5}}, [][]float64{{8.6}}, 0, harness.Regression},
		"worse by less":              {perplexity, [][]float64{{8.5}}, [][]float64{{8.58}}, 0, harness.Pass},
		"better":                     {perplexity, [][]float64{{8.5}}, [][]float64{{8.4}}, 0, harness.Improvement},
		"below the floor":            {perplexity, [][]float64{{8.5}}, [][]float64{{8.6}}, 0.2, harness.Pass},
		"higher is better, less":     {match, [][]float64{{1}}, [][]float64{{0.98}}, 0, harness.Regression},
		"higher is better, the same": {match, [][]float64{{1}}, [][]float64{{1}}, 0, harness.Pass},
		"no baseline":                {perplexity, nil, [][]float64{{8.5}}, 0, harness.NoBaseline},
		"no candidate":               {perplexity, [][]float64{{8.5}}, nil, 0, harness.Inconclusive},
		"several launches":           {perplexity, [][]float64{{8.5}, {8.5}, {9.9}}, [][]float64{{8.5}}, 0, harness.Pass},
	} {
		got, err := Exact("a", c.metric, c.was, c.is, Rule{Threshold: 0.01, Floor: c.floor})
		require.NoError(t, err, "%s", name)
		assert.Equal(t, c.judgement, got.Judgement, "%s", name)
		assert.Equal(t, len(c.was) > 1, strings.Contains(strings.Join(got.Warnings, ""), "differ from launch to launch, from 8.500 to 9.900"),
			"%s: warnings %v", name, got.Warnings)
	}
	_, err := Exact("a", perplexity, [][]float64{{0}}, [][]float64{{8.5}}, Rule{})
	require.Error(t, err, "a perplexity of 0 is judged")
}
