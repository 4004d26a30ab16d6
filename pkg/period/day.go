package period

import "time"

const daySeconds = 86400

// farthest bounds the instants that have a day, in Unix seconds: 34,000 years either way.
// What lies beyond counts as this.
const farthest = 1 << 40

// Day returns the day of an instant in Unix seconds.
func (c *Calendar) Day(t int64) int32 {
	// The guess is the day itself, or the one before where clocks are ahead of the offset.
	guess := uint64(t+c.offset+farthest/daySeconds*daySeconds) / daySeconds
	base := guess - farthest/daySeconds
	if s := &c.memo[base%memoSize]; s.lo <= t && t < s.hi {
		return s.day
	}
	if s := &c.memo[(base+1)%memoSize]; s.lo <= t && t < s.hi {
		return s.day
	}
	return c.find(t)
}

// find is Day without the memo, which it fills.
func (c *Calendar) find(t int64) int32 {
	t = max(-farthest, min(t, farthest))
	_, offset := time.Unix(t, 0).In(c.zone).Zone()
	day := int32(floorDiv(int(t)+offset, daySeconds))
	lo, hi := c.Midnight(day), c.Midnight(day+1)
	for t >= hi { // clocks have gone back over midnight
		day++
		lo, hi = hi, c.Midnight(day+1)
	}
	c.memo[uint64(int64(day))%memoSize] = span{lo, hi, day}
	return day
}

// Midnight returns the first instant of a day, in Unix seconds.
func (c *Calendar) Midnight(day int32) int64 {
	local := int64(day) * daySeconds
	// No zone is this far from UTC, so clocks still show an earlier date.
	t := local - 26*3600
	for {
		at := time.Unix(t, 0).In(c.zone)
		_, offset := at.Zone()
		_, end := at.ZoneBounds()
		until := end.Unix()
		if until <= t && !end.IsZero() {
			// Package time gives 31 December of future leap years the bounds of the days
			// before it. No rule of a zone changes clocks on that day.
			until = t + 3600
		}
		first := max(t, local-int64(offset))
		if end.IsZero() || first < until {
			return first
		}
		t = until
	}
}
