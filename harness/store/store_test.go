package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, s.Close())
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
	require.NoError(t, s.Record(context.Background(), run, entries...))
}

func mustBegin(t *testing.T, s *Store, run harness.Run) {
	t.Helper()
	require.NoError(t, s.Begin(context.Background(), run))
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
		harness.Entry{Session: a, Battery: &harness.BatteryReading{At: noon, VoltageMillivolt: ptr(int64(4012)),
			AmperageMilliampere:   ptr(int64(-180)),
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
	require.NoError(t, err)
	assert.Equal(t, run, got.Run, "Read().Run")
	require.Len(t, got.Sessions, 2, "Read() has sessions")
	require.NotNil(t, got.Sessions[0].End, "Read() has sessions")
	require.Nil(t, got.Sessions[1].End, "Read() has sessions")
	a := got.Sessions[0]
	for i, it := range a.Iterations {
		assert.Equal(t, *iteration("s000-candidate", i, i == 0, harness.OutcomeOK).Iteration, it, "iteration %d", i)
	}
	assert.Equal(t, (*reading("s000-candidate", ptr(2), harness.DecodeTokS, 42, "tok/s").Sample), a.Samples[2], "sample")
	b := a.Battery[0]
	assert.False(t, *b.VoltageMillivolt != 4012 || *b.AccumulatedSystemLoad != 1<<63+5 || b.Percent != nil || b.Raw != `{"Voltage":4012}`,
		"battery reading = %+v, not as it was recorded", b)
	assert.False(t, len(a.Absences) != 1 || a.Absences[0].Reason != "the phone is charging" || len(a.Payloads) != 1 ||
		a.Payloads[0].Raw != nil,
		"absences %+v, payloads %+v: not as recorded, or with their bytes", a.Absences, a.Payloads)
	payloads := 0
	err = s.EachPayload(context.Background(), "r1", func(p harness.Payload) error {
		payloads++
		assert.False(t, string(p.Raw) != "{\x00}" || p.Session != a.Begin.ID || p.Name != a.Payloads[0].Name || !p.At.Equal(a.Payloads[0].At),
			"payload = %+v: not as recorded", p)
		return nil
	})
	require.NoError(t, err, "EachPayload")
	assert.Equal(t, 1, payloads, "EachPayload")
	require.Len(t, got.Notices, 2)
	require.Equal(t, "s000-candidate", got.Notices[0].Session, "notices")
	assert.Empty(t, got.Notices[1].Session, "notices")
	lines, err := s.Lines(context.Background(), "r1", "s000-candidate")
	assert.False(t, err != nil || len(lines) != 2 || lines[1].Text != "\xff\x00 no JSON" || lines[1].Number != 2,
		"Lines = %+v, %v: not as recorded", lines, err)
}

func TestLoad(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	fill(t, s, run)
	state, err := s.Load(context.Background(), "r1")
	require.NoError(t, err)
	require.Len(t, state.Sessions, 2, "Load")
	require.Equal(t, 2, state.Sessions[0].Lines, "Load")
	require.Equal(t, 1, state.Sessions[1].Lines, "Load")
	require.Nil(t, state.Sessions[0].Battery, "Load gives battery readings of sessions without end, and of those only")
	assert.Len(t, state.Sessions[1].Battery, 1, "Load gives battery readings of sessions without end, and of those only")
	_, err = s.Load(context.Background(), "r2")
	assert.Equal(t, harness.KindUsage, harness.KindOf(err), "Load of an unknown run: want a usage error with a hint")
	assert.NotEmpty(t, harness.HintOf(err), "Load of an unknown run: want a usage error with a hint")
}

func TestFinishKeepsTheLaterTime(t *testing.T) {
	s := open(t)
	mustBegin(t, s, sampleRun("r1"))
	for _, at := range []time.Time{noon.Add(time.Hour), noon.Add(time.Minute), noon.Add(time.Hour)} {
		require.NoError(t, s.Finish(context.Background(), "r1", at))
	}
	state, err := s.Load(context.Background(), "r1")
	require.NoError(t, err, "Load().Run.End")
	assert.NotNil(t, state.Run.End, "Load().Run.End")
	assert.True(t, state.Run.End.Equal(noon.Add(time.Hour)), "Load().Run.End")
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
			require.ErrorContains(t, err, c.want, "Record")
			got, err := s.Read(context.Background(), run.ID)
			require.NoError(t, err, "after a refused call there are notices: want none: a call is all or nothing")
			assert.Empty(t, got.Notices, "after a refused call there are notices: want none: a call is all or nothing")
		})
	}
	s := open(t)
	mustBegin(t, s, run)
	assert.Equal(t, harness.KindUsage, harness.KindOf(s.Begin(context.Background(), run)), "second Begin")
	assert.Equal(t, harness.KindUsage, harness.KindOf(s.Record(context.Background(), "r2")), "Record to an unknown run")
}

func TestAWordOfAnUndoneCallIsForgotten(t *testing.T) {
	s, run := open(t), sampleRun("r1")
	mustBegin(t, s, run)
	record(t, s, run.ID, begin(run, "s000-candidate", 1))
	good := reading("s000-candidate", nil, harness.TTFT, 1, "s")
	require.Error(t, s.Record(context.Background(), run.ID, good, harness.Entry{}), "an empty entry was recorded")
	record(t, s, run.ID, good)
	got, err := s.Read(context.Background(), run.ID)
	require.NoError(t, err, "Read")
	require.Len(t, got.Sessions[0].Samples, 1, "Read")
	assert.Equal(t, harness.TTFT, got.Sessions[0].Samples[0].Metric, "Read")
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
			reading(a.session, ptr(1), harness.DecodeTokS, a.values[0], "tok/s"),
			reading(a.session, ptr(2), harness.DecodeTokS, a.values[1], "tok/s"),
			reading(a.session, nil, harness.Energy, 9, "J"))
	}
	cases := []struct {
		name  string
		query harness.SeriesQuery
		want  string
	}{
		{"kept iterations of the attempts that count", harness.SeriesQuery{
			Metric: harness.DecodeTokS,
		}, "s000-candidate.2[40] s001-candidate[50] "},
		{"a first request's figure comes from a warm-up", harness.SeriesQuery{
			Metric: harness.TTFTCold,
		}, "s000-candidate.2[0.3] s001-candidate[0.3] "},
		{"of the session as a whole", harness.SeriesQuery{
			Metric: harness.Energy, Case: "iPhone15,4/stories-1m/quick",
		}, "s000-candidate.2[9] s001-candidate[9] "},
		{"since", harness.SeriesQuery{Metric: harness.DecodeTokS, Since: noon.Add(3 * time.Second)}, "s001-candidate[50] "},
		{"another phone", harness.SeriesQuery{Metric: harness.DecodeTokS, UDID: "U-2"}, ""},
		{"another arm", harness.SeriesQuery{Metric: harness.DecodeTokS, Arm: harness.ArmBaseline}, ""},
		{"another run", harness.SeriesQuery{Metric: harness.DecodeTokS, Run: "r9"}, ""},
		{"never recorded", harness.SeriesQuery{Metric: harness.Perplexity}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			series, err := s.Series(context.Background(), c.query)
			require.NoError(t, err)
			got := ""
			for _, one := range series {
				got += fmt.Sprintf("%s%v ", one.Begin.ID, one.Values)
			}
			assert.Equal(t, c.want, got, "Series")
		})
	}
	_, err := s.Series(context.Background(), harness.SeriesQuery{})
	require.Error(t, err, "a query without metric was answered")
	doubtful := reading("s001-candidate", nil, harness.EnergyPerToken, 9, "J")
	doubtful.Sample.Uncertainty = ptr(0.5)
	record(t, s, run.ID, doubtful)
	got, err := s.Series(context.Background(), harness.SeriesQuery{Metric: harness.EnergyPerToken})
	require.NoError(t, err, "Series")
	require.Len(t, got, 1, "Series")
	require.NotNil(t, got[0].Uncertainty, "Series")
	assert.InDelta(t, 0.5, *got[0].Uncertainty, 0, "Series")
	record(t, s, run.ID, reading("s001-candidate", nil, harness.Energy, 9, "mWh"))
	_, err = s.Series(context.Background(), harness.SeriesQuery{Metric: harness.Energy})
	require.Error(t, err, "a series of mixed units was given out")
}

func TestRuns(t *testing.T) {
	s := open(t)
	_, err := s.Latest(context.Background(), false)
	assert.Equal(t, harness.KindUsage, harness.KindOf(err), "Latest of nothing")
	early, late := sampleRun("early"), sampleRun("late")
	late.Start = noon.Add(time.Hour)
	fill(t, s, late)
	mustBegin(t, s, early)
	for _, session := range []string{"s000-candidate", "s001-candidate"} {
		record(t, s, "early", begin(early, session, 1), end(session, harness.OutcomeOK))
	}
	runs, err := s.Runs(context.Background())
	require.NoError(t, err, "Runs")
	require.Len(t, runs, 2)
	require.Equal(t, "late", runs[0].Run.ID, "Runs")
	r := runs[0]
	assert.Equal(t, 2, r.Begun, "Runs()[0]")
	assert.Equal(t, 1, r.Ended, "Runs()[0]")
	assert.Equal(t, 2, r.Planned, "Runs()[0]")
	assert.Equal(t, 2, r.Measured, "Runs()[0]")
	assert.Equal(t, 1, r.Outcomes[harness.OutcomeOK], "Runs()[0]")
	for unfinished, want := range map[bool]string{false: "late", true: "late"} {
		got, err := s.Latest(context.Background(), unfinished)
		assert.Equal(t, want, got, "Latest(%v)", unfinished)
		require.NoError(t, err, "Latest(%v)", unfinished)
	}
	for _, outcome := range []harness.Outcome{harness.OutcomeCancelled, harness.OutcomeDeviceLost} {
		other := sampleRun(string(outcome))
		other.Start = noon.Add(2 * time.Hour)
		mustBegin(t, s, other)
		record(
			t, s, other.ID, begin(other, "s000-candidate", 1), end("s000-candidate", harness.OutcomeOK), begin(other, "s001-candidate", 1),
			end("s001-candidate", outcome),
		)
		got, err := s.Latest(context.Background(), true)
		assert.Equal(t, other.ID, got, "Latest(unfinished) = %q, %v, want the run with a session that ended as %s", got, err, outcome)
		require.NoError(t, err, "Latest(unfinished) = %q, %v, want the run with a session that ended as %s", got, err, outcome)
		record(t, s, other.ID, begin(other, "s001-candidate.2", 2), end("s001-candidate.2", harness.OutcomeOK))
	}
	record(t, s, "late", end("s001-candidate", harness.OutcomeOK))
	_, err = s.Latest(context.Background(), true)
	require.Error(t, err, "Latest(unfinished) found a run, and all are complete")
}

func TestFaults(t *testing.T) {
	t.Run("not a database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "bench.sqlite")
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o644))
		_, err := Open(context.Background(), path)
		assert.Equal(t, harness.KindStorage, harness.KindOf(err), "Open: want a storage error that says damaged")
		assert.Contains(t, harness.HintOf(err), "damaged", "Open: want a storage error that says damaged")
	})
	t.Run("folder is a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		_, err := Open(context.Background(), filepath.Join(path, "bench.sqlite"))
		assert.Equal(t, harness.KindUsage, harness.KindOf(err), "Open: want a usage error with a hint")
		assert.NotEmpty(t, harness.HintOf(err), "Open: want a usage error with a hint")
	})
	t.Run("disk full", func(t *testing.T) {
		s, run := open(t), sampleRun("r1")
		mustBegin(t, s, run)
		record(t, s, run.ID, begin(run, "s000-candidate", 1))
		// SQLite answers a page beyond the limit as it answers a full disk.
		_, err := s.writer.ExecContext(context.Background(), "PRAGMA max_page_count = 1")
		require.NoError(t, err)
		big := harness.Entry{Session: "s000-candidate", Payload: &harness.Payload{Name: "p", Kind: "metric", At: noon, Raw: make([]byte, 1<<20)}}
		err = s.Record(context.Background(), run.ID, line("s000-candidate", 1, "{}"), big)
		require.Equal(t, harness.KindStorage, harness.KindOf(err), "Record: want a storage error that says to free space")
		require.Contains(t, harness.HintOf(err), "free some space", "Record: want a storage error that says to free space")
		_, err = s.writer.ExecContext(context.Background(), "PRAGMA max_page_count = 1000000")
		require.NoError(t, err)
		record(t, s, run.ID, line("s000-candidate", 1, "{}"), big) // nothing of the failed call is there, and the store goes on
	})
	t.Run("cancelled before the write", func(t *testing.T) {
		s := open(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(t, s.Begin(ctx, sampleRun("r1")), context.Canceled)
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
		if err != nil {
			return err
		}
		assert.Len(t, got.Notices, 2, "a reader beside an open write sees notices: want the two committed ones")
		return nil
	})
	require.NoError(t, err)
	got, err := other.Read(context.Background(), "r1")
	require.NoError(t, err, "after the commit a reader sees notices")
	assert.Len(t, got.Notices, 3, "after the commit a reader sees notices")
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
		if err == nil {
			assert.Nil(t, sessions[1].end, "a snapshot sees what was recorded after it")
		}
		return err
	})
	require.NoError(t, err)
	got, err := s.Read(ctx, "r1")
	require.NoError(t, err, "Read")
	assert.NotNil(t, got.Sessions[1].End, "Read")
	assert.NotNil(t, got.Run.End, "Read")
}
