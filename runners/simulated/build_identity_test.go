package simulated

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestBuild tells builds apart that are names or files.
func TestBuild(t *testing.T) {
	name := Build("app-speed=0.85", harness.ArmCandidate, "1.0.0", "0123abc")
	assert.Equal(t, "Release speed=0.85", name.Configuration)
	assert.Equal(t, "org.lilims.simulated.candidate", name.BundleID)
	assert.NotEqual(t, name.Hash, Build("app-speed=0.9", harness.ArmCandidate, "1.0.0", "0123abc").Hash)

	file := filepath.Join(t.TempDir(), "app.ipa")
	require.NoError(t, os.WriteFile(file, []byte("memory=1.2\nspeed=0.5\n"), 0o644))
	content := Build(file, harness.ArmBaseline, "1.0.0", "0123abc")
	assert.Equal(t, "Release memory=1.2", content.Configuration, "only a file's first line counts")
	copied := filepath.Join(t.TempDir(), "copy.ipa")
	require.NoError(t, os.WriteFile(copied, []byte("memory=1.2\nspeed=0.5\n"), 0o644))
	assert.Equal(t, content.Hash, Build(copied, harness.ArmBaseline, "1.0.0", "0123abc").Hash, "the content identifies a file, not its name")
}
