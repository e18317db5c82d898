package modelstore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

// Command is one run of another program.
type Command struct {
	Path           string
	Args           []string
	Env            []string
	Stdout, Stderr io.Writer
}

// Run runs a program to its end. It is over, with all that it says written, when Run returns.
type Run func(context.Context, Command) error

// notStarted is the error of a program that could not be started.
type notStarted struct{ error }

func (e notStarted) Unwrap() error { return e.error }

// Process runs a program as a process of this host. When ctx ends it is interrupted, so that it can remove what is half
// done, and killed ten seconds later.
func Process(ctx context.Context, c Command) error {
	command := exec.CommandContext(ctx, c.Path, c.Args...)
	command.Env, command.Stdout, command.Stderr = c.Env, c.Stdout, c.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		return notStarted{err}
	}
	return command.Wait()
}

// findConverter looks for lilims-convert: where LILIMS_CONVERT says, in the repository's Python environment (below the
// working folder, or beside the program's own folder), on PATH.
func (a Adder) findConverter() (string, error) {
	if named := a.Getenv("LILIMS_CONVERT"); named != "" {
		return named, nil
	}
	installed := filepath.Join(".venv", "bin", "lilims-convert")
	for _, root := range []string{".", filepath.Join(filepath.Dir(a.Program), "..")} {
		path, err := filepath.Abs(filepath.Join(root, installed))
		if err == nil && isFile(path) {
			return path, nil
		}
	}
	for _, folder := range filepath.SplitList(a.Getenv("PATH")) {
		if path := filepath.Join(folder, "lilims-convert"); isFile(path) {
			return path, nil
		}
	}
	return "", &harness.Error{Kind: harness.KindUsage, Op: "convert", Err: errors.New("lilims-convert is not installed"),
		Hint: "In the repository: scripts/setup test. Elsewhere: pip install the folder runtime/convert, or set LILIMS_CONVERT."}
}

// conversion is one run of the converter.
type conversion struct {
	Request
	entry     harness.ModelEntry
	converter string
	source    material
	corpus    string
	precision string
	base      string // folder of the model that this one is compared with; "": none
	folder    string // where the model is put
}

// present reports whether the folder holds the same source in the same form, whole.
func (c conversion) present() bool {
	place := Place{Folder: c.folder}
	if _, err := place.Read(); err != nil {
		return false
	}
	m, err := place.Manifest()
	same := m.Quantization == c.precision && m.Layout == c.Layout && (c.Context == 0 || m.Context == c.Context)
	return err == nil && same && c.source.sha256 != "" && m.Source.SHA256 == c.source.sha256
}

// arguments are those of the converter. memory is that of the device that the model is for, in bytes; 0: any.
func (c conversion) arguments(memory int64) []string {
	kind := "--checkpoint"
	if c.source.gguf {
		kind = "--gguf"
	}
	out := []string{kind, c.source.path, "--output", c.folder, "--json", "--quantize", c.precision, "--layout", c.Layout}
	add := func(name, value string) {
		if value != "" {
			out = append(out, name, value)
		}
	}
	if c.Context > 0 {
		add("--context", fmt.Sprint(c.Context))
	}
	if c.Texts > 0 {
		add("--texts", fmt.Sprint(c.Texts))
	}
	add("--accept-loss", c.AcceptLoss)
	add("--licence", c.entry.Licence)
	if c.NoMeasure {
		out = append(out, "--no-measure")
	} else {
		add("--base", c.base)
	}
	if c.Large {
		out = append(out, "--allow-large")
	}
	add("--corpus", c.corpus)
	if memory > 0 {
		add("--memory", fmt.Sprint(float64(memory)/(1<<30)))
	}
	return out
}

// convert runs the converter and returns what it reports of the result.
func (a Adder) convert(ctx context.Context, c conversion) (Converted, error) {
	fail := func(err error, hint string) (Converted, error) {
		return Converted{}, &harness.Error{Kind: harness.KindModel, Op: "convert " + filepath.Base(c.folder), Err: err, Hint: hint}
	}
	if err := os.MkdirAll(filepath.Dir(c.folder), 0o755); err != nil {
		return fail(err, "Choose another place with --data.")
	}
	var out bytes.Buffer
	last, err := a.listen(ctx, Command{Path: c.converter, Args: c.arguments(a.Catalog.Devices[c.Device].MemoryBytes),
		Env: append(append([]string{}, a.Environ...), a.agent()...), Stdout: &out})
	switch {
	case err != nil && ctx.Err() != nil:
		return fail(ctx.Err(), "Nothing is left behind; the same command begins the conversion anew.")
	case errors.As(err, &notStarted{}):
		return fail(err, "Set LILIMS_CONVERT to a converter that runs.")
	case err != nil && last != "":
		return fail(errors.New(strings.TrimPrefix(last, "lilims-convert: ")), "The lines above say how far it came.")
	case err != nil:
		return fail(err, "The lines above say how far it came.")
	}
	result := Converted{Folder: c.folder}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return fail(fmt.Errorf("the converter's answer cannot be read: %w", err),
			"Bench and converter are of one repository; install both from it.")
	}
	return result, nil
}

// listen runs a program, tells its lines as they come, and returns the last one.
func (a Adder) listen(ctx context.Context, c Command) (last string, err error) {
	run := a.Run
	if run == nil {
		run = Process
	}
	from, to := io.Pipe()
	c.Stderr = to
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, c)
		_ = to.Close()
	}()
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = lines.Text()
		a.tell(Event{Line: last})
	}
	if _, err := io.Copy(io.Discard, from); err != nil { // a line that is too long ends the reading, not the converter
		return last, errors.Join(err, <-ended)
	}
	return last, <-ended
}

// agent tells the converter of the runtime that lies beside the program, unless it is told already.
func (a Adder) agent() []string {
	path := filepath.Join(filepath.Dir(a.Program), "bench-agent")
	if a.Getenv("BENCH_AGENT") != "" || !isFile(path) {
		return nil
	}
	return []string{"BENCH_AGENT=" + path}
}

func isFolder(path string) (bool, error) {
	info, err := os.Stat(path)
	return err == nil && info.IsDir(), err
}
