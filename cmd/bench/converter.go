package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lilims/bench/harness"
)

// findConverter looks for lilims-convert: where LILIMS_CONVERT says, in the repository's Python environment (below the
// working folder, or beside the program's own folder), on PATH.
func findConverter(env Env) (string, error) {
	if named := env.Getenv("LILIMS_CONVERT"); named != "" {
		return named, nil
	}
	installed := filepath.Join(".venv", "bin", "lilims-convert")
	for _, root := range []string{".", filepath.Join(filepath.Dir(env.Executable), "..")} {
		path, err := filepath.Abs(filepath.Join(root, installed))
		if err == nil && isFile(path) {
			return path, nil
		}
	}
	for _, folder := range filepath.SplitList(env.Getenv("PATH")) {
		if path := filepath.Join(folder, "lilims-convert"); isFile(path) {
			return path, nil
		}
	}
	return "", &harness.Error{Kind: harness.KindUsage, Op: "convert", Err: errors.New("lilims-convert is not installed"),
		Hint: "In the repository: scripts/setup test. Elsewhere: pip install the folder runtime/convert, or set LILIMS_CONVERT."}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// conversion is one run of the converter.
type conversion struct {
	converter string
	source    material
	corpus    string
	memory    int64 // bytes of the device that it is for; 0: any
	folder    string
}

// run converts and returns what the converter says of the result. Its progress goes to standard error.
func (c conversion) run(ctx context.Context, env Env, arguments []string) (converted, error) {
	fail := func(err error, hint string) (converted, error) {
		return converted{}, &harness.Error{Kind: harness.KindModel, Op: "convert " + filepath.Base(c.folder), Err: err, Hint: hint}
	}
	if err := os.MkdirAll(filepath.Dir(c.folder), 0o755); err != nil {
		return fail(err, "Choose another place with --data.")
	}
	kind := "--checkpoint"
	if c.source.GGUF {
		kind = "--gguf"
	}
	all := append([]string{kind, c.source.Path, "--output", c.folder, "--json"}, arguments...)
	if c.corpus != "" {
		all = append(all, "--corpus", c.corpus)
	}
	if c.memory > 0 {
		all = append(all, "--memory", fmt.Sprint(float64(c.memory)/(1<<30)))
	}
	command := exec.CommandContext(ctx, c.converter, all...)
	command.Env = append(env.Environ, c.agent(env)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) } // it removes what is half done
	command.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	command.Stdout = &out
	said, err := command.StderrPipe()
	if err != nil {
		return fail(err, "")
	}
	if err := command.Start(); err != nil {
		return fail(err, "Set LILIMS_CONVERT to a converter that runs.")
	}
	last := relay(env.Stderr, said)
	if err := command.Wait(); err != nil {
		if ctx.Err() != nil {
			return fail(ctx.Err(), "Nothing is left behind; the same command begins the conversion anew.")
		}
		if last == "" {
			last = err.Error()
		}
		return fail(errors.New(strings.TrimPrefix(last, "lilims-convert: ")), "The lines above say how far it came.")
	}
	result, err := decodeConverted(out.Bytes())
	if err != nil {
		return fail(err, "Bench and converter are of one repository; install both from it.")
	}
	return result, nil
}

// agent tells the converter of the runtime that lies beside the program, unless it is told already.
func (c conversion) agent(env Env) []string {
	path := filepath.Join(filepath.Dir(env.Executable), "bench-agent")
	if env.Getenv("BENCH_AGENT") != "" || !isFile(path) {
		return nil
	}
	return []string{"BENCH_AGENT=" + path}
}

// relay hands lines on as they come, and returns the last one.
func relay(to io.Writer, from io.Reader) (last string) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = lines.Text()
		fmt.Fprintf(to, "  %s\n", harness.PrintableLine(last))
	}
	io.Copy(io.Discard, from) // a line that is too long ends the reading, not the converter
	return last
}
