package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

// claims reads what a release promises. Devices and scenarios that it names must be in the catalogue, which is read
// before it; models need not, since converted ones are named after what they were made with.
func (r *reader) claims(c harness.Catalog, into map[string]harness.Claims, name, file string, n *yaml.Node) {
	out := harness.Claims{Name: name}
	var megabytes float64
	faulty := map[string]bool{}
	r.take(file, n, r.noting(faulty, map[string]field{
		"model": text(&out.Model), "app_megabytes": number(&megabytes, 0.001, 1e6),
		"memory": r.mapping(file, map[string]field{
			"device": known(&out.Memory.Device, "device", slices.Collect(maps.Keys(c.Devices))), "context": whole(&out.Memory.Context, 1),
		}),
		"soak":   r.claim(file, c, &out.Soak),
		"claims": r.claimList(file, c, &out.Claims),
	}))
	out.AppBytes = megabytes * 1e6
	for _, wanted := range []struct {
		key   string
		given bool
	}{{"model", out.Model != ""}, {"memory", out.Memory.Device != "" && out.Memory.Context > 0}, {"soak", len(out.Soak.Bounds) > 0},
		{"app_megabytes", megabytes > 0}, {"claims", len(out.Claims) > 0}} {
		if !wanted.given && !faulty[wanted.key] {
			r.wrong(file, 0, wanted.key, "missing: every release check has its claim")
		}
	}
	if s, ok := c.Scenarios[out.Soak.Scenario]; ok && s.Duration == 0 {
		r.wrong(file, 0, "soak", "the scenario %s is not a soak: it has no duration", s.Name)
	}
	into[name] = out
}

// Claims reads claims that lie outside a catalogue, by the names that it has. A mistake is an error of kind usage.
func Claims(c harness.Catalog, name, file string, content []byte) (harness.Claims, error) {
	r := reader{}
	read := map[string]harness.Claims{}
	if n := r.parse(file, content); n != nil {
		r.claims(c, read, name, file, n)
	}
	return read[name], r.err()
}

// noting remembers the key when its value has a mistake: what could not be read is not also missing.
func (r *reader) noting(faulty map[string]bool, fields map[string]field) map[string]field {
	for key, read := range fields {
		fields[key] = func(n *yaml.Node) error {
			before := len(r.mistakes)
			err := read(n)
			faulty[key] = err != nil || len(r.mistakes) > before
			return err
		}
	}
	return fields
}

// mapping reads keys below a key.
func (r *reader) mapping(file string, fields map[string]field) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.MappingNode {
			return fmt.Errorf("expected keys and values")
		}
		r.take(file, n, fields)
		return nil
	}
}

func (r *reader) claimList(file string, c harness.Catalog, into *[]harness.Claim) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.SequenceNode {
			return fmt.Errorf("expected a list of claims")
		}
		for _, item := range n.Content {
			var one harness.Claim
			before := len(r.mistakes)
			if err := r.claim(file, c, &one)(item); err != nil {
				r.wrong(file, item.Line, "claims", "%v", err)
				continue
			}
			if len(r.mistakes) == before && slices.ContainsFunc(*into, func(other harness.Claim) bool {
				return other.Device == one.Device && other.Model == one.Model && other.Scenario == one.Scenario
			}) {
				r.wrong(file, item.Line, "claims", "%s with %s is claimed twice", one.Device, one.Scenario)
			}
			*into = append(*into, one)
		}
		return nil
	}
}

// claim reads one claim: device and scenario of the catalogue, and a bound for each metric that is named.
func (r *reader) claim(file string, c harness.Catalog, into *harness.Claim) field {
	return func(n *yaml.Node) error {
		if n.Kind != yaml.MappingNode {
			return fmt.Errorf("expected a device, a scenario and bounds of metrics")
		}
		into.Bounds = map[string]float64{}
		fields := map[string]field{"device": known(&into.Device, "device", slices.Collect(maps.Keys(c.Devices))), "model": text(&into.Model),
			"scenario": known(&into.Scenario, "scenario", slices.Collect(maps.Keys(c.Scenarios)))}
		for _, m := range harness.Metrics() {
			fields[m.Name] = func(n *yaml.Node) error {
				var bound float64
				if err := number(&bound, 1e-12, 1e18)(n); err != nil {
					return err
				}
				into.Bounds[m.Name] = bound
				return nil
			}
		}
		before := len(r.mistakes)
		nameMetrics(n)
		r.take(file, n, fields)
		switch {
		case len(r.mistakes) > before: // said already
		case into.Device == "" || into.Scenario == "":
			return fmt.Errorf("device and scenario are wanted")
		case len(into.Bounds) == 0:
			return fmt.Errorf("it bounds no metric")
		}
		return nil
	}
}

// known reads the name of an entry of the catalogue.
func known(into *string, what string, names []string) field {
	return func(n *yaml.Node) error {
		if err := text(into)(n); err != nil {
			return err
		}
		if slices.Contains(names, *into) {
			return nil
		}
		hint := ""
		if near := harness.Near(*into, names); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return fmt.Errorf("no %s is called %q%s", what, *into, hint)
	}
}

// ClaimsNamed takes claims of the catalogue, or a file of the same form: a word with a slash or the ending .yaml.
func ClaimsNamed(c harness.Catalog, word string) (harness.Claims, error) {
	if !strings.ContainsAny(word, `/\`) && filepath.Ext(word) != ".yaml" {
		return Find("claims", word, c.Claims)
	}
	content, err := os.ReadFile(word)
	if err != nil {
		return harness.Claims{}, harness.UsageError("read claims",
			"Name a file of the form of configs/claims/default.yaml, or claims of the catalogue.", "%w", err)
	}
	return Claims(c, strings.TrimSuffix(filepath.Base(word), filepath.Ext(word)), word, content)
}
