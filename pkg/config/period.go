package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// Periods says how days, weeks, months, quarters and years are cut.
type Periods struct {
	Period `yaml:",inline"`
	// Tenants give what differs for a tenant.
	Tenants map[string]Period `yaml:"tenants"`
}

// Period is how the periods of a tenant are cut. What is left out is as for all tenants.
type Period struct {
	// Zone is the IANA name of the time zone whose days count.
	Zone string `yaml:"zone"`
	// Calendar is gregorian or solar_hijri.
	Calendar string `yaml:"calendar"`
	// WeekStart is the first day of the week; empty is monday, of solar_hijri saturday.
	WeekStart string `yaml:"week_start"`
	// FiscalYearStart is the month with which the year and its quarters begin, 1 to 12.
	FiscalYearStart int `yaml:"fiscal_year_start"`
}

// over is p where it says something, else usual.
func (p Period) over(usual Period) Period {
	if p.Zone == "" {
		p.Zone = usual.Zone
	}
	if p.Calendar == "" {
		p.Calendar = usual.Calendar
	}
	if p.WeekStart == "" {
		p.WeekStart = usual.WeekStart
	}
	if p.FiscalYearStart == 0 {
		p.FiscalYearStart = usual.FiscalYearStart
	}
	return p
}

// build makes the calendar. path is where p stands.
func (p Period) build(path string) (*period.Calendar, error) {
	if _, err := sla.ParseZone(p.Zone); err != nil {
		return nil, wrong(path+".zone", err)
	}
	system, start := period.Gregorian, time.Monday
	if p.Calendar != "" {
		var err error
		if system, err = period.ParseSystem(p.Calendar); err != nil {
			return nil, wrong(path+".calendar", err)
		}
	}
	if system == period.SolarHijri {
		start = time.Saturday
	}
	if p.WeekStart != "" {
		var err error
		if start, err = sla.ParseWeekday(p.WeekStart); err != nil {
			return nil, wrong(path+".week_start", err)
		}
	}
	month := p.FiscalYearStart
	if month == 0 {
		month = 1
	}
	if month < 1 || month > 12 {
		return nil, &process.FieldError{Path: path + ".fiscal_year_start", Problem: fmt.Sprintf("%d is no month", month), Remedy: "give 1 to 12"}
	}
	return period.New(p.Zone, system, start, month)
}

func (p *Periods) check() error {
	if _, err := p.build("periods"); err != nil {
		return err
	}
	for _, tenant := range slices.Sorted(maps.Keys(p.Tenants)) {
		if strings.TrimSpace(tenant) == "" {
			return &process.FieldError{Path: "periods.tenants", Problem: "a tenant has no name", Remedy: "give it its name"}
		}
		if _, err := p.Tenants[tenant].over(p.Period).build("periods.tenants." + tenant); err != nil {
			return err
		}
	}
	return nil
}

// Calendar returns the calendar of a tenant, a new one each time: it is not for use by
// several goroutines. The configuration must have been validated.
func (p *Periods) Calendar(tenant string) *period.Calendar {
	c, err := p.Tenants[tenant].over(p.Period).build("periods")
	if err != nil {
		panic("config: internal error: " + err.Error())
	}
	return c
}
