package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Module is the path that all modules of the repository begin with.
const Module = "github.com/deskpulse/deskpulse/"

// Tree is a parsed repository.
type Tree struct {
	Packages map[string]*Package // by folder: "pkg/kpi"
	Texts    map[string]string   // every file of text that is not Go, and Go too, by path
	paths    map[string]bool     // every file and folder
}

// Package is the Go files of a folder. Generated files are left out.
type Package struct {
	Dir   string
	Files []*File
}

// File is one Go file.
type File struct {
	Path string
	Test bool
	AST  *ast.File
	fset *token.FileSet
}

// at says where a node is, for a person: "pkg/kpi/event.go:12".
func (f *File) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", f.Path, f.fset.Position(n.Pos()).Line)
}

// imports lists what the file imports, folders of this repository without Module.
func (f *File) imports() map[string]*ast.ImportSpec {
	out := make(map[string]*ast.ImportSpec, len(f.AST.Imports))
	for _, spec := range f.AST.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			out[strings.TrimPrefix(p, Module)] = spec
		}
	}
	return out
}

// own reports whether an import as imports gives it is of this repository.
func own(imported string) bool {
	top, _, _ := strings.Cut(imported, "/")
	return top == "pkg" || top == "proto" || top == "services" || top == "tests"
}

var textSuffixes = map[string]bool{
	".go": true, ".md": true, ".sh": true, ".yaml": true, ".yml": true, ".proto": true,
	".sql": true, ".js": true, ".css": true, ".html": true, "Makefile": true, "run": true,
}

// ParseTree reads a repository.
func ParseTree(root fs.FS) (*Tree, error) {
	t := &Tree{Packages: map[string]*Package{}, Texts: map[string]string{}, paths: map[string]bool{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && skipped(entry.Name()) {
			return fs.SkipDir
		}
		t.paths[name] = true
		suffix := path.Ext(name)
		if suffix == "" {
			suffix = path.Base(name)
		}
		if entry.IsDir() || !textSuffixes[suffix] {
			return nil
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		t.Texts[name] = string(data)
		if suffix == ".go" {
			return t.addGo(name, data)
		}
		return nil
	})
	return t, err
}

// skipped folders hold nothing that is kept in git, or inputs of tests.
func skipped(dir string) bool {
	return dir == ".git" || dir == ".cache" || dir == "deskpulse-data" || dir == "bin" || dir == "node_modules" || dir == "testdata"
}

func (t *Tree) addGo(name string, data []byte) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, data, parser.ParseComments)
	if err != nil {
		return err
	}
	if ast.IsGenerated(file) {
		return nil
	}
	dir := path.Dir(name)
	if t.Packages[dir] == nil {
		t.Packages[dir] = &Package{Dir: dir}
	}
	t.Packages[dir].Files = append(t.Packages[dir].Files, &File{
		Path: name, Test: strings.HasSuffix(name, "_test.go"), AST: file, fset: fset,
	})
	return nil
}
