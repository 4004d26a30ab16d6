package board

import (
	"net/http"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

// definition is a KPI of the catalogue as the API shows it.
type definition struct {
	Key          string            `json:"key"`
	Names        map[string]string `json:"names"`
	Descriptions map[string]string `json:"descriptions"`
	Section      string            `json:"section"`
	Source       string            `json:"source"`
	Type         kpi.Type          `json:"type"`
	Unit         string            `json:"unit"`
	ShownAs      string            `json:"shown_as"`
	Direction    string            `json:"direction"`
	Formula      kpi.Formula       `json:"formula"`
	Numerator    string            `json:"numerator,omitempty"`
	Denominator  string            `json:"denominator,omitempty"`
	Of           string            `json:"of,omitempty"`
	Parts        []part            `json:"parts,omitempty"`
	Immature     string            `json:"immature,omitempty"`
	Measures     []string          `json:"measures"`
	Metrics      []string          `json:"metrics"`
	By           []string          `json:"by"`
	Windows      []string          `json:"windows"`
	Target       *float64          `json:"target"`
	Also         []string          `json:"also"`
	Options      []string          `json:"options"`
}

type part struct {
	Name        string  `json:"name"`
	Numerator   string  `json:"numerator"`
	Denominator string  `json:"denominator"`
	Scale       float64 `json:"scale"`
	Weight      float64 `json:"weight"`
}

// option is a switch of definition with the value in force.
type option struct {
	Name        string   `json:"name"`
	Value       string   `json:"value"`
	Default     string   `json:"default"`
	Values      []string `json:"values,omitempty"`
	Description string   `json:"description"`
}

func (b *Board) serveCatalogue(w http.ResponseWriter, r *http.Request) {
	if _, p := query(r); p != nil {
		p.Remedy = "this address takes no parameters"
		p.write(w)
		return
	}
	st := b.state.Load()
	out := struct {
		KPIs      []definition `json:"kpis"`
		Options   []option     `json:"options"`
		Tenants   []string     `json:"tenants"`
		Windows   []string     `json:"windows"`
		Groupings []string     `json:"groupings"`
	}{Tenants: notNil(st.tenants), Windows: notNil(st.windows), Groupings: setNames(st.sets)}
	c := b.config.Compiled
	for i := range c.Catalogue.KPIs {
		out.KPIs = append(out.KPIs, define(c, &c.Catalogue.KPIs[i]))
	}
	for _, o := range c.Catalogue.Options {
		out.Options = append(out.Options, option{o.Name, o.Current(), o.Default, o.Values, o.Description})
	}
	writeJSON(w, out)
}

func define(c *kpi.Compiled, d *kpi.Definition) definition {
	out := definition{
		Key: d.Key, Names: d.Names, Descriptions: d.Descriptions, Section: Section(d), Source: d.Source,
		Type: d.Type, Unit: d.Unit, ShownAs: d.ShownAs, Direction: d.Direction,
		Formula: d.Formula, Numerator: d.Numerator, Denominator: d.Denominator, Of: d.Of, Immature: d.Immature,
		Metrics: output.MetricNames(d), By: notNil(d.By), Windows: notNil(d.Windows), Target: d.Target,
		Also: notNil(d.Also), Options: notNil(d.Options),
	}
	for _, p := range d.Parts {
		out.Parts = append(out.Parts, part(p))
	}
	for _, spec := range c.Explain(d).Specs {
		out.Measures = append(out.Measures, spec.Name)
	}
	return out
}

// notNil makes JSON say [] and not null.
func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
