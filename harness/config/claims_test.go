package config

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
)

func TestShippedClaims(t *testing.T) {
	c, err := Load(configs.Files)
	if err != nil {
		t.Fatal(err)
	}
	got := c.Claims["default"]
	memory := c.Devices[got.Memory.Device]
	if memory.MemoryBytes != 6<<30 || memory.LimitBytes != 3100<<20 || got.Memory.Context != 8192 {
		t.Errorf("memory is claimed on %+v at %d tokens, want a phone of 6 GB at 8192", memory, got.Memory.Context)
	}
	if got.AppBytes != 200e6 || got.Soak.Scenario != "soak" || got.Soak.Bounds[harness.Retention300] != 0.5 || len(got.Claims) == 0 || got.Claims[0].Bounds[harness.DecodeTokS] != 100 {
		t.Errorf("claims %+v", got)
	}
}

func TestMistakesInClaims(t *testing.T) {
	whole := "model: m\nmemory: {device: d, context: 8192}\nsoak: {device: d, scenario: soak, retention_300s: 0.5}\napp_megabytes: 200\nclaims:\n  - {device: d, scenario: s, decode_tok_s: 3}\n"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"nothing wrong":    {whole, nil},
		"nothing promised": {"model: m\n", []string{"claims/a.yaml: memory: missing", "soak: missing", "app_megabytes: missing", "claims: missing"}},
		"unknown names": {strings.NewReplacer("device: d, context", "device: e, context", "scenario: s,", "scenario: t,").Replace(whole), []string{
			`claims/a.yaml:2: device: no device is called "e"`, `claims/a.yaml:6: scenario: no scenario is called "t"`}},
		"unknown metric":   {strings.Replace(whole, "decode_tok_s", "decode_toks", 1), []string{`claims/a.yaml:6: decode_toks: unknown key; did you mean "decode_tok_s"?`}},
		"no bound":         {strings.Replace(whole, ", decode_tok_s: 3", "", 1), []string{"claims/a.yaml:6: claims: it bounds no metric"}},
		"no scenario":      {strings.Replace(whole, " scenario: s,", "", 1), []string{"claims/a.yaml:6: claims: device and scenario are wanted"}},
		"claimed twice":    {whole + "  - {device: d, scenario: s, ttft_s: 3}\n", []string{"claims/a.yaml:7: claims: d with s is claimed twice"}},
		"no soak":          {strings.Replace(whole, "scenario: soak", "scenario: s", 1), []string{"claims/a.yaml: soak: the scenario s is not a soak"}},
		"no list":          {strings.Replace(whole, "  - {", "  {", 1), []string{"claims: expected a list of claims"}},
		"negative":         {strings.Replace(whole, "0.5", "-0.5", 1), []string{"claims/a.yaml:3: retention_300s: -0.5 lies outside"}},
		"memory of a word": {strings.Replace(whole, "{device: d, context: 8192}", "lots", 1), []string{"claims/a.yaml:2: memory: expected keys and values"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{
				"devices/d.yaml":      {Data: []byte("product_type: d1,1\n")},
				"scenarios/s.yaml":    {Data: []byte("prompt: x\ngenerate_tokens: 3\n")},
				"scenarios/soak.yaml": {Data: []byte("prompt: x\ngenerate_tokens: 3\nduration: 1m\n")},
				"claims/a.yaml":       {Data: []byte(tc.text)},
			})
			if (err == nil) != (tc.want == nil) {
				t.Fatalf("Load() = %v, want %q", err, tc.want)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("Load() = %v\nwant %q in it", err, want)
				}
			}
			if err != nil && strings.Count(err.Error(), "claims/a.yaml") != max(len(tc.want), 1) {
				t.Errorf("Load() = %v\nwant %d mistakes", err, len(tc.want))
			}
		})
	}
}

func TestClaimsOfAFile(t *testing.T) {
	c, err := Load(configs.Files)
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := configs.Files.ReadFile("claims/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Claims(c, "mine", "some/mine.yaml", shipped)
	if err != nil || got.Name != "mine" || got.Model != c.Claims["default"].Model || len(got.Claims) != len(c.Claims["default"].Claims) {
		t.Errorf("Claims() = %+v, %v", got, err)
	}
	if _, taken := c.Claims["mine"]; taken {
		t.Error("the catalogue has changed")
	}
	if _, err := Claims(c, "mine", "some/mine.yaml", []byte("model: m\nmemory: {device: iPhone99, context: 1}\n")); err == nil ||
		!strings.Contains(err.Error(), `some/mine.yaml:2: device: no device is called "iPhone99"`) {
		t.Errorf("Claims() = %v", err)
	}
}
