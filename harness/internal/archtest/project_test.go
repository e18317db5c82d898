package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// project is a path below the repository's folder.
func project(parts ...string) string {
	return filepath.Join(append([]string{"..", "..", ".."}, parts...)...)
}

// TestActionsArePinned: a tag of an action can be moved to other code, a commit cannot. The comment says its version.
func TestActionsArePinned(t *testing.T) {
	workflows, err := filepath.Glob(project(".github", "workflows", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, workflows)
	pinned := regexp.MustCompile(`uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	for _, path := range workflows {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for n, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, "uses: ") && !strings.Contains(line, "uses: ./") {
				assert.Regexp(t, pinned, line, "%s:%d", filepath.Base(path), n+1)
			}
		}
	}
}

// TestWorkstreams: each workstream of CONTRIBUTING.md has folders that exist and one issue template with its label.
func TestWorkstreams(t *testing.T) {
	const count = 11
	text, err := os.ReadFile(project("CONTRIBUTING.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| (WS-\d+) \| ([^|]+) \| ([^|]+) \|`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, count)

	templates := templatesByLabel(t)
	assert.Len(t, templates, count)
	for i, row := range rows {
		label, name, folders := row[1], row[2], row[3]
		assert.Equal(t, fmt.Sprintf("WS-%d", i+1), label)
		assert.Equal(t, []string{label + " " + name}, templates[label], "issue templates labelled %s", label)
		for _, folder := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(folders, -1) {
			assert.DirExists(t, project(filepath.FromSlash(folder[1])), "%s in CONTRIBUTING.md", label)
		}
	}
}

// templatesByLabel has the names of the issue templates with each label.
func templatesByLabel(t *testing.T) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob(project(".github", "ISSUE_TEMPLATE", "ws-*.yml"))
	require.NoError(t, err)
	names := map[string][]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var template struct {
			Name   string
			Labels []string
		}
		require.NoError(t, yaml.Unmarshal(text, &template), path)
		for _, label := range template.Labels {
			names[label] = append(names[label], template.Name)
		}
	}
	return names
}

// TestDependencies: the table of README.md has every module that go.mod requires directly, and no other.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile(project("go.mod"))
	require.NoError(t, err)
	var required []string
	for _, match := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(text), -1) {
		required = append(required, match[1])
	}
	require.NotEmpty(t, required)
	readme, err := os.ReadFile(project("README.md"))
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(readme), "## Dependencies\n")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(table, -1) {
		listed = append(listed, quoted(row[1])...)
	}
	assert.ElementsMatch(t, required, listed)
}

// quoted are the parts of a text between backquotes.
func quoted(text string) []string {
	var out []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		out = append(out, match[1])
	}
	return out
}
