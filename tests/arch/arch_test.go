package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

type rule struct {
	name  string
	check func(*Tree) []string
	// Small trees: path and content. Each of breaks breaks the rule, and the complaint
	// contains the string; keeps do not.
	breaks []example
	keeps  []map[string]string
}

type example struct {
	files map[string]string
	says  string
}

const here = `"github.com/deskpulse/deskpulse/`

func goFile(name, imports string) string {
	return "package " + name + "\nimport (\n" + imports + "\n)\n"
}

var rules = []rule{
	{
		"imports of the core and of the edges", ImportsOfCore,
		[]example{
			{map[string]string{"pkg/engine/e.go": goFile("engine", here+`pkg/input"`)}, "pkg/engine may not import pkg/input"},
			{map[string]string{"pkg/engine/e.go": goFile("engine", here+`pkg/output"`)}, "pkg/engine may not import pkg/output"},
			{map[string]string{"pkg/engine/e.go": goFile("engine", here+`pkg/checkpoint"`)}, "pkg/engine may not import pkg/checkpoint"},
			{map[string]string{"pkg/input/i.go": goFile("input", here+`pkg/engine"`)}, "pkg/input may not import pkg/engine"},
			{map[string]string{"pkg/input/i.go": goFile("input", here+`pkg/output"`)}, "pkg/input may not import pkg/output"},
			{map[string]string{"pkg/output/o.go": goFile("output", here+`pkg/engine"`)}, "pkg/output may not import pkg/engine"},
			{map[string]string{"pkg/checkpoint/c.go": goFile("checkpoint", here+`pkg/engine"`)}, "pkg/checkpoint may not import pkg/engine"},
			{map[string]string{"pkg/window/w.go": goFile("window", here+`pkg/kpi"`)}, "pkg/window may not import pkg/kpi"},
			{map[string]string{"pkg/window/w.go": goFile("window", `"github.com/cespare/xxhash/v2"`)}, "may not import github.com"},
			{map[string]string{"pkg/sla/s.go": goFile("sla", here+`pkg/window"`)}, "pkg/sla may not import pkg/window"},
			{map[string]string{"pkg/period/p.go": goFile("period", here+`pkg/engine"`)}, "pkg/period may not import pkg/engine"},
			{map[string]string{"pkg/compare/c.go": goFile("compare", here+`pkg/output"`)}, "pkg/compare may not import pkg/output"},
			{map[string]string{"pkg/scorecard/s.go": goFile("scorecard", here+`pkg/config"`)}, "pkg/scorecard may not import pkg/config"},
			{map[string]string{"pkg/engine/e.go": goFile("engine", `"go.uber.org/zap"`)}, "may not import go.uber.org/zap"},
			{map[string]string{"pkg/process/p.go": goFile("process", here+`pkg/kpi"`)}, "pkg/process may not import pkg/kpi"},
		},
		[]map[string]string{
			{"pkg/engine/e.go": goFile("engine", here+`pkg/kpi"`+"\n"+here+`pkg/sla"`+"\n"+`"slices"`+"\n"+`"github.com/cespare/xxhash/v2"`)},
			{"pkg/engine/e_test.go": goFile("engine", here+`pkg/output"`+"\n"+`"github.com/google/go-cmp/cmp"`)},
			{"pkg/kpi/k.go": goFile("kpi", here+`proto/deskpulse/v1"`+"\n"+`"google.golang.org/protobuf/proto"`)},
			{"services/worker/w.go": goFile("worker", here+`pkg/output"`+"\n"+here+`pkg/input"`)},
		},
	},
	{
		"imports between the layers", ImportsOfLayers,
		[]example{
			{map[string]string{"pkg/config/c.go": goFile("config", here+`services/worker"`)}, "libraries do not know"},
			{map[string]string{"pkg/config/c_test.go": goFile("config", here+`services/worker"`)}, "libraries do not know"},
			{map[string]string{"services/board/b.go": goFile("board", here+`services/worker"`)}, "a service never imports a service"},
			{map[string]string{"services/board/b_test.go": goFile("board", here+`services/worker"`)}, "a service never imports a service"},
			{map[string]string{"services/worker/w.go": goFile("worker", here+`services/embedded/chdb"`)}, "started by main"},
			{map[string]string{"services/worker/w.go": goFile("worker", here+`services"`)}, "nobody's library"},
			{map[string]string{"services/w.go": goFile("main", here+`tests/arch"`)}, "only tests import tests"},
			{map[string]string{"proto/deskpulse/v1/x.go": goFile("v1", here+`pkg/kpi"`)}, "the contract stands alone"},
		},
		[]map[string]string{
			{"services/main.go": goFile("main", here+`services/worker"`+"\n"+here+`services/embedded/chdb"`)},
			{"services/worker/w_test.go": goFile("worker", here+`services/embedded/chdb"`)},
			{"services/replay/r.go": goFile("replay", here+`services/replay/mapping"`)},
			{"tests/e2e/e.go": goFile("e2e", here+`services/embedded/natsd"`)},
		},
	},
	{
		"no clock, goroutine, channel or I/O in the core", PureCore,
		[]example{
			{core1("import \"time\"\nfunc f() { _ = time.Now() }"), "time.Now"},
			{core1("import t \"time\"\nfunc f() { <-t.After(1) }"), "time.After"},
			{core1("import \"time\"\nvar f = time.Since"), "time.Since"},
			{core1("import \"time\"\nvar f = time.NewTimer"), "time.NewTimer"},
			{core1("import \"time\"\nvar f = time.Tick"), "time.Tick"},
			{core1("func f() { go f() }"), "no goroutine"},
			{core1("type c chan int"), "no channels"},
			{core1("func f(c interface{}) { select {} }"), "no channels"},
			{core1("import \"net/http\"\nvar f = http.Get"), "may not import net/http"},
			{core1("import \"os\"\nvar f = os.Open"), "may not import os"},
			{core1("import \"sync/atomic\"\nvar f atomic.Int64"), "may not import sync/atomic"},
			{core1("import \"math/rand/v2\"\nvar f = rand.Int"), "may not import math/rand/v2"},
		},
		[]map[string]string{
			core1("import \"time\"\nvar d = 5 * time.Second\nfunc f(now time.Time) int64 { return now.Unix() }"),
			{"pkg/engine/e_test.go": "package engine\nimport \"time\"\nfunc f() { go f(); _ = time.Now() }"},
			{"pkg/input/i.go": "package input\nimport \"time\"\nfunc f() { go f(); _ = time.Now() }"},
		},
	},
	{
		"one package doc in each package", PackageDocs,
		[]example{
			{map[string]string{"pkg/a/a.go": "package a"}, "no file has a package doc"},
			{map[string]string{"pkg/a/a.go": "// Package a is.\npackage a", "pkg/a/b.go": "// Package a was.\npackage a"}, "a second package doc"},
			{map[string]string{"pkg/a/a.go": "// About a.\npackage a"}, "begin the package doc with"},
			{map[string]string{"pkg/a/a.go": "package a", "pkg/a/a_test.go": "// Package a is.\npackage a"}, "no reader sees it"},
			{map[string]string{"main.go": "// Package main is.\npackage main"}, "begin the package doc with"},
		},
		[]map[string]string{
			{"pkg/a/a.go": "// Package a is.\npackage a", "pkg/a/b.go": "package a"},
			{"main.go": "// Command x does.\npackage main"},
			{"proto/v1/x.pb.go": "// Code generated by x. DO NOT EDIT.\npackage v1"},
		},
	},
	{
		"names of packages", PackageNames,
		[]example{
			{map[string]string{"pkg/util/a.go": "package util"}, "after what it holds"},
			{map[string]string{"pkg/helpers/a.go": "package things"}, "after what it holds"},
			{map[string]string{"pkg/a/a.go": "package types"}, "after what it holds"},
		},
		[]map[string]string{{"pkg/window/a.go": "package window"}},
	},
	{
		"nothing unfinished", NothingUnfinished,
		[]example{
			{map[string]string{"pkg/a/a.go": "package a\n// TO" + "DO: later"}, "pkg/a/a.go:2"},
			{map[string]string{"docs/a.md": "FIX" + "ME"}, "docs/a.md:1"},
			{map[string]string{"Makefile": "x: # XX" + "X"}, "Makefile:1"},
		},
		[]map[string]string{{"docs/a.md": "mastodons and hackneys"}},
	},
	{
		"links", Links,
		[]example{
			{map[string]string{"README.md": "[x](docs/no.md)"}, "there is no docs/no.md"},
			{map[string]string{"docs/a.md": "[x](../README.md)"}, "there is no README.md"},
			{map[string]string{"README.md": "# A title\n[x](#another)"}, "no such heading"},
			{map[string]string{"README.md": "[x](docs/a.md#b)", "docs/a.md": "# A\n```\n# b\n```"}, "no such heading"},
		},
		[]map[string]string{
			{"README.md": "# A title: one\n[x](#a-title-one) [y](docs/a.md) [z](docs) [w](https://example.com)", "docs/a.md": "[r](../README.md#a-title-one)"},
			{"README.md": "```\n[x](no.md)\n```\nand `[y](no.md)`"},
		},
	},
	{
		"commands in pages", Commands,
		[]example{
			{map[string]string{"Makefile": "run: ## x", "README.md": "```sh\nmake rnu\n```"}, "make rnu"},
			{map[string]string{"Makefile": "run: ## x", "docs/a.md": "say `make walk ARGS=1`"}, "make walk"},
		},
		[]map[string]string{
			{"Makefile": "run: build ## x\nbuild:", "README.md": "make do with\n```sh\nmake run ARGS='--x y' # z\n$ make build\n```\nand `make`, `make run`"},
		},
	},
}

func core1(body string) map[string]string {
	return map[string]string{"pkg/engine/e.go": "package engine\n" + body}
}

func parse(t *testing.T, root fs.FS) *Tree {
	t.Helper()
	tree, err := ParseTree(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestRepositoryKeepsItsRules(t *testing.T) {
	root := repository(t)
	tree := parse(t, os.DirFS(root))
	for _, dir := range []string{"pkg/kpi", "pkg/window", "pkg/engine", "pkg/input", "pkg/output", "services"} {
		if tree.Packages[dir] == nil {
			t.Errorf("%s was not found under %s: the rules were checked on nothing", dir, root)
		}
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			broken := r.check(tree)
			slices.Sort(broken)
			for _, b := range broken {
				t.Error(b)
			}
		})
	}
}

// repository is the folder with go.work above this one.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.work above this folder: run the tests inside the repository")
		}
		dir = filepath.Dir(dir)
	}
}

// A rule that cannot fail checks nothing.
func TestEachRuleCanFail(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, e := range r.breaks {
				broken := r.check(parse(t, mapFS(e.files)))
				if !strings.Contains(strings.Join(broken, "\n"), e.says) || len(broken) == 0 {
					t.Errorf("%v:\nsays %q, want %q", e.files, broken, e.says)
				}
			}
			for _, files := range r.keeps {
				if broken := r.check(parse(t, mapFS(files))); len(broken) != 0 {
					t.Errorf("%v:\nsays %q, want nothing", files, broken)
				}
			}
		})
	}
}

func mapFS(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}
