package archtest

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestMetricsAreSpelledOnce: a metric's name is spelled where package harness declares it, and elsewhere in Go only as its
// constant. A column of the field's own name (a JSON tag, a label like "perplexity") is no spelling of it.
func TestMetricsAreSpelledOnce(t *testing.T) {
	names := map[string]bool{}
	for _, m := range harness.Metrics() {
		names[m.Name] = m.Name != m.Label
	}
	for _, f := range load(t) {
		if f.Test || f.Dir == "harness" {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // its tag is a format's own
				return n.Tag == nil
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && names[text] {
					t.Errorf("%s: %q has a constant in package harness", f.Set.Position(n.Pos()), text)
				}
			}
			return true
		})
	}
}

// TestMetricsThatTheAppSendsAreSpelledOnce: on the phone, a metric that the app sends itself is named in one place.
func TestMetricsThatTheAppSendsAreSpelledOnce(t *testing.T) {
	root := filepath.Join("..", "..", "..", "runtime", "Sources", "BenchmarkKit")
	var sources strings.Builder
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".swift" {
			return err
		}
		text, err := os.ReadFile(path)
		sources.Write(text)
		return err
	}))
	names := []string{harness.Footprint, harness.LedgerPeak, harness.Available, harness.Neural}
	for _, m := range harness.Metrics() {
		if m.Sent {
			names = append(names, m.Name)
		}
	}
	for _, name := range names {
		assert.Equal(t, 1, strings.Count(sources.String(), `"`+name+`"`), name)
	}
}
