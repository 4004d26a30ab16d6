package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/board"
)

type kpiCommand struct {
	List    kpiList    `cmd:"" help:"List the KPIs."`
	Explain kpiExplain `cmd:"" help:"Tell what a KPI is made of."`
	Docs    kpiDocs    `cmd:"" help:"Print the catalogue as a page."`
}

// Help is shown by kpi --help.
func (kpiCommand) Help() string {
	return `Examples:

    deskpulse kpi list
    deskpulse kpi explain overdue_ratio
`
}

// defined is the catalogue of a configuration.
type defined struct {
	Config string `type:"existingfile" env:"DESKPULSE_CONFIG" placeholder:"FILE" help:"With the KPIs and options of this configuration; see docs/configuration.md."`
	Lang   string `enum:"en,zh,fa" default:"en" help:"Language: en, zh or fa."`
}

func (c *defined) load(log *zap.Logger) (*kpi.Compiled, error) {
	settings, err := board.Load(c.Config, log)
	if err != nil {
		return nil, err
	}
	return settings.Compiled, nil
}

type kpiList struct {
	defined `embed:""`
	JSON    bool `name:"json" help:"Print a JSON array, with definitions and sources."`
}

// Help is shown by kpi list --help.
func (kpiList) Help() string {
	return `The key is what you give to the API, to alerts and to SQL.

Examples:

    deskpulse kpi list
    deskpulse kpi list --lang zh
    deskpulse kpi list --json | jq -r '.[] | .key + ": " + .description'
`
}

// kpiJSON is one KPI as kpi list --json prints it.
type kpiJSON struct {
	Key         string   `json:"key"`
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Unit        string   `json:"unit"`
	Better      string   `json:"better"`
	Windows     []string `json:"windows"`
	Description string   `json:"description"`
	Source      string   `json:"source"`
}

// Run prints the catalogue.
func (c kpiList) Run(out *console, log *zap.Logger) error {
	compiled, err := c.load(log)
	if err != nil {
		return err
	}
	kpis := compiled.Catalogue.KPIs
	if c.JSON {
		return c.printJSON(out, kpis)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tTYPE\tUNIT\tBETTER\tNAME")
	for i := range kpis {
		d := &kpis[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Key, d.Type, d.Unit, d.Direction, inLanguage(d.Names, c.Lang))
	}
	return w.Flush()
}

func (c kpiList) printJSON(out *console, kpis []kpi.Definition) error {
	list := make([]kpiJSON, len(kpis))
	for i := range kpis {
		d := &kpis[i]
		list[i] = kpiJSON{
			d.Key, inLanguage(d.Names, c.Lang), string(d.Type), d.Unit, d.Direction, append([]string{}, d.Windows...),
			inLanguage(d.Descriptions, c.Lang), d.Source,
		}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// inLanguage falls back to English where the catalogue lacks a translation.
func inLanguage(texts map[string]string, lang string) string {
	if n := texts[lang]; n != "" {
		return strings.TrimSpace(n)
	}
	return strings.TrimSpace(texts["en"])
}
