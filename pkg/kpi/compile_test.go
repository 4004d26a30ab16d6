package kpi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// catalogueOf reads a file into an empty catalogue.
func catalogueOf(t testing.TB, file string) *Catalogue {
	t.Helper()
	c := &Catalogue{}
	if err := c.Merge([]byte(file), "own.yaml"); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRefused has a catalogue for each mistake, and the place and the remedy that are told.
func TestRefused(t *testing.T) {
	measure := func(source string) string { return "measures:\n  m: {from: [{" + source + "}]}\n" }
	shape := func(as, source string) string {
		return "measures:\n  m: {as: " + as + ", from: [{" + source + "}]}\n"
	}
	definition := func(kind, rest string) string {
		return `measures:
  flow: {from: [{of: ticket, at: created_at}]}
  stock: {from: [{of: ticket, while: open}]}
  clock: {as: clocked, from: [{of: agent, while: busy}]}
  aged: {as: aged, from: [{of: ticket, while: open, since: created_at}]}
  old: {as: oldest, from: [{of: ticket, while: open, since: created_at}]}
  times: {as: histogram, from: [{of: ticket, at: handled_at, value: handled_at - created_at}]}
  months: {as: by_month, unit: money, from: [{of: invoice, while: '!paid', from: overdue_at, month: issued_at, value: unpaid}]}
  rolling: {as: per_window, from: [{of: caller, count: active}]}
  periods: {as: per_period, from: [{of: customer, count: retained}]}
kpis:
  - key: k
    names: {en: K}
    direction: none
    unit: count
    type: ` + kind + "\n    " + rest + "\n"
	}
	value := func(kind, numerator string) string {
		return definition(kind, "formula: value\n    numerator: '"+numerator+"'")
	}
	for _, c := range []struct{ name, file, want string }{
		{"not yaml", "measures: [", `own.yaml:1:`},
		{"section", "measure:\n  a: 1\n", `own.yaml:2:4: section "measure" is unknown: use options, measures or kpis`},
		{"unknown field", "measures:\n  m: {form: []}\n", `own.yaml:2:7: unknown field "form": remove it, or use a name of the reference`},
		{"wrong kind of yaml", "measures:\n  m: {from: 3}\n", `own.yaml:2:13: `},
		{"anchor", "measures:\n  m: &a {from: []}\n", `own.yaml:2:6: anchors, aliases and tags are not read: write the value out`},
		{"twice", "measures:\n  m: {from: []}\n  m: {from: []}\n", `own.yaml:3:`},
		{"name", "measures:\n  M: {from: []}\n", `own.yaml:2:6: measures.M: name "M": use lower-case letters, digits and _`},
		{"two documents", "measures: {}\n---\nkpis: []\n", `own.yaml:3:`},
		{"no source", "measures:\n  m: {as: sum}\n", `own.yaml:2:6: measures.m.from: it is missing: say which facts feed the measure`},
		{"shape", shape("bars", "of: ticket, at: created_at"), `own.yaml:2:11: measures.m.as: shape "bars" is unknown: use one of count, sum, `},
		{"fact", measure("of: tickets, at: created_at"), `own.yaml:2:19: measures.m.from[0].of: "tickets" is unknown: use one of ticket, visit, `},
		{"field", measure("of: ticket, at: made_at"), `own.yaml:2:31: measures.m.from[0].at: "made_at" at 1:1: made_at is unknown: use a name that the reference lists`},
		{"option", measure("of: ticket, at: created_at, where: option.x == 1"), `own.yaml:2:50: measures.m.from[0].where: "option.x == 1" at 1:`},
		{"type", measure("of: ticket, at: replies"), `measures.m.from[0].at: "replies" is a whole number: give a time`},
		{"bool", measure("of: ticket, at: created_at, where: created_at"), `where: "created_at" is a time: give a bool`},
		{"operands", measure("of: ticket, at: created_at, where: 'open && replies'"), `own.yaml:2:50: measures.m.from[0].where: "open && replies" at 1:9: int where bool belongs: give a bool`},
		{"syntax", measure("of: ticket, at: created_at, where: 'open &&'"), `own.yaml:2:50: measures.m.from[0].where: "open &&" at 1:8: mismatched input '<EOF>': correct the expression`},
		{"no instant", measure("of: ticket"), `own.yaml:2:14: measures.m.from[0].at: a measure of shape count needs it: give an expression`},
		{"two instants", measure("of: ticket, while: open, at: created_at"), `measures.m.from[0].at: a stock is not dated: it lasts as long as while is true: leave it out`},
		{"stock of what is counted", measure("of: cost, while: plan"), `measures.m.from[0].of: cost has no present state, so it makes no stock: count it with at`},
		{"stock of what others change", measure("of: ticket, while: 'open && repeated'"),
			`own.yaml:2:34: measures.m.from[0].while: "open && repeated": repeated changes with others, too, and a stock moves with its own ticket alone: leave repeated out, or count with at`},
		{"stock from what others change", measure("of: ticket, while: open, from: 'forestalled ? created_at : handled_at'"), `measures.m.from[0].from: "forestalled ? created_at : handled_at": forestalled changes with others, too`},
		{"age of what others change", shape("aged", "of: interaction, while: '!ended', since: 'quiet ? ended_at : started_at'"), `measures.m.from[0].since: "quiet ? ended_at : started_at": quiet changes with others, too`},
		{"stock where others change", measure("of: interaction, while: ended, where: quiet"), `measures.m.from[0].where: "quiet": quiet changes with others, too`},
		{"count with a value", measure("of: ticket, at: created_at, value: replies"), `a count counts one for each; for values, use as: sum: leave it out`},
		{"from of a flow", measure("of: ticket, at: created_at, from: created_at"), `measures.m.from[0].from: only stocks begin: leave it out`},
		{"no since", shape("aged", "of: ticket, while: open"), `measures.m.from[0].since: a measure of shape aged needs it: give a time`},
		{"no month", shape("by_month", "of: invoice, while: '!paid', value: unpaid"), `measures.m.from[0].month: a measure of shape by_month needs it`},
		{"no value", shape("sum", "of: order, at: ordered_at"), `measures.m.from[0].value: a measure of shape sum needs it`},
		{"seconds of money", shape("sum, unit: seconds", "of: order, at: ordered_at, value: amount"), `"amount" is a number: give a duration`},
		{"unit", shape("sum, unit: yuan", "of: order, at: ordered_at, value: amount"), `own.yaml:2:22: measures.m.unit: "yuan" is unknown: use one of seconds, money, points, count`},
		{"histogram of points", shape("histogram, unit: points", "of: survey, at: answered_at, value: score"), `histograms are of durations, in seconds`},
		{"dimension", measure("of: ticket, at: created_at, set: {colour: cause}"), `own.yaml:2:57: measures.m.from[0].set.colour: dimension "colour" is unknown: use one of team, `},
		{"set to a number", measure("of: ticket, at: created_at, set: {cause: replies}"), `"replies" is a whole number: give a text`},
		{"as of", measure("of: ticket, at: created_at, as_of: assigned_at"), `own.yaml:2:50: measures.m.from[0].as_of: "assigned_at": the dimensions of ticket are known as of one of current, created_at, `},
		{"count", shape("per_window", "of: incident, count: broken"), `"broken" is not counted of incident: use one of reported, `},
		{"thread as count", measure("of: incident, count: repeated"), `repeated of incident is not a count: use as: per_window`},
		{"thread with fields", shape("per_window", "of: caller, count: active, at: created_at"), `caller is a thread, which has no fields: leave it out`},
		{"thread with a condition", shape("per_window", "of: caller, count: active, where: tenant == \"a\""), `caller is a thread, which has no fields: write a condition of options alone`},
		{"fact as thread", shape("per_window", "of: ticket, at: created_at"), `ticket is a fact, and a measure of shape per_window counts a thread`},
		{"label", measure("of: ticket, at: created_at, where: 'labels[cause] == \"\"'"), `the name of a label is computed: write it in quotes`},
		{"pattern", measure("of: ticket, at: created_at, where: 'cause.matches(\"(\")'"), `correct the pattern`},
		{"duration", measure("of: ticket, at: created_at, where: 'waited > duration(\"1 day\")'"), `at 1:18: duration of "1 day": give a number and a unit in quotes`},

		{"no key", "kpis:\n  - {names: {en: K}}\n", `own.yaml:2:5: key "": give the KPI a key`},
		{"key twice", "kpis:\n  - &a {}\n", `own.yaml:2:`},
		{"no name", "kpis:\n  - {key: k, type: flow, formula: value, direction: none, unit: count, numerator: x}\n", `own.yaml:2:5: kpis.k.names: no name in en: give one`},
		{"kind", value("flaw", "flow"), `own.yaml:16:11: kpis.k.type: "flaw": use one of stock, flow, cohort, period, cumulative`},
		{"formula", definition("flow", "formula: mean"), `kpis.k.formula: "mean": use one of ratio, value, `},
		{"no denominator", definition("flow", "formula: ratio\n    numerator: flow"), `kpis.k.denominator: it is missing: formula ratio takes numerator and denominator`},
		{"unread term", definition("flow", "formula: distribution\n    of: times\n    numerator: flow"), `kpis.k.numerator: formula distribution does not read it: leave it out, and give of`},
		{"measure", value("flow", "flow / tickets"), `own.yaml:18:16: kpis.k.numerator: "flow / tickets" at 1:8: tickets is unknown`},
		{"condition as a number", value("flow", "flow > 1"), `"flow > 1" is a bool: give a number`},
		{"flow at an instant", value("stock", "flow"), `flow is read over a window, and a KPI of type stock at an instant: use total(flow)`},
		{"histogram by itself", value("flow", "times"), `times is a histogram, which has no value by itself: use count(times) or mean(times) or sum(times)`},
		{"time of a stock", value("flow", "1 + time(stock)"), `at 1:9: time of stock, which is a stock: use stock or openings(stock) or start(stock)`},
		{"mean of a count", value("flow", "mean(flow)"), `mean of flow, which is a count: use flow or total(flow)`},
		{"age of a clocked stock", value("stock", "age(clock)"), `age of clock, which is a clocked: use clock`},
		{"oldest by itself", value("stock", "old"), `use oldest(old)`},
		{"months by themselves", value("period", "months"), `use due(months)`},
		{"function of a sum", value("flow", "total(flow + flow)"), `total of something computed: give it the name of a measure`},
		{"rolling in periods", value("period", "rolling"), `rolling has no value in calendar periods: make the KPI a flow`},
		{"rolling with periods", value("flow", "rolling + periods"), `kpis.k.type: flow: one of its measures has a meaning in rolling windows only, another in calendar periods only`},
		{"window of a stock", definition("stock", "formula: value\n    numerator: stock\n    windows: [7d]"), `own.yaml:19:15: kpis.k.windows[0]: "7d": a KPI of type stock is read at an instant`},
		{"window of a period", definition("period", "formula: value\n    numerator: flow\n    windows: [day, 7d]"), `kpis.k.windows[1]: "7d": a KPI of type period takes day, `},
		{"window without value", definition("flow", "formula: value\n    numerator: rolling\n    windows: [day]"), `kpis.k.windows[0]: "day": its measures have no value in such windows: leave it out`},
		{"window", definition("flow", "formula: value\n    numerator: flow\n    windows: [soon]"), `kpis.k.windows[0]: window "soon" is not one`},
		{"distribution of a count", definition("flow", "formula: distribution\n    of: flow"), `kpis.k.of: flow is a count: use the name of a histogram`},
		{"distribution at an instant", definition("stock", "formula: distribution\n    of: times"), `a histogram is of a window: use flow or period`},
		{"breakdown", definition("flow", "formula: value\n    numerator: flow\n    by: [colour]"), `kpis.k.by[0]: "colour": use one of team, `},
		{"slowest of nothing", definition("flow", "formula: slowest\n    of: times"), `formula slowest takes one dimension`},
		{"immature flow", definition("flow", "formula: value\n    numerator: flow\n    immature: flow"), `a KPI of type flow has nothing immature`},
		{"part", definition("flow", "formula: index\n    parts: [{name: a, numerator: flow}]"), `kpis.k.parts[0]: a part lacks its name, numerator or denominator`},
		{"part's measure", definition("flow", "formula: index\n    parts: [{name: a, numerator: flow, denominator: flaw}]"), `own.yaml:18:53: kpis.k.parts[0].denominator: "flaw" at 1:1: flaw is unknown`},
		{"also", definition("flow", "formula: value\n    numerator: flow\n    also: [l]"), `kpis.k.also[0]: "l" is no KPI`},
		{"default", "options:\n  o: {default: soon}\n", `own.yaml:2:16: options.o.default: "soon": give a number, a duration as in 20s, or the list of values allowed`},
		{"default not among values", "options:\n  o: {values: [a, b], default: c}\n", `options.o.default: value "c" is not allowed: use one of a, b`},
	} {
		t.Run(c.name, func(t *testing.T) {
			catalogue := &Catalogue{}
			err := catalogue.Merge([]byte(c.file), "own.yaml")
			if err == nil {
				_, err = catalogue.Compile(nil)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "own.yaml:") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

// TestTextsInBuiltIn wants names and descriptions in three languages in the built-in file.
func TestTextsInBuiltIn(t *testing.T) {
	c := &Catalogue{}
	file := "measures:\n  m: {from: [{of: ticket, at: created_at}]}\nkpis:\n  - {key: k, type: flow, formula: value, direction: none, unit: count, numerator: m, source: s,\n     names: {en: K, zh: K}, descriptions: {en: d, zh: d, fa: d}}\n"
	err := c.merge([]byte(file), builtinName, true)
	if want := `catalogue.yaml:5:13: kpis.k.names: no name in fa: give one`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestMerge overrides options, measures and KPIs of a catalogue, and adds some.
func TestMerge(t *testing.T) {
	c := catalogueOf(t, `
options:
  from: {default: 80, description: d}
  kind: {values: [a, b], default: a}
measures:
  one: {from: [{of: ticket, at: created_at}]}
  two: {as: sum, unit: points, from: [{of: survey, at: answered_at, value: score}]}
kpis:
  - {key: k, names: {en: K, fa: ک}, type: flow, unit: ratio, direction: lower, formula: ratio, numerator: one, denominator: two, windows: [7d]}
  - {key: l, names: {en: L}, type: flow, unit: count, direction: lower, formula: value, numerator: one}
`)
	err := c.Merge([]byte(`
options:
  from: {default: 70}
  more: {default: 20s}
measures:
  two: {from: [{of: ticket, at: closed_at}]}
  three: {from: [{of: ticket, at: resolved_at}]}
kpis:
  - {key: k, names: {en: Mine}, target: 0.5}
  - {key: m, names: {en: M}, type: flow, unit: count, direction: lower, formula: value, numerator: three}
  - {key: l, formula: ratio, numerator: one, denominator: two}
`), "more.yaml")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range c.Options {
		got = append(got, c.Options[i].Name+"="+c.Options[i].Current()+" "+c.Options[i].Description)
	}
	for i := range compiled.Measures {
		m := &compiled.Measures[i]
		got = append(got, m.Name+" "+string(m.Shape)+" "+m.Unit)
	}
	for i := range c.KPIs {
		d := &c.KPIs[i]
		got = append(got, strings.Join([]string{d.Key, d.Names["en"], d.Names["fa"], string(d.Formula), d.Numerator, d.Denominator}, " ")+" "+strings.Join(d.Windows, ","))
	}
	want := []string{
		"from=70 d", "kind=a ", "more=20s ",
		"one count count", "two count count", "three count count",
		"k Mine ک ratio one two 7d", "l L  ratio one two ", "m M  value three  ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d, _ := c.Find("k"); d.Target == nil || *d.Target != 0.5 {
		t.Errorf("target %v, want 0.5", d.Target)
	}
}

// TestLayout wants another hash of whatever changes what a vector means, and of nothing else.
func TestLayout(t *testing.T) {
	const file = `
options: {mode: {values: [a, b], default: a}}
measures:
  one: {from: [{of: ticket, at: created_at, where: '!merged', set: {cause: cause, stage: stage}}]}
  two: {as: sum, unit: money, from: [{of: order, at: ordered_at, value: amount}]}
kpis:
  - {key: k, names: {en: K}, type: flow, unit: count, direction: lower, formula: value, numerator: one}
`
	layout := func(file string) uint64 {
		compiled, err := catalogueOf(t, file).Compile(nil)
		if err != nil {
			t.Fatal(err)
		}
		return compiled.Layout
	}
	was := layout(file)
	for _, c := range []struct {
		name, old, with string
		same            bool
	}{
		{"nothing", "", "", true},
		{"a KPI", "numerator: one", "numerator: one + 1", true},
		{"a condition", "!merged", "merged", false},
		{"an instant", "at: created_at", "at: closed_at", false},
		{"the instant of dimensions", "at: created_at", "at: created_at, as_of: outcome", false},
		{"a dimension", "stage: stage", "stage: type", false},
		{"a value", "value: amount", "value: 2 * amount", false},
		{"a unit", "unit: money", "unit: count", false},
		{"a name", "two:", "three:", false},
		{"an option", "default: a", "default: b", false},
	} {
		if got := layout(strings.Replace(file, c.old, c.with, 1)); (got == was) != c.same {
			t.Errorf("%s: the hash was %x, is %x, and should be the same: %v", c.name, was, got, c.same)
		}
	}
}

// TestSetOption accepts what is allowed, and tells what is.
func TestSetOption(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"kind", "b", ""},
		{"kind", "c", `option kind: value "c" is not allowed: use one of a, b`},
		{"from", "70.5", ""},
		{"from", "high", `option from: value "high" is not a number: write one, as in 80`},
		{"within", "1m", ""},
		{"within", "60", `option within: value "60" is not a duration: write a number and a unit, as in 20s`},
		{"other", "1", `option "other" is unknown: use one of kind, from, within`},
	} {
		catalogue := catalogueOf(t, "options:\n  kind: {values: [a, b], default: a}\n  from: {default: 80}\n  within: {default: 20s}\n")
		err := catalogue.SetOption(c.name, c.value)
		switch o, _ := catalogue.Option(c.name); {
		case c.want == "" && (err != nil || o.Current() != c.value):
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		case c.want != "" && (err == nil || err.Error() != c.want):
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
