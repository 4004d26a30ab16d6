package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
)

// The counts of a customer that are kept for calendar periods.
const (
	customerAtStart  = "customer.at_start" + ofPeriod
	customerRetained = "customer.retained" + ofPeriod
	customerActive   = "customer.active" + ofPeriod
)

// retention counts in how many calendar periods a customer was active at the start, and
// in how many of those again. At the start of a period those are active who hold a live
// subscription or have bought before, as the option active_customer says; and of them,
// those are active in it, at an instant, who hold one then or have bought in it before.
//
// Those who hold a subscription are a stock, from which a reading takes those at the
// period's start. All else is a change within a period.
type retention struct {
	e        *Engine
	calendar *period.Calendar
	held     []stretch // live subscriptions
	bought   []mark    // purchases, oldest first
	option   string
	sign     int64
}

// quarterYear is the time before a period in which a purchase counts with the option 90d.
const quarterYear = 90 * 86400_000

func (e *Engine) countPeriods(tenant uint32, marks []mark, sign int64) {
	r := retention{e: e, calendar: e.calendar(tenant), option: "period", sign: sign}
	if o, ok := e.compiled.Catalogue.Option("active_customer"); ok {
		r.option = o.Current()
	}
	for _, m := range marks {
		if m.to == 0 {
			r.bought = append(r.bought, m)
		} else {
			r.held = append(r.held, stretch{m.at, m.to, m.combo})
		}
	}
	r.held = join(r.held)
	r.countStock(customerActive, r.held)
	r.countStock(customerRetained, r.held)
	r.countStock(customerAtStart, r.standing())
	for p := range kpi.Period(kpi.NumPeriods) {
		r.countBuyers(p)
		r.countPeriods(p)
	}
}

// count gives one customer to a count in a period, or to its stock.
func (r *retention) count(name string, combo uint32, at int64, slot int, value int64) {
	r.e.count(r.e.feeds.threads[name], combo, at, uint16(slot), r.sign*value, &r.e.sink)
}

func (r *retention) countStock(name string, spans []stretch) {
	for _, s := range spans {
		r.count(name, s.combo, s.from, kpi.NumPeriods, 1)
		if s.to < never {
			r.count(name, s.combo, s.to, kpi.NumPeriods, -1)
		}
	}
}

// standing are the spans in which the customer counts as active whatever the period:
// those of live subscriptions and, where the option says so, all since the first purchase.
func (r *retention) standing() []stretch {
	if r.option != "ever" || len(r.bought) == 0 {
		return r.held
	}
	var out []stretch
	since, combo := r.bought[0].at, r.bought[0].combo
	for _, s := range r.held {
		if since < s.from {
			out = append(out, stretch{since, s.from, combo})
		}
		out = append(out, s)
		since = max(since, s.to)
	}
	if since < never {
		out = append(out, stretch{since, never, combo})
	}
	return out
}

// countBuyers gives the periods at whose start the customer is active by a purchase alone.
func (r *retention) countBuyers(p kpi.Period) {
	if r.option == "ever" {
		return
	}
	counted := int32(-1 << 31)
	for _, m := range r.bought {
		day := r.next(p, m.at)
		for until := r.until(day, m.at); r.midnight(day) <= until; day = r.calendar.Next(p, day) {
			if day <= counted {
				continue
			}
			counted = day
			if start := r.midnight(day); r.holding(start) == nil {
				combo, _ := r.base(p, day)
				r.count(customerAtStart, combo, start, int(p), 1)
			}
		}
	}
}

// next is the first day of the period after the one of an instant.
func (r *retention) next(p kpi.Period, at int64) int32 {
	return r.calendar.Next(p, r.calendar.Day(at/1000))
}

// until is the last instant at which a period may begin for a purchase to count for it;
// the first such period begins on day.
func (r *retention) until(day int32, at int64) int64 {
	if r.option == "90d" {
		return at + quarterYear
	}
	return r.midnight(day)
}

func (r *retention) midnight(day int32) int64 { return r.calendar.Midnight(day) * 1000 }

// holding is the live subscription that the customer holds as of an instant, or nil.
func (r *retention) holding(at int64) *stretch {
	for k := range r.held {
		if s := &r.held[k]; s.from < at && at <= s.to {
			return s
		}
	}
	return nil
}

// base reports whether the customer is active at the start of a period, and under which
// combination that counts.
func (r *retention) base(p kpi.Period, day int32) (combo uint32, ok bool) {
	start := r.midnight(day)
	if s := r.holding(start); s != nil {
		return s.combo, true
	}
	k, _ := slices.BinarySearchFunc(r.bought, start, func(m mark, at int64) int { return sign(m.at < at) })
	if k == 0 {
		return 0, false
	}
	latest := &r.bought[k-1]
	switch r.option {
	case "ever":
		return r.bought[0].combo, true
	case "90d":
		return latest.combo, latest.at >= start-quarterYear
	default:
		return latest.combo, latest.at >= r.midnight(r.calendar.Previous(p, day))
	}
}

// countPeriods gives how the customer goes on and off within each period in which
// something happens, and how if active at its start.
func (r *retention) countPeriods(p kpi.Period) {
	moments := r.moments()
	for len(moments) > 0 {
		day := r.calendar.Start(p, r.calendar.Day(moments[0]/1000))
		end := r.midnight(r.calendar.Next(p, day))
		n := 0
		for n < len(moments) && moments[n] < end {
			n++
		}
		start := r.midnight(day)
		r.countWithin(customerActive, p, start, r.owner(start, moments[0]), moments[:n])
		if combo, ok := r.base(p, day); ok {
			r.countWithin(customerRetained, p, start, combo, moments[:n])
		}
		moments = moments[n:]
	}
}

// moments are the instants at which something happens, in order.
func (r *retention) moments() (out []int64) {
	for _, m := range r.bought {
		out = append(out, m.at)
	}
	for _, s := range r.held {
		out = append(out, s.from)
		if s.to < never {
			out = append(out, s.to)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// owner is the combination under which the customer is active in a period: that of the
// live subscription at its start, or of what happens first.
func (r *retention) owner(start, first int64) uint32 {
	if s := r.holding(start); s != nil {
		return s.combo
	}
	for _, m := range r.bought {
		if m.at == first {
			return m.combo
		}
	}
	for _, s := range r.held {
		if s.from == first {
			return s.combo
		}
	}
	return 0
}

func (r *retention) countWithin(name string, p kpi.Period, start int64, combo uint32, moments []int64) {
	was := r.holding(start) != nil
	for _, at := range moments {
		is := r.holding(at+1) != nil || r.boughtIn(start, at)
		if was != is {
			r.count(name, combo, at, int(p), int64(sign(was)))
		}
		was = is
	}
}

// boughtIn reports whether there is a purchase in from ≤ t ≤ to.
func (r *retention) boughtIn(from, to int64) bool {
	return slices.ContainsFunc(r.bought, func(m mark) bool { return from <= m.at && m.at <= to })
}
