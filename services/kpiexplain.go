package main

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

type kpiExplain struct {
	defined `embed:""`
	Key     string `arg:"" help:"Its key: see deskpulse kpi list."`
	SQL     bool   `name:"sql" help:"Print the SQL of its views in ClickHouse instead."`
}

// Help is shown by kpi explain --help.
func (kpiExplain) Help() string {
	return `Prints the definition in words and as a formula, the measures with their expressions, the
events and fields that they read, the switches with their values in force, and the names
in Prometheus and in ClickHouse.

Examples:

    deskpulse kpi explain response_time
    deskpulse kpi explain response_time --sql
    deskpulse kpi explain satisfied_customer_ratio --config deskpulse.yaml --lang fa
`
}

// Run prints what a KPI is made of.
func (c kpiExplain) Run(out *console, log *zap.Logger) error {
	compiled, err := c.load(log)
	if err != nil {
		return err
	}
	d, ok := compiled.Catalogue.Find(c.Key)
	if !ok {
		return fmt.Errorf("kpi %q is not in the catalogue: see deskpulse kpi list", c.Key)
	}
	if c.SQL {
		return printSQL(out, compiled, d)
	}
	x := compiled.Explain(d)
	var text strings.Builder
	e := explanation{&text}
	e.section("", inLanguage(d.Names, c.Lang)+" ("+d.Key+")", "", inLanguage(d.Descriptions, c.Lang))
	e.section("Definition", facts(d)...)
	e.section("Formula", formula(d)...)
	e.section("Switches", switches(x.Options)...)
	e.section("Measures", measures(x.Specs)...)
	e.section("Events", strings.Join(x.Events, ", "))
	e.section("Facts and their fields", fields(&x)...)
	e.section("Prometheus", output.MetricNames(d)...)
	e.section("ClickHouse", queries(compiled, d)...)
	_, err = fmt.Fprint(out, text.String())
	return err
}

// printSQL prints the views of a KPI.
func printSQL(out *console, c *kpi.Compiled, d *kpi.Definition) error {
	for _, name := range output.ViewNames(c, d) {
		sql, err := output.ViewSQL(c, d, name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "CREATE VIEW deskpulse.%s AS\n%s;\n\n", name, sql); err != nil {
			return err
		}
	}
	return nil
}

// explanation writes sections of indented lines; empty ones are left out.
type explanation struct{ *strings.Builder }

func (e *explanation) section(title string, lines ...string) {
	indent := ""
	if title != "" && len(strings.Join(lines, "")) > 0 {
		fmt.Fprintf(e, "\n%s\n", title)
		indent = "  "
	}
	for _, line := range lines {
		e.WriteString(strings.TrimRight(indent+line, " ") + "\n")
	}
}

// facts are the properties of a definition, each a line.
func facts(d *kpi.Definition) []string {
	out := []string{
		"type:    " + string(d.Type),
		"unit:    " + d.Unit + ", shown as " + d.ShownAs,
		"better:  " + d.Direction,
		"source:  " + d.Source,
	}
	if len(d.Windows) > 0 {
		out = append(out, "windows: "+strings.Join(d.Windows, ", "))
	}
	if len(d.By) > 0 {
		out = append(out, "by:      "+strings.Join(d.By, "; "))
	}
	if d.Target != nil {
		out = append(out, fmt.Sprintf("target:  %g", *d.Target))
	}
	if len(d.Also) > 0 {
		out = append(out, "beside:  "+strings.Join(d.Also, ", "))
	}
	return out
}

// formula is how measures become the value, in no language.
func formula(d *kpi.Definition) (out []string) {
	switch d.Formula {
	case kpi.Ratio:
		out = append(out, grouped(d.Numerator)+" ÷ "+grouped(d.Denominator))
	case kpi.Share:
		out = append(out, grouped(d.Numerator)+" ÷ Σ "+grouped(d.Numerator))
	case kpi.Distribution:
		out = append(out, d.Of+": mean, count, p50, p90, p95, p99")
	case kpi.Slowest:
		out = append(out, "max by "+strings.Join(d.By, ", ")+" of mean("+d.Of+")")
	case kpi.Index:
		out = append(out, "Σ weight × part ÷ Σ weight")
		for _, p := range d.Parts {
			out = append(out, fmt.Sprintf("%s: %g × %s ÷ %s, weight %g", p.Name, orOne(p.Scale), grouped(p.Numerator), grouped(p.Denominator), orOne(p.Weight)))
		}
	default:
		out = append(out, d.Numerator)
	}
	if d.Immature != "" {
		out = append(out, "immature: "+d.Immature)
	}
	return out
}

// grouped puts brackets around what is more than a name.
func grouped(expression string) string {
	if strings.ContainsAny(expression, " ?") {
		return "(" + expression + ")"
	}
	return expression
}

func orOne(v float64) float64 {
	if v == 0 {
		return 1
	}
	return v
}

func switches(options []kpi.Option) (out []string) {
	for _, o := range options {
		out = append(out, o.Name+" = "+o.Current())
		if len(o.Values) > 0 {
			out = append(out, "  one of "+strings.Join(o.Values, ", "))
		}
		out = append(out, "  "+strings.TrimSpace(o.Description))
	}
	return out
}

// measures are the sources of each measure, as the catalogue writes them.
func measures(specs []kpi.NamedSpec) (out []string) {
	for i := range specs {
		s := &specs[i]
		head := s.Name + ": " + shape(&s.Spec)
		if s.Unit != "" {
			head += " of " + s.Unit
		}
		out = append(out, head)
		for j := range s.From {
			out = append(out, source(&s.From[j])...)
		}
	}
	return out
}

// shape is what a measure counts as, where its file leaves it out too.
func shape(s *kpi.Spec) string {
	switch {
	case s.As != "":
		return string(s.As)
	case len(s.From) > 0 && s.From[0].While != "":
		return string(kpi.ShapeStock)
	default:
		return string(kpi.ShapeCount)
	}
}

func source(s *kpi.Source) []string {
	head := "  of " + s.Of
	if s.Count != "" {
		head += ", count " + s.Count
	}
	out := []string{head}
	for _, part := range []struct{ name, text string }{
		{"where", s.Where}, {"while", s.While}, {"from", s.From}, {"at", s.At}, {"value", s.Value},
		{"since", s.Since}, {"month", s.Month}, {"as_of", s.AsOf},
	} {
		if part.text != "" {
			out = append(out, "    "+part.name+": "+strings.Join(strings.Fields(part.text), " "))
		}
	}
	return out
}

func fields(x *kpi.Explanation) (out []string) {
	for _, f := range x.Facts {
		out = append(out, f.Name+": "+f.Doc)
		for _, field := range f.Fields {
			out = append(out, "  "+field.Name+": "+field.Doc)
		}
	}
	for _, t := range x.Threads {
		out = append(out, t.Thread+", count "+t.Count+": "+t.Doc)
	}
	return out
}

// queries ask the views of a KPI, with all parameters that each takes.
func queries(c *kpi.Compiled, d *kpi.Definition) (out []string) {
	for _, name := range output.ViewNames(c, d) {
		given := []string{"tenant = 'acme'", "by = 'team'"}
		if !c.By(d, kpi.SetOf(kpi.Team)) {
			given[1] = "by = ''"
		}
		switch {
		case strings.HasSuffix(name, "_period"):
			given = append(given, "from = '2026-03-01'", "to = '2026-04-01'")
			given = append(given, ofPeriods(c, d)...)
		case d.Windowed():
			given = append(given, "at = toStartOfMinute(now())", "window = '24h'")
		default:
			given = append(given, "at = toStartOfMinute(now())")
		}
		out = append(out, "SELECT * FROM "+name+"("+strings.Join(given, ", ")+")")
	}
	return out
}

// ofPeriods are the further parameters of a view over a period.
func ofPeriods(c *kpi.Compiled, d *kpi.Definition) (out []string) {
	for _, t := range c.Terms(d) {
		var more []string
		switch {
		case t.Function == "time", t.Function == "age":
			more = []string{"zone = 'UTC'"}
		case t.Function == "openings":
			more = []string{"months = ['2026-03-01']"}
		case t.Function == "due":
			more = []string{"first_month = 674", "last_month = 674"} // March 2026, counted from January 1970
		case t.Shape == kpi.ShapePerPeriod:
			more = []string{"period = 'month'"}
		}
		for _, parameter := range more {
			if !slices.Contains(out, parameter) {
				out = append(out, parameter)
			}
		}
	}
	return out
}
