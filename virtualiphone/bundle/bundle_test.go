package bundle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"
)

func TestPack(t *testing.T) {
	executable := filepath.Join(t.TempDir(), "agent")
	require.NoError(t, os.WriteFile(executable, []byte("#!/bin/sh\necho hello\n"), 0o755))
	app := App{
		Executable: executable, Name: "BenchApp", BundleID: "org.lilims.bench", Version: "1.2.3", Revision: "0123abc", Configuration: "Release",
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		require.NoError(t, Pack(out, app))
	}
	assert.True(t, bytes.Equal(first.Bytes(), second.Bytes()), "Pack gave different bytes for the same input")
	archive, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, f := range archive.File {
		found[f.Name] = true
		if f.Name == "Payload/BenchApp.app/BenchApp" {
			assert.NotZero(t, f.Mode()&0o111, "executable has mode")
		}
		if strings.HasSuffix(f.Name, "Info.plist") {
			checkInfo(t, f, app)
		}
	}
	for _, want := range []string{"Payload/BenchApp.app/Info.plist", "Payload/BenchApp.app/BenchApp"} {
		assert.True(t, found[want], "no %s in the archive", want)
	}
}

func checkInfo(t *testing.T, f *zip.File, app App) {
	t.Helper()
	r, err := f.Open()
	require.NoError(t, err)
	defer r.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(r)
	require.NoError(t, err)
	var info map[string]any
	_, err = plist.Unmarshal(text.Bytes(), &info)
	require.NoError(t, err)
	for key, want := range map[string]string{
		"CFBundleIdentifier": app.BundleID, "CFBundleExecutable": app.Name, "LilimsRevision": app.Revision,
	} {
		assert.Equal(t, want, info[key], "Info.plist")
	}
}

func TestPackSaysWhatIsMissing(t *testing.T) {
	require.Error(t, Pack(&bytes.Buffer{}, App{Executable: filepath.Join(t.TempDir(), "absent"), Name: "X"}),
		"Pack of an absent executable gave no error")
	require.Error(t, Pack(&bytes.Buffer{}, App{Executable: "/bin/sh", Name: "a/b"}), "Pack with a path as bundle name gave no error")
}
