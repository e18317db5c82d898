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

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// Model writes a folder of the shape of a converted model, of about so many bytes, for agents that do not read it. Its
// manifest lists every file with size and hash, as runners that copy models expect.
func Model(t *testing.T, size int) harness.Model {
	t.Helper()
	dir := t.TempDir()
	weights := make([]byte, size)
	for i := range weights {
		weights[i] = byte(i * 31)
	}
	files := map[string][]byte{
		"model.mlpackage/Manifest.json":                            []byte(`{"fileFormatVersion":"1.0.0"}`),
		"model.mlpackage/Data/com.apple.CoreML/weights/weight.bin": weights,
		"tokenizer.json": []byte(`{"model":{"type":"BPE"}}`),
	}
	hash, total := writeModel(t, dir, files)
	return harness.Model{Name: "contract", Version: "1.0.0", Hash: hash, Path: dir, SizeBytes: total, Quantization: "fp16", Context: 512}
}

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
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, text, 0o644))
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
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644))
	return hash, total
}
