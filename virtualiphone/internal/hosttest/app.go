package hosttest

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"howett.net/plist"
)

// App says what goes into an .ipa of a test.
type App struct {
	BundleID   string
	Executable []byte            // nil: a script that ends at once
	Files      map[string]string // further entries, by name in the archive
	Info       map[string]any    // replaces keys of Info.plist; nil values remove them
}

// IPA packs an app.
func IPA(t testing.TB, app App) []byte {
	t.Helper()
	info := map[string]any{
		"CFBundleIdentifier": app.BundleID, "CFBundleExecutable": "Demo", "CFBundleName": "Demo",
		"CFBundleShortVersionString": "1.0", "CFBundleVersion": "1", "UIFileSharingEnabled": true,
	}
	for k, v := range app.Info {
		if info[k] = v; v == nil {
			delete(info, k)
		}
	}
	text, err := plist.Marshal(info, plist.BinaryFormat)
	require.NoError(t, err)
	if app.Executable == nil {
		app.Executable = []byte("#!/bin/sh\nexit 0\n")
	}
	entries := map[string][]byte{"Payload/Demo.app/Info.plist": text, "Payload/Demo.app/Demo": app.Executable}
	for name, contents := range app.Files {
		entries[name] = []byte(contents)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, contents := range entries {
		w, err := archive.Create(name)
		require.NoError(t, err)
		_, err = w.Write(contents)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return out.Bytes()
}
