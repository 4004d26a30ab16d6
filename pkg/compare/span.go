package compare

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
)

// Span is From ≤ t < To, in Unix seconds.
type Span struct{ From, To int64 }

// WindowBefore returns the window of the same length, in seconds, that ends where the one
// at the instant begins.
func WindowBefore(at, length int64) Span { return Span{at - 2*length, at - length} }

// Current returns the period that the instant lies in, up to the instant.
func Current(c *period.Calendar, p kpi.Period, at int64) Span {
	return Span{c.Midnight(c.Start(p, c.Day(at))), at}
}

// Previous returns the period before the one that the instant lies in, up to the same
// point.
func Previous(c *period.Calendar, p kpi.Period, at int64) Span {
	return former(c, p, at, p, -1)
}

// YearAgo returns the same period of the year before, up to the same point. A week's is
// 52 weeks before, so that weekdays meet.
func YearAgo(c *period.Calendar, p kpi.Period, at int64) Span {
	if p == kpi.Week {
		return former(c, p, at, kpi.Week, -52)
	}
	return former(c, p, at, kpi.Year, -1)
}

// former returns the period p that lies n steps off, up to the same point: as much time
// after the midnight of the same day. Where that month has no such day, the point is the
// month's end.
func former(c *period.Calendar, p kpi.Period, at int64, step kpi.Period, n int) Span {
	day := c.Day(at)
	same, clipped := c.Shift(step, day, n)
	end := c.Midnight(same + 1)
	to := end
	if !clipped {
		to = min(end, c.Midnight(same)+at-c.Midnight(day))
	}
	return Span{c.Midnight(c.Start(p, same)), to}
}
