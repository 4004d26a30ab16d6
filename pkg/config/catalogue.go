package config

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
)

// catalogue is the built-in one with the files and options over it.
func (c *Config) catalogue() (*kpi.Catalogue, error) {
	out, err := kpi.LoadCatalogue()
	if err != nil {
		return nil, err
	}
	for i, name := range c.KPIs {
		data, err := os.ReadFile(beside(c.folder, name))
		if err != nil {
			return nil, unreadable(fmt.Sprintf("kpis[%d]", i), name, err)
		}
		if err := out.Merge(data, beside(c.folder, name)); err != nil {
			return nil, definition(fmt.Sprintf("kpis[%d]", i), err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		if err := out.SetOption(name, c.Options[name]); err != nil {
			return nil, wrong("options."+name, err)
		}
	}
	return out, nil
}

// checkCatalogue compiles the catalogue, if it is not the built-in one alone, and tries the
// scorecards, which name its KPIs.
func (c *Config) checkCatalogue() error {
	catalogue, err := c.catalogue()
	if err != nil {
		return err
	}
	if len(c.KPIs) > 0 || len(c.Options) > 0 {
		if _, err = catalogue.Compile(nil); err != nil {
			return definition("kpis", err)
		}
	}
	_, err = scorecard.New(&c.Scorecards, catalogue)
	return err
}

// definition is a mistake in a file of definitions, which says its own place and remedy.
func definition(path string, err error) error {
	return &process.FieldError{Path: path, Problem: err.Error()}
}
