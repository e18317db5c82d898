package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
)

// readManifest makes a harness.Model of a converted model's folder.
func readManifest(dir string) (harness.Model, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return harness.Model{}, err
	}
	var m struct {
		Name, Version, Hash, Quantization string
		Size                              int64 `json:"size_bytes"`
		Context                           int
	}
	err = json.Unmarshal(text, &m)
	return harness.Model{
		Name: m.Name, Version: m.Version, Hash: m.Hash, Path: dir, SizeBytes: m.Size, Quantization: m.Quantization, Context: m.Context,
	}, err
}

func readPID(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
