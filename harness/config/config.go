package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

// Mistake is one thing wrong in one file.
type Mistake struct {
	File string
	Line int // 0: of the file as a whole
	Key  string
	Text string
}

func (m Mistake) Error() string {
	where := m.File
	if m.Line > 0 {
		where = fmt.Sprintf("%s:%d", m.File, m.Line)
	}
	if m.Key != "" {
		return fmt.Sprintf("%s: %s: %s", where, m.Key, m.Text)
	}
	return where + ": " + m.Text
}

// folders are those of a catalogue, one for each kind of entry.
var folders = []string{"devices", "models", "scenarios", "policies", "claims"}

// HoldsEntries reports whether files has one of the catalogue's folders.
func HoldsEntries(files fs.FS) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		info, err := fs.Stat(files, folder)
		return err == nil && info.IsDir()
	})
}

// Load reads a catalogue from layers, each of which holds some of the five folders: first what is built in, then what a
// person has of their own. A later layer adds entries, and overrides those of its names: a file replaces the file of
// the same name whole, with all the scenarios that it makes. Load returns what could be read together with an error of
// kind usage that joins all mistakes.
func Load(layers ...fs.FS) (harness.Catalog, error) {
	r := reader{layers: layers, from: map[string]int{}}
	for i := range layers {
		r.layer = i
		r.misnamed()
	}
	c := harness.Catalog{Claims: map[string]harness.Claims{}}
	c.Devices = layered(&r, "devices", r.device)
	c.Models = layered(&r, "models", r.model)
	c.Scenarios = layered(&r, "scenarios", r.scenario)
	c.Policies = layered(&r, "policies", r.policy)
	c.Claims = layered(&r, "claims", func(into map[string]harness.Claims, name, file string, n *yaml.Node) {
		r.claims(c, into, name, file, n)
	})
	r.ambiguous(c.Devices)
	return c, r.err()
}

// layered reads one folder of every layer. An entry of a later layer takes the place of an earlier one of its name.
func layered[T any](r *reader, folder string, take func(into map[string]T, name, file string, n *yaml.Node)) map[string]T {
	out := map[string]T{}
	for i := range r.layers {
		r.layer = i
		own := map[string]T{}
		r.each(folder, func(name, file string, n *yaml.Node) { take(own, name, file, n) })
		for name, entry := range own {
			out[name] = entry
			r.from[path.Join(folder, name)] = i
		}
	}
	return out
}

type reader struct {
	layers   []fs.FS
	layer    int            // the one that is being read
	from     map[string]int // "devices/iPhone15" -> the layer that it is of
	mistakes []Mistake
}

// wrong notes a mistake. A file of an earlier layer is sound by itself: what it names has been overridden.
func (r *reader) wrong(file string, line int, key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.layer < len(r.layers)-1 {
		text += " (this file is built in, and your configuration overrides what it names: override it too)"
	}
	r.mistakes = append(r.mistakes, Mistake{File: file, Line: line, Key: key, Text: text})
}

func (r *reader) err() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	sort.SliceStable(r.mistakes, func(i, j int) bool {
		a, b := r.mistakes[i], r.mistakes[j]
		return a.File < b.File || a.File == b.File && a.Line < b.Line
	})
	errs := make([]error, len(r.mistakes))
	for i, m := range r.mistakes {
		errs[i] = m
	}
	noun := "mistakes"
	if len(errs) == 1 {
		noun = "mistake"
	}
	return &harness.Error{
		Kind: harness.KindUsage, Op: fmt.Sprintf("read configuration, %d %s", len(errs), noun), Err: errors.Join(errs...),
		Hint: "Correct the named files; docs/method.md explains the keys of scenarios and policies.",
	}
}

// each parses every YAML file of a folder of the layer, but those that a later layer replaces. A layer without the
// folder has no such entries; what else lies in it is a mistake, since a file that is silently passed over is a scenario
// that never runs.
func (r *reader) each(folder string, take func(name, file string, n *yaml.Node)) {
	files := r.layers[r.layer]
	entries, err := fs.ReadDir(files, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.wrong(folder, 0, "", "%v", err)
		return
	}
	for _, entry := range entries {
		file := path.Join(folder, entry.Name())
		name, ok := strings.CutSuffix(entry.Name(), ".yaml")
		if strings.HasPrefix(entry.Name(), ".") || r.replaced(file) {
			continue
		}
		if entry.IsDir() || !ok || name == "" {
			r.wrong(file, 0, "", "not a .yaml file")
			continue
		}
		r.otherCase(folder, entry.Name())
		text, err := fs.ReadFile(files, file)
		if err != nil {
			r.wrong(file, 0, "", "%v", err)
			continue
		}
		if n := r.parse(file, text); n != nil {
			take(name, file, n)
		}
	}
}

// replaced reports whether a later layer has the file.
func (r *reader) replaced(file string) bool {
	for _, later := range r.layers[r.layer+1:] {
		if _, err := fs.Stat(later, file); err == nil {
			return true
		}
	}
	return false
}

// otherCase refuses a file that differs from one of an earlier layer only in the case of its letters: names are found
// in any case, so that both entries would answer to one word.
func (r *reader) otherCase(folder, name string) {
	for _, earlier := range r.layers[:r.layer] {
		entries, _ := fs.ReadDir(earlier, folder) // what cannot be read is a mistake of its own layer
		for _, e := range entries {
			if e.Name() != name && strings.EqualFold(e.Name(), name) {
				r.wrong(path.Join(folder, name), 0, "", "name it %s, as the built-in one that it is to override", e.Name())
			}
		}
	}
}

// misnamed refuses a folder whose name is nearly that of one that is read: its entries would be passed over.
func (r *reader) misnamed() {
	entries, _ := fs.ReadDir(r.layers[r.layer], ".") // the folders that are read report their own mistakes
	for _, e := range entries {
		if !e.IsDir() || slices.Contains(folders, e.Name()) {
			continue
		}
		if near := harness.Near(e.Name(), folders); near != "" {
			r.wrong(e.Name(), 0, "", "unknown folder; did you mean %s?", near)
		}
	}
}

// parse returns the one mapping that a file must hold.
func (r *reader) parse(file string, text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		r.wrong(file, 0, "", "%v", err)
		return nil
	}
	var more yaml.Node
	if decoder.Decode(&more) == nil {
		r.wrong(file, more.Line, "", "a second document; one file holds one entry")
		return nil
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		r.wrong(file, 1, "", "not a list of keys and values")
		return nil
	}
	return doc.Content[0]
}

// ambiguous refuses two devices that would answer to the same word. Of two layers, the later one's file is the mistake.
func (r *reader) ambiguous(devices map[string]harness.DeviceProfile) {
	owner := map[string]string{}
	layer := func(name string) int { return r.from[path.Join("devices", name)] }
	names := slices.SortedFunc(maps.Keys(devices), func(a, b string) int {
		return cmp.Or(cmp.Compare(layer(a), layer(b)), cmp.Compare(a, b))
	})
	for _, name := range names {
		r.layer = layer(name)
		d := devices[name]
		words := append([]string{name, d.ProductType, d.Marketing}, d.Aliases...)
		for _, w := range words {
			w = strings.ToLower(w)
			if other, taken := owner[w]; taken && other != name && w != "" {
				next := ""
				if layer(other) < r.layer {
					next = "; to override that device, name this file " + other + ".yaml"
				}
				r.wrong(path.Join("devices", name+".yaml"), 0, "", "%q already names %s%s", w, other, next)
			}
			owner[w] = name
		}
	}
}
