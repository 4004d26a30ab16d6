package compare

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
)

func of(v float64) *float64 { return &v }

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name        string
		unit        string
		now, before *float64
		want        *Change
	}{
		{"an amount that grew", "money", of(150), of(120), &Change{0.25, Relative}},
		{"a duration that fell", "seconds", of(45), of(60), &Change{-0.25, Relative}},
		{"nothing changed", "count", of(7), of(7), &Change{0, Relative}},
		{"from loss to gain", "count", of(5), of(-5), &Change{2, Relative}},
		{"from gain to loss", "count", of(-5), of(5), &Change{-2, Relative}},
		{"relative to nothing", "count", of(5), of(0), nil},
		{"a ratio", "ratio", of(0.125), of(0.25), &Change{-12.5, PercentagePoints}},
		{"a ratio from nothing", "ratio", of(0.5), of(0), &Change{50, PercentagePoints}},
		{"no value now", "ratio", nil, of(0.5), nil},
		{"no value before", "money", of(1), nil, nil},
	} {
		if got := Of(tt.unit, tt.now, tt.before); !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestWindowBefore(t *testing.T) {
	if got, want := WindowBefore(10_000, 3600), (Span{2800, 6400}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSpans(t *testing.T) {
	calendars := map[string]*period.Calendar{}
	for name, of := range map[string]struct {
		zone   string
		system period.System
		start  time.Weekday
		fiscal int
	}{
		"china":  {"Asia/Shanghai", period.Gregorian, time.Monday, 1},
		"iran":   {"Asia/Tehran", period.SolarHijri, time.Saturday, 1},
		"berlin": {"Europe/Berlin", period.Gregorian, time.Monday, 1},
		"april":  {"UTC", period.Gregorian, time.Monday, 4},
	} {
		c, err := period.New(of.zone, of.system, of.start, of.fiscal)
		if err != nil {
			t.Fatal(err)
		}
		calendars[name] = c
	}
	type spans [3]string
	for _, tt := range []struct {
		calendar string
		p        kpi.Period
		at       string
		want     spans // current, previous, a year ago
	}{
		{"china", kpi.Day, "2026-11-22 10:30", spans{"2026-11-22 00:00 – 2026-11-22 10:30", "2026-11-21 00:00 – 2026-11-21 10:30", "2025-11-22 00:00 – 2025-11-22 10:30"}},
		{"china", kpi.Week, "2026-11-22 10:30", spans{"2026-11-16 00:00 – 2026-11-22 10:30", "2026-11-09 00:00 – 2026-11-15 10:30", "2025-11-17 00:00 – 2025-11-23 10:30"}},
		{"china", kpi.Month, "2026-11-22 10:30", spans{"2026-11-01 00:00 – 2026-11-22 10:30", "2026-10-01 00:00 – 2026-10-22 10:30", "2025-11-01 00:00 – 2025-11-22 10:30"}},
		{"china", kpi.Quarter, "2026-11-22 10:30", spans{"2026-10-01 00:00 – 2026-11-22 10:30", "2026-07-01 00:00 – 2026-08-22 10:30", "2025-10-01 00:00 – 2025-11-22 10:30"}},
		{"china", kpi.Year, "2026-11-22 10:30", spans{"2026-01-01 00:00 – 2026-11-22 10:30", "2025-01-01 00:00 – 2025-11-22 10:30", "2025-01-01 00:00 – 2025-11-22 10:30"}},
		// Month ends: February has no 29th, 30th, 31st in 2026.
		{"china", kpi.Month, "2026-03-28 23:59", spans{"2026-03-01 00:00 – 2026-03-28 23:59", "2026-02-01 00:00 – 2026-02-28 23:59", "2025-03-01 00:00 – 2025-03-28 23:59"}},
		{"china", kpi.Month, "2026-03-29 00:00", spans{"2026-03-01 00:00 – 2026-03-29 00:00", "2026-02-01 00:00 – 2026-03-01 00:00", "2025-03-01 00:00 – 2025-03-29 00:00"}},
		{"china", kpi.Month, "2026-03-31 12:00", spans{"2026-03-01 00:00 – 2026-03-31 12:00", "2026-02-01 00:00 – 2026-03-01 00:00", "2025-03-01 00:00 – 2025-03-31 12:00"}},
		{"china", kpi.Quarter, "2026-05-31 12:00", spans{"2026-04-01 00:00 – 2026-05-31 12:00", "2026-01-01 00:00 – 2026-03-01 00:00", "2025-04-01 00:00 – 2025-05-31 12:00"}},
		{"china", kpi.Year, "2024-02-29 12:00", spans{"2024-01-01 00:00 – 2024-02-29 12:00", "2023-01-01 00:00 – 2023-03-01 00:00", "2023-01-01 00:00 – 2023-03-01 00:00"}},
		// The first instant of a period has nothing behind it, and nor have those before.
		{"china", kpi.Month, "2026-11-01 00:00", spans{"2026-11-01 00:00 – 2026-11-01 00:00", "2026-10-01 00:00 – 2026-10-01 00:00", "2025-11-01 00:00 – 2025-11-01 00:00"}},
		// 2026-11-22 is 1405-09-01, and 2025-11-22 is 1404-09-01; 1405-08 began on 2026-10-23.
		{"iran", kpi.Month, "2026-11-22 10:30", spans{"2026-11-22 00:00 – 2026-11-22 10:30", "2026-10-23 00:00 – 2026-10-23 10:30", "2025-11-22 00:00 – 2025-11-22 10:30"}},
		{"iran", kpi.Year, "2026-11-22 10:30", spans{"2026-03-21 00:00 – 2026-11-22 10:30", "2025-03-21 00:00 – 2025-11-22 10:30", "2025-03-21 00:00 – 2025-11-22 10:30"}},
		// 1403-12-30 in a leap year: 1402-12 had 29 days and ended with 2024-03-19.
		{"iran", kpi.Month, "2025-03-20 10:30", spans{"2025-02-19 00:00 – 2025-03-20 10:30", "2025-01-20 00:00 – 2025-02-18 10:30", "2024-02-20 00:00 – 2024-03-20 00:00"}},
		{"iran", kpi.Week, "2026-11-22 10:30", spans{"2026-11-21 00:00 – 2026-11-22 10:30", "2026-11-14 00:00 – 2026-11-15 10:30", "2025-11-22 00:00 – 2025-11-23 10:30"}},
		// Clocks went from 02:00 to 03:00 on 2026-03-29: 12:00 is 11 hours into the day. On
		// 2026-10-25 they went back: 23:30 is 24.5 hours into it, more than other days have.
		{"berlin", kpi.Day, "2026-03-29 12:00", spans{"2026-03-29 00:00 – 2026-03-29 12:00", "2026-03-28 00:00 – 2026-03-28 11:00", "2025-03-29 00:00 – 2025-03-29 11:00"}},
		{"berlin", kpi.Day, "2026-10-25 23:30", spans{"2026-10-25 00:00 – 2026-10-25 23:30", "2026-10-24 00:00 – 2026-10-25 00:00", "2025-10-25 00:00 – 2025-10-26 00:00"}},
		// The fiscal year from April: its fourth quarter has the same place a year before.
		{"april", kpi.Quarter, "2026-03-31 06:00", spans{"2026-01-01 00:00 – 2026-03-31 06:00", "2025-10-01 00:00 – 2025-12-31 06:00", "2025-01-01 00:00 – 2025-03-31 06:00"}},
		{"april", kpi.Year, "2026-03-31 06:00", spans{"2025-04-01 00:00 – 2026-03-31 06:00", "2024-04-01 00:00 – 2025-03-31 06:00", "2024-04-01 00:00 – 2025-03-31 06:00"}},
	} {
		c := calendars[tt.calendar]
		zone, err := time.LoadLocation(c.Zone())
		if err != nil {
			t.Fatal(err)
		}
		local, err := time.ParseInLocation("2006-01-02 15:04", tt.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		show := func(s Span) string {
			const form = "2006-01-02 15:04"
			return time.Unix(s.From, 0).In(zone).Format(form) + " – " + time.Unix(s.To, 0).In(zone).Format(form)
		}
		at := local.Unix()
		got := spans{show(Current(c, tt.p, at)), show(Previous(c, tt.p, at)), show(YearAgo(c, tt.p, at))}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s, %s at %s: (-want +got)\n%s", tt.calendar, tt.p, tt.at, diff)
		}
	}
}

// As time passes, the former point never goes back, and stays in the former period.
func TestTheSamePointOnlyMovesOn(t *testing.T) {
	for _, zone := range []string{"Asia/Tehran", "America/Sao_Paulo"} {
		for _, system := range []period.System{period.Gregorian, period.SolarHijri} {
			c, err := period.New(zone, system, time.Saturday, 1)
			if err != nil {
				t.Fatal(err)
			}
			for p := kpi.Day; p < kpi.NumPeriods; p++ {
				for _, former := range []func(*period.Calendar, kpi.Period, int64) Span{Previous, YearAgo} {
					last := Span{}
					for at := int64(1_580_000_000); at < 1_680_000_000; at += 7 * 3600 {
						s := former(c, p, at)
						end := c.Midnight(c.Next(p, c.Day(s.From)))
						if s.From < last.From || s.To < last.To || s.To < s.From || s.To > end {
							t.Fatalf("%s, %s, %s at %d: %v after %v, the period ends at %d", zone, system, p, at, s, last, end)
						}
						last = s
					}
				}
			}
		}
	}
}
