package metrickit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// line is a record as one line of JSON has it, for comparing.
func line(r Record) string {
	text := string(r.Kind) + " " + r.Path
	if r.Value != nil {
		text += fmt.Sprintf(" = %v %s", *r.Value, r.Unit)
	}
	if r.SD != nil {
		text += fmt.Sprintf(" ± %v", *r.SD)
	}
	if r.Samples != nil {
		text += fmt.Sprintf(" of %d", *r.Samples)
	}
	for _, b := range r.Buckets {
		text += fmt.Sprintf(" [%v %v %d]", *b.Low, *b.High, b.Count)
	}
	if r.Signpost != "" {
		text += " of " + r.Category + "/" + r.Signpost
	}
	if r.State != nil {
		text += " in " + r.State.Domain + "/" + r.State.Label
	}
	if r.Stack != nil {
		text += fmt.Sprintf(" stack %d/%d/%d %s", r.Stack.Threads, r.Stack.Frames, r.Stack.Depth, r.Stack.Attributed)
	}
	return text + string(r.Raw)
}

// TestShapes: everything that payloads have been seen to look like, or may.
func TestShapes(t *testing.T) {
	const stack = `"callStackTree":{"callStackPerThread":true,"callStackThreads":[{"threadAttributed":true,` +
		`"callStackRootFrames":[{"binaryName":"a","offsetIntoBinaryTextSegment":4}]}],"binaryInfo":[]}`
	for _, c := range []struct {
		name, raw, format string
		want              []string
	}{
		// iOS 27: a metric's payload has its measurement in a field "value", an average in "average".
		{"wrapped value", `{"timeRange":{"begin":0,"end":86400},"intervalEntries":[{"values":[{"cpuTime":{"_0":{"value":{"value":1500,` +
			`"unit":"ms"}}}}]}]}`, "report",
			[]string{"metric intervalEntries.0.values.cpuTime = 1.5 s"}},
		{"named value", `{"timeRange":{"begin":0,"end":86400},"intervalEntries":[{"values":[{"type":"peakMemory","metric":{"value":{"value":2,` +
			`"unit":"MB"}}}]}]}`, "report",
			[]string{"metric intervalEntries.0.values.peakMemory = 2e+06 B"}},
		{"count", `{"timeRange":{"begin":0,"end":86400},"intervalEntries":[{"values":[{"cpuInstructionsCount":{"value":12345}}]}]}`, "report",
			[]string{"count intervalEntries.0.values.cpuInstructionsCount = 12345 1"}},
		{"average", `{"timeRange":{"begin":0,"end":86400},"intervalEntries":[{"values":[{"suspendedMemory":{"value":{"average":{"value":3,` +
			`"unit":"kB"},"count":7,"standardDeviation":2}}}]}]}`, "report",
			[]string{"average intervalEntries.0.values.suspendedMemory = 3000 B ± 2000 of 7"}},
		{"average without deviation", `{"timeRange":{"begin":0,"end":86400},` +
			`"intervalEntries":[{"values":[{"suspendedMemory":{"average":{"value":3,"unit":"kB"},"count":0,"standardDeviation":-1}}]}]}`, "report",
			[]string{"average intervalEntries.0.values.suspendedMemory = 3000 B of 0"}},
		{"signpost interval", `{"timeRange":{"begin":0,"end":86400},` +
			`"intervalEntries":[{"values":[{"signpostInterval":{"signpostName":"decode","signpostCategory":"bench","totalCount":5,` +
			`"signpostDuration":{"buckets":[{"lowerBound":{"value":2,"unit":"s"},"upperBound":{"value":3,"unit":"s"},"count":1},` +
			`{"lowerBound":{"value":100,"unit":"ms"},"upperBound":{"value":200,"unit":"ms"},"count":4}]},` +
			`"cpuTime":{"value":9,"unit":"s"},"averageMemory":{"average":{"value":1,"unit":"MB"},"count":5,"standardDeviation":0}}}]}]}`, "report",
			[]string{"count intervalEntries.0.values.signpostInterval.totalCount = 5 1 of bench/decode",
				"histogram intervalEntries.0.values.signpostInterval.signpostDuration [0.1 0.2 4] [2 3 1] of bench/decode",
				"metric intervalEntries.0.values.signpostInterval.cpuTime = 9 s of bench/decode",
				"average intervalEntries.0.values.signpostInterval.averageMemory = 1e+06 B ± 0 of 5 of bench/decode"}},
		{"frames", `{"timeRange":{"begin":0,"end":86400},"intervalEntries":[{"values":[{"metalFrameRate":{"framesPerSecond":{"value":60,` +
			`"unit":"Hz"},"frameCount":600,"layerName":"Board"}}]}]}`, "report",
			[]string{"metric intervalEntries.0.values.metalFrameRate.framesPerSecond = 60 Hz",
				"count intervalEntries.0.values.metalFrameRate.frameCount = 600 1",
				`unknown intervalEntries.0.values.metalFrameRate.layerName"Board"`}},
		{"state with more", `{"timeRange":{"begin":0,"end":1},"stateEntries":[{"state":{"domain":"bench","label":"decode",` +
			`"duration":{"value":3,"unit":"s"},"stableMetadata":{"layers":48}},"values":[{"hangTime":{"histogram":{"buckets":[]}}}]}]}`, "report",
			[]string{"metric stateEntries.0.state.duration = 3 s in bench/decode",
				"metric stateEntries.0.state.stableMetadata.layers = 48 1 in bench/decode",
				"histogram stateEntries.0.values.hangTime in bench/decode"}},
		{"grouped by state", `{"version":"2.0.0","timeRange":{"begin":0,"end":1},"byStateReportingDomain":{"bench":[{"label":"decode",` +
			`"memory":{"peakMemory":{"value":{"value":1,"unit":"kB"}}}}]}}`, "report",
			[]string{`unknown byStateReportingDomain.bench.0.label"decode"`, "metric byStateReportingDomain.bench.0.memory.peakMemory = 1000 B"}},
		// iOS 27's report on one event: its fields stand among the report's own.
		{"hang among the report's fields", `{"timeRange":{"begin":0,"end":2},"hang":{"hangDuration":{"value":2500,"unit":"ms"},` + stack +
			`},"environment":{"deviceType":"iPhone18,1","signpostData":[],"states":[{"domain":"x"}]}}`, "diagnostic_report",
			[]string{
				"metric result.hang.hangDuration = 2.5 s", "diagnostic result.hang stack 1/1/1 a+4", `unknown environment.states[{"domain":"x"}]`,
			}},
		{"event named by a field", `{"timeRange":{"begin":0,"end":2},"type":"memoryException","diagnostic":{` + stack + `},"environment":{}}`,
			"diagnostic_report",
			[]string{"diagnostic result.memoryException stack 1/1/1 a+4"}},
		{"event in Swift's wrapping", `{"timeRange":{"begin":0,"end":2},"crash":{"_0":{"signal":6,` + stack + `}}}`, "diagnostic_report",
			[]string{"diagnostic result.crash stack 1/1/1 a+4"}},
		{"event in a result", `{"timeRange":{"begin":0,"end":2},"result":{"diskWrite":{"writesCaused":{"value":2,"unit":"kB"},` + stack +
			`}}}`, "diagnostic_report",
			[]string{"metric result.diskWrite.writesCaused = 2000 B", "diagnostic result.diskWrite stack 1/1/1 a+4"}},
		// What stands alone.
		{"a diagnostic alone", `{"version":"1.0.0","diagnosticMetaData":{"hangDuration":"2,5 sec","regionFormat":"DE"},` + stack + `}`,
			"diagnostic",
			[]string{"metric diagnostic.hangDuration = 2.5 s", "diagnostic diagnostic stack 1/1/1 a+4"}},
		{"call stacks alone", `{` + stack + `}`, "diagnostic", []string{"diagnostic diagnostic stack 1/1/1 a+4"}},
		{"a group alone", `{"memoryMetrics":{"peakMemoryUsage":"174081 kB"}}`, "metric", []string{
			"metric memoryMetrics.peakMemoryUsage = 1.74081e+08 B",
		}},
		// Up to iOS 26: what nobody expected is kept.
		{"unknown meta data", `{"memoryMetrics":{},"metaData":{"deviceType":"iPhone9,2","platformArchitecture":"arm64","pid":-1,` +
			`"chipTemperature":"warm","osVersion":7}}`, "metric",
			[]string{`unknown metaData.chipTemperature"warm"`, "unknown metaData.osVersion7"}},
		{"a time that is none", `{"timeStampBegin":"yesterday","timeStampEnd":"2020-10-24 22:59:00",` +
			`"diskSpaceUsageMetrics":{"totalDiskSpaceUsedSize":"5 kB"}}`, "metric",
			[]string{"metric diskSpaceUsageMetrics.totalDiskSpaceUsedSize = 5000 B", `unknown timeStampBegin"yesterday"`}},
		{"a list of groups", `{"animationMetrics":{"scrollHitchTimeRatio":"15 ms per s","windows":[{"hitch":"2 ms"},{"hitch":"3 ms"}]}}`,
			"metric",
			[]string{
				"metric animationMetrics.scrollHitchTimeRatio = 0.015 s/s", "metric animationMetrics.windows.0.hitch = 0.002 s",
				"metric animationMetrics.windows.1.hitch = 0.003 s",
			}},
		{"buckets in a list, in no order", `{"applicationLaunchMetrics":{"histogrammedTimeToFirstDraw":{"histogramNumBuckets":2,` +
			`"histogramValue":[` +
			`{"bucketCount":1,"bucketStart":"1,000 ms","bucketEnd":"1,010 ms"},{"bucketCount":"2","bucketStart":"990 ms","bucketEnd":"1,000 ` +
			`ms"}]}},"metaData":{"regionFormat":"US"}}`, "metric",
			[]string{"histogram applicationLaunchMetrics.histogrammedTimeToFirstDraw [0.99 1 2] [1 1.01 1]"}},
		{"counts with separators", `{"cellularConditionMetrics":{"cellConditionTime":{"histogramNumBuckets":1,` +
			`"histogramValue":{"0":{"bucketCount":"1,020","bucketStart":"1 bars","bucketEnd":"1 bars"}}}},"metaData":{"regionFormat":"US"}}`,
			"metric",
			[]string{"histogram cellularConditionMetrics.cellConditionTime [1 1 1020]"}},
		{"nothing happened", `{"timeStampBegin":"2020-10-24 22:59:00 +0000","timeStampEnd":"2020-10-24 22:59:00 +0000",` +
			`"applicationExitMetrics":{"backgroundExitData":{},"foregroundExitData":{}}}`, "metric", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse([]byte(c.raw))
			require.NoError(t, err)
			var got []string
			for _, r := range p.Records {
				if strings.HasSuffix(r.Path, ".duration") && strings.HasPrefix(r.Path, "intervalEntries") {
					continue
				}
				got = append(got, line(r))
				assert.Empty(t, r.Warnings, "%s warns", r.Path)
			}
			assert.Equal(t, c.format, p.Format,
				"%s:\n  %s\nwant %s:\n  %s", p.Format, strings.Join(got, "\n  "), c.format, strings.Join(c.want, "\n  "))
			assert.True(t, slices.Equal(got, c.want),
				"%s:\n  %s\nwant %s:\n  %s", p.Format, strings.Join(got, "\n  "), c.format, strings.Join(c.want, "\n  "))
		})
	}
}

func TestArchitectureIsKept(t *testing.T) {
	p, err := Parse([]byte(`{"cpuMetrics":{"cumulativeCPUTime":"1 sec"},"metaData":{"platformArchitecture":"arm64e"}}`))
	require.NoError(t, err)
	assert.Equal(t, "arm64e", p.Records[0].Processor)
}

// TestDoubtsAboutBuckets: a unit that nobody knows, and bounds in two units that cannot be one.
func TestDoubtsAboutBuckets(t *testing.T) {
	p, err := Parse([]byte(`{"oddMetrics":{"h":{"histogramValue":{"0":{"bucketCount":1,"bucketStart":"1 moon","bucketEnd":"2 moon"},` +
		`"1":{"bucketCount":1,"bucketStart":"3 sec","bucketEnd":"4 sec"}}}}}`))
	require.NoError(t, err)
	r := find(t, p, "h")
	assert.Len(t, r.Buckets, 2)
	assert.Equal(t, "moon", r.Unit)
	assert.Len(t, r.Warnings, 2)
}

// TestEveryLanguage: the same megabyte and second as phones of many regions write them.
func TestEveryLanguage(t *testing.T) {
	for _, c := range []struct{ region, bytes, time string }{
		{"US", "1,234.5 kB", "1.5 sec"}, {"DE", "1.234,5 kB", "1,5 Sek."}, {"FR", "1\u202f234,5\u00a0ko", "1,5\u00a0s"},
		{"CH", "1’234.5 kB", "1.5 Sek."},
		{"CN", "1,234.5千字节", "1.5秒"}, {"TW", "1,234.5 千位元組", "1.5 秒"}, {"JP", "1,234.5 KB", "1.5 秒"}, {"KR", "1,234.5kB", "1.5초"},
		{"RU", "1\u00a0234,5 КБ", "1,5 с"},
		{"SA", "١٬٢٣٤٫٥ كيلوبايت", "١٫٥ ث"}, {"IN", "1,234.5 केबी", "1.5 से॰"}, {"FI", "1\u00a0234,5 kt", "1,5 s"},
		{"IL", "\u200f1,234.5 ק״ב", "\u200f1.5 שנ׳"}, {"TH", "1,234.5 กิโลไบต์", "1.5 วิ"},
		{"TR", "1.234,5 kB", "1,5 sn"}, {"PL", "1234,5 kB", "1,5 sek."}, {"HU", "1\u00a0234,5 kB", "1,5 mp"}, {"PT", "1234,5 kB", "1,5 seg"},
		{"VN", "1.234,5 kB", "1,5 giây"}, {"GR", "1.234,5 kB", "1,5 δ"},
	} {
		raw, err := json.Marshal(map[string]any{"memoryMetrics": map[string]string{"peakMemoryUsage": c.bytes}, "cpuMetrics": map[string]string{
			"cumulativeCPUTime": c.time,
		}, "metaData": map[string]string{"regionFormat": c.region}})
		require.NoError(t, err)
		p, err := Parse(raw)
		require.NoError(t, err)
		for name, want := range map[string]float64{"peakMemoryUsage": 1234500, "cumulativeCPUTime": 1.5} {
			r := find(t, p, name)
			require.NotNil(t, r.Value, "%s: %q = %v %s", c.region, r.Text, r.Value, r.Unit)
			assert.InDelta(t, want, *r.Value, 1e-6, "%s: %q = %v %s", c.region, r.Text, r.Value, r.Unit)
			assert.Empty(t, r.Warnings, "%s: %q = %v %s", c.region, r.Text, r.Value, r.Unit)
		}
	}
}
