package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	cfg, err := c.Engine()
	if err != nil {
		t.Fatal(err)
	}
	of := func(priority string) time.Duration {
		all := cfg.Policies.For(func(name string) string { return map[string]string{"priority": priority}[name] })
		return time.Duration(all[0].Resolution.Target) * time.Millisecond
	}
	s := summary{Dimensions: cfg.Keep.String(), Targets: map[string]time.Duration{}, Default: of("another"), KPIs: len(cfg.Catalogue.KPIs) > 0}
	for _, priority := range []string{"urgent", "high", "normal", "low"} {
		s.Targets[priority] = of(priority)
	}
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
		{"targets are replaced as a whole", "sla:\n  resolution:\n    High: 90m\n", func(s *summary) {
			s.Targets = map[string]time.Duration{"urgent": 72 * time.Hour, "high": 90 * time.Minute, "normal": 72 * time.Hour, "low": 72 * time.Hour}
		}},
		{"no targets", "sla:\n  resolution: {}\n  default: \"\"\n", func(s *summary) {
			s.Targets, s.Default = map[string]time.Duration{"urgent": 0, "high": 0, "normal": 0, "low": 0}, 0
		}},
		{"default target", "sla:\n  default: 1h\n", func(s *summary) { s.Default = time.Hour }},
		{"breakdowns", "breakdowns: [\"priority,team\"]\n", func(s *summary) { s.Breakdowns = []string{"team,priority"} }},
		{"no breakdowns", "breakdowns: []\n", func(s *summary) { s.Breakdowns = nil }},
		{"fewer dimensions have fewer breakdowns", "dimensions: [team, priority]\n", func(s *summary) {
			s.Dimensions, s.Breakdowns = "team,priority", []string{"team", "priority", "team,priority"}
		}},
		{"scorecards need their breakdowns", "scorecards:\n  posts:\n    hotline: {parts: [{kpi: overdue_ratio, weight: 1, target: 2%}]}\n", func(s *summary) {
			s.Dimensions += ",post"
			s.Breakdowns = append(s.Breakdowns, "post", "team,post", "agent,post")
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

// withCalendar is a file with a calendar that has these lines too.
func withCalendar(lines string) string { return "calendars:\n  a:\n    zone: UTC\n" + lines }

// withOffice is a file with a calendar that has hours, and these lines after them.
func withOffice(lines string) string {
	return withCalendar("    hours: {monday-friday: 09:00-17:00}\n" + lines)
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
		{"no zone", "calendars:\n  a:\n    hours: {monday: 09:00-17:00}\n", 3, 10, `calendars.a.zone: time zone "" is unknown`, "give an IANA name"},
		{"another zone", "calendars:\n  a:\n    zone: Berlin\n    hours: {monday: 09:00-17:00}\n", 3, 11, `calendars.a.zone: time zone "Berlin" is unknown`, "give an IANA name"},
		{"no hours", withCalendar(""), 3, 9, "calendars.a.hours: no day has hours", "give some"},
		{"no weekday", withCalendar("    hours:\n      mon: 09:00-17:00\n"), 5, 12, `calendars.a.hours.mon: "mon" is no day of the week`, "write monday"},
		{"night", withCalendar("    hours:\n      monday-friday: 22:00-06:00\n"), 5, 22, `calendars.a.hours.monday-friday: "22:00-06:00" ends before it begins`, "a night is two parts"},
		{"weekday twice", withCalendar("    hours:\n      monday-friday: 09:00-17:00\n      tuesday: closed\n"), 6, 16, "calendars.a.hours.tuesday: tuesday has hours already, under monday-friday", "name each day once"},
		{"no date", withOffice("    holidays: {dates: [2026-01-01, 2026-02-30]}\n"), 5, 36, `calendars.a.holidays.dates[1]: "2026-02-30" is no date`, "write 2026-02-14"},
		{"no Persian date", withOffice("    holidays: {dates: [1404-12-30]}\n"), 5, 24, `calendars.a.holidays.dates[0]: "1404-12-30" is no Solar Hijri date`, "write it as in 1405-01-01"},
		{"no country", withOffice("    holidays: {countries: [IR]}\n"), 5, 28, `calendars.a.holidays.countries[0]: no holidays are known of "IR"`, "use one of AR, AT"},
		{"no file", withOffice("    holidays: {files: [none.ics]}\n"), 5, 24, "calendars.a.holidays.files[0]: none.ics cannot be read, no such file or directory", "give a file"},
		{"no hours of a date", withOffice("    days:\n      2026-01-04: half\n"), 6, 19, `calendars.a.days.2026-01-04: "half" is neither hours nor a day of the week`, "write 09:00-12:00, monday or closed"},
		{"date twice", withOffice("    days:\n      2026-01-04: monday\n      2026-01-01/2026-01-09: closed\n"), 6, 19, "calendars.a.days.2026-01-04: 2026-01-04 has hours already", "name each date once"},
		{"no change", withOffice("    changes:\n      - {from: soon, hours: {monday: 08:00-12:00}}\n"), 6, 16, `calendars.a.changes[0].from: "soon" is no date`, "write it as in 2026-07-01"},
		{"no calendar", "policies:\n  - name: p\n    calendar: b\n", 3, 15, `policies[0].calendar: calendar "b" is not among the calendars`, "add it to calendars"},
		{"no calendar of a target", withOffice("policies:\n  - name: p\n    resolution: {default: 1h, calendar: b}\n"), 7, 41, `policies[0].resolution.calendar: calendar "b" is not among the calendars`, "add it to calendars, or use a"},
		{"no calendar of sla", "sla: {calendar: b}\n", 1, 17, `sla.calendar: calendar "b" is not among the calendars`, "add it to calendars"},
		{"no name", "policies:\n  - when: 'true'\n", 2, 9, "policies[0].name: it is missing", "give the policy a name"},
		{"the name of another", "policies:\n  - name: default\n", 2, 11, `policies[0].name: "default" is the name of the policy that sla makes`, "give it another name"},
		{"no attribute", "policies:\n  - name: p\n    when: queue == \"x\"\n", 3, 11, "policies[0].when: undeclared reference to 'queue' at character 1", "use agent, branch, category, channel"},
		{"no beginning", "policies:\n  - name: p\n    valid_from: July\n", 3, 17, `policies[0].valid_from: "July" is neither a date nor an instant`, "write 2026-07-01"},
		{"no target of a policy", "policies:\n  - name: p\n    next_response: {targets: {high: soon}}\n", 3, 37, `policies[0].next_response.targets.high: "soon" is no positive duration in whole milliseconds`, "write it as in 8h"},
		{"other hours", "policies:\n  - name: p\n    resolution: {default: 1h, hours: office}\n", 3, 38, `policies[0].resolution.hours: "office" are no hours`, "write business"},
		{"both hours", withOffice("policies:\n  - name: p\n    resolution: {default: 1h, hours: calendar, calendar: a}\n"), 7, 58, "policies[0].resolution.calendar: the hours are those of the day and the night", "take away the calendar"},
		{"no zone of periods", "periods: {zone: Mars}\n", 1, 17, `periods.zone: time zone "Mars" is unknown`, "give an IANA name"},
		{"no system", "periods: {calendar: lunar}\n", 1, 21, `periods.calendar: calendar "lunar" is unknown`, "use gregorian or solar_hijri"},
		{"no start of the week", "periods: {week_start: 1}\n", 1, 23, `periods.week_start: "1" is no day of the week`, "write monday"},
		{"no month", "periods: {tenants: {acme: {fiscal_year_start: 13}}}\n", 1, 47, "periods.tenants.acme.fiscal_year_start: 13 is no month", "give 1 to 12"},
		{"unknown key of a period", "periods: {tenants: {acme: {zones: UTC}}}\n", 1, 28, `field "zones" is unknown`, "did you mean zone?"},
		{"no currency", "money: {currency: yuan}\n", 1, 19, `money.currency: "yuan" is no currency`, "use its code in ISO 4217"},
		{"no currency of a rate", "money: {currency: CNY, rates: {us: 7}}\n", 1, 36, `money.rates.us: "us" is no currency`, "use its code in ISO 4217"},
		{"no rate", "money: {currency: CNY, rates: {USD: '7,12'}}\n", 1, 37, `money.rates.USD: "7,12" is no rate`, "give how many units of the currency one unit is worth"},
		{"rate of 0", "money: {currency: CNY, rates: {USD: 0}}\n", 1, 37, `money.rates.USD: "0" is no rate`, "give how many units"},
		{"rates of what", "money: {rates: {USD: '7.12'}}\n", 1, 22, "money.rates.USD: it is not said in which currency amounts are kept", "give it as currency"},
		{"rate of itself", "money: {tenants: {acme: {currency: CNY, rates: {CNY: 1}}}}\n", 1, 54, "money.tenants.acme.rates.CNY: CNY is the currency itself", "take its rate out"},
		{"no file of KPIs", "kpis: [none.yaml]\n", 1, 8, "kpis[0]: none.yaml cannot be read, no such file or directory", "give a file"},
		{"no KPI of a scorecard", "scorecards:\n  default:\n    - {kpi: nothing, weight: 1, target: 5}\n", 3, 13, "scorecards.default[0].kpi: ", ""},
		{"no option", "options: {first_hadling: reply}\n", 1, 26, `options.first_hadling: option "first_hadling" is unknown`, "use one of"},
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
	file = write(t, "policies:\n  - name: all\n    resolution: {default: 1h}\n  - name: some\n    when: team == \"x\"\n")
	if _, warnings, err = Load(file); err != nil || len(warnings) != 1 || warnings[0] != file+`: policies: no request meets "some": one before it has no condition: move it up` {
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
