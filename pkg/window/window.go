package window

import (
	"fmt"
	"strconv"
)

// Ring is a resolution at which totals are kept.
type Ring uint8

// The rings, finest first. Total has one bucket for all time.
const (
	Second Ring = iota
	Minute
	Hour
	Total
	// Day is not a ring of timelines: it names rows of local days, whose buckets are the
	// number of the day since 1970 × 86400.
	Day
)

var ringLength = [...]int64{1, 60, 3600, 1 << 40, 86400}

// Seconds is the length of the ring's buckets.
func (r Ring) Seconds() int64 { return ringLength[r] }

// Floor returns the start of the bucket that holds t, in Unix seconds.
func (r Ring) Floor(t int64) int64 {
	n := ringLength[r]
	return (t - ((t%n)+n)%n)
}

// Window is a rolling window that ends at the instant of the reading.
type Window struct {
	Name   string
	Length int64 // seconds; 0 for the window "all"
	Ring   Ring  // the resolution of its lower end
}

// Longest is the longest window but "all", in seconds.
const Longest = 30 * 24 * 3600

// Parse reads a window as in "90s", "15m", "8h", "7d" or "all". It must be a whole number of
// buckets of its ring: seconds up to 15 m, minutes up to 24 h, hours up to 30 d.
func Parse(name string) (Window, error) {
	if name == "all" {
		return Window{Name: name, Ring: Total}, nil
	}
	bad := fmt.Errorf("window %q is not one: write a number and s, m, h or d, as in 15m, or all", name)
	if len(name) < 2 {
		return Window{}, bad
	}
	unit, ok := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[name[len(name)-1]]
	n, err := strconv.ParseUint(name[:len(name)-1], 10, 31)
	if !ok || err != nil || n == 0 {
		return Window{}, bad
	}
	w := Window{Name: name, Length: int64(n) * unit}
	switch {
	case w.Length <= 15*60:
		w.Ring = Second
	case w.Length <= 24*3600:
		w.Ring = Minute
	case w.Length <= Longest:
		w.Ring = Hour
	default:
		return Window{}, fmt.Errorf("window %q is too long: the longest is 30d, beside all", name)
	}
	if w.Length%w.Ring.Seconds() != 0 {
		return Window{}, fmt.Errorf("window %q does not fit its buckets: use a multiple of %d seconds", name, w.Ring.Seconds())
	}
	return w, nil
}

// Default lists the windows that are kept unless told otherwise.
func Default() []Window {
	var out []Window
	for _, name := range []string{"1m", "5m", "15m", "1h", "8h", "24h", "7d", "30d", "all"} {
		w, err := Parse(name)
		if err != nil {
			panic("window: internal error: " + err.Error())
		}
		out = append(out, w)
	}
	return out
}

// Lo returns the inclusive lower end of the window that ends at t, in Unix seconds: t
// less the length, rounded down to the bucket.
func (w Window) Lo(t int64) int64 {
	if w.Ring == Total {
		return MinTime
	}
	return w.Ring.Floor(t - w.Length)
}

// MinTime is before all other times.
const MinTime = -1 << 62
