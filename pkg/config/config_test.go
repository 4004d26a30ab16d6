package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// write puts a configuration file into a folder of the test.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deskpulse.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// summary is what an engine's configuration says, in the words of the file.
type summary struct {
	Windows, Breakdowns []string
	Dimensions          string
	Targets             map[string]time.Duration
	Default             time.Duration
	KPIs                bool
}

func summarize(t *testing.T, c *Config) summary {
	t.Helper()
	var cfg engine.Config
	cfg, err := c.Engine()
	if err != nil {
		t.Fatal(err)
	}
	s := summary{Dimensions: cfg.Keep.String(), Targets: cfg.Policy.Targets, Default: cfg.Policy.Default, KPIs: len(cfg.Catalogue) > 0}
	for _, w := range cfg.Windows {
		s.Windows = append(s.Windows, w.Name)
	}
	for _, g := range cfg.Groups {
		s.Breakdowns = append(s.Breakdowns, g.String())
	}
	return s
}

// defaults is what docs/configuration.md says holds without a file.
func defaults() summary {
	return summary{
		Windows:    []string{"1m", "5m", "15m", "1h", "8h", "24h", "7d", "30d", "all"},
		Dimensions: "team,channel,priority,category,agent",
		Breakdowns: []string{"team", "channel", "priority", "category", "agent", "team,priority"},
		Targets:    map[string]time.Duration{"urgent": 4 * time.Hour, "high": 8 * time.Hour, "normal": 72 * time.Hour, "low": 120 * time.Hour},
		Default:    72 * time.Hour, KPIs: true,
	}
}

func TestFilesOverDefaults(t *testing.T) {
	for _, c := range []struct {
		name, file string
		change     func(*summary)
	}{
		{"empty", "", func(*summary) {}},
		{"nothing below sla", "sla:\n", func(*summary) {}},
		{"windows", "windows: [90s, 7d]\n", func(s *summary) { s.Windows = []string{"90s", "7d"} }},
		{"targets are replaced as a whole", "sla:\n  resolution:\n    High: 90m\n", func(s *summary) { s.Targets = map[string]time.Duration{"high": 90 * time.Minute} }},
		{"no targets", "sla:\n  resolution: {}\n  default: \"\"\n", func(s *summary) { s.Targets, s.Default = map[string]time.Duration{}, 0 }},
		{"default target", "sla:\n  default: 1h\n", func(s *summary) { s.Default = time.Hour }},
		{"breakdowns", "breakdowns: [\"priority,team\"]\n", func(s *summary) { s.Breakdowns = []string{"team,priority"} }},
		{"no breakdowns", "breakdowns: []\n", func(s *summary) { s.Breakdowns = nil }},
		{"fewer dimensions have fewer breakdowns", "dimensions: [team, priority]\n", func(s *summary) {
			s.Dimensions, s.Breakdowns = "team,priority", []string{"team", "priority", "team,priority"}
		}},
		{"another dimension", "dimensions: [team, product]\nbreakdowns: [team, \"team,product\"]\n", func(s *summary) {
			s.Dimensions, s.Breakdowns = "team,product", []string{"team", "team,product"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := Load(write(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			want := defaults()
			c.change(&want)
			if diff := cmp.Diff(want, summarize(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutAFile(t *testing.T) {
	c, warnings, err := Load("")
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if diff := cmp.Diff(defaults(), summarize(t, c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing gave %v", err)
	}
}

// Every mistake is told with its place and its remedy.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name, file      string
		line, column    int
		problem, remedy string
	}{
		{"no windows", "windows: []\n", 1, 10, "windows: 0 are given", "give 1 to 30"},
		{"no window", "windows: [5m, 5x]\n", 1, 15, `windows[1]: window "5x" is not one`, "write a number and s, m, h or d, as in 15m, or all"},
		{"long window", "windows:\n  - 5m\n  - 40d\n", 3, 5, `windows[1]: window "40d" is too long`, "the longest is 30d, beside all"},
		{"uneven window", "windows: [901s]\n", 1, 11, `windows[0]: window "901s" does not fit its buckets`, "use a multiple of 60 seconds"},
		{"window twice", "windows: [5m, 1h, 5m]\n", 1, 19, `windows[2]: "5m" is given twice`, "take one away"},
		{"windows as text", "windows: 5m\n", 1, 10, "string was used where sequence is expected", "give a value of that type"},
		{"no dimension", "dimensions: [team, colour]\n", 1, 20, `dimensions[1]: dimension "colour" is unknown`, "use one of team, channel"},
		{"dimension twice", "dimensions: [team, agent, team]\n", 1, 27, `dimensions[2]: "team" is given twice`, "take one away"},
		{"no breakdown", "breakdowns: [\"team,colour\"]\n", 1, 14, `breakdowns[0]: dimension "colour" is unknown`, "use one of team, channel"},
		{"breakdown twice", "breakdowns:\n  - team,priority\n  - priority,team\n", 3, 5, `breakdowns[1]: "priority,team" is given twice`, "take one away"},
		{"breakdown by nothing", "breakdowns: [team, \"\"]\n", 1, 20, "breakdowns[1]: it has no dimensions", "take it out, the whole is always kept"},
		{"breakdown beyond the dimensions", "dimensions: [team]\nbreakdowns: [team, \"team,agent\"]\n", 2, 20, `breakdowns[1]: "agent" is not among the dimensions`, "add it to dimensions, or take it out here"},
		{"no duration", "sla:\n  resolution:\n    high: soon\n", 3, 11, `sla.resolution.high: "soon" is no positive duration in whole milliseconds`, "write it as in 8h, 90m or 72h"},
		{"number for a duration", "sla:\n  resolution:\n    high: 5\n", 3, 11, `sla.resolution.high: "5" is no positive duration in whole milliseconds`, "write it as in 8h, 90m or 72h"},
		{"negative", "sla:\n  resolution:\n    very high: -1h\n", 3, 16, `sla.resolution.very high: "-1h" is no positive duration in whole milliseconds`, "write it as in 8h, 90m or 72h"},
		{"too fine", "sla:\n  default: 1500us\n", 2, 12, `sla.default: "1500us" is no positive duration in whole milliseconds`, "write it as in 8h, 90m or 72h"},
		{"default of nothing", "sla:\n  default: 0s\n", 2, 12, `sla.default: "0s" is no positive duration in whole milliseconds`, "write it as in 8h, 90m or 72h"},
		{"priority twice", "sla:\n  resolution:\n    High: 1h\n    high: 2h\n", 4, 11, `sla.resolution.high: priority "high" is given twice`, "take one away: letter case does not matter"},
		{"key twice", "windows: [5m]\nwindows: [1h]\n", 2, 1, `mapping key "windows" already defined`, "give the key once"},
		{"unknown key", "window: [5m]\n", 1, 1, `field "window" is unknown`, "did you mean windows?"},
		{"no YAML", "sla: [\n", 1, 6, "sequence end token ']' not found", "mend the YAML there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, c.file)
			_, _, err := Load(file)
			var got *process.FileError
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if got.File != file || got.Line != c.line || got.Column != c.column {
				t.Errorf("it is said to be at %s:%d:%d, want %d:%d", got.File, got.Line, got.Column, c.line, c.column)
			}
			if !strings.HasPrefix(got.Problem, c.problem) || !strings.HasPrefix(got.Remedy, c.remedy) {
				t.Errorf("problem %q, want %q; remedy %q, want %q", got.Problem, c.problem, got.Remedy, c.remedy)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	file := write(t, "breakdowns: [agent]\n")
	_, warnings, err := Load(file)
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0], file+": breakdowns: team is missing") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	if _, warnings, err = Load(write(t, "windows: [1h]\n")); err != nil || len(warnings) > 0 {
		t.Errorf("a file that leaves the breakdowns alone gave %q, %v", warnings, err)
	}
}

// The manual's example is a whole configuration, and the default one.
func TestTheManualsExample(t *testing.T) {
	manual, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(manual), "```yaml\n")
	example, _, closed := strings.Cut(example, "```")
	if !found || !closed {
		t.Fatal("docs/configuration.md has no example")
	}
	c, warnings, err := Load(write(t, example))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if diff := cmp.Diff(defaults(), summarize(t, c)); diff != "" {
		t.Errorf("the example is not the default (-want +got):\n%s", diff)
	}
}
