package appbundle

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"

	"howett.net/plist"
)

// parse reads an app's Info.plist.
func parse(f *zip.File) (App, error) {
	r, err := f.Open()
	if err != nil {
		return App{}, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, infoLimit+1))
	if err != nil {
		return App{}, err
	}
	if len(text) > infoLimit {
		return App{}, fmt.Errorf("longer than %d bytes", infoLimit)
	}
	var info struct {
		CFBundleIdentifier, CFBundleShortVersionString, CFBundleVersion string
		CFBundleExecutable, MinimumOSVersion                            string
		LilimsRevision, LilimsConfiguration                             string
		CFBundleSupportedPlatforms                                      []string
	}
	if err := decode(text, &info); err != nil {
		return App{}, err
	}
	if info.CFBundleIdentifier == "" || info.CFBundleExecutable == "" || strings.Contains(info.CFBundleExecutable, "/") {
		return App{}, errors.New("CFBundleIdentifier or CFBundleExecutable is missing or unusable")
	}
	return App{
		BundleID: info.CFBundleIdentifier, Version: info.CFBundleShortVersionString, Number: info.CFBundleVersion,
		Executable: info.CFBundleExecutable, MinimumOS: info.MinimumOSVersion, Platforms: info.CFBundleSupportedPlatforms,
		Configuration: info.LilimsConfiguration, Revision: info.LilimsRevision,
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
