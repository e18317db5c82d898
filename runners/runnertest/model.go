package runnertest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

type manifestFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// writeModel writes files and a manifest.json as docs/model-contract.md has it, and returns the model's hash and size.
func writeModel(t *testing.T, dir string, files map[string][]byte) (hash string, total int64) {
	t.Helper()
	var list []manifestFile
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		list = append(list, manifestFile{name, int64(len(text)), hex.EncodeToString(sum[:])})
		total += int64(len(text))
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Path < list[j].Path })
	whole := sha256.New()
	for _, f := range list {
		fmt.Fprintf(whole, "%s\t%d\t%s\n", f.Path, f.Size, f.SHA256)
	}
	hash = hex.EncodeToString(whole.Sum(nil))
	text, err := json.Marshal(map[string]any{
		"format": 1, "name": "contract", "version": "1.0.0", "quantization": "fp16", "size_bytes": total, "hash": hash, "files": list,
		"runtime": map[string]string{"minimum": "1.0.0", "below": "2.0.0"}, "context": 512,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return hash, total
}
