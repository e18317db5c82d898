// Package ipa looks into an app archive before it is sent to a phone: the path of an .ipa comes in, what its Info.plist
// says comes out, or an error that says what is wrong with it. It never unpacks anything to disk.
package ipa

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"howett.net/plist"
)

// maxInfo is the longest Info.plist read, in bytes.
const maxInfo = 4 << 20

// App is what an archive says of the app in it.
type App struct {
	BundleID   string
	Version    string // CFBundleShortVersionString
	Build      string // CFBundleVersion
	Executable string
	MinimumOS  string   // oldest iOS it runs on; empty: not said
	Platforms  []string // CFBundleSupportedPlatforms: "iPhoneOS" from Xcode's device builds
	Revision   string   // LilimsRevision: git revision it was built from; empty: not said
	Bytes      int64    // unpacked size
}

// appInfo matches the one Info.plist of the app itself, not those of frameworks inside it.
var appInfo = regexp.MustCompile(`^Payload/[^/]+\.app/Info\.plist$`)

// Read looks into the archive.
func Read(file string) (App, error) {
	archive, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrFormat) {
		return App{}, errors.New("it is not a zip archive; an .ipa is one")
	}
	if err != nil {
		return App{}, err
	}
	defer archive.Close()
	return read(&archive.Reader)
}

func read(archive *zip.Reader) (App, error) {
	var info *zip.File
	names := map[string]bool{}
	var size int64
	for _, f := range archive.File {
		if err := safe(f.Name); err != nil {
			return App{}, err
		}
		names[f.Name] = true
		size += int64(f.UncompressedSize64)
		if appInfo.MatchString(f.Name) {
			if info != nil {
				return App{}, fmt.Errorf("it holds two apps, %s and %s", path.Dir(info.Name), path.Dir(f.Name))
			}
			info = f
		}
	}
	if info == nil {
		return App{}, errors.New("it holds no Payload/*.app/Info.plist")
	}
	app, err := parse(info)
	if err != nil {
		return App{}, fmt.Errorf("%s: %w", info.Name, err)
	}
	if executable := path.Join(path.Dir(info.Name), app.Executable); !names[executable] {
		return App{}, fmt.Errorf("its executable %s is missing", executable)
	}
	app.Bytes = size
	return app, nil
}

// safe refuses names that would leave the app's folder.
func safe(name string) error {
	if strings.HasPrefix(name, "/") || strings.Contains(name, "\\") || path.Clean("/"+name) != "/"+strings.TrimSuffix(name, "/") {
		return fmt.Errorf("it holds an entry named %q", name)
	}
	return nil
}

func parse(f *zip.File) (App, error) {
	r, err := f.Open()
	if err != nil {
		return App{}, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxInfo+1))
	if err != nil {
		return App{}, err
	}
	if len(text) > maxInfo {
		return App{}, fmt.Errorf("longer than %d bytes", maxInfo)
	}
	var info struct {
		CFBundleIdentifier, CFBundleShortVersionString, CFBundleVersion string
		CFBundleExecutable, MinimumOSVersion, LilimsRevision            string
		CFBundleSupportedPlatforms                                      []string
	}
	if err := decode(text, &info); err != nil {
		return App{}, err
	}
	if info.CFBundleIdentifier == "" || info.CFBundleExecutable == "" || strings.Contains(info.CFBundleExecutable, "/") {
		return App{}, errors.New("CFBundleIdentifier or CFBundleExecutable is missing or unusable")
	}
	return App{
		BundleID: info.CFBundleIdentifier, Version: info.CFBundleShortVersionString, Build: info.CFBundleVersion,
		Executable: info.CFBundleExecutable, MinimumOS: info.MinimumOSVersion, Platforms: info.CFBundleSupportedPlatforms,
		Revision: info.LilimsRevision,
	}, nil
}

// decode turns the parser's panics on malformed lists into errors.
func decode(text []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed property list: %v", p)
		}
	}()
	_, err = plist.Unmarshal(text, v)
	return err
}
