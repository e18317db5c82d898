package reports

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/trend"
)

// someVerdicts are one of each kind that people see.
func someVerdicts() Verdicts {
	paired := func(metric string, j harness.Judgement, estimate, low, high float64, warnings ...string) gate.Judged {
		return gate.Judged{Measured: 6, Steps: []gate.Step{{Pairs: 6, Verdict: string(j)}},
			Verdict: harness.Verdict{Case: "iPhone15,4/stories-1m/quick", Metric: metric,
				Judgement: j, Estimate: &estimate, Low: &low, High: &high, Pairs: 6, Noise: ptr(0.0213), Threshold: 0.10, Warnings: warnings}}
	}
	const uncalibrated = "not calibrated (run bench calibrate): noise estimated from today's pairs"
	exact := paired(harness.Perplexity, harness.Regression, 0.03, 0.03, 0.03)
	exact.Pairs, exact.Noise, exact.Threshold, exact.Reason = 1, nil, 0.01, "8.755, baseline 8.500"
	return Verdicts{
		paired(harness.DecodeTokS, harness.Regression, 0.2013, 0.1874, 0.2149, uncalibrated,
			"placement: 3 operations of decode on the CPU, not the Neural Engine: a, b, c"),
		paired(harness.TTFT, harness.Pass, 0.04, 0.012, 0.069, uncalibrated),
		paired(harness.PrefillTokS, harness.Improvement, -0.3, -0.312, -0.288),
		exact,
		{Verdict: harness.Verdict{Case: "iPhone15,4/stories-1m/quick", Metric: harness.EnergyPerToken, Judgement: harness.Inconclusive,
			Threshold: 0.10, Reason: "no usable pair of sessions"}},
		{Verdict: harness.Verdict{Case: "iPhone15,4/stories-1m/quick", Metric: harness.TTFT, Judgement: harness.Pass,
			Value: ptr(0.004618), Limit: ptr(3.0), Reason: "4.618 ms, absolute limit at most 3.000 s"}},
		{Verdict: harness.Verdict{Case: "iPhone15,4/stories-1m/quick", Metric: harness.GreedyMatch, Judgement: harness.Differs,
			Value: ptr(0.15), Limit: ptr(1.0), Reason: "output differs: 15 % of 128 tokens are the same, the first that differs is number 20"}},
		{Verdict: harness.Verdict{Case: "iPhone12,*/*/*|x", Metric: "any", Judgement: harness.Missing,
			Reason: "the policy requires a case like this and none was judged"}},
	}
}

func someHistories() Histories {
	return Histories{
		{Case: "iPhone15,4/stories-1m/quick", Device: "shelf 1", Metric: harness.DecodeTokS, Unit: "tok/s", Stretches: []trend.Stretch{
			{Nights: []trend.NightMedian{{Night: "2026-11-01", Value: 32.1, Sessions: 4}}, Changes: []trend.NightChange{}},
			{Changed: []string{"OS build 22A100 and 22G86"}, Sigma: 0.0123, Phi: 0.2,
				Nights: append(nightsFrom(2, 12, 32.1), trend.NightMedian{Night: "2026-11-14", Value: 12.3, Sessions: 4, Outlier: true}),
				Changes: []trend.NightChange{{Night: "2026-11-08", Before: 32.1, After: 28.15, Change: 28.15/32.1 - 1, Worse: true},
					{Night: "2026-11-12", Before: 28.15, After: 32.2, Change: 32.2/28.15 - 1, Provisional: true}}}}},
		{Case: "iPhone15,4/stories-1m/quick", Device: "shelf 1", Metric: harness.TTFT, Unit: "s", Stretches: []trend.Stretch{
			{Nights: nightsFrom(1, 12, 0.004618), Changes: []trend.NightChange{{Night: "2026-11-08", Before: 0.00401, After: 0.004618,
				Change: 0.004618/0.00401 - 1, Worse: true}}}}},
	}
}

func nightsFrom(first, n int, value float64) []trend.NightMedian {
	var out []trend.NightMedian
	for i := range n {
		out = append(out, trend.NightMedian{Night: fmt.Sprintf("2026-11-%02d", first+i), Value: value, Sessions: 4})
	}
	return out
}

func TestVerdictGoldens(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	lower := speed
	lower.Better = harness.Lower
	calibrations := Calibrations{
		{Case: "iPhone15,4/stories-1m/quick", Metric: harness.DecodeTokS, Pairs: 13, Noise: ptr(0.012), Comparisons: 2,
			Bound: ptr(0.7764), Detectable: []gate.Detectable{{Pairs: 5, Change: 0.115}, {Pairs: 16, Change: 0.104}}},
		{Case: "iPhone15,4/stories-1m/quick", Metric: harness.TTFT, Pairs: 5},
	}
	series := SeriesTrend{trend.Series{Name: "step", Values: make([]float64, 20)}, trend.Found{Changes: []trend.Change{{Index: 10,
		Before: 100, After: 90}}, Outliers: []int{4}, Sigma: 0.01}}
	for name, write := range map[string]func(io.Writer) error{
		"verdicts.txt":      someVerdicts().Text,
		"verdicts.md":       someVerdicts().Markdown,
		"verdicts.xml":      someVerdicts().JUnit,
		"verdicts.json":     someVerdicts().JSON,
		"verdict.txt":       func(w io.Writer) error { return SeriesVerdict(w, speed, someVerdicts()[0]) },
		"verdict_lower.txt": func(w io.Writer) error { return SeriesVerdict(w, lower, someVerdicts()[0]) },
		"verdict.json":      func(w io.Writer) error { return SeriesVerdictJSON(w, someVerdicts()[0]) },
		"trend.txt":         someHistories().Text,
		"trend.json":        someHistories().JSON,
		"series_trend.txt":  series.Text,
		"series_trend.json": series.JSON,
		"calibration.txt":   calibrations.Text,
		"calibration.json":  calibrations.JSON,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, write(&b))
			golden(t, name, b.Bytes())
		})
	}
}

// TestPeopleReadNoRawForms looks for names and numbers as they are stored in what people read.
func TestPeopleReadNoRawForms(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{
		"text": someVerdicts().Text, "markdown": someVerdicts().Markdown, "junit": someVerdicts().JUnit, "trend": someHistories().Text,
	} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		for _, m := range harness.Metrics() {
			if m.Name != harness.Perplexity { // which is a word
				assert.NotContains(t, b.String(), m.Name, name)
			}
		}
		assert.NotRegexp(t, `\be[+-][0-9]{2}\b|0\.00[0-9]+ s|\b1 pairs|Positive is worse`, b.String(), name)
	}
}

// TestSigns holds the three printers for people to one convention: the sign is the value's, the word is the meaning.
func TestSigns(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{"text": someVerdicts().Text, "markdown": someVerdicts().Markdown,
		"junit": someVerdicts().JUnit} {
		var b bytes.Buffer
		require.NoError(t, write(&b))
		assert.Contains(t, b.String(), "−20.1 % worse", name)
		assert.Contains(t, b.String(), "[−21.5 %, −18.7 %]", name)
		assert.Contains(t, b.String(), "+4.0 % worse", name)
		assert.Contains(t, b.String(), "+30.0 % better", name)
	}
	var out struct {
		Schema   int
		Verdicts []struct {
			Metric   string
			Estimate *float64
			Interval []float64
		}
	}
	var b bytes.Buffer
	require.NoError(t, someVerdicts().JSON(&b))
	require.NoError(t, json.Unmarshal(b.Bytes(), &out))
	assert.Equal(t, 1, out.Schema)
	assert.Equal(t, harness.DecodeTokS, out.Verdicts[0].Metric, "programs read the metric's name")
	assert.InDelta(t, 0.2013, *out.Verdicts[0].Estimate, 1e-12, "positive is worse")
	assert.Equal(t, []float64{0.1874, 0.2149}, out.Verdicts[0].Interval)
}

func TestJUnitCounts(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, someVerdicts().JUnit(&b))
	var out junitSuites
	require.NoError(t, xml.Unmarshal(b.Bytes(), &out))
	assert.Equal(t, []int{8, 2, 2}, []int{out.Tests, out.Failures, out.Errors})
	require.Len(t, out.Suites, 2, "one for each case")
	assert.Equal(t, []int{7, 2, 1}, []int{out.Suites[0].Tests, out.Suites[0].Failures, out.Suites[0].Errors})
}

func TestMarkdownHeadline(t *testing.T) {
	all := someVerdicts()
	for want, some := range map[string]Verdicts{"regression": all, "inconclusive": all[4:5], "pass": all[1:3]} {
		var b bytes.Buffer
		require.NoError(t, some.Markdown(&b))
		first, _, _ := strings.Cut(b.String(), "\n")
		assert.Equal(t, "## Benchmark gate: "+want, first)
	}
}

// TestHistoriesAreJSON encodes histories on several processors: the bytes are those of one encoder.
func TestHistoriesAreJSON(t *testing.T) {
	for n := range 4 {
		all := Histories{}
		for i := range n {
			all = append(all, trend.CaseHistory{Case: fmt.Sprintf("<case> & %d", i),
				Stretches: []trend.Stretch{{Nights: []trend.NightMedian{{Night: "2026-01-01", Value: 1.5}}}}})
		}
		var got, want bytes.Buffer
		require.NoError(t, all.JSON(&got))
		require.NoError(t, Indented(&want, struct {
			Schema    int       `json:"schema"`
			Histories Histories `json:"histories"`
		}{trendSchema, all}))
		assert.JSONEq(t, want.String(), got.String())
		if n > 0 {
			assert.Equal(t, want.String(), got.String())
		}
	}
}

func TestColumnsDropControlCharacters(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Columns(&b, [][]string{{"NAME", "n"}, {"a\x1b[2Jb\nc", "1"}}))
	assert.Equal(t, "NAME    n\na[2Jbc  1\n", b.String())
}
