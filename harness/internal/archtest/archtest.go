// Package archtest reads the repository's Go files and reports where they break the design's rules: who may import
// whom, that every package says what it is, and that clocks, exits and sleeps stay at the rim. It has no API beyond
// what its own test uses.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Module is the module path that own imports begin with.
const Module = "github.com/lilims/bench"

// File is one parsed Go file: its folder relative to the repository, with slashes.
type File struct {
	Dir, Name string
	Test      bool
	AST       *ast.File
	Set       *token.FileSet
}

// Load parses every Go file below root, but none in folders that Go itself ignores.
func Load(root string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		files = append(files, File{filepath.ToSlash(dir), name, strings.HasSuffix(name, "_test.go"), parsed, set})
		return nil
	})
	return files, err
}

// Imports breaks the import rules: each breach as one line with its reason.
func Imports(files []File, rules []Rule) []string {
	var out []string
	for _, f := range files {
		if f.Test {
			continue // tests may bring a virtual iPhone or a simulated device to the package under test
		}
		for _, spec := range f.AST.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			for _, r := range rules {
				if reason := r.breach(f.Dir, path); reason != "" {
					out = append(out, fmt.Sprintf("%s/%s imports %s: %s", f.Dir, f.Name, path, reason))
				}
			}
		}
	}
	return out
}

// Rule holds for the packages at or below From.
type Rule struct {
	From    string   // folder, "" for all
	Except  []string // folders at or below which it does not hold
	Deny    []string // import paths at or below which imports are denied; own packages without the module prefix
	Allow   []string // own packages allowed all the same, exact
	OnlyOwn bool     // if set, Deny is ignored: of own packages only those below From and Allow may be imported
	Only    []string // if set, Deny is ignored: beyond the standard library, only what lies at or below these may be imported
	Reason  string
}

func (r Rule) breach(dir, imported string) string {
	if !under(dir, r.From) {
		return ""
	}
	for _, e := range r.Except {
		if under(dir, e) {
			return ""
		}
	}
	own, isOwn := strings.CutPrefix(imported, Module+"/")
	if r.Only != nil {
		return r.beyond(imported)
	}
	if r.OnlyOwn {
		if !isOwn || under(own, dir) || r.From != "" && under(own, r.From) {
			return ""
		}
		for _, a := range r.Allow {
			if own == a {
				return ""
			}
		}
		return r.Reason
	}
	target := imported
	if isOwn {
		target = own
	}
	for _, a := range r.Allow {
		if target == a {
			return ""
		}
	}
	for _, d := range r.Deny {
		if under(target, d) {
			return r.Reason
		}
	}
	return ""
}

// beyond is the reason against an import that lies outside Only; the standard library's paths begin without a dot.
func (r Rule) beyond(imported string) string {
	first, _, _ := strings.Cut(imported, "/")
	target := strings.TrimPrefix(imported, Module+"/")
	if !strings.Contains(first, ".") || exempt(target, r.Only) {
		return ""
	}
	return r.Reason
}

// under reports whether path is folder or lies below it; everything lies below "".
func under(path, folder string) bool {
	return folder == "" || path == folder || strings.HasPrefix(path, folder+"/")
}

// Calls lists calls of the named functions ("time.Now") outside tests in folders at or below from, except some.
func Calls(files []File, from string, except []string, banned map[string]string) []string {
	var out []string
	for _, f := range files {
		if f.Test || !under(f.Dir, from) || exempt(f.Dir, except) {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil { // a local variable of the same name is not the package
				return true
			}
			if reason, ok := banned[pkg.Name+"."+sel.Sel.Name]; ok {
				out = append(out, fmt.Sprintf("%s: %s.%s: %s", f.Set.Position(call.Pos()), pkg.Name, sel.Sel.Name, reason))
			}
			return true
		})
	}
	return out
}

func exempt(dir string, except []string) bool {
	for _, e := range except {
		if under(dir, e) {
			return true
		}
	}
	return false
}

// Undocumented lists the packages in which no file has a package comment.
func Undocumented(files []File) []string {
	documented := map[string]bool{}
	for _, f := range files {
		if f.Test {
			continue
		}
		documented[f.Dir] = documented[f.Dir] || f.AST.Doc != nil
	}
	var out []string
	for dir, ok := range documented {
		if !ok {
			out = append(out, dir)
		}
	}
	return out
}

// Glossary compares the package comment of the package in dir with its exported types, tests left aside: missing are the
// types that the comment does not link to, unknown the links to what is no exported type of the package.
func Glossary(files []File, dir string) (missing, unknown []string) {
	types, links := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		if f.Dir != dir || f.Test {
			continue
		}
		for _, link := range docLink.FindAllStringSubmatch(f.AST.Doc.Text(), -1) {
			links[link[1]] = true
		}
		for _, d := range f.AST.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, s := range gen.Specs {
				if name := s.(*ast.TypeSpec).Name; name.IsExported() {
					types[name.Name] = true
				}
			}
		}
	}
	return without(types, links), without(links, types)
}

// docLink is a link of a comment to a name of the comment's own package.
var docLink = regexp.MustCompile(`\[([A-Z]\w*)\]`)

// without are the names that others does not have, sorted.
func without(names, others map[string]bool) []string {
	var out []string
	for name := range names {
		if !others[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
