package appbundle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSizes adds up what lies in an app, and what of it is a model.
func TestSizes(t *testing.T) {
	for name, c := range map[string]struct {
		path, content string
		installed     int // bytes beside Info.plist and the executable
		model         int
		models        []string
	}{
		"app alone":            {"Payload/Bench.app/data", strings.Repeat("x", 7000), 7000, 0, nil},
		"symbols do not count": {"Symbols/A.symbols", strings.Repeat("x", 9000), 0, 0, nil},
		"a model's manifest":   {"Payload/Bench.app/m/manifest.json", `{"hash":"h1"}`, 13, 0, []string{"h1"}},
		"another manifest":     {"Payload/Bench.app/m/manifest.json", `{"name":"x"}`, 12, 0, nil},
		"no JSON":              {"Payload/Bench.app/m/manifest.json", `{"hash":`, 8, 0, nil},
		"a model, compiled":    {"Payload/Bench.app/m.mlmodelc/weights/weight.bin", strings.Repeat("x", 5000), 5000, 5000, nil},
		"a model, not yet":     {"Payload/Bench.app/m.mlpackage/Data/weight.bin", strings.Repeat("x", 300), 300, 300, nil},
	} {
		t.Run(name, func(t *testing.T) {
			data := archive(t, "Payload/Bench.app/Info.plist", info, "Payload/Bench.app/Bench", "code", c.path, c.content)
			file := filepath.Join(t.TempDir(), "App.ipa")
			require.NoError(t, os.WriteFile(file, data, 0o644))
			app, err := Read(file)
			require.NoError(t, err)
			assert.EqualValues(t, c.installed+len(info)+len("code"), app.InstalledBytes)
			assert.EqualValues(t, c.model, app.ModelBytes)
			assert.Equal(t, c.models, app.Models)
			assert.EqualValues(t, len(data), app.ArchiveBytes)
		})
	}
}

// TestImpossibleSizes reads an archive whose directory claims sizes that no app has.
func TestImpossibleSizes(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, text := range map[string]string{"Payload/A.app/Info.plist": info, "Payload/A.app/Bench": "code"} {
		e, err := w.Create(name)
		require.NoError(t, err)
		_, err = e.Write([]byte(text))
		require.NoError(t, err)
	}
	for _, name := range []string{"Payload/A.app/A", "Payload/A.app/B"} {
		_, err := w.CreateRaw(&zip.FileHeader{Name: name, UncompressedSize64: 1 << 63, CompressedSize64: 0})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	file := filepath.Join(t.TempDir(), "App.ipa")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	_, err := Read(file)
	assert.ErrorContains(t, err, "contains no sizes")
}
