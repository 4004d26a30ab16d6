package kpi

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/window"
)

const formulaMeasures = `
options:
  of: {values: [all, some], default: all}
  limit: {default: 30s}
  weight: {default: 2}
measures:
  flow: {from: [{of: ticket, at: created_at}]}
  other: {from: [{of: ticket, at: closed_at}]}
  money: {as: sum, unit: money, from: [{of: order, at: ordered_at, value: amount}]}
  score: {as: sum, unit: points, from: [{of: survey, at: answered_at, value: score}]}
  spent: {as: sum, unit: seconds, from: [{of: contact, at: raised_at, value: handling}]}
  times: {as: histogram, from: [{of: visit, at: left_at, value: dwell, set: {stage: stage}}]}
  stock: {from: [{of: ticket, while: open}]}
  clock: {as: clocked, from: [{of: agent, while: busy}]}
  aged: {as: aged, from: [{of: ticket, while: open, since: created_at}]}
  old: {as: oldest, from: [{of: ticket, while: open, since: created_at}]}
  months: {as: by_month, unit: money, from: [{of: invoice, while: '!paid', from: overdue_at, month: issued_at, value: unpaid}]}
  rolling: {as: per_window, from: [{of: caller, count: active}]}
  periods: {as: per_period, from: [{of: customer, count: retained}]}
kpis:
`

func kpiLine(key string, kind Type, formula, rest string) string {
	return fmt.Sprintf("  - {key: %s, names: {en: N}, unit: count, direction: none, type: %s, formula: %s, %s}\n", key, kind, formula, rest)
}

func compiledOf(t testing.TB, kpis ...string) *Compiled {
	t.Helper()
	compiled, err := catalogueOf(t, formulaMeasures+strings.Join(kpis, "")).Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	compiled.Windows = []string{"1h", "7d"}
	return compiled
}

// put adds a component of a measure to a vector.
func (c *Compiled) put(t testing.TB, v *window.Vector, measure string, slot int, value int64) {
	t.Helper()
	m, ok := c.Find(measure)
	if !ok || slot >= m.Slots {
		t.Fatalf("measure %s has no slot %d", measure, slot)
	}
	v.Add(m.Slot+uint16(slot), value)
}

// samplesIn adds durations to a histogram.
func (c *Compiled) samplesIn(t testing.TB, v *window.Vector, measure string, ms ...int64) {
	t.Helper()
	for _, d := range ms {
		c.put(t, v, measure, 0, d)
		c.put(t, v, measure, int(window.HistogramSlot(d)), 1)
	}
}

// figures are one window of one group. It ends at 10,000 s; the values below are worked
// out by hand from them.
func figures(t testing.TB, c *Compiled, name string, lo int64) *Input {
	t.Helper()
	w := &Totals{Window: name, Lo: lo, MonthFrom: 500, MonthTo: 501}
	all := &Totals{Window: "all"}
	c.put(t, &w.Values, "flow", 0, 8)
	c.put(t, &all.Values, "flow", 0, 20)
	c.put(t, &all.Values, "other", 0, 5)
	c.put(t, &w.Values, "money", 0, 25_000)      // 2.5
	c.put(t, &w.Values, "score", 0, 160_000_000) // 160 points
	c.put(t, &w.Values, "spent", 0, 90_500)      // 90.5 s
	c.samplesIn(t, &w.Values, "times", 1000, 2000, 6000)
	c.put(t, &all.Values, "stock", 0, 12)
	c.put(t, &w.Values, "stock", 0, -3) // so it was 15 at the start
	c.put(t, &w.Openings, "stock", 0, 40)
	// Two agents were busy at the start. At 7,000.5 s one more began, and at 9,000 s two
	// ended. From 6,400 s: 2 × 600.5 s + 3 × 1,999.5 s + 1 × 1,000 s = 8,199.5 s.
	c.put(t, &all.Values, "clock", 0, 1)
	c.put(t, &w.Values, "clock", 0, 1-2)
	c.put(t, &w.Values, "clock", 1, 7_000_500-2*9_000_000)
	// Tickets since 9,000 s, 9,400 s and 9,999.5 s: ages 1,000, 600 and 0.5.
	c.put(t, &all.Values, "aged", 0, 3)
	c.put(t, &all.Values, "aged", 1, 9_000_000+9_400_000+9_999_500)
	m, _ := c.Find("old")
	all.Oldest = []OldestEntry{{Measure: uint16(m.Index) + 1, At: 1}, {Measure: uint16(m.Index), At: 9_000_000}}
	c.put(t, &all.Values, "months", 499, 10_000)
	c.put(t, &all.Values, "months", 500, 20_000)
	c.put(t, &all.Values, "months", 501, 40_000)
	c.put(t, &all.Values, "months", 502, 80_000)
	c.put(t, &all.Values, "rolling", 0, 10)
	c.put(t, &all.Values, "rolling", 1, -4) // 1h
	c.put(t, &all.Values, "rolling", 2, -1) // 7d
	c.put(t, &w.Values, "periods", int(Month), 6)
	c.put(t, &w.Values, "periods", int(Day), 2)
	return &Input{At: 10_000, Window: w, All: all}
}

// TestFunctions has every function of formulas, with its value by hand.
func TestFunctions(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		kind   Type
		text   string
		window string
		want   float64
	}{
		{Flow, "flow", "1h", 8}, {Flow, "other", "1h", 0}, {Flow, "money", "1h", 2.5}, {Flow, "score", "1h", 160}, {Flow, "spent", "1h", 90.5},
		{Stock, "total(flow)", "", 20}, {Cumulative, "total(flow) / total(other)", "", 4}, {Flow, "total(flow) - flow", "1h", 12},
		{Flow, "count(times)", "1h", 3}, {Flow, "sum(times)", "1h", 9}, {Flow, "mean(times)", "1h", 3},
		{Flow, "mean(times) / flow", "1h", 0.375},
		{Stock, "stock", "", 12}, {Flow, "stock", "1h", 12}, {Flow, "start(stock)", "1h", 15}, {Flow, "start(clock)", "1h", 2},
		{Periodic, "openings(stock)", "month", 40},
		{Flow, "time(clock)", "1h", 8199.5},
		{Stock, "age(aged)", "", (1000 + 600 + 0.5) / 3}, {Stock, "aged", "", 3}, {Stock, "oldest(old)", "", 1000},
		{Periodic, "due(months)", "quarter", 6},
		{Flow, "rolling", "1h", 6}, {Flow, "rolling", "7d", 9}, {Flow, "rolling", "all", 10}, {Flow, "rolling", "8h", none},
		{Periodic, "periods", "month", 6}, {Periodic, "periods", "day", 2}, {Periodic, "periods", "year", 0},
		{Flow, "flow / other", "1h", none}, {Flow, "other / other", "1h", none}, {Flow, "1 - flow / other", "1h", none}, {Flow, "other / flow", "1h", 0},
		{Flow, "1 - flow / 16", "1h", 0.5}, {Flow, "-flow + 2 * 3 - 1.5", "1h", -3.5},
		{Flow, `option.of == "all" ? flow : other`, "1h", 8}, {Flow, `option.of != "all" ? flow : other`, "1h", 0},
		{Flow, `option.of in ["some", "any"] || false ? flow : 2`, "1h", 2}, {Flow, `option.of == "all" && !(1 == 2) ? 1 : 2`, "1h", 1},
		{Flow, "flow > option.limit ? 1 : option.limit", "1h", 30}, {Flow, "flow * option.weight", "1h", 16},
		{Flow, "flow >= 8 && money <= 2.5 && flow != 7 && flow < 9 ? 1 : 0", "1h", 1},
		{Flow, "flow / other > 1 ? 1 : 0", "1h", 0},
	} {
		compiled := compiledOf(t, kpiLine("k", c.kind, "value", "numerator: '"+c.text+"'"))
		d, _ := compiled.Catalogue.Find("k")
		got := compiled.Evaluate(d, figures(t, compiled, c.window, 6400))
		if show(got.Value) != show(some(c.want)) {
			t.Errorf("%s in %q is %s, want %s", c.text, c.window, show(got.Value), show(some(c.want)))
		}
	}
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%.10g", *v)
}

// TestNothing wants no value, and no panic, of every function where nothing is known.
func TestNothing(t *testing.T) {
	for _, c := range []struct {
		kind Type
		text string
		want string
	}{
		{Flow, "flow", "0"}, {Flow, "mean(times)", "none"}, {Flow, "count(times)", "0"}, {Stock, "stock", "0"}, {Stock, "total(flow)", "0"},
		{Flow, "start(stock)", "0"}, {Periodic, "openings(stock)", "none"}, {Flow, "time(clock)", "none"}, {Stock, "age(aged)", "none"},
		{Stock, "oldest(old)", "none"}, {Periodic, "due(months)", "none"}, {Flow, "rolling", "none"}, {Periodic, "periods", "none"},
	} {
		compiled := compiledOf(t, kpiLine("k", c.kind, "value", "numerator: '"+c.text+"'"))
		d, _ := compiled.Catalogue.Find("k")
		if got := show(compiled.Evaluate(d, &Input{At: 10_000}).Value); got != c.want {
			t.Errorf("%s of nothing is %s, want %s", c.text, got, c.want)
		}
	}
}

// TestClockedForEver reads the window all, whose start is 0, as if it began before all else.
func TestClockedForEver(t *testing.T) {
	compiled := compiledOf(t, kpiLine("k", Flow, "value", "numerator: time(clock)"))
	all := &Totals{Window: "all"}
	compiled.put(t, &all.Values, "clock", 0, 1)
	compiled.put(t, &all.Values, "clock", 1, 9_000_000)
	d, _ := compiled.Catalogue.Find("k")
	if got := compiled.Evaluate(d, &Input{At: 10_000, Window: all, All: all}); show(got.Value) != "1000" {
		t.Errorf("time is %s, want 1000", show(got.Value))
	}
}

// TestFormulas has every formula but value.
func TestFormulas(t *testing.T) {
	compiled := compiledOf(t,
		kpiLine("ratio", Cohort, "ratio", "numerator: money, denominator: flow, immature: other + 1"),
		kpiLine("empty", Flow, "ratio", "numerator: flow, denominator: other"),
		kpiLine("dist", Flow, "distribution", "of: times"),
		kpiLine("share", Flow, "share", "numerator: flow"),
		kpiLine("slow", Flow, "slowest", "of: times, by: [stage]"),
		// a: 8 of 16 as points of 100, weight 1; b: none; c: 160 ÷ 2 points, weight 3.
		kpiLine("index", Flow, "index", `parts: [
     {name: a, numerator: flow, denominator: flow + 8, scale: 100},
     {name: b, numerator: flow, denominator: other},
     {name: c, numerator: score, denominator: 2.0, weight: 3}]`),
	)
	in := figures(t, compiled, "1h", 6400)
	whole := figures(t, compiled, "1h", 6400)
	compiled.put(t, &whole.Window.Values, "flow", 0, 24) // 32 in all
	in.Whole = whole
	stage := func(name string, ms ...int64) Sibling {
		s := Sibling{Name: name, Window: &Totals{}}
		compiled.samplesIn(t, &s.Window.Values, "times", ms...)
		return s
	}
	in.Siblings = []Sibling{stage("new", 1000), stage("review", 1000, 4000), stage("never"), {Name: "unknown"}, stage("check", 2500)}
	num := func(v float64) *float64 { return &v }
	for key, want := range map[string]Value{
		"ratio": {Value: num(0.3125), Numerator: num(2.5), Denominator: num(8), Immature: num(1)},
		"empty": {Numerator: num(8), Denominator: num(0)},
		// Nearest ranks of 1, 2 and 6 s; the buckets' middles lie within 1.1 % of them.
		"dist":  {Value: num(3), Count: 3, Quantiles: map[string]float64{"p50": 2, "p90": 6, "p95": 6, "p99": 6}},
		"share": {Value: num(0.25), Numerator: num(8), Denominator: num(32)},
		"slow":  {Value: num(2.5), Slowest: "check", Count: 1},
		"index": {Value: num((50 + 3*80) / 4.), Parts: []PartValue{{"a", num(50), 0.25}, {"b", nil, 0}, {"c", num(80), 0.75}}},
	} {
		d, _ := compiled.Catalogue.Find(key)
		got := compiled.Evaluate(d, in)
		for name, q := range got.Quantiles {
			if math.Abs(q/want.Quantiles[name]-1) > 0.011 {
				t.Errorf("%s is %v, want %v", name, q, want.Quantiles[name])
			}
			got.Quantiles[name] = want.Quantiles[name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if got := compiled.Evaluate(&Definition{Key: "unknown"}, in); !cmp.Equal(got, Value{}) {
		t.Errorf("an unknown KPI has the value %+v", got)
	}
}

// TestMerged wants the same of totals that were added up as of those counted at once.
func TestMerged(t *testing.T) {
	compiled := compiledOf(t,
		kpiLine("ratio", Flow, "ratio", "numerator: mean(times), denominator: flow"),
		kpiLine("dist", Flow, "distribution", "of: times"),
		kpiLine("busy", Flow, "value", "numerator: time(clock)"),
		kpiLine("age", Stock, "value", "numerator: age(aged)"))
	one, two := figures(t, compiled, "1h", 6400), figures(t, compiled, "1h", 6400)
	both := figures(t, compiled, "1h", 6400)
	for i := range both.Window.Values {
		both.Window.Values[i].Value *= 2
	}
	for i := range both.All.Values {
		both.All.Values[i].Value *= 2
	}
	one.Window.Values.Merge(two.Window.Values)
	one.All.Values.Merge(two.All.Values)
	for i := range compiled.Catalogue.KPIs {
		d := &compiled.Catalogue.KPIs[i]
		if diff := cmp.Diff(compiled.Evaluate(d, both), compiled.Evaluate(d, one)); diff != "" {
			t.Errorf("%s: %s", d.Key, diff)
		}
	}
}

// TestReadings has which readings there are, and in which order.
func TestReadings(t *testing.T) {
	compiled := compiledOf(t,
		kpiLine("open", Stock, "value", "numerator: stock"),
		kpiLine("flow", Flow, "value", "numerator: flow"),
		kpiLine("monthly", Periodic, "value", "numerator: flow"),
		kpiLine("share", Flow, "share", "numerator: flow"),
		kpiLine("slow", Flow, "slowest", "of: times, by: [stage]"),
		kpiLine("seen", Flow, "value", "numerator: rolling"))
	group := func(d Dimension, name string) Group {
		g := Group{Set: SetOf(d)}
		g.Dims[d] = name
		return g
	}
	totals := func(tenant, name string, g Group, fill func(v *window.Vector)) Totals {
		out := Totals{Tenant: tenant, Window: name, Group: g}
		fill(&out.Values)
		return out
	}
	flow := func(n int64) func(v *window.Vector) {
		return func(v *window.Vector) { compiled.put(t, v, "flow", 0, n) }
	}
	nothing := func(*window.Vector) {}
	mail, review := group(Channel, "mail"), group(Stage, "review")
	readings := compiled.Readings(10_000, []Totals{
		totals("b", "all", Group{}, nothing), totals("b", "1h", Group{}, nothing), totals("b", "7d", Group{}, nothing),
		totals("a", "7d", Group{}, nothing), totals("a", "1h", mail, flow(2)), totals("a", "all", mail, flow(2)),
		totals("a", "all", review, func(v *window.Vector) { compiled.samplesIn(t, v, "times", 3000) }),
		totals("a", "1h", review, func(v *window.Vector) { compiled.samplesIn(t, v, "times", 3000) }),
		totals("a", "1h", Group{}, flow(8)), totals("a", "month", Group{}, flow(9)),
		totals("a", "all", Group{}, func(v *window.Vector) {
			flow(9)(v)
			compiled.samplesIn(t, v, "times", 3000)
			compiled.put(t, v, "stock", 0, 1)
			compiled.put(t, v, "rolling", 0, 1)
		}),
	})
	var got []string
	for i := range readings {
		r := &readings[i]
		line := strings.Join([]string{r.Tenant, string(AppendReadingJSON(nil, 0, r, mustFind(t, compiled, r.KPI)))}, " ")
		got = append(got, line[strings.Index(line, `"kpi"`):])
	}
	want := []string{
		// The tenant's whole has all that has a meaning: months only where months are given.
		`"kpi":"open","by":{},"value":1}`,
		`"kpi":"flow","window":"1h","by":{},"value":8}`,
		`"kpi":"flow","window":"7d","by":{},"value":0}`,
		`"kpi":"flow","window":"month","by":{},"value":9}`,
		`"kpi":"monthly","window":"month","by":{},"value":9}`,
		`"kpi":"share","window":"1h","by":{},"value":1,"numerator":8,"denominator":8}`,
		`"kpi":"share","window":"7d","by":{},"value":null,"numerator":0,"denominator":0}`,
		`"kpi":"share","window":"month","by":{},"value":1,"numerator":9,"denominator":9}`,
		`"kpi":"slow","window":"1h","by":{},"value":3,"slowest":"review"}`,
		`"kpi":"slow","window":"7d","by":{},"value":null,"slowest":""}`,
		`"kpi":"slow","window":"month","by":{},"value":null,"slowest":""}`,
		`"kpi":"seen","window":"1h","by":{},"value":1}`,
		`"kpi":"seen","window":"7d","by":{},"value":1}`,
		// A channel: no stages, no callers. Of 7d it is known that nothing has happened.
		`"kpi":"open","by":{"channel":"mail"},"value":0}`,
		`"kpi":"flow","window":"1h","by":{"channel":"mail"},"value":2}`,
		`"kpi":"flow","window":"7d","by":{"channel":"mail"},"value":0}`,
		`"kpi":"share","window":"1h","by":{"channel":"mail"},"value":0.25,"numerator":2,"denominator":8}`,
		`"kpi":"share","window":"7d","by":{"channel":"mail"},"value":null,"numerator":0,"denominator":0}`,
		// A stage: nothing that knows no stages, and not the slowest of itself.
		// Tenant b, of which nothing is known.
		`"kpi":"open","by":{},"value":0}`,
		`"kpi":"flow","window":"1h","by":{},"value":0}`,
		`"kpi":"flow","window":"7d","by":{},"value":0}`,
		`"kpi":"share","window":"1h","by":{},"value":null,"numerator":0,"denominator":0}`,
		`"kpi":"share","window":"7d","by":{},"value":null,"numerator":0,"denominator":0}`,
		`"kpi":"slow","window":"1h","by":{},"value":null,"slowest":""}`,
		`"kpi":"slow","window":"7d","by":{},"value":null,"slowest":""}`,
		`"kpi":"seen","window":"1h","by":{},"value":0}`,
		`"kpi":"seen","window":"7d","by":{},"value":0}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	compiled.Windows = []string{"1h", "all"}
	n := 0
	for _, r := range compiled.Readings(10_000, []Totals{totals("a", "all", Group{}, flow(9))}) {
		if r.KPI == "flow" && r.Window == "all" && *r.Value.Value == 9 {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d readings of the window all where it is configured, want 1", n)
	}
}

func mustFind(t testing.TB, c *Compiled, key string) *Definition {
	t.Helper()
	d, ok := c.Catalogue.Find(key)
	if !ok {
		t.Fatalf("no KPI %s", key)
	}
	return d
}

// TestTerms wants what a KPI reads, without what options rule out.
func TestTerms(t *testing.T) {
	compiled := compiledOf(t, kpiLine("k", Flow, "ratio", `numerator: 'option.of == "some" ? flow : time(clock)', denominator: mean(times) + stock`))
	d := mustFind(t, compiled, "k")
	var got []string
	for _, term := range compiled.Terms(d) {
		got = append(got, fmt.Sprintf("%s(%s) %v", term.Function, term.Name, term.All))
	}
	if diff := cmp.Diff([]string{"time(clock) true", "mean(times) false", "(stock) true"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"of"}, d.Options); diff != "" {
		t.Errorf("options: %s", diff)
	}
	for name, want := range map[string]bool{"7d": true, "month": true, "all": true, "": false} {
		if compiled.In(d, name) != want {
			t.Errorf("In(%q) is not %v", name, want)
		}
	}
}

// TestAppendReadingJSON has each form of a line. 2016-04-01T00:00:30Z is 1459468830.
func TestAppendReadingJSON(t *testing.T) {
	num := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		kind    Type
		formula Formula
		r       Reading
		want    string
	}{
		{Flow, Ratio, Reading{KPI: "r", Window: "7d", Value: Value{Value: num(0.25), Numerator: num(1), Denominator: num(4)}},
			`"kpi":"r","window":"7d","by":{},"value":0.25,"numerator":1,"denominator":4}`},
		{Cohort, Ratio, Reading{KPI: "c", Window: "all", Value: Value{Numerator: num(0), Denominator: num(0), Immature: num(2)}},
			`"kpi":"c","window":"all","by":{},"value":null,"numerator":0,"denominator":0,"immature":2}`},
		{Stock, Plain, Reading{KPI: "s", Value: Value{Value: num(3)}, Group: Group{Set: SetOf(Team, Priority), Dims: Dims{Team: `a"b`}}},
			`"kpi":"s","by":{"team":"a\"b","priority":""},"value":3}`},
		{Flow, Distribution, Reading{KPI: "d", Window: "1h"}, `"kpi":"d","window":"1h","by":{},"value":null,"count":0,"quantiles":{}}`},
		{Flow, Distribution, Reading{KPI: "d", Window: "1h", Value: Value{Value: num(0), Count: 2, Quantiles: map[string]float64{"p50": 0, "p90": 0, "p95": 0, "p99": 1.5}}},
			`"kpi":"d","window":"1h","by":{},"value":0,"count":2,"quantiles":{"p50":0,"p90":0,"p95":0,"p99":1.5}}`},
		{Flow, Index, Reading{KPI: "i", Window: "1h", Value: Value{Value: num(50), Parts: []PartValue{{"a", num(50), 1}, {"b", nil, 0}}}},
			`"kpi":"i","window":"1h","by":{},"value":50,"parts":[{"name":"a","value":50,"weight":1},{"name":"b","value":null,"weight":0}]}`},
	} {
		c.r.Tenant = "acme"
		got := string(AppendReadingJSON(nil, 1459468830, &c.r, &Definition{Key: c.r.KPI, Type: c.kind, Formula: c.formula}))
		if want := `{"at":"2016-04-01T00:00:30Z","tenant":"acme",` + c.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
