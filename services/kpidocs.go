package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/services/board"
)

type kpiDocs struct {
	defined `embed:""`
}

// Help is shown by kpi docs --help.
func (kpiDocs) Help() string {
	return `Prints a page in Markdown with every KPI: what it means, its formula, its measures and
switches, and its names. With --config it is the catalogue of your company.

Examples:

    deskpulse kpi docs --lang zh > docs/catalogue.zh.md
    deskpulse kpi docs --config deskpulse.yaml > our-kpis.md
`
}

// labels are what a page says beside the catalogue's own texts.
type labels struct {
	Title      string              `json:"title"`
	Intro      string              `json:"intro"`
	Made       string              `json:"made"`
	Key        string              `json:"key"`
	Name       string              `json:"name"`
	Unit       string              `json:"unit"`
	Better     string              `json:"better"`
	Kind       string              `json:"kind"`
	Windows    string              `json:"windows"`
	By         string              `json:"by"`
	Target     string              `json:"target"`
	Formula    string              `json:"formula"`
	Beside     string              `json:"beside"`
	Source     string              `json:"source"`
	Switches   string              `json:"switches"`
	Measures   string              `json:"measures"`
	Prometheus string              `json:"prometheus"`
	Clickhouse string              `json:"clickhouse"`
	Colon      string              `json:"colon"`
	Options    string              `json:"options"`
	Option     string              `json:"option"`
	Value      string              `json:"value"`
	Meaning    string              `json:"meaning"`
	Units      map[string]string   `json:"units"` // by shown_as; "%" and "‰" are themselves
	Direction  map[string]string   `json:"direction"`
	Types      map[kpi.Type]string `json:"types"`
}

//go:embed kpidocs.json
var pageLabels []byte

// Run prints the page.
func (c kpiDocs) Run(out *console, log *zap.Logger) error {
	compiled, err := c.load(log)
	if err != nil {
		return err
	}
	var texts map[string]labels
	if err := json.Unmarshal(pageLabels, &texts); err != nil {
		return fmt.Errorf("kpidocs.json: %w", err)
	}
	text := texts[c.Lang]
	p := &page{compiled: compiled, lang: c.Lang, text: &text}
	if c.Lang == "fa" {
		p.WriteString("<div dir=\"rtl\" lang=\"fa\">\n\n")
	}
	fmt.Fprintf(p, "# %s\n\n%s %s\n", text.Title, text.Intro, text.Made)
	for _, section := range board.Sections {
		if err := p.section(section); err != nil {
			return err
		}
	}
	p.options()
	if c.Lang == "fa" {
		p.WriteString("\n</div>\n")
	}
	_, err = fmt.Fprint(out, p.String())
	return err
}

// page is being written.
type page struct {
	strings.Builder
	compiled *kpi.Compiled
	lang     string
	text     *labels
}

// section writes an overview of its KPIs, and then each.
func (p *page) section(section string) error {
	var kpis []*kpi.Definition
	for i := range p.compiled.Catalogue.KPIs {
		if d := &p.compiled.Catalogue.KPIs[i]; board.Section(d) == section {
			kpis = append(kpis, d)
		}
	}
	if len(kpis) == 0 {
		return nil
	}
	name, err := board.SectionName(section, p.lang)
	if err != nil {
		return err
	}
	if len(section) == 1 {
		name = section + ". " + name
	}
	fmt.Fprintf(p, "\n## %s\n\n| %s | %s | %s | %s |\n|---|---|---|---|\n", name, p.text.Name, p.text.Key, p.text.Unit, p.text.Better)
	for _, d := range kpis {
		fmt.Fprintf(p, "| %s | [`%s`](#%[2]s) | %s | %s |\n", inLanguage(d.Names, p.lang), d.Key, p.unit(d), p.text.Direction[d.Direction])
	}
	for _, d := range kpis {
		p.kpi(d)
	}
	return nil
}

func (p *page) unit(d *kpi.Definition) string {
	if u, ok := p.text.Units[d.ShownAs]; ok {
		return u
	}
	return d.ShownAs
}

// kpi writes one.
func (p *page) kpi(d *kpi.Definition) {
	fmt.Fprintf(p, "\n### %s\n\n**%s.** %s\n\n", d.Key, inLanguage(d.Names, p.lang), inLanguage(d.Descriptions, p.lang))
	x := p.compiled.Explain(d)
	var names []string
	for _, o := range x.Options {
		names = append(names, o.Name+" = "+o.Current())
	}
	p.item(p.text.Formula, "; ", formula(d)...)
	p.line(p.text.Kind, p.text.Types[d.Type])
	p.item(p.text.Windows, ", ", d.Windows...)
	p.item(p.text.By, "; ", d.By...)
	if d.Target != nil {
		p.line(p.text.Target, fmt.Sprint(*d.Target))
	}
	p.item(p.text.Switches, ", ", names...)
	p.item(p.text.Beside, ", ", d.Also...)
	p.line(p.text.Source, d.Source)
	p.item(p.text.Prometheus, ", ", output.MetricNames(d)...)
	p.item(p.text.Clickhouse, ", ", output.ViewNames(p.compiled, d)...)
	fmt.Fprintf(p, "\n%s%s\n\n```\n%s\n```\n", p.text.Measures, strings.TrimSpace(p.text.Colon), strings.Join(measures(x.Specs), "\n"))
}

func (p *page) line(name, text string) { fmt.Fprintf(p, "- %s%s%s\n", name, p.text.Colon, text) }

// item writes texts as code, or nothing where there are none.
func (p *page) item(name, between string, texts ...string) {
	if len(texts) == 0 {
		return
	}
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = "`" + strings.TrimSpace(t) + "`"
	}
	p.line(name, strings.Join(quoted, between))
}

// options writes all switches.
func (p *page) options() {
	fmt.Fprintf(p, "\n## %s\n\n| %s | %s | %s |\n|---|---|---|\n", p.text.Options, p.text.Option, p.text.Value, p.text.Meaning)
	for _, o := range p.compiled.Catalogue.Options {
		value := "`" + o.Current() + "`"
		for _, v := range o.Values {
			if v != o.Current() {
				value += ", " + v
			}
		}
		fmt.Fprintf(p, "| `%s` | %s | %s |\n", o.Name, value, strings.Join(strings.Fields(o.Description), " "))
	}
}
