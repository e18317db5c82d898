package store

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestVersion3 opens a database whose launches are all rows: the one that has ended is sealed, the one that was cut off
// is not, and both read as they did.
func TestVersion3(t *testing.T) {
	path, ctx := dumped(t, "v3.sql"), context.Background()
	s := openAt(t, path)
	fresh, run := open(t), sampleRun("r1")
	fill(t, fresh, run)
	got, err := s.Read(ctx, "r1")
	require.NoError(t, err)
	want, err := fresh.Read(ctx, "r1")
	require.NoError(t, err, "Read")
	assert.Equal(t, want, got, "Read")
	sealed, lines := s.count(t, "sealed"), s.count(t, "event_lines")
	assert.Equal(t, 1, sealed, "%d sealed, %d lines as rows, want the ended launch sealed and the line of the other", sealed, lines)
	assert.Equal(t, 1, lines, "%d sealed, %d lines as rows, want the ended launch sealed and the line of the other", sealed, lines)
	assert.Equal(t, 0, s.count(t, "unsealed"),
		"%d sealed, %d lines as rows, want the ended launch sealed and the line of the other", sealed, lines)
	r, ok, err := s.Reference(ctx, harness.ReferenceKey{UDID: "U-1", OSBuild: "22G86", ModelHash: "aa11", BuildHash: "bb22", Probe: "p"})
	require.NoError(t, err, "Reference = %+v, %v", r, ok)
	assert.True(t, ok, "Reference = %+v, %v", r, ok)
	assert.InDelta(t, 41.5, r.TokS, 0, "Reference = %+v, %v", r, ok)
	record(t, s, "r1", line("s001-candidate", 2, "{}"), end("s001-candidate", harness.OutcomeOK))
	n := s.count(t, "event_lines")
	assert.Equal(t, 0, n, "%d lines are rows after the end", n)
}

// TestVersion5 opens a database whose rows hold their documents themselves: both launches read as they did, and the one
// that was cut off ends.
func TestVersion5(t *testing.T) {
	s, fresh, ctx := openAt(t, dumped(t, "v5.sql")), open(t), context.Background()
	fill(t, fresh, sampleRun("r1"))
	got, err := s.Read(ctx, "r1")
	require.NoError(t, err)
	want, err2 := fresh.Read(ctx, "r1")
	require.NoError(t, err2, "Read")
	assert.Equal(t, want, got, "Read")
	assert.Equal(t, 1, s.count(t, "documents"), "launches have documents")
	record(t, s, "r1", end("s001-candidate", harness.OutcomeAppCrash))
	got, err = s.Read(ctx, "r1")
	assert.False(t, err != nil || got.Sessions[1].End == nil || got.Sessions[1].End.Outcome != harness.OutcomeAppCrash || s.count(
		t, "documents",
	) != 0,
		"Read = %+v, %v after its end", got.Sessions[1], err)
}

// manyOld makes a database of version 3 with so many more ended launches, each like the dump's.
func manyOld(t *testing.T, launches int) string {
	t.Helper()
	path := dumped(t, "v3.sql")
	script := []string{"CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM c WHERE i < " +
		fmt.Sprint(99+launches) + ") SELECT i FROM c",
		"INSERT INTO sessions SELECT i, run, 's' || i, 's' || i, attempt, case_key, udid, arm, pair, at, replace(document, 's000-candidate', " +
			"'s' || i) FROM sessions, n WHERE id = 1",
		"INSERT INTO session_ends SELECT i, outcome, planned, measured, at, replace(document, 's000-candidate', 's' || i) FROM session_ends, " +
			"n WHERE session = 1",
		"INSERT INTO event_lines SELECT i, number, at, body FROM event_lines, n WHERE session = 1",
		"INSERT INTO samples (session, metric, iteration, value, unit, at, device_ns, phase, source, method, uncertainty) SELECT i, metric, " +
			"iteration, value, unit, at, device_ns, phase, source, method, uncertainty FROM samples, n WHERE session = 1",
		"INSERT INTO iterations (session, number, warmup, prompt_tokens, outcome, reason, begin_ns, prefill_ns, first_token_ns, end_ns, " +
			"thermal, text, token_ids, token_ns) SELECT i, number, warmup, prompt_tokens, outcome, reason, begin_ns, prefill_ns, first_token_ns, " +
			"end_ns, thermal, text, token_ids, token_ns FROM iterations, n WHERE session = 1"}
	_, err := raw(t, path).Exec(strings.Join(script, ";"))
	require.NoError(t, err)
	return path
}

// openEnv makes this test binary the child that opens a database, and says when it has.
const openEnv = "BENCH_STORE_TEST_OPEN"

func openForGood(path string) int {
	s, err := Open(context.Background(), path)
	if err == nil {
		fmt.Println("open")
		err = s.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilledWhileSealingEarlierLaunches kills a process that brings an old database up to date, over and over, until one
// gets through: nothing is lost on the way.
func TestKilledWhileSealingEarlierLaunches(t *testing.T) {
	const launches = 300
	path := manyOld(t, launches)
	kills := 0
	for done := false; !done; {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), openEnv+"="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		before := sealedSoFar(path)
		for sealedSoFar(path) < before+60 && child.ProcessState == nil && sealedSoFar(path) <= launches {
		}
		if sealedSoFar(path) <= launches {
			child.Process.Kill()
			kills++
		}
		done = bufio.NewScanner(out).Scan()
		child.Wait()
	}
	assert.GreaterOrEqual(t, kills, 2, "only %d processes were killed on the way", kills)
	s, ctx := openAt(t, path), context.Background()
	got, err := s.Read(ctx, "r1")
	require.NoError(t, err)
	require.Len(t, got.Sessions, launches+2, "%d sessions, %v", len(got.Sessions), err)
	for _, session := range got.Sessions[2:] {
		lines, err := s.Lines(ctx, "r1", session.Begin.ID)
		require.False(t, err != nil || len(lines) != 2 || len(session.Iterations) != 3 || len(session.Samples) != 3 || session.End == nil ||
			session.Begin.ID != session.Begin.Planned.ID && session.Begin.Case.Key() == "",
			"%s has %d lines, %d iterations, %d samples, %v", session.Begin.ID, len(lines), len(session.Iterations), len(session.Samples), err)
	}
	var verdict string
	err = s.read.QueryRow("PRAGMA integrity_check").Scan(&verdict)
	require.NoError(t, err, "integrity check")
	assert.Equal(t, "ok", verdict, "integrity check")
}

// sealedSoFar looks into the database beside the process that works on it; 0 while there is no such table.
func sealedSoFar(path string) (n int) {
	db, err := sql.Open("sqlite3", dataSource(path, "_query_only=true"))
	if err != nil {
		return 0
	}
	defer db.Close()
	db.QueryRow("SELECT count(*) FROM sealed").Scan(&n)
	return n
}
