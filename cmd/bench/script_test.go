package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/store"
)

// TestScripts runs testdata/*.txtar: one script for each thing that people do with the program.
func TestScripts(t *testing.T) {
	fake := build(t, "fakeagent", "../../runners/runnertest/fakeagent")
	bench := filepath.Dir(build(t, "bench", "."))
	raced := bench
	if raceDetector {
		raced = filepath.Dir(build(t, "bench", ".", "-race"))
	}
	tiny, err := filepath.Abs(filepath.Join("..", "..", "runtime", "Tests", "Fixtures", "model", "tiny"))
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("BENCH_DATA", "data")
			program := bench
			if slices.Contains(withRaceDetector, strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")) {
				program = raced
			}
			env.Setenv("PATH", program+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("FAKEAGENT", fake)
			env.Setenv("TINY", tiny)
			env.Setenv("USBMUXD_SOCKET_ADDRESS", filepath.Join(env.WorkDir, "mux.sock")) // no script reaches a real phone
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "smalldisk": smallDisk, "recorded": recorded, "answers": answers, "twocompare": twoCompare, "serve": serve,
			"garbage": garbage,
		},
		Condition: func(name string) (bool, error) {
			if name != "smalldisk" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			dir, err := os.MkdirTemp("", "smalldisk")
			if err != nil {
				return false, err
			}
			defer os.Remove(dir)
			if err := mountSmall(dir, "64k"); err != nil {
				t.Logf("no small disk (%v): a full disk was NOT tried", err)
				return false, nil
			}
			unmount(dir)
			return true, nil
		},
	})
}

// withRaceDetector are the scripts whose program has it too, where the tests have: those in which most happens at once.
// Under it a simulated night takes six times as long, and the others are hundreds of them.
var withRaceDetector = []string{"run", "resume", "failures", "local", "phones", "diskfull", "ingest"}

// build compiles a program.
func build(t *testing.T, name, pkg string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args := append(append([]string{"build"}, flags...), "-o", path, pkg)
	out, err := exec.Command("go", args...).CombinedOutput()
	require.NoError(t, err, "go build %s: %v\n%s", name, err, out)
	return path
}

// answers waits until somebody listens on a unix socket: "answers PATH".
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers SOCKET")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("unix", ts.MkAbs(args[0])); err == nil {
			ts.Check(conn.Close())
			return
		}
	}
	ts.Fatalf("nobody listens on %s", args[0])
}

// serve answers requests with the files of a folder and puts its address into a variable: "serve DIR VARIABLE".
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serve DIR VARIABLE")
	}
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(server.Close)
	ts.Setenv(args[1], server.URL)
}

// garbage answers on a unix socket what no usbmuxd does: "garbage SOCKET".
func garbage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: garbage SOCKET")
	}
	listener, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			conn.Write([]byte("\x20\x00\x00\x00HTTP/1.1 400 Bad Request, says somebody\r\n"))
			conn.Close()
		}
	}()
}

// exits runs a program and wants this exit code of it: "exits 3 bench run …". Its output can be asked for afterwards.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// smallDisk puts a file system of that many bytes on a folder: "smalldisk DIR 400k".
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(mountSmall(dir, args[1]))
	ts.Defer(func() { unmount(dir) })
}

// recorded waits until a program that runs beside the script has recorded so many event lines: "recorded DATA 100".
func recorded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: recorded DATA LINES")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	path := store.File(ts.MkAbs(args[0]))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if lines(ts, path) >= want {
			return
		}
	}
	ts.Fatalf("no %d lines were recorded within a minute", want)
}

// lines counts the event lines of the latest run.
func lines(ts *testscript.TestScript, path string) int {
	ctx := context.Background()
	s, err := store.Open(ctx, path)
	ts.Check(err)
	defer s.Close()
	name, err := s.Latest(ctx, false)
	if err != nil {
		return 0 // none yet
	}
	state, err := s.Load(ctx, name)
	ts.Check(err)
	sum := 0
	for _, session := range state.Sessions {
		sum += session.Lines
	}
	return sum
}

// twoCompare compares two recorded runs, counted from 1 in the order in which they were made, and wants this exit code:
// "twocompare 1 1 2 [FLAG…]".
func twoCompare(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: twocompare CODE NTH NTH [FLAG…]")
	}
	names := []string{}
	for _, word := range args[1:3] {
		nth, err := strconv.Atoi(word)
		ts.Check(err)
		names = append(names, runNamed(ts, nth))
	}
	exits(ts, neg, append(append([]string{args[0], "bench", "compare"}, names...), args[3:]...))
}

// runNamed is the name of the nth run that was recorded.
func runNamed(ts *testscript.TestScript, nth int) string {
	ctx := context.Background()
	s, err := store.Open(ctx, store.File(ts.MkAbs(ts.Getenv("BENCH_DATA"))))
	ts.Check(err)
	defer s.Close()
	runs, err := s.Runs(ctx)
	ts.Check(err)
	if nth < 1 || nth > len(runs) {
		ts.Fatalf("there are %d runs, no %d", len(runs), nth)
	}
	return runs[len(runs)-nth].Run.ID
}
