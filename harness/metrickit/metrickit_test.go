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
)

func load(t *testing.T, name string) Payload {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func find(t *testing.T, p Payload, name string) Record {
	t.Helper()
	i := slices.IndexFunc(p.Records, func(r Record) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("no record %s", name)
	}
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
		if r.Value == nil || math.Abs(*r.Value-c.want) > 1e-9*c.want || r.Unit != c.unit || len(r.Warnings) > 0 {
			t.Errorf("%s %s = %v %q %q, want %g %s", c.file, c.name, r.Value, r.Unit, r.Warnings, c.want, c.unit)
		}
	}
}

func TestAverages(t *testing.T) {
	r := find(t, load(t, "zh.json"), "averageSuspendedMemory")
	if r.Kind != Average || *r.Value != 1e8 || *r.SD != 12500 || *r.Samples != 500 {
		t.Errorf("average suspended memory = %+v", r)
	}
	if r := find(t, load(t, "zh.json"), "averagePixelLuminance"); r.SD != nil || *r.Samples != 0 {
		t.Errorf("a standard deviation of -1 was taken for one: %+v", r)
	}
}

func TestHistogramIsSorted(t *testing.T) {
	r := find(t, load(t, "de.json"), "histogrammedSignpostDurations")
	var lows []float64
	for _, b := range r.Buckets {
		lows = append(lows, *b.Low)
	}
	if !slices.Equal(lows, []float64{0, 0.1, 2}) || r.Unit != "s" || r.Signpost != "decode" || r.Category != "bench" {
		t.Errorf("histogram = %v %s of %s/%s", lows, r.Unit, r.Signpost, r.Category)
	}
	r = find(t, load(t, "report27.json"), "timeToFirstDraw")
	if len(r.Buckets) != 1 || *r.Buckets[0].High != 0.25 || r.Buckets[0].Count != 4 {
		t.Errorf("histogram of a report = %+v", r.Buckets)
	}
}

func TestWindowAndEnvironment(t *testing.T) {
	zh := load(t, "zh.json")
	if zh.Begin != "2026-10-24T22:59:00Z" || !zh.ZoneStated || zh.OS != "18.6" || zh.OSBuild != "22G86" || zh.PID != nil {
		t.Errorf("zh: %+v %+v", zh.Window, zh.Environment)
	}
	de := load(t, "de.json")
	if de.Begin != de.End || de.ZoneStated || de.LowPower == nil || !*de.LowPower || *de.TestFlight {
		t.Errorf("de: %+v %+v", de.Window, de.Environment)
	}
	report := load(t, "report27.json")
	if report.Begin != "2026-10-18T07:06:40Z" || report.OS != "27.0" || report.OSBuild != "24A335" || report.AppBuild != "9" {
		t.Errorf("report: %+v %+v", report.Window, report.Environment)
	}
	if r := find(t, report, "totalForegroundTime"); r.State == nil || r.State.Label != "decode" {
		t.Errorf("state entry lost its state: %+v", r)
	}
}

func TestDiagnostics(t *testing.T) {
	p := load(t, "crash.json")
	crash := find(t, p, "crash")
	if s := crash.Stack; s == nil || s.Threads != 2 || s.Frames != 3 || s.Depth != 2 || s.Attributed != "BenchApp+123" {
		t.Errorf("crash stack = %+v", crash.Stack)
	}
	if string(crash.Detail["signal"]) != "11" || *crash.PID != 812 || crash.Device != "iPhone15,4" {
		t.Errorf("crash = %s %+v", crash.Detail, crash.Environment)
	}
	if hang := find(t, p, "hang"); hang.Stack.Attributed != "BenchApp+9" {
		t.Errorf("hang is attributed to %s", hang.Stack.Attributed)
	}
}

func TestNothingUnknownIsDropped(t *testing.T) {
	de := load(t, "de.json")
	if r := find(t, de, "quantumFlux"); r.Kind != Unknown || string(r.Raw) != "[1,2]" {
		t.Errorf("quantumFlux = %+v", r)
	}
	if r := find(t, de, "odd"); r.Kind != Unknown || string(r.Raw) != "null" {
		t.Errorf("odd = %+v", r)
	}
	if r := find(t, load(t, "report27.json"), "holographicTime"); *r.Value != 2 || r.Unit != "fortnights" || len(r.Warnings) != 1 {
		t.Errorf("an unknown unit: %+v", r)
	}
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
		if err != nil || math.Abs(q.Value-c.want) > 1e-9*math.Abs(c.want) || q.Unit != c.unit || !q.Known {
			t.Errorf("ParseQuantity(%q, %s) = %v %s (%v), want %g %s", c.text, c.region, q.Value, q.Unit, err, c.want, c.unit)
		}
	}
	if q, err := ParseQuantity("1,010 ms", Infer(nil, "")); err != nil || q.Value != 1.010 || !q.Ambiguous {
		t.Errorf("1,010 ms without a hint = %+v, want 1.01 s marked ambiguous", q)
	}
	if _, err := ParseQuantity("soon", Convention{Decimal: '.'}); err == nil {
		t.Error("a text without a number is a quantity")
	}
}

func TestConventionIsOfTheWholePayload(t *testing.T) {
	raw := `{"memoryMetrics":{"peakMemoryUsage":"1.300 kB"},"cpuMetrics":{"cumulativeCPUTime":"2,5 s"}}`
	p, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if r := find(t, p, "peakMemoryUsage"); *r.Value != 1.3e6 || len(r.Warnings) != 0 {
		t.Errorf("1.300 kB beside 2,5 s = %v %q", *r.Value, r.Warnings)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"empty": {"", "JSON"}, "truncated": {`{"cpuMetrics":{`, "byte"}, "list": {"[1]", "begins with ["}, "null": {"null", "begins with null"}, "other": {`{"a":1}`, "none of MetricKit"},
	} {
		if _, err := Parse([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := Parse(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func TestDeepStacks(t *testing.T) {
	for _, depth := range []int{1, 400, 2000, 4990, 10_000, 100_000} {
		for _, side := range []string{"", `,{"binaryName":"side\"}","offsetIntoBinaryTextSegment":1}`} {
			innermost := `{"offsetIntoBinaryTextSegment":7,"binaryName":"innermost"}`
			raw := `{"hangDiagnostics":[{"diagnosticMetaData":{"hangDuration":"2.5 sec"},"callStackTree":{"callStackPerThread":false,"callStacks":[` +
				`{"threadAttributed":true,"callStackRootFrames":[` + strings.Repeat(`{"binaryName":"a","subFrames":[`, depth-1) + innermost + side +
				strings.Repeat(`]}`, depth-1) + `]}]}}]}`
			var whole []byte
			if err := Split(strings.NewReader(raw), func(part []byte, problem error) error { whole = part; return problem }); err != nil || string(whole) != raw {
				t.Fatalf("depth %d: Split = %d bytes, %v", depth, len(whole), err)
			}
			p, err := Parse(whole)
			if err != nil {
				t.Fatalf("depth %d: %v", depth, err)
			}
			frames := depth
			if side != "" {
				frames++
			}
			if s := find(t, p, "hang").Stack; s.Depth != depth || s.Frames != frames || s.Attributed != "innermost+7" {
				t.Errorf("stack = %+v, want depth %d, %d frames, blamed on the innermost", s, depth, frames)
			}
			if r := find(t, p, "hangDuration"); *r.Value != 2.5 {
				t.Errorf("depth %d: hang of %v", depth, *r.Value)
			}
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
	if want := []string{`{"a":"\"]}"}`, `{"b":[1,{}]}`, `{"c":1}`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("byte by byte: %q, %v; want %q", got, err, want)
	}
	broken := errors.New("the disk is gone")
	if err := Split(iotest.ErrReader(broken), func([]byte, error) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// TestRealPayloads reads payloads as phones have written them, from the folder that BENCH_PAYLOADS names.
func TestRealPayloads(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("BENCH_PAYLOADS"), "*.json"))
	if os.Getenv("BENCH_PAYLOADS") == "" || len(files) == 0 {
		t.Skip("BENCH_PAYLOADS names no folder with payloads; testdata has the project's own")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(raw)
		if err != nil || len(p.Records) == 0 || p.Begin == "" {
			t.Errorf("%s: %d records, begin %q, %v", filepath.Base(file), len(p.Records), p.Begin, err)
		}
		for _, r := range p.Records {
			if r.Kind == Unknown || len(r.Warnings) > 0 {
				t.Errorf("%s: %s %s %q", filepath.Base(file), r.Kind, r.Path, r.Warnings)
			}
			if r.Kind == Diagnostic && (r.Stack == nil || r.Stack.Frames == 0 || r.Stack.Attributed == "" || r.Device == "") {
				t.Errorf("%s: %s has stack %+v on %q", filepath.Base(file), r.Path, r.Stack, r.Device)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		for _, r := range p.Records {
			if _, err := json.Marshal(r); err != nil {
				t.Fatalf("record %s cannot be written: %v", r.Path, err)
			}
			if r.Name == "" && r.Path != "" && !strings.HasSuffix(r.Path, ".") {
				t.Fatalf("record %q has no name", r.Path)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join("testdata", "day.json"))
	if err != nil {
		b.Fatal(err)
	}
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
	if err != nil {
		b.Fatal(err)
	}
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
		if err != nil || !slices.Equal(got, c.want) || (problem != nil) != c.problem {
			t.Errorf("%s: %q, problem %v, error %v; want %q", c.name, got, problem, err, c.want)
		}
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
		if err := Split(from, func(raw []byte, problem error) error {
			at := bytes.Index(rest, raw)
			if at < 0 {
				t.Fatalf("%q is not what follows in %q", raw, rest)
			}
			rest = rest[at+len(raw):]
			if problem == nil && (raw[0] != '{' || raw[len(raw)-1] != '}' && raw[len(raw)-1] != ']') {
				t.Fatalf("%q is no object", raw)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSplitRefusesWhatNeverEnds(t *testing.T) {
	endless := io.MultiReader(strings.NewReader(`{"a":"`), forever{})
	if err := Split(endless, func([]byte, error) error { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("an endless payload: %v, want %v", err, ErrTooLarge)
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
