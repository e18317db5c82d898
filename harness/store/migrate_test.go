package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lilims/bench/harness"
)

// oldDatabase makes a database from the dump that version 1 has left in testdata.
func oldDatabase(t *testing.T) string { return dumped(t, "v1.sql") }

// dumped makes a database from a dump in testdata.
func dumped(t *testing.T, name string) string {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bench.sqlite")
	db := raw(t, path)
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	return path
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", dataSource(path, "_txlock=immediate"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// TestVersion1 opens a database as the first version wrote it: everything in it reads as it did then, and it takes
// more.
func TestVersion1(t *testing.T) {
	s := openAt(t, oldDatabase(t))
	got, err := s.Read(context.Background(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sessions) != 2 || len(got.Sessions[0].Iterations) != 3 || got.Sessions[0].Iterations[2].TokenNs[1] != 2_007_000_123 {
		t.Errorf("Read = %+v, want the two sessions and the token time stamps of version 1", got.Sessions)
	}
	if values := got.Sessions[0].Values(harness.DecodeTokS); len(values) != 2 || values[1] != 42 {
		t.Errorf("decode tok/s = %v, want 41 and 42", values)
	}
	lines, err := s.Lines(context.Background(), "r1", "s000-candidate")
	if err != nil || len(lines) != 2 || lines[1].Text != "\xff\x00 no JSON" {
		t.Errorf("Lines = %+v, %v: not as version 1 kept them", lines, err)
	}
	if *got.Sessions[0].Battery[0].AccumulatedSystemLoad != 1<<63+5 || got.Sessions[0].Battery[0].Raw == "" {
		t.Errorf("battery = %+v: not as version 1 kept it", got.Sessions[0].Battery)
	}
	record(t, s, "r1", line("s001-candidate", 2, "{}"), end("s001-candidate", harness.OutcomeOK))
}

// TestVersion2 opens a database that had learnt to take payloads in: it has them still, its runs, and takes references.
func TestVersion2(t *testing.T) {
	s, ctx := openAt(t, dumped(t, "v2.sql")), context.Background()
	taken, err := s.TakenOf(ctx, "", "iPhone16,1")
	if err != nil || len(taken) != 1 || taken[0].OSBuild != "23B85" || taken[0].Size != 1110 {
		t.Errorf("TakenOf = %+v, %v: not as version 2 kept it", taken, err)
	}
	if got, err := s.Read(ctx, "r1"); err != nil || len(got.Sessions) != 2 {
		t.Errorf("Read = %d sessions, %v", len(got.Sessions), err)
	}
	if err := s.KeepReference(ctx, harness.Reference{TokS: 40, Run: "r1"}); err != nil {
		t.Error(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := oldDatabase(t)
	if _, err := raw(t, path).Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), path)
	if harness.KindOf(err) != harness.KindStorage || !strings.Contains(err.Error(), "version 99") || !strings.Contains(harness.HintOf(err), "newer bench") {
		t.Errorf("Open = %v with hint %q, want a storage error that names both versions and the newer bench", err, harness.HintOf(err))
	}
}

// TestAFailedStepIsUndone gives an old database a step whose second statement fails: nothing of it stays, and the right
// step can be made later.
func TestAFailedStepIsUndone(t *testing.T) {
	path := oldDatabase(t)
	db, ctx := raw(t, path), context.Background()
	known := migrations()
	next := len(known) + 1
	bad := migration{next, "bad", "CREATE TABLE extra (x INTEGER); INSERT INTO nowhere VALUES (1);"}
	if err := migrate(ctx, db, append(known, bad)); err == nil || !strings.Contains(err.Error(), "bad") {
		t.Fatalf("migrate = %v, want the bad step's name", err)
	}
	if version, err := schemaVersion(ctx, db); err != nil || version != len(known) {
		t.Errorf("after a failed step the version is %d, %v, want %d", version, err, len(known))
	}
	good := migration{next, "good", "CREATE TABLE extra (x INTEGER);"}
	for range 2 { // the second time there is nothing to do
		if err := migrate(ctx, db, append(known, good)); err != nil {
			t.Fatal(err)
		}
	}
	if version, err := schemaVersion(ctx, db); err != nil || version != next {
		t.Errorf("the version is %d, %v, want %d", version, err, next)
	}
}

// TestTwoOpenAtOnce lets several stores make the same new file.
func TestTwoOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.sqlite")
	results := make(chan error)
	for range 4 {
		go func() {
			s, err := Open(context.Background(), path)
			if err == nil {
				err = s.Close()
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}
