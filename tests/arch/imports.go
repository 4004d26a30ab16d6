package arch

import (
	"fmt"
	"slices"
	"strings"
)

// allowance is what a package may import of this repository and from outside.
type allowance struct {
	own     []string
	outside []string // prefixes; the standard library is always allowed, but see coreForbidden
	why     string
}

const protobuf = "google.golang.org/protobuf/"

// allowances is the table of DESIGN §1, for the packages that are strict about it.
var allowances = map[string]allowance{
	"pkg/window": {nil, nil, "the mathematics stands alone: it can be proven and reused without anything else"},
	"pkg/sla": {
		nil,
		[]string{"cel.dev/", "github.com/rickar/cal/v2", "github.com/teambition/rrule-go"},
		"calendars and clocks know nothing of events",
	},
	"pkg/kpi": {
		[]string{"proto", "pkg/window"},
		[]string{protobuf, "github.com/goccy/go-yaml", "cel.dev/", "golang.org/x/text/unicode/norm"},
		"the nouns are what everything else imports; what they import, everything imports",
	},
	"pkg/period":    {[]string{"pkg/kpi"}, nil, "a calendar is arithmetic on days"},
	"pkg/compare":   {[]string{"pkg/kpi", "pkg/period"}, nil, "a change needs two values and a calendar, not where they come from"},
	"pkg/scorecard": {[]string{"pkg/kpi", "pkg/process"}, nil, "a score needs readings, not where they come from"},
	"pkg/engine": {
		[]string{"pkg/kpi", "pkg/period", "pkg/sla", "pkg/window"},
		[]string{"github.com/cespare/xxhash/v2"},
		"the state of a partition is a function of events and configuration, of nothing else",
	},
	"pkg/input":      {[]string{"proto", "pkg/kpi"}, nil, "the way in knows events, not what becomes of them"},
	"pkg/checkpoint": {nil, nil, "a snapshot is bytes and a position to it"},
	"pkg/output":     {[]string{"proto", "pkg/kpi", "pkg/window"}, nil, "the way out knows readings and rows, not where they come from"},
	"pkg/process":    {nil, nil, "no KPI logic in what every role needs"},
}

// anyOutside is for the edges: what they import from outside is their own business.
var anyOutside = map[string]bool{"pkg/input": true, "pkg/checkpoint": true, "pkg/output": true, "pkg/process": true}

// ImportsOfCore checks the allowances; tests are free.
func ImportsOfCore(t *Tree) (broken []string) {
	for dir, p := range t.Packages {
		a, strict := allowances[dir]
		if !strict {
			continue
		}
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for imported, spec := range f.imports() {
				switch {
				case own(imported) && !inAny(imported, a.own),
					!own(imported) && !standard(imported) && !anyOutside[dir] && !hasPrefix(imported, a.outside):
					broken = append(broken, fmt.Sprintf("%s: %s may not import %s: %s", f.at(spec), dir, imported, a.why))
				}
			}
		}
	}
	return broken
}

// ImportsOfLayers checks who may import whom between the folders at the top.
func ImportsOfLayers(t *Tree) (broken []string) {
	for dir, p := range t.Packages {
		for _, f := range p.Files {
			for imported, spec := range f.imports() {
				if why := layerBroken(dir, imported, f.Test); why != "" {
					broken = append(broken, fmt.Sprintf("%s: %s may not import %s: %s", f.at(spec), dir, imported, why))
				}
			}
		}
	}
	return broken
}

// layerBroken says which rule an import breaks, "" for none.
func layerBroken(dir, imported string, test bool) string {
	from, to := strings.Split(dir, "/"), strings.Split(imported, "/")
	switch {
	case !own(imported) || from[0] == "tests":
		return ""
	case to[0] == "tests":
		return "only tests import tests"
	case from[0] == "proto":
		return "the contract stands alone, for publishers compile against it"
	case from[0] == "pkg" && to[0] == "services":
		return "libraries do not know the programs that use them"
	case to[0] != "services" || from[0] != "services" || dir == "services":
		return ""
	case len(to) == 1:
		return "package main is nobody's library"
	case from[1] == to[1]:
		return ""
	case to[1] == "embedded" && test:
		return ""
	case to[1] == "embedded":
		return "the embedded servers are started by main, and by tests"
	default:
		return "a service never imports a service; only main introduces them to each other"
	}
}

// standard reports whether an import is of the standard library: no dot in its host.
func standard(imported string) bool {
	host, _, _ := strings.Cut(imported, "/")
	return !own(imported) && !strings.Contains(host, ".")
}

func inAny(imported string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		return imported == dir || strings.HasPrefix(imported, dir+"/")
	})
}

func hasPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
