package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

type kpiCommand struct {
	List kpiList `cmd:"" help:"List the KPIs."`
}

// Help is shown by kpi --help.
func (kpiCommand) Help() string {
	return `Examples:

    deskpulse kpi list
`
}

type kpiList struct {
	Lang string `enum:"en,zh,fa" default:"en" help:"Language of the names: en, zh or fa."`
	JSON bool   `name:"json" help:"Print a JSON array, with definitions and sources."`
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
	Key         string `json:"key"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	Unit        string `json:"unit"`
	Better      string `json:"better"`
	Description string `json:"description"`
	Source      string `json:"source"`
}

// Run prints the catalogue.
func (c kpiList) Run(out *console) error {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		return err
	}
	if c.JSON {
		return c.printJSON(out, catalogue)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tTYPE\tUNIT\tBETTER\tNAME")
	for i := range catalogue {
		d := &catalogue[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.Key, d.Type, d.Unit, d.Direction, c.name(d))
	}
	return w.Flush()
}

func (c kpiList) printJSON(out *console, catalogue kpi.Catalogue) error {
	list := make([]kpiJSON, len(catalogue))
	for i := range catalogue {
		d := &catalogue[i]
		list[i] = kpiJSON{d.Key, c.name(d), string(d.Type), d.Unit, d.Direction, d.Description, d.Source}
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// name falls back to English where the catalogue lacks a translation.
func (c kpiList) name(d *kpi.Definition) string {
	if n := d.Names[c.Lang]; n != "" {
		return n
	}
	return d.Names["en"]
}
