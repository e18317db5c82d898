package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/plan"
)

// findModels finds the models that the selection names; without one it is the built-in one.
func (s *selection) findModels(l lab, kind string) ([]harness.Model, error) {
	wanted := s.models
	if len(wanted) == 0 {
		wanted = words{"stories-1m"}
	}
	var out []harness.Model
	for _, word := range wanted {
		model, err := l.findModel(word, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, model)
	}
	return out, nil
}

// unpack puts models that are built into the program on the disk, for a runner that reads them there.
func (s *selection) unpack(r resolved) error {
	if r.kind == runnerSimulated || s.planOnly {
		return nil
	}
	for i, model := range r.wanted.Models {
		var err error
		if r.wanted.Models[i], err = r.lab.models().Unpack(model); err != nil {
			return err
		}
	}
	return nil
}

// findDevices finds the connected devices that the selection names.
func (s *selection) findDevices(ctx context.Context, r resolved) ([]harness.Device, error) {
	connected, err := r.runner.Devices(ctx)
	if err != nil {
		return nil, err
	}
	for i := range connected {
		connected[i] = plan.Described(connected[i], r.lab.catalog)
	}
	var out []harness.Device
	for _, word := range s.devices {
		device, err := plan.ChooseDevice(word, connected, r.lab.catalog)
		if err != nil {
			return nil, err
		}
		out = append(out, device)
	}
	return out, nil
}

// findBuilds reads the candidate, and the build that it is compared with where one is named.
func (s *selection) findBuilds(env Env, kind string) ([]harness.Build, error) {
	path := s.build
	if path == "" {
		path = defaultBuild(env, kind)
		if kind != runnerSimulated && !isFile(path) {
			return nil, noDefaultBuild(kind, path)
		}
	}
	candidate, err := readBuild(env, kind, path, harness.ArmCandidate)
	if err != nil || s.baseline == "" {
		return []harness.Build{candidate}, err
	}
	baseline, err := readBuild(env, kind, s.baseline, harness.ArmBaseline)
	if err == nil && baseline.BundleID == candidate.BundleID && baseline.Hash != candidate.Hash {
		err = &harness.Error{Kind: harness.KindBuild, Op: "read builds", Err: fmt.Errorf("both have the bundle identifier %s",
			candidate.BundleID),
			Hint: "Give each arm its own, so that launching one does not remove the other with its caches."}
	}
	return []harness.Build{candidate, baseline}, err
}

// noDefaultBuild says what a runner needs beside the program.
func noDefaultBuild(kind, path string) error {
	what, variable := "the bench app for the phone (an .ipa)", "BENCH_IPA"
	next := "For a virtual iPhone: bench app pack --agent bench-agent --output BenchApp.ipa. " +
		"For an iPhone: build it with Xcode (ios-bench-app/README.md)."
	if kind == runnerLocal {
		what, variable = "the agent, an executable that generates on this host", "BENCH_AGENT"
		next = "Build it in the repository with `make build`."
	}
	return &harness.Error{Kind: harness.KindBuild, Op: "find build", Err: fmt.Errorf("the %s runner needs %s, and there is none at %s",
		kind, what, path),
		Hint: next + fmt.Sprintf(" Then put it in %s, name it with --build, or set %s.", filepath.Dir(path), variable)}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
