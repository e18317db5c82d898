package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// killEnv makes this test binary the child that records until it is killed.
const killEnv = "BENCH_STORE_TEST_RECORD_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(killEnv); path != "" {
		os.Exit(recordForEver(path))
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
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			confirmed := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if confirmed, err = strconv.Atoi(lines.Text()); err != nil {
					t.Fatal(err)
				}
				if confirmed == after {
					if err := child.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := child.Wait(); err == nil {
				t.Fatal("the child ended by itself")
			}
			s := openAt(t, path)
			state, err := s.Load(context.Background(), "killed")
			if err != nil {
				t.Fatal(err)
			}
			if got := state.Sessions[0].Lines; confirmed < after || got < confirmed || got > confirmed+1 {
				t.Errorf("%d lines are recorded; %d were confirmed", got, confirmed)
			}
			var verdict string
			if err := s.read.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
				t.Errorf("integrity check: %q, %v", verdict, err)
			}
		})
	}
}
