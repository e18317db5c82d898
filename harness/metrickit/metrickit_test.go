package metrickit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func load(t *testing.T, name string) Payload {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	p, err := Parse(raw)
	require.NoError(t, err)
	return p
}

func find(t *testing.T, p Payload, name string) Record {
	t.Helper()
	i := slices.IndexFunc(p.Records, func(r Record) bool { return r.Name == name })
	require.GreaterOrEqual(t, i, 0, "no record %s", name)
	return p.Records[i]
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		file, name string
		want       float64
		unit       string
	}{
		{"zh.json", "peakMemoryUsage", 1106818e3, "B"},
		{"zh.json", "cumulativeCPUTime", 2717, "s"},
		{"zh.json", "cumulativeCPUInstructions", 50204015744e3, "1"},
		{"zh.json", "cumulativeForegroundTime", 1190.070, "s"},
		{"de.json", "peakMemoryUsage", 1300e3, "B"},
		{"de.json", "cumulativeLogicalWrites", 1300.5e3, "B"},
		{"de.json", "cumulativeWifiDownload", 1.5e6, "B"},
		{"de.json", "cumulativeNormalAppExitCount", 3, "1"},
		{"de.json", "signpostCumulativeCPUTime", 50, "s"},
		{"report27.json", "peakMemory", 1500e3, "B"},
		{"report27.json", "cpuTime", 1.5, "s"},
		{"report27.json", "totalForegroundTime", 120, "s"},
		{"crash.json", "hangDuration", 2.5, "s"},
	} {
		r := find(t, load(t, c.file), c.name)
		require.NotNil(t, r.Value, "%s %s", c.file, c.name)
		assert.InDelta(t, c.want, *r.Value, 1e-9*c.want, "%s %s", c.file, c.name)
		assert.Equal(t, c.unit, r.Unit, "%s %s", c.file, c.name)
		assert.Empty(t, r.Warnings, "%s %s", c.file, c.name)
	}
}

func TestAverages(t *testing.T) {
	r := find(t, load(t, "zh.json"), "averageSuspendedMemory")
	require.Equal(t, Average, r.Kind, "average suspended memory")
	require.InDelta(t, 1e8, *r.Value, 0, "average suspended memory")
	require.InDelta(t, 12500, *r.SD, 0, "average suspended memory")
	assert.Equal(t, int64(500), *r.Samples, "average suspended memory")
	r = find(t, load(t, "zh.json"), "averagePixelLuminance")
	require.Nil(t, r.SD, "a standard deviation of -1 was taken for one")
	assert.Equal(t, int64(0), *r.Samples, "a standard deviation of -1 was taken for one")
}

func TestHistogramIsSorted(t *testing.T) {
	r := find(t, load(t, "de.json"), "histogrammedSignpostDurations")
	var lows []float64
	for _, b := range r.Buckets {
		lows = append(lows, *b.Low)
	}
	assert.False(t, !slices.Equal(lows, []float64{0, 0.1, 2}) || r.Unit != "s" || r.Signpost != "decode" || r.Category != "bench",
		"histogram = %v %s of %s/%s", lows, r.Unit, r.Signpost, r.Category)
	r = find(t, load(t, "report27.json"), "timeToFirstDraw")
	require.Len(t, r.Buckets, 1, "histogram of a report")
	require.InDelta(t, 0.25, *r.Buckets[0].High, 0, "histogram of a report")
	assert.Equal(t, int64(4), r.Buckets[0].Count, "histogram of a report")
}

func TestWindowAndEnvironment(t *testing.T) {
	zh := load(t, "zh.json")
	assert.False(t, zh.Begin != "2026-10-24T22:59:00Z" || !zh.ZoneStated || zh.OS != "18.6" || zh.OSBuild != "22G86" || zh.PID != nil,
		"zh: %+v %+v", zh.Window, zh.Environment)
	de := load(t, "de.json")
	assert.False(t, de.Begin != de.End || de.ZoneStated || de.LowPower == nil || !*de.LowPower || *de.TestFlight,
		"de: %+v %+v", de.Window, de.Environment)
	report := load(t, "report27.json")
	assert.False(t, report.Begin != "2026-10-18T07:06:40Z" || report.OS != "27.0" || report.OSBuild != "24A335" || report.AppBuild != "9",
		"report: %+v %+v", report.Window, report.Environment)
	r := find(t, report, "totalForegroundTime")
	require.NotNil(t, r.State, "state entry lost its state")
	assert.Equal(t, "decode", r.State.Label, "state entry lost its state")
}

func TestDiagnostics(t *testing.T) {
	p := load(t, "crash.json")
	crash := find(t, p, "crash")
	s := crash.Stack
	assert.False(t, s == nil || s.Threads != 2 || s.Frames != 3 || s.Depth != 2 || s.Attributed != "BenchApp+123",
		"crash stack = %+v", crash.Stack)
	require.Equal(t, "11", string(crash.Detail["signal"]), "crash = %s %+v", crash.Detail, crash.Environment)
	assert.Equal(t, int64(812), *crash.PID, "crash = %s %+v", crash.Detail, crash.Environment)
	assert.Equal(t, "iPhone15,4", crash.Device, "crash = %s %+v", crash.Detail, crash.Environment)
	assert.Equal(t, "BenchApp+9", find(t, p, "hang").Stack.Attributed, "hang is attributed")
}

func TestNothingUnknownIsDropped(t *testing.T) {
	de := load(t, "de.json")
	r := find(t, de, "quantumFlux")
	assert.Equal(t, Unknown, r.Kind, "quantumFlux")
	assert.Equal(t, "[1,2]", string(r.Raw), "quantumFlux")
	r = find(t, de, "odd")
	assert.Equal(t, Unknown, r.Kind, "odd")
	assert.Equal(t, "null", string(r.Raw), "odd")
	r = find(t, load(t, "report27.json"), "holographicTime")
	assert.InDelta(t, 2, *r.Value, 0, "an unknown unit")
	assert.Equal(t, "fortnights", r.Unit, "an unknown unit")
	assert.Len(t, r.Warnings, 1, "an unknown unit")
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		text   string
		region string
		want   float64
		unit   string
	}{
		{"200,000 kB", "US", 2e8, "B"}, {"99409 kB", "", 99409e3, "B"}, {"1,5 MB", "", 1.5e6, "B"}, {"1.5 s", "", 1.5, "s"},
		{"1 106 818 ko", "FR", 1106818e3, "B"}, {"1\u202f106\u202f818 ko", "FR", 1106818e3, "B"}, {"1\u00a0300,5 kB", "", 1300.5e3, "B"},
		{"1’190’070 ms", "CH", 1190.07, "s"}, {"١٬١٠٦٫٥ ثانية", "SA", 1106.5, "s"}, {"1000 ms per s", "US", 1, "s/s"},
		{"3 bars", "", 3, "bars"}, {"2 min", "", 120, "s"}, {"-12.5 s", "", -12.5, "s"}, {"1.234 kB", "DE", 1234e3, "B"},
		{"1.234 s", "US", 1.234, "s"}, {"12,345,678 kB", "", 12345678e3, "B"}, {"0.125 s", "", 0.125, "s"}, {"50 Std.", "DE", 180000, "s"},
	} {
		q, err := ParseQuantity(c.text, Infer([]string{c.text}, c.region))
		require.NoError(t, err, "ParseQuantity(%q, %s)", c.text, c.region)
		assert.InDelta(t, c.want, q.Value, 1e-9*math.Abs(c.want), "ParseQuantity(%q, %s)", c.text, c.region)
		assert.Equal(t, c.unit, q.Unit, "ParseQuantity(%q, %s)", c.text, c.region)
		assert.True(t, q.Known, "ParseQuantity(%q, %s)", c.text, c.region)
	}
	q, err := ParseQuantity("1,010 ms", Infer(nil, ""))
	require.NoError(t, err, "1,010 ms without a hint")
	assert.InDelta(t, 1.010, q.Value, 0, "1,010 ms without a hint")
	assert.True(t, q.Ambiguous, "1,010 ms without a hint")
	_, err = ParseQuantity("soon", Convention{Decimal: '.'})
	require.Error(t, err, "a text without a number is a quantity")
}

func TestConventionIsOfTheWholePayload(t *testing.T) {
	raw := `{"memoryMetrics":{"peakMemoryUsage":"1.300 kB"},"cpuMetrics":{"cumulativeCPUTime":"2,5 s"}}`
	p, err := Parse([]byte(raw))
	require.NoError(t, err)
	r := find(t, p, "peakMemoryUsage")
	assert.InDelta(t, 1.3e6, *r.Value, 0, "1.300 kB beside 2,5 s")
	assert.Empty(t, r.Warnings, "1.300 kB beside 2,5 s")
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"empty": {"", "JSON"}, "truncated": {`{"cpuMetrics":{`, "byte"}, "list": {"[1]", "begins with ["}, "null": {"null", "begins with null"},
		"other": {`{"a":1}`, "none of MetricKit"},
	} {
		_, err := Parse([]byte(c.raw))
		require.ErrorContains(t, err, c.want, "%s", name)
	}
	_, err := Parse(make([]byte, MaxBytes+1))
	require.ErrorIs(t, err, ErrTooLarge, "too large")
}

func TestDeepStacks(t *testing.T) {
	for _, depth := range []int{1, 400, 2000, 4990, 10_000, 100_000} {
		for _, side := range []string{"", `,{"binaryName":"side\"}","offsetIntoBinaryTextSegment":1}`} {
			innermost := `{"offsetIntoBinaryTextSegment":7,"binaryName":"innermost"}`
			raw := `{"hangDiagnostics":[{"diagnosticMetaData":{"hangDuration":"2.5 sec"},"callStackTree":{"callStackPerThread":false,` +
				`"callStacks":[` +
				`{"threadAttributed":true,"callStackRootFrames":[` + strings.Repeat(`{"binaryName":"a","subFrames":[`, depth-1) + innermost + side +
				strings.Repeat(`]}`, depth-1) + `]}]}}]}`
			var whole []byte
			err := Split(strings.NewReader(raw), func(part []byte, problem error) error { whole = part; return problem })
			require.NoError(t, err, "depth %d: Split = %d bytes", depth, len(whole))
			require.Equal(t, raw, string(whole), "depth %d: Split = %d bytes", depth, len(whole))
			p, err := Parse(whole)
			require.NoError(t, err, "depth %d", depth)
			frames := depth
			if side != "" {
				frames++
			}
			s := find(t, p, "hang").Stack
			require.Equal(t, depth, s.Depth, "stack")
			require.Equal(t, frames, s.Frames, "stack")
			assert.Equal(t, "innermost+7", s.Attributed, "stack")
			assert.InDelta(t, 2.5, *find(t, p, "hangDuration").Value, 0, "depth %d: hang", depth)
		}
	}
}

func TestSplitOfHalves(t *testing.T) {
	text := "\xef\xbb\xbf[{\"a\":\"\\\"]}\"},\n{\"b\":[1,{}]}]\n{\"c\":1}"
	var got []string
	err := Split(iotest.OneByteReader(strings.NewReader(text)), func(raw []byte, problem error) error {
		got = append(got, string(raw))
		return problem
	})
	want := []string{`{"a":"\"]}"}`, `{"b":[1,{}]}`, `{"c":1}`}
	require.NoError(t, err, "byte by byte: %q, %v; want %q", got, err, want)
	assert.True(t, slices.Equal(got, want), "byte by byte: %q, %v; want %q", got, err, want)
	broken := errors.New("the disk is gone")
	require.ErrorIs(t, Split(iotest.ErrReader(broken), func([]byte, error) error { return nil }), broken, "a reader that fails")
}

// TestRealPayloads reads payloads as phones have written them, from the folder that BENCH_PAYLOADS names.
func TestRealPayloads(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("BENCH_PAYLOADS"), "*.json"))
	if os.Getenv("BENCH_PAYLOADS") == "" || len(files) == 0 {
		t.Skip("BENCH_PAYLOADS names no folder with payloads; testdata has the project's own")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		p, err := Parse(raw)
		require.NoError(t, err, "%s: %d records, begin %q, %v", filepath.Base(file), len(p.Records), p.Begin, err)
		assert.NotEmpty(t, p.Records, "%s: %d records, begin %q, %v", filepath.Base(file), len(p.Records), p.Begin, err)
		assert.NotEmpty(t, p.Begin, "%s: %d records, begin %q, %v", filepath.Base(file), len(p.Records), p.Begin, err)
		for _, r := range p.Records {
			assert.NotEqual(t, Unknown, r.Kind, "%s: %s %s", filepath.Base(file), r.Kind, r.Path)
			assert.Empty(t, r.Warnings, "%s: %s %s", filepath.Base(file), r.Kind, r.Path)
			assert.False(t, r.Kind == Diagnostic && (r.Stack == nil || r.Stack.Frames == 0 || r.Stack.Attributed == "" || r.Device == ""),
				"%s: %s has stack %+v on %q", filepath.Base(file), r.Path, r.Stack, r.Device)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		for _, r := range p.Records {
			_, err := json.Marshal(r)
			require.NoError(t, err, "record %s cannot be written", r.Path)
			require.False(t, r.Name == "" && r.Path != "" && !strings.HasSuffix(r.Path, "."), "record %q has no name", r.Path)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join("testdata", "day.json"))
	require.NoError(b, err)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeepStack reads a hang whose call stack nests a hundred thousand levels; "x-plain" is its time a byte over that
// of a payload that nests as usual.
func BenchmarkDeepStack(b *testing.B) {
	const depth = 100_000
	deep := []byte(`{"hangDiagnostics":[{"callStackTree":{"callStacks":[{"callStackRootFrames":[` +
		strings.Repeat(`{"binaryName":"a","offsetIntoBinaryTextSegment":1,"subFrames":[`, depth) + strings.Repeat(`]}`, depth) + `]}]}}]}`)
	day, err := os.ReadFile(filepath.Join("testdata", "day.json"))
	require.NoError(b, err)
	b.SetBytes(int64(len(deep)))
	var slow, plain time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := Parse(deep); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := Parse(day); err != nil {
			b.Fatal(err)
		}
		slow, plain = slow+middle.Sub(begin), plain+time.Since(middle)
	}
	b.ReportMetric(slow.Seconds()/float64(len(deep))/(plain.Seconds()/float64(len(day))), "x-plain")
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		problem    bool
	}{
		{"one", ` {"a":1} `, []string{`{"a":1}`}, false},
		{"lines", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}, false},
		{"list", `[{"a":1}, {"a":2}]`, []string{`{"a":1}`, `{"a":2}`}, false},
		{"empty", "", nil, false},
		{"empty list", "[]", nil, false},
		{"truncated", `{"a":1}{"a":`, []string{`{"a":1}`, `{"a":`}, true},
		{"no JSON", `hello`, []string{`hello`}, true},
		{"unclosed list", `[{"a":1}`, []string{`{"a":1}`, ``}, true},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", []string{`{"a":1}`}, false},
		{"nearly a byte order mark", "\xef\xbb", []string{"\xef\xbb"}, true},
		{"brackets and quotes in strings", `{"a":"}\\\"]"} {"b":["{"]}`, []string{`{"a":"}\\\"]"}`, `{"b":["{"]}`}, false},
		{"a bad line among good ones", "{\"a\":1}\nsoon\r\n{\"a\":2}\n", []string{`{"a":1}`, "soon", `{"a":2}`}, true},
		{"a line cut off among good ones", "{\"a\":\n{\"a\":2}\n", []string{`{"a":`, `{"a":2}`}, true},
		{"lists in lists", `[[{"a":1}]]`, []string{`[{"a":1}]]`, ``}, true},
	} {
		var got []string
		var problem error
		err := Split(strings.NewReader(c.text), func(raw []byte, err error) error {
			got = append(got, string(raw))
			problem = errors.Join(problem, err)
			return nil
		})
		require.NoError(t, err, "%s: %q, problem %v, error %v; want %q", c.name, got, problem, err, c.want)
		assert.True(t, slices.Equal(got, c.want), "%s: %q, problem %v, error %v; want %q", c.name, got, problem, err, c.want)
		assert.Equal(t, c.problem, problem != nil, "%s: %q, problem %v, error %v; want %q", c.name, got, problem, err, c.want)
	}
}

// FuzzSplit checks that parts come in order, that none holds more than the file has, and that each that is no problem is
// one object.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(`[{"a":1},{"b":"}"}]`), true)
	f.Add([]byte("{\"a\":\n{\"b\":2}\nx\n{}"), false)
	f.Fuzz(func(t *testing.T, text []byte, byByte bool) {
		var from io.Reader = bytes.NewReader(text)
		if byByte {
			from = iotest.OneByteReader(from)
		}
		rest := text
		err := Split(from, func(raw []byte, problem error) error {
			at := bytes.Index(rest, raw)
			require.GreaterOrEqual(t, at, 0, "%q is not what follows in %q", raw, rest)
			rest = rest[at+len(raw):]
			require.False(t, problem == nil && (raw[0] != '{' || raw[len(raw)-1] != '}' && raw[len(raw)-1] != ']'), "%q is no object", raw)
			return nil
		})
		require.NoError(t, err)
	})
}

func TestSplitRefusesWhatNeverEnds(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`{"a":"`), forever{})
	require.ErrorIs(t, Split(endless, func([]byte, error) error { return nil }), ErrTooLarge, "an endless payload")
}

type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
