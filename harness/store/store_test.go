package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) *Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "bench.sqlite"))
}

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func ptr[T any](v T) *T { return &v }

// sampleRun is a run with two planned sessions of one case.
func sampleRun(id string) harness.Run {
	c := harness.Case{
		Device:   harness.Device{UDID: "U-1", Name: "shelf 1", Kind: harness.KindVirtual, ProductType: "iPhone15,4", OSBuild: "22G86"},
		Model:    harness.Model{Name: "stories-1m", Hash: "aa11"},
		Scenario: harness.Scenario{Name: "quick", GenerateTokens: 3, Iterations: 2, Warmups: 1},
	}
	return harness.Run{
		ID: id, Revision: "0123abc", Start: noon, Synthetic: true, Host: "lab",
		Plan: harness.Plan{Seed: 7, Cases: []harness.Case{c}, Sessions: []harness.PlannedSession{
			{ID: "s000-candidate", Arm: harness.ArmCandidate}, {ID: "s001-candidate", Ordinal: 1, Arm: harness.ArmCandidate, Pair: 1}}},
	}
}

func begin(run harness.Run, session string, attempt int) harness.Entry {
	planned := run.Plan.Sessions[0]
	if strings.HasPrefix(session, "s001") {
		planned = run.Plan.Sessions[1]
	}
	return harness.Entry{Session: session, SessionBegin: &harness.SessionBegin{ID: session, Attempt: attempt, Planned: planned,
		Case: run.Plan.Cases[0], At: noon.Add(time.Duration(attempt) * time.Second)}}
}

func iteration(session string, index int, warmup bool, outcome harness.Outcome) harness.Entry {
	at := int64(index) * 1e9
	return harness.Entry{Session: session, Iteration: &harness.Iteration{
		Session: session, Index: index, Warmup: warmup, PromptTokens: 4, Outcome: outcome, BeginNs: at,
		PrefillNs: ptr(int64(4_900_000)), FirstTokenNs: ptr(at + 5_000_000), EndNs: ptr(at + 9_100_000),
		TokenIDs: []int32{17, 4, 250}, TokenNs: []int64{at + 5_000_000, at + 7_000_123, at + 9_000_001},
		Text: " a \"cat\"\né", Thermal: ptr(harness.ThermalNominal),
	}}
}

func reading(session string, index *int, metric string, value float64, unit string) harness.Entry {
	return harness.Entry{Session: session, Sample: &harness.Sample{Session: session, Iteration: index, Metric: metric, Value: value,
		Unit: unit, At: noon.Add(time.Minute), DeviceNs: ptr(int64(42)), Phase: "decode", Source: harness.SourceDerived}}
}

func end(session string, outcome harness.Outcome) harness.Entry {
	return harness.Entry{Session: session, SessionEnd: &harness.SessionEnd{ID: session, Outcome: outcome, Planned: 2, Measured: 2,
		Tokens: 9, ThermalStart: ptr(harness.ThermalNominal), At: noon.Add(2 * time.Minute)}}
}

func line(session string, n int, text string) harness.Entry {
	return harness.Entry{Session: session, Line: &harness.EventLine{Session: session, Number: n, Text: text, At: noon.Add(time.Duration(n))}}
}

func record(t *testing.T, s *Store, run string, entries ...harness.Entry) {
	t.Helper()
	if err := s.Record(context.Background(), run, entries...); err != nil {
		t.Fatal(err)
	}
}

func mustBegin(t *testing.T, s *Store, run harness.Run) {
	t.Helper()
	if err := s.Begin(context.Background(), run); err != nil {
		t.Fatal(err)
	}
}

// fill records one whole session and one that was cut off.
func fill(t *testing.T, s *Store, run harness.Run) {
	t.Helper()
	mustBegin(t, s, run)
	const a, b = "s000-candidate", "s001-candidate"
	record(t, s, run.ID, begin(run, a, 1))
	record(t, s, run.ID, line(a, 1, `{"v":1,"seq":0,"at_ns":1000000,"kind":"hello"}`), line(a, 2, "\xff\x00 no JSON"))
	for i := range 3 {
		record(t, s, run.ID, iteration(a, i, i == 0, harness.OutcomeOK), reading(a, ptr(i), harness.DecodeTokS, 40+float64(i), "tok/s"))
	}
	record(t, s, run.ID,
		harness.Entry{Session: a, Battery: &harness.BatteryReading{At: noon, VoltageMillivolt: ptr(int64(4012)), AmperageMilliampere: ptr(int64(-180)),
			AccumulatedSystemLoad: ptr(uint64(1<<63 + 5)), Raw: `{"Voltage":4012}`}},
		harness.Entry{Session: a, Absence: &harness.Absence{Session: a, Metric: harness.Energy, Reason: "the phone is charging"}},
		harness.Entry{Session: a, Payload: &harness.Payload{Session: a, Name: "p1.json", Kind: "metric", At: noon, Raw: []byte("{\x00}")}},
		harness.Entry{Session: a, Notice: &harness.Notice{What: "device", Text: "gone for 2 s", At: noon}},
		harness.Entry{Notice: &harness.Notice{What: "wait", Text: "cooling down", At: noon}},
		end(a, harness.OutcomeOK))
	record(t, s, run.ID, begin(run, b, 2), line(b, 1, "{}"),
		harness.Entry{Session: b, Battery: &harness.BatteryReading{At: noon, Percent: ptr(int64(80))}})
}

func TestRoundTrip(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	fill(t, s, run)
	got, err := s.Read(context.Background(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Run, run) {
		t.Errorf("Read().Run = %+v, want %+v", got.Run, run)
	}
	if len(got.Sessions) != 2 || got.Sessions[0].End == nil || got.Sessions[1].End != nil {
		t.Fatalf("Read() has sessions %+v, want an ended one and a cut one", got.Sessions)
	}
	a := got.Sessions[0]
	for i, it := range a.Iterations {
		if want := iteration("s000-candidate", i, i == 0, harness.OutcomeOK).Iteration; !reflect.DeepEqual(it, *want) {
			t.Errorf("iteration %d = %+v, want %+v", i, it, *want)
		}
	}
	if want := *reading("s000-candidate", ptr(2), harness.DecodeTokS, 42, "tok/s").Sample; !reflect.DeepEqual(a.Samples[2], want) {
		t.Errorf("sample = %+v, want %+v", a.Samples[2], want)
	}
	if b := a.Battery[0]; *b.VoltageMillivolt != 4012 || *b.AccumulatedSystemLoad != 1<<63+5 || b.Percent != nil || b.Raw != `{"Voltage":4012}` {
		t.Errorf("battery reading = %+v, not as it was recorded", b)
	}
	if len(a.Absences) != 1 || a.Absences[0].Reason != "the phone is charging" || len(a.Payloads) != 1 || a.Payloads[0].Raw != nil {
		t.Errorf("absences %+v, payloads %+v: not as recorded, or with their bytes", a.Absences, a.Payloads)
	}
	payloads := 0
	err = s.EachPayload(context.Background(), "r1", func(p harness.Payload) error {
		payloads++
		if string(p.Raw) != "{\x00}" || p.Session != a.Begin.ID || p.Name != a.Payloads[0].Name || !p.At.Equal(a.Payloads[0].At) {
			t.Errorf("payload = %+v: not as recorded", p)
		}
		return nil
	})
	if err != nil || payloads != 1 {
		t.Errorf("EachPayload = %d payloads, %v, want one", payloads, err)
	}
	if len(got.Notices) != 2 || got.Notices[0].Session != "s000-candidate" || got.Notices[1].Session != "" {
		t.Errorf("notices = %+v, want one of the session and one of the run", got.Notices)
	}
	lines, err := s.Lines(context.Background(), "r1", "s000-candidate")
	if err != nil || len(lines) != 2 || lines[1].Text != "\xff\x00 no JSON" || lines[1].Number != 2 {
		t.Errorf("Lines = %+v, %v: not as recorded", lines, err)
	}
}

func TestLoad(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	fill(t, s, run)
	state, err := s.Load(context.Background(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if len(state.Sessions) != 2 || state.Sessions[0].Lines != 2 || state.Sessions[1].Lines != 1 {
		t.Fatalf("Load = %+v, want two sessions with 2 lines and 1", state.Sessions)
	}
	if state.Sessions[0].Battery != nil || len(state.Sessions[1].Battery) != 1 {
		t.Error("Load gives battery readings of sessions without end, and of those only")
	}
	if _, err := s.Load(context.Background(), "r2"); harness.KindOf(err) != harness.KindUsage || harness.HintOf(err) == "" {
		t.Errorf("Load of an unknown run = %v, want a usage error with a hint", err)
	}
}

func TestFinishKeepsTheLaterTime(t *testing.T) {
	s := open(t)
	mustBegin(t, s, sampleRun("r1"))
	for _, at := range []time.Time{noon.Add(time.Hour), noon.Add(time.Minute), noon.Add(time.Hour)} {
		if err := s.Finish(context.Background(), "r1", at); err != nil {
			t.Fatal(err)
		}
	}
	state, err := s.Load(context.Background(), "r1")
	if err != nil || state.Run.End == nil || !state.Run.End.Equal(noon.Add(time.Hour)) {
		t.Errorf("Load().Run.End = %v, %v, want an hour past noon", state.Run.End, err)
	}
}

func TestRefusals(t *testing.T) {
	run := sampleRun("r1")
	nan := reading("s000-candidate", nil, harness.TTFT, 0, "s")
	nan.Sample.Value /= nan.Sample.Value
	cases := []struct {
		name    string
		entries []harness.Entry
		want    string
	}{
		{"session that has not begun", []harness.Entry{line("s009", 1, "x")}, "it has not begun"},
		{"session begun twice", []harness.Entry{begin(run, "s000-candidate", 1)}, "UNIQUE"},
		{"line number twice", []harness.Entry{line("s000-candidate", 1, "x"), line("s000-candidate", 1, "y")}, "UNIQUE"},
		{"no session named", []harness.Entry{{Line: &harness.EventLine{Number: 1}}}, "does not name it"},
		{"empty entry", []harness.Entry{{Session: "s000-candidate"}}, "entry is empty"},
		{"not a number", []harness.Entry{nan}, "not a valid reading"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			mustBegin(t, s, run)
			record(t, s, run.ID, begin(run, "s000-candidate", 1))
			notice := harness.Entry{Notice: &harness.Notice{What: "wait", At: noon}}
			err := s.Record(context.Background(), run.ID, append([]harness.Entry{notice}, c.entries...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Record = %v, want an error that says %q", err, c.want)
			}
			got, err := s.Read(context.Background(), run.ID)
			if err != nil || len(got.Notices) != 0 {
				t.Errorf("after a refused call there are notices %v (%v), want none: a call is all or nothing", got.Notices, err)
			}
		})
	}
	s := open(t)
	mustBegin(t, s, run)
	if err := s.Begin(context.Background(), run); harness.KindOf(err) != harness.KindUsage {
		t.Errorf("second Begin = %v, want a usage error", err)
	}
	if err := s.Record(context.Background(), "r2"); harness.KindOf(err) != harness.KindUsage {
		t.Errorf("Record to an unknown run = %v, want a usage error", err)
	}
}

func TestAWordOfAnUndoneCallIsForgotten(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	mustBegin(t, s, run)
	record(t, s, run.ID, begin(run, "s000-candidate", 1))
	good := reading("s000-candidate", nil, harness.TTFT, 1, "s")
	if err := s.Record(context.Background(), run.ID, good, harness.Entry{}); err == nil {
		t.Fatal("an empty entry was recorded")
	}
	record(t, s, run.ID, good)
	got, err := s.Read(context.Background(), run.ID)
	if err != nil || len(got.Sessions[0].Samples) != 1 || got.Sessions[0].Samples[0].Metric != harness.TTFT {
		t.Errorf("Read = %+v, %v, want the one sample", got.Sessions, err)
	}
}

func TestSeries(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	mustBegin(t, s, run)
	attempts := []struct {
		session string
		values  []float64
	}{{"s000-candidate", []float64{30, 31}}, {"s000-candidate.2", []float64{40, 41}}, {"s001-candidate", []float64{50, 51}}}
	for n, a := range attempts {
		record(t, s, run.ID, begin(run, a.session, n+1), iteration(a.session, 0, true, harness.OutcomeOK),
			iteration(a.session, 1, false, harness.OutcomeOK), iteration(a.session, 2, false, harness.OutcomeInvalid),
			reading(a.session, ptr(0), harness.TTFTCold, 0.3, "s"), reading(a.session, ptr(0), harness.DecodeTokS, 1, "tok/s"),
			reading(a.session, ptr(1), harness.DecodeTokS, a.values[0], "tok/s"), reading(a.session, ptr(2), harness.DecodeTokS, a.values[1], "tok/s"),
			reading(a.session, nil, harness.Energy, 9, "J"))
	}
	cases := []struct {
		name  string
		query harness.SeriesQuery
		want  string
	}{
		{"kept iterations of the attempts that count", harness.SeriesQuery{Metric: harness.DecodeTokS}, "s000-candidate.2[40] s001-candidate[50] "},
		{"a first request's figure comes from a warm-up", harness.SeriesQuery{Metric: harness.TTFTCold}, "s000-candidate.2[0.3] s001-candidate[0.3] "},
		{"of the session as a whole", harness.SeriesQuery{Metric: harness.Energy, Case: "iPhone15,4/stories-1m/quick"}, "s000-candidate.2[9] s001-candidate[9] "},
		{"since", harness.SeriesQuery{Metric: harness.DecodeTokS, Since: noon.Add(3 * time.Second)}, "s001-candidate[50] "},
		{"another phone", harness.SeriesQuery{Metric: harness.DecodeTokS, UDID: "U-2"}, ""},
		{"another arm", harness.SeriesQuery{Metric: harness.DecodeTokS, Arm: harness.ArmBaseline}, ""},
		{"another run", harness.SeriesQuery{Metric: harness.DecodeTokS, Run: "r9"}, ""},
		{"never recorded", harness.SeriesQuery{Metric: harness.Perplexity}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			series, err := s.Series(context.Background(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, one := range series {
				got += fmt.Sprintf("%s%v ", one.Begin.ID, one.Values)
			}
			if got != c.want {
				t.Errorf("Series = %q, want %q", got, c.want)
			}
		})
	}
	if _, err := s.Series(context.Background(), harness.SeriesQuery{}); err == nil {
		t.Error("a query without metric was answered")
	}
	doubtful := reading("s001-candidate", nil, harness.EnergyPerToken, 9, "J")
	doubtful.Sample.Uncertainty = ptr(0.5)
	record(t, s, run.ID, doubtful)
	if got, err := s.Series(context.Background(), harness.SeriesQuery{Metric: harness.EnergyPerToken}); err != nil || len(got) != 1 || got[0].Uncertainty == nil || *got[0].Uncertainty != 0.5 {
		t.Errorf("Series = %+v, %v, want the reading's uncertainty", got, err)
	}
	record(t, s, run.ID, reading("s001-candidate", nil, harness.Energy, 9, "mWh"))
	if _, err := s.Series(context.Background(), harness.SeriesQuery{Metric: harness.Energy}); err == nil {
		t.Error("a series of mixed units was given out")
	}
}

func TestRuns(t *testing.T) {
	s := open(t)
	if _, err := s.Latest(context.Background(), false); harness.KindOf(err) != harness.KindUsage {
		t.Errorf("Latest of nothing = %v, want a usage error", err)
	}
	early, late := sampleRun("early"), sampleRun("late")
	late.Start = noon.Add(time.Hour)
	fill(t, s, late)
	mustBegin(t, s, early)
	for _, session := range []string{"s000-candidate", "s001-candidate"} {
		record(t, s, "early", begin(early, session, 1), end(session, harness.OutcomeOK))
	}
	runs, err := s.Runs(context.Background())
	if err != nil || len(runs) != 2 || runs[0].Run.ID != "late" {
		t.Fatalf("Runs = %+v, %v, want the later one first", runs, err)
	}
	if r := runs[0]; r.Begun != 2 || r.Ended != 1 || r.Planned != 2 || r.Measured != 2 || r.Outcomes[harness.OutcomeOK] != 1 {
		t.Errorf("Runs()[0] = %+v, want two begun, one ended with two of two", r)
	}
	for unfinished, want := range map[bool]string{false: "late", true: "late"} {
		if got, err := s.Latest(context.Background(), unfinished); got != want || err != nil {
			t.Errorf("Latest(%v) = %q, %v, want %q", unfinished, got, err, want)
		}
	}
	for _, outcome := range []harness.Outcome{harness.OutcomeCancelled, harness.OutcomeDeviceLost} {
		other := sampleRun(string(outcome))
		other.Start = noon.Add(2 * time.Hour)
		mustBegin(t, s, other)
		record(t, s, other.ID, begin(other, "s000-candidate", 1), end("s000-candidate", harness.OutcomeOK), begin(other, "s001-candidate", 1), end("s001-candidate", outcome))
		if got, err := s.Latest(context.Background(), true); got != other.ID || err != nil {
			t.Errorf("Latest(unfinished) = %q, %v, want the run with a session that ended as %s", got, err, outcome)
		}
		record(t, s, other.ID, begin(other, "s001-candidate.2", 2), end("s001-candidate.2", harness.OutcomeOK))
	}
	record(t, s, "late", end("s001-candidate", harness.OutcomeOK))
	if _, err := s.Latest(context.Background(), true); err == nil {
		t.Error("Latest(unfinished) found a run, and all are complete")
	}
}

func TestFaults(t *testing.T) {
	t.Run("not a database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "bench.sqlite")
		if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), path)
		if harness.KindOf(err) != harness.KindStorage || !strings.Contains(harness.HintOf(err), "damaged") {
			t.Errorf("Open = %v with hint %q, want a storage error that says damaged", err, harness.HintOf(err))
		}
	})
	t.Run("folder is a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(context.Background(), filepath.Join(path, "bench.sqlite")); harness.KindOf(err) != harness.KindUsage || harness.HintOf(err) == "" {
			t.Errorf("Open = %v, want a usage error with a hint", err)
		}
	})
	t.Run("disk full", func(t *testing.T) {
		s, run := open(t), sampleRun("r1")
		mustBegin(t, s, run)
		record(t, s, run.ID, begin(run, "s000-candidate", 1))
		// SQLite answers a page beyond the limit as it answers a full disk.
		if _, err := s.writer.ExecContext(context.Background(), "PRAGMA max_page_count = 1"); err != nil {
			t.Fatal(err)
		}
		big := harness.Entry{Session: "s000-candidate", Payload: &harness.Payload{Name: "p", Kind: "metric", At: noon, Raw: make([]byte, 1<<20)}}
		err := s.Record(context.Background(), run.ID, line("s000-candidate", 1, "{}"), big)
		if harness.KindOf(err) != harness.KindStorage || !strings.Contains(harness.HintOf(err), "free some space") {
			t.Fatalf("Record = %v with hint %q, want a storage error that says to free space", err, harness.HintOf(err))
		}
		if _, err := s.writer.ExecContext(context.Background(), "PRAGMA max_page_count = 1000000"); err != nil {
			t.Fatal(err)
		}
		record(t, s, run.ID, line("s000-candidate", 1, "{}"), big) // nothing of the failed call is there, and the store goes on
	})
	t.Run("cancelled before the write", func(t *testing.T) {
		s := open(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Begin(ctx, sampleRun("r1")); !errors.Is(err, context.Canceled) {
			t.Errorf("Begin = %v, want the context's error", err)
		}
	})
}

func TestReadersDoNotWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a path with ? and # and %20", "bench.sqlite")
	s, run := openAt(t, path), sampleRun("r1")
	fill(t, s, run)
	other := openAt(t, path) // as another process would
	err := s.transact(context.Background(), "hold the write lock", func(tx *writeTx) error {
		if _, err := tx.insert(`INSERT INTO notices (run, what, text, at) VALUES (1, 'wait', 'unseen', 0)`); err != nil {
			return err
		}
		got, err := other.Read(context.Background(), "r1")
		if err != nil || len(got.Notices) != 2 {
			t.Errorf("a reader beside an open write sees notices %v, %v, want the two committed ones", got.Notices, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.Read(context.Background(), "r1"); err != nil || len(got.Notices) != 3 {
		t.Errorf("after the commit a reader sees notices %v, %v, want three", got.Notices, err)
	}
}

// TestALongReaderHoldsNobodyUp keeps a snapshot open, as a report that takes long does, while launches are recorded, sealed
// and written to the file.
func TestALongReaderHoldsNobodyUp(t *testing.T) {
	s, run, ctx := open(t), sampleRun("r1"), context.Background()
	fill(t, s, run)
	err := s.snapshot(ctx, "look for long", func(q querier) error {
		if _, _, err := q.run("r1"); err != nil {
			return err
		}
		record(t, s, run.ID, line("s001-candidate", 2, "{}"), end("s001-candidate", harness.OutcomeOK))
		if err := s.Finish(ctx, "r1", noon); err != nil {
			return err
		}
		id, _, err := q.run("r1")
		if err != nil {
			return err
		}
		sessions, err := q.sessions(id)
		if err == nil && sessions[1].end != nil {
			t.Error("a snapshot sees what was recorded after it")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Read(ctx, "r1"); err != nil || got.Sessions[1].End == nil || got.Run.End == nil {
		t.Errorf("Read = %+v, %v, want what was recorded meanwhile", got, err)
	}
}
