package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// The counts of a customer that are kept for calendar periods.
const (
	customerAtStart  = "customer.at_start" + ofPeriod
	customerRetained = "customer.retained" + ofPeriod
	customerActive   = "customer.active" + ofPeriod
)

// At the start of a period those customers are active who hold a live subscription or have
// bought before, as the option active_customer says; and of them, those are active in it,
// at an instant, who hold one then or have bought in it before.
//
// Those who hold a subscription are a stock, from which a reading takes those at the
// period's start. All else is a change within a period.

// quarterYear is the time before a period in which a purchase counts with the option 90d.
const quarterYear = 90 * 86400_000

// countPeriods gives, sign times, the periods that depend on a mark: of a purchase, its own
// and those at whose start it makes the customer active. A subscription may change all,
// and so does the first purchase where all since then are active.
func (c *customer) countPeriods(m *mark, sign int64) {
	if m.to != 0 || c.option == "ever" && c.place(m) == 0 {
		c.countWhole(sign)
		return
	}
	for p := range kpi.Period(kpi.NumPeriods) {
		c.days = c.affected(c.days[:0], p, m)
		for _, day := range c.days {
			c.countPeriod(p, day, sign)
		}
	}
}

// affected appends the first days of the periods that depend on a purchase.
func (c *customer) affected(days []int32, p kpi.Period, m *mark) []int32 {
	own := c.calendar.Start(p, c.calendar.Day(m.at/1000))
	days = append(days, own)
	if c.option == "ever" {
		return days
	}
	day := c.calendar.Next(p, own)
	start := c.midnight(day)
	until := start
	if c.option == "90d" {
		until = m.at + quarterYear
	}
	if k := c.place(m); k < len(c.bought) && c.bought[k] == *m {
		if k++; k < len(c.bought) {
			until = min(until, c.bought[k].at) // from then on, the next one decides
		}
	} else if k < len(c.bought) {
		until = min(until, c.bought[k].at)
	}
	for ; start <= until; start = c.midnight(day) {
		days = append(days, day)
		day = c.calendar.Next(p, day)
	}
	return days
}

// countWhole gives all periods.
func (c *customer) countWhole(sign int64) {
	c.countStock(customerActive, c.held, sign)
	c.countStock(customerRetained, c.held, sign)
	c.countStock(customerAtStart, c.standing(), sign)
	for p := range kpi.Period(kpi.NumPeriods) {
		c.days = c.days[:0]
		for i := range c.bought {
			c.days = c.affected(c.days, p, &c.bought[i])
		}
		for _, s := range c.held {
			c.days = append(c.days, c.calendar.Start(p, c.calendar.Day(s.at/1000)))
			if s.to < never {
				c.days = append(c.days, c.calendar.Start(p, c.calendar.Day(s.to/1000)))
			}
		}
		slices.Sort(c.days)
		c.days = slices.Compact(c.days)
		for _, day := range c.days {
			c.countPeriod(p, day, sign)
		}
	}
}

// add gives one customer to a count in a period, or to its stock.
func (c *customer) add(name string, combo uint32, at int64, slot int, value int64) {
	c.e.count(c.e.feeds.threads[name], combo, at, uint16(slot), value, &c.e.sink)
}

func (c *customer) countStock(name string, spans []mark, sign int64) {
	for _, s := range spans {
		c.add(name, s.combo, s.at, kpi.NumPeriods, sign)
		if s.to < never {
			c.add(name, s.combo, s.to, kpi.NumPeriods, -sign)
		}
	}
}

// standing are the spans in which the customer counts as active whatever the period:
// those of live subscriptions and, where the option says so, all since the first purchase.
func (c *customer) standing() []mark {
	if c.option != "ever" || len(c.bought) == 0 {
		return c.held
	}
	var out []mark
	since, combo := c.bought[0].at, c.bought[0].combo
	for _, s := range c.held {
		if since < s.at {
			out = append(out, mark{at: since, to: s.at, combo: combo})
		}
		out = append(out, s)
		since = max(since, s.to)
	}
	if since < never {
		out = append(out, mark{at: since, to: never, combo: combo})
	}
	return out
}

func (c *customer) midnight(day int32) int64 { return c.calendar.Midnight(day) * 1000 }

// holding is the live subscription that the customer holds as of an instant, or nil.
func (c *customer) holding(at int64) *mark {
	for k := range c.held {
		if s := &c.held[k]; s.at < at && at <= s.to {
			return s
		}
	}
	return nil
}

// base reports whether the customer is active at the start of a period, and under which
// combination that counts.
func (c *customer) base(p kpi.Period, day int32, start int64) (combo uint32, ok bool) {
	if s := c.holding(start); s != nil {
		return s.combo, true
	}
	k := c.from(start)
	if k == 0 {
		return 0, false
	}
	latest := &c.bought[k-1]
	switch c.option {
	case "ever":
		return c.bought[0].combo, true
	case "90d":
		return latest.combo, latest.at >= start-quarterYear
	default:
		return latest.combo, latest.at >= c.midnight(c.calendar.Previous(p, day))
	}
}

// countPeriod gives one period: that the customer is active at its start by a purchase
// alone, how the customer goes on and off within it, and how if active at its start. From
// the first purchase on that is so until the end.
func (c *customer) countPeriod(p kpi.Period, day int32, sign int64) {
	start, end := c.midnight(day), c.midnight(c.calendar.Next(p, day))
	combo, active := c.base(p, day, start)
	if active && c.option != "ever" && c.holding(start) == nil {
		c.add(customerAtStart, combo, start, int(p), sign)
	}
	bought := int64(never)
	owner := uint32(0)
	if k := c.from(start); k < len(c.bought) && c.bought[k].at < end {
		bought, owner = c.bought[k].at, c.bought[k].combo
	}
	c.moments = c.between(c.moments[:0], start, min(end, bought))
	if bought != never {
		c.moments = append(c.moments, bought)
	}
	if len(c.moments) == 0 {
		return
	}
	if c.moments[0] != bought || c.holding(start) != nil {
		owner = c.owner(start, c.moments[0])
	}
	c.countWithin(customerActive, p, start, owner, bought, sign)
	if active {
		c.countWithin(customerRetained, p, start, combo, bought, sign)
	}
}

// between appends the instants in from ≤ t < to at which subscriptions begin and end.
func (c *customer) between(out []int64, from, to int64) []int64 {
	for _, s := range c.held {
		if from <= s.at && s.at < to {
			out = append(out, s.at)
		}
		if from <= s.to && s.to < to {
			out = append(out, s.to)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// owner is the combination under which the customer is active in a period: that of the
// live subscription at its start, or of the one that begins first.
func (c *customer) owner(start, first int64) uint32 {
	if s := c.holding(start); s != nil {
		return s.combo
	}
	for _, s := range c.held {
		if s.at == first {
			return s.combo
		}
	}
	return 0
}

// countWithin gives the moments at which the customer goes on and off in a period, with the
// instant of the first purchase in it.
func (c *customer) countWithin(name string, p kpi.Period, start int64, combo uint32, bought, sign int64) {
	was := c.holding(start) != nil
	for _, at := range c.moments {
		is := bought <= at || c.holding(at+1) != nil
		switch {
		case is && !was:
			c.add(name, combo, at, int(p), sign)
		case was && !is:
			c.add(name, combo, at, int(p), -sign)
		}
		was = is
	}
}
