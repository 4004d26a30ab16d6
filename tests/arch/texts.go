package arch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)`)
	fence    = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	heading  = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*$`)
	code     = regexp.MustCompile("`[^`\n]+`")
	makeLine = regexp.MustCompile(`(?m)^\s*(?:[$#] )?make[ \t]+([^#\n]+)`)
	target   = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	aTarget  = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// Links checks that what a page links to inside the repository is there: files, folders
// and headings.
func Links(t *Tree) (broken []string) {
	for name, text := range t.Texts {
		if path.Ext(name) != ".md" {
			continue
		}
		prose := code.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, fragment, _ := strings.Cut(m[1], "#")
			to := name
			if file != "" {
				to = path.Join(path.Dir(name), file)
			}
			switch {
			case !t.paths[to]:
				broken = append(broken, fmt.Sprintf("%s: link to %s: there is no %s", name, m[1], to))
			case fragment != "" && path.Ext(to) == ".md" && !hasAnchor(t.Texts[to], fragment):
				broken = append(broken, fmt.Sprintf("%s: link to %s: %s has no such heading", name, m[1], to))
			}
		}
	}
	return broken
}

func hasAnchor(text, fragment string) bool {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		if anchor(m[1]) == fragment {
			return true
		}
	}
	return false
}

// anchor is the fragment that code hosts give a heading.
func anchor(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}

// Commands checks that the make targets that pages name exist.
func Commands(t *Tree) (broken []string) {
	targets := map[string]bool{}
	for _, m := range target.FindAllStringSubmatch(t.Texts["Makefile"], -1) {
		targets[m[1]] = true
	}
	for name, text := range t.Texts {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, used := range madeIn(text) {
			if !targets[used] {
				broken = append(broken, fmt.Sprintf("%s: make %s: the Makefile has no such target", name, used))
			}
		}
	}
	return broken
}

// madeIn lists the targets in the blocks and spans of code of a page.
func madeIn(text string) (targets []string) {
	pieces := fence.FindAllString(text, -1)
	for _, span := range code.FindAllString(fence.ReplaceAllString(text, ""), -1) {
		pieces = append(pieces, strings.Trim(span, "`"))
	}
	for _, piece := range pieces {
		for _, m := range makeLine.FindAllStringSubmatch(piece, -1) {
			for _, word := range strings.Fields(m[1]) {
				if !aTarget.MatchString(word) {
					break // a variable, or the shell goes on
				}
				targets = append(targets, word)
			}
		}
	}
	return targets
}
