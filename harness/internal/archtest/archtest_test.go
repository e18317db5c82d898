package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed is the repository, read once for all tests.
var parsed = sync.OnceValues(func() ([]File, error) { return Load(filepath.Join("..", "..", "..")) })

func load(t *testing.T) []File {
	t.Helper()
	files, err := parsed()
	require.NoError(t, err)
	return files
}

func fail(t *testing.T, breaches []string) {
	t.Helper()
	for _, b := range breaches {
		t.Error(b)
	}
}

// TestImports checks the repository against the import table of the design.
func TestImports(t *testing.T) {
	rules := []Rule{
		{From: "harness/wire", OnlyOwn: true, Allow: []string{"harness"},
			Reason: "wire is the protocol that is shared with the phone: it knows the words and nothing else"},
		{From: "harness/derive", OnlyOwn: true, Allow: []string{"harness", "harness/wire", "harness/power", "harness/stats"},
			Reason: "derive computes figures from event lines, with the other pure packages and nothing else"},
		{From: "harness/engine", OnlyOwn: true, Allow: []string{"harness", "harness/wire", "harness/derive", "harness/preflight",
			"harness/power"}, Reason: "the engine sees runners, store and reports only through its own interfaces"},
		{From: "", Except: []string{"cmd", "virtualiphone"}, Deny: []string{"virtualiphone"},
			Reason: "only the program brings virtual iPhones: nothing else knows that a phone is virtual"},
		{From: "virtualiphone/internal/hosttest", Only: []string{"virtualiphone", "howett.net/plist", "github.com/stretchr/testify"},
			Reason: "support of the virtual iPhone's tests, under its rules"},
		{From: "virtualiphone", Except: []string{"virtualiphone/internal/hosttest"}, Only: []string{"virtualiphone", "gvisor.dev/gvisor",
			"golang.org/x/net", "howett.net/plist", "github.com/google/renameio"},
			Reason: "the virtual iPhone stands on its own, with its own codecs, so that it does not repeat its clients' mistakes"},
		{From: "", Except: []string{"runners/iphone", "harness/internal"}, Deny: []string{"github.com/danielpaulus/go-ios"},
			Reason: "only the iPhone runner says go-ios"},
		{From: "", Except: []string{"harness/store"}, Deny: []string{"database/sql", "github.com/mattn/go-sqlite3"},
			Reason: "only the store says SQL"},
		{From: "harness/store", OnlyOwn: true, Allow: []string{"harness", "harness/store/block"},
			Reason: "the store implements the engine's recorder without importing the engine, and keeps event lines and figures without knowing " +
				"how one follows from the other"},
		{From: "harness/compare", OnlyOwn: true, Allow: []string{"harness", "harness/gate", "harness/stats", "harness/derive"},
			Reason: "a comparison reads recordings through its own interface"},
		{From: "harness/trend", OnlyOwn: true, Allow: []string{"harness", "harness/stats", "harness/gate", "harness/trend"},
			Reason: "a trend reads recordings through its own interface, and counts the sessions that the gate counts"},
		{From: "harness/experiment", OnlyOwn: true, Allow: []string{"harness", "harness/engine", "harness/plan", "harness/compare",
			"harness/gate"}, Reason: "an experiment sees the database through its own interface, and runners are handed in"},
		{From: "harness/demo", OnlyOwn: true, Allow: []string{"harness", "harness/experiment", "harness/plan"},
			Reason: "the demo records by experiments like any run; the simulated lab and the database are handed in"},
		{From: "harness/baseline", OnlyOwn: true, Allow: []string{"harness", "harness/gate", "harness/stats"},
			Reason: "baselines are made of recordings that are read through an interface"},
		{From: "harness/release", OnlyOwn: true,
			Allow:  []string{"harness", "harness/gate", "harness/stats", "harness/appbundle", "harness/modelstore"},
			Reason: "a release check reads recordings through its own interface, and runs are made by who asks for it"},
		{From: "harness/appbundle", OnlyOwn: true, Allow: []string{"harness"},
			Reason: "runners read app bundles too: the reader knows the words alone"},
		{From: "", Except: []string{"harness/appbundle", "harness/fetch", "virtualiphone", "runners/iphone/internal/install"},
			Deny: []string{"archive/zip"}, Reason: "harness/appbundle is the one reader of .ipa; fetch unpacks wheels, install sends an .ipa on " +
				"as it is"},
		{From: "", Except: []string{"harness/owner"}, Deny: []string{"golang.org/x/sys"},
			Reason: "the system is asked by the standard library; leases alone need files opened in a folder without following links"},
		{From: "", Except: []string{"harness/owner", "cmd"}, Deny: []string{"harness/owner"},
			Reason: "runners get their owner where they are made, and experiments see it as harness.Leasing"},
		{From: "cmd", Deny: []string{"howett.net/plist"}, Reason: "a verb parses no formats"},
		{From: "harness/ingest", OnlyOwn: true, Allow: []string{"harness", "harness/metrickit", "harness/crosscheck", "harness/store"},
			Reason: "payloads are read, made into the figures that crosscheck reads, and kept"},
		{From: "harness/crosscheck", OnlyOwn: true, Allow: []string{"harness", "harness/metrickit"},
			Reason: "a cross-check reads recordings through its own interface, and knows payloads as records"},
		{From: "harness/interop", OnlyOwn: true, Allow: []string{"harness", "harness/stats"},
			Reason: "formats of others are read and written without knowing where runs are kept"},
		{From: "", Except: []string{"harness/interop"}, Deny: []string{"encoding/csv", "github.com/parquet-go/parquet-go", "golang.org/x/perf"},
			Reason: "only interop speaks the formats of other tools"},
		{From: "", Except: []string{"harness/metrickit", "harness/ingest", "harness/crosscheck"}, Deny: []string{"harness/metrickit"},
			Reason: "payloads are read by ingest and compared by crosscheck; others ask these"},
		{From: "harness/gate", OnlyOwn: true, Allow: []string{"harness", "harness/stats", "harness/gate"}, Reason: "the gate is pure"},
		{From: "reports", OnlyOwn: true, Allow: []string{"harness/modelstore", "harness", "harness/derive", "harness/power", "harness/stats",
			"harness/gate", "harness/compare", "harness/trend", "harness/baseline", "harness/demo", "harness/release", "harness/appbundle"},
			Reason: "reports print what others computed"},
	}
	for _, runner := range []string{"iphone", "local", "simulated"} {
		rules = append(rules, Rule{From: "runners/" + runner, OnlyOwn: true, Allow: []string{"harness", "harness/wire", "harness/appbundle"},
			Reason: "a runner runs sessions: it knows the words, the protocol and app bundles; it neither derives, judges nor stores, and knows " +
				"no other runner"})
	}
	rules = append(rules, Rule{From: "harness/modelstore", OnlyOwn: true, Allow: []string{"harness", "harness/config", "harness/fetch"},
		Reason: "the model store knows folders and the catalogue; runners and the database are none of its business"})
	for _, pure := range []string{"config", "plan", "preflight", "power", "metrickit", "stats", "fetch", "bisect", "owner"} {
		rules = append(rules, Rule{From: "harness/" + pure, OnlyOwn: true, Allow: []string{"harness"}, Reason: pure +
			" knows the words and nothing else"})
	}
	fail(t, Imports(load(t), rules))
}

// TestRootIsPure keeps package harness free of everything but the standard library, and of I/O.
func TestRootIsPure(t *testing.T) {
	for _, f := range load(t) {
		if f.Dir != "harness" || f.Test {
			continue
		}
		for _, spec := range f.AST.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			assert.False(t, strings.Contains(path, ".") || path == "os" || path == "net" || path == "io",
				"harness/%s imports %s: the root package has words, no I/O", f.Name, path)
		}
	}
}

func TestClocksAndExits(t *testing.T) {
	files := load(t)
	fail(t, Calls(files, "harness", nil, map[string]string{
		"time.Now":   "take a harness.Clock, so that tests and simulated devices own time",
		"time.Sleep": "wait on a harness.Clock",
		"time.Since": "take a harness.Clock",
		"time.After": "wait on a harness.Clock",
	}))
	for _, dir := range []string{"runners", "virtualiphone"} {
		fail(t, Calls(files, dir, nil, map[string]string{"time.Sleep": "wait on a clock or a condition"}))
	}
	fail(t, Calls(files, "", []string{"cmd", "runners/runnertest"}, map[string]string{
		"os.Exit":   "return an error; only main ends the process",
		"log.Fatal": "return an error; only main ends the process",
	}))
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, dir := range Undocumented(load(t)) {
		t.Errorf("package in %s has no package comment", dir)
	}
}

func TestNoShapelessPackages(t *testing.T) {
	for _, f := range load(t) {
		name := filepath.Base(f.Dir)
		if f.Dir == "runtime/models" { // the folder of the converted models; its Go package, which embeds them, has another name
			name = f.AST.Name.Name
		}
		switch name {
		case "utils", "util", "common", "helpers", "manager", "misc", "models", "constants":
			t.Errorf("%s: a package name says what is in it", f.Dir)
		}
	}
}

// TestGlossary compares the package comment of harness with its exported types: each is named, and explained in a line of
// its own or of the type that it is part of; and what is named is a type.
func TestGlossary(t *testing.T) {
	missing, unknown := Glossary(load(t), "harness")
	for _, name := range missing {
		t.Errorf("harness/doc.go does not name %s", name)
	}
	for _, name := range unknown {
		t.Errorf("the glossary's %s is no exported type of package harness", name)
	}
}

// TestRulesCanFail shows that each check reports a breach when there is one.
func TestRulesCanFail(t *testing.T) {
	dir := t.TempDir()
	source := "package bad\n\nimport (\n\t\"os\"\n\t\"time\"\n\n\t_ \"" + Module +
		"/harness/store\"\n)\n\nfunc f() { time.Sleep(1); os.Exit(1) }\n"
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "harness", "bad"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "harness", "bad", "bad.go"), []byte(source), 0o644))
	files, err := Load(dir)
	require.NoError(t, err)
	assert.Len(t, Imports(files, []Rule{{From: "harness/bad", OnlyOwn: true, Allow: []string{"harness"}, Reason: "r"}}), 1)
	assert.Len(t, Imports(files, []Rule{{From: "harness/bad", Only: []string{"harness/bad"}, Reason: "r"}}), 1, "Imports by Only")
	assert.Empty(t, Imports(files, []Rule{{From: "harness/bad", Only: []string{"harness/store"}, Reason: "r"}}), "Imports by Only")
	assert.Len(t, Calls(files, "harness", nil, map[string]string{"time.Sleep": "r", "os.Exit": "r"}), 2)
	glossary := "// Package words has [Known], [Gone] and no more.\npackage words\n\ntype Known int\n\ntype (\n\tForgotten " +
		"struct{}\n\tinner struct{}\n)\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "harness", "words.go"), []byte(glossary), 0o644))
	files, err = Load(dir)
	require.NoError(t, err)
	missing, unknown := Glossary(files, "harness")
	assert.Equal(t, []string{"Forgotten"}, missing, "Glossary: missing %q, unknown %q", missing, unknown)
	assert.Equal(t, []string{"Gone"}, unknown, "Glossary: missing %q, unknown %q", missing, unknown)
	assert.Len(t, Undocumented(files), 1)
}
