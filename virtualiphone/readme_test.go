package virtualiphone_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadme: the test that README.md shows is the example that runs.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found, "README.md shows no Go")
	shown, _, _ := strings.Cut(after, "```")
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	assert.Contains(t, strings.ReplaceAll(string(example), "\n\t", "\n"), strings.TrimSpace(shown))
}
