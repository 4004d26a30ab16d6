package sla

import (
	"iter"
	"math"
)

// Never is an instant after all others.
const Never = 1 << 62

// Calendar says which part of time counts. It is a list of runs in which neither the
// offset of the zone nor the hours of the week change. The zero Calendar and a nil one
// are open day and night.
type Calendar struct{ runs []run }

// run holds from its start to the start of the next one.
type run struct {
	start  int64 // Unix ms
	before int64 // open time from the origin to start; the origin is where the first run says 0
	shift  int64 // the wall clock is ahead of Unix time by so much
	base   int64 // open time from the origin to t is base + hours.until(t + shift)
	hours  *hours
}

func (r *run) at(t int64) int64 { return r.base + r.hours.until(t+r.shift) }

// Elapsed is the open time within from ≤ t < to.
func (c *Calendar) Elapsed(from, to int64) int64 {
	if to <= from {
		return 0
	}
	if c == nil || len(c.runs) == 0 {
		return to - from
	}
	i := c.find(from)
	k := i
	if i+1 < len(c.runs) && to >= c.runs[i+1].start {
		k = c.find(to)
	}
	return c.runs[k].at(to) - c.runs[i].at(from)
}

// After is the first instant at which the open time since from has reached open: from
// itself where open is 0 or less, Never where the calendar is not open for so long.
func (c *Calendar) After(from, open int64) int64 {
	switch {
	case open <= 0:
		return from
	case open >= Never:
		return Never
	case c == nil || len(c.runs) == 0:
		return min(from+open, Never)
	}
	goal := c.runs[c.find(from)].at(from) + open
	r := &c.runs[c.reach(goal)]
	w, ok := r.hours.reach(goal - r.base)
	if !ok {
		return Never
	}
	return w - r.shift
}

// find returns the run in which t lies.
func (c *Calendar) find(t int64) int {
	lo, hi := 1, len(c.runs) // the first run has no beginning
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); c.runs[mid].start <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// reach returns the run in which the open time since the origin reaches goal.
func (c *Calendar) reach(goal int64) int {
	lo, hi := 1, len(c.runs)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); c.runs[mid].before < goal {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// Open yields the stretches within from ≤ t < to in which the calendar is open, each as
// long as it goes.
func (c *Calendar) Open(from, to int64) iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		for t := from; t < to; {
			begin := c.After(t, 1)
			if begin > to {
				return
			}
			begin-- // where the first open millisecond begins
			end := min(c.shut(begin), to)
			if !yield(begin, end) {
				return
			}
			t = end
		}
	}
}

// shut is the first instant after t, which is open, at which the calendar is closed.
func (c *Calendar) shut(t int64) int64 {
	if c == nil || len(c.runs) == 0 {
		return math.MaxInt64
	}
	for i := c.find(t); ; i++ {
		r := &c.runs[i]
		end := int64(math.MaxInt64)
		if i+1 < len(c.runs) {
			end = c.runs[i+1].start
		}
		if closed := r.hours.shut(t + r.shift); closed < Never && closed-r.shift < end {
			return closed - r.shift
		}
		if end == math.MaxInt64 {
			return end
		}
		t = end
	}
}

// shut is w where w is closed, else the end of the part in which it lies; Never where that
// part fills the week.
func (h *hours) shut(w int64) int64 {
	begin := floorDiv(w, week) * week
	for _, p := range h.parts {
		switch rest := w - begin; {
		case p.to-p.from == week:
			return Never
		case rest < p.from:
			return w
		case rest < p.to && p.to < week:
			return begin + p.to
		case rest < p.to: // on into the next week
			return h.shut(begin + week)
		}
	}
	return w
}
