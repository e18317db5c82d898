package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// stillClock stands at noon.
type stillClock struct{}

func (stillClock) Now() time.Time                                   { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
func (stillClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func (c stillClock) After(time.Duration) <-chan time.Time {
	out := make(chan time.Time, 1)
	out <- c.Now()
	return out
}

// takeIn takes payloads into the database of a data folder. Where the test does not say otherwise, everything must be readable.
func takeIn(t testing.TB, data string, o Options) Counts {
	t.Helper()
	db, err := store.Open(t.Context(), store.File(data))
	require.NoError(t, err)
	defer db.Close()
	o.Folder, o.Clock = filepath.Join(data, "payloads"), stillClock{}
	if o.Unreadable == nil {
		o.Unreadable = func(source string, err error) { assert.NoError(t, err, source) }
	}
	counts, err := FromFiles(t.Context(), db, o)
	require.NoError(t, err)
	return counts
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

const payload = `{"memoryMetrics":{"peakMemoryUsage":"%d kB"}}` + "\n"

// TestFromFiles: files, folders and standard input are taken in in the order in which they are named, each payload once,
// and what cannot be read is told of, kept, and passed over.
func TestFromFiles(t *testing.T) {
	data, folder := t.TempDir(), t.TempDir()
	lines := write(t, filepath.Join(folder, "sub", "lines.jsonl"), fmt.Sprintf(payload, 1)+"soon\n"+fmt.Sprintf(payload, 2))
	again := write(t, filepath.Join(folder, "sub", "same.json"), fmt.Sprintf(payload, 1))
	empty := write(t, filepath.Join(folder, "sub", "zero.json"), "")
	var told []string
	var records bytes.Buffer
	got := takeIn(t, data, Options{Sources: []string{"-", filepath.Join(folder, "nowhere"), folder},
		Stdin: strings.NewReader(fmt.Sprintf(payload, 3)), Records: &records,
		Unreadable: func(source string, err error) { told = append(told, source+": "+err.Error()) }})
	assert.Equal(t, Counts{Payloads: 4, Records: 4, Failed: 3, Added: 4}, got)
	require.Len(t, told, 3)
	assert.Contains(t, told[0], "nowhere: ")
	assert.Contains(t, told[1], lines+": no JSON at byte")
	assert.Equal(t, empty+": it contains no payload", told[2])

	type line struct {
		Schema         int
		Source, Format string
		Value          float64
	}
	var printed []line
	for text := range strings.Lines(records.String()) {
		var l line
		require.NoError(t, json.Unmarshal([]byte(text), &l))
		printed = append(printed, l)
	}
	assert.Equal(t, []line{{1, "standard input", "metric", 3000}, {1, lines, "metric", 1000}, {1, lines, "metric", 2000},
		{1, again, "metric", 1000}}, printed)

	assert.Equal(t, Counts{Payloads: 1, Records: 1}, takeIn(t, data, Options{Sources: []string{again}}),
		"what was taken in once is not taken in again")
}

// TestKept: the bytes, the window, the figures and where it came from.
func TestKept(t *testing.T) {
	data := t.TempDir()
	text := `{"timeStampBegin":"2026-11-22 00:00:00 +0000","timeStampEnd":"2026-11-22 23:59:00 +0000",
		"metaData":{"deviceType":"iPhone15,4"},"memoryMetrics":{"peakMemoryUsage":"5 kB"}}`
	file := write(t, filepath.Join(t.TempDir(), "day.json"), text)
	takeIn(t, data, Options{Sources: []string{file}})
	db, err := store.Open(t.Context(), store.File(data))
	require.NoError(t, err)
	defer db.Close()
	kept, err := db.TakenOf(t.Context(), "", "iPhone15,4")
	require.NoError(t, err)
	require.Len(t, kept, 1)
	assert.Equal(t, file, kept[0].Source)
	assert.Equal(t, "2026-11-22T00:00:00Z", kept[0].Begin)
	assert.JSONEq(t, `[{"path":"memoryMetrics.peakMemoryUsage","value":5000,"unit":"B"}]`, string(kept[0].Figures))
	require.NoError(t, db.EachTaken(t.Context(), func(p harness.Taken) error {
		assert.Equal(t, text, string(p.Raw))
		return nil
	}))
}

// TestTooLarge: what is too large to be read is kept whole beside the database, whether it came in a file or through a
// pipe, and what stood before it is read.
func TestTooLarge(t *testing.T) {
	whole := append([]byte(fmt.Sprintf(payload, 200)+`{"memoryMetrics":{"peakMemoryUsage":"`), bytes.Repeat([]byte("9"), 65<<20)...)
	file := write(t, filepath.Join(t.TempDir(), "large.json"), string(whole))
	for source, named := range map[string]string{file: file, "-": "standard input"} {
		data := t.TempDir()
		var told []string
		got := takeIn(t, data, Options{Sources: []string{source}, Stdin: bytes.NewReader(whole),
			Unreadable: func(source string, err error) { told = append(told, source+": "+err.Error()) }})
		assert.Equal(t, Counts{Payloads: 1, Records: 1, Failed: 1, Added: 2}, got)
		assert.Equal(t, []string{named + ": larger than 64 MiB"}, told)
		kept, err := os.ReadFile(filepath.Join(data, "payloads", fmt.Sprintf("%x.json", sha256.Sum256(whole))))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(whole, kept), "kept %d bytes of %d", len(kept), len(whole))
		left, err := os.ReadDir(filepath.Join(data, "payloads"))
		require.NoError(t, err)
		assert.Len(t, left, 1, "no file beside it")
	}
}

// TestRecordsCannotBeWritten: a reader that has gone ends the intake.
func TestRecordsCannotBeWritten(t *testing.T) {
	db, err := store.Open(t.Context(), store.File(t.TempDir()))
	require.NoError(t, err)
	defer db.Close()
	gone := errors.New("broken pipe")
	_, err = FromFiles(t.Context(), db, Options{Sources: []string{"-"}, Stdin: strings.NewReader(fmt.Sprintf(payload, 1)), Folder: t.TempDir(),
		Clock: stillClock{}, Records: failing{gone}, Unreadable: func(string, error) {}})
	assert.ErrorIs(t, err, gone)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestFromRun: what a session brought along is taken in under its name; what cannot be read is noted on the run, once.
func TestFromRun(t *testing.T) {
	db, err := store.Open(t.Context(), store.File(t.TempDir()))
	require.NoError(t, err)
	defer db.Close()
	at := stillClock{}.Now()
	one := harness.Case{Device: harness.Device{UDID: "U1", ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m"},
		Scenario: harness.Scenario{Name: "s"}}
	planned := harness.PlannedSession{ID: "s000", Arm: harness.ArmCandidate}
	run := harness.Run{ID: "r1", Start: at, Plan: harness.Plan{Cases: []harness.Case{one}, Sessions: []harness.PlannedSession{planned}}}
	require.NoError(t, db.Begin(t.Context(), run))
	entries := []harness.Entry{{Session: "s000", SessionBegin: &harness.SessionBegin{ID: "s000", Planned: planned, Case: one, At: at}}}
	for name, text := range map[string]string{"good.json": fmt.Sprintf(payload, 1), "bad.json": "{"} {
		brought := harness.Payload{Session: "s000", Name: name, At: at, Raw: []byte(text)}
		entries = append(entries, harness.Entry{Session: "s000", Payload: &brought})
	}
	require.NoError(t, db.Record(t.Context(), "r1", entries...))
	for range 2 {
		require.NoError(t, FromRun(t.Context(), db, stillClock{}, "r1"))
	}
	kept, err := db.TakenOf(t.Context(), "", "")
	require.NoError(t, err)
	sources := map[string]bool{}
	for _, p := range kept {
		sources[p.Source] = p.Problem == ""
	}
	assert.Equal(t, map[string]bool{"r1/s000/good.json": true, "r1/s000/bad.json": false}, sources)
	recorded, err := db.Read(t.Context(), "r1")
	require.NoError(t, err)
	require.Len(t, recorded.Notices, 1)
	assert.Contains(t, recorded.Notices[0].Notice.Text, "bad.json (1 bytes) is stored but could not be read: no JSON at byte 1")
}
