package modelstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// modelFiles are the files of a small whole model.
func modelFiles(t *testing.T, name, precision string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{
		"tokenizer.json": []byte(`{"of": "` + name + `"}`),
		"model.mlpackage/Data/weights/weight.bin": []byte("weights in " + precision),
	}
	m := Manifest{Format: manifestFormat, Name: name, Version: "1.0.0", Quantization: precision, Layout: "gpu", Context: 64}
	for path, content := range files {
		sum := sha256.Sum256(content)
		m.Files = append(m.Files, File{Path: path, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])})
	}
	m.Hash = m.hash()
	text, err := json.Marshal(m)
	require.NoError(t, err)
	files[manifestFile] = text
	return files
}

// writeModel puts a small whole model into a folder.
func writeModel(t *testing.T, folder, name, precision string) {
	t.Helper()
	for path, content := range modelFiles(t, name, precision) {
		file := filepath.Join(folder, filepath.FromSlash(path))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, content, 0o644))
	}
}

// shippedModel is a program that brings one model along.
func shippedModel(t *testing.T) Shipped {
	t.Helper()
	files := fstest.MapFS{}
	for path, content := range modelFiles(t, "story", "fp16") {
		files["story/"+path] = &fstest.MapFile{Data: content, Mode: 0o444}
	}
	return Shipped{Path: "runtime/models", Files: files}
}

// newStore is a store with an empty data folder and a catalogue of four models.
func newStore(t *testing.T) Store {
	t.Helper()
	home := t.TempDir()
	t.Chdir(home)
	return Store{Data: filepath.Join(home, "data"), Program: filepath.Join(home, "repository", "bin", "bench"), Shipped: shippedModel(t),
		Catalog: harness.Catalog{
			Models: map[string]harness.ModelEntry{
				"story":   {Name: "story", Path: "runtime/models/story"},
				"absent":  {Name: "absent", Path: "runtime/models/absent"},
				"tale":    {Name: "tale", Licence: "mit", Context: 64, Files: []harness.ModelFile{{Name: "tale.gguf", Bytes: 13}}},
				"unsized": {Name: "unsized", Files: []harness.ModelFile{{Name: "a.bin"}, {Name: "b.bin", Bytes: 3}}},
			},
			Devices: map[string]harness.DeviceProfile{"iPhone15": {Name: "iPhone15", MemoryBytes: 6 << 30}},
		}}
}

func TestFind(t *testing.T) {
	s := newStore(t)
	writeModel(t, "elsewhere/mine", "mine", "fp16")
	writeModel(t, filepath.Join(s.Data, "models", "tale-int4"), "tale-int4", "int4")
	writeModel(t, filepath.Join(s.Data, "models", "other"), "other", "fp16")
	for word, want := range map[string]harness.Model{
		"./elsewhere/mine": {Name: "mine", Path: "elsewhere/mine"},
		"tale":             {Name: "tale-int4", Path: "data/models/tale-int4"},
		"tale-int4":        {Name: "tale-int4", Path: "data/models/tale-int4"},
		"other":            {Name: "other", Path: "data/models/other"},
		"STORY":            {Name: "story"},
	} {
		got, err := s.Find(word)
		require.NoError(t, err, word)
		assert.Equal(t, want.Name, got.Name, word)
		assert.Len(t, got.Hash, 64, word)
		if want.Path == "" {
			assert.Empty(t, got.Path, "%s is built into the program", word)
		} else if path, err := filepath.Abs(want.Path); assert.NoError(t, err) {
			assert.Equal(t, path, got.Path, word)
		}
	}
}

func TestFindErrors(t *testing.T) {
	s := newStore(t)
	writeModel(t, filepath.Join(s.Data, "models", "tale-int4"), "tale-int4", "int4")
	writeModel(t, filepath.Join(s.Data, "models", "tale-palette6-ane"), "tale-palette6-ane", "palette6")
	for word, tc := range map[string]struct {
		kind       harness.Kind
		text, hint string
		absent     bool
	}{
		"tale":     {harness.KindUsage, "tale was converted more than once; which one?", "Available: tale-int4, tale-palette6-ane.", false},
		"unsized":  {harness.KindModel, "it is not converted yet", "bench model add unsized", true},
		"absent":   {harness.KindModel, "runtime/models/absent is not there", "--model PATH", true},
		"sstory":   {harness.KindUsage, `no model is called "sstory"`, "Did you mean story?", false},
		"./nobody": {harness.KindModel, "no such file", "docs/model-contract.md", false},
	} {
		_, err := s.Find(word)
		require.ErrorContains(t, err, tc.text)
		assert.Equal(t, tc.kind, harness.KindOf(err), word)
		assert.Contains(t, harness.HintOf(err), tc.hint, word)
		if tc.absent {
			assert.ErrorIs(t, err, ErrNoFiles, word)
		} else {
			assert.NotErrorIs(t, err, ErrNoFiles, word)
		}
	}
}

// TestFilesOnTheDiskComeBeforeTheProgram's own: whoever trains the model anew in the repository measures that one.
func TestFilesOnTheDiskComeBeforeTheProgramsOwn(t *testing.T) {
	for _, folder := range []string{"runtime/models/story", "data/runtime/models/story", "repository/runtime/models/story"} {
		s := newStore(t)
		writeModel(t, folder, "story", "int8")
		got, err := s.Find("story")
		require.NoError(t, err)
		assert.Equal(t, "int8", got.Quantization, folder)
		assert.NotEmpty(t, got.Path)
	}
}

func TestAnOwnPathIsNotTheProgramsModel(t *testing.T) {
	s := newStore(t)
	for _, path := range []string{"elsewhere/story", "story", "/runtime/models/story", "runtime/models", "runtime/models/story/deeper"} {
		s.Catalog.Models["story"] = harness.ModelEntry{Name: "story", Path: path}
		_, err := s.Find("story")
		require.ErrorIs(t, err, ErrNoFiles, path)
	}
	s.Shipped = Shipped{}
	s.Catalog.Models["story"] = harness.ModelEntry{Name: "story", Path: "runtime/models/story"}
	_, err := s.Find("story")
	assert.ErrorIs(t, err, ErrNoFiles)
}

func TestList(t *testing.T) {
	s := newStore(t)
	writeModel(t, filepath.Join(s.Data, "models", "tale-int4"), "tale-int4", "int4")
	broken := filepath.Join(s.Data, "models", "broken")
	require.NoError(t, os.MkdirAll(broken, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(broken, manifestFile), []byte("{"), 0o644))
	var names []string
	for _, e := range s.List() {
		names = append(names, e.Name)
		switch e.Name {
		case "broken":
			require.ErrorContains(t, e.Err, "manifest.json")
		case "story":
			assert.Equal(t, "story (built into bench)", e.Place.String())
			require.NoError(t, e.Err)
		case "tale":
			assert.True(t, e.Offered)
			assert.EqualValues(t, 13, e.FetchBytes)
		case "unsized":
			assert.True(t, e.Offered)
			assert.Zero(t, e.FetchBytes, "one size is not known")
		}
	}
	assert.Equal(t, []string{"broken", "tale-int4", "story", "tale", "unsized"}, names)
}

func TestRemove(t *testing.T) {
	s := newStore(t)
	writeModel(t, filepath.Join(s.Data, "models", "tale-int4"), "tale-int4", "int4")
	writeModel(t, "elsewhere", "mine", "fp16")
	for word, text := range map[string]string{"story": "does not lie in", "./elsewhere": "does not lie in",
		"./data/models/../..": "does not lie in", "nobody": "no model is called"} {
		_, err := s.Remove(word)
		require.ErrorContains(t, err, text)
		assert.Equal(t, harness.KindUsage, harness.KindOf(err), word)
	}
	assert.FileExists(t, "elsewhere/manifest.json")
	folder, err := s.Remove("Tale-INT4")
	require.NoError(t, err)
	assert.NoDirExists(t, folder)
}

func TestPlacesRead(t *testing.T) {
	s := newStore(t)
	place, err := s.Locate("verify", "story")
	require.NoError(t, err)
	model, err := place.Read()
	require.NoError(t, err)
	assert.EqualValues(t, len(`{"of": "story"}`)+len("weights in fp16"), model.SizeBytes)
	m, err := s.ManifestOf(model)
	require.NoError(t, err)
	require.NotNil(t, m)
	assert.Equal(t, model.Hash, m.Hash)
	m, err = s.ManifestOf(harness.Model{Name: "simulated", Hash: "simulated-x"})
	require.NoError(t, err)
	assert.Nil(t, m, "its files are not here")
}
