package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/browser"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
)

// Env is all that the program sees of its host; nothing below main touches the host otherwise.
type Env struct {
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
	Notices  io.Writer // progress and notices: standard error, or nothing
	Getenv   func(string) string
	Environ  []string // for the app as a process of this host
	Clock    harness.Clock
	Revision string
	Terminal bool // standard error is a terminal: progress may rewrite its line
	Color    bool // standard output is a terminal that shows colour
	Verbose  bool // the log of the device library is wanted

	OpenPage func(path string) error // shows a page in the person's browser

	Settings      *config.Settings // read before a verb begins
	SettingsFiles []string         // where settings may be, the weakest first

	Executable string // path of the program: what make builds lies beside it
	Host       string // name of this host, kept with every run
	PID        int
}

func hostEnv() Env {
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
		Notices: os.Stderr, Clock: newHostClock(), Revision: revision, Terminal: isTerminal(os.Stderr), Color: isTerminal(os.Stdout),
		SettingsFiles: settingsFiles(), OpenPage: openPage,
		Executable: executable, Host: host, PID: os.Getpid(),
	}
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// settingsFiles are the person's own file and that of the working folder.
func settingsFiles() []string {
	files := []string{"bench.yaml"}
	if folder, err := os.UserConfigDir(); err == nil {
		files = append([]string{filepath.Join(folder, "bench", "bench.yaml")}, files...)
	}
	return files
}

// openPage shows a page in the person's browser.
func openPage(path string) error {
	browser.Stdout = os.Stderr
	if err := browser.OpenFile(path); err != nil {
		return harness.UsageError("open page", "Open it by hand: "+path, "no browser could be started: %w", err)
	}
	return nil
}
