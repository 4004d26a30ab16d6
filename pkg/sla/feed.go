package sla

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Feed is what an iCalendar file (RFC 5545) says of working time.
type Feed struct {
	Holidays []Day     // events of whole days
	Working  []Day     // whole days marked as working days
	Closed   []Stretch // events with a time of day
}

// FeedError is a mistake in an iCalendar file.
type FeedError struct {
	Line            int
	Problem, Remedy string
}

func (e *FeedError) Error() string {
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Problem, e.Remedy)
}

// The marks by which calendars of holidays tell days off and extra working days from days
// that are only remembered. A file that has them means nothing by its other events.
const (
	markDay  = "X-APPLE-SPECIAL-DAY"
	dayOff   = "WORK-HOLIDAY"
	extraDay = "ALTERNATE-WORKDAY"
)

// ParseFeed reads an iCalendar file. zone is for times that name no zone. Events that are
// cancelled are left out. Rules of recurrence are followed to the last day that calendars
// have.
func ParseFeed(data []byte, zone *time.Location) (*Feed, error) {
	events, err := readEvents(data)
	if err != nil {
		return nil, err
	}
	var list []*event
	marked := false
	for _, props := range events {
		e, err := newEvent(props, zone)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		marked = marked || e.mark == dayOff || e.mark == extraDay
	}
	override(list)
	feed := &Feed{}
	for _, e := range list {
		if e.cancelled || marked && e.mark != dayOff && e.mark != extraDay {
			continue
		}
		if err := feed.add(e); err != nil {
			return nil, err
		}
	}
	return feed, nil
}

// override takes what events with a RECURRENCE-ID stand for out of the series.
func override(list []*event) {
	for _, e := range list {
		if e.replaces == nil {
			continue
		}
		for _, series := range list {
			if series.uid == e.uid && series.replaces == nil {
				series.except = append(series.except, *e.replaces)
			}
		}
	}
}

func (f *Feed) add(e *event) error {
	times, err := e.times()
	if err != nil {
		return err
	}
	for _, t := range times {
		end := e.end(t)
		switch {
		case !e.start.date:
			f.Closed = append(f.Closed, Stretch{t.UnixMilli(), end.UnixMilli()})
		case e.mark == extraDay:
			f.Working = append(f.Working, daysFrom(DayOf(t.Date()), DayOf(end.Date()))...)
		default:
			f.Holidays = append(f.Holidays, daysFrom(DayOf(t.Date()), DayOf(end.Date()))...)
		}
	}
	return nil
}

// moment is a DATE, at midnight UTC, or a DATE-TIME.
type moment struct {
	time.Time
	date bool
}

// event is a VEVENT.
type event struct {
	line      int
	uid, mark string
	cancelled bool
	start     moment
	days      int           // the length: so many days, and
	length    time.Duration // so much more
	rules     []property
	more      []moment // RDATE
	except    []moment // EXDATE
	replaces  *moment  // RECURRENCE-ID
}

func newEvent(props []property, zone *time.Location) (*event, error) {
	e := &event{line: props[0].line}
	var end *moment
	var length string
	for _, p := range props {
		var at []moment
		var err error
		switch p.name {
		case "DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID":
			if at, err = p.moments(zone); err != nil {
				return nil, err
			}
		}
		switch p.name {
		case "DTSTART":
			e.start = at[0]
		case "DTEND":
			end = &at[0]
		case "RDATE":
			e.more = append(e.more, at...)
		case "EXDATE":
			e.except = append(e.except, at...)
		case "RECURRENCE-ID":
			e.replaces = &at[0]
		case "DURATION":
			length = p.value
		case "RRULE":
			e.rules = append(e.rules, p)
		case "UID":
			e.uid = p.value
		case "STATUS":
			e.cancelled = strings.EqualFold(p.value, "CANCELLED")
		case markDay:
			e.mark = strings.ToUpper(p.value)
		}
	}
	if e.start.IsZero() {
		return nil, &FeedError{e.line, "an event has no DTSTART", "give it one"}
	}
	return e, e.measure(end, length)
}

// measure finds the length: to DTEND, or DURATION, else a day, or nothing.
func (e *event) measure(end *moment, length string) (err error) {
	switch {
	case end != nil && end.date != e.start.date, end != nil && end.Before(e.start.Time):
		return &FeedError{e.line, "an event ends before it begins, or one of the two is a date and the other a time", "mend its DTSTART and DTEND"}
	case end != nil && e.start.date:
		e.days = max(1, int(DayOf(end.Date())-DayOf(e.start.Date())))
	case end != nil:
		e.length = end.Sub(e.start.Time)
	case length != "":
		if e.days, e.length, err = parseDuration(length); err != nil {
			return &FeedError{e.line, err.Error(), "write it as in P1D or PT12H"}
		}
	case e.start.date:
		e.days = 1
	}
	if e.start.date && (e.length != 0 || e.days == 0) {
		return &FeedError{e.line, "an event that begins on a date lasts a part of a day", "begin it at a time, or give whole days"}
	}
	return nil
}

func (e *event) end(start time.Time) time.Time { return start.AddDate(0, 0, e.days).Add(e.length) }

// maxTimes is more than an event a day has in the years of a calendar.
const maxTimes = 60_000

// times lists when the event begins, of all its recurrences.
func (e *event) times() (out []time.Time, err error) {
	if len(e.rules) == 0 {
		out = append(out, e.start.Time)
	}
	for _, m := range e.more {
		out = append(out, m.Time)
	}
	for _, p := range e.rules {
		option, err := rrule.StrToROptionInLocation(p.value, e.start.Location())
		if err != nil {
			return nil, &FeedError{p.line, fmt.Sprintf("RRULE %q: %v", p.value, err), "mend the rule: RFC 5545 §3.3.10"}
		}
		if option.Freq > rrule.DAILY || len(option.Byhour)+len(option.Byminute)+len(option.Bysecond) > 0 {
			return nil, &FeedError{p.line, fmt.Sprintf("RRULE %q recurs within a day", p.value), "let it recur daily at most"}
		}
		option.Dtstart = e.start.Time
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			return nil, &FeedError{p.line, fmt.Sprintf("RRULE %q: %v", p.value, err), "mend the rule: RFC 5545 §3.3.10"}
		}
		next := rule.Iterator()
		for t, ok := next(); ok && t.Before(endDay.Time()) && len(out) < maxTimes; t, ok = next() {
			out = append(out, t)
		}
	}
	out = slices.DeleteFunc(out, e.excepted)
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal), nil
}

// excepted says that a recurrence is left out: an exception that is a date means the
// whole day.
func (e *event) excepted(t time.Time) bool {
	return slices.ContainsFunc(e.except, func(m moment) bool {
		return m.Equal(t) || m.date && DayOf(m.Date()) == DayOf(t.Date())
	})
}

// moments reads the values of DTSTART and its like.
func (p *property) moments(zone *time.Location) (out []moment, err error) {
	if name := p.params["TZID"]; name != "" {
		if zone, err = parseTZID(name); err != nil {
			return nil, &FeedError{p.line, err.Error(), "name the zone as IANA does, as in Asia/Shanghai"}
		}
	}
	for value := range strings.SplitSeq(p.value, ",") {
		value, _, _ = strings.Cut(strings.TrimSpace(value), "/") // of a period, its beginning
		m := moment{date: len(value) == len("20060102")}
		switch {
		case m.date:
			m.Time, err = time.Parse("20060102", value)
		case strings.HasSuffix(value, "Z"):
			m.Time, err = time.Parse("20060102T150405Z", value)
		default:
			m.Time, err = time.ParseInLocation("20060102T150405", value, zone)
		}
		if err != nil {
			return nil, &FeedError{p.line, fmt.Sprintf("%s %q is no date and no time", p.name, value), "write 20260214, 20260214T090000 or 20260214T010000Z"}
		}
		out = append(out, m)
	}
	return out, nil
}

// parseTZID reads the name of a zone, before which some programs put a path of their own.
func parseTZID(name string) (*time.Location, error) {
	name = strings.TrimPrefix(name, "/")
	for rest := name; ; {
		if zone, err := ParseZone(rest); err == nil {
			return zone, nil
		}
		_, after, found := strings.Cut(rest, "/")
		if !found {
			return nil, fmt.Errorf("TZID %q is unknown", name)
		}
		rest = after
	}
}

// parseDuration reads a length as in P1D, P2W or P1DT12H30M.
func parseDuration(text string) (days int, rest time.Duration, err error) {
	wrong := fmt.Errorf("DURATION %q is none", text)
	body, found := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !found || body == "" {
		return 0, 0, wrong
	}
	units := map[string]time.Duration{"TH": time.Hour, "TM": time.Minute, "TS": time.Second}
	inTime := ""
	for body != "" {
		if body[0] == 'T' && inTime == "" {
			body, inTime = body[1:], "T"
		}
		i := strings.IndexFunc(body, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 || i > 6 {
			return 0, 0, wrong
		}
		n, err := strconv.Atoi(body[:i])
		if err != nil {
			return 0, 0, errors.Join(wrong, err)
		}
		switch unit := inTime + body[i:i+1]; unit {
		case "W":
			days += 7 * n
		case "D":
			days += n
		default:
			if units[unit] == 0 {
				return 0, 0, wrong
			}
			rest += time.Duration(n) * units[unit]
		}
		body = body[i+1:]
	}
	if days > 3660 || rest > 3660*24*time.Hour {
		return 0, 0, wrong
	}
	return days, rest, nil
}
