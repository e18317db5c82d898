package config

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lilims/bench/harness"
)

func (r *reader) model(into map[string]harness.ModelEntry, name, file string, n *yaml.Node) {
	m := harness.ModelEntry{Name: name}
	r.take(file, n, map[string]field{
		"path": text(&m.Path), "licence": text(&m.Licence), "context": whole(&m.Context, 1),
		"files": func(n *yaml.Node) error { return r.modelFiles(file, n, &m) },
	})
	if m.Path == "" && len(m.Files) == 0 {
		r.wrong(file, 0, "path", "missing, and no files to make the model of")
	}
	if m.Path != "" && len(m.Files) > 0 {
		r.wrong(file, 0, "path", "excludes files: a model either lies there or is made")
	}
	into[name] = m
}

func (r *reader) modelFiles(file string, n *yaml.Node, m *harness.ModelEntry) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return fmt.Errorf("expected a list of files")
	}
	seen := map[string]bool{}
	for _, item := range n.Content {
		if item.Kind != yaml.MappingNode {
			return fmt.Errorf("each file has a name and sources")
		}
		var f harness.ModelFile
		r.take(file, item, map[string]field{
			"name": text(&f.Name), "sha256": text(&f.SHA256), "bytes": whole(&f.Bytes, 1),
			"sources": func(n *yaml.Node) error { return fileSources(n, &f.Sources) },
		})
		r.checkFile(file, item.Line, f)
		if seen[f.Name] {
			r.wrong(file, item.Line, "name", "the file %s is listed before", f.Name)
		}
		seen[f.Name] = true
		m.Files = append(m.Files, f)
	}
	return nil
}

func (r *reader) checkFile(file string, line int, f harness.ModelFile) {
	if f.Name == "" || f.Name != filepath.Base(f.Name) || strings.ContainsAny(f.Name, `/\`) || strings.HasPrefix(f.Name, ".") {
		r.wrong(file, line, "name", "%q is not a valid file name", f.Name)
	}
	if sum, err := hex.DecodeString(f.SHA256); f.SHA256 != "" && (err != nil || len(sum) != 32) {
		r.wrong(file, line, "sha256", "%q is not a SHA-256 (64 hexadecimal digits)", f.SHA256)
	}
	if len(f.Sources) == 0 {
		r.wrong(file, line, "sources", "missing: where is %s to come from?", f.Name)
	}
	for _, source := range f.Sources {
		for _, part := range source {
			if err := checkPart(part); err != nil {
				r.wrong(file, line, "sources", "%v", err)
			}
		}
	}
}

// fileSources reads a list of places; a place in several parts is a list itself.
func fileSources(n *yaml.Node, into *[]harness.FileSource) error {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return fmt.Errorf("expected a list")
	}
	for _, item := range n.Content {
		var parts []string
		if item.Kind == yaml.SequenceNode {
			if err := texts(&parts)(item); err != nil {
				return err
			}
		} else {
			var one string
			if err := text(&one)(item); err != nil {
				return err
			}
			parts = []string{one}
		}
		if len(parts) == 0 {
			return fmt.Errorf("a source without parts")
		}
		*into = append(*into, parts)
	}
	return nil
}

func checkPart(part string) error {
	if rest, ok := strings.CutPrefix(part, "pypi:"); ok {
		release, member, found := strings.Cut(rest, "!")
		if name, version, pinned := strings.Cut(release, "=="); !found || !pinned || name == "" || version == "" || member == "" {
			return fmt.Errorf("%q: expected pypi:NAME==VERSION!MEMBER", part)
		}
		return nil
	}
	if !strings.Contains(part, "://") {
		if part == "" {
			return fmt.Errorf("an empty source")
		}
		return nil
	}
	if parsed, err := url.Parse(part); err != nil || parsed.Host == "" || parsed.Scheme != "https" && parsed.Scheme != "http" {
		return fmt.Errorf("%q: expected an http or https URL", part)
	}
	return nil
}
