package period

import (
	"math/rand/v2"
	"testing"
	"time"
)

// zones have daylight saving, odd offsets, midnights that do not exist or come twice,
// and dates that they skipped.
var zones = []string{
	"UTC", "Asia/Tehran", "Asia/Shanghai", "Asia/Kathmandu", "Africa/Cairo", "America/Sao_Paulo",
	"Europe/London", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Nuuk", "America/Havana",
	"Asia/Amman", "Asia/Beirut", "Atlantic/Azores", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein",
	"Pacific/Kiritimati", "Pacific/Chatham", "Africa/Monrovia", "Antarctica/Troll",
}

// The oracle walks through time minute by minute and reads the date off the clock: a day
// begins when its date or a later one is first seen. Since 1972 clocks change at whole
// minutes.
func TestDaysByTheClock(t *testing.T) {
	for _, zone := range zones {
		c := calendar(t, zone, Gregorian, time.Monday, 1)
		for _, at := range interesting(c) {
			from := at - 2*86400
			want := clockDay(c, from-86400)
			for u := from - 86400; u < from; u += 60 {
				want = max(want, clockDay(c, u))
			}
			for u := from; u < at+2*86400; u += 60 {
				if d := clockDay(c, u); d > want {
					for missing := want + 1; missing <= d; missing++ {
						if got := c.Midnight(missing); got != u {
							t.Fatalf("%s: day %d begins at %s, want %s", zone, missing, show(c, got), show(c, u))
						}
					}
					want = d
				}
				for _, v := range []int64{u, u + 59} {
					if got := c.Day(v); got != want {
						t.Fatalf("%s: %s is on day %d, want %d", zone, show(c, v), got, want)
					}
				}
			}
		}
	}
}

func clockDay(c *Calendar, t int64) int32 {
	y, m, d := time.Unix(t, 0).In(c.zone).Date()
	return day(y, m, d)
}

func show(c *Calendar, t int64) string { return time.Unix(t, 0).In(c.zone).Format(time.RFC3339) }

// interesting returns some of the instants from 1972 to 2040 at which the clocks change,
// always those that skip a date, and some others.
func interesting(c *Calendar) (out []int64) {
	u := time.Date(1972, 6, 1, 0, 0, 0, 0, time.UTC).In(c.zone)
	for u.Year() < 2040 {
		_, end := u.ZoneBounds()
		if end.IsZero() {
			break
		}
		_, before := u.Zone()
		_, after := end.Zone()
		midnight := end.Hour() <= 1 || end.Hour() == 23
		if after-before > 80000 || rand.N(6) == 0 || midnight && rand.N(3) == 0 {
			out = append(out, end.Unix()/60*60)
		}
		u = end.Add(time.Hour)
	}
	for range 3 {
		out = append(out, 86400+rand.Int64N(60*365*86400)/60*60)
	}
	return out
}

func TestMidnightsThatClocksSkip(t *testing.T) {
	for _, tt := range []struct {
		zone string
		day  int32
		want string
	}{
		{"America/Sao_Paulo", day(2018, 11, 4), "2018-11-04T01:00:00-02:00"},
		{"America/Sao_Paulo", day(2019, 2, 17), "2019-02-17T00:00:00-03:00"}, // 23:00 came twice
		{"Asia/Tehran", day(2022, 3, 22), "2022-03-22T01:00:00+04:30"},
		{"Asia/Tehran", day(2023, 3, 22), "2023-03-22T00:00:00+03:30"},
		{"Africa/Cairo", day(2024, 4, 26), "2024-04-26T01:00:00+03:00"},
		{"Asia/Kathmandu", day(1986, 1, 1), "1986-01-01T00:15:00+05:45"},
		{"Asia/Kathmandu", day(2026, 1, 1), "2026-01-01T00:00:00+05:45"},
		{"America/Havana", day(2026, 11, 1), "2026-11-01T00:00:00-04:00"},   // the first of two
		{"America/St_Johns", day(2010, 11, 7), "2010-11-07T00:00:00-02:30"}, // back to the 6th at 00:01
		{"Pacific/Apia", day(2011, 12, 30), "2011-12-31T00:00:00+14:00"},    // there was none
		{"Pacific/Apia", day(2011, 12, 31), "2011-12-31T00:00:00+14:00"},
	} {
		c := calendar(t, tt.zone, Gregorian, time.Monday, 1)
		if got := show(c, c.Midnight(tt.day)); got != tt.want {
			t.Errorf("%s: day %d begins at %s, want %s", tt.zone, tt.day, got, tt.want)
		}
	}
}

// Whatever was asked before, the answer is the same as that of a calendar never asked.
func TestDayInAnyOrder(t *testing.T) {
	for _, zone := range zones {
		c := calendar(t, zone, SolarHijri, time.Saturday, 1)
		fresh := calendar(t, zone, SolarHijri, time.Saturday, 1)
		near := int64(1_780_000_000)
		for range 3000 {
			u := near + rand.Int64N(2*86400)
			switch rand.N(4) {
			case 0:
				u = rand.Int64N(1<<32) - 1<<30
			case 1:
				u = c.Midnight(c.Day(u)) - rand.Int64N(2)
			}
			if got, want := c.Day(u), fresh.find(u); got != want {
				t.Fatalf("%s: %s is on day %d, want %d", zone, show(c, u), got, want)
			}
			if d := c.Day(u); c.Midnight(d) > u || c.Midnight(d+1) <= u {
				t.Fatalf("%s: %s is not within its day %d", zone, show(c, u), d)
			}
			fresh.memo = [memoSize]span{}
		}
	}
}

func TestInstantsThatNeverComeHaveADay(t *testing.T) {
	c := calendar(t, "Asia/Tehran", SolarHijri, time.Saturday, 1)
	for _, pair := range [][2]int64{{1 << 62, farthest}, {1<<63 - 1, farthest}, {-1 << 63, -farthest}, {-1 << 62, -farthest}} {
		if got, want := c.Day(pair[0]), c.Day(pair[1]); got != want {
			t.Errorf("%d is on day %d, want %d", pair[0], got, want)
		}
	}
}

func BenchmarkDay(b *testing.B) {
	c := calendar(b, "Europe/Berlin", Gregorian, time.Monday, 1)
	now := c.Midnight(day(2026, 7, 1))
	b.Run("same", func(b *testing.B) {
		var sum int32
		for i := 0; b.Loop(); i++ {
			sum += c.Day(now + int64(i&0xffff))
		}
		_ = sum
	})
	b.Run("last_30_days", func(b *testing.B) {
		var sum int32
		x := uint64(1)
		for b.Loop() {
			x = x*6364136223846793005 + 1442695040888963407
			sum += c.Day(now - int64(x>>43)) // 24 days
		}
		_ = sum
	})
	b.Run("unknown", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.find(now + int64(i&0xffff))
		}
	})
}
