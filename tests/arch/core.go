package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strings"
)

// core is the packages that touch no network, no clock and no goroutine: their state is
// a function of what they are given, so any run can be repeated.
var core = []string{"pkg/kpi", "pkg/sla", "pkg/window", "pkg/period", "pkg/compare", "pkg/scorecard", "pkg/engine"}

// coreForbidden is what of the standard library the core may not import, and why.
var coreForbidden = map[string]string{
	"net":          "it touches no network",
	"os":           "it touches no files, no environment, no process",
	"syscall":      "it touches no system",
	"io/ioutil":    "it touches no files",
	"log":          "it reports by what it returns",
	"sync":         "one goroutine owns it",
	"context":      "it waits for nothing, so nothing has to be broken off",
	"math/rand":    "the same events give the same state",
	"math/rand/v2": "the same events give the same state",
	"crypto/rand":  "the same events give the same state",
}

// clocks is what of package time reads a clock or waits for one.
var clocks = map[string]bool{
	"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true, "Tick": true,
	"NewTimer": true, "NewTicker": true, "Sleep": true, "Local": true,
}

// PureCore checks that the core is a function of its arguments.
func PureCore(t *Tree) (broken []string) {
	for _, dir := range core {
		p := t.Packages[dir]
		if p == nil {
			continue
		}
		for _, f := range p.Files {
			if !f.Test {
				broken = append(broken, impurities(f)...)
			}
		}
	}
	return broken
}

func impurities(f *File) (broken []string) {
	report := func(n ast.Node, what string) { broken = append(broken, f.at(n)+": "+what) }
	for imported, spec := range f.imports() {
		for forbidden, why := range coreForbidden {
			if imported == forbidden || strings.HasPrefix(imported, forbidden+"/") {
				report(spec, fmt.Sprintf("the core may not import %s: %s", imported, why))
				break
			}
		}
	}
	clock := nameOf(f, "time")
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "the core starts no goroutine")
		case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
			report(n, "the core has no channels")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				report(n, "the core has no channels")
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && clocks[n.Sel.Name] {
				report(n, "time is an argument: the core may not use time."+n.Sel.Name)
			}
		}
		return true
	})
	return broken
}

// nameOf is the name under which a file knows an import; "" where it has it not.
func nameOf(f *File, imported string) string {
	spec := f.imports()[imported]
	switch {
	case spec == nil:
		return ""
	case spec.Name != nil:
		return spec.Name.Name
	default:
		return path.Base(imported)
	}
}
