package newmetric

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestOneEntryIsAllThatANewMetricTakes builds the harness with one more entry in its table, and nothing else changed, and
// runs TestWalk there: an app sends the metric, and it is derived, stored, reported under its label, and judged.
func TestOneEntryIsAllThatANewMetricTakes(t *testing.T) {
	_, known := harness.MetricNamed(name)
	require.False(t, known, "the walk wants a metric that is not in the table")
	table, err := filepath.Abs("../../metrics.go")
	require.NoError(t, err)
	text, err := os.ReadFile(table)
	require.NoError(t, err)
	const head = "return []Metric{\n"
	require.Equal(t, 1, strings.Count(string(text), head), "the table's beginning")

	dir := t.TempDir()
	longer := filepath.Join(dir, "metrics.go")
	require.NoError(t, os.WriteFile(longer, []byte(strings.Replace(string(text), head, head+entry+"\n", 1)), 0o644))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {table: longer}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))

	args := []string{"test", "-count=1", "-v", "-run=^TestWalk$", "-overlay=" + filepath.Join(dir, "overlay.json"), "."}
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Env = append(os.Environ(), underWalk+"=1")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
	assert.Contains(t, string(said), "--- PASS: TestWalk", "it must have run")
}
