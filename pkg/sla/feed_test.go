package sla

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// calendarOf wraps events in a calendar. Each event is its lines.
func calendarOf(events ...string) []byte {
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n"
	for _, e := range events {
		text += "BEGIN:VEVENT\r\n" + strings.ReplaceAll(e, "\n", "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	return []byte(text + "END:VCALENDAR\r\n")
}

// days lists the days of a feed that lie in a year.
func daysIn(list []Day, year int) (out []string) {
	for _, d := range list {
		if d.Time().Year() == year {
			out = append(out, d.String())
		}
	}
	return out
}

func TestFeedDays(t *testing.T) {
	for _, c := range []struct {
		name, event string
		year        int
		want        []string
	}{
		{"a day", "DTSTART;VALUE=DATE:20260501", 2026, []string{"2026-05-01"}},
		{"until another", "DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20260504", 2026, []string{"2026-05-01", "2026-05-02", "2026-05-03"}},
		{"for two days", "DTSTART;VALUE=DATE:20260501\nDURATION:P2D", 2026, []string{"2026-05-01", "2026-05-02"}},
		{"every year", "DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY", 2031, []string{"2031-12-25"}},
		{"every fourth Thursday of November", "DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", 2026, []string{"2026-11-26"}},
		{"the last Monday of May", "DTSTART;VALUE=DATE:20200525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO", 2026, []string{"2026-05-25"}},
		{"until a year", "DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY;UNTIL=20251225", 2026, nil},
		{"so many times", "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3", 2026, []string{"2026-01-05", "2026-01-12", "2026-01-19"}},
		{"but once", "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20260112", 2026, []string{"2026-01-05", "2026-01-19"}},
		{"and once more", "DTSTART;VALUE=DATE:20260105\nRDATE;VALUE=DATE:20260203,20260301", 2026, []string{"2026-01-05", "2026-02-03", "2026-03-01"}},
		{"cancelled", "DTSTART;VALUE=DATE:20260105\nSTATUS:CANCELLED", 2026, nil},
		{"a folded line, and an alarm", "DTSTART;VALUE=DA\n TE:20260105\nSUMMARY:say \"a;b:c\"\nBEGIN:VALARM\nDURATION:PT1H\nEND:VALARM", 2026, []string{"2026-01-05"}},
	} {
		feed, err := ParseFeed(calendarOf(c.event), time.UTC)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, daysIn(feed.Holidays, c.year)); diff != "" || len(feed.Closed) > 0 || len(feed.Working) > 0 {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestFeedTimes(t *testing.T) {
	berlin, tokyo := zone(t, "Europe/Berlin"), zone(t, "Asia/Tokyo")
	stretch := func(z *time.Location, from, to string) Stretch { return Stretch{at(t, z, from), at(t, z, to)} }
	for _, c := range []struct {
		name, event string
		want        []Stretch
	}{
		{"in the calendar's zone", "DTSTART:20261224T120000\nDTEND:20261224T180000", []Stretch{stretch(berlin, "2026-12-24T12:00", "2026-12-24T18:00")}},
		{"in UTC", "DTSTART:20261224T120000Z\nDURATION:PT90M", []Stretch{stretch(time.UTC, "2026-12-24T12:00", "2026-12-24T13:30")}},
		{"in a zone of its own", "DTSTART;TZID=\"Asia/Tokyo\":20261224T120000\nDURATION:PT1H", []Stretch{stretch(tokyo, "2026-12-24T12:00", "2026-12-24T13:00")}},
		{"a zone with a path before it", "DTSTART;TZID=/example.org/2026/Asia/Tokyo:20261224T120000\nDURATION:PT1H", []Stretch{stretch(tokyo, "2026-12-24T12:00", "2026-12-24T13:00")}},
		{"every day, over a change of the clock", "DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2",
			[]Stretch{stretch(berlin, "2026-03-28T12:00", "2026-03-28T13:00"), stretch(berlin, "2026-03-29T12:00", "2026-03-29T13:00")}},
		{"a day by the clock is an hour shorter", "DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D", []Stretch{stretch(berlin, "2026-03-28T12:00", "2026-03-29T12:00")}},
		{"but for a whole day", "DTSTART:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20260105", []Stretch{stretch(berlin, "2026-01-06T09:00", "2026-01-06T10:00")}},
	} {
		feed, err := ParseFeed(calendarOf(c.event), berlin)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, feed.Closed); diff != "" || len(feed.Holidays) > 0 {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// One event of a series that has been moved stands for the one that it was.
func TestFeedWithAnExceptionToASeries(t *testing.T) {
	feed, err := ParseFeed(calendarOf(
		"UID:a\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3",
		"UID:a\nRECURRENCE-ID;VALUE=DATE:20260112\nDTSTART;VALUE=DATE:20260113",
		"UID:a\nRECURRENCE-ID;VALUE=DATE:20260119\nDTSTART;VALUE=DATE:20260119\nSTATUS:CANCELLED"), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[2026-01-05 2026-01-13]", fmt.Sprint(feed.Holidays)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A calendar of holidays that marks days off and extra working days says nothing by the
// days that it only remembers.
func TestFeedWithMarks(t *testing.T) {
	feed, err := ParseFeed(calendarOf(
		"DTSTART;VALUE=DATE:20260214\nSUMMARY;LANGUAGE=zh_CN:春节（班）\nX-APPLE-SPECIAL-DAY:ALTERNATE-WORKDAY",
		"DTSTART;VALUE=DATE:20260214\nSUMMARY;LANGUAGE=zh_CN:情人节",
		"DTSTART;VALUE=DATE:20260215\nDTEND;VALUE=DATE:20260224\nSUMMARY;LANGUAGE=zh_CN:春节（休）\nX-APPLE-SPECIAL-DAY:WORK-HOLIDAY",
		"DTSTART;VALUE=DATE:20260308\nSUMMARY;LANGUAGE=zh_CN:妇女节"), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2026-02-14"}, daysIn(feed.Working, 2026)); diff != "" {
		t.Errorf("working (-want +got):\n%s", diff)
	}
	if n := len(feed.Holidays); n != 9 || feed.Holidays[0] != date(t, "2026-02-15") || feed.Holidays[8] != date(t, "2026-02-23") {
		t.Errorf("holidays %v", feed.Holidays)
	}
}

func TestMistakesInFeeds(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want FeedError
	}{
		{"another file", []byte("date,name\n"), FeedError{1, "the line has no colon", "give an iCalendar file: NAME:VALUE on each line"}},
		{"no calendar", []byte("A:b\n"), FeedError{1, "the file does not begin with BEGIN:VCALENDAR", "give an iCalendar file"}},
		{"empty", nil, FeedError{1, "the file ends before its calendar does", "give the whole file"}},
		{"cut off", []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n"), FeedError{3, "the file ends before its calendar does", "give the whole file"}},
		{"no pairs", []byte("BEGIN:VCALENDAR\nEND:VEVENT\n"), FeedError{2, "END:VEVENT ends nothing", "let BEGIN and END come in pairs"}},
		{"no start", calendarOf("SUMMARY:x"), FeedError{4, "an event has no DTSTART", "give it one"}},
		{"no date", calendarOf("SUMMARY:x\nDTSTART:tomorrow"), FeedError{6, `DTSTART "tomorrow" is no date and no time`, "write 20260214, 20260214T090000 or 20260214T010000Z"}},
		{"no zone", calendarOf("DTSTART;TZID=China Standard Time:20260101T090000"), FeedError{5, `TZID "China Standard Time" is unknown`, "name the zone as IANA does, as in Asia/Shanghai"}},
		{"backwards", calendarOf("DTSTART:20260102\nDTEND:20260101"), FeedError{4, "an event ends before it begins, or one of the two is a date and the other a time", "mend its DTSTART and DTEND"}},
		{"half a date", calendarOf("DTSTART:20260102\nDURATION:PT12H"), FeedError{4, "an event that begins on a date lasts a part of a day", "begin it at a time, or give whole days"}},
		{"no length", calendarOf("DTSTART:20260102\nDURATION:-P1D"), FeedError{4, `DURATION "-P1D" is none`, "write it as in P1D or PT12H"}},
		{"no rule", calendarOf("DTSTART:20260102\nRRULE:FREQ=OFTEN"), FeedError{6, `RRULE "FREQ=OFTEN": undefined frequency: OFTEN`, "mend the rule: RFC 5545 §3.3.10"}},
		{"every hour", calendarOf("DTSTART:20260102\nRRULE:FREQ=HOURLY"), FeedError{6, `RRULE "FREQ=HOURLY" recurs within a day`, "let it recur daily at most"}},
	} {
		_, err := ParseFeed(c.file, time.UTC)
		var got *FeedError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func FuzzFeed(f *testing.F) {
	f.Add(calendarOf("DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY;BYMONTH=12\nEXDATE:20211225", "DTSTART:20261224T120000Z\nDURATION:P1DT2H"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		feed, err := ParseFeed(data, time.UTC)
		if err != nil {
			if !strings.Contains(err.Error(), ": ") {
				t.Errorf("no remedy: %v", err)
			}
			return
		}
		(&Rules{Zone: time.UTC, Week: AlwaysOpen(), Holidays: feed.Holidays, Working: feed.Working, Closed: feed.Closed}).Calendar()
	})
}

// The dates are those of the laws of the countries.
func TestCountries(t *testing.T) {
	for code, want := range map[string][]string{
		"DE":    {"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14", "2026-05-25", "2026-10-03", "2026-12-25", "2026-12-26"},
		"de-by": {"2026-01-01", "2026-01-06", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14", "2026-05-25", "2026-06-04", "2026-10-03", "2026-11-01", "2026-12-25", "2026-12-26"},
		"GB":    {"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-26", "2026-12-28"},
		"US":    {"2026-01-01", "2026-01-19", "2026-02-16", "2026-05-25", "2026-06-19", "2026-07-03", "2026-07-04", "2026-09-07", "2026-10-12", "2026-11-11", "2026-11-26", "2026-12-25"},
	} {
		days, err := Country(code)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, daysIn(days, 2026)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
	}
	if _, err := Country("ZZ"); err == nil || !strings.HasPrefix(err.Error(), `no holidays are known of "ZZ": use one of AR, AT,`) {
		t.Error(err)
	}
}
