package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// oldDatabase makes a database from the dump that version 1 has left in testdata.
func oldDatabase(t *testing.T) string { return dumped(t, "v1.sql") }

// dumped makes a database from a dump in testdata.
func dumped(t *testing.T, name string) string {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "bench.sqlite")
	db := raw(t, path)
	_, err = db.Exec(string(dump))
	require.NoError(t, err)
	return path
}

func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", dataSource(path, "_txlock=immediate"))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// TestVersion1 opens a database as the first version wrote it: everything in it reads as it did then, and it takes
// more.
func TestVersion1(t *testing.T) {
	s := openAt(t, oldDatabase(t))
	got, err := s.Read(context.Background(), "r1")
	require.NoError(t, err)
	require.Len(t, got.Sessions, 2, "Read")
	require.Len(t, got.Sessions[0].Iterations, 3, "Read")
	assert.Equal(t, int64(2_007_000_123), got.Sessions[0].Iterations[2].TokenNs[1], "Read")
	values := got.Sessions[0].Values(harness.DecodeTokS)
	require.Len(t, values, 2, "decode tok/s")
	assert.InDelta(t, 42, values[1], 0, "decode tok/s")
	lines, err := s.Lines(context.Background(), "r1", "s000-candidate")
	require.NoError(t, err)
	require.Len(t, lines, 2, "Lines = %+v, %v: not as version 1 kept them", lines, err)
	assert.Equal(t, "\xff\x00 no JSON", lines[1].Text, "Lines = %+v, %v: not as version 1 kept them", lines, err)
	require.Equal(t, uint64(1<<63+5), *got.Sessions[0].Battery[0].AccumulatedSystemLoad,
		"battery = %+v: not as version 1 kept it", got.Sessions[0].Battery)
	assert.NotEmpty(t, got.Sessions[0].Battery[0].Raw, "battery = %+v: not as version 1 kept it", got.Sessions[0].Battery)
	record(t, s, "r1", line("s001-candidate", 2, "{}"), end("s001-candidate", harness.OutcomeOK))
}

// TestVersion2 opens a database that had learnt to take payloads in: it has them still, its runs, and takes references.
func TestVersion2(t *testing.T) {
	s, ctx := openAt(t, dumped(t, "v2.sql")), context.Background()
	taken, err := s.TakenOf(ctx, "", "iPhone16,1")
	assert.False(t, err != nil || len(taken) != 1 || taken[0].OSBuild != "23B85" || taken[0].Size != 1110,
		"TakenOf = %+v, %v: not as version 2 kept it", taken, err)
	got, err := s.Read(ctx, "r1")
	require.NoError(t, err)
	assert.Len(t, got.Sessions, 2, "Read = %d sessions, %v", len(got.Sessions), err)
	require.NoError(t, s.KeepReference(ctx, harness.Reference{TokS: 40, Run: "r1"}))
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := oldDatabase(t)
	_, err := raw(t, path).Exec("PRAGMA user_version = 99")
	require.NoError(t, err)
	_, err = Open(context.Background(), path)
	require.Equal(t, harness.KindStorage, harness.KindOf(err), "Open")
	require.ErrorContains(t, err, "version 99", "Open")
	assert.Contains(t, harness.HintOf(err), "newer bench", "Open")
}

// TestAFailedStepIsUndone gives an old database a step whose second statement fails: nothing of it stays, and the right
// step can be made later.
func TestAFailedStepIsUndone(t *testing.T) {
	path := oldDatabase(t)
	db, ctx := raw(t, path), context.Background()
	known := migrations()
	next := len(known) + 1
	bad := migration{next, "bad", "CREATE TABLE extra (x INTEGER); INSERT INTO nowhere VALUES (1);"}
	require.ErrorContains(t, migrate(ctx, db, append(known, bad)), "bad", "migrate: want the bad step's name")
	version, err := schemaVersion(ctx, db)
	require.NoError(t, err, "after a failed step the version")
	assert.Equal(t, len(known), version, "after a failed step the version")
	good := migration{next, "good", "CREATE TABLE extra (x INTEGER);"}
	for range 2 { // the second time there is nothing to do
		require.NoError(t, migrate(ctx, db, append(known, good)))
	}
	version, err = schemaVersion(ctx, db)
	require.NoError(t, err, "the version")
	assert.Equal(t, next, version, "the version")
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
		require.NoError(t, <-results)
	}
}
