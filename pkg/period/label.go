package period

import (
	"fmt"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Label names the period that a day lies in, in ASCII digits: 2026-11-22, 2026-W47,
// 2026-11, 2026-Q4, 2026. A fiscal year that does not begin with the calendar's is named
// after both, as in 2026/27 and 2026/27-Q1.
//
// A week belongs to the year that most of its days lie in, and the first such is W01: for
// weeks from Monday in the Gregorian calendar this is ISO 8601.
func (c *Calendar) Label(p kpi.Period, day int32) string {
	year, month, dayOfMonth := c.Date(c.Start(p, day))
	switch p {
	case kpi.Day:
		return fmt.Sprintf("%04d-%02d-%02d", year, month, dayOfMonth)
	case kpi.Week:
		return c.week(day)
	case kpi.Month:
		return fmt.Sprintf("%04d-%02d", year, month)
	case kpi.Quarter:
		first, _, _ := c.Date(c.Start(kpi.Year, day))
		quarter := (year-first)*12 + month - c.fiscalMonth
		return fmt.Sprintf("%s-Q%d", c.fiscalYear(first), quarter/3+1)
	default:
		return c.fiscalYear(year)
	}
}

func (c *Calendar) fiscalYear(first int) string {
	if c.fiscalMonth == 1 {
		return fmt.Sprintf("%04d", first)
	}
	return fmt.Sprintf("%04d/%02d", first, (first+1)%100)
}

func (c *Calendar) week(day int32) string {
	middle := c.Start(kpi.Week, day) + 3
	year, _, _ := c.Date(middle)
	newYear := c.MonthDay((year - c.firstYear()) * 12)
	return fmt.Sprintf("%04d-W%02d", year, (middle-newYear)/7+1)
}

// ParseWeekday reads the English name of a weekday.
func ParseWeekday(name string) (time.Weekday, error) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name == weekdayNames[d] {
			return d, nil
		}
	}
	return 0, fmt.Errorf("weekday %q is unknown: use monday, saturday …", name)
}

var weekdayNames = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
