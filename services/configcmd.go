package main

import (
	"fmt"
	"time"

	"github.com/deskpulse/deskpulse/pkg/config"
)

// configCommand is deskpulse config.
type configCommand struct {
	Check configCheck `cmd:"" help:"Say whether a configuration file is right."`
}

// Help is shown by deskpulse config --help.
func (configCommand) Help() string {
	return `Examples:

    deskpulse config check deskpulse.yaml
`
}

// configCheck is deskpulse config check.
type configCheck struct {
	File string `arg:"" type:"existingfile" help:"The file that run and worker take with --config."`
	Year int    `placeholder:"YEAR" help:"Also list the days of a year on which a calendar has other hours than in its usual week, to compare with the official list of holidays."`
}

// Help is shown by deskpulse config check --help.
func (configCheck) Help() string {
	return `Reads the file as run and worker would, and prints what they would make of it. A
mistake is shown with its line, its column and the remedy, and the exit code is 1.

Examples:

    deskpulse config check deskpulse.yaml
    deskpulse config check deskpulse.yaml --year 2026
`
}

// Run checks the file.
func (c configCheck) Run(out *console) error {
	cfg, warnings, err := config.Load(c.File)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(out, "warning:", w)
	}
	engine, err := cfg.Engine()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is right: %d windows, %d breakdowns, %d calendars, %d policies beside sla, %d KPIs\n",
		c.File, len(engine.Windows), len(engine.Groups), len(cfg.Calendars), len(cfg.Policies), len(engine.Catalogue.KPIs))
	if c.Year == 0 {
		return nil
	}
	return c.list(out, cfg)
}

// list prints the days on which calendars have other hours than usual.
func (c configCheck) list(out *console, cfg *config.Config) error {
	exceptions, err := cfg.Exceptions(c.Year)
	if err != nil {
		return err
	}
	for _, e := range exceptions {
		fmt.Fprintf(out, "%s: %s, %s: open %s, usually %s\n", e.Calendar, e.Day, e.Day.Weekday(), clock(e.Open), clock(e.Usual))
	}
	return nil
}

// clock writes a part of a day, as in 7:30.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
