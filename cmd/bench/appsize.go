package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/harness/prelaunch"
)

// findApp reads the size of the app that is named, or of what is at hand. That nothing is at hand is no mistake; why
// says so.
func (f *prelaunchFlags) findApp(env Env, model *modelstore.Manifest) (app *prelaunch.App, why string, err error) {
	file := f.app
	if file == "" && filepath.Ext(f.build) == ".ipa" && isFile(f.build) {
		file = f.build
	}
	if file == "" {
		if file = defaultBuild(env, runnerIPhone); !isFile(file) {
			return nil, fmt.Sprintf("there is no %s; name an .ipa with --app", file), nil
		}
	}
	found, err := readApp(file, model)
	if err != nil {
		return nil, "", &harness.Error{Kind: harness.KindBuild, Op: "read app " + file, Err: err, Hint: "Name an .ipa that Xcode has exported with --app."}
	}
	return &found, "", nil
}

// mostAppBytes bounds what the directory of an archive may say: beyond it the numbers are no sizes.
const mostAppBytes = 1 << 40

// readApp adds up the sizes in an .ipa's directory; nothing is unpacked.
func readApp(file string, model *modelstore.Manifest) (prelaunch.App, error) {
	out := prelaunch.App{Path: file}
	var build harness.Build
	if err := readInfo(file, &build); err != nil {
		return out, err
	}
	if out.Build = build.Revision; out.Build == "unknown" {
		out.Build = build.Version
	}
	info, err := os.Stat(file)
	if err != nil {
		return out, err
	}
	out.ArchiveBytes = info.Size()
	archive, err := zip.OpenReader(file)
	if err != nil {
		return out, err
	}
	defer archive.Close()
	var models int64
	for _, f := range archive.File {
		if !strings.HasPrefix(f.Name, "Payload/") {
			continue // symbols and the like, which are not installed
		}
		if f.UncompressedSize64 > mostAppBytes || out.InstalledBytes > mostAppBytes {
			return out, errors.New("its directory holds no sizes")
		}
		out.InstalledBytes += int64(f.UncompressedSize64)
		if strings.Contains(f.Name, ".mlpackage/") || strings.Contains(f.Name, ".mlmodelc/") {
			models += int64(f.UncompressedSize64)
		}
		out.HoldsModel = out.HoldsModel || model != nil && isManifestOf(f, *model)
	}
	// A model that was compiled into the app has no manifest of ours; weights keep their size.
	out.HoldsModel = out.HoldsModel || model != nil && models >= largest(*model)
	return out, nil
}

// isManifestOf reports whether a member is the manifest of the model, byte for byte the same files.
func isManifestOf(f *zip.File, model modelstore.Manifest) bool {
	if path.Base(f.Name) != "manifest.json" || f.UncompressedSize64 > infoLimit {
		return false
	}
	reader, err := f.Open()
	if err != nil {
		return false
	}
	defer reader.Close()
	var found modelstore.Manifest
	return json.NewDecoder(io.LimitReader(reader, infoLimit)).Decode(&found) == nil && found.Hash == model.Hash
}

// largest is the size of a model's largest file, which is that of its weights.
func largest(m modelstore.Manifest) int64 {
	var most int64
	for _, f := range m.Files {
		most = max(most, f.Size)
	}
	return most
}
