package sla

import (
	"math/rand/v2"
	"testing"
	"time"
)

// usual is a calendar as companies have them: lunch, daylight saving, the holidays of a
// country.
func usual(t testing.TB) *Calendar {
	t.Helper()
	holidays, err := Country("DE")
	if err != nil {
		t.Fatal(err)
	}
	return (&Rules{Zone: zone(t, "Europe/Berlin"), Week: weekdaysWith(t, "monday-friday", "09:00-12:00", "13:00-17:00"), Holidays: holidays}).Calendar()
}

// pairs draws two instants of 2026, at most two weeks apart.
func pairs(t testing.TB) (out [1024][2]int64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	begin := at(t, time.UTC, "2026-01-01T00:00")
	for i := range out {
		out[i][0] = begin + r.Int64N(365*day)
		out[i][1] = out[i][0] + r.Int64N(14*day)
	}
	return out
}

func BenchmarkElapsed(b *testing.B) {
	c, list := usual(b), pairs(b)
	b.ReportAllocs()
	i, sum := 0, int64(0)
	for b.Loop() {
		p := &list[i%len(list)]
		sum += c.Elapsed(p[0], p[1])
		i++
	}
	if sum < 0 {
		b.Error(sum)
	}
}

func BenchmarkAfter(b *testing.B) {
	c, list := usual(b), pairs(b)
	b.ReportAllocs()
	i, sum := 0, int64(0)
	for b.Loop() {
		sum += c.After(list[i%len(list)][0], 8*hour)
		i++
	}
	if sum == 0 {
		b.Error(sum)
	}
}

// A calendar is laid out once, at start.
func BenchmarkLayOut(b *testing.B) {
	b.ReportAllocs()
	var c *Calendar
	for b.Loop() {
		c = usual(b)
	}
	b.ReportMetric(float64(len(c.runs)), "runs")
}

// For is remembered by its caller: this is the cost of a request of a new kind.
func BenchmarkFor(b *testing.B) {
	p := policies(b,
		Policy{Name: "gold", When: `labels["tier"] == "gold"`, Resolution: hours8(time.Hour)},
		Policy{Name: "billing", When: `team in ["billing", "invoices"] && priority != "low"`, Resolution: hours8(2 * time.Hour)},
		Policy{Name: "rest", Resolution: hours8(3 * time.Hour)},
	)
	request := of(map[string]string{"team": "mail", "priority": "high"})
	b.ReportAllocs()
	for b.Loop() {
		p.For(request)
	}
}

func TestClocksAllocateNothing(t *testing.T) {
	c, list := usual(t), pairs(t)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		p := &list[i%len(list)]
		i++
		if c.Elapsed(p[0], p[1]) > c.After(p[0], hour) {
			t.Error("more open time than there is")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
