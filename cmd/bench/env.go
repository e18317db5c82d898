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
	Clock    harness.Clock
	Revision string
	Terminal bool // standard error is a terminal: progress may rewrite its line
}

func hostEnv() Env {
	terminal := false
	if info, err := os.Stderr.Stat(); err == nil {
		terminal = info.Mode()&os.ModeCharDevice != 0
	}
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Clock: hostClock{}, Revision: revision, Terminal: terminal,
	}
}
