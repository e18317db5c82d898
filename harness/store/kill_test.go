package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// killEnv makes this test binary the child that records until it is killed.
const killEnv = "BENCH_STORE_TEST_RECORD_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		os.Exit(recordForEver(path))
	}
	if path := os.Getenv(openEnv); path != "" {
		os.Exit(openForGood(path))
	}
	if path := os.Getenv(sealEnv); path != "" {
		os.Exit(sealForEver(path))
	}
	os.Exit(m.Run())
}

// recordForEver records lines one by one and says the number of each once it is recorded.
func recordForEver(path string) int {
	ctx, run := context.Background(), sampleRun("killed")
	s, err := Open(ctx, path)
	if err == nil {
		err = s.Begin(ctx, run)
	}
	if err == nil {
		err = s.Record(ctx, run.ID, begin(run, "s000-candidate", 1))
	}
	for n := 1; err == nil; n++ {
		if err = s.Record(ctx, run.ID, line("s000-candidate", n, `{"kind":"tokens"}`)); err == nil {
			_, err = fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// TestKilled ends a recording process with SIGKILL at some moment: every row it had confirmed is there, at most one
// more, and the file is whole.
func TestKilled(t *testing.T) {
	for _, after := range []int{1, 40, 900} {
		t.Run(strconv.Itoa(after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bench.sqlite")
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), killEnv+"="+path)
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			confirmed := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				confirmed, err = strconv.Atoi(lines.Text())
				require.NoError(t, err)
				if confirmed == after {
					require.NoError(t, child.Process.Kill())
				}
			}
			require.Error(t, child.Wait(), "the child ended by itself")
			s := openAt(t, path)
			state, err := s.Load(context.Background(), "killed")
			require.NoError(t, err)
			got := state.Sessions[0].Lines
			assert.GreaterOrEqual(t, confirmed, after, "%d lines are recorded; %d were confirmed", got, confirmed)
			assert.GreaterOrEqual(t, got, confirmed, "%d lines are recorded; %d were confirmed", got, confirmed)
			assert.LessOrEqual(t, got, confirmed+1, "%d lines are recorded; %d were confirmed", got, confirmed)
			var verdict string
			err = s.read.QueryRow("PRAGMA integrity_check").Scan(&verdict)
			require.NoError(t, err, "integrity check")
			assert.Equal(t, "ok", verdict, "integrity check")
		})
	}
}

// sealEnv makes this test binary the child that records and seals whole launches until it is killed.
const sealEnv = "BENCH_STORE_TEST_SEAL_TO"

const sealedLines = 25

// sealForEver records launches of sealedLines lines and says the number of each once its end is recorded.
func sealForEver(path string) int {
	ctx := context.Background()
	s, err := Open(ctx, path)
	run := nightRun(300)
	if err == nil {
		if err = s.Begin(ctx, run); harness.KindOf(err) == harness.KindUsage {
			err = nil // a child before this one has begun it
		}
	}
	state, loadErr := s.Load(ctx, run.ID)
	if err == nil {
		err = loadErr
	}
	for n := len(state.Sessions); err == nil && n < len(run.Plan.Sessions); n++ {
		id := run.Plan.Sessions[n].ID
		err = s.Record(ctx, run.ID, harness.Entry{
			Session: id, SessionBegin: &harness.SessionBegin{ID: id, Planned: run.Plan.Sessions[n], Case: run.Plan.Cases[n%600], At: noon},
		})
		for l := 1; err == nil && l <= sealedLines; l++ {
			err = s.Record(ctx, run.ID, line(id, l, fmt.Sprintf(`{"v":1,"seq":%d,"kind":"tokens"}`, l)))
		}
		if err == nil {
			if err = s.Record(ctx, run.ID, end(id, harness.OutcomeOK)); err == nil {
				_, err = fmt.Println(n)
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// TestKilledWhileSealing ends processes that record and seal with SIGKILL at moments that chance chooses: every launch
// whose end was confirmed is whole, and so is the file.
func TestKilledWhileSealing(t *testing.T) {
	path, random := filepath.Join(t.TempDir(), "bench.sqlite"), rand.New(rand.NewPCG(1, 2))
	confirmed := map[int]bool{}
	for range 6 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), sealEnv+"="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		left := 1 + random.IntN(12)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			require.NoError(t, err)
			confirmed[n] = true
			if left--; left == 0 {
				for range random.IntN(3000) { // somewhere within the next launch
					runtime.Gosched()
				}
				child.Process.Kill()
			}
		}
		require.Error(t, child.Wait(), "the child ended by itself")
	}
	s, ctx, run := openAt(t, path), context.Background(), nightRun(300)
	state, err := s.Load(ctx, run.ID)
	require.NoError(t, err)
	for n := range confirmed {
		session := state.Sessions[n]
		lines, err := s.Lines(ctx, run.ID, session.Begin.ID)
		require.NoError(t, err, "launch %d was confirmed; it has %d lines, %v, and its end is %v", n, len(lines), err, session.End)
		assert.Len(t, lines, sealedLines, "launch %d was confirmed; it has %d lines, %v, and its end is %v", n, len(lines), err, session.End)
		assert.NotNil(t, session.End, "launch %d was confirmed; it has %d lines, %v, and its end is %v", n, len(lines), err, session.End)
	}
	var verdict string
	err = s.read.QueryRow("PRAGMA integrity_check").Scan(&verdict)
	require.NoError(t, err, "integrity check")
	assert.Equal(t, "ok", verdict, "integrity check")
}
