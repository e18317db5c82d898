package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestReadModelReadsWhatTheRuntimeReads reads the models that the runtime's and the converter's tests read, of every
// version of the contract.
func TestReadModelReadsWhatTheRuntimeReads(t *testing.T) {
	fixtures, _ := filepath.Glob("../../runtime/Tests/Fixtures/model/*/manifest.json")
	shipped, _ := filepath.Glob("../../runtime/models/*/manifest.json")
	if len(fixtures) < 2 || len(shipped) < 1 {
		t.Fatalf("found %d models of the tests and %d that are shipped", len(fixtures), len(shipped))
	}
	for _, path := range append(fixtures, shipped...) {
		var want struct {
			Name         string
			Version      string
			Hash         string
			Quantization string
			Context      int
			SizeBytes    int64 `json:"size_bytes"`
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		model, err := readModel(filepath.Dir(path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if model.Name != filepath.Base(filepath.Dir(path)) || model.Name != want.Name || model.Version != want.Version ||
			model.Hash != want.Hash || model.Quantization != want.Quantization || model.Context != want.Context ||
			model.SizeBytes != want.SizeBytes {
			t.Errorf("%s: read as %+v, holds %+v", path, model, want)
		}
	}
}
