package derive

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestPlacements(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "placement.jsonl"))
	require.NoError(t, err)
	var lines []harness.EventLine
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		lines = append(lines, harness.EventLine{Number: i + 1, Text: line})
	}
	lines = append(lines, harness.EventLine{
		Number: 9, Text: `{"v":2,"seq":4,"at_ns":1,"kind":"placement","unit":"cpu","function":"decode","count":1}`,
	},
		harness.EventLine{Number: 10, Text: `{"v":1,"seq":5,"kind":"placement"`})
	want := []harness.Placement{
		{Function: "decode", Unit: "neural_engine", Count: 120},
		{Function: "decode", Unit: "cpu", Count: 2, Operations: []string{"gather_0", "top_ids"}},
		{Function: "prefill", Unit: "gpu", Count: 121},
	}
	assert.Equal(t, want, Placements(lines))
}
