package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestDecode: each format is told by how it begins, and gives its readings in base units under harness's names.
func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []Session
	}{
		"a Go benchmark of another project": {"goos: darwin\ngoarch: arm64\npkg: example.org/llm\n" +
			"BenchmarkChat-8 10 2500000 ns/op 41.5 tok/s 3 widgets\n",
			[]Session{{product: "arm64", model: "example.org/llm", scenario: "chat", system: "darwin",
				readings: map[string][]float64{harness.TTFT: {0.0025}, harness.DecodeTokS: {41.5}}}}},
		"a Go benchmark of ours": {"BenchmarkQuick/model=m_1/device=iPhone15,4/arm=baseline 1 12.5 decode_tok_s 2e6 peak_footprint_bytes\n",
			[]Session{{product: "iPhone15,4", model: "m_1", scenario: "quick", build: "baseline",
				readings: map[string][]float64{harness.DecodeTokS: {12.5}, harness.PeakFootprint: {2e6}}}}},
		"llama-bench's JSON": {`[{"build_commit":"ab","cpu_info":"Ryzen","model_filename":"x.gguf","model_size":9,"n_prompt":512,
			"test_time":"2026-06-01T12:00:00+02:00","avg_ts":700}]`,
			[]Session{{product: "Ryzen", model: "x.gguf", scenario: "pp512-tg0", build: "ab", modelBytes: 9,
				at: time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), readings: map[string][]float64{harness.PrefillTokS: {700}}}}},
		"llama-bench's CSV": {"build_commit,gpu_info,model_type,n_prompt,n_gen,n_depth,model_size,avg_ts\nab,Apple M9,3B,0,128,4096,9,41.25\n",
			[]Session{{product: "Apple M9", model: "3B", scenario: "pp0-tg128-d4096", build: "ab", modelBytes: 9,
				readings: map[string][]float64{harness.DecodeTokS: {41.25}}}}},
		"an iPhone run": {`{"device":{"modelIdentifier":"iPhone99,1","systemName":"iOS","systemVersion":"27.0"},
			"model":{"id":"small","onDiskSizeMB":2},"runtime":"kit","task":"chat",
			"metrics":{"coldRun":true,"decodeTokensPerSecond":40,"firstTokenLatencyMS":900,"promptTokensPerSecond":0,"memoryPeakDuringDecodeMB":3}}`,
			[]Session{{product: "iPhone99,1", model: "kit_small", scenario: "chat", system: "iOS 27.0", build: "kit", modelBytes: 2 << 20,
				readings: map[string][]float64{harness.DecodeTokS: {40}, harness.TTFTCold: {0.9}, harness.PeakFootprint: {3 << 20}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decode([]byte("\n" + c.text))
			require.NoError(t, err)
			for i := range got {
				for metric, values := range c.want[i].readings {
					assert.InDeltaSlice(t, values, got[i].readings[metric], 1e-12, metric)
				}
				assert.Len(t, got[i].readings, len(c.want[i].readings))
				got[i].readings, c.want[i].readings = nil, nil
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// TestNoMeasurement: what is no measurement is refused with its place.
func TestNoMeasurement(t *testing.T) {
	for text, want := range map[string]string{
		" \n":                      "the file is empty",
		"Once upon a time":         "it holds no measurement",
		"[]":                       "it holds no measurement",
		"BenchmarkX 1 3 widgets\n": "measurement 1 has no known metric",
		`[{"n_gen":8,"avg_ts":3},{"n_gen":8,"avg_ts":-3}]`:      "measurement 2: decode_tok_s is -3",
		`[{"n_gen":8,"n_prompt":8,"avg_ts":3}]`:                 "test 1 mixes prompt and generation",
		`[{"n_gen":8,"avg_ts":3,"test_time":"noon"}]`:           "test 1: test_time: ",
		"build_commit,n_gen,avg_ts\nab,8,fast\n":                `test 1: avg_ts: "fast" is not a number`,
		`{"device":{"modelIdentifier":"iPhone1,1"}}`:            "run 1 names no device or no decode rate",
		`{"device":{"modelIdentifier":"iPhone1,1"},"metrics":{`: "run 1: ",
	} {
		_, err := decode([]byte(text))
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

// TestReadFilesAllOrNone: one file that cannot be read is an error of kind usage that names it.
func TestReadFilesAllOrNone(t *testing.T) {
	good, bad := filepath.Join(t.TempDir(), "good.txt"), filepath.Join(t.TempDir(), "bad.txt")
	require.NoError(t, os.WriteFile(good, []byte("BenchmarkX 1 3 tok/s\n"), 0o644))
	require.NoError(t, os.WriteFile(bad, []byte("no\n"), 0o644))
	files, err := ReadFiles(good, bad)
	assert.Empty(t, files)
	assert.Equal(t, harness.KindUsage, harness.KindOf(err))
	require.ErrorContains(t, err, bad+": it holds no measurement")
	assert.Contains(t, harness.HintOf(err), "Nothing was recorded.")

	large, err := os.Create(filepath.Join(t.TempDir(), "large.txt"))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(fileLimit+1))
	require.NoError(t, large.Close())
	_, err = ReadFiles(large.Name())
	require.ErrorContains(t, err, "exceed the limit of")
}

// recorded is a Recorder in memory.
type recorded struct {
	run      harness.Run
	entries  []harness.Entry
	finished bool
	fails    error
}

func (r *recorded) Begin(_ context.Context, run harness.Run) error { r.run = run; return r.fails }
func (r *recorded) Record(_ context.Context, _ string, entries ...harness.Entry) error {
	r.entries = append(r.entries, entries...)
	return nil
}
func (r *recorded) Finish(context.Context, string, time.Time) error { r.finished = true; return nil }

type stillClock struct{ harness.Clock }

func (stillClock) Now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// TestRecord: sessions of one case share it, everything is marked as imported, and a file's run has the same name each
// time, whatever zone its times are in.
func TestRecord(t *testing.T) {
	const text = `[{"gpu_info":"A/B","model_type":"m","n_gen":8,"test_time":"2026-06-01T12:00:00+02:00","samples_ts":[30,31]},
		{"gpu_info":"A/B","model_type":"m","n_gen":8,"avg_ts":32}, {"gpu_info":"A/B","model_type":"m","n_prompt":8,"avg_ts":33}]`
	var names []string
	for range 2 {
		sessions, err := decode([]byte(text))
		require.NoError(t, err)
		var into recorded
		origin := Origin{Revision: "0123abc", Host: "lab-1", Clock: stillClock{}}
		name, err := Record(t.Context(), &into, origin, File{"some/where.json", sessions})
		require.NoError(t, err)
		names = append(names, name)
		assert.True(t, into.finished)
		assert.Regexp(t, "^imported-[0-9a-f]{12}$", into.run.ID)
		assert.Equal(t, harness.KindImported, into.run.Fingerprint.Kind)
		require.Len(t, into.run.Plan.Cases, 2)
		assert.Equal(t, "A_B/m/pp0-tg8", into.run.Plan.Cases[0].Key())
		assert.Equal(t, []int{0, 0, 1}, []int{into.run.Plan.Sessions[0].Case, into.run.Plan.Sessions[1].Case, into.run.Plan.Sessions[2].Case})
		require.Len(t, into.entries, 3+4+3, "begins, readings, ends")
		assert.Equal(t, time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC), into.entries[0].SessionBegin.At)
		first := into.entries[1].Sample
		assert.Equal(t, harness.SourceImported, first.Source)
		assert.Equal(t, "where.json", first.Method)
		assert.Equal(t, 2, into.entries[3].SessionEnd.Measured)
		assert.Equal(t, stillClock{}.Now(), into.entries[4].SessionBegin.At, "a time that is not said")
	}
	assert.Equal(t, names[0], names[1])

	sessions, err := decode([]byte(text))
	require.NoError(t, err)
	there := errors.New("exists already")
	into := recorded{fails: there}
	_, err = Record(t.Context(), &into, Origin{Clock: stillClock{}}, File{"some/where.json", sessions})
	require.ErrorIs(t, err, there)
	assert.Empty(t, into.entries)
}

// aRun is the series of a run with two sessions, one of them with a name that no format may trip over.
func aRun() []Series {
	session := func(id, scenario string) *harness.SessionBegin {
		return &harness.SessionBegin{ID: id, At: time.Date(2026, 11, 27, 3, 0, 0, 123e6, time.UTC), Build: harness.Build{Hash: "sha256:ab"},
			Planned: harness.PlannedSession{Arm: harness.ArmCandidate, Pair: 4},
			Case: harness.Case{Device: harness.Device{ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m-1"},
				Scenario: harness.Scenario{Name: scenario}},
			Fingerprint: harness.Fingerprint{UDID: "U-1", Kind: harness.KindVirtual}}
	}
	one, two := session("s000-candidate", "quick"), session("s001-candidate", `a "b"/c=1`)
	return []Series{
		{harness.DecodeTokS, harness.SessionSeries{Run: "r1", Begin: one, Values: []float64{40, 42, 41.5}, Unit: "tok/s"}},
		{harness.DecodeTokS, harness.SessionSeries{Run: "r1", Begin: two, Values: []float64{30}, Unit: "tok/s"}},
		{harness.TTFT, harness.SessionSeries{Run: "r1", Begin: one, Values: []float64{0.1}, Unit: "s"}},
	}
}

func written(t *testing.T, format string) string {
	t.Helper()
	write, err := FormatNamed(format, Creator{"1.2.3", "0123abc"})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, write(&out, aRun()))
	return out.String()
}

func TestGoBench(t *testing.T) {
	text := written(t, "gobench")
	assert.Equal(t, `Unit decode_tok_s better=higher
Unit ttft_s better=lower
BenchmarkQuick/model=m_1/device=iPhone15,4/arm=candidate 1 41.5 decode_tok_s 0.1 ttft_s
BenchmarkA_"b"_c_1/model=m_1/device=iPhone15,4/arm=candidate 1 30 decode_tok_s
`, text)
	back, err := decode([]byte(text))
	require.NoError(t, err, "what is written is read again")
	require.Len(t, back, 2)
	assert.Equal(t, map[string][]float64{harness.DecodeTokS: {41.5}, harness.TTFT: {0.1}}, back[0].readings)
	assert.Equal(t, "quick", back[0].scenario)
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader([]byte(written(t, "csv")))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1+5)
	assert.Equal(t, []string{"run", "session", "case", "udid", "arm", "pair", "build", "begin", "metric", "unit", "reading", "value"}, rows[0])
	assert.Equal(t, []string{"r1", "s000-candidate", "iPhone15,4/m-1/quick", "U-1", "candidate", "4", "sha256:ab",
		"2026-11-27T03:00:00.123Z", "decode_tok_s", "tok/s", "1", "42"}, rows[2])
	assert.Equal(t, `iPhone15,4/m-1/a "b"/c=1`, rows[4][2])
}

func TestJSON(t *testing.T) {
	var got []Series
	require.NoError(t, json.Unmarshal([]byte(written(t, "json")), &got))
	assert.Equal(t, aRun(), got)
	write, err := FormatNamed("json", Creator{})
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, write(&out, nil))
	assert.Equal(t, "[]\n", out.String())
}

func TestNoSuchFormat(t *testing.T) {
	_, err := FormatNamed("xlsx", Creator{})
	assert.Equal(t, harness.KindUsage, harness.KindOf(err))
}

type series struct {
	of map[string][]harness.SessionSeries
}

func (s series) SeriesOf(_ context.Context, query harness.SeriesQuery, _ ...string) (map[string][]harness.SessionSeries, error) {
	if query.Run != "r1" {
		return nil, errors.New("another run")
	}
	return s.of, nil
}

func TestReadInTheOrderOfReports(t *testing.T) {
	got, err := Read(t.Context(), series{map[string][]harness.SessionSeries{
		harness.TTFT: {{Run: "r1", Unit: "s"}}, harness.DecodeTokS: {{Run: "r1", Unit: "tok/s"}}, "of another version": {{Run: "r1"}}}}, "r1")
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, []string{harness.DecodeTokS, harness.TTFT}, []string{got[0].Metric, got[1].Metric})
}

type payloads []harness.Taken

func (p payloads) EachTaken(_ context.Context, yield func(harness.Taken) error) error {
	for _, t := range p {
		if err := yield(t); err != nil {
			return err
		}
	}
	return nil
}

// TestWritePayloads: what is in the database, what lies beside it, and what lies in neither.
func TestWritePayloads(t *testing.T) {
	beside, folder := t.TempDir(), filepath.Join(t.TempDir(), "out")
	large := []byte("large")
	name := func(raw []byte) string { return fmt.Sprintf("%x.json", sha256.Sum256(raw)) }
	require.NoError(t, os.WriteFile(filepath.Join(beside, name(large)), large, 0o644))
	kept := payloads{{Source: "a", Hash: sha256.Sum256([]byte("{}")), Raw: []byte("{}")}, {Source: "b", Hash: sha256.Sum256(large)},
		{Source: "c", Size: 9}}
	for range 2 {
		var missing []string
		count, err := WritePayloads(t.Context(), kept, beside, folder, func(p harness.Taken) { missing = append(missing, p.Source) })
		require.NoError(t, err)
		assert.Equal(t, 2, count)
		assert.Equal(t, []string{"c"}, missing)
	}
	for _, raw := range [][]byte{[]byte("{}"), large} {
		got, err := os.ReadFile(filepath.Join(folder, name(raw)))
		require.NoError(t, err)
		assert.Equal(t, raw, got)
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, left, 2)

	inTheWay := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(inTheWay, nil, 0o644))
	_, err = WritePayloads(t.Context(), kept, beside, filepath.Join(inTheWay, "out"), nil)
	assert.Equal(t, harness.KindStorage, harness.KindOf(err))
}
