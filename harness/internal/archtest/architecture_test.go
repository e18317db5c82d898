package archtest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestArchitecture checks ARCHITECTURE.md against the code: its tree names every package below harness and runners, its
// import table has every import between own packages, and what it names is there.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile(project("ARCHITECTURE.md"))
	require.NoError(t, err)
	_, tree, _ := strings.Cut(string(text), "## The tree")
	tree, _, _ = strings.Cut(tree, "\n## ")
	_, table, found := strings.Cut(string(text), "## Who may import whom")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")

	named := slices.DeleteFunc(quoted(tree), func(folder string) bool { return folder == "harness" }) // it names each of its own
	allowed := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\| ([^|]+) \\|").FindAllStringSubmatch(table, -1) {
		for _, from := range quoted(row[1]) {
			assert.DirExists(t, project(filepath.FromSlash(from)), "in the import table")
			allowed[from] = quoted(row[2])
		}
	}
	for _, f := range load(t) {
		dir := rowOf(f.Dir)
		if f.Test || dir == "" || f.Dir == "harness" {
			continue
		}
		above := func(folder string) bool { return under(f.Dir, folder) }
		assert.True(t, slices.ContainsFunc(named, above), "the tree of ARCHITECTURE.md does not name %s", f.Dir)
		to, listed := allowed[dir]
		assert.True(t, listed, "the import table of ARCHITECTURE.md has no row for %s", dir)
		for _, spec := range f.AST.Imports {
			own, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), Module+"/")
			if ok && rowOf(own) != dir {
				assert.Contains(t, to, rowOf(own), "the import table of ARCHITECTURE.md lacks an import of %s/%s", f.Dir, f.Name)
			}
		}
	}
}

// rowOf is the row of the import table that a package belongs to; "": it has none, as the program, tests' own packages and
// folders that are no part of the harness.
func rowOf(dir string) string {
	parts := strings.Split(dir, "/")
	switch {
	case parts[0] == "runners", parts[0] == "reports", parts[0] == "virtualiphone", dir == "harness":
		return parts[0]
	case parts[0] == "harness" && parts[1] != "internal":
		return path.Join(parts[:2]...)
	}
	return ""
}
