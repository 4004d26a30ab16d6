package sla

import "slices"

// hours is a week of open time on a clock that never changes, repeated for ever. Times are
// milliseconds of the wall clock since 1970-01-01T00:00, which was a Thursday; so a week
// begins on Thursday.
type hours struct {
	total int64  // open within a week
	parts []part // ascending, apart from one another
}

type part struct {
	from, to int64 // since the beginning of the week
	before   int64 // open in the week before from
}

// newHours lays out a week: spans gives those of the days after 1970-01-01.
func newHours(spans func(Day) []Span) *hours {
	h := &hours{}
	for d := range Day(7) {
		for _, s := range spans(d) {
			from, to := int64(d)*day+s.From, int64(d)*day+s.To
			if n := len(h.parts); n > 0 && h.parts[n-1].to == from {
				h.parts[n-1].to = to
			} else {
				h.parts = append(h.parts, part{from: from, to: to, before: h.total})
			}
			h.total += to - from
		}
	}
	return h
}

// until is the open time from the beginning of 1970 to w; negative before.
func (h *hours) until(w int64) int64 {
	weeks, rest := w/week, w%week
	if rest < 0 {
		weeks, rest = weeks-1, rest+week
	}
	return weeks*h.total + h.within(rest)
}

// within is the open time from the beginning of a week to rest.
func (h *hours) within(rest int64) int64 {
	lo, hi := 0, len(h.parts)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); h.parts[mid].from <= rest {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0
	}
	p := &h.parts[lo-1]
	return p.before + min(rest, p.to) - p.from
}

// reach is the first w with until(w) = goal; ok is false where that never comes.
func (h *hours) reach(goal int64) (w int64, ok bool) {
	if h.total == 0 {
		return 0, false
	}
	weeks := floorDiv(goal-1, h.total)
	if weeks >= Never/2/week {
		return 0, false
	}
	rest := goal - weeks*h.total // 0 < rest ≤ total
	lo, hi := 0, len(h.parts)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); h.parts[mid].before < rest {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	p := &h.parts[lo-1]
	return weeks*week + p.from + rest - p.before, true
}

func (h *hours) equal(other *hours) bool { return slices.Equal(h.parts, other.parts) }
