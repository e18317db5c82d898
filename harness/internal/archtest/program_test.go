package archtest

import (
	"go/ast"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The program's bounds: its files are verbs, thin ones.
const (
	program       = "cmd/bench"
	mostOfAFile   = 200
	mostOfProgram = 4500
)

// programImports is what verbs leave to others: computing, formats and other programs.
var programImports = Rule{From: program, Deny: []string{
	"harness/stats", "harness/wire", "harness/derive", "harness/metrickit", "harness/power",
	"archive/zip", "os/exec", "encoding/csv", "encoding/xml", "github.com/parquet-go/parquet-go", "howett.net/plist",
}, Reason: "a verb turns flags into options, makes one call and prints; what it needs of this belongs into a package below"}

// TestProgramIsThin: what grows in a verb is logic that belongs into a package.
func TestProgramIsThin(t *testing.T) {
	fail(t, Imports(load(t), []Rule{programImports}))
	sum := 0
	for _, f := range load(t) {
		if f.Dir != program || f.Test {
			continue
		}
		lines := f.Set.File(f.AST.Pos()).LineCount()
		sum += lines
		assert.LessOrEqual(t, lines, mostOfAFile, "lines of %s/%s", f.Dir, f.Name)
	}
	assert.LessOrEqual(t, sum, mostOfProgram, "lines of %s", program)
}

// TestErrorsArePrintedInOnePlace: what is no error goes to the notices, which --quiet silences.
func TestErrorsArePrintedInOnePlace(t *testing.T) {
	printers := map[string]bool{"command.go": true, "root.go": true, "env.go": true}
	for _, f := range load(t) {
		if f.Dir != program || f.Test || printers[f.Name] {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				assert.NotEqual(t, "Stderr", s.Sel.Name, "%s: notices go to env.Notices, errors through fail", f.Set.Position(s.Pos()))
			}
			return true
		})
	}
}
