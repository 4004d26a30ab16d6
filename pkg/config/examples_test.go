package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

const examples = "../../docs/examples"

func example(t *testing.T, name string) engine.Config {
	t.Helper()
	c, warnings, err := Load(filepath.Join(examples, name))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	out, err := c.Engine()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func instantOf(t *testing.T, text string) int64 {
	t.Helper()
	v, err := time.Parse("2006-01-02T15:04Z07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return v.UnixMilli()
}

// due is a request, and when something is due of it, reckoned by hand.
type due struct {
	name       string
	attributes map[string]string
	created    string
	clock      func(sla.Targets) sla.Clock
	policy     string
	due        string
}

func first(t sla.Targets) sla.Clock      { return t.FirstResponse }
func next(t sla.Targets) sla.Clock       { return t.NextResponse }
func resolution(t sla.Targets) sla.Clock { return t.Resolution }

// checkDue runs each clock from the creation on, by the targets then in force.
func checkDue(t *testing.T, p *sla.Policies, list []due) {
	t.Helper()
	for _, d := range list {
		created := instantOf(t, d.created)
		var in sla.Targets
		for _, targets := range p.For(func(name string) string { return d.attributes[name] }) {
			if targets.ValidFrom <= created {
				in = targets
			}
		}
		clock := d.clock(in)
		got := clock.Calendar.After(created, clock.Target)
		if got != instantOf(t, d.due) || in.Policy != d.policy {
			t.Errorf("%s: due %s by policy %q, want %s by %q", d.name, time.UnixMilli(got).UTC().Format(time.RFC3339), in.Policy, d.due, d.policy)
		}
	}
}

func TestExampleOfChina(t *testing.T) {
	cfg := example(t, "china.yaml")
	vip := map[string]string{"segment": "vip", "priority": "High"}
	checkDue(t, cfg.Policies, []due{
		// One hour of the working Saturday, nine days off, three hours of Tuesday.
		{"before the New Year", vip, "2026-02-14T17:00+08:00", resolution, "贵宾", "2026-02-24T12:00+08:00"},
		// Ten minutes, lunch, twenty minutes.
		{"over lunch", vip, "2026-11-23T11:50+08:00", first, "贵宾", "2026-11-23T13:50+08:00"},
		{"a gold card", map[string]string{"labels.级别": "金卡"}, "2026-11-23T09:00+08:00", next, "贵宾", "2026-11-23T11:00+08:00"},
		{"a complaint on a Saturday", map[string]string{"category": "投诉"}, "2026-11-21T10:00+08:00", first, "投诉", "2026-11-23T11:00+08:00"},
		// Two hours of Friday, seven and a half each of the working Sunday and of Monday, seven of Tuesday.
		{"over a working Sunday", nil, "2026-09-18T16:00+08:00", resolution, "default", "2026-09-22T17:30+08:00"},
	})
	if calendar := cfg.Calendar("any"); calendar.Label(kpi.Week, int32(sla.DayOf(2026, time.February, 15))) != "2026-W07" {
		t.Error("Sunday is not the last day of the week")
	}
}

func TestExampleOfIran(t *testing.T) {
	cfg := example(t, "iran.yaml")
	checkDue(t, cfg.Policies, []due{
		// Two hours of the short Wednesday, two days off, four of the New Year, six hours.
		{"before the New Year", map[string]string{"priority": "high"}, "2026-03-18T10:00+03:30", resolution, "office", "2026-03-25T14:00+03:30"},
		{"on a Thursday", map[string]string{"priority": "high"}, "2026-11-19T10:00+03:30", first, "office", "2026-11-21T09:00+03:30"},
		{"an outage in the night of the New Year", map[string]string{"type": "incident", "priority": "Urgent"}, "2026-03-20T23:50+03:30", first, "outages", "2026-03-21T00:05+03:30"},
		// 22 Bahman is Wednesday, 11 February 2026.
		{"before a holiday on a date of every year", nil, "2026-02-10T15:00+03:30", first, "office", "2026-02-14T11:00+03:30"},
	})
	calendar := cfg.Calendar("any")
	newYear := calendar.Day(instantOf(t, "2026-03-21T00:00+03:30") / 1000)
	for period, want := range map[kpi.Period]string{kpi.Month: "1405-01", kpi.Year: "1405"} {
		if got := calendar.Label(period, newYear); got != want {
			t.Errorf("%s: %s, want %s", period, got, want)
		}
		if calendar.Start(period, newYear+4) != newYear || calendar.Start(period, newYear-1) == newYear {
			t.Errorf("a %s does not begin on 1 Farvardin", period)
		}
	}
	if calendar.Start(kpi.Week, newYear+4) != newYear {
		t.Error("the week of Wednesday, 5 Farvardin does not begin on Saturday")
	}
}

func TestExampleOfThreeZones(t *testing.T) {
	cfg := example(t, "international.yaml")
	team := func(name string) map[string]string { return map[string]string{"team": name, "category": "outage"} }
	checkDue(t, cfg.Policies, []due{
		// Two hours at UTC+1, six at UTC+2.
		{"over the beginning of summer time", team("emea"), "2026-03-27T14:00Z", resolution, "emea", "2026-03-30T13:00Z"},
		// One hour of Thursday; Friday makes up for the Fourth; seven of Monday.
		{"over the Fourth of July", team("amer"), "2026-07-02T20:00Z", resolution, "amer", "2026-07-06T20:00Z"},
		// One hour of Friday; Monday is the Coming of Age Day; seven of Tuesday.
		{"over a holiday in Japan", team("apac"), "2026-01-09T17:00+09:00", resolution, "apac", "2026-01-13T16:00+09:00"},
		// From 01:00, the hour from 02:00 twice: four hours are over at 04:00.
		{"the night that is an hour longer", team("night"), "2026-10-24T23:00Z", resolution, "night-desk", "2026-10-25T03:00Z"},
		// From July on there are six hours: two of Thursday, closed from noon, four of Monday.
		{"over Christmas", team("emea"), "2026-12-24T10:00+01:00", resolution, "emea", "2026-12-28T13:00+01:00"},
		// The outing is on Friday: five hours of Thursday, three of Monday.
		{"over the outing", team("emea"), "2026-06-11T12:00+02:00", resolution, "emea", "2026-06-15T12:00+02:00"},
	})
	versions := cfg.Policies.For(func(name string) string { return team("emea")[name] })
	var from []int64
	for _, v := range versions {
		from = append(from, v.ValidFrom)
	}
	if diff := cmp.Diff([]int64{sla.Always, instantOf(t, "2026-06-30T22:00Z")}, from); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if _, found := cfg.Catalogue.Find("vip_fast_share"); !found {
		t.Error("the company's own KPI is missing")
	}
	april := int32(sla.DayOf(2026, time.April, 1))
	for tenant, want := range map[string]bool{"acme-japan": true, "acme-us": false, "another": false} {
		calendar := cfg.Calendar(tenant)
		if got := calendar.Start(kpi.Year, april+10) == april; got != want {
			t.Errorf("the year of %s begins in April: %t", tenant, got)
		}
	}
	sunday := int32(sla.DayOf(2026, time.November, 22))
	if cfg.Calendar("acme-us").Start(kpi.Week, sunday) != sunday || cfg.Calendar("another").Start(kpi.Week, sunday) != sunday-6 {
		t.Error("weeks begin on other days")
	}
}

// What a calendar makes of a year can be compared with the official list.
func TestExceptions(t *testing.T) {
	c, _, err := Load(filepath.Join(examples, "china.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Exceptions(2026)
	if err != nil {
		t.Fatal(err)
	}
	var working []string
	off := 0
	for _, e := range list {
		switch {
		case e.Open == 450*time.Minute && e.Usual == 0 && e.Calendar == "shanghai":
			working = append(working, e.Day.String())
		case e.Open == 0 && e.Usual == 450*time.Minute:
			off++
		default:
			t.Errorf("%+v", e)
		}
	}
	// Of the 33 days off, those on Monday to Friday: 2 + 6 + 1 + 3 + 1 + 1 + 5.
	if diff := cmp.Diff([]string{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"}, working); diff != "" || off != 19 {
		t.Errorf("%d days off; working (-want +got):\n%s", off, diff)
	}
}

// No example is left untested.
func TestEveryExampleLoads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "kpis-") || strings.HasPrefix(filepath.Base(file), "scorecard") {
			continue // files of definitions have tests of their own
		}
		if _, warnings, err := Load(file); err != nil || len(warnings) > 0 {
			t.Error(file, err, warnings)
		}
	}
}

// A mistake in a file that the configuration names is told with both places.
func TestMistakesInNamedFiles(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"off.ics":   "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:tomorrow\nEND:VEVENT\nEND:VCALENDAR\n",
		"kpis.yaml": "measures:\n  mine: {from: [{of: ticket, at: created_att}]}\n",
		"a.yaml":    "calendars:\n  a: {zone: UTC, hours: {monday: closed}, holidays: {files: [off.ics]}}\n",
		"b.yaml":    "kpis:\n  - kpis.yaml\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string][]string{
		"a.yaml": {"a.yaml:2:62: calendars.a.holidays.files[0]: off.ics:3: DTSTART \"tomorrow\" is no date and no time: write 20260214"},
		"b.yaml": {"b.yaml:2:3: kpis: ", "kpis.yaml:2:", "created_att"},
	} {
		_, _, err := Load(filepath.Join(folder, name))
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s", name, err, part)
			}
		}
	}
}
