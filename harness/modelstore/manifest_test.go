package modelstore

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	shipped "github.com/lilims/bench/runtime/models"
)

// TestReadReadsWhatTheRuntimeReads reads the models that the runtime's and the converter's tests read, of every
// version of the contract.
func TestReadReadsWhatTheRuntimeReads(t *testing.T) {
	fixtures, _ := filepath.Glob("../../runtime/Tests/Fixtures/model/*/manifest.json")
	ours, _ := filepath.Glob("../../runtime/models/*/manifest.json")
	require.GreaterOrEqual(t, len(fixtures), 2)
	require.NotEmpty(t, ours)
	for _, path := range append(fixtures, ours...) {
		var want struct {
			Name         string
			Version      string
			Hash         string
			Quantization string
			Context      int
			SizeBytes    int64 `json:"size_bytes"`
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &want), path)
		model, err := Read(filepath.Dir(path))
		require.NoError(t, err, path)
		assert.Equal(t, filepath.Base(filepath.Dir(path)), model.Name)
		assert.Equal(t, harness.Model{Name: want.Name, Version: want.Version, Hash: want.Hash, Path: model.Path, SizeBytes: want.SizeBytes,
			Quantization: want.Quantization, Context: want.Context}, model)
	}
}

// TestTheProgramsModels: each model of the repository is in the program too, whole, and nothing else is.
func TestTheProgramsModels(t *testing.T) {
	folders, err := filepath.Glob("../../runtime/models/*/manifest.json")
	require.NoError(t, err)
	embedded, err := shipped.Files.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, embedded, len(folders))
	s := Store{Data: t.TempDir(), Shipped: Shipped{Path: shipped.Path, Files: shipped.Files}}
	for _, folder := range folders {
		onDisk, err := Read(filepath.Dir(folder))
		require.NoError(t, err)
		place, ok := s.Shipped.at(shipped.Path + "/" + onDisk.Name)
		require.True(t, ok, onDisk.Name)
		model, err := place.Read()
		require.NoError(t, err)
		model, err = s.Unpack(model)
		require.NoError(t, err)
		onDisk.Path = model.Path
		assert.Equal(t, onDisk, model)
	}
}

func TestReadRefusesDamage(t *testing.T) {
	rewrite := func(change func(*Manifest)) func(*testing.T) {
		return func(t *testing.T) {
			m, err := ReadManifest("m")
			require.NoError(t, err)
			change(&m)
			text, err := json.Marshal(m)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile("m/manifest.json", text, 0o644))
		}
	}
	for name, c := range map[string]struct {
		damage func(*testing.T)
		want   string
	}{
		"a file is missing": {func(t *testing.T) { require.NoError(t, os.Remove("m/tokenizer.json")) }, "tokenizer.json: it is missing"},
		"a file is short": {func(t *testing.T) { require.NoError(t, os.Truncate("m/tokenizer.json", 3)) },
			"tokenizer.json: it has 3 bytes, not 15"},
		"a file has changed": {func(t *testing.T) {
			require.NoError(t, os.WriteFile("m/tokenizer.json", []byte(`{"of": "STORY"}`), 0o644))
		}, "its SHA-256 is not the manifest's"},
		"a file too many": {func(t *testing.T) { require.NoError(t, os.WriteFile("m/more", nil, 0o644)) },
			"more: the manifest does not list it"},
		"the hash of the list":  {rewrite(func(m *Manifest) { m.Hash = "0" }), "its hash is not that of its list of files"},
		"a path that leads out": {rewrite(func(m *Manifest) { m.Files[0].Path = "../outside" }), "../outside: open ../outside: invalid argument"},
		"a link that leads out": {func(t *testing.T) {
			require.NoError(t, os.Remove("m/tokenizer.json"))
			require.NoError(t, os.Symlink("../outside", "m/tokenizer.json"))
		}, "tokenizer.json: openat tokenizer.json: path escapes from parent"},
		"another format": {rewrite(func(m *Manifest) { m.Format = 2 }), "manifest.json has format 2; this bench knows format 1"},
		"no manifest":    {func(t *testing.T) { require.NoError(t, os.Remove("m/manifest.json")) }, "no such file"},
		"no JSON": {func(t *testing.T) { require.NoError(t, os.WriteFile("m/manifest.json", []byte("{"), 0o644)) },
			"manifest.json: unexpected end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			writeModel(t, "m", "story", "fp16")
			require.NoError(t, os.WriteFile("outside", []byte(`{"of": "story"}`), 0o644))
			_, err := Read("m")
			require.NoError(t, err)
			c.damage(t)
			_, err = Read("m")
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, harness.KindModel, harness.KindOf(err))
			assert.Contains(t, harness.HintOf(err), "docs/model-contract.md")
		})
	}
}

func TestMeasured(t *testing.T) {
	score := 11.5
	m := Manifest{Quantization: "int4", Evaluation: []Evaluation{{Precision: "fp16", Perplexity: &score}, {Precision: "int4"}}}
	assert.Nil(t, m.Measured(), "only another precision has been measured")
	m.Evaluation = append(m.Evaluation, Evaluation{Precision: "int4", Perplexity: &score, Corpus: "a"})
	assert.Equal(t, "a", m.Measured().Corpus)
}
