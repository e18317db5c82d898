package modelstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

const checkpoint = "a checkpoint"

// still is a clock that stands; what waits on it goes on at once.
type still struct{}

func (still) Now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func (still) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (c still) After(time.Duration) <-chan time.Time {
	fired := make(chan time.Time, 1)
	fired <- c.Now()
	return fired
}

// adding is an adder with a hub that has one file, and a converter that makes small models of it.
type adding struct {
	Adder
	t        *testing.T
	requests atomic.Int64 // that the hub has had
	runs     []Command    // of the converter
	events   []Event
	fail     string // the converter's last line; "": it succeeds
	answer   string // instead of the converter's own
}

func newAdding(t *testing.T) *adding {
	t.Helper()
	a := &adding{t: t}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		if strings.HasSuffix(r.URL.Path, "/tale.gguf") || strings.HasSuffix(r.URL.Path, "/stories.txt") {
			_, _ = w.Write([]byte(checkpoint))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(hub.Close)
	sum := sha256.Sum256([]byte(checkpoint))
	s := newStore(t)
	s.Catalog.Models["tale"] = harness.ModelEntry{Name: "tale", Licence: "mit", Context: 64, Files: []harness.ModelFile{
		{Name: "tale.gguf", SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(checkpoint)),
			Sources: []harness.FileSource{{hub.URL + "/gone.gguf"}, {hub.URL + "/tale.gguf"}}}}}
	environment := map[string]string{"LILIMS_CONVERT": "/the/converter", "BENCH_TINYSTORIES": hub.URL + "/stories.txt"}
	a.Adder = Adder{Store: s, Clock: still{}, Getenv: func(name string) string { return environment[name] }, Environ: []string{"A=b"},
		Client: hub.Client(), Run: a.convert, Event: func(e Event) { a.events = append(a.events, e) }}
	return a
}

// convert does what the converter does, in little.
func (a *adding) convert(_ context.Context, c Command) error {
	a.runs = append(a.runs, c)
	fmt.Fprintln(c.Stderr, "1/2 store: first")
	if a.fail != "" {
		fmt.Fprintln(c.Stderr, a.fail)
		return errors.New("exit status 1")
	}
	if a.answer != "" {
		_, err := c.Stdout.Write([]byte(a.answer))
		return err
	}
	folder, precision := argument(c, "--output"), argument(c, "--quantize")
	require.NoError(a.t, os.RemoveAll(folder))
	writeModel(a.t, folder, filepath.Base(folder), precision)
	m, err := ReadManifest(folder)
	require.NoError(a.t, err)
	sum := sha256.Sum256([]byte(checkpoint))
	m.Source.SHA256, m.Layout = hex.EncodeToString(sum[:]), argument(c, "--layout")
	text, err := json.Marshal(m)
	require.NoError(a.t, err)
	require.NoError(a.t, os.WriteFile(filepath.Join(folder, manifestFile), text, 0o644))
	return json.NewEncoder(c.Stdout).Encode(Converted{Manifest: m, Lint: []Finding{{Rule: "palette", Level: "error"}}})
}

// argument is what follows a flag of the converter; "": it is not given.
func argument(c Command, name string) string {
	if i := slices.Index(c.Args, name); i >= 0 && i+1 < len(c.Args) {
		return c.Args[i+1]
	}
	return ""
}

// told are the events in short, without the progress of fetching.
func (a *adding) told() []string {
	var out []string
	for _, e := range a.events {
		switch {
		case e.Begun != nil:
			out = append(out, "begun "+e.Begun.Precision)
		case e.Line != "":
			out = append(out, e.Line)
		case e.Present != "":
			out = append(out, "present "+filepath.Base(e.Present))
		case e.Converted != nil:
			out = append(out, "converted "+e.Converted.Manifest.Name)
		}
	}
	a.events = nil
	return out
}

func (a *adding) add(r Request) error {
	if r.Layout == "" {
		r.Layout = "gpu"
	}
	return a.Add(a.t.Context(), r)
}

func TestAdd(t *testing.T) {
	a := newAdding(t)
	require.NoError(t, a.add(Request{Name: "Tale"}))
	assert.Equal(t, []string{"begun int4", "1/2 store: first", "converted tale-int4"}, a.told())
	require.Len(t, a.runs, 1)
	c := a.runs[0]
	assert.Equal(t, "/the/converter", c.Path)
	assert.Equal(t, []string{"--gguf", filepath.Join(a.Data, "downloads", "tale", "tale.gguf"),
		"--output", filepath.Join(a.Data, "models", "tale-int4"),
		"--json", "--quantize", "int4", "--layout", "gpu", "--context", "64", "--licence", "mit"}, c.Args)
	assert.Equal(t, []string{"A=b"}, c.Env)
	model, err := a.Find("tale")
	require.NoError(t, err)
	assert.Equal(t, "tale-int4", model.Name)
}

func TestAddLeavesWhatIsThere(t *testing.T) {
	a := newAdding(t)
	require.NoError(t, a.add(Request{Name: "tale"}))
	fetched := a.requests.Load()
	a.told()
	require.NoError(t, a.add(Request{Name: "tale"}))
	assert.Equal(t, []string{"present tale-int4"}, a.told())
	assert.Len(t, a.runs, 1)
	assert.Equal(t, fetched, a.requests.Load(), "nothing is fetched again")

	for name, change := range map[string]func(*Request){
		"forced": func(r *Request) { r.Force = true }, "another context": func(r *Request) { r.Context = 128 },
	} {
		runs := len(a.runs)
		r := Request{Name: "tale"}
		change(&r)
		require.NoError(t, a.add(r))
		assert.Len(t, a.runs, runs+1, name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(a.Data, "models", "tale-int4", "tokenizer.json"), []byte("torn"), 0o644))
	runs := len(a.runs)
	require.NoError(t, a.add(Request{Name: "tale"}))
	assert.Len(t, a.runs, runs+1, "a damaged model is converted again")
}

// TestAddComparesWithFP16: whatever the order asked for, fp16 comes first and the others are compared with the one before.
func TestAddComparesWithFP16(t *testing.T) {
	a := newAdding(t)
	require.NoError(t, a.add(Request{Name: "tale", Precisions: []string{"int8", "fp16"}, AcceptLoss: "a test", Large: true, Texts: 7,
		Device: "iphone15"}))
	require.Len(t, a.runs, 2)
	assert.Equal(t, "fp16", argument(a.runs[0], "--quantize"))
	assert.Empty(t, argument(a.runs[0], "--base"))
	assert.Equal(t, filepath.Join(a.Data, "models", "tale-fp16"), argument(a.runs[1], "--base"))
	for _, c := range a.runs {
		assert.Equal(t, "a test", argument(c, "--accept-loss"))
		assert.Equal(t, "7", argument(c, "--texts"))
		assert.Equal(t, "6", argument(c, "--memory"), "GiB of the device")
		assert.Contains(t, c.Args, "--allow-large")
	}
	require.NoError(t, a.add(Request{Name: "tale", Layout: "ane", NoMeasure: true}))
	last := a.runs[len(a.runs)-1]
	assert.Equal(t, "palette6", argument(last, "--quantize"))
	assert.Equal(t, "tale-palette6-ane", filepath.Base(argument(last, "--output")))
	assert.Contains(t, last.Args, "--no-measure")
}

func TestAddFromFilesAtHand(t *testing.T) {
	a := newAdding(t)
	require.NoError(t, os.WriteFile("mine.gguf", []byte("x"), 0o644))
	require.NoError(t, os.Mkdir("hf", 0o755))
	require.NoError(t, a.add(Request{Name: "mine", From: "mine.gguf"}))
	require.NoError(t, a.add(Request{Name: "yours", From: "hf"}))
	assert.Equal(t, "mine.gguf", argument(a.runs[0], "--gguf"))
	assert.Equal(t, "hf", argument(a.runs[1], "--checkpoint"))
	assert.Zero(t, a.requests.Load())
}

func TestAddMeasuresOnTinyStories(t *testing.T) {
	a := newAdding(t)
	require.NoError(t, a.add(Request{Name: "tale", Corpus: "TinyStories"}))
	assert.Equal(t, filepath.Join(a.Data, "downloads", "corpora", "TinyStories-valid.txt"), argument(a.runs[0], "--corpus"))
	assert.Equal(t, "100", argument(a.runs[0], "--texts"))
}

// TestAddTellsTheConverterOfTheRuntime: the agent beside the program measures what quantisation loses.
func TestAddTellsTheConverterOfTheRuntime(t *testing.T) {
	a := newAdding(t)
	agent := filepath.Join(filepath.Dir(a.Program), "bench-agent")
	require.NoError(t, os.MkdirAll(filepath.Dir(agent), 0o755))
	require.NoError(t, os.WriteFile(agent, nil, 0o755))
	require.NoError(t, a.add(Request{Name: "tale"}))
	assert.Equal(t, []string{"A=b", "BENCH_AGENT=" + agent}, a.runs[0].Env)
}

func TestMistakesAreFoundBeforeAnythingIsFetched(t *testing.T) {
	a := newAdding(t)
	for name, c := range map[string]struct {
		request    Request
		text, hint string
	}{
		"unknown model":     {Request{Name: "tael"}, `no model is called "tael"`, "tale"},
		"unknown precision": {Request{Name: "tale", Precisions: []string{"int5"}}, `no precision is called "int5"`, "Available: fp16, int8"},
		"unknown layout":    {Request{Name: "tale", Layout: "cpu"}, `no layout is called "cpu"`, "Layouts: gpu, ane."},
		"unknown device":    {Request{Name: "tale", Device: "iPhone"}, `no device is called "iPhone"`, "iPhone15"},
		"converted already": {Request{Name: "story"}, "story is converted already, in runtime/models/story", "bench run --model story"},
		"a path as name":    {Request{Name: "../up", From: "x"}, `"../up" is not a valid model name`, "one word"},
		"no such file":      {Request{Name: "mine", From: "nowhere"}, "--from: stat nowhere", "Name a GGUF file"},
	} {
		err := a.add(c.request)
		require.ErrorContains(t, err, c.text, name)
		assert.Equal(t, harness.KindUsage, harness.KindOf(err), name)
		assert.Contains(t, harness.HintOf(err), c.hint, name)
	}
	a.Getenv = func(string) string { return "" }
	err := a.add(Request{Name: "tale"})
	require.ErrorContains(t, err, "lilims-convert is not installed")
	assert.Contains(t, harness.HintOf(err), "LILIMS_CONVERT")
	assert.Zero(t, a.requests.Load())
	assert.Empty(t, a.runs)
}

func TestFindConverter(t *testing.T) {
	a := newAdding(t)
	place := func(path string) string {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o755))
		absolute, err := filepath.Abs(path)
		require.NoError(t, err)
		return absolute
	}
	a.Getenv = func(name string) string { return map[string]string{"PATH": "nowhere:tools"}[name] }
	// Each wins over those before.
	for _, path := range []string{"tools/lilims-convert", "repository/.venv/bin/lilims-convert", ".venv/bin/lilims-convert"} {
		want := place(path)
		got, err := a.findConverter()
		require.NoError(t, err)
		got, err = filepath.Abs(got)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestTheConverterFails(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*adding)
		text, hint string
	}{
		"it says why": {func(a *adding) { a.fail = "lilims-convert: int4 raises perplexity by 9%" },
			"convert tale-int4: int4 raises perplexity by 9%", "The lines above"},
		"it answers nonsense": {func(a *adding) { a.answer = "done" }, "the converter's answer cannot be read", "of one repository"},
		"it cannot be started": {func(a *adding) {
			a.Run = func(ctx context.Context, c Command) error { c.Path = "/nowhere/at/all"; return Process(ctx, c) }
		}, "no such file", "Set LILIMS_CONVERT"},
		"it ends without a word": {func(a *adding) {
			a.Run = func(context.Context, Command) error { return errors.New("exit status 3") }
		}, "exit status 3", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdding(t)
			c.change(a)
			err := a.add(Request{Name: "tale"})
			require.ErrorContains(t, err, c.text)
			assert.Equal(t, harness.KindModel, harness.KindOf(err))
			assert.Contains(t, harness.HintOf(err), c.hint)
		})
	}
}

// TestALineWithoutEnd: a converter that writes more than a line can hold goes on, and is heard to its end.
func TestALineWithoutEnd(t *testing.T) {
	a := newAdding(t)
	run := a.Run
	a.Run = func(ctx context.Context, c Command) error {
		fmt.Fprintln(c.Stderr, strings.Repeat("x", 3<<20))
		return run(ctx, c)
	}
	require.NoError(t, a.add(Request{Name: "tale"}))
}

// TestProcessIsInterrupted: a converter whose run is given up is asked to end, so that it removes what is half done.
func TestProcessIsInterrupted(t *testing.T) {
	a := newAdding(t)
	script := `trap 'echo tidied >&2; exit 1' INT; echo begun >&2; while :; do read line; done`
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	a.Run = func(ctx context.Context, c Command) error {
		c.Path, c.Args = "/bin/sh", []string{"-c", script}
		return Process(ctx, c)
	}
	var lines []string
	a.Event = func(e Event) {
		if e.Line != "" {
			lines = append(lines, e.Line)
			stop()
		}
	}
	err := a.Add(ctx, Request{Name: "tale", Layout: "gpu"})
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, harness.HintOf(err), "Nothing is left behind")
	assert.Equal(t, []string{"begun", "tidied"}, lines)
}
