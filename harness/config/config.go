package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
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

// Load reads a catalogue from files, which holds the five folders. It returns what could be read together with an
// error of kind usage that joins all mistakes.
func Load(files fs.FS) (harness.Catalog, error) {
	r := reader{files: files}
	c := harness.Catalog{
		Devices:   map[string]harness.DeviceProfile{},
		Models:    map[string]harness.ModelEntry{},
		Scenarios: map[string]harness.Scenario{},
		Policies:  map[string]harness.Policy{},
		Claims:    map[string]harness.Claims{},
	}
	r.each("devices", func(name, file string, n *yaml.Node) { r.device(c.Devices, name, file, n) })
	r.each("models", func(name, file string, n *yaml.Node) { r.model(c.Models, name, file, n) })
	r.each("scenarios", func(name, file string, n *yaml.Node) { r.scenario(c.Scenarios, name, file, n) })
	r.each("policies", func(name, file string, n *yaml.Node) { r.policy(c.Policies, name, file, n) })
	r.each("claims", func(name, file string, n *yaml.Node) { r.claims(c, name, file, n) })
	r.ambiguous(c.Devices)
	return c, r.err()
}

type reader struct {
	files    fs.FS
	mistakes []Mistake
}

func (r *reader) wrong(file string, line int, key, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{File: file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
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

// each parses every YAML file of a folder. A catalogue without the folder has no such entries; what else lies in it is
// a mistake, since a file that is silently passed over is a scenario that never runs.
func (r *reader) each(folder string, take func(name, file string, n *yaml.Node)) {
	entries, err := fs.ReadDir(r.files, folder)
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
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if entry.IsDir() || !ok || name == "" {
			r.wrong(file, 0, "", "not a .yaml file")
			continue
		}
		text, err := fs.ReadFile(r.files, file)
		if err != nil {
			r.wrong(file, 0, "", "%v", err)
			continue
		}
		if n := r.parse(file, text); n != nil {
			take(name, file, n)
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

// ambiguous refuses two devices that would answer to the same word.
func (r *reader) ambiguous(devices map[string]harness.DeviceProfile) {
	owner := map[string]string{}
	names := make([]string, 0, len(devices))
	for name := range devices {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		d := devices[name]
		words := append([]string{name, d.ProductType, d.Marketing}, d.Aliases...)
		for _, w := range words {
			w = strings.ToLower(w)
			if other, taken := owner[w]; taken && other != name && w != "" {
				r.wrong(path.Join("devices", name+".yaml"), 0, "", "%q already names %s", w, other)
			}
			owner[w] = name
		}
	}
}
