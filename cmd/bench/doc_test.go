package main

import (
	"bytes"
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	flag "github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stillClock stands at noon. What waits on it goes on at once.
type stillClock struct{}

func (stillClock) Now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func (stillClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (c stillClock) After(time.Duration) <-chan time.Time {
	fired := make(chan time.Time, 1)
	fired <- c.Now()
	return fired
}

// stillEnv is a host on which everything but the files is the same every time.
func stillEnv(out, errs io.Writer) Env {
	return Env{Stdin: strings.NewReader(""), Stdout: out, Stderr: errs, Notices: errs, Clock: stillClock{}, Revision: "0123abc",
		Executable: "/nowhere/bench", Host: "lab-1", PID: 1,
		Getenv: func(name string) string { return map[string]string{"BENCH_DATA": "data"}[name] }}
}

// TestDocExamples runs every example of doc.go, one after the other in one folder, and compares what it prints on
// either output, but for progress. A line that holds only … stands for any lines.
func TestDocExamples(t *testing.T) {
	examples := docExamples(t)
	require.GreaterOrEqual(t, len(examples), 6, "doc.go has %d examples", len(examples))
	t.Chdir(t.TempDir())
	for _, e := range examples {
		var out, errs bytes.Buffer
		code := run(context.Background(), stillEnv(&out, &errs), strings.Fields(e.command)[1:])
		got := out.String() + withoutProgress(errs.String())
		if code != exitOK {
			got += fmt.Sprintf("exit %d\n", code)
		}
		assert.True(t, e.pattern.MatchString(got), "$ %s\nprints\n%s\ndoc.go says\n%s", e.command, got, e.text)
	}
}

// example is a command of the documentation with what it prints.
type example struct {
	command, text string
	pattern       *regexp.Regexp
}

func docExamples(t *testing.T) []example {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var out []example
	for line := range strings.Lines(file.Doc.Text()) {
		text, indented := strings.CutPrefix(line, "\t")
		if command, ok := strings.CutPrefix(text, "$ "); indented && ok {
			out = append(out, example{command: strings.TrimSpace(command)})
		} else if n := len(out); n > 0 && out[n-1].pattern == nil && (indented || strings.TrimSpace(line) == "") {
			out[n-1].text += strings.TrimPrefix(text, "\t")
		} else if n > 0 && out[n-1].pattern == nil {
			out[n-1].compile()
		}
	}
	for i := range out {
		out[i].compile()
	}
	return out
}

// compile makes the pattern that a printed text must match.
func (e *example) compile() {
	if e.pattern != nil {
		return
	}
	e.text = strings.TrimRight(e.text, "\n") + "\n"
	quoted := strings.ReplaceAll(regexp.QuoteMeta(e.text), "…\n", "(?:.*\n)*")
	e.pattern = regexp.MustCompile("^" + quoted + "$")
}

// withoutProgress leaves what is an error's.
func withoutProgress(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "bench: ") || strings.HasPrefix(line, "  ") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// TestHelp checks that every verb says what it is for and shows an example, and every flag what it does.
func TestHelp(t *testing.T) {
	p := &program{env: stillEnv(io.Discard, io.Discard)}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			return
		}
		t.Run(c.CommandPath(), func(t *testing.T) {
			assert.NotEmpty(t, c.Short)
			assert.NotEmpty(t, c.Example, "an example")
			for line := range strings.Lines(c.Example) {
				assert.Contains(t, line, c.Root().Name()+" ")
			}
			path := strings.Fields(c.CommandPath())[1:]
			for _, args := range [][]string{append([]string{"help"}, path...), append(slices.Clone(path), "--help")} {
				var out bytes.Buffer
				assert.Equal(t, exitOK, run(context.Background(), stillEnv(&out, io.Discard), args), "%q", args)
				c.LocalFlags().VisitAll(func(f *flag.Flag) {
					if !f.Hidden {
						assert.Greater(t, len(f.Usage), 7, "--%s says only %q", f.Name, f.Usage)
						assert.Contains(t, out.String(), "--"+f.Name)
					}
				})
			}
		})
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(p.root())
}
