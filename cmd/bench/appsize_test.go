package main

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lilims/bench/harness/modelstore"
)

const appInfo = `<?xml version="1.0"?><plist version="1.0"><dict><key>CFBundleIdentifier</key><string>org.x</string><key>CFBundleShortVersionString</key><string>2.1</string></dict></plist>`

// packIPA writes an .ipa of these members and returns its path.
func packIPA(t *testing.T, members map[string]string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "App.ipa"))
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for name, content := range members {
		w, err := archive.Create(name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func TestReadApp(t *testing.T) {
	model := modelstore.Manifest{Hash: "h1", Files: []modelstore.File{{Path: "model.mlpackage/weight.bin", Size: 5000}, {Path: "tokenizer.json", Size: 300}}}
	for name, c := range map[string]struct {
		members map[string]string
		model   *modelstore.Manifest
		bytes   int // beside Info.plist
		inside  bool
	}{
		"app alone":             {map[string]string{"Payload/A.app/A": strings.Repeat("x", 7000)}, &model, 7000, false},
		"symbols do not count":  {map[string]string{"Payload/A.app/A": "xx", "Symbols/A.symbols": strings.Repeat("x", 9000)}, &model, 2, false},
		"the model's manifest":  {map[string]string{"Payload/A.app/m/manifest.json": `{"hash":"h1"}`}, &model, 13, true},
		"another's manifest":    {map[string]string{"Payload/A.app/m/manifest.json": `{"hash":"h2"}`}, &model, 13, false},
		"the model, compiled":   {map[string]string{"Payload/A.app/m.mlmodelc/weights/weight.bin": strings.Repeat("x", 5000)}, &model, 5000, true},
		"a smaller model":       {map[string]string{"Payload/A.app/m.mlmodelc/weights/weight.bin": strings.Repeat("x", 4999)}, &model, 4999, false},
		"files of no known one": {map[string]string{"Payload/A.app/m.mlmodelc/weights/weight.bin": strings.Repeat("x", 5000)}, nil, 5000, false},
	} {
		c.members["Payload/A.app/Info.plist"] = appInfo
		path := packIPA(t, c.members)
		app, err := readApp(path, c.model)
		if err != nil || app.InstalledBytes != int64(c.bytes+len(appInfo)) || app.HoldsModel != c.inside || app.Build != "2.1" || app.ArchiveBytes <= 0 {
			t.Errorf("%s: %+v, %v; want %d bytes beside %d of Info.plist, the model inside: %v", name, app, err, c.bytes, len(appInfo), c.inside)
		}
	}
	if _, err := readApp(packIPA(t, map[string]string{"A": "x"}), &model); err == nil {
		t.Error("an archive without an app was read")
	}
}

// TestReadAppOfImpossibleSizes reads an archive whose directory claims sizes that no app has.
func TestReadAppOfImpossibleSizes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "App.ipa")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	w, _ := archive.Create("Payload/A.app/Info.plist")
	w.Write([]byte(appInfo))
	for _, name := range []string{"Payload/A.app/A", "Payload/A.app/B"} {
		if _, err := archive.CreateRaw(&zip.FileHeader{Name: name, UncompressedSize64: 1 << 63, CompressedSize64: 0}); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if app, err := readApp(path, nil); err == nil || !strings.Contains(err.Error(), "holds no sizes") {
		t.Errorf("read as %+v, %v", app, err)
	}
}
