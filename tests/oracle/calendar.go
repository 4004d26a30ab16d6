package oracle

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Calendar is a tenant's civil calendar.
type Calendar struct {
	Zone        *time.Location // nil is UTC
	SolarHijri  bool
	WeekStart   time.Weekday
	FiscalMonth int // 1 to 12; 0 is 1
}

// rolling are the windows: how long they are, and the bucket to which their beginning is
// rounded down, in seconds.
func rolling(window string) (length, bucket int64, ok bool) {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(window, "%d%s", &n, &unit); err != nil {
		return 0, 0, false
	}
	length = n * map[string]int64{"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
	switch {
	case length <= 15*60:
		return length, 1, length > 0
	case length <= 24*3600:
		return length, 60, true
	default:
		return length, 3600, true
	}
}

// start returns where a window that ends at an instant begins. A period is the one that
// the last moment before the instant lies in: at midnight it is the day that has ended.
func (c Calendar) start(window string, at int64) int64 {
	if window == "all" || window == "" {
		return math.MinInt64
	}
	if length, bucket, ok := rolling(window); ok {
		lo := at/1000 - length
		return (lo - lo%bucket) * 1000
	}
	return c.periodStart(window, at-1)
}

func isPeriod(window string) bool {
	return slices.Contains([]string{"day", "week", "month", "quarter", "year"}, window)
}

// date is a day of the civil calendar, at noon UTC so that adding days never meets a
// change of clocks.
type date time.Time

func (d date) next(n int) date { return date(time.Time(d).AddDate(0, 0, n)) }

// dateOf returns the local day of an instant.
func (c Calendar) dateOf(at int64) date {
	y, m, d := time.UnixMilli(at).In(c.zone()).Date()
	return date(time.Date(y, m, d, 12, 0, 0, 0, time.UTC))
}

func (c Calendar) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// midnight returns the first instant of a local day, minute by minute, for clocks are
// changed at midnight too.
func (c Calendar) midnight(d date) int64 {
	y, m, day := time.Time(d).Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, c.zone())
	for t.Day() != day {
		t = t.Add(time.Minute)
	}
	for t.Add(-time.Minute).Day() == day {
		t = t.Add(-time.Minute)
	}
	return t.UnixMilli()
}

// newYears are the first days of Solar Hijri years, as printed in the calendars of Iran.
var newYears = map[int]string{
	1399: "2020-03-20", 1400: "2021-03-21", 1401: "2022-03-21", 1402: "2023-03-21", 1403: "2024-03-20",
	1404: "2025-03-21", 1405: "2026-03-21", 1406: "2027-03-21", 1407: "2028-03-20", 1408: "2029-03-20",
}

// month returns the month (1 to 12) and the day in it.
func (c Calendar) month(d date) (month, day int) {
	if !c.SolarHijri {
		_, m, day := time.Time(d).Date()
		return int(m), day
	}
	for year := 1408; year >= 1399; year-- {
		first, err := time.Parse(time.DateTime, newYears[year]+" 12:00:00")
		if err != nil {
			panic("oracle: " + err.Error())
		}
		days := int(time.Time(d).Sub(first).Hours() / 24)
		switch {
		case days < 0 || days > 365:
		case days < 6*31:
			return days/31 + 1, days%31 + 1
		default:
			return (days-6*31)/30 + 7, (days-6*31)%30 + 1
		}
	}
	panic("oracle: no table of years for " + time.Time(d).Format(time.DateOnly))
}

// begins reports whether a period begins on a day.
func (c Calendar) begins(period string, d date) bool {
	fiscal := max(1, c.FiscalMonth)
	switch period {
	case "day":
		return true
	case "week":
		return time.Time(d).Weekday() == c.WeekStart
	}
	month, day := c.month(d)
	switch period {
	case "month":
		return day == 1
	case "quarter":
		return day == 1 && (month-fiscal+12)%3 == 0
	case "year":
		return day == 1 && month == fiscal
	default:
		panic(fmt.Sprintf("oracle: window %q is unknown", period))
	}
}

// periodStart returns the first instant of the period that an instant lies in.
func (c Calendar) periodStart(period string, at int64) int64 {
	d := c.dateOf(at)
	for !c.begins(period, d) {
		d = d.next(-1)
	}
	return c.midnight(d)
}

// previousStart returns the first instant of the period before.
func (c Calendar) previousStart(period string, at int64) int64 {
	return c.periodStart(period, c.periodStart(period, at)-1)
}

// nextStart returns the first instant of the period after.
func (c Calendar) nextStart(period string, at int64) int64 {
	d := c.dateOf(at).next(1)
	for !c.begins(period, d) {
		d = d.next(1)
	}
	return c.midnight(d)
}

// months returns the first instants of the months that lo ≤ t < hi touches.
func (c Calendar) months(lo, hi int64) []int64 {
	starts := []int64{c.periodStart("month", lo)}
	for {
		next := c.nextStart("month", starts[len(starts)-1])
		if next >= hi {
			return starts
		}
		starts = append(starts, next)
	}
}

// elapsed returns the part of from ≤ t < to at which a clock runs, in ms: minute by
// minute.
func elapsed(open func(minute int64) bool, from, to int64) (ms int64) {
	if open == nil {
		return to - from
	}
	const minute = 60_000
	for m := from / minute; m*minute < to; m++ {
		if open(m) {
			ms += min(to, (m+1)*minute) - max(from, m*minute)
		}
	}
	return ms
}
