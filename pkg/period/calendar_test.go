package period

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

func calendar(t testing.TB, zone string, system System, weekStart time.Weekday, fiscalMonth int) *Calendar {
	t.Helper()
	c, err := New(zone, system, weekStart, fiscalMonth)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func day(year int, month time.Month, d int) int32 {
	return int32(time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		zone        string
		system      System
		weekStart   time.Weekday
		fiscalMonth int
		want        string
	}{
		{"", Gregorian, 1, 1, `zone "" names no place: `},
		{"Local", Gregorian, 1, 1, `zone "Local" names no place: `},
		{"Asia/Nowhere", Gregorian, 1, 1, `zone "Asia/Nowhere" is unknown: `},
		{"UTC", 2, 1, 1, "calendar 2 is unknown: "},
		{"UTC", Gregorian, 7, 1, "week start 7 is no weekday: "},
		{"UTC", Gregorian, -1, 1, "week start -1 is no weekday: "},
		{"UTC", Gregorian, 1, 0, "fiscal month 0 is no month: "},
		{"UTC", Gregorian, 1, 13, "fiscal month 13 is no month: "},
	} {
		if _, err := New(tt.zone, tt.system, tt.weekStart, tt.fiscalMonth); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestNamesAreRead(t *testing.T) {
	for _, s := range []System{Gregorian, SolarHijri} {
		if got, err := ParseSystem(s.String()); err != nil || got != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	if _, err := ParseSystem("julian"); err == nil {
		t.Error("an unknown system was taken")
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if got, err := ParseWeekday(strings.ToLower(d.String())); err != nil || got != d {
			t.Errorf("%s: %v, %v", d, got, err)
		}
	}
	if _, err := ParseWeekday("friyay"); err == nil {
		t.Error("an unknown weekday was taken")
	}
}

// In the Gregorian calendar package time is the oracle.
func TestGregorianPeriods(t *testing.T) {
	for fiscal := 1; fiscal <= 12; fiscal++ {
		c := calendar(t, "UTC", Gregorian, time.Sunday, fiscal)
		for d := day(1969, 1, 1); d < day(2038, 1, 1); d += 1 + int32(rand.N(9)) {
			at := time.Unix(int64(d)*86400, 0).UTC()
			month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
			quarter, year := month, month
			for (int(quarter.Month())-fiscal+12)%3 != 0 {
				quarter = quarter.AddDate(0, -1, 0)
			}
			for int(year.Month()) != fiscal {
				year = year.AddDate(0, -1, 0)
			}
			week := at
			for week.Weekday() != time.Sunday {
				week = week.AddDate(0, 0, -1)
			}
			for _, tt := range []struct {
				p                     kpi.Period
				start, next, previous time.Time
			}{
				{kpi.Day, at, at.AddDate(0, 0, 1), at.AddDate(0, 0, -1)},
				{kpi.Week, week, week.AddDate(0, 0, 7), week.AddDate(0, 0, -7)},
				{kpi.Month, month, month.AddDate(0, 1, 0), month.AddDate(0, -1, 0)},
				{kpi.Quarter, quarter, quarter.AddDate(0, 3, 0), quarter.AddDate(0, -3, 0)},
				{kpi.Year, year, year.AddDate(1, 0, 0), year.AddDate(-1, 0, 0)},
			} {
				if got, want := [3]int32{c.Start(tt.p, d), c.Next(tt.p, d), c.Previous(tt.p, d)}, [3]int32{dayOf(tt.start), dayOf(tt.next), dayOf(tt.previous)}; got != want {
					t.Fatalf("%s of %s, fiscal year from month %d: start, next, previous are %v, want %v", tt.p, at.Format(time.DateOnly), fiscal, got, want)
				}
			}
		}
	}
}

func dayOf(t time.Time) int32 { return int32(t.Unix() / 86400) }

func TestWeekStarts(t *testing.T) {
	for start := time.Sunday; start <= time.Saturday; start++ {
		c := calendar(t, "UTC", SolarHijri, start, 1)
		for d := day(1969, 11, 1); d < day(1970, 3, 1); d++ {
			first := d
			for time.Unix(int64(first)*86400, 0).UTC().Weekday() != start {
				first--
			}
			if got := c.Start(kpi.Week, d); got != first {
				t.Fatalf("week from %s of day %d starts at %d, want %d", start, d, got, first)
			}
		}
	}
}

func TestMonthIndex(t *testing.T) {
	g, h := calendar(t, "UTC", Gregorian, time.Monday, 4), calendar(t, "UTC", SolarHijri, time.Saturday, 1)
	for _, tt := range []struct {
		c     *Calendar
		day   int32
		index int
		first int32
	}{
		{g, day(1970, 1, 1), 0, day(1970, 1, 1)},
		{g, day(1969, 12, 31), -1, day(1969, 12, 1)},
		{g, day(2026, 11, 22), 56*12 + 10, day(2026, 11, 1)},
		{h, day(1970, 3, 21), 0, day(1970, 3, 21)},
		{h, day(1970, 3, 20), -1, day(1970, 2, 20)},                   // 29 days of Esfand 1348
		{h, day(2025, 3, 21), 55 * 12, day(2025, 3, 21)},              // 1404-01-01
		{h, day(2025, 3, 20), 55*12 - 1, day(2025, 2, 19)},            // 1403-12-30, the first was 30 days ago
		{h, day(2026, 11, 22), (1405-1349)*12 + 8, day(2026, 11, 22)}, // 1405-09-01
	} {
		if got := tt.c.MonthIndex(tt.day); got != tt.index {
			t.Errorf("%s: month of day %d is %d, want %d", tt.c.System(), tt.day, got, tt.index)
		}
		if got := tt.c.MonthDay(tt.index); got != tt.first {
			t.Errorf("%s: month %d begins on day %d, want %d", tt.c.System(), tt.index, got, tt.first)
		}
	}
}

func TestShift(t *testing.T) {
	g, h := calendar(t, "UTC", Gregorian, time.Monday, 1), calendar(t, "UTC", SolarHijri, time.Saturday, 1)
	for _, tt := range []struct {
		c       *Calendar
		p       kpi.Period
		day     int32
		n       int
		want    int32
		clipped bool
	}{
		{g, kpi.Day, day(2026, 3, 1), -1, day(2026, 2, 28), false},
		{g, kpi.Week, day(2026, 3, 1), -1, day(2026, 2, 22), false},
		{g, kpi.Month, day(2026, 3, 28), -1, day(2026, 2, 28), false},
		{g, kpi.Month, day(2026, 3, 29), -1, day(2026, 2, 28), true},
		{g, kpi.Month, day(2026, 3, 31), -1, day(2026, 2, 28), true},
		{g, kpi.Month, day(2024, 3, 29), -1, day(2024, 2, 29), false},
		{g, kpi.Month, day(2026, 1, 31), 1, day(2026, 2, 28), true},
		{g, kpi.Month, day(2026, 1, 15), -1, day(2025, 12, 15), false},
		{g, kpi.Quarter, day(2026, 5, 31), -1, day(2026, 2, 28), true},
		{g, kpi.Quarter, day(2026, 11, 22), -1, day(2026, 8, 22), false},
		{g, kpi.Year, day(2024, 2, 29), -1, day(2023, 2, 28), true},
		{g, kpi.Year, day(2024, 2, 29), -4, day(2020, 2, 29), false},
		{h, kpi.Month, day(2026, 9, 22), 1, day(2026, 10, 22), true},   // 1405-06-31 → 1405-07-30
		{h, kpi.Year, day(2025, 3, 20), -1, day(2024, 3, 19), true},    // 1403-12-30 → 1402-12-29
		{h, kpi.Year, day(2026, 11, 22), -1, day(2025, 11, 22), false}, // 1405-09-01 → 1404-09-01
		{h, kpi.Year, day(2025, 1, 1), -1, day(2024, 1, 2), false},     // 1403-10-12 → 1402-10-12
	} {
		if got, clipped := tt.c.Shift(tt.p, tt.day, tt.n); got != tt.want || clipped != tt.clipped {
			t.Errorf("%s, day %d shifted by %d of %s is %d, %t; want %d, %t", tt.c.System(), tt.day, tt.n, tt.p, got, clipped, tt.want, tt.clipped)
		}
	}
	if got := g.YearAgo(day(2024, 2, 29)); got != day(2023, 2, 28) {
		t.Errorf("a year before 2024-02-29 is day %d", got)
	}
}

func TestDayOf(t *testing.T) {
	g, h := calendar(t, "UTC", Gregorian, time.Monday, 1), calendar(t, "UTC", SolarHijri, time.Saturday, 1)
	for _, tt := range []struct {
		c                *Calendar
		year, month, dom int
		want             int32
		ok               bool
	}{
		{g, 2024, 2, 29, day(2024, 2, 29), true},
		{g, 2023, 2, 29, 0, false},
		{g, 2023, 13, 1, 0, false},
		{g, 2023, 0, 1, 0, false},
		{g, 2023, 1, 0, 0, false},
		{g, 0, 1, 1, 0, false},
		{h, 1403, 12, 30, day(2025, 3, 20), true},
		{h, 1404, 12, 30, 0, false},
		{h, 1404, 6, 31, day(2025, 9, 22), true},
		{h, 1404, 7, 31, 0, false},
	} {
		if got, err := tt.c.DayOf(tt.year, tt.month, tt.dom); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s %d-%d-%d: %d, %v", tt.c.System(), tt.year, tt.month, tt.dom, got, err)
		}
	}
}
