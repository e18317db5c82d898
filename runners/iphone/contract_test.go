package iphone_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/runners/iphone/virtual"
	"github.com/lilims/bench/runners/iphone/virtual/bundle"
	"github.com/lilims/bench/runners/runnertest"
)

// TestContract runs the contract of all runners against virtual iPhones, on both ways to a phone's processes.
func TestContract(t *testing.T) {
	agent := runnertest.BuildAgent(t)
	archive := filepath.Join(t.TempDir(), "Bench.ipa")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	app := bundle.App{Executable: agent, Name: "BenchApp", BundleID: bundleID, Version: "1.0.0", Revision: "0123abc", Configuration: "Release"}
	if err := bundle.Pack(f, app); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	build := harness.Build{Arm: harness.ArmCandidate, Path: archive, BundleID: bundleID, Version: "1.0.0", Revision: "0123abc", Configuration: "Release", Hash: runnertest.HashFile(t, archive)}
	for _, os := range []string{"16.7.2", "18.6"} {
		t.Run(os, func(t *testing.T) {
			runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
				b := newBench(t)
				b.hurry(10) // a crash report that never comes is waited for
				for range 2 {
					b.phone(os, virtual.PhoneOptions{})
				}
				return b.runner, runnertest.Fixture{
					Build: build, Model: runnertest.Model(t, 4096), Slow: map[string]string{"FAKE_TOKEN_MS": "50"}, Battery: true, Wait: 2 * time.Minute,
					Reopen: func(t *testing.T) harness.Runner {
						r, err := iphone.New(iphone.Options{Socket: b.socket, Clock: wall{}, Poll: 10 * time.Millisecond})
						if err != nil {
							t.Fatal(err)
						}
						return r
					},
				}
			})
		})
	}
}
