package kpi

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// FuzzCatalogue wants an error or a catalogue that works of any text, never a panic, and
// of an error its place.
func FuzzCatalogue(f *testing.F) {
	f.Add(string(catalogueYAML)[:4000])
	f.Add(formulaMeasures + kpiLine("k", Flow, "ratio", "numerator: flow + time(clock), denominator: mean(times)"))
	f.Add("options: {o: {values: [a], default: a}}\nmeasures:\n  m: {from: [{of: call, at: offered_at, where: 'option.o == \"a\" && labels[\"x\"] != \"\"'}]}\n")
	f.Add("kpis:\n- key: k\n  <<: {a: b}\n  names: !!map {}\n")
	f.Fuzz(func(t *testing.T, file string) {
		c := &Catalogue{}
		err := c.Merge([]byte(file), "own.yaml")
		if err == nil {
			var compiled *Compiled
			if compiled, err = c.Compile(newNames()); err == nil {
				exercise(compiled)
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "own.yaml:") {
			t.Errorf("no place: %v", err)
		}
	})
}

// FuzzExpression does the same for expressions over facts and over measures.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{"", "open && !closed", "created_at - handled_at", `cause in ["a", "b"]`, "replies * 2 / 3.5", `labels["x"]`, "mean(times) / flow", "due(months)", `option.of == "all" ? 1 : 2`, "time(clock)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range []Source{
			{Of: "ticket", At: "created_at", Where: text},
			{Of: "ticket", At: text},
			{Of: "ticket", At: "created_at", Value: text},
			{Of: "ticket", At: "created_at", Value: "1", Set: map[string]string{"stage": text}},
			{Of: "caller", Count: "active", Where: text},
		} {
			shape := ShapeSum
			if s.At == "" {
				shape = ShapePerWindow
			}
			c := &Catalogue{Measures: []NamedSpec{{Name: "m", Spec: Spec{As: shape, From: []Source{s}}}}}
			if s.Value == "" && s.At != "" {
				c.Measures[0].From[0].Value = "replies"
			}
			if compiled, err := c.Compile(newNames()); err == nil {
				exercise(compiled)
			}
		}
		c := catalogueOf(t, formulaMeasures)
		for _, kind := range []Type{Flow, Stock, Periodic} {
			c.KPIs = []Definition{{Key: "k", Type: kind, Formula: Plain, Numerator: text}}
			if compiled, err := c.Compile(nil); err == nil {
				exercise(compiled)
			}
		}
	})
}

// exercise runs all that a catalogue compiles to, over random facts and totals.
func exercise(c *Compiled) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range c.Feeds {
		f := &c.Feeds[i]
		if f.Thread != "" {
			continue
		}
		fact := randomFact(rng, f.Fact, newNames(), 0)
		for _, condition := range []Condition{f.Where, f.While} {
			if condition != nil {
				condition(&Fact{})
			}
		}
		for _, number := range []Number{f.At, f.From, f.Since, f.Month, f.Value} {
			if number != nil {
				number(fact)
			}
		}
	}
	var totals []Totals
	for _, name := range []string{"7d", "month", "all"} {
		v := window.Vector{}
		for i := range c.Measures {
			v.Add(c.Measures[i].Slot+1, rng.Int64N(5)-2)
		}
		totals = append(totals, Totals{Window: name, Values: v})
	}
	for _, r := range c.Readings(1_000_000, totals) {
		d, _ := c.Catalogue.Find(r.KPI)
		AppendReadingJSON(nil, 0, &r, d)
		c.Explain(d)
	}
}
