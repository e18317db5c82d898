package store

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/lilims/bench/harness"
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
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	run, random := sampleRun("r1"), rand.New(rand.NewPCG(1, 2))
	if err := s.Begin(context.Background(), run); err != nil {
		b.Fatal(err)
	}
	if err := s.Record(context.Background(), run.ID, begin(run, "s000-candidate", 1)); err != nil {
		b.Fatal(err)
	}
	for n := 1; b.Loop(); n++ {
		if err := s.Record(context.Background(), run.ID, line("s000-candidate", n, tokensLine(random, n))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareInsert is the same line in a table of its own, one transaction each, with the same settings.
func BenchmarkBareInsert(b *testing.B) {
	db, err := sql.Open("sqlite3", dataSource(filepath.Join(b.TempDir(), "bare.sqlite"), "_txlock=immediate"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE lines (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	insert, err := db.Prepare("INSERT INTO lines VALUES (?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	defer insert.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for n := 1; b.Loop(); n++ {
		if _, err := insert.Exec(n, n, tokensLine(random, n)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIterationBytes records sessions of ten iterations of 128 tokens with their lines and samples, and reports
// what an iteration takes on the disk.
func BenchmarkIterationBytes(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bench.sqlite")
	s, err := Open(context.Background(), path)
	if err != nil {
		b.Fatal(err)
	}
	run, random, iterations := sampleRun("r1"), rand.New(rand.NewPCG(1, 2)), 0
	if err := s.Begin(context.Background(), run); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		id := fmt.Sprintf("s%03d", n)
		entries := []harness.Entry{begin(run, id, 1)}
		for i := range 10 {
			it := harness.Iteration{Session: id, Index: i, Outcome: harness.OutcomeOK, PromptTokens: 16}
			for token := range 128 {
				entries = append(entries, line(id, i*128+token+1, tokensLine(random, i*128+token)))
				it.TokenIDs = append(it.TokenIDs, int32(random.IntN(2048)))
				it.TokenNs = append(it.TokenNs, int64(token)*25_000_000+int64(random.NormFloat64()*500_000))
			}
			entries = append(entries, harness.Entry{Session: id, Iteration: &it})
			for _, metric := range []string{harness.DecodeTokS, harness.PrefillTokS, harness.TTFT, harness.ITLP50, harness.ITLP95, harness.ITLP99, harness.PeakFootprint} {
				entries = append(entries, reading(id, &i, metric, random.Float64(), "s"))
			}
			iterations++
		}
		if err := s.Record(context.Background(), run.ID, append(entries, end(id, harness.OutcomeOK))...); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/float64(iterations), "B/iteration")
}
