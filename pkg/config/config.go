// Package config holds what a company sets: windows, breakdowns, working time, SLA targets,
// periods and KPIs of its own, in one YAML file. It turns them into the configuration of
// the engine, which depends on nothing else. It reads that file and those that it names.
package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
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
	// Calendars says when work is done, by name.
	Calendars map[string]Calendar `yaml:"calendars"`
	// Policies give requests their targets: the first that a request meets holds.
	Policies []Policy `yaml:"policies"`
	// SLA is the last policy: of requests that meet none of the others.
	SLA SLA `yaml:"sla"`
	// Periods says how days, weeks, months and years are cut.
	Periods Periods `yaml:"periods"`
	// Money says in which currency amounts are kept.
	Money Money `yaml:"money"`
	// KPIs are files of definitions, relative to this one.
	KPIs []string `yaml:"kpis"`
	// Options are switches of definition, by name.
	Options map[string]string `yaml:"options"`
	// Scorecards appraise agents, teams and posts.
	Scorecards scorecard.Config `yaml:"scorecards"`

	folder string // of the file
}

var defaultBreakdowns = []string{"team", "channel", "priority", "category", "agent", "team,priority"}

// Default returns the configuration that holds without a file.
func Default() *Config {
	c := &Config{
		Dimensions: []string{"team", "channel", "priority", "category", "agent"},
		SLA:        SLA{Default: "72h"},
		Periods:    Periods{Period: Period{Zone: "UTC"}},
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
	c.folder = filepath.Dir(file)
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
	policies, err := c.policies()
	if err != nil {
		return nil, err
	}
	if err := c.Periods.check(); err != nil {
		return nil, err
	}
	if err := c.Money.check(); err != nil {
		return nil, err
	}
	if err := c.checkCatalogue(); err != nil {
		return nil, err
	}
	if !slices.Contains(groups, kpi.SetOf(kpi.Team)) {
		warnings = append(warnings, "breakdowns: team is missing: the board's table of teams will come from the history")
	}
	for _, name := range policies.Hidden() {
		if name != lastPolicy {
			warnings = append(warnings, fmt.Sprintf("policies: no request meets %q: one before it has no condition: move it up", name))
		}
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
	if out.Policies, err = c.policies(); err != nil {
		return out, err
	}
	if err = c.Periods.check(); err != nil {
		return out, err
	}
	out.Calendar = c.Periods.Calendar
	if out.Catalogue, err = c.catalogue(); err != nil {
		return out, err
	}
	scheme, err := scorecard.New(&c.Scorecards, out.Catalogue)
	if err != nil {
		return out, err
	}
	for _, set := range scheme.Groups() {
		out.Keep |= set
		if !slices.Contains(out.Groups, set) {
			out.Groups = append(out.Groups, set)
		}
	}
	return out, nil
}

// Scheme returns the scorecards.
func (c *Config) Scheme() (*scorecard.Scheme, error) {
	catalogue, err := c.catalogue()
	if err != nil {
		return nil, err
	}
	return scorecard.New(&c.Scorecards, catalogue)
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
	return wrong(fmt.Sprintf("%s[%d]", list, i), err)
}

// wrong is the error for the value at a path.
func wrong(path string, err error) error {
	problem, remedy, _ := strings.Cut(err.Error(), ": ")
	return &process.FieldError{Path: path, Problem: problem, Remedy: remedy}
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
