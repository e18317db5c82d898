package iphone_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/runners/runnertest"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/bundle"
)

// TestContract runs the contract of all runners against virtual iPhones, on both ways to a phone's processes.
func TestContract(t *testing.T) {
	agent := runnertest.BuildAgent(t)
	archive := filepath.Join(t.TempDir(), "Bench.ipa")
	f, err := os.Create(archive)
	require.NoError(t, err)
	app := bundle.App{Executable: agent, Name: "BenchApp", BundleID: bundleID, Version: "1.0.0", Revision: "0123abc", Configuration: "Release"}
	require.NoError(t, bundle.Pack(f, app))
	require.NoError(t, f.Close())
	build := harness.Build{
		Arm: harness.ArmCandidate, Path: archive, BundleID: bundleID, Version: "1.0.0", Revision: "0123abc", Configuration: "Release",
		Hash: runnertest.HashFile(t, archive),
	}
	for _, os := range []string{"16.7.2", "18.6"} {
		t.Run(os, func(t *testing.T) {
			runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
				b := newBench(t)
				b.hurry(10) // a crash report that never comes is waited for
				for range 2 {
					b.phone(os, virtualiphone.PhoneOptions{})
				}
				return b.runner, runnertest.Fixture{
					Build: build, Model: runnertest.Model(t, 4096), Slow: map[string]string{"FAKE_TOKEN_MS": "50"}, Torn: true, Battery: true,
					Wait: 2 * time.Minute,
					Reopen: func(t *testing.T) harness.Runner {
						r, err := iphone.New(iphone.Options{Socket: b.socket, Clock: wall{}, Poll: 10 * time.Millisecond})
						require.NoError(t, err)
						return r
					},
				}
			})
		})
	}
}

// TestContractWithTheRealApp runs the same contract with the app for virtual iPhones, where BENCH_IPA names one, and the
// tiny model.
func TestContractWithTheRealApp(t *testing.T) {
	archive, model := os.Getenv("BENCH_IPA"), "../../runtime/Tests/Fixtures/model/tiny"
	text, err := os.ReadFile(filepath.Join(model, "manifest.json"))
	if archive == "" || err != nil {
		t.Skipf("BENCH_IPA names no app, or no model lies in %s (%v)", model, err)
	}
	if _, err := os.Stat(archive); err != nil {
		t.Skip(err)
	}
	var manifest harness.Model
	require.NoError(t, json.Unmarshal(text, &manifest))
	manifest.Path = model
	build := harness.Build{Arm: harness.ArmCandidate, Path: archive, BundleID: bundleID, Hash: runnertest.HashFile(t, archive)}
	runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
		b := newBench(t)
		for range 2 {
			b.phone("", virtualiphone.PhoneOptions{})
		}
		return b.runner, runnertest.Fixture{Build: build, Model: manifest, Battery: true, Wait: 2 * time.Minute}
	})
}
