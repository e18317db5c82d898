package appbundle

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// App is the metadata of the app in an .ipa. Texts that it does not state are empty.
type App struct {
	Path          string   `json:"file"`
	BundleID      string   `json:"bundle_id"`
	Version       string   `json:"version,omitempty"` // CFBundleShortVersionString
	Number        string   `json:"number,omitempty"`  // CFBundleVersion
	Executable    string   `json:"executable"`
	MinimumOS     string   `json:"minimum_os,omitempty"`    // oldest iOS that it runs on
	Platforms     []string `json:"platforms,omitempty"`     // CFBundleSupportedPlatforms: "iPhoneOS" from Xcode's device builds
	Configuration string   `json:"configuration,omitempty"` // LilimsConfiguration: "Release" or "Debug"
	Revision      string   `json:"revision,omitempty"`      // LilimsRevision: git revision that it was built from

	Hash           string   `json:"hash,omitempty"`        // SHA-256 of the .ipa; Inspect sets it
	ArchiveBytes   int64    `json:"archive_bytes"`         // the .ipa
	InstalledBytes int64    `json:"installed_bytes"`       // the files below Payload, unpacked
	ModelBytes     int64    `json:"model_bytes,omitempty"` // of them in Core ML packages, compiled or not
	Models         []string `json:"models,omitempty"`      // hashes of the converted models inside, by their manifests
}

const (
	infoLimit     = 4 << 20 // bytes of an Info.plist; real ones have a few thousand
	manifestLimit = 1 << 20 // bytes of a model's manifest.json
	mostBytes     = 1 << 40 // beyond it the numbers in an archive's directory are no sizes
)

// appInfo matches the one Info.plist of the app itself, not those of frameworks inside it.
var appInfo = regexp.MustCompile(`^Payload/[^/]+\.app/Info\.plist$`)

// Read looks into an .ipa.
func Read(file string) (App, error) {
	info, err := os.Stat(file)
	if err != nil {
		return App{}, err
	}
	archive, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrFormat) {
		return App{}, errors.New("it is not an .ipa: not a zip archive")
	}
	if err != nil {
		return App{}, err
	}
	defer archive.Close()
	app, err := read(&archive.Reader)
	app.Path, app.ArchiveBytes = file, info.Size()
	return app, err
}

func read(archive *zip.Reader) (App, error) {
	info, names, err := directory(archive)
	if err != nil {
		return App{}, err
	}
	app, err := parse(info)
	if err != nil {
		return App{}, fmt.Errorf("%s: %w", info.Name, err)
	}
	if executable := path.Join(path.Dir(info.Name), app.Executable); !names[executable] {
		return App{}, fmt.Errorf("its executable %s is missing", executable)
	}
	return app, app.measure(archive)
}

// directory checks the archive's names and finds the app's Info.plist.
func directory(archive *zip.Reader) (info *zip.File, names map[string]bool, err error) {
	names = map[string]bool{}
	for _, f := range archive.File {
		if err := safe(f.Name); err != nil {
			return nil, nil, err
		}
		names[f.Name] = true
		if !appInfo.MatchString(f.Name) {
			continue
		}
		if info != nil {
			return nil, nil, fmt.Errorf("it holds two apps, %s and %s", path.Dir(info.Name), path.Dir(f.Name))
		}
		info = f
	}
	if info == nil {
		return nil, nil, errors.New("it is not an .ipa: it holds no Payload/*.app/Info.plist")
	}
	return info, names, nil
}

// safe refuses names that would leave the app's folder.
func safe(name string) error {
	if strings.HasPrefix(name, "/") || strings.Contains(name, "\\") || path.Clean("/"+name) != "/"+strings.TrimSuffix(name, "/") {
		return fmt.Errorf("it holds an entry named %q", name)
	}
	return nil
}

// measure adds up the sizes that the archive's directory gives. Symbols and the like, which are not installed, lie
// outside Payload.
func (a *App) measure(archive *zip.Reader) error {
	for _, f := range archive.File {
		if !strings.HasPrefix(f.Name, "Payload/") {
			continue
		}
		if f.UncompressedSize64 > mostBytes || a.InstalledBytes > mostBytes {
			return errors.New("its directory contains no sizes")
		}
		size := int64(f.UncompressedSize64)
		a.InstalledBytes += size
		if strings.Contains(f.Name, ".mlpackage/") || strings.Contains(f.Name, ".mlmodelc/") {
			a.ModelBytes += size
		}
		if hash := modelHash(f); hash != "" {
			a.Models = append(a.Models, hash)
		}
	}
	return nil
}

// modelHash is the hash in a converted model's manifest; "" for every other file.
func modelHash(f *zip.File) string {
	if path.Base(f.Name) != "manifest.json" || f.UncompressedSize64 > manifestLimit {
		return ""
	}
	reader, err := f.Open()
	if err != nil {
		return ""
	}
	defer reader.Close()
	var manifest struct {
		Hash string `json:"hash"`
	}
	if err := json.NewDecoder(io.LimitReader(reader, manifestLimit)).Decode(&manifest); err != nil {
		return ""
	}
	return manifest.Hash
}
