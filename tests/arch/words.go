package arch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// vague is names of packages that say nothing of what is inside, so that everything
// ends up there.
var vague = map[string]bool{
	"util": true, "utils": true, "common": true, "types": true, "helper": true, "helpers": true,
	"model": true, "models": true, "misc": true, "shared": true, "base": true, "lib": true,
}

// PackageNames checks that packages are called after what they hold.
func PackageNames(t *Tree) (broken []string) {
	for dir, p := range t.Packages {
		if name := p.Files[0].AST.Name.Name; vague[name] || vague[path.Base(dir)] {
			broken = append(broken, fmt.Sprintf("%s: call the package after what it holds", dir))
		}
	}
	return broken
}

// PackageDocs checks that each package says once what it is.
func PackageDocs(t *Tree) (broken []string) {
	for dir, p := range t.Packages {
		var docs []*File
		onlyTests := true
		for _, f := range p.Files {
			onlyTests = onlyTests && f.Test
			if f.AST.Doc != nil {
				docs = append(docs, f)
			}
		}
		switch {
		case len(docs) == 0:
			broken = append(broken, dir+": no file has a package doc: write one in doc.go")
		case len(docs) > 1:
			broken = append(broken, fmt.Sprintf("%s: a second package doc, beside %s: keep one", docs[1].Path, docs[0].Path))
		case docs[0].Test && !onlyTests:
			broken = append(broken, docs[0].Path+": the package doc is in a test, where no reader sees it")
		case !wellBegun(docs[0].AST.Name.Name, docs[0].AST.Doc.Text()):
			broken = append(broken, fmt.Sprintf("%s: begin the package doc with %q", docs[0].Path, "Package "+docs[0].AST.Name.Name))
		}
	}
	return broken
}

func wellBegun(name, doc string) bool {
	if name == "main" {
		return strings.HasPrefix(doc, "Command ")
	}
	return strings.HasPrefix(doc, "Package "+name+" ")
}

// Written in halves, so that this file passes.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

// NothingUnfinished checks that nothing waits for an author: it is done, or an issue.
func NothingUnfinished(t *Tree) (broken []string) {
	for name, text := range t.Texts {
		for i, line := range strings.Split(text, "\n") {
			if word := unfinished.FindString(line); word != "" {
				broken = append(broken, fmt.Sprintf("%s:%d: %s: do it, or file an issue", name, i+1, word))
			}
		}
	}
	return broken
}
