package main

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestColour: verdicts are in colour on a terminal that shows colours, and nowhere else.
func TestColour(t *testing.T) {
	t.Chdir(t.TempDir())
	series := `{"Name": "slower", "S0": 0.02,
 "Baseline": [[30,30.1,29.9],[30.2,30,30.1],[29.8,30,30.1],[30,30,30],[30.1,29.9,30]],
 "Candidate": [[24,24.1,23.9],[24.2,24,24.1],[23.8,24,24.1],[24,24,24],[24.1,23.9,24]]}`
	require.NoError(t, os.WriteFile("slower.json", []byte(series), 0o644))
	judge := func(terminal bool, variable, value string, more ...string) string {
		var out, errs bytes.Buffer
		env := stillEnv(&out, &errs)
		env.Color = terminal
		env.Getenv = func(name string) string { return map[string]string{variable: value}[name] }
		code := run(context.Background(), env, append([]string{"gate", "--series", "slower.json"}, more...))
		require.Equal(t, exitRegression, code, errs.String())
		return out.String()
	}
	assert.Contains(t, judge(true, "", ""), "\x1b[31mregression\x1b[0m")
	for name, said := range map[string]string{
		"a pipe": judge(false, "", ""), "NO_COLOR": judge(true, "NO_COLOR", "1"), "a terminal without": judge(true, "TERM", "dumb"),
		"--no-color": judge(true, "", "", "--no-color"), "JSON": judge(true, "", "", "--json"),
	} {
		assert.Contains(t, said, "regression", name)
		assert.NotContains(t, said, "\x1b", name)
	}
	assert.Empty(t, judge(true, "", "", "-o", "verdict.txt"))
	text, err := os.ReadFile("verdict.txt")
	require.NoError(t, err)
	assert.Contains(t, string(text), "regression")
	assert.NotContains(t, string(text), "\x1b", "--output")
}
