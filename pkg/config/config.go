// Package config holds what a company sets: windows, breakdowns and SLA targets, in one
// YAML file. It turns them into the configuration of the engine, which depends on
// nothing else.
package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/sla"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Config is the file. Default gives what holds where the file says nothing.
type Config struct {
	// Windows over which flows are read, shortest first, as in 5m, 24h, 30d and all.
	Windows []string `yaml:"windows"`
	// Dimensions that are told apart at all. Fewer need less memory.
	Dimensions []string `yaml:"dimensions"`
	// Breakdowns that are kept live, each a list of dimensions separated by commas. Any
	// other is answered from the history.
	Breakdowns []string `yaml:"breakdowns"`
	// SLA holds the targets for requests that come without a due time of their own.
	SLA SLA `yaml:"sla"`
}

// SLA is how long a request may take.
type SLA struct {
	// Resolution is the running time until a request must be resolved, by priority, as in
	// 8h or 90m; letter case does not matter. The clock pauses while the request waits.
	Resolution map[string]string `yaml:"resolution"`
	// Default is for requests of any other priority, or none; empty is no target.
	Default string `yaml:"default"`
}

// Default returns the configuration that holds without a file.
func Default() *Config {
	c := &Config{
		Dimensions: []string{"team", "channel", "priority", "category", "agent"},
		Breakdowns: []string{"team", "channel", "priority", "category", "agent", "team,priority"},
		SLA: SLA{
			Resolution: map[string]string{"urgent": "4h", "high": "8h", "normal": "72h", "low": "120h"},
			Default:    "72h",
		},
	}
	for _, w := range window.Default() {
		c.Windows = append(c.Windows, w.Name)
	}
	return c
}

// Load reads a file over the defaults; "" is the defaults alone. Warnings do not stop
// the start.
func Load(file string) (c *Config, warnings []string, err error) {
	c = Default()
	if file == "" {
		return c, nil, nil
	}
	targets := c.SLA.Resolution
	c.SLA.Resolution = nil // the file's targets replace the default ones as a whole
	if warnings, err = process.LoadFile(file, c); err != nil {
		return nil, warnings, err
	}
	if c.SLA.Resolution == nil {
		c.SLA.Resolution = targets
	}
	return c, warnings, nil
}

// Validate checks the whole configuration.
func (c *Config) Validate() (warnings []string, err error) {
	if _, err := c.windows(); err != nil {
		return nil, err
	}
	if _, _, err := c.sets(); err != nil {
		return nil, err
	}
	if _, err := c.policy(); err != nil {
		return nil, err
	}
	if !slices.Contains(c.Breakdowns, "team") {
		warnings = append(warnings, "breakdowns: team is missing: the board's table of teams will come from the history")
	}
	return warnings, nil
}

// Engine returns the engine's configuration, all but what differs by partition.
func (c *Config) Engine() (engine.Config, error) {
	var out engine.Config
	var err error
	if out.Windows, err = c.windows(); err != nil {
		return out, err
	}
	if out.Keep, out.Groups, err = c.sets(); err != nil {
		return out, err
	}
	if out.Policy, err = c.policy(); err != nil {
		return out, err
	}
	out.Catalogue, err = kpi.LoadCatalogue()
	return out, err
}

func (c *Config) windows() ([]window.Window, error) {
	if len(c.Windows) == 0 || len(c.Windows) > 30 {
		return nil, &process.FieldError{Path: "windows", Problem: fmt.Sprintf("%d are given", len(c.Windows)), Remedy: "give 1 to 30"}
	}
	var out []window.Window
	for i, name := range c.Windows {
		w, err := window.Parse(name)
		if err != nil {
			return nil, &process.FieldError{Path: fmt.Sprintf("windows[%d]", i), Problem: err.Error(), Remedy: "write a number and s, m, h or d, or all"}
		}
		if slices.Contains(out, w) {
			return nil, &process.FieldError{Path: fmt.Sprintf("windows[%d]", i), Problem: fmt.Sprintf("%q is given twice", name), Remedy: "take one away"}
		}
		out = append(out, w)
	}
	return out, nil
}

func (c *Config) sets() (keep kpi.Set, groups []kpi.Set, err error) {
	for i, name := range c.Dimensions {
		d, err := kpi.ParseDimension(name)
		if err != nil {
			return 0, nil, &process.FieldError{Path: fmt.Sprintf("dimensions[%d]", i), Problem: fmt.Sprintf("%q is no dimension", name), Remedy: err.Error()}
		}
		keep |= kpi.SetOf(d)
	}
	for i, names := range c.Breakdowns {
		s, err := kpi.ParseSet(names)
		switch {
		case err != nil:
			return 0, nil, &process.FieldError{Path: fmt.Sprintf("breakdowns[%d]", i), Problem: fmt.Sprintf("%q is no list of dimensions", names), Remedy: err.Error()}
		case s&^keep != 0:
			return 0, nil, &process.FieldError{
				Path: fmt.Sprintf("breakdowns[%d]", i), Problem: fmt.Sprintf("%q is not among the dimensions", s&^keep), Remedy: "add it to dimensions, or take it out here",
			}
		}
		groups = append(groups, s)
	}
	return keep, groups, nil
}

func (c *Config) policy() (p sla.Policy, err error) {
	p.Targets = make(map[string]time.Duration)
	for _, priority := range slices.Sorted(maps.Keys(c.SLA.Resolution)) {
		d, err := target("sla.resolution."+priority, c.SLA.Resolution[priority])
		if err != nil {
			return p, err
		}
		p.Targets[strings.ToLower(priority)] = d
	}
	if c.SLA.Default != "" {
		if p.Default, err = target("sla.default", c.SLA.Default); err != nil {
			return p, err
		}
	}
	return p, p.Validate()
}

func target(path, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, &process.FieldError{Path: path, Problem: fmt.Sprintf("%q is no positive duration", text), Remedy: "write it as in 8h, 90m or 72h"}
	}
	return d, nil
}
