package kpi

import (
	"maps"
	"slices"
)

// Explanation is what a KPI is made of, in the order of its terms.
type Explanation struct {
	Terms   []Term
	Specs   []NamedSpec // of the measures, each once
	Facts   []FactUse   // of the measures' sources, each once
	Threads []ThreadUse
	Events  []string // the kinds of events that all of it comes from, in order
	Options []Option // those that it depends on; Current tells the value in force
	Windows []string // those shown by default, or nil
}

// FactUse is a kind of fact, and which of its fields the measures read.
type FactUse struct {
	Name, Doc string
	Fields    []Field
}

// ThreadUse is a thread and what is counted of it.
type ThreadUse struct{ Thread, Count, Doc string }

// threadDocs say in words what Threads count.
var threadDocs = map[string]string{
	"incident reported":      "incidents that the customer reported in the window",
	"incident repeated":      "incidents that the customer reported twice or more in the window",
	"incident repeated_ever": "incidents reported in the window, and twice or more since ever",
	"incident new":           "incidents first reported in the window",
	"incident new_repeated":  "incidents first reported in the window, and reported again since",
	"caller active":          "customers who made a contact in the window",
	"respondent active":      "customers whose latest answer on satisfaction lies in the window",
	"respondent satisfied":   "customers whose latest answer on satisfaction lies in the window and is at or over the threshold",
	"customer new":           "customers, at their first order or subscription",
	"customer active":        "customers who hold a live subscription or have bought in the window",
	"customer at_start":      "customers active at the start of the period",
	"customer retained":      "customers active at the start of the period and in it",
	"billed new":             "subscriptions billed, once in each local month",
}

// factEvents are the kinds of events that facts and threads come from.
var factEvents = map[string][]string{
	"ticket": {"ticket"}, "visit": {"ticket"}, "handoff": {"ticket"}, "next_response": {"ticket"}, "resolution": {"ticket"},
	"call": {"call"}, "interaction": {"interaction"}, "complaint": {"complaint"}, "survey": {"survey"},
	"suggestion": {"suggestion"}, "cost": {"cost"}, "order": {"order"}, "subscription": {"customer"},
	"invoice": {"invoice", "payment"}, "agent": {"agent"}, "opening": {"opening"},
	"contact": {"ticket", "call", "interaction"}, "service": {"ticket", "call", "interaction"},
	"incident": {"ticket", "call", "complaint"}, "caller": {"ticket", "call", "interaction"},
	"respondent": {"survey"}, "customer": {"order", "customer"}, "billed": {"invoice"},
}

// Explain tells what a KPI is made of.
func (c *Compiled) Explain(d *Definition) Explanation {
	x := Explanation{Terms: c.Terms(d), Windows: d.Windows}
	events := map[string]bool{}
	var seen []int
	for _, t := range x.Terms {
		if slices.Contains(seen, t.Index) {
			continue
		}
		seen = append(seen, t.Index)
		spec := c.Catalogue.Measures[t.Index]
		x.Specs = append(x.Specs, spec)
		for _, s := range spec.From {
			for _, e := range factEvents[s.Of] {
				events[e] = true
			}
		}
		for i := range c.feeds {
			if f := &c.feeds[i]; f.Measure == t.Index {
				x.add(f)
			}
		}
	}
	x.Events = slices.Sorted(maps.Keys(events))
	for _, name := range c.optionsOf(d) {
		if o, ok := c.Catalogue.Option(name); ok {
			x.Options = append(x.Options, *o)
		}
	}
	return x
}

// optionsOf are those that Compile has found for the key.
func (c *Compiled) optionsOf(d *Definition) []string {
	if own, ok := c.Catalogue.Find(d.Key); ok {
		return own.Options
	}
	return nil
}

// add notes the fact or thread of a feed.
func (x *Explanation) add(f *Feed) {
	if f.Thread != "" {
		use := ThreadUse{f.Thread, f.Count, threadDocs[f.Thread+" "+f.Count]}
		if !slices.Contains(x.Threads, use) {
			x.Threads = append(x.Threads, use)
		}
		return
	}
	s := Schemas[f.Fact]
	i := slices.IndexFunc(x.Facts, func(u FactUse) bool { return u.Name == s.Name })
	if i < 0 {
		i = len(x.Facts)
		x.Facts = append(x.Facts, FactUse{Name: s.Name, Doc: s.Doc})
	}
	use := &x.Facts[i]
	for n, field := range s.Fields {
		if f.Reads&(1<<n) != 0 && !slices.ContainsFunc(use.Fields, func(o Field) bool { return o.Name == field.Name }) {
			use.Fields = append(use.Fields, field)
		}
	}
}
