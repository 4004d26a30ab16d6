package period

import (
	"fmt"
	"time"
	_ "time/tzdata" // zones are known on machines that have none

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// System says how days make months and years.
type System uint8

// The systems.
const (
	Gregorian  System = iota
	SolarHijri        // of Iran: the year begins on 1 Farvardin
)

// ParseSystem reads the name of a system.
func ParseSystem(name string) (System, error) {
	switch name {
	case "gregorian":
		return Gregorian, nil
	case "solar_hijri":
		return SolarHijri, nil
	}
	return 0, fmt.Errorf("calendar %q is unknown: use gregorian or solar_hijri", name)
}

// String is the inverse of ParseSystem.
func (s System) String() string {
	if s == SolarHijri {
		return "solar_hijri"
	}
	return "gregorian"
}

// Calendar is the calendar of a tenant.
type Calendar struct {
	zone        *time.Location
	system      System
	weekStart   time.Weekday
	fiscalMonth int   // 1 to 12: the month that begins the year and its quarters
	offset      int64 // seconds: the zone's least offset of late; near enough to guess a day
	memo        [memoSize]span
}

// memoSize is a power of 2: how many days are remembered.
const memoSize = 64

// span is one day: lo ≤ t < hi, in Unix seconds. The zero span holds nothing.
type span struct {
	lo, hi int64
	day    int32
}

// New returns a calendar. The fiscal month is 1 to 12, of the system.
func New(zone string, system System, weekStart time.Weekday, fiscalMonth int) (*Calendar, error) {
	if zone == "" || zone == "Local" {
		return nil, fmt.Errorf("zone %q names no place: use one of the IANA database, as in Asia/Shanghai, or UTC", zone)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("zone %q is unknown: use one of the IANA database, as in Asia/Shanghai, or UTC", zone)
	}
	if system > SolarHijri {
		return nil, fmt.Errorf("calendar %d is unknown: use gregorian or solar_hijri", system)
	}
	if weekStart < time.Sunday || weekStart > time.Saturday {
		return nil, fmt.Errorf("week start %d is no weekday: use 0 for Sunday to 6 for Saturday", weekStart)
	}
	if fiscalMonth < 1 || fiscalMonth > 12 {
		return nil, fmt.Errorf("fiscal month %d is no month: use 1 to 12", fiscalMonth)
	}
	c := &Calendar{zone: location, system: system, weekStart: weekStart, fiscalMonth: fiscalMonth}
	c.offset = min(c.offsetAt(2026, time.January), c.offsetAt(2026, time.July))
	return c, nil
}

func (c *Calendar) offsetAt(year int, month time.Month) int64 {
	_, offset := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).In(c.zone).Zone()
	return int64(offset)
}

// Zone returns the name of the zone.
func (c *Calendar) Zone() string { return c.zone.String() }

// System returns the system.
func (c *Calendar) System() System { return c.system }

// Start returns the first day of the period that the day lies in.
func (c *Calendar) Start(p kpi.Period, day int32) int32 {
	switch p {
	case kpi.Day:
		return day
	case kpi.Week:
		return day - int32((int(weekday(day))-int(c.weekStart)+7)%7)
	default:
		return c.MonthDay(c.firstMonth(p, c.MonthIndex(day)))
	}
}

// Next returns the first day of the period after the one that the day lies in.
func (c *Calendar) Next(p kpi.Period, day int32) int32 { return c.step(p, day, 1) }

// Previous returns the first day of the period before the one that the day lies in.
func (c *Calendar) Previous(p kpi.Period, day int32) int32 { return c.step(p, day, -1) }

func (c *Calendar) step(p kpi.Period, day int32, n int) int32 {
	switch p {
	case kpi.Day:
		return day + int32(n)
	case kpi.Week:
		return c.Start(kpi.Week, day) + int32(7*n)
	default:
		return c.MonthDay(c.firstMonth(p, c.MonthIndex(day)) + n*months(p))
	}
}

// Shift returns the day at the same place n periods later, earlier where n is negative.
// Where that month is too short, it is the month's last day, and clipped is true.
func (c *Calendar) Shift(p kpi.Period, day int32, n int) (shifted int32, clipped bool) {
	switch p {
	case kpi.Day:
		return day + int32(n), false
	case kpi.Week:
		return day + int32(7*n), false
	}
	month := c.MonthIndex(day)
	shifted = c.MonthDay(month+n*months(p)) + day - c.MonthDay(month)
	if last := c.MonthDay(month+n*months(p)+1) - 1; shifted > last {
		return last, true
	}
	return shifted, false
}

// YearAgo returns the same date a year before, or the last day of its month where the
// date is missing there.
func (c *Calendar) YearAgo(day int32) int32 {
	ago, _ := c.Shift(kpi.Year, day, -1)
	return ago
}

// MonthIndex returns the month of a day, counted from January 1970 or Farvardin 1349.
func (c *Calendar) MonthIndex(day int32) int {
	year, month, _ := c.Date(day)
	return (year-c.firstYear())*12 + month - 1
}

// MonthDay returns the first day of a month by its index.
func (c *Calendar) MonthDay(index int) int32 {
	year := c.firstYear() + floorDiv(index, 12)
	month := index - floorDiv(index, 12)*12 + 1
	if c.system == SolarHijri {
		return hijriDay(year, month, 1)
	}
	return gregorianDay(year, month, 1)
}

func (c *Calendar) firstYear() int {
	if c.system == SolarHijri {
		return 1349
	}
	return 1970
}

// Date returns year, month (1 to 12) and day of the month.
func (c *Calendar) Date(day int32) (year, month, dayOfMonth int) {
	if c.system == SolarHijri {
		return hijriDate(day)
	}
	return gregorianDate(day)
}

// DayOf is the inverse of Date.
func (c *Calendar) DayOf(year, month, dayOfMonth int) (day int32, err error) {
	if month >= 1 && month <= 12 && year >= 1 && year <= 9999 {
		first := (year-c.firstYear())*12 + month - 1
		day = c.MonthDay(first) + int32(dayOfMonth) - 1
		if dayOfMonth >= 1 && dayOfMonth <= 31 && day < c.MonthDay(first+1) {
			return day, nil
		}
	}
	return 0, fmt.Errorf("date %04d-%02d-%02d does not exist: give one of the %s calendar", year, month, dayOfMonth, c.system)
}

// months is the length of a period that consists of months.
func months(p kpi.Period) int {
	switch p {
	case kpi.Month:
		return 1
	case kpi.Quarter:
		return 3
	case kpi.Year:
		return 12
	default:
		panic(fmt.Sprintf("period: internal error: %d is no period of months", p))
	}
}

// firstMonth returns the first month of the period that a month lies in. Quarters are
// those of the fiscal year.
func (c *Calendar) firstMonth(p kpi.Period, month int) int {
	n, first := months(p), c.fiscalMonth-1
	return first + floorDiv(month-first, n)*n
}

// weekday of a day: 1970-01-01 was a Thursday.
func weekday(day int32) time.Weekday {
	return time.Weekday((int(day)%7 + 7 + int(time.Thursday)) % 7)
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
