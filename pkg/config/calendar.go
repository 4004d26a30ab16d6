package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// Calendar says when work is done. Hours are written as in "09:00-12:00, 13:30-18:00".
type Calendar struct {
	// Zone is the IANA name of the time zone.
	Zone string `yaml:"zone"`
	// Hours of the days of the week, as in monday-friday; days that are not named are off.
	Hours map[string]string `yaml:"hours"`
	// Changes give other hours from a date on.
	Changes []Change `yaml:"changes"`
	// Holidays are days off.
	Holidays Holidays `yaml:"holidays"`
	// Days gives dates their own hours, whatever day it is: hours, a day of the week whose
	// hours it has, or closed.
	Days map[string]string `yaml:"days"`
}

// Change is other hours from a date on.
type Change struct {
	From  string            `yaml:"from"`
	Hours map[string]string `yaml:"hours"`
}

// Holidays are days off.
type Holidays struct {
	// Dates, as in 2026-01-01, 2026-02-15/2026-02-23, or 12-25 for every year. Years below
	// 1700 are Solar Hijri.
	Dates []string `yaml:"dates"`
	// Files are iCalendar files, relative to the configuration.
	Files []string `yaml:"files"`
	// Countries by code, as in DE or DE-BY.
	Countries []string `yaml:"countries"`
}

// calendar is one that has been laid out.
type calendar struct {
	zone *time.Location
	*sla.Calendar
}

func (c *Config) calendars() (map[string]calendar, error) {
	out := make(map[string]calendar)
	for _, name := range slices.Sorted(maps.Keys(c.Calendars)) {
		read := c.Calendars[name]
		rules, err := read.rules("calendars."+name, c.folder)
		if err != nil {
			return nil, err
		}
		out[name] = calendar{rules.Zone, rules.Calendar()}
	}
	return out, nil
}

// Exception is a day on which a calendar has other hours than its week says.
type Exception struct {
	Calendar    string
	Day         sla.Day
	Open, Usual time.Duration
}

// Exceptions lists those of a year, calendar by calendar.
func (c *Config) Exceptions(year int) (out []Exception, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Calendars)) {
		read := c.Calendars[name]
		rules, err := read.rules("calendars."+name, c.folder)
		if err != nil {
			return nil, err
		}
		calendar := rules.Calendar()
		usual := (&sla.Rules{Zone: rules.Zone, Week: rules.Week, Changes: rules.Changes}).Calendar()
		for d := sla.DayOf(year, time.January, 1); d < sla.DayOf(year+1, time.January, 1); d++ {
			from, to := midnight(d, rules.Zone), midnight(d+1, rules.Zone)
			open, expected := calendar.Elapsed(from, to), usual.Elapsed(from, to)
			if open != expected {
				out = append(out, Exception{name, d, time.Duration(open) * time.Millisecond, time.Duration(expected) * time.Millisecond})
			}
		}
	}
	return out, nil
}

// midnight is when a date begins in a zone.
func midnight(d sla.Day, zone *time.Location) int64 {
	year, month, day := d.Time().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone).UnixMilli()
}

// rules reads a calendar. path is where it stands; folder is that of its files.
func (c *Calendar) rules(path, folder string) (r *sla.Rules, err error) {
	r = &sla.Rules{Days: make(map[sla.Day][]sla.Span)}
	if r.Zone, err = sla.ParseZone(c.Zone); err != nil {
		return nil, wrong(path+".zone", err)
	}
	if len(c.Hours) == 0 {
		return nil, &process.FieldError{Path: path + ".hours", Problem: "no day has hours", Remedy: "give some, as in monday-friday: 09:00-17:00, or monday-sunday: 00:00-24:00"}
	}
	if r.Week, err = week(path+".hours", c.Hours); err != nil {
		return nil, err
	}
	for i, change := range c.Changes {
		at := fmt.Sprintf("%s.changes[%d]", path, i)
		from, err := parseDays(change.From)
		if err != nil || len(from) != 1 {
			return nil, &process.FieldError{Path: at + ".from", Problem: fmt.Sprintf("%q is no date", change.From), Remedy: "write it as in 2026-07-01"}
		}
		if slices.ContainsFunc(r.Changes, func(other sla.Change) bool { return other.From == from[0] }) {
			return nil, wrong(at+".from", fmt.Errorf("%q is given twice: take one away", change.From))
		}
		w, err := week(at+".hours", change.Hours)
		if err != nil {
			return nil, err
		}
		r.Changes = append(r.Changes, sla.Change{From: from[0], Week: w})
	}
	if err := c.Holidays.read(r, path+".holidays", folder); err != nil {
		return nil, err
	}
	return r, c.days(r, path+".days")
}

// week reads the hours of the days of the week.
func week(path string, hours map[string]string) (w sla.Week, err error) {
	var given [7]string
	for _, key := range slices.Sorted(maps.Keys(hours)) {
		days, err := sla.ParseWeekdays(key)
		if err != nil {
			return w, wrong(path+"."+key, err)
		}
		spans, err := parseHours(hours[key])
		if err != nil {
			return w, wrong(path+"."+key, err)
		}
		for _, d := range days {
			if given[d] != "" {
				return w, &process.FieldError{Path: path + "." + key, Problem: fmt.Sprintf("%s has hours already, under %s", strings.ToLower(d.String()), given[d]), Remedy: "name each day once"}
			}
			given[d], w[d] = key, spans
		}
	}
	return w, nil
}

const closed = "closed"

// parseHours reads the parts of a day, or closed.
func parseHours(text string) ([]sla.Span, error) {
	if text == closed {
		return nil, nil
	}
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("it has no hours: give some, as in 09:00-12:00, 13:30-18:00, or closed")
	}
	spans, _, err := sla.ParseSpans(trimmed(strings.Split(text, ",")))
	return spans, err
}

func trimmed(texts []string) []string {
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return texts
}

// days reads the dates with hours of their own.
func (c *Calendar) days(r *sla.Rules, path string) error {
	for _, key := range slices.Sorted(maps.Keys(c.Days)) {
		days, err := parseDays(key)
		if err != nil {
			return wrong(path+"."+key, err)
		}
		text := c.Days[key]
		like, notAWeekday := sla.ParseWeekday(text)
		spans, err := parseHours(text)
		if notAWeekday != nil && err != nil {
			if !strings.ContainsAny(text, "0123456789") {
				err = fmt.Errorf("%q is neither hours nor a day of the week: write 09:00-12:00, monday or closed", text)
			}
			return wrong(path+"."+key, err)
		}
		for _, d := range days {
			if _, twice := r.Days[d]; twice {
				return wrong(path+"."+key, fmt.Errorf("%s has hours already: name each date once", d))
			}
			r.Days[d] = spans
			if notAWeekday == nil {
				r.Days[d] = r.WeekAt(d)[like]
			}
		}
	}
	return nil
}

func (h *Holidays) read(r *sla.Rules, path, folder string) error {
	for i, text := range h.Dates {
		days, err := parseDays(text)
		if err != nil {
			return mistake(path+".dates", i, err)
		}
		r.Holidays = append(r.Holidays, days...)
	}
	for i, code := range h.Countries {
		days, err := sla.Country(code)
		if err != nil {
			return mistake(path+".countries", i, err)
		}
		r.Holidays = append(r.Holidays, days...)
	}
	for i, name := range h.Files {
		at := fmt.Sprintf("%s.files[%d]", path, i)
		data, err := os.ReadFile(beside(folder, name))
		if err != nil {
			return unreadable(at, name, err)
		}
		feed, err := sla.ParseFeed(data, r.Zone)
		var where *sla.FeedError
		if errors.As(err, &where) {
			return &process.FieldError{Path: at, Problem: fmt.Sprintf("%s:%d: %s", name, where.Line, where.Problem), Remedy: where.Remedy}
		}
		if err != nil {
			return wrong(at, err)
		}
		r.Holidays = append(r.Holidays, feed.Holidays...)
		r.Working = append(r.Working, feed.Working...)
		r.Closed = append(r.Closed, feed.Closed...)
	}
	return nil
}

// beside is the path of a file that the configuration names.
func beside(folder, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(folder, name)
}

func unreadable(path, name string, err error) error {
	var reason *os.PathError
	if errors.As(err, &reason) {
		err = reason.Err
	}
	return &process.FieldError{Path: path, Problem: fmt.Sprintf("%s cannot be read, %v", name, err), Remedy: "give a file, relative to the configuration"}
}

// firstGregorian is the first year that is not read as Solar Hijri.
const firstGregorian = 1700

// parseDays reads dates of both calendars.
func parseDays(text string) ([]sla.Day, error) {
	parts := trimmed(strings.Split(text, "/"))
	for i, part := range parts {
		gregorian, err := fromHijri(part)
		if err != nil {
			return nil, err
		}
		parts[i] = gregorian
	}
	return sla.ParseDays(strings.Join(parts, "/"))
}

// fromHijri turns a Solar Hijri date into a Gregorian one, and leaves all other texts.
func fromHijri(text string) (string, error) {
	var year, month, day int
	if n, _ := fmt.Sscanf(text, "%4d-%2d-%2d", &year, &month, &day); n != 3 || len(text) != len("1405-01-01") || year >= firstGregorian {
		return text, nil
	}
	persian, err := period.New("UTC", period.SolarHijri, time.Saturday, 1)
	if err != nil {
		panic("config: internal error: " + err.Error())
	}
	d, err := persian.DayOf(year, month, day)
	if err != nil {
		return "", fmt.Errorf("%q is no Solar Hijri date: write it as in 1405-01-01, or a Gregorian one as in 2026-03-21", text)
	}
	return sla.Day(d).String(), nil
}
