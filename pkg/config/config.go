// Package config holds what a company sets: windows, breakdowns and SLA targets, in one
// YAML file. It turns them into the configuration of the engine, which depends on
// nothing else.
package config

import (
	"errors"
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
	// Breakdowns that are kept live, each a list of dimensions separated by commas, beside
	// the whole, which always is. Any other is answered from the history. Nil is those of
	// the default ones that the dimensions allow.
	Breakdowns []string `yaml:"breakdowns"`
	// SLA holds the targets for requests that come without a due time of their own.
	SLA SLA `yaml:"sla"`
}

// SLA is how long a request may take.
type SLA struct {
	// Resolution is the running time until a request must be resolved, by priority, as in
	// 8h or 90m; letter case does not matter. The clock pauses while the request waits.
	// Nil is the default targets; a file's replace them as a whole.
	Resolution map[string]string `yaml:"resolution"`
	// Default is for requests of any other priority, or none; empty is no target.
	Default string `yaml:"default"`
}

var (
	defaultBreakdowns = []string{"team", "channel", "priority", "category", "agent", "team,priority"}
	defaultTargets    = map[string]string{"urgent": "4h", "high": "8h", "normal": "72h", "low": "120h"}
)

// Default returns the configuration that holds without a file.
func Default() *Config {
	c := &Config{
		Dimensions: []string{"team", "channel", "priority", "category", "agent"},
		SLA:        SLA{Default: "72h"},
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
	if warnings, err = process.LoadFile(file, c); err != nil {
		return nil, warnings, err
	}
	return c, warnings, nil
}

// Validate checks the whole configuration.
func (c *Config) Validate() (warnings []string, err error) {
	if _, err := c.windows(); err != nil {
		return nil, err
	}
	_, groups, err := c.sets()
	if err != nil {
		return nil, err
	}
	if _, err := c.policy(); err != nil {
		return nil, err
	}
	if !slices.Contains(groups, kpi.SetOf(kpi.Team)) {
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
			return nil, mistake("windows", i, err)
		}
		if slices.Contains(out, w) {
			return nil, twice("windows", i, name)
		}
		out = append(out, w)
	}
	return out, nil
}

// mistake is the error for one value of a list. err says the problem, and behind its
// first colon the remedy.
func mistake(list string, i int, err error) error {
	problem, remedy, _ := strings.Cut(err.Error(), ": ")
	return &process.FieldError{Path: fmt.Sprintf("%s[%d]", list, i), Problem: problem, Remedy: remedy}
}

func twice(list string, i int, value string) error {
	return mistake(list, i, fmt.Errorf("%q is given twice: take one away", value))
}

func (c *Config) sets() (keep kpi.Set, groups []kpi.Set, err error) {
	for i, name := range c.Dimensions {
		d, err := kpi.ParseDimension(name)
		if err != nil {
			return 0, nil, mistake("dimensions", i, err)
		}
		if keep.Has(d) {
			return 0, nil, twice("dimensions", i, name)
		}
		keep |= kpi.SetOf(d)
	}
	if c.Breakdowns == nil {
		return keep, allowed(keep), nil
	}
	for i, names := range c.Breakdowns {
		s, err := kpi.ParseSet(names)
		switch {
		case err != nil:
			return 0, nil, mistake("breakdowns", i, err)
		case s == 0:
			return 0, nil, mistake("breakdowns", i, errors.New("it has no dimensions: take it out, the whole is always kept"))
		case s&^keep != 0:
			return 0, nil, mistake("breakdowns", i, fmt.Errorf("%q is not among the dimensions: add it to dimensions, or take it out here", s&^keep))
		case slices.Contains(groups, s):
			return 0, nil, twice("breakdowns", i, names)
		}
		groups = append(groups, s)
	}
	return keep, groups, nil
}

// allowed returns the default breakdowns that need no dimension beyond keep.
func allowed(keep kpi.Set) (groups []kpi.Set) {
	for _, names := range defaultBreakdowns {
		s, err := kpi.ParseSet(names)
		if err != nil {
			panic("config: internal error: " + err.Error())
		}
		if s&^keep == 0 {
			groups = append(groups, s)
		}
	}
	return groups
}

func (c *Config) policy() (p sla.Policy, err error) {
	targets := c.SLA.Resolution
	if targets == nil {
		targets = defaultTargets
	}
	p.Targets = make(map[string]time.Duration)
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		path, priority := "sla.resolution."+name, strings.ToLower(name)
		if _, known := p.Targets[priority]; known {
			return p, &process.FieldError{Path: path, Problem: fmt.Sprintf("priority %q is given twice", priority), Remedy: "take one away: letter case does not matter"}
		}
		if p.Targets[priority], err = target(path, targets[name]); err != nil {
			return p, err
		}
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
	if err != nil || d <= 0 || d%time.Millisecond != 0 {
		return 0, &process.FieldError{Path: path, Problem: fmt.Sprintf("%q is no positive duration in whole milliseconds", text), Remedy: "write it as in 8h, 90m or 72h"}
	}
	return d, nil
}
