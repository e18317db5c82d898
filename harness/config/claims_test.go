package config

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
)

func TestShippedClaims(t *testing.T) {
	c, err := Load(configs.Files)
	require.NoError(t, err)
	got := c.Claims["default"]
	memory := c.Devices[got.Memory.Device]
	assert.Equal(t, int64(6<<30), memory.MemoryBytes, "memory is claimed")
	assert.Equal(t, int64(3100<<20), memory.LimitBytes, "memory is claimed")
	assert.Equal(t, 8192, got.Memory.Context, "memory is claimed")
	require.InDelta(t, 200e6, got.AppBytes, 0, "claims")
	require.Equal(t, "soak", got.Soak.Scenario, "claims")
	require.InDelta(t, 0.5, got.Soak.Bounds[harness.Retention300], 0, "claims")
	require.NotEmpty(t, got.Claims)
	assert.InDelta(t, 100, got.Claims[0].Bounds[harness.DecodeTokS], 0, "claims")
}

func TestMistakesInClaims(t *testing.T) {
	whole := "model: m\nmemory: {device: d, context: 8192}\nsoak: {device: d, scenario: soak, retention_300s: 0.5}\napp_megabytes: " +
		"200\nclaims:\n  - {device: d, scenario: s, decode_tok_s: 3}\n"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing wrong": {whole, nil},
		"nothing promised": {
			"model: m\n", []string{"claims/a.yaml: memory: missing", "soak: missing", "app_megabytes: missing", "claims: missing"},
		},
		"unknown names": {strings.NewReplacer(
			"device: d, context", "device: e, context", "scenario: s,", "scenario: t,",
		).Replace(whole), []string{
			`claims/a.yaml:2: device: no device is called "e"`, `claims/a.yaml:6: scenario: no scenario is called "t"`}},
		"unknown metric": {strings.Replace(whole, "decode_tok_s", "decode_toks", 1), []string{
			`claims/a.yaml:6: decode_toks: unknown key; did you mean "decode_tok_s"?`,
		}},
		"no bound":      {strings.Replace(whole, ", decode_tok_s: 3", "", 1), []string{"claims/a.yaml:6: claims: it bounds no metric"}},
		"no scenario":   {strings.Replace(whole, " scenario: s,", "", 1), []string{"claims/a.yaml:6: claims: device and scenario are wanted"}},
		"claimed twice": {whole + "  - {device: d, scenario: s, ttft_s: 3}\n", []string{"claims/a.yaml:7: claims: d with s is claimed twice"}},
		"no soak": {
			strings.Replace(whole, "scenario: soak", "scenario: s", 1), []string{"claims/a.yaml: soak: the scenario s is not a soak"},
		},
		"no list":  {strings.Replace(whole, "  - {", "  {", 1), []string{"claims: expected a list of claims"}},
		"negative": {strings.Replace(whole, "0.5", "-0.5", 1), []string{"claims/a.yaml:3: retention_300s: -0.5 lies outside"}},
		"memory of a word": {
			strings.Replace(whole, "{device: d, context: 8192}", "lots", 1), []string{"claims/a.yaml:2: memory: expected keys and values"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{
				"devices/d.yaml":      {Data: []byte("product_type: d1,1\n")},
				"scenarios/s.yaml":    {Data: []byte("prompt: x\ngenerate_tokens: 3\n")},
				"scenarios/soak.yaml": {Data: []byte("prompt: x\ngenerate_tokens: 3\nduration: 1m\n")},
				"claims/a.yaml":       {Data: []byte(tc.text)},
			})
			require.Equal(t, tc.want == nil, err == nil, "Load()")
			for _, want := range tc.want {
				require.ErrorContains(t, err, want, "Load()")
			}
			if err != nil {
				assert.Equal(t, max(len(tc.want), 1), strings.Count(err.Error(), "claims/a.yaml"), "Load()")
			}
		})
	}
}

func TestClaimsOfAFile(t *testing.T) {
	c, err := Load(configs.Files)
	require.NoError(t, err)
	shipped, err := configs.Files.ReadFile("claims/default.yaml")
	require.NoError(t, err)
	got, err := Claims(c, "mine", "some/mine.yaml", shipped)
	require.NoError(t, err, "Claims()")
	assert.Equal(t, "mine", got.Name, "Claims()")
	assert.Equal(t, c.Claims["default"].Model, got.Model, "Claims()")
	assert.Len(t, got.Claims, len(c.Claims["default"].Claims))
	_, taken := c.Claims["mine"]
	assert.False(t, taken, "the catalogue has changed")
	_, err = Claims(c, "mine", "some/mine.yaml", []byte("model: m\nmemory: {device: iPhone99, context: 1}\n"))
	require.ErrorContains(t, err, `some/mine.yaml:2: device: no device is called "iPhone99"`, "Claims()")
}
