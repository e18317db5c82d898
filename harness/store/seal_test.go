package store

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/internal/launchtest"
	"github.com/lilims/bench/harness/stats"
)

// count counts the rows of a table.
func (s *Store) count(t *testing.T, table string) (n int) {
	t.Helper()
	require.NoError(t, s.read.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// filled sets every field of a value, so that a field that is lost on the way shows.
func filled(v reflect.Value, seed *int64) {
	*seed++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), seed)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(0, 1_700_000_000_123_456_789+*seed).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				filled(v.Field(i), seed)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			filled(v.Index(i), seed)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		filled(key, seed)
		filled(value, seed)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *seed))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*seed) + 0.5)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		v.SetUint(uint64(*seed))
	default:
		v.SetInt(*seed)
	}
}

// TestASealedLaunchIsTheSame records a launch with all that a launch can have, before and after it is sealed.
func TestASealedLaunchIsTheSame(t *testing.T) {
	s, run, ctx, seed := open(t), sampleRun("r1"), context.Background(), int64(0)
	var first harness.SessionBegin
	var last harness.SessionEnd
	filled(reflect.ValueOf(&first).Elem(), &seed)
	filled(reflect.ValueOf(&last).Elem(), &seed)
	first.ID, last.ID = "s000-candidate", "s000-candidate"
	mustBegin(t, s, run)
	entries := launch(run, run.Plan.Sessions[0], launchtest.Shape{ID: first.ID, Iterations: 5, Tokens: 40, Jitter: time.Millisecond, Seed: 1})
	entries[0].SessionBegin = &first
	record(t, s, run.ID, entries[:len(entries)-1]...)
	before, err := s.Read(ctx, run.ID)
	require.NoError(t, err)
	linesBefore, err := s.Lines(ctx, run.ID, first.ID)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(linesBefore), 30, "%d lines, %v", len(linesBefore), err)
	record(t, s, run.ID, harness.Entry{Session: first.ID, SessionEnd: &last})
	for _, table := range tables {
		n := s.count(t, table)
		assert.Equal(t, 0, n, "%d rows are left in %s", n, table)
	}
	after, err := s.Read(ctx, run.ID)
	require.NoError(t, err)
	before.Sessions[0].End = &last
	assert.Equal(t, before, after, "sealed:\n%+v\nbefore:\n%+v", after, before)
	assert.Equal(t, first, after.Sessions[0].Begin, "the begin is\n%+v, want\n%+v", after.Sessions[0].Begin, first)
	lines, err := s.Lines(ctx, run.ID, first.ID)
	require.NoError(t, err)
	assert.Equal(t, linesBefore, lines, "the lines differ (%v)", err)
	state, err := s.Load(ctx, run.ID)
	require.NoError(t, err, "Load")
	assert.Equal(t, len(linesBefore), state.Sessions[0].Lines, "Load")
}

// TestSummariesStandForAll holds every metric's summary against all its readings.
func TestSummariesStandForAll(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	mustBegin(t, s, run)
	for i, planned := range run.Plan.Sessions { // the second one is not sealed
		entries := launch(run, planned, launchtest.Shape{
			ID: planned.ID, Iterations: 6 + i, Tokens: 40, Jitter: time.Millisecond, Seed: uint64(i),
		})
		record(t, s, run.ID, entries[:len(entries)-i]...)
	}
	all, err := s.SeriesOf(ctx, harness.SeriesQuery{})
	require.NoError(t, err)
	short, err := s.SeriesOf(ctx, harness.SeriesQuery{Summary: true})
	require.NoError(t, err)
	require.Len(t, short, len(all), "%d summaries of %d metrics, %v", len(short), len(all), err)
	require.GreaterOrEqual(t, len(all), 10, "%d summaries of %d metrics, %v", len(short), len(all), err)
	for metric, series := range all {
		for i, full := range series {
			got := short[metric][i]
			assert.InDelta(t, stats.Median(full.Values), stats.Median(got.Values), 0,
				"%s of %s: %v stand for %v", metric, full.Begin.ID, got.Values, full.Values)
			assert.Len(t, got.Values, min(3, len(full.Values)), "%s of %s: %v stand for %v", metric, full.Begin.ID, got.Values, full.Values)
			assert.LessOrEqual(t, slices.Min(got.Values), slices.Min(full.Values),
				"%s of %s: %v lie inside %v", metric, full.Begin.ID, got.Values, full.Values)
			assert.GreaterOrEqual(t, slices.Max(got.Values), slices.Max(full.Values),
				"%s of %s: %v lie inside %v", metric, full.Begin.ID, got.Values, full.Values)
			assert.Equal(t, full.Begin, got.Begin, "%s of %s", metric, full.Begin.ID)
			assert.Equal(t, full.Unit, got.Unit, "%s of %s", metric, full.Begin.ID)
			assert.Equal(t, full.Uncertainty, got.Uncertainty, "%s of %s", metric, full.Begin.ID)
		}
		one, err := s.Series(ctx, harness.SeriesQuery{Metric: metric})
		require.NoError(t, err, "%s alone reads otherwise than among all", metric)
		assert.Equal(t, series, one, "%s alone reads otherwise than among all", metric)
	}
}

func TestOutwards(t *testing.T) {
	for _, v := range []float64{1, 0.1, -0.1, 1e-60, -1e-60, 1e60, 0, 12345.6789} {
		low, high := float64(outwards(v, 0)), float64(outwards(v, 2))
		if v > 0 {
			assert.Positive(t, low, "below %g is %g", v, low)
		}
		if low > v {
			assert.InDelta(t, 1e-60, v, 0, "below %g is %g", v, low)
		}
		if v < 0 {
			assert.Negative(t, high, "above %g is %g", v, high)
		}
		if high < v {
			assert.InDelta(t, -1e-60, v, 0, "above %g is %g", v, high)
		}
		assert.False(t, math.IsNaN(low), "%g has NaN beside it", v)
		assert.False(t, math.IsNaN(high), "%g has NaN beside it", v)
	}
}

// TestAnEntryAfterTheEnd is kept with the rest, in the block and in the figures.
func TestAnEntryAfterTheEnd(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	fill(t, s, run)
	const id = "s000-candidate"
	record(t, s, run.ID, reading(id, ptr(2), harness.DecodeTokS, 99, "tok/s"), line(id, 3, "late"))
	record(t, s, run.ID, harness.Entry{Session: id, Notice: &harness.Notice{What: "events", Text: "late", At: noon}})
	got, err := s.Read(ctx, run.ID)
	require.NoError(t, err, "Read")
	require.Len(t, got.Sessions[0].Samples, 4, "Read")
	require.Len(t, got.Sessions[0].Iterations, 3, "Read")
	require.NotNil(t, got.Sessions[0].End, "Read")
	n := s.count(t, "samples")
	assert.Equal(t, 0, n, "the launch was not sealed again: %d samples are rows", n)
	series, err := s.Series(ctx, harness.SeriesQuery{Metric: harness.DecodeTokS, Summary: true})
	require.NoError(t, err, "Series")
	assert.Equal(t, []float64{41, 42, 99}, series[0].Values, "Series")
	lines, err := s.Lines(ctx, run.ID, id)
	require.NoError(t, err, "Lines")
	require.Len(t, lines, 3)
	assert.Equal(t, "late", lines[2].Text, "Lines")
	var told []string
	for _, n := range got.Notices {
		told = append(told, n.Session+": "+n.Notice.Text)
	}
	assert.Equal(t, []string{id + ": gone for 2 s", ": cooling down", id + ": late"}, told, "notices: want them in the order of recording")
	require.Error(t, s.Record(ctx, run.ID, line(id, 3, "again")), "a line was recorded twice")
}

// TestBlocksShareParts records launches of all sizes: each block is found where the one before it ends.
func TestBlocksShareParts(t *testing.T) {
	s, ctx := open(t), context.Background()
	run := nightRun(12)
	mustBegin(t, s, run)
	want := map[string]int{}
	for i, planned := range run.Plan.Sessions {
		entries := launch(run, planned, launchtest.Shape{
			ID: planned.ID, Iterations: 1 + i*i%7, Tokens: 1 + 40*(i%4), Jitter: time.Millisecond, Seed: uint64(i),
		})
		record(t, s, run.ID, entries...)
		for _, e := range entries {
			if e.Line != nil {
				want[planned.ID]++
			}
		}
	}
	got, err := s.Read(ctx, run.ID)
	require.NoError(t, err)
	for _, session := range got.Sessions {
		lines, err := s.Lines(ctx, run.ID, session.Begin.ID)
		require.NoError(t, err)
		assert.Len(t, lines, want[session.Begin.ID], "%s has %d lines, %v", session.Begin.ID, len(lines), err)
	}
	var short int
	err = s.read.QueryRow(`SELECT count(*) FROM sealed_parts WHERE length(body) < ?`, partSize).Scan(&short)
	require.NoError(t, err)
	assert.LessOrEqual(t, short, 1, "%d parts are not full, %v, want the last one at most", short, err)
}

// TestLaunchesSideBySide records launches of many phones at once: they take no more space than one after the other.
func TestLaunchesSideBySide(t *testing.T) {
	const launches = 60
	size := func(phones int) int64 {
		s, err := Open(context.Background(), filepath.Join(t.TempDir(), "bench.sqlite"))
		require.NoError(t, err)
		run := nightRun(launches)
		mustBegin(t, s, run)
		for some := range slices.Chunk(run.Plan.Sessions, phones) {
			var all [][]harness.Entry
			for _, planned := range some {
				all = append(all, launch(run, planned, launchtest.Shape{ID: planned.ID, Iterations: 2, Tokens: 2, Seed: uint64(planned.Ordinal)}))
			}
			sideBySide(t, s, run.ID, all)
		}
		require.NoError(t, s.Close())
		info, err := os.Stat(s.Path())
		require.NoError(t, err)
		return info.Size()
	}
	one, many := size(1), size(nightPhones)
	assert.LessOrEqual(t, many, one+one/10, "%d launches take %d bytes one after the other, %d side by side", launches, one, many)
}

// TestADamagedBlockIsTold names the session whose block was spoilt on the disk; the others can be read.
func TestADamagedBlockIsTold(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	fill(t, s, run)
	_, err := s.writer.ExecContext(ctx, `UPDATE sealed_parts SET body = zeroblob(length(body))`)
	require.NoError(t, err)
	_, err = s.Read(ctx, run.ID)
	assert.Equal(t, harness.KindStorage, harness.KindOf(err), "Read")
	require.Error(t, err, "Read")
	series, err := s.Series(ctx, harness.SeriesQuery{Metric: harness.DecodeTokS, Summary: true})
	require.NoError(t, err)
	assert.Len(t, series, 1, "Series = %v, %v: the summaries are whole", series, err)
}

func TestCases(t *testing.T) {
	s, ctx := open(t), context.Background()
	run := nightRun(3)
	mustBegin(t, s, run)
	for _, planned := range run.Plan.Sessions {
		c := run.Plan.Cases[planned.Case]
		record(t, s, run.ID, harness.Entry{
			Session: planned.ID, SessionBegin: &harness.SessionBegin{ID: planned.ID, Planned: planned, Case: c, At: noon},
		})
	}
	got, err := s.Cases(ctx)
	require.NoError(t, err, "Cases")
	require.Len(t, got, 3, "Cases")
	require.Equal(t, "model-2", got[2].Model.Name, "Cases")
	assert.Equal(t, "shelf 0", got[0].Device.Name, "Cases")
}

// TestPaired leaves out the nights of a case that had one arm only.
func TestPaired(t *testing.T) {
	s, ctx := open(t), context.Background()
	for _, name := range []string{"alone", "both"} {
		run := sampleRun(name)
		mustBegin(t, s, run)
		for i, arm := range []harness.Arm{harness.ArmCandidate, harness.ArmBaseline} {
			if name == "alone" && i == 1 {
				break
			}
			id := fmt.Sprintf("s00%d-%s", i, arm)
			b := begin(run, id, 1)
			b.SessionBegin.Planned.ID, b.SessionBegin.Planned.Arm = id, arm
			record(t, s, name, b, reading(id, nil, harness.Energy, 9, "J"), end(id, harness.OutcomeOK))
		}
	}
	key := sampleRun("").Plan.Cases[0].Key()
	got, err := s.Series(ctx, harness.SeriesQuery{Metric: harness.Energy, Case: key, UDID: "U-1", Paired: true, Summary: true})
	require.NoError(t, err, "Series")
	require.Len(t, got, 2, "Series")
	require.Equal(t, "both", got[0].Run, "Series")
	assert.Equal(t, "both", got[1].Run, "Series")
}
