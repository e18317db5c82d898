package main

import (
	"path/filepath"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/runners/simulated"
)

// defaultBuild is what runs where no --build is given: what `make` has put beside the program.
func defaultBuild(env Env, kind string) string {
	if kind == runnerSimulated {
		return "" // nothing is launched
	}
	name, variable := "BenchApp.ipa", "BENCH_IPA"
	if kind == runnerLocal {
		name, variable = "bench-agent", "BENCH_AGENT"
	}
	if named := env.Getenv(variable); named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(env.Executable), name)
}

// readBuild describes an app build for a kind of runner.
func readBuild(env Env, kind, file string, arm harness.Arm) (harness.Build, error) {
	switch kind {
	case runnerSimulated:
		return simulated.Build(file, arm, version, env.Revision), nil
	case runnerLocal:
		return appbundle.Executable(file, arm, version, env.Revision)
	}
	return appbundle.Archive(file, arm)
}
