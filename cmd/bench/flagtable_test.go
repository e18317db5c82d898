package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	flag "github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/experiment"
	"github.com/lilims/bench/virtualiphone"
)

// verbRows say how the flags of a verb are seen to have an effect.
type verbRows struct {
	base  string // what the verb is given besides the flag
	flags map[string]flagRow
}

// flagRow is a command line that a flag changes.
type flagRow struct {
	value   string           // of the flag, with what is before it: " 7" or "=false"
	with    string           // further flags, for both command lines
	instead string           // of the verb's base, for both
	then    string           // a command line after it, which shows what it left
	shownBy func(*testing.T) // the test that shows the effect, where no command line here can
}

func to(value string) flagRow { return flagRow{value: " " + value} }

// on is a switch that is turned on.
var on = flagRow{}

func rows(base string, sets ...map[string]flagRow) verbRows {
	out := verbRows{base, map[string]flagRow{}}
	for _, set := range sets {
		maps.Copy(out.flags, set)
	}
	return out
}

func without(name string, rows map[string]flagRow) map[string]flagRow {
	delete(rows, name)
	return rows
}

// selectionRows are about verbs that choose a device, a model, a scenario and builds.
func selectionRows(besides string) map[string]flagRow {
	return map[string]flagRow{
		"device": to("simulated-iphone12"), "runner": {value: " simulated", instead: besides + " --device iPhone15"},
		"model": to("gpt2"), "scenario": to("brief"), "build": to("app-speed=0.5"), "policy": to("unfit"),
		"seed": to("7"), "configs": to("own"), "data": to("elsewhere"),
	}
}

func measuringRows() map[string]flagRow {
	return map[string]flagRow{
		"reconnect-timeout": {shownBy: TestMeasuringFlags}, "telemetry-interval": {shownBy: TestMeasuringFlags},
		"wait": {shownBy: TestMeasuringFlags},
		"env":  to("LILIMS_FAULT=crash@token:40"),
	}
}

const (
	phone     = "--device simulated-iphone15"
	search    = "--repository app --good v0 --bad v2 --build ./build.sh"
	undecided = "--build app-speed=0.91 --baseline other --metric decode --strict " + phone
)

// flagTable has every flag of every verb; those of all verbs are in "".
func flagTable() map[string]verbRows {
	runRows := map[string]flagRow{
		"baseline": to("other"), "sessions": to("2"), "resume": on, "json": on, "html": {value: "=false"},
		"renew-reference": {with: "--sessions 3"},
	}
	judgingRows := map[string]flagRow{"strict": {with: "--json"}, "json": on, "junit": to("out/v.xml"),
		"markdown": to("out/v.md"), "metric": to("prefill")}
	pack := rows("--agent agent -o new.ipa", map[string]flagRow{
		"agent": to("agent2"), "output": to("other.ipa"), "bundle-id": to("org.other"), "app-version": to("2.0"),
		"revision": to("abc"),
	})
	check := rows("--runner simulated --claims claims.yaml --measure", measuringRows(), map[string]flagRow{
		"app": to("small.ipa"), "build": to("app-speed=0.5"), "claims": to("default"), "configs": to("own"),
		"data": to("elsewhere"),
		"html": to("page.html"), "json": on, "measure": {instead: "--runner simulated --claims claims.yaml"}, "model": to("gpt2"),
		"policy": to("unfit"), "runner": to("iphone"),
	})
	return map[string]verbRows{
		"": rows("", map[string]flagRow{
			"output":   {value: " verdict.txt", instead: "gate --series slower.json"},
			"no-color": {instead: "gate --series slower.json"},
			"quiet":    {instead: "ingest metrickit payloads"}, "verbose": {instead: "virtual --listen ./mux.sock --dir phones"},
		}),
		"app": pack, "app pack": pack,
		"app inspect": rows("app.ipa", map[string]flagRow{"json": on}),
		"baseline accept": rows("--reason because", map[string]flagRow{"baselines": to("b2"), "by": to("me"),
			"configs": to("own"), "data": to("elsewhere"), "nights": to("0"), "reason": to("other")}),
		"baseline diff": rows("", map[string]flagRow{"baselines": to("b2"), "configs": to("own"), "data": to("elsewhere"),
			"json": on, "nights": to("0")}),
		"baseline list": rows("", map[string]flagRow{"baselines": to("nowhere"), "json": on}),
		"baseline show": rows("", map[string]flagRow{"baselines": to("nowhere"), "json": on}),
		"bisect": rows(search+" "+phone, selectionRows(search), measuringRows(), map[string]flagRow{
			"bad": to("v1"), "good": to("v1"), "repository": to("nowhere"), "build": to("false"), "json": on,
			"max-pairs": to("1"), "budget": {value: " 1ns", with: "--threshold 0.3"},
			"metric": to("ttft"), "threshold": to("0.9"),
		}),
		"calibrate": rows("--pairs 2 "+phone, selectionRows("--pairs 2"), measuringRows(), map[string]flagRow{
			"baseline": to("other"), "json": on, "metric": to("decode"), "pairs": to("3"), "strict": {with: "--pairs 8 --json"},
			"build": {value: " app-speed=0.5", then: "report --json"}}),
		"compare": rows("", judgingRows, map[string]flagRow{"configs": to("own"), "data": to("elsewhere"),
			"policy": to("loose")}),
		"config dump": rows("", map[string]flagRow{"configs": to("own")}),
		"config list": rows("", map[string]flagRow{"configs": to("own"), "json": on}),
		"config show": rows("", map[string]flagRow{"json": on}),
		"demo":        rows("", map[string]flagRow{"data": to("data")}),
		"devices":     rows("", map[string]flagRow{"configs": to("own"), "json": on}),
		"export":      rows("", map[string]flagRow{"data": to("elsewhere"), "format": to("csv"), "output": to("o.txt")}),
		"gate": rows("--build one --baseline other "+phone, selectionRows("--build one --baseline other"), measuringRows(), judgingRows,
			map[string]flagRow{"baseline": to("app-speed=0.5"), "baselines": {value: " nowhere", instead: "--build one --stored " + phone},
				"budget": {value: " 1ns", instead: undecided}, "continue": {instead: undecided + " --max-pairs 8"},
				"max-pairs": to("3"), "series": to("slower.json"), "stored": on}),
		"import": rows("llama.json", map[string]flagRow{"data": to("elsewhere")}),
		"ingest": rows("metrickit payloads", map[string]flagRow{"data": to("elsewhere"), "json": on}),
		"model add": rows("tale", map[string]flagRow{"accept-loss": to("because"), "allow-large": on, "configs": to("own"),
			"context": to("32"), "corpus": to("tinystories"), "data": to("elsewhere"), "for": to("iPhone15"),
			"force": {instead: "kept"}, "from": to("weights.gguf"), "layout": to("ane"), "no-measure": on,
			"quantize": to("int8"), "texts": to("3")}),
		"model list": rows("", map[string]flagRow{"configs": to("own"), "data": to("elsewhere"), "json": on}),
		"model remove": rows("mine-int4", map[string]flagRow{"configs": {value: " own", instead: "hidden"},
			"data": to("elsewhere")}),
		"model show": rows("mine-int4", map[string]flagRow{"configs": {value: " own", instead: "hidden"},
			"data": to("elsewhere"), "json": on}),
		"model verify": rows("mine-int4", map[string]flagRow{"configs": {value: " own", instead: "hidden"},
			"data": to("elsewhere"), "json": on}),
		"plan": rows(phone, without("policy", selectionRows("")), map[string]flagRow{"baseline": to("other"), "json": on,
			"sessions": to("3"),
			"seed":     {value: " 7", with: "--baseline other --sessions 6"}, "build": {value: " app-speed=0.5", with: "--json"},
			"data": {value: " elsewhere", with: "--model mine-int4"}}),
		"release check": check,
		"report": rows("", map[string]flagRow{"all": on, "data": to("elsewhere"), "format": to("md"), "json": on,
			"open": on, "output": to("o.txt")}),
		"run": rows("--sessions 1 "+phone, selectionRows("--sessions 1"), measuringRows(), runRows),
		"runs": rows("", map[string]flagRow{"data": to("elsewhere"), "device": to("iphone12"), "json": on, "limit": to("1"),
			"model":    to("llama"),
			"scenario": to("brief"), "since": to("7d")}),
		"runs delete":    rows("latest", map[string]flagRow{"data": to("elsewhere")}),
		"runs note":      rows("latest hello", map[string]flagRow{"data": to("elsewhere")}),
		"runs restore":   rows("nothing", map[string]flagRow{"data": to("elsewhere")}),
		"simulate gate":  rows("--nights 2", map[string]flagRow{"json": on, "nights": to("3"), "seed": to("9")}),
		"simulate trend": rows("--years 1", map[string]flagRow{"json": on, "years": to("2"), "seed": to("9")}),
		"soak": rows("--duration 10s "+phone, selectionRows("--duration 10s"), measuringRows(), runRows, map[string]flagRow{
			"duration": to("12s"), "idle": to("3s")}),
		"trend": rows("", map[string]flagRow{"configs": {value: " own", with: "--device laptop"}, "data": to("elsewhere"),
			"device": to("iphone12"), "json": on, "metric": to("prefill"), "model": to("llama_7B"), "scenario": to("brief"),
			"series": to("history.json"), "since": to("168h")}),
		"virtual": rows("--listen ./mux.sock --dir phones --control 127.0.0.1:0", map[string]flagRow{
			"control": {value: " 127.0.0.1:0", instead: "--listen ./mux.sock --dir phones"},
			"count":   to("2"), "dir": to("d2"), "gauge-every": {shownBy: TestVirtualFlags}, "listen": to("./mux2.sock"),
			"locked": on, "os": to("18.6"), "profile": to("iPhone12"),
			"rtt":  {shownBy: TestVirtualFlags},
			"seed": to("9"), "without-image": on}),
	}
}

// newFlagLab makes the folder that every command line of the table is run in.
func newFlagLab(t *testing.T) *flagLab {
	t.Helper()
	tiny, err := filepath.Abs(filepath.Join("..", "..", "runtime", "Tests", "Fixtures", "model", "tiny"))
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join("testdata", "flags"))))
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
	}
	t.Chdir(folder)
	git := exec.Command("sh", "repository.sh")
	output, err := git.CombinedOutput()
	require.NoError(t, err, string(output))
	write("converter", "#!/bin/sh\nTINY="+tiny+"\n. ./convert.sh\n", 0o755)
	for _, name := range []string{"agent", "agent2"} {
		write(name, "#!/bin/sh\necho "+name+"\n", 0o755)
	}
	write("small", "", 0o755)
	require.NoError(t, os.CopyFS(filepath.Join("shelf", "hidden"), os.DirFS(tiny)))
	before := nightClock{now: time.Date(2026, 11, 1, 1, 0, 0, 0, time.UTC)}
	wants := map[string]int{"gate --max-pairs 8 " + undecided: exitInconclusive}
	for _, line := range []string{
		"import llama.json", "model add mine --from weights.gguf", "model add kept",
		"run --device simulated-iphone12 --sessions 1 --scenario brief", "run --device simulated-iphone15 --sessions 8 --baseline other",
		"baseline accept --reason before", "app pack --agent agent --output app.ipa", "app pack --agent small --output small.ipa",
		"gate --max-pairs 8 " + undecided, "run --device simulated-iphone15 --sessions 8 --baseline other",
	} {
		exit, out, errs := runLine(t, before, line)
		require.Equal(t, wants[line], exit, "bench %s: %s%s", line, out, errs)
		before.now = before.now.Add(time.Hour)
	}
	return &flagLab{folder, map[string]observation{}}
}

// TestMeasuringFlags: what a verb is told of its launches reaches the experiment.
func TestMeasuringFlags(t *testing.T) {
	t.Chdir(t.TempDir())
	var nowhere bytes.Buffer
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	var s selection
	var m measuring
	s.declare(flags)
	m.declare(flags)
	require.NoError(t, flags.Parse([]string{
		"--device", "simulated-iphone15", "--reconnect-timeout", "7s", "--telemetry-interval", "3s", "--env", "A=B",
		"--wait",
	}))
	w, err := m.open(t.Context(), stillEnv(&nowhere, &nowhere), &s)
	require.NoError(t, err)
	defer w.close()
	want := experiment.Launch{ReconnectTimeout: 7 * time.Second, TelemetryInterval: 3 * time.Second, Env: map[string]string{"A": "B"},
		Wait: true}
	assert.Equal(t, want, w.setup.Launch)
}

// TestVirtualFlags: what a verb is told of its phones reaches them.
func TestVirtualFlags(t *testing.T) {
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir(), Clock: stillClock{}})
	require.NoError(t, err)
	defer lab.Close()
	flags := flag.NewFlagSet("virtual", flag.ContinueOnError)
	var f virtualFlags
	f.declare(flags)
	require.NoError(t, flags.Parse([]string{"--rtt", "20ms", "--gauge-every", "7s"}))
	require.NoError(t, f.addPhones(lab))
	phone := lab.Phones()[0]
	assert.Equal(t, 20*time.Millisecond, phone.Link().RTT)
	assert.Equal(t, 7*time.Second, phone.Profile().Power.PublishEvery)
	f.gauge = time.Hour
	assert.ErrorContains(t, f.addPhones(lab), "--gauge-every is 1h0m0s")
}
