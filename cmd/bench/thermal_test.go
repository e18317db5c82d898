package main

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/bundle"
)

// hurried is the host's clock, on which a pause between two looks at a device is over at once.
type hurried struct{ harness.Clock }

func (c hurried) Sleep(ctx context.Context, d time.Duration) error {
	return c.Clock.Sleep(ctx, min(d, time.Second))
}

// watcher is standard error, which acts when a text is printed on it: each of its deeds once, in order.
type watcher struct {
	mu    sync.Mutex
	text  bytes.Buffer
	deeds []deed
}

type deed struct {
	on string
	do func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if len(w.deeds) > 0 && strings.Contains(string(p), w.deeds[0].on) {
		w.deeds[0].do()
		w.deeds = w.deeds[1:]
	}
	return len(p), nil
}

// warmCatalogue is what the tests ask of the phone. Work that goes on for long ends by the breach, not by itself.
var warmCatalogue = map[string]string{
	"configs/devices/iPhone15.yaml": "marketing: iPhone 15\nproduct_type: iPhone15,4\n",
	"configs/policies/default.yaml": "threshold: {decode_tok_s: 0.1}\nmax_battery_celsius: 35\ncool_down_limit: 15m\nprobe_tolerance: 0.02\n",
	"configs/scenarios/short.yaml":  "prompt: Once\ngenerate_tokens: 16\niterations: 2\n",
	"configs/scenarios/long.yaml":   "prompt: Once\ngenerate_tokens: 16\niterations: 2\nminimum_work: 2m\nabort_thermal: serious\n",
	"configs/scenarios/soak.yaml":   "prompt: Once\ngenerate_tokens: 16\nduration: 5m\nabort_thermal: critical\n",
}

// warmPhone serves one virtual phone with a folder of its own as the working one.
func warmPhone(t *testing.T) (*virtualiphone.Phone, func(errs *watcher, args ...string) (int, string)) {
	t.Helper()
	agent := build(t, "fakeagent", "../../runners/runnertest/fakeagent")
	tiny, err := filepath.Abs(filepath.Join("..", "..", "runtime", "Tests", "Fixtures", "model", "tiny"))
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	for name, text := range warmCatalogue {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	err = packApp(bundle.App{
		Executable: agent, Name: "BenchApp", BundleID: "org.lilims.bench", Version: "1.0.0", Revision: "0123abc", Configuration: "Release",
	}, "BenchApp.ipa")
	require.NoError(t, err)
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir(), Seed: 1, Clock: newHostClock()})
	require.NoError(t, err)
	t.Cleanup(func() { lab.Close() })
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	require.NoError(t, err)
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	require.NoError(t, err)
	socket := filepath.Join(t.TempDir(), "mux.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { _ = lab.Serve(ctx, l) }()
	return phone, func(errs *watcher, args ...string) (int, string) {
		var out bytes.Buffer
		env := stillEnv(&out, errs)
		env.Clock = hurried{newHostClock()}
		env.Getenv = func(name string) string {
			return map[string]string{"BENCH_DATA": "data", "USBMUXD_SOCKET_ADDRESS": socket, "BENCH_IPA": "BenchApp.ipa"}[name]
		}
		code := run(t.Context(), env, append(args, "--device", "iPhone15", "--model", tiny, "--sessions", "1", "--html=false"))
		return code, out.String()
	}
}

// TestAWarmVirtualPhoneIsWaitedFor: the phone's state, induced as by Xcode's conditions, comes over the cable; the wait is
// recorded, and the session starts when the condition ends.
func TestAWarmVirtualPhoneIsWaitedFor(t *testing.T) {
	phone, bench := warmPhone(t)
	phone.SetThermal(battery.ThermalSerious)
	errs := &watcher{deeds: []deed{{"waiting: its thermal state is serious", func() { phone.SetThermal("") }}}}
	code, out := bench(errs, "run", "--scenario", "short")
	require.Equal(t, exitOK, code, "exit %d\n%s\n%s", code, out, errs.text.String())
	require.Empty(t, errs.deeds, "exit %d\n%s\n%s", code, out, errs.text.String())
	for _, want := range []string{
		"wait: waiting: its thermal state is serious, at most nominal is allowed", "wait: waited ",
		"thermal state nominal at the start, nominal at worst",
	} {
		assert.Contains(t, out, want, "the report lacks")
	}
}

// heat is a thermal state that comes over the phone once its app has ended so many iterations.
type heat struct {
	iterations int
	state      battery.ThermalState
}

// warm brings heat over the phone in turn, by what the app writes down as it goes. It reports each state that has come; the
// test's end stops it.
func warm(t *testing.T, phone *virtualiphone.Phone, course ...heat) <-chan battery.ThermalState {
	t.Helper()
	come := make(chan battery.ThermalState, len(course))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for len(course) > 0 {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if iterationsEnded(phone) >= course[0].iterations {
				phone.SetThermal(course[0].state)
				come <- course[0].state
				course = course[1:]
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return come
}

// iterationsEnded counts in the events of the app that is installed, whichever session they are of.
func iterationsEnded(phone *virtualiphone.Phone) int {
	home, err := phone.Container("org.lilims.bench")
	if err != nil {
		return 0 // not installed yet
	}
	count := 0
	_ = filepath.WalkDir(home, func(path string, _ fs.DirEntry, _ error) error {
		if filepath.Base(path) == "events.jsonl" {
			text, _ := os.ReadFile(path) // gone again, or not there yet: nothing has ended
			count += bytes.Count(text, []byte(`"kind":"iteration_end"`))
		}
		return nil
	})
	return count
}

// TestHeatEndsASessionOfAVirtualPhone: a state that the scenario does not bear comes while the app generates. The app ends
// in order, and what it had measured stands.
func TestHeatEndsASessionOfAVirtualPhone(t *testing.T) {
	phone, bench := warmPhone(t)
	come, errs := warm(t, phone, heat{1, battery.ThermalSerious}), &watcher{}
	code, out := bench(errs, "run", "--scenario", "long")
	require.Equal(t, exitDevice, code, "exit %d\n%s\n%s", code, out, errs.text.String())
	require.Len(t, come, 1, "exit %d\n%s\n%s", code, out, errs.text.String())
	for _, want := range []string{
		"session s000-candidate: thermal: the app stopped at its thermal limit", "nominal at the start, serious at worst",
	} {
		assert.Contains(t, out, want, "the report lacks")
	}
}

// TestHeatEndsASoakOfAVirtualPhone: the soak that ships bears everything but critical.
func TestHeatEndsASoakOfAVirtualPhone(t *testing.T) {
	phone, bench := warmPhone(t)
	come, errs := warm(t, phone, heat{1, battery.ThermalSerious}, heat{20, battery.ThermalCritical}), &watcher{}
	code, out := bench(errs, "soak", "--idle", "0s", "--duration", "2m")
	require.Equal(t, exitDevice, code, "exit %d\n%s\n%s", code, out, errs.text.String())
	require.Len(t, come, 2, "exit %d\n%s\n%s", code, out, errs.text.String())
	for _, want := range []string{
		"session s000-candidate: thermal: the app stopped at its thermal limit", "nominal at the start, critical at worst",
		"the app stopped at its thermal limit after ",
	} {
		assert.Contains(t, out, want, "the report lacks")
	}
}
