package reports

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/appbundle"
)

func TestApp(t *testing.T) {
	app := appbundle.App{Path: "A.ipa", BundleID: "org.x\x1b[2J", Version: "2.1", Number: "34", Executable: "A", Configuration: "Debug",
		Hash: "abc", ArchiveBytes: 60e6, InstalledBytes: 150e6, ModelBytes: 100e6, Models: []string{"h1"}}
	var out bytes.Buffer
	require.NoError(t, App(&out, app))
	wantAll(t, out.String(), "identifier org.x", "version 2.1 (34)", "configuration Debug", "revision not stated", "installed 150.0 MB",
		"archive 60.00 MB", "Core ML files 100.0 MB", "model inside h1", "SHA-256 abc")
	assert.NotContains(t, out.String(), "\x1b", "a control character reaches the terminal")
}

// TestAppJSON leaves out what the archive does not say.
func TestAppJSON(t *testing.T) {
	var out bytes.Buffer
	app := appbundle.App{Path: "A.ipa", BundleID: "org.x", Executable: "A", ArchiveBytes: 6, InstalledBytes: 15, Hash: "abc"}
	require.NoError(t, AppJSON(&out, app))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	assert.Equal(t, map[string]any{"schema": 1.0, "file": "A.ipa", "bundle_id": "org.x", "executable": "A", "hash": "abc",
		"archive_bytes": 6.0, "installed_bytes": 15.0}, got)
}
