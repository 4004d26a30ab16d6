package kpi

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExplain tells of what a KPI is made.
func TestExplain(t *testing.T) {
	c := catalogueOf(t, `
options:
  satisfied_from: {default: 80}
  mode: {values: [mail, all], default: all}
measures:
  answers: {from: [{of: survey, at: answered_at, where: 'answered && option.mode == "all"'}, {of: call, at: offered_at, where: 'option.mode == "mail"'}]}
  happy: {as: per_window, from: [{of: respondent, count: satisfied}]}
  unused: {from: [{of: ticket, at: created_at}]}
kpis:
  - {key: k, names: {en: K}, type: flow, unit: ratio, direction: higher, formula: ratio, numerator: happy, denominator: answers + answers, windows: [7d]}
`)
	if err := c.SetOption("satisfied_from", "70"); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	x := compiled.Explain(mustFind(t, compiled, "k"))
	var got []string
	for _, s := range x.Specs {
		got = append(got, "measure "+s.Name)
	}
	for _, f := range x.Facts {
		line := "fact " + f.Name
		for _, field := range f.Fields {
			line += " " + field.Name
		}
		got = append(got, line)
	}
	for _, use := range x.Threads {
		got = append(got, "thread "+use.Thread+" "+use.Count)
	}
	for i := range x.Options {
		got = append(got, "option "+x.Options[i].Name+"="+x.Options[i].Current())
	}
	got = append(got, "events "+strings.Join(x.Events, " "), "windows "+strings.Join(x.Windows, " "))
	want := []string{
		"measure happy", "measure answers", "fact survey answered answered_at", "thread respondent satisfied",
		"option mode=all", "option satisfied_from=70",
		"events call survey", "windows 7d",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestEverythingIsExplained wants words for every count of a thread, and events for
// every fact and thread.
func TestEverythingIsExplained(t *testing.T) {
	for thread, counts := range Threads {
		for _, count := range counts {
			if threadDocs[thread+" "+count] == "" {
				t.Errorf("no words for %s of %s", count, thread)
			}
		}
	}
	for _, source := range sources() {
		if len(factEvents[source]) == 0 {
			t.Errorf("no events for %s", source)
		}
		for _, event := range factEvents[source] {
			if !slices.Contains(kindNames[1:], event) {
				t.Errorf("%s comes from %s, which is no kind of event", source, event)
			}
		}
	}
}

// BenchmarkReadings evaluates the built-in catalogue. One operation is one group in
// twelve windows.
func BenchmarkReadings(b *testing.B) {
	c, err := LoadCatalogue()
	if err != nil {
		b.Fatal(err)
	}
	compiled, err := c.Compile(nil)
	if err != nil {
		b.Fatal(err)
	}
	compiled.Windows = []string{"1m", "5m", "15m", "1h", "8h", "24h", "7d", "30d"}
	var totals []Totals
	for _, name := range append(slices.Clone(compiled.Windows), "day", "month", "year", "all") {
		t := Totals{Tenant: "acme", Window: name}
		for i := range compiled.Measures {
			m := &compiled.Measures[i]
			for slot := 0; slot < min(m.Slots, 400); slot += 10 {
				t.Values.Add(m.Slot+uint16(slot), int64(slot+1))
			}
		}
		totals = append(totals, t)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(compiled.Readings(1_700_000_000, totals))
	}
	b.ReportMetric(float64(n), "readings/op")
}
