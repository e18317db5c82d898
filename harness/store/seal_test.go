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

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/internal/launchtest"
	"github.com/lilims/bench/harness/stats"
)

// count counts the rows of a table.
func (s *Store) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := s.read.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	linesBefore, err := s.Lines(ctx, run.ID, first.ID)
	if err != nil || len(linesBefore) < 30 {
		t.Fatalf("%d lines, %v", len(linesBefore), err)
	}
	record(t, s, run.ID, harness.Entry{Session: first.ID, SessionEnd: &last})
	for _, table := range tables {
		if n := s.count(t, table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	after, err := s.Read(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	before.Sessions[0].End = &last
	if !reflect.DeepEqual(after, before) {
		t.Errorf("sealed:\n%+v\nbefore:\n%+v", after, before)
	}
	if !reflect.DeepEqual(after.Sessions[0].Begin, first) {
		t.Errorf("the begin is\n%+v, want\n%+v", after.Sessions[0].Begin, first)
	}
	if lines, err := s.Lines(ctx, run.ID, first.ID); err != nil || !reflect.DeepEqual(lines, linesBefore) {
		t.Errorf("the lines differ (%v)", err)
	}
	if state, err := s.Load(ctx, run.ID); err != nil || state.Sessions[0].Lines != len(linesBefore) {
		t.Errorf("Load = %+v, %v, want %d lines", state, err, len(linesBefore))
	}
}

// TestSummariesStandForAll holds every metric's summary against all its readings.
func TestSummariesStandForAll(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	mustBegin(t, s, run)
	for i, planned := range run.Plan.Sessions { // the second one is not sealed
		entries := launch(run, planned, launchtest.Shape{ID: planned.ID, Iterations: 6 + i, Tokens: 40, Jitter: time.Millisecond, Seed: uint64(i)})
		record(t, s, run.ID, entries[:len(entries)-i]...)
	}
	all, err := s.SeriesOf(ctx, harness.SeriesQuery{})
	if err != nil {
		t.Fatal(err)
	}
	short, err := s.SeriesOf(ctx, harness.SeriesQuery{Summary: true})
	if err != nil || len(short) != len(all) || len(all) < 10 {
		t.Fatalf("%d summaries of %d metrics, %v", len(short), len(all), err)
	}
	for metric, series := range all {
		for i, full := range series {
			got := short[metric][i]
			if stats.Median(got.Values) != stats.Median(full.Values) || len(got.Values) != min(3, len(full.Values)) {
				t.Errorf("%s of %s: %v stand for %v", metric, full.Begin.ID, got.Values, full.Values)
			}
			if slices.Min(got.Values) > slices.Min(full.Values) || slices.Max(got.Values) < slices.Max(full.Values) {
				t.Errorf("%s of %s: %v lie inside %v", metric, full.Begin.ID, got.Values, full.Values)
			}
			if !reflect.DeepEqual(got.Begin, full.Begin) || got.Unit != full.Unit || !reflect.DeepEqual(got.Uncertainty, full.Uncertainty) {
				t.Errorf("%s of %s: %+v, want %+v", metric, full.Begin.ID, got, full)
			}
		}
		if one, err := s.Series(ctx, harness.SeriesQuery{Metric: metric}); err != nil || !reflect.DeepEqual(one, series) {
			t.Errorf("%s alone reads otherwise than among all: %v", metric, err)
		}
	}
}

func TestOutwards(t *testing.T) {
	for _, v := range []float64{1, 0.1, -0.1, 1e-60, -1e-60, 1e60, 0, 12345.6789} {
		low, high := float64(outwards(v, 0)), float64(outwards(v, 2))
		if v > 0 && low <= 0 || low > v && v != 1e-60 {
			t.Errorf("below %g is %g", v, low)
		}
		if v < 0 && high >= 0 || high < v && v != -1e-60 {
			t.Errorf("above %g is %g", v, high)
		}
		if math.IsNaN(low) || math.IsNaN(high) {
			t.Errorf("%g has NaN beside it", v)
		}
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
	if err != nil || len(got.Sessions[0].Samples) != 4 || len(got.Sessions[0].Iterations) != 3 || got.Sessions[0].End == nil {
		t.Fatalf("Read = %+v, %v, want all and the late sample", got.Sessions[0], err)
	}
	if n := s.count(t, "samples"); n != 0 {
		t.Errorf("the launch was not sealed again: %d samples are rows", n)
	}
	if series, err := s.Series(ctx, harness.SeriesQuery{Metric: harness.DecodeTokS, Summary: true}); err != nil || !slices.Equal(series[0].Values, []float64{41, 42, 99}) {
		t.Errorf("Series = %+v, %v, want 41, 42, 99", series, err)
	}
	if lines, err := s.Lines(ctx, run.ID, id); err != nil || len(lines) != 3 || lines[2].Text != "late" {
		t.Errorf("Lines = %+v, %v", lines, err)
	}
	var told []string
	for _, n := range got.Notices {
		told = append(told, n.Session+": "+n.Notice.Text)
	}
	if !slices.Equal(told, []string{id + ": gone for 2 s", ": cooling down", id + ": late"}) {
		t.Errorf("notices %q, want them in the order of recording", told)
	}
	if err := s.Record(ctx, run.ID, line(id, 3, "again")); err == nil {
		t.Error("a line was recorded twice")
	}
}

// TestBlocksShareParts records launches of all sizes: each block is found where the one before it ends.
func TestBlocksShareParts(t *testing.T) {
	s, ctx := open(t), context.Background()
	run := nightRun(12)
	mustBegin(t, s, run)
	want := map[string]int{}
	for i, planned := range run.Plan.Sessions {
		entries := launch(run, planned, launchtest.Shape{ID: planned.ID, Iterations: 1 + i*i%7, Tokens: 1 + 40*(i%4), Jitter: time.Millisecond, Seed: uint64(i)})
		record(t, s, run.ID, entries...)
		for _, e := range entries {
			if e.Line != nil {
				want[planned.ID]++
			}
		}
	}
	got, err := s.Read(ctx, run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, session := range got.Sessions {
		lines, err := s.Lines(ctx, run.ID, session.Begin.ID)
		if err != nil || len(lines) != want[session.Begin.ID] {
			t.Errorf("%s has %d lines, %v, want %d", session.Begin.ID, len(lines), err, want[session.Begin.ID])
		}
	}
	var short int
	if err := s.read.QueryRow(`SELECT count(*) FROM sealed_parts WHERE length(body) < ?`, partSize).Scan(&short); err != nil || short > 1 {
		t.Errorf("%d parts are not full, %v, want the last one at most", short, err)
	}
}

// TestLaunchesSideBySide records launches of many phones at once: they take no more space than one after the other.
func TestLaunchesSideBySide(t *testing.T) {
	const launches = 60
	size := func(phones int) int64 {
		s, err := Open(context.Background(), filepath.Join(t.TempDir(), "bench.sqlite"))
		if err != nil {
			t.Fatal(err)
		}
		run := nightRun(launches)
		mustBegin(t, s, run)
		for some := range slices.Chunk(run.Plan.Sessions, phones) {
			var all [][]harness.Entry
			for _, planned := range some {
				all = append(all, launch(run, planned, launchtest.Shape{ID: planned.ID, Iterations: 2, Tokens: 2, Seed: uint64(planned.Ordinal)}))
			}
			sideBySide(t, s, run.ID, all)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if one, many := size(1), size(nightPhones); many > one+one/10 {
		t.Errorf("%d launches take %d bytes one after the other, %d side by side", launches, one, many)
	}
}

// TestADamagedBlockIsTold names the session whose block was spoilt on the disk; the others can be read.
func TestADamagedBlockIsTold(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	fill(t, s, run)
	if _, err := s.writer.ExecContext(ctx, `UPDATE sealed_parts SET body = zeroblob(length(body))`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(ctx, run.ID); harness.KindOf(err) != harness.KindStorage || err == nil {
		t.Errorf("Read = %v, want a storage error", err)
	}
	if series, err := s.Series(ctx, harness.SeriesQuery{Metric: harness.DecodeTokS, Summary: true}); err != nil || len(series) != 1 {
		t.Errorf("Series = %v, %v: the summaries are whole", series, err)
	}
}

func TestCases(t *testing.T) {
	s, ctx := open(t), context.Background()
	run := nightRun(3)
	mustBegin(t, s, run)
	for _, planned := range run.Plan.Sessions {
		c := run.Plan.Cases[planned.Case]
		record(t, s, run.ID, harness.Entry{Session: planned.ID, SessionBegin: &harness.SessionBegin{ID: planned.ID, Planned: planned, Case: c, At: noon}})
	}
	got, err := s.Cases(ctx)
	if err != nil || len(got) != 3 || got[2].Model.Name != "model-2" || got[0].Device.Name != "shelf 0" {
		t.Errorf("Cases = %+v, %v, want the three that were launched", got, err)
	}
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
	if err != nil || len(got) != 2 || got[0].Run != "both" || got[1].Run != "both" {
		t.Errorf("Series = %+v, %v, want the two of the run with both arms", got, err)
	}
}
