package appbundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestArchive(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("A.ipa", archive(t, "Payload/A.app/Info.plist", info, "Payload/A.app/Bench", "code"), 0o644))
	build, err := Archive("A.ipa", harness.ArmBaseline)
	require.NoError(t, err)
	hash, err := Hash("A.ipa")
	require.NoError(t, err)
	path, err := filepath.Abs("A.ipa")
	require.NoError(t, err)
	assert.Equal(t, harness.Build{Arm: harness.ArmBaseline, Path: path, Hash: hash, BundleID: "org.lilims.bench", Version: "1.2", Number: "34",
		Revision: "0123abc", Configuration: "Debug"}, build)
}

// TestArchiveWithoutRevision keeps what is not said apart from what is: the gate refuses such a build.
func TestArchiveWithoutRevision(t *testing.T) {
	plist := strings.Replace(info, "LilimsRevision", "Other", 1)
	file := filepath.Join(t.TempDir(), "A.ipa")
	require.NoError(t, os.WriteFile(file, archive(t, "Payload/A.app/Info.plist", plist, "Payload/A.app/Bench", "code"), 0o644))
	build, err := Archive(file, harness.ArmCandidate)
	require.NoError(t, err)
	assert.Equal(t, UnknownRevision, build.Revision)
}

func TestExecutable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent")
	require.NoError(t, os.WriteFile(file, []byte("abc"), 0o755))
	build, err := Executable(file, harness.ArmCandidate, "1.0.0", "0123abc")
	require.NoError(t, err)
	assert.Equal(t, harness.Build{Arm: harness.ArmCandidate, Path: file, BundleID: "org.lilims.bench.local", Version: "1.0.0",
		Revision: "0123abc", Configuration: "Release", Hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}, build)
}

func TestFilesThatAreNoBuild(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(notes, []byte("hello"), 0o644))
	absent := filepath.Join(t.TempDir(), "absent.ipa")
	for name, c := range map[string]struct {
		read func() error
		want string
	}{
		"absent build": {func() error { _, err := Archive(absent, ""); return err }, "read build " + absent + ": there is no such file"},
		"absent executable": {func() error { _, err := Executable(absent, "", "", ""); return err },
			"read build " + absent + ": there is no such file"},
		"absent app":      {func() error { _, err := Inspect(absent); return err }, "read app " + absent + ": there is no such file"},
		"a text as build": {func() error { _, err := Archive(notes, ""); return err }, "read build " + notes + ": it is not an .ipa"},
		"a text as app":   {func() error { _, err := Inspect(notes); return err }, "read app " + notes + ": it is not an .ipa"},
	} {
		err := c.read()
		require.ErrorContains(t, err, c.want, name)
		assert.Equal(t, harness.KindBuild, harness.KindOf(err), name)
		assert.NotEmpty(t, harness.HintOf(err), name)
	}
}

func TestInspectGivesTheHash(t *testing.T) {
	file := filepath.Join(t.TempDir(), "A.ipa")
	require.NoError(t, os.WriteFile(file, archive(t, "Payload/A.app/Info.plist", info, "Payload/A.app/Bench", "code"), 0o644))
	app, err := Inspect(file)
	require.NoError(t, err)
	hash, err := Hash(file)
	require.NoError(t, err)
	assert.Equal(t, hash, app.Hash)
	assert.Equal(t, file, app.Path)
}
