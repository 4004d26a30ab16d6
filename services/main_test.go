package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// call runs deskpulse in this process.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"version", exitOK, "deskpulse ", ""},
		{"--help", exitOK, "run --simulate 20", ""},
		{"kpi list --help", exitOK, "deskpulse kpi list --lang zh", ""},
		{"kpi list --lang de", exitUsage, "", `--lang must be one of "en","zh","fa"`},
		{"kpi lits", exitUsage, "", "See: deskpulse kpi --help"},
		{"", exitUsage, "", "See: deskpulse --help"},
		{"dlq list --reason invld", exitUsage, "", `--reason "invld" is none: give one of malformed, unknown, missing, `},
		{"dlq retry --reason invld", exitUsage, "", `--reason "invld"`},
		{"dlq list --help", exitOK, "malformed, unknown, missing, ", ""},
		{"simulate --rate 2000000", exitUsage, "", "--rate 2000000: give more than 0 and at most 1000000 events a second"},
		{"simulate --rate NaN", exitUsage, "", "--rate NaN"},
		{"simulate --partitions 0", exitUsage, "", "--partitions 0: give 1 to 1024"},
		{"simulate --pace 0.5", exitUsage, "", "--pace 0.5: give"},
		{"simulate --history=-1s", exitUsage, "", "--history -1s"},
		{"simulate --duration 0s --until 2016-04-01", exitUsage, "", `--until: "2016-04-01" is no time: write it as 2016-04-01T00:00:30Z`},
		{"run --at 2016-04-01", exitUsage, "", `--at: "2016-04-01" is no time`},
		{"worker --at 2016-04-01", exitUsage, "", `--at: "2016-04-01" is no time`},
		{"replay --offline --at 2016-04-01 main.go", exitUsage, "", `--at: "2016-04-01" is no time`},
		{"run --simulate=-1", exitUsage, "", "--simulate -1: give more than 0"},
		{"run --simulate 2000000", exitUsage, "", "--simulate 2000000: give"},
		{"run --partitions 0", exitUsage, "", "--partitions 0: give 1 to 1024"},
		{"worker --partitions 1025", exitUsage, "", "--partitions 1025: give 1 to 1024"},
		{"version --log-level loud", exitUsage, "", "--log-level"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := call(t, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit %d, want %d\nstdout %q, want %q\nstderr %q, want %q", code, c.code, stdout, c.stdout, stderr, c.stderr)
			}
		})
	}
}

// Every command and every group of commands teaches: it has a line of help and examples.
func TestEveryCommandHasHelpAndExamples(t *testing.T) {
	var c commands
	parser := newParser(&c, &bytes.Buffer{}, &bytes.Buffer{})
	nodes := parser.Model.Leaves(true)
	for _, child := range parser.Model.Children {
		if !child.Leaf() {
			nodes = append(nodes, child)
		}
	}
	for _, node := range nodes {
		if node.Help == "" {
			t.Errorf("%s has no help", node.FullPath())
		}
		if _, examples, _ := strings.Cut(node.Detail, "Examples"); !strings.Contains(examples, node.FullPath()) {
			t.Errorf("%s: its Help() shows no example of it", node.FullPath())
		}
		for _, flag := range node.Flags {
			if flag.Help == "" {
				t.Errorf("%s --%s has no help", node.FullPath(), flag.Name)
			}
		}
	}
}

func TestKPIList(t *testing.T) {
	_, plain, _ := call(t, "kpi", "list", "--lang", "zh")
	for _, want := range []string{"response_time", "工单逾期率", "重复报障率"} {
		if !strings.Contains(plain, want) {
			t.Errorf("%q is not in\n%s", want, plain)
		}
	}
	_, out, _ := call(t, "kpi", "list", "--json", "--lang", "fa")
	var list []kpiJSON
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(k kpiJSON) bool { return k.Key == "overdue_ratio" })
	if i < 0 || list[i].Unit != "ratio" || list[i].Better != "lower" || list[i].Description == "" || !strings.Contains(list[i].Name, "سررسید") {
		t.Errorf("overdue_ratio is not as in the catalogue: %s", out)
	}
}

func TestKPIExplain(t *testing.T) {
	code, out, _ := call(t, "kpi", "explain", "satisfied_customer_ratio", "--lang", "fa")
	for _, want := range []string{
		"درصد مشتریان راضی (satisfied_customer_ratio)\n",
		"  windows: 24h, 7d, 30d\n",
		"satisfied_from = 80\n",
		"respondents_satisfied: per_window\n    of respondent, count satisfied\n",
		"Events\n  survey\n",
		"deskpulse_satisfied_customer_ratio\n",
		"SELECT * FROM kpi_satisfied_customer_ratio(tenant = 'acme', by = 'team', at = toStartOfMinute(now()), window = '24h')\n",
	} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d: %q is not in\n%s", code, want, out)
		}
	}
	if code, out, _ := call(t, "kpi", "explain", "overdue_ratio", "--sql"); code != exitOK || !strings.HasPrefix(out, "CREATE VIEW deskpulse.kpi_overdue_ratio AS\n") || !strings.Contains(out, "'tickets_overdue'") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, _, stderr := call(t, "kpi", "explain", "mood"); code != exitFailure || !strings.Contains(stderr, `kpi "mood" is not in the catalogue: see deskpulse kpi list`) {
		t.Errorf("an unknown key: exit %d, %q", code, stderr)
	}
}

// A configuration's own KPIs and options are explained as they hold there.
func TestKPIExplainWithAConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deskpulse.yaml")
	if err := os.WriteFile(file, []byte("options: {satisfied_from: 75}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := call(t, "kpi", "explain", "satisfied_customer_ratio", "--config", file); code != exitOK || !strings.Contains(out, "satisfied_from = 75\n") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestCataloguePagesAreFresh(t *testing.T) {
	for lang, file := range map[string]string{"en": "catalogue.md", "zh": "catalogue.zh.md", "fa": "catalogue.fa.md"} {
		want, err := os.ReadFile(filepath.Join("..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		if code, out, stderr := call(t, "kpi", "docs", "--lang", lang); code != exitOK || out != string(want) {
			t.Errorf("exit %d, %s\ndocs/%s is stale: deskpulse kpi docs --lang %s > docs/%[3]s", code, stderr, file, lang)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deskpulse.yaml")
	for _, c := range []struct {
		text           string
		code           int
		stdout, stderr string
	}{
		{"windows: [1h, 24h]\nsla:\n  resolution: {high: 2h}\n", exitOK, file + " is right: 2 windows, 6 breakdowns, 0 calendars, 0 policies beside sla, ", ""},
		{"calendars:\n  a: {zone: UTC, hours: {monday-friday: 09:00-17:00}}\npolicies:\n  - {name: p, calendar: a}\n", exitOK, file + " is right: 9 windows, 6 breakdowns, 1 calendars, 1 policies beside sla, ", ""},
		{"breakdowns: [agent]\n", exitOK, "warning: " + file + ": breakdowns: team is missing", ""},
		{"sla:\n  resolution:\n    high: soon\n", exitFailure, "", "deskpulse: " + file + ":3:11: sla.resolution.high: \"soon\" is no positive duration in whole milliseconds: write it as in 8h, 90m or 72h\n"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "config", "check", file)
		if code != c.code || !strings.HasPrefix(stdout, c.stdout) || stderr != c.stderr {
			t.Errorf("%q: exit %d, want %d\nstdout %q, want %q\nstderr %q, want %q", c.text, code, c.code, stdout, c.stdout, stderr, c.stderr)
		}
	}
	if code, _, stderr := call(t, "config", "check", file+".none"); code != exitUsage || !strings.Contains(stderr, "deskpulse.yaml.none") {
		t.Errorf("a file that is missing: exit %d, stderr %q", code, stderr)
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		words string
		want  []string
	}{
		{"kp", []string{"kpi"}},
		{"kpi ", []string{"docs", "explain", "list"}},
		{"kpi list --l", []string{"--lang", "--log-format", "--log-level"}},
		{"kpi list --lang ", []string{"en", "zh", "fa"}},
		{"--log-level warn kpi l", []string{"list"}},
		{"completion ", []string{"bash", "zsh", "fish"}},
		{"__c", nil},
	} {
		var cli commands
		parser := newParser(&cli, &bytes.Buffer{}, &bytes.Buffer{})
		var got []string
		for _, candidate := range complete(parser.Model.Node, strings.Split(c.words, " ")) {
			name, _, _ := strings.Cut(candidate, "\t")
			got = append(got, name)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%q completes to %q, want %q", c.words, got, c.want)
		}
	}
}

func TestCompleteThroughTheCommandLine(t *testing.T) {
	code, stdout, stderr := call(t, "__complete", "kpi", "list", "--js")
	if code != exitOK || !strings.HasPrefix(stdout, "--json\t") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestCompletionScriptsParse(t *testing.T) {
	for shell := range completionScripts {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed: its script is not checked", shell)
			continue
		}
		_, script, _ := call(t, "completion", shell)
		cmd := exec.CommandContext(t.Context(), path, "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil || script == "" {
			t.Errorf("%s refuses the script: %v\n%s", shell, err, out)
		}
	}
}

// The tags are data: kong checks them when it builds the parser, and panics.
func TestGrammar(t *testing.T) {
	if _, err := kong.New(&commands{}); err != nil {
		t.Fatal(err)
	}
}
