package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	flag "github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestEveryFlagHasAnEffect: each flag that a verb declares changes what the verb prints, writes, asks for or returns, or is
// refused. A flag that the table does not have fails the test, and so does a line of the table without a flag.
func TestEveryFlagHasAnEffect(t *testing.T) {
	lab := newFlagLab(t)
	shown := flagTable()
	for verb, declared := range declaredFlags() {
		rows := shown[verb]
		delete(shown, verb)
		assert.ElementsMatch(t, declared, slices.Collect(maps.Keys(rows.flags)), "flags of %q, and those in the table", verb)
		for _, name := range declared {
			row, ok := rows.flags[name]
			if !ok || row.shownBy != nil {
				continue
			}
			t.Run(strings.TrimSpace(verb+" --"+name), func(t *testing.T) {
				base := strings.TrimSpace(verb + " " + rows.base + " " + row.with)
				if row.instead != "" {
					base = strings.TrimSpace(verb + " " + row.instead)
				}
				before, after := lab.observe(t, base, row.then), lab.observe(t, base+" --"+name+row.value, row.then)
				assert.NotEqual(t, before, after, "bench %s, with --%s%s", base, name, row.value)
			})
		}
	}
	assert.Empty(t, slices.Collect(maps.Keys(shown)), "verbs that there are no more")
}

// declaredFlags are the flags of every verb. The global ones are those of "". Old names share the variable of the new one.
func declaredFlags() map[string][]string {
	out := map[string][]string{}
	of := func(verb string, flags *flag.FlagSet) {
		flags.VisitAll(func(f *flag.Flag) {
			if f.Name != "help" && f.Annotations[aliasOf] == nil {
				out[verb] = append(out[verb], f.Name)
			}
		})
	}
	root := commandTree()
	of("", root.PersistentFlags())
	old := map[string]bool{}
	for _, c := range commands() {
		old[c.name] = c.instead != ""
	}
	eachCommand(root, func(c *cobra.Command) {
		if old[c.Name()] { // it is the new one by another name
			return
		}
		of(strings.TrimPrefix(c.CommandPath(), "bench "), c.LocalNonPersistentFlags())
	})
	return out
}

func commandTree() *cobra.Command {
	var nowhere bytes.Buffer
	return (&program{env: stillEnv(&nowhere, &nowhere)}).root()
}

// eachCommand visits every command below another.
func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	for _, below := range c.Commands() {
		do(below)
		eachCommand(below, do)
	}
}

// flagLab is a folder in which every verb has something to do; each observation is made in a copy of its own.
type flagLab struct {
	folder string
	seen   map[string]observation
}

// observation is all that a person or a program can see of a verb's work.
type observation struct {
	Exit   int
	Output string
	Errors string
	Files  map[string]string // path -> digest of the content, but of databases, which hold the order of their writing
}

var anyPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// observe runs a command line, and another one after it that shows what it left.
func (l *flagLab) observe(t *testing.T, line, then string) observation {
	t.Helper()
	if seen, ok := l.seen[line+"\n"+then]; ok {
		return seen
	}
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(l.folder)))
	t.Chdir(folder)
	var got observation
	for _, line := range []string{line, then} {
		if line == "" {
			continue
		}
		exit, output, errs := runLine(t, stillClock{}, line)
		got.Exit, got.Output, got.Errors = got.Exit*1000+exit, got.Output+output, got.Errors+errs
	}
	alike := func(text string) string {
		return anyPort.ReplaceAllString(strings.ReplaceAll(text, folder, ""), "127.0.0.1:PORT")
	}
	got.Output, got.Errors = alike(got.Output), alike(got.Errors)
	got.Files = digests(t, folder)
	l.seen[line+"\n"+then] = got
	return got
}

// runLine runs one command line in the working folder.
func runLine(t *testing.T, clock harness.Clock, line string) (exit int, output, errs string) {
	t.Helper()
	args := strings.Fields(line)
	var out, complaints bytes.Buffer
	env := stillEnv(&out, &complaints)
	env.Clock = clock
	variables := map[string]string{"BENCH_DATA": "data", "USBMUXD_SOCKET_ADDRESS": "mux.sock", "LILIMS_CONVERT": "./converter",
		"USER": "somebody", "BENCH_IPA": "app.ipa"}
	env.Getenv = func(name string) string { return variables[name] }
	env.Environ, env.Color = os.Environ(), true
	env.OpenPage = func(path string) error { fmt.Fprintln(&complaints, "opened", path); return nil }
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if args[0] == "virtual" {
		env.Notices = served{&complaints, func() {
			_, address, _ := strings.Cut(out.String(), "control ")
			out.WriteString(phonesAt(t, strings.TrimSpace(address)))
			cancel(errors.New("seen enough"))
		}}
	}
	exit = run(ctx, env, args)
	return exit, out.String(), complaints.String()
}

// served are the notices of a verb that serves until it is stopped: ready is called once it serves.
type served struct {
	to    *bytes.Buffer
	ready func()
}

func (s served) Write(text []byte) (int, error) {
	if bytes.HasPrefix(text, []byte("set USBMUXD")) {
		s.ready()
	}
	return s.to.Write(text)
}

// phonesAt is what the control interface of virtual iPhones says of them.
func phonesAt(t *testing.T, address string) string {
	if address == "" {
		return ""
	}
	answer, err := http.Get(address + "/phones")
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(text)
}

// digests are the files below a folder.
func digests(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.Contains(path, ".git/") {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if out[name] = fmt.Sprintf("%x", sha256.Sum256(bytes.ReplaceAll(text, []byte(folder), nil))); strings.Contains(name, ".sqlite") {
			out[name] = "a database"
		}
		return err
	}))
	return out
}

// TestJSONHasASchema: what every verb prints with --json is one JSON object with its schema, or one a line, and
// docs/json.md names the verb.
func TestJSONHasASchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	require.NoError(t, err)
	var documented []string
	for _, named := range regexp.MustCompile("`bench ([a-z ]+)`").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, named[1])
	}
	lab, table := newFlagLab(t), flagTable()
	for verb, declared := range declaredFlags() {
		if !slices.Contains(declared, "json") {
			continue
		}
		assert.Contains(t, documented, verb, "verbs in docs/json.md")
		t.Run(verb, func(t *testing.T) {
			rows := table[verb]
			line := verb + " " + rows.base + " " + rows.flags["json"].with + " --json"
			got := lab.observe(t, line, "")
			decoder, documents := json.NewDecoder(strings.NewReader(got.Output)), 0
			for ; decoder.More(); documents++ {
				var document struct{ Schema int }
				require.NoError(t, decoder.Decode(&document), "%s\n%s", got.Output, got.Errors)
				assert.Positive(t, document.Schema, "bench %s: %s", line, got.Output)
			}
			assert.Positive(t, documents, "bench %s prints no JSON: %s", line, got.Errors)
		})
	}
}
