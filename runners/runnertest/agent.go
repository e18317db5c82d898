package runnertest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BuildAgent builds the agent for tests for this host and returns its path.
func BuildAgent(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fakeagent")
	command := exec.Command("go", "build", "-o", path, "github.com/lilims/bench/runners/runnertest/fakeagent")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := command.CombinedOutput()
	require.NoError(t, err, "build the agent for tests: %v\n%s", err, text)
	return path
}

// HashFile is the SHA-256 of a file.
func HashFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
