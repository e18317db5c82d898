package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

func payload(i int, size int) harness.Taken {
	raw := append(fmt.Appendf(nil, `{"n":%d,"pad":"`, i), bytes.Repeat([]byte{'x'}, size)...)
	return harness.Taken{Hash: sha256.Sum256(raw), Source: "day.json", At: time.Unix(int64(i), 0), Format: "metric", DeviceType: "iPhone15,4",
		BundleID: "org.lilims.bench", Begin: "2026-10-24T22:59:00Z", Size: int64(len(raw)), Raw: raw, Figures: []byte(`[]`)}
}

func TestTakeKeepsAPayloadOnce(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	batch := []harness.Taken{payload(1, 10), payload(2, 10), payload(1, 10)}
	if added, err := s.Take(ctx, batch); err != nil || added != 2 {
		t.Fatalf("Take = %d, %v, want 2 new payloads", added, err)
	}
	if added, err := s.Take(ctx, batch); err != nil || added != 0 {
		t.Errorf("Take of the same again = %d, %v, want none new", added, err)
	}
	got, err := s.TakenOf(ctx, "org.lilims.bench", "")
	if err != nil || len(got) != 2 || got[0].Hash != batch[0].Hash || got[0].Begin != batch[0].Begin {
		t.Errorf("TakenOf = %+v, %v, want both", got, err)
	}
	if got, err := s.TakenOf(ctx, "", "iPhone99,1"); err != nil || len(got) != 0 {
		t.Errorf("TakenOf another device = %d payloads, %v, want none", len(got), err)
	}
}

func TestTakenBetween(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	day := payload(1, 10)
	day.End = "2026-10-25T22:58:00Z"
	if _, err := s.Take(ctx, []harness.Taken{day}); err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, c := range []struct {
		device, from, to string
		want             int
	}{
		{"iPhone15,4", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", 1},
		{"iPhone15,4", "2026-10-25T23:00:00Z", "2026-10-26T01:00:00Z", 0},
		{"iPhone15,4", "2026-10-24T20:00:00Z", "2026-10-24T22:00:00Z", 0},
		{"iPhone12,1", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", 0},
	} {
		if got, err := s.TakenBetween(ctx, c.device, at(c.from), at(c.to)); err != nil || len(got) != c.want {
			t.Errorf("TakenBetween(%s, %s, %s) = %d payloads, %v, want %d", c.device, c.from, c.to, len(got), err, c.want)
		}
	}
}

// BenchmarkTake compares keeping payloads with a bare insert of the same bytes into a table of one column, with the same
// journal and batches: "ratio" is the bare insert's payloads a second over ours.
func BenchmarkTake(b *testing.B) {
	const batch, size = 256, 5 << 10
	s := openAt(b, filepath.Join(b.TempDir(), "bench.sqlite"))
	bare, err := sql.Open("sqlite3", dataSource(filepath.Join(b.TempDir(), "bare.sqlite"), "_txlock=immediate"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	if _, err := bare.Exec(`CREATE TABLE payloads (raw BLOB)`); err != nil {
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	payloads := 0
	for b.Loop() {
		var items []harness.Taken
		for range batch {
			payloads++
			items = append(items, payload(payloads, size))
		}
		begin := time.Now()
		if _, err := s.Take(context.Background(), items); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin)
		begin = time.Now()
		insertBare(b, bare, items)
		theirs += time.Since(begin)
	}
	b.ReportMetric(float64(payloads)/ours.Seconds(), "payloads/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare-insert")
}

func insertBare(b *testing.B, db *sql.DB, items []harness.Taken) {
	b.Helper()
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	statement, err := tx.Prepare(`INSERT INTO payloads (raw) VALUES (?)`)
	if err != nil {
		b.Fatal(err)
	}
	for _, p := range items {
		if _, err := statement.Exec(p.Raw); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
