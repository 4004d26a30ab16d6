package sla

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Day is a civil date, in days since 1970-01-01.
type Day int32

// The days for which a calendar is laid out: every instant that an event may hold, and a
// year for the clocks that then still run.
var (
	firstDay = DayOf(1970, time.January, 1)
	endDay   = DayOf(2107, time.January, 1)
)

const (
	minute = 60_000
	day    = 24 * 60 * minute
	week   = 7 * day
)

// DayOf returns the day of a date; days beyond the month's end run on into the next.
func DayOf(year int, month time.Month, dayOfMonth int) Day {
	return Day(floorDiv(time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC).Unix(), 86400))
}

// Time returns the day's midnight in UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// Weekday returns the day of the week.
func (d Day) Weekday() time.Weekday { return d.Time().Weekday() }

// String returns the date, as in 2026-02-14.
func (d Day) String() string { return d.Time().Format(time.DateOnly) }

// ParseDay reads a date, as in 2026-02-14.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("%q is no date: write it as in 2026-02-14", text)
	}
	d := Day(floorDiv(t.Unix(), 86400))
	if d < firstDay || d >= endDay {
		return 0, fmt.Errorf("%q is out of range: give a date from %s to %s", text, firstDay, endDay-1)
	}
	return d, nil
}

// ParseDays reads a date (2026-02-14), the dates from one to another (2026-02-15/2026-02-23)
// or a date of every year (12-25).
func ParseDays(text string) ([]Day, error) {
	from, to, isRange := strings.Cut(text, "/")
	switch {
	case isRange:
		a, err := ParseDay(strings.TrimSpace(from))
		if err != nil {
			return nil, err
		}
		b, err := ParseDay(strings.TrimSpace(to))
		if err != nil {
			return nil, err
		}
		if b < a || b-a >= 366 {
			return nil, fmt.Errorf("%q has %d days: give the first and the last date, at most a year apart", text, b-a+1)
		}
		return daysFrom(a, b+1), nil
	case len(text) == len("12-25"):
		return everyYear(text)
	default:
		d, err := ParseDay(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no date: write 2026-02-14, 2026-02-15/2026-02-23, or 12-25 for every year", text)
		}
		return []Day{d}, nil
	}
}

func daysFrom(from, to Day) (out []Day) {
	for d := from; d < to; d++ {
		out = append(out, d)
	}
	return out
}

// everyYear returns a date in each year that has it: February 29 in leap years only.
func everyYear(text string) (out []Day, err error) {
	t, err := time.Parse("2006-01-02", "2000-"+text)
	if err != nil {
		return nil, fmt.Errorf("%q is no date: write month and day, as in 12-25", text)
	}
	for year := firstDay.Time().Year(); year < endDay.Time().Year(); year++ {
		if d := DayOf(year, t.Month(), t.Day()); d.Time().Day() == t.Day() {
			out = append(out, d)
		}
	}
	return out, nil
}

// Span is a part of a day on the wall clock, from ≤ t < to, in milliseconds since midnight.
type Span struct{ From, To int64 }

// WholeDay is a day that is open from midnight to midnight.
var WholeDay = []Span{{0, day}}

// ParseSpan reads a part of a day, as in 09:00-12:30; the day ends at 24:00.
func ParseSpan(text string) (s Span, err error) {
	from, to, found := strings.Cut(text, "-")
	if found {
		if s.From, err = parseTime(strings.TrimSpace(from)); err == nil {
			s.To, err = parseTime(strings.TrimSpace(to))
		}
	}
	switch {
	case !found || err != nil:
		return s, fmt.Errorf("%q is no part of a day: write it as in 09:00-12:30, to 24:00 at most", text)
	case s.From >= s.To && s.To == 0:
		return s, fmt.Errorf("%q has no end: write 24:00 for the end of the day", text)
	case s.From >= s.To:
		return s, fmt.Errorf("%q ends before it begins: a night is two parts, to 24:00 and, on the next day, from 00:00", text)
	}
	return s, nil
}

func parseTime(text string) (int64, error) {
	if text == "24:00" {
		return day, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, err
	}
	return int64(t.Hour()*60+t.Minute()) * minute, nil
}

// ParseSpans reads the parts of a day in any order; no part may overlap another. The
// error is about the i-th.
func ParseSpans(texts []string) (out []Span, i int, err error) {
	for i, text := range texts {
		s, err := ParseSpan(text)
		if err != nil {
			return nil, i, err
		}
		for k, other := range out {
			if s.From < other.To && other.From < s.To {
				return nil, i, fmt.Errorf("%q overlaps %q: join them, or take one away", text, texts[k])
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Span) int { return int(a.From - b.From) })
	return out, 0, nil
}

var weekdays = map[string]time.Weekday{
	"sunday": time.Sunday, "monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday,
	"thursday": time.Thursday, "friday": time.Friday, "saturday": time.Saturday,
}

// ParseWeekday reads the English name of a day of the week.
func ParseWeekday(text string) (time.Weekday, error) {
	d, known := weekdays[strings.ToLower(strings.TrimSpace(text))]
	if !known {
		return 0, fmt.Errorf("%q is no day of the week: write monday, tuesday …", text)
	}
	return d, nil
}

// ParseWeekdays reads days of the week, as in "monday", "monday-friday", which may run
// over the end of the week ("saturday-wednesday"), or several of these separated by commas.
func ParseWeekdays(text string) (out []time.Weekday, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := ParseWeekday(from)
		if err != nil {
			return nil, err
		}
		last := first
		if isRange {
			if last, err = ParseWeekday(to); err != nil {
				return nil, err
			}
		}
		out = append(out, first)
		for d := first; d != last; {
			d = (d + 1) % 7
			out = append(out, d)
		}
	}
	return out, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
