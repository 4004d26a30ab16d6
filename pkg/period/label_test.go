package period

import (
	"fmt"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

func TestLabels(t *testing.T) {
	g, h := calendar(t, "UTC", Gregorian, time.Monday, 1), calendar(t, "Asia/Tehran", SolarHijri, time.Saturday, 1)
	april, mehr := calendar(t, "UTC", Gregorian, time.Sunday, 4), calendar(t, "Asia/Tehran", SolarHijri, time.Saturday, 7)
	for _, tt := range []struct {
		c    *Calendar
		p    kpi.Period
		day  int32
		want string
	}{
		{g, kpi.Day, day(2026, 11, 22), "2026-11-22"},
		{g, kpi.Week, day(2026, 11, 22), "2026-W47"},
		{g, kpi.Month, day(2026, 11, 22), "2026-11"},
		{g, kpi.Quarter, day(2026, 11, 22), "2026-Q4"},
		{g, kpi.Quarter, day(2026, 1, 1), "2026-Q1"},
		{g, kpi.Year, day(2026, 11, 22), "2026"},
		{h, kpi.Day, day(2026, 11, 22), "1405-09-01"},
		{h, kpi.Month, day(2025, 11, 1), "1404-08"},
		{h, kpi.Quarter, day(2026, 11, 22), "1405-Q3"},
		{h, kpi.Year, day(2026, 3, 20), "1404"},
		{h, kpi.Year, day(2026, 3, 21), "1405"},
		// 1 Farvardin 1403 was a Wednesday, so its W01 began on 23 March 2024; that of 1404 was
		// a Friday, 51 weeks and 6 days later; that of 1405 a Saturday.
		{h, kpi.Week, day(2024, 3, 23), "1403-W01"},
		{h, kpi.Week, day(2025, 3, 21), "1403-W52"},
		{h, kpi.Week, day(2025, 3, 22), "1404-W01"},
		{h, kpi.Week, day(2026, 3, 21), "1405-W01"},
		{h, kpi.Week, day(2026, 3, 20), "1404-W52"},
		{april, kpi.Year, day(2026, 3, 31), "2025/26"},
		{april, kpi.Year, day(2026, 4, 1), "2026/27"},
		{april, kpi.Year, day(2099, 4, 1), "2099/00"},
		{april, kpi.Quarter, day(2026, 3, 31), "2025/26-Q4"},
		{april, kpi.Quarter, day(2026, 4, 1), "2026/27-Q1"},
		{mehr, kpi.Year, day(2026, 11, 22), "1405/06"},
		{mehr, kpi.Quarter, day(2026, 3, 21), "1404/05-Q3"},
	} {
		if got := tt.c.Label(tt.p, tt.day); got != tt.want {
			t.Errorf("%s of day %d is %s, want %s", tt.p, tt.day, got, tt.want)
		}
	}
}

func TestWeeksFromMondayAreISO(t *testing.T) {
	c := calendar(t, "UTC", Gregorian, time.Monday, 7)
	for d := day(1999, 1, 1); d < day(2030, 1, 1); d++ {
		year, week := time.Unix(int64(d)*86400, 0).UTC().ISOWeek()
		if got, want := c.Label(kpi.Week, d), fmt.Sprintf("%04d-W%02d", year, week); got != want {
			t.Fatalf("day %d is in week %s, want %s", d, got, want)
		}
	}
}
