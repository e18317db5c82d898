package main

import (
	"io"
	"os"

	"github.com/lilims/bench/harness"
)

// Env is all that the program sees of its host; nothing below main touches the host otherwise.
type Env struct {
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Getenv   func(string) string
	Environ  []string // for the app as a process of this host
	Clock    harness.Clock
	Revision string
	Terminal bool // standard error is a terminal: progress may rewrite its line

	Executable string // path of the program: what make builds lies beside it
	Host       string // name of this host, kept with every run
	PID        int
}

func hostEnv() Env {
	terminal := false
	if info, err := os.Stderr.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	// A host without a name or a program without a path is no reason not to measure.
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	executable, err := os.Executable()
	if err != nil {
		executable = os.Args[0]
	}
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Environ: os.Environ(),
		Clock: newHostClock(), Revision: revision, Terminal: terminal,
		Executable: executable, Host: host, PID: os.Getpid(),
	}
}
