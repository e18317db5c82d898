package config

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
)

// own is a layer of files with these contents.
func own(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestOwnEntriesAddToTheBuiltIn(t *testing.T) {
	builtIn, err := Load(configs.Files)
	require.NoError(t, err)
	c, err := Load(configs.Files, own(map[string]string{
		"devices/lab-phone.yaml": "product_type: iPhone42,1\nmarketing: Lab Phone\n",
		"scenarios/mine.yaml":    "prompt: x\ngenerate_tokens: 3\n",
		"policies/lenient.yaml":  "threshold: {decode_tok_s: 0.5}\nmax_battery_celsius: 40\n",
		"models/tale.yaml":       "path: somewhere\n",
		"claims/next.yaml": "model: tale\nmemory: {device: iPhone12Pro, context: 512}\n" +
			"soak: {device: iPhone15, scenario: soak, retention_300s: 0.4}\n" +
			"app_megabytes: 9\nclaims:\n  - {device: lab-phone, scenario: mine, decode_tok_s: 3}\n",
		"README.md":               "not read",
		"notes/whatever.txt":      "not read",
		"scenarios/.mine.yaml.sw": "not read",
	}))
	require.NoError(t, err)
	assert.Len(t, c.Devices, len(builtIn.Devices)+1)
	assert.Len(t, c.Scenarios, len(builtIn.Scenarios)+1)
	assert.Len(t, c.Policies, len(builtIn.Policies)+1)
	assert.Len(t, c.Models, len(builtIn.Models)+1)
	assert.Equal(t, "iPhone42,1", c.Devices["lab-phone"].ProductType)
	assert.Equal(t, builtIn.Scenarios["quick"], c.Scenarios["quick"])
	assert.Equal(t, builtIn.Claims["default"], c.Claims["default"])
	assert.Equal(t, "iPhone12Pro", c.Claims["next"].Memory.Device, "own claims name built-in devices")
}

func TestOwnEntriesOverrideTheBuiltIn(t *testing.T) {
	c, err := Load(configs.Files, own(map[string]string{
		"devices/iPhone15.yaml":   "product_type: iPhone15,4\nmarketing: iPhone 15\nmemory_gib: 7\n",
		"scenarios/quick.yaml":    "prompt: x\ngenerate_tokens: 3\n",
		"scenarios/prompt.yaml":   "generate_tokens: 3\nsweep: {prompt_tokens: [16, 48]}\n",
		"scenarios/decode-0.yaml": "prompt: x\ngenerate_tokens: 5\n",
		"policies/default.yaml":   "threshold: {ttft_s: 0.2}\nmax_battery_celsius: 40\n",
		"models/gemma3-270m.yaml": "path: elsewhere\n",
		"claims/default.yaml": "model: m\nmemory: {device: iPhone15, context: 512}\n" +
			"soak: {device: iPhone15, scenario: soak, retention_300s: 0.4}\n" +
			"app_megabytes: 9\nclaims:\n  - {device: iPhone15, scenario: quick, decode_tok_s: 3}\n",
		"policies/unrelated.yaml":  "threshold: {ttft_s: 0.2}\nmax_battery_celsius: 40\n",
		"scenarios/unrelated.yaml": "prompt: x\ngenerate_tokens: 3\n",
	}))
	require.NoError(t, err)
	assert.EqualValues(t, 7<<30, c.Devices["iPhone15"].MemoryBytes)
	assert.Equal(t, 3, c.Scenarios["quick"].GenerateTokens)
	assert.Zero(t, c.Scenarios["quick"].MinimumWork, "nothing of the built-in entry shows through")
	assert.Contains(t, c.Scenarios, "prompt-48")
	assert.NotContains(t, c.Scenarios, "prompt-128", "a file replaces all that the built-in one makes")
	assert.Equal(t, 5, c.Scenarios["decode-0"].GenerateTokens, "one member of a sweep is overridden by its own name")
	assert.Contains(t, c.Scenarios, "decode-128")
	assert.Equal(t, map[string]float64{harness.TTFT: 0.2}, c.Policies["default"].Threshold)
	assert.Equal(t, "elsewhere", c.Models["gemma3-270m"].Path)
	assert.Empty(t, c.Models["gemma3-270m"].Files)
	assert.Equal(t, "m", c.Claims["default"].Model)
	assert.Equal(t, 5*time.Minute, c.Scenarios["soak"].Duration)
}

func TestMistakesOfOwnFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		file, text string
		want       string
	}{
		"unknown key": {"scenarios/quick.yaml", "prompt: x\ngenerate_tokns: 3\n",
			`scenarios/quick.yaml:2: generate_tokns: unknown key; did you mean "generate_tokens"?`},
		"unknown device": {"claims/a.yaml", "memory: {device: iPhone99, context: 1}\n",
			`claims/a.yaml:1: device: no device is called "iPhone99"`},
		"a name that is taken": {"devices/a.yaml", "product_type: iPhone15,4\n",
			`devices/a.yaml: "iphone15,4" already names iPhone15; to override that device, name this file iPhone15.yaml`},
		"another case": {"devices/iphone15.yaml", "product_type: iPhone15,99\n",
			"devices/iphone15.yaml: name it iPhone15.yaml, as the built-in one that it is to override"},
		"another ending":    {"devices/iPhone15.yml", "", "devices/iPhone15.yml: not a .yaml file"},
		"a folder misnamed": {"scenario/quick.yaml", "prompt: x\n", "scenario: unknown folder; did you mean scenarios?"},
		"no soak any more": {"scenarios/soak.yaml", "prompt: x\ngenerate_tokens: 3\n",
			"claims/default.yaml: soak: the scenario soak is not a soak: it has no duration " +
				"(this file is built in, and your configuration overrides what it names"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(configs.Files, own(map[string]string{tc.file: tc.text}))
			require.ErrorContains(t, err, tc.want)
			assert.Equal(t, harness.KindUsage, harness.KindOf(err))
			assert.NotEmpty(t, harness.HintOf(err))
		})
	}
}
