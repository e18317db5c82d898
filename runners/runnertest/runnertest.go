// Package runnertest is the contract of [harness.Runner] and [harness.Handle] as tests. Every runner passes them: the
// simulated lab, this host's processes, the virtual iPhone on every run of the tests, and a real phone when one is
// named. What comes in is a function that opens a fresh lab; what goes out is a test that passes or fails. It must
// never know a concrete runner.
package runnertest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

// Fixture is what a lab offers to the tests.
type Fixture struct {
	Build    harness.Build
	Model    harness.Model
	Fault    func(name string) map[string]string // environment of a fault; nil: LILIMS_FAULT=name
	Torn     bool                                // apps know the fault tear@line:N: to crash with half of line N written
	Slow     map[string]string                   // environment in which a token takes some 50 ms of the host's time; nil: no such thing
	Battery  bool                                // devices have a gauge that tells of it
	Reopen   func(t *testing.T) harness.Runner   // another runner on the same devices, as after a restart; nil: cannot
	Generate int                                 // tokens an iteration; 0: 12
	Wait     time.Duration                       // longest time that anything may take; 0: 30 s
}

// Opener makes a fresh lab: no build, no model, no launches on its devices.
type Opener func(t *testing.T) (harness.Runner, Fixture)

// Run checks a runner against the contract.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*lab)
	}{
		{"Devices", testDevices},
		{"OpenUnknown", testOpenUnknown},
		{"OpenTwice", testOpenTwice},
		{"State", testState},
		{"PrepareIsIdempotent", testPrepare},
		{"PrepareRefusesWhatIsNotThere", testPrepareMissing},
		{"RunDeliversAllLines", testRun},
		{"Crash", testCrash},
		{"Jetsam", testJetsam},
		{"ExitCode", testExitCode},
		{"ErrorEvent", testErrorEvent},
		{"GarbledLine", testGarbled},
		{"TornLine", testTorn},
		{"HangUntilCancelled", testHang},
		{"CancelledBefore", testCancelledBefore},
		{"CollectEqualsRun", testCollect},
		{"CollectUnknown", testCollectUnknown},
		{"CollectFollows", testCollectFollows},
		{"Payload", testPayload},
		{"Battery", testBattery},
		{"DevicesAtOnce", testConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			runner, fixture := open(t)
			if fixture.Generate == 0 {
				fixture.Generate = 12
			}
			if fixture.Wait == 0 {
				fixture.Wait = 30 * time.Second
			}
			ctx, cancel := context.WithTimeout(context.Background(), fixture.Wait)
			defer cancel()
			c.test(&lab{T: t, ctx: ctx, runner: runner, Fixture: fixture})
		})
	}
}

// lab is one test's world.
type lab struct {
	*testing.T
	Fixture
	ctx    context.Context
	runner harness.Runner
}

func (l *lab) device() harness.Device {
	l.Helper()
	devices, err := l.runner.Devices(l.ctx)
	if err != nil || len(devices) == 0 {
		l.Fatalf("Devices() = %v, %v, want at least one", devices, err)
	}
	return devices[0]
}

func (l *lab) open(d harness.Device) harness.Handle {
	l.Helper()
	s, err := l.runner.Open(l.ctx, d)
	if err != nil {
		l.Fatalf("Open(%s) = %v", d.Name, err)
	}
	l.Cleanup(func() { _ = s.Close() })
	return s
}

func (l *lab) prepare(s harness.Handle) harness.Prepared {
	l.Helper()
	p, err := s.Prepare(l.ctx, l.Build, l.Model, func(harness.Progress) {})
	if err != nil {
		l.Fatalf("Prepare() = %v", err)
	}
	return p
}

// ready opens the first device and puts build and model on it.
func (l *lab) ready() harness.Handle {
	l.Helper()
	s := l.open(l.device())
	l.prepare(s)
	return s
}

// task is a small one: a warm-up and two iterations.
func (l *lab) task(session, fault string) harness.Task {
	t := harness.Task{
		Run: "contract", Session: session, Build: l.Build, Model: l.Model, Prompt: "Once upon a time", Env: map[string]string{},
		Scenario: harness.Scenario{
			Name: "contract", Prompt: "Once upon a time", GenerateTokens: l.Generate, Warmups: 1, Iterations: 2,
			ComputeUnits: harness.ComputeCPUOnly,
		},
		ReconnectTimeout: 10 * time.Second, TelemetryInterval: 100 * time.Millisecond,
	}
	if fault != "" {
		t.Env["LILIMS_FAULT"] = fault
		if l.Fault != nil {
			t.Env = l.Fault(fault)
		}
	}
	return t
}

func (l *lab) run(s harness.Handle, task harness.Task) (*record, harness.Exit) {
	l.Helper()
	r := &record{}
	exit, err := s.Run(l.ctx, task, r)
	if err != nil {
		l.Fatalf("Run(%s) = %v", task.Session, err)
	}
	return r, exit
}

// record is a sink that keeps everything.
type record struct {
	mu       sync.Mutex
	lines    []string
	problems []string
	battery  []harness.BatteryReading
	samples  []harness.Sample
	payloads map[string]string
	notes    []string
	line     func(n int) // told after every line; may be nil
}

func (r *record) Line(number int, text []byte) {
	r.mu.Lock()
	if number != len(r.lines)+1 {
		r.problems = append(r.problems, fmt.Sprintf("line %d came after %d lines", number, len(r.lines)))
	}
	r.lines = append(r.lines, string(text))
	told, n := r.line, len(r.lines)
	r.mu.Unlock()
	if told != nil {
		told(n)
	}
}

func (r *record) Battery(reading harness.BatteryReading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.battery = append(r.battery, reading)
}

func (r *record) Sample(s harness.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
}

func (r *record) Notice(harness.Progress) {}

func (r *record) Note(what, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, what+": "+text)
}

func (r *record) Payload(name string, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.payloads == nil {
		r.payloads = map[string]string{}
	}
	r.payloads[name] = string(raw)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

// BuildAgent builds the agent for tests for this host and returns its path.
func BuildAgent(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fakeagent")
	command := exec.Command("go", "build", "-o", path, "github.com/lilims/bench/runners/runnertest/fakeagent")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the agent for tests: %v\n%s", err, text)
	}
	return path
}

// HashFile is the SHA-256 of a file.
func HashFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Model writes a folder of the shape of a converted model, of about so many bytes, for agents that do not read it. Its
// manifest lists every file with size and hash, as runners that copy models expect.
func Model(t *testing.T, size int) harness.Model {
	t.Helper()
	dir := t.TempDir()
	weights := make([]byte, size)
	for i := range weights {
		weights[i] = byte(i * 31)
	}
	files := map[string][]byte{
		"model.mlpackage/Manifest.json":                            []byte(`{"fileFormatVersion":"1.0.0"}`),
		"model.mlpackage/Data/com.apple.CoreML/weights/weight.bin": weights,
		"tokenizer.json": []byte(`{"model":{"type":"BPE"}}`),
	}
	hash, total := writeModel(t, dir, files)
	return harness.Model{Name: "contract", Version: "1.0.0", Hash: hash, Path: dir, SizeBytes: total, Quantization: "fp16", Context: 512}
}
