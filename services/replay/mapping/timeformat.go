package mapping

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones, also where the system has none
)

// timeFormat parses one way of writing an instant.
type timeFormat struct {
	name  string
	parse func(value string, zone *time.Location) (time.Time, bool)
}

// newTimeFormat knows the named formats, strftime's conversions, and Go's layouts.
func newTimeFormat(name string) (timeFormat, error) {
	f := timeFormat{name: name}
	switch name {
	case "iso":
		f.parse = parseISO
	case "unix":
		f.parse = unixIn(time.Second)
	case "unix_ms":
		f.parse = unixIn(time.Millisecond)
	case "unix_us":
		f.parse = unixIn(time.Microsecond)
	case "unix_ns":
		f.parse = unixIn(time.Nanosecond)
	case "excel":
		f.parse = parseExcel
	default:
		layout, err := layoutOf(name)
		if err != nil {
			return f, err
		}
		f.parse = func(value string, zone *time.Location) (time.Time, bool) {
			t, err := time.ParseInLocation(layout, value, zone)
			return t, err == nil
		}
	}
	return f, nil
}

// layoutOf turns a format into a Go layout and checks that it holds at least a month.
func layoutOf(name string) (string, error) {
	layout := name
	if strings.Contains(name, "%") {
		var err error
		if layout, err = strftime(name, true); err != nil {
			return "", err
		}
	}
	a, b := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2012, 11, 24, 13, 14, 15, 0, time.UTC)
	if back, err := time.Parse(layout, a.Format(layout)); err != nil || back.Year() != a.Year() || back.Month() != a.Month() || a.Format(layout) == b.Format(layout) {
		return "", fmt.Errorf("time format %q is unknown: use iso, unix, unix_ms, unix_us, unix_ns, excel, %%Y-%%m-%%d %%H:%%M:%%S, or Go's 2006-01-02 15:04:05", name)
	}
	return layout, nil
}

var conversions = map[string]string{
	"Y": "2006", "y": "06", "m": "01", "-m": "1", "d": "02", "-d": "2", "e": "_2", "j": "002",
	"H": "15", "-H": "15", "I": "03", "-I": "3", "M": "04", "-M": "4", "S": "05", "-S": "5", "f": "999999999", "L": "000",
	"p": "PM", "P": "pm", "b": "Jan", "h": "Jan", "B": "January", "a": "Mon", "A": "Monday",
	"z": "-0700", ":z": "-07:00", "Z": "MST", "T": "15:04:05", "R": "15:04", "F": "2006-01-02", "D": "01/02/06",
	"%": "%", "n": "\n", "t": "\t",
}

// strftime turns a format into a Go layout. Where it is lenient, numbers of one digit
// will do, except where another conversion follows at once.
func strftime(format string, lenient bool) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		n := 1
		if i+1 < len(format) && strings.IndexByte("-:", format[i+1]) >= 0 {
			n = 2
		}
		conversion := format[i+1 : min(i+1+n, len(format))]
		layout, ok := conversions[conversion]
		if !ok {
			return "", fmt.Errorf("time format %q: conversion %%%s is unknown: use Go's layout instead, as in 2006-01-02 15:04:05", format, conversion)
		}
		i += n
		if short, ok := conversions["-"+conversion]; ok && lenient && !strings.HasPrefix(format[i+1:], "%") {
			layout = short
		}
		b.WriteString(layout)
	}
	return b.String(), nil
}

// parseISO reads a date, or a date and a time to the minute or finer, with or without a
// zone; T or a space between them.
func parseISO(value string, zone *time.Location) (time.Time, bool) {
	if len(value) == len("2006-01-02") {
		t, err := time.ParseInLocation("2006-01-02", value, zone)
		return t, err == nil
	}
	if len(value) < len("2006-01-02T15:04") || (value[10] != 'T' && value[10] != ' ' && value[10] != 't') {
		return time.Time{}, false
	}
	date, rest := value[:10], value[11:]
	layout := "2006-01-02T15:04"
	if len(rest) > 5 && rest[5] == ':' {
		layout += ":05"
	}
	if i := strings.IndexAny(rest, "Zz+-"); i >= 0 {
		rest = strings.TrimRight(rest[:i], " ") + strings.ToUpper(rest[i:])
		suffix, ok := map[int]string{1: "Z07:00", 3: "Z07", 5: "Z0700", 6: "Z07:00"}[len(value[11:])-i]
		if !ok {
			return time.Time{}, false
		}
		layout += suffix
	}
	t, err := time.ParseInLocation(layout, date+"T"+rest, zone)
	return t, err == nil
}

// latest is the end of the year 9999: a number of milliseconds read as seconds lies
// beyond it.
const latest = 253402300800

func unixIn(unit time.Duration) func(string, *time.Location) (time.Time, bool) {
	perSecond := int64(time.Second / unit)
	return func(value string, _ *time.Location) (time.Time, bool) {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return time.Unix(n/perSecond, n%perSecond*int64(unit)).UTC(), n/perSecond < latest && n/perSecond > -latest
		}
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(x) || math.Abs(x)/float64(perSecond) >= latest {
			return time.Time{}, false
		}
		whole, fraction := math.Modf(x / float64(perSecond))
		return time.Unix(int64(whole), int64(math.Round(fraction*1e3))*1e6).UTC(), true
	}
}

// parseExcel reads the days since 1899-12-30, to the millisecond.
func parseExcel(value string, zone *time.Location) (time.Time, bool) {
	days, err := strconv.ParseFloat(value, 64)
	if err != nil || !(days >= 1 && days < 2958466) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(days)
	ms := time.Duration(math.Round(fraction*86_400_000)) * time.Millisecond
	day := time.Date(1899, 12, 30+int(whole), 0, 0, 0, 0, time.UTC).Add(ms)
	return time.Date(day.Year(), day.Month(), day.Day(), day.Hour(), day.Minute(), day.Second(), day.Nanosecond(), zone), true
}

// times parses by several formats: the first that fits wins.
type times struct {
	zone    *time.Location
	formats []timeFormat
}

func newTimes(zone string, formats []string) (*times, error) {
	t := &times{}
	var err error
	if t.zone, err = loadZone(zone); err != nil {
		return nil, err
	}
	if len(formats) == 0 {
		formats = []string{"iso"}
	}
	for _, name := range formats {
		f, err := newTimeFormat(name)
		if err != nil {
			return nil, err
		}
		t.formats = append(t.formats, f)
	}
	return t, nil
}

func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("zone %q is unknown: use a name of the IANA database, such as Europe/London, or UTC", name)
	}
	return zone, nil
}

func (t *times) parse(value string) (time.Time, error) {
	for _, f := range t.formats {
		if when, ok := f.parse(value, t.zone); ok {
			return when, nil
		}
	}
	var names []string
	for _, f := range t.formats {
		names = append(names, f.name)
	}
	if value == "" {
		return time.Time{}, &valueError{"", "there is no time here: leave the row out with when (or skip), or use another column"}
	}
	return time.Time{}, &valueError{value, fmt.Sprintf("is no time of the form %s: correct it, or add its form to time.formats", strings.Join(names, " or "))}
}

// valueError is a value that cannot be understood.
type valueError struct{ value, problem string }

func (e *valueError) Error() string { return fmt.Sprintf("%q %s", e.value, e.problem) }
