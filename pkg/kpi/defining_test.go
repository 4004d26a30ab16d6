package kpi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExamplesCompile compiles the files that docs/defining-kpis.md explains, each by
// itself and all together.
func TestExamplesCompile(t *testing.T) {
	files, err := filepath.Glob("../../docs/examples/kpis-*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d examples, %v: want two or more", len(files), err)
	}
	compileWith(t, files)
	for _, file := range files {
		compileWith(t, []string{file})
	}
}

func compileWith(t *testing.T, files []string) {
	t.Helper()
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Merge(text, file); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Compile(newNames()); err != nil {
		t.Fatal(err)
	}
}

// TestDefiningNamesAll wants all that a definition can name on the page that explains it.
func TestDefiningNamesAll(t *testing.T) {
	text, err := os.ReadFile("../../docs/defining-kpis.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	want := slices.Concat(knownTypes, knownFormulas, knownDirections)
	for _, s := range shapes {
		want = append(want, string(s))
	}
	for thread, counts := range Threads {
		want = append(append(want, thread), counts...)
	}
	for d := range NumDimensions {
		want = append(want, d.String())
	}
	for _, name := range want {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("%s is not on the page", name)
		}
	}
	for name := range uses {
		if name != "" && !strings.Contains(page, "`"+name+"(m)`") {
			t.Errorf("function %s is not on the page", name)
		}
	}
	for _, s := range Schemas {
		_, section, ok := strings.Cut(page, "\n### "+s.Name+"\n")
		section, _, _ = strings.Cut(section, "\n### ")
		if !ok || !strings.Contains(section, "`"+strings.Join(s.AsOf, "`, `")+"`") {
			t.Errorf("%s: no section with its instants", s.Name)
		}
		for _, f := range s.Fields {
			if !strings.Contains(section, "| `"+f.Name+"` |") || !strings.Contains(section, f.Doc+" |") {
				t.Errorf("%s.%s is not on the page as it is in the schema", s.Name, f.Name)
			}
		}
	}
}
