package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/internal/launchtest"
)

// tokensLine is what an app writes for one token, with a time stamp that jitters as real ones do.
func tokensLine(random *rand.Rand, n int) string {
	at := 3_000_000_000_000 + int64(n)*25_000_000 + int64(random.NormFloat64()*500_000)
	return fmt.Sprintf(`{"v":1,"seq":%d,"at_ns":%d,"kind":"tokens","iteration":1,"first":%d,"ids":[%d],"at":[%d],"text":" word"}`,
		n, at+40_000, n, random.IntN(2048), at)
}

// BenchmarkRecordLine is one event line, durable when the call returns. Its ratio to BenchmarkBareInsert is the price
// of the store.
func BenchmarkRecordLine(b *testing.B) {
	s, err := Open(context.Background(), filepath.Join(b.TempDir(), "bench.sqlite"))
	require.NoError(b, err)
	defer s.Close()
	run, random := sampleRun("r1"), rand.New(rand.NewPCG(1, 2))
	require.NoError(b, s.Begin(context.Background(), run))
	require.NoError(b, s.Record(context.Background(), run.ID, begin(run, "s000-candidate", 1)))
	for n := 1; b.Loop(); n++ {
		if err := s.Record(context.Background(), run.ID, line("s000-candidate", n, tokensLine(random, n))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareInsert is the same line in a table of its own, one transaction each, with the same settings.
func BenchmarkBareInsert(b *testing.B) {
	db, err := sql.Open("sqlite3", dataSource(filepath.Join(b.TempDir(), "bare.sqlite"), "_txlock=immediate"))
	require.NoError(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE lines (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL)")
	require.NoError(b, err)
	insert, err := db.Prepare("INSERT INTO lines VALUES (?, ?, ?)")
	require.NoError(b, err)
	defer insert.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; b.Loop(); n++ {
		if _, err := insert.Exec(n, n, tokensLine(random, n)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNight records launches of a night of twenty phones with thirty cases each, ten iterations of 128 tokens a
// launch, with all their evidence, and reports what an iteration takes on the disk: -benchtime 7200x is a whole night
// of twelve launches a case. Its time is that of recording and sealing a launch.
func BenchmarkNight(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bench.sqlite")
	s, err := Open(context.Background(), path)
	require.NoError(b, err)
	run, iterations := nightRun(b.N), 0
	require.NoError(b, s.Begin(context.Background(), run))
	for n := 0; n < b.N; n += nightPhones {
		b.StopTimer()
		var launches [][]harness.Entry // of all phones at once
		for _, planned := range run.Plan.Sessions[n:min(n+nightPhones, b.N)] {
			launches = append(launches, launch(run, planned, launchtest.Shape{ID: planned.ID, Iterations: 11, Tokens: 128,
				Jitter: 100 * time.Microsecond, Ticks: true, Seed: uint64(planned.Ordinal)}))
			iterations += 10
		}
		b.StartTimer()
		sideBySide(b, s, run.ID, launches)
	}
	b.StopTimer()
	require.NoError(b, s.Finish(context.Background(), run.ID, noon.Add(10*time.Hour)))
	require.NoError(b, s.Close())
	info, err := os.Stat(path)
	require.NoError(b, err)
	b.ReportMetric(float64(info.Size())/float64(iterations), "B/iteration")
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// nightPhones is how many launches of a night go on at the same time.
const nightPhones = 20

// sideBySide records launches that begin before any of them ends.
func sideBySide(tb testing.TB, s *Store, run string, launches [][]harness.Entry) {
	tb.Helper()
	for _, part := range []func([]harness.Entry) []harness.Entry{
		func(all []harness.Entry) []harness.Entry { return all[:1] },
		func(all []harness.Entry) []harness.Entry { return all[1:] },
	} {
		for _, entries := range launches {
			require.NoError(tb, s.Record(context.Background(), run, part(entries)...))
		}
	}
}

// nightRun is a run of so many launches of 600 cases, one after the other.
func nightRun(launches int) harness.Run {
	run := sampleRun("night")
	run.Plan.Cases, run.Plan.Sessions = nil, nil
	for phone := range 20 {
		for k := range 30 {
			c := sampleRun("").Plan.Cases[0]
			c.Device.UDID = fmt.Sprintf("00008120-%016X", 0x1A2B3C4D5E6F00+phone)
			c.Device.Name = fmt.Sprintf("shelf %d", phone)
			c.Model.Name, c.Model.Hash = fmt.Sprintf("model-%d", k%5), fmt.Sprintf("%064x", 77*(k%5+1))
			c.Scenario.Name = fmt.Sprintf("scenario-%d", k/5)
			run.Plan.Cases = append(run.Plan.Cases, c)
		}
	}
	for n := range launches {
		run.Plan.Sessions = append(run.Plan.Sessions, harness.PlannedSession{
			ID: fmt.Sprintf("s%05d-candidate", n), Ordinal: n, Case: n % 600, Arm: harness.ArmCandidate, Pair: n / 600,
		})
	}
	return run
}

// launch is all the entries of one launch.
func launch(run harness.Run, planned harness.PlannedSession, shape launchtest.Shape) []harness.Entry {
	y, c := launchtest.Record(shape), run.Plan.Cases[planned.Case]
	at := launchtest.Start.Add(time.Duration(planned.Ordinal) * 40 * time.Second)
	entries := []harness.Entry{{Session: planned.ID, SessionBegin: &harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned,
		Case: c, At: at,
		Build: harness.Build{
			Arm: harness.ArmCandidate, Hash: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Revision: "0123abc",
		},
		Fingerprint: harness.Fingerprint{
			UDID: c.Device.UDID, OSBuild: "22G86", ModelHash: c.Model.Hash, ScenarioHash: c.Scenario.Name, Protocol: "1", PowerMode: "normal",
			Kind: harness.KindVirtual,
		},
		State: &harness.DeviceState{
			At: at, Thermal: ptr(harness.ThermalNominal), BatteryPercent: ptr(81.0),
			FreeDiskBytes: ptr(int64(64_123_456_000 - 4096*int64(planned.Ordinal))),
		}}}}
	add := func(e harness.Entry) { e.Session = planned.ID; entries = append(entries, e) }
	for i := range y.Lines {
		add(harness.Entry{Line: &y.Lines[i]})
	}
	for i := range y.Iterations {
		add(harness.Entry{Iteration: &y.Iterations[i]})
	}
	for i := range y.Samples {
		add(harness.Entry{Sample: &y.Samples[i]})
	}
	for i := range y.Battery {
		add(harness.Entry{Battery: &y.Battery[i]})
	}
	for i := range y.Absences {
		add(harness.Entry{Absence: &y.Absences[i]})
	}
	add(harness.Entry{Notice: &y.Notice})
	add(harness.Entry{SessionEnd: &harness.SessionEnd{ID: planned.ID, Outcome: harness.OutcomeOK, Planned: 10, Measured: 10, Tokens: 1408,
		ThermalStart: ptr(harness.ThermalNominal), ThermalWorst: ptr(harness.ThermalNominal), At: at.Add(36 * time.Second)}})
	return entries
}
