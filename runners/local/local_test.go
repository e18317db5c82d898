package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/runnertest"
)

// wall is the host's clock: these tests wait for real processes.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

func newRunner(t *testing.T, dir string) *Runner {
	t.Helper()
	r, err := New(Options{Dir: dir, Clock: wall{}, Environ: []string{"PATH=/usr/bin:/bin"}, Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fixture(t *testing.T, agent, dir string) runnertest.Fixture {
	return runnertest.Fixture{
		Build:  harness.Build{Arm: harness.ArmCandidate, Path: agent, Hash: runnertest.HashFile(t, agent)},
		Model:  runnertest.Model(t, 4096),
		Slow:   map[string]string{"FAKE_TOKEN_MS": "50"},
		Torn:   true,
		Reopen: func(t *testing.T) harness.Runner { return elsewhere{newRunner(t, dir)} },
	}
}

// elsewhere is the runner of a harness that finds the first one's app but not the first one: it works without the lock,
// as after the first one was killed.
type elsewhere struct{ *Runner }

func (e elsewhere) Open(context.Context, harness.Device) (harness.Handle, error) {
	lock, err := os.Open(os.DevNull)
	return &handle{Options: e.options, host: describeHost(), lock: lock}, err
}

func TestContract(t *testing.T) {
	agent := runnertest.BuildAgent(t)
	runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
		dir := t.TempDir()
		return newRunner(t, dir), fixture(t, agent, dir)
	})
}

// TestContractWithTheRealAgent runs the same contract against the Swift agent and the tiny model, where the agent is built.
func TestContractWithTheRealAgent(t *testing.T) {
	agent, model := os.Getenv("BENCH_AGENT"), "../../runtime/Tests/Fixtures/model/tiny"
	manifest, err := readManifest(model)
	if agent == "" || err != nil {
		t.Skipf("BENCH_AGENT names no agent, or no model lies in %s (%v)", model, err)
	}
	if _, err := os.Stat(agent); err != nil {
		t.Skip(err)
	}
	runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
		dir := t.TempDir()
		f := fixture(t, agent, dir)
		f.Model, f.Slow, f.Torn, f.Wait = manifest, nil, false, 2*time.Minute
		return newRunner(t, dir), f
	})
}

func TestOneRunAtATime(t *testing.T) {
	dir := t.TempDir()
	host := describeHost()
	first, err := newRunner(t, dir).Open(context.Background(), host)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newRunner(t, dir).Open(context.Background(), host)
	if harness.KindOf(err) != harness.KindDevice || harness.HintOf(err) == "" {
		t.Errorf("Open() beside an open handle = %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := newRunner(t, dir).Open(context.Background(), host)
	if err != nil {
		t.Fatalf("Open() after Close() = %v", err)
	}
	second.Close()
}

func TestInstallRefusesAnotherHash(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "app")
	if err := os.WriteFile(app, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := newRunner(t, dir).Open(context.Background(), describeHost())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Prepare(context.Background(), harness.Build{Path: app, Hash: strings.Repeat("0", 64)}, runnertest.Model(t, 10), func(harness.Progress) {})
	if harness.KindOf(err) != harness.KindBuild || !strings.Contains(err.Error(), "the build says 000") {
		t.Errorf("Prepare() = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "builds", "*", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestRunLeavesNoProcess: the app's own children end with it.
func TestCancelEndsTheWholeGroup(t *testing.T) {
	dir := t.TempDir()
	app, note := filepath.Join(dir, "app"), filepath.Join(dir, "child")
	script := "#!/bin/sh\nsleep 600 &\necho $! > " + note + "\nwait\n"
	if err := os.WriteFile(app, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := newRunner(t, dir).Open(context.Background(), describeHost())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	build := harness.Build{Path: app, Hash: runnertest.HashFile(t, app)}
	model := runnertest.Model(t, 10)
	if _, err := s.Prepare(context.Background(), build, model, func(harness.Progress) {}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	child := 0
	go func() {
		for child == 0 {
			<-time.After(5 * time.Millisecond)
			child = readPID(note)
		}
		cancel()
	}()
	exit, err := s.Run(ctx, harness.Task{Run: "r", Session: "s", Build: build, Model: model}, nothing{})
	if err != nil || exit.Outcome != harness.OutcomeCancelled {
		t.Fatalf("Run() = %+v, %v", exit, err)
	}
	for range 400 {
		if born(child) == "" {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	t.Errorf("the app's child %d goes on", child)
}

type nothing struct{}

func (nothing) Line(int, []byte)               {}
func (nothing) Battery(harness.BatteryReading) {}
func (nothing) Sample(harness.Sample)          {}
func (nothing) Notice(harness.Progress)        {}
func (nothing) Payload(string, []byte)         {}
func (nothing) Note(string, string)            {}

func TestPayloadNamesAreJailed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "session")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	taken := &payloads{}
	f := &follower{folder: folder, sink: taken}
	for _, name := range []string{"../secret", "/etc/hostname", "", ".", "missing", dir + "/secret"} {
		f.payload(name)
	}
	if len(taken.names) != 0 {
		t.Errorf("handed on: %v", taken.names)
	}
}

type payloads struct {
	nothing
	names []string
}

func (p *payloads) Payload(name string, _ []byte) { p.names = append(p.names, name) }

func TestNewWantsAFolder(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New() without a folder and clock gives no error")
	}
	var known *harness.Error
	if _, err := newRunner(t, t.TempDir()).Open(context.Background(), harness.Device{UDID: "other"}); !errors.As(err, &known) {
		t.Errorf("Open() of another host = %v", err)
	}
}
