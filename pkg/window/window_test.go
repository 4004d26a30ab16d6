package window

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]Window{
		"1s":    {"1s", 1, Second},
		"90s":   {"90s", 90, Second},
		"15m":   {"15m", 15 * 60, Second},
		"16m":   {"16m", 16 * 60, Minute},
		"960s":  {"960s", 16 * 60, Minute},
		"24h":   {"24h", 86400, Minute},
		"1d":    {"1d", 86400, Minute},
		"25h":   {"25h", 25 * 3600, Hour},
		"30d":   {"30d", 30 * 86400, Hour},
		"1500m": {"1500m", 25 * 3600, Hour},
		"all":   {"all", 0, Total},
	} {
		if got, err := Parse(name); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for name, remedy := range map[string]string{
		"": "as in 15m", "5": "as in 15m", "m": "as in 15m", "5w": "as in 15m", "-5m": "as in 15m", "0m": "as in 15m",
		"1.5h": "as in 15m", "ALL": "as in 15m", "5m ": "as in 15m", "99999999999s": "as in 15m", "2147483647d": "the longest is 30d",
		"31d": "the longest is 30d", "721h": "the longest is 30d", "901s": "multiple of 60", "1441m": "multiple of 3600",
	} {
		if w, err := Parse(name); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%q: %+v, %v; want an error that says %q", name, w, err, remedy)
		}
	}
}

// A window of length W that ends at T begins at T−W, rounded down to its bucket.
func TestLo(t *testing.T) {
	const noon = 20513*86400 + 12*3600 // 2026-03-01T12:00:00Z
	for _, c := range []struct {
		window string
		t, lo  int64
	}{
		{"15m", noon, noon - 900},
		{"15m", noon + 1, noon - 899},
		{"1h", noon, noon - 3600},
		{"1h", noon + 1, noon - 3600},
		{"1h", noon + 59, noon - 3600},
		{"1h", noon + 60, noon - 3540},
		{"24h", noon - 1, noon - 86400 - 60},
		{"7d", noon, noon - 7*86400},
		{"7d", noon + 3599, noon - 7*86400},
		{"7d", noon + 3600, noon - 7*86400 + 3600},
		{"1h", 30, -3600},
		{"all", noon, MinTime},
	} {
		w, err := Parse(c.window)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Lo(c.t); got != c.lo {
			t.Errorf("%s at %d begins at %d, want %d", c.window, c.t, got, c.lo)
		}
	}
}

func TestFloor(t *testing.T) {
	for _, c := range []struct {
		ring    Ring
		t, want int64
	}{
		{Second, 7, 7}, {Minute, 59, 0}, {Minute, 60, 60}, {Hour, 7199, 3600}, {Total, 1 << 31, 0},
		{Minute, -1, -60}, {Hour, -3600, -3600},
	} {
		if got := c.ring.Floor(c.t); got != c.want {
			t.Errorf("ring %d: floor of %d is %d, want %d", c.ring, c.t, got, c.want)
		}
	}
}

// The horizons keep what every window needs at any clock: its lower end is a boundary of
// the ring that still keeps it.
func TestHorizonsServeEveryWindow(t *testing.T) {
	const day = 20513 * 86400
	windows := Default()
	last := HorizonsAt(day - 1)
	for _, clock := range append(around(day), append(around(day+3600), around(day+86400)...)...) {
		h := HorizonsAt(clock)
		if h.Second > clock-900 || h.Minute > clock-86400 || h.Hour > clock-Longest-3600 {
			t.Fatalf("at %d: %+v keeps too little", clock, h)
		}
		if h.Second%300 != 0 || h.Minute%86400 != 0 || h.Hour%86400 != 0 {
			t.Fatalf("at %d: %+v is not on the grids", clock, h)
		}
		if h.Second < last.Second || h.Minute < last.Minute || h.Hour < last.Hour {
			t.Fatalf("at %d: %+v lies before %+v", clock, h, last)
		}
		last = h
		for _, w := range windows {
			if w.Ring != Total && !h.OnGrid(w.Lo(clock)) {
				t.Errorf("at %d: the window %s begins at %d, which is between the boundaries of %+v", clock, w.Name, w.Lo(clock), h)
			}
		}
	}
}

// around lists the seconds about an instant.
func around(t int64) (out []int64) {
	for d := int64(-61); d <= 61; d++ {
		out = append(out, t+d)
	}
	return out
}

func TestRingAndGrid(t *testing.T) {
	h := Horizons{Second: 1_000_800, Minute: 950_400, Hour: 864_000}
	for _, c := range []struct {
		t    int64
		ring Ring
		grid bool
	}{
		{1_000_801, Second, true}, {1_000_800, Second, true}, {1_000_799, Minute, false}, {1_000_740, Minute, true},
		{950_400, Minute, true}, {950_399, Hour, false}, {946_800, Hour, true}, {864_000, Hour, true},
		{863_999, Total, false}, {0, Total, false},
	} {
		if ring, grid := h.Ring(c.t), h.OnGrid(c.t); ring != c.ring || grid != c.grid {
			t.Errorf("%d: ring %d, on the grid %t; want %d, %t", c.t, ring, grid, c.ring, c.grid)
		}
	}
}
