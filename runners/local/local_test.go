package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, err)
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
	require.NoError(t, err)
	_, err = newRunner(t, dir).Open(context.Background(), host)
	assert.Equal(t, harness.KindDevice, harness.KindOf(err), "Open() beside an open handle")
	assert.NotEmpty(t, harness.HintOf(err), "Open() beside an open handle")
	require.NoError(t, first.Close())
	second, err := newRunner(t, dir).Open(context.Background(), host)
	require.NoError(t, err, "Open() after Close()")
	second.Close()
}

func TestInstallRefusesAnotherHash(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "app")
	require.NoError(t, os.WriteFile(app, []byte("#!/bin/sh\n"), 0o755))
	s, err := newRunner(t, dir).Open(context.Background(), describeHost())
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Prepare(context.Background(), harness.Build{
		Path: app, Hash: strings.Repeat("0", 64),
	}, runnertest.Model(t, 10), func(harness.Progress) {})
	require.Equal(t, harness.KindBuild, harness.KindOf(err), "Prepare()")
	require.ErrorContains(t, err, "the build says 000", "Prepare()")
	left, _ := filepath.Glob(filepath.Join(dir, "builds", "*", "*"))
	assert.Empty(t, left, "left behind")
}

// TestRunLeavesNoProcess: the app's own children end with it.
func TestCancelEndsTheWholeGroup(t *testing.T) {
	dir := t.TempDir()
	app, note := filepath.Join(dir, "app"), filepath.Join(dir, "child")
	script := "#!/bin/sh\nsleep 600 &\necho $! > " + note + "\nwait\n"
	require.NoError(t, os.WriteFile(app, []byte(script), 0o755))
	s, err := newRunner(t, dir).Open(context.Background(), describeHost())
	require.NoError(t, err)
	defer s.Close()
	build := harness.Build{Path: app, Hash: runnertest.HashFile(t, app)}
	model := runnertest.Model(t, 10)
	_, err = s.Prepare(context.Background(), build, model, func(harness.Progress) {})
	require.NoError(t, err)
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
	require.NoError(t, err, "Run()")
	require.Equal(t, harness.OutcomeCancelled, exit.Outcome, "Run()")
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
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o644))
	folder := filepath.Join(dir, "session")
	require.NoError(t, os.Mkdir(folder, 0o755))
	taken := &payloads{}
	f := &follower{folder: folder, sink: taken}
	for _, name := range []string{"../secret", "/etc/hostname", "", ".", "missing", dir + "/secret"} {
		f.payload(name)
	}
	assert.Empty(t, taken.names, "handed on")
}

type payloads struct {
	nothing
	names []string
}

func (p *payloads) Payload(name string, _ []byte) { p.names = append(p.names, name) }

func TestNewWantsAFolder(t *testing.T) {
	_, err := New(Options{})
	require.Error(t, err, "New() without a folder and clock gives no error")
	var known *harness.Error
	_, err = newRunner(t, t.TempDir()).Open(context.Background(), harness.Device{UDID: "other"})
	require.ErrorAs(t, err, &known, "Open() of another host")
}
