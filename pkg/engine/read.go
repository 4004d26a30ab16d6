package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// All is the name of the window that has no beginning.
const All = "all"

// Read returns the totals of every window, of all time and of every calendar period, for
// the whole tenant and for each group of the breakdowns that are kept live, as of an
// instant in Unix seconds: what happened at t < at. A group appears once it has met an
// event. The instant must be a boundary of the finest ring that still keeps it; windows
// and periods whose beginning is no longer told apart are left out.
func (e *Engine) Read(at int64) ([]kpi.Totals, error) {
	var out []kpi.Totals
	err := e.eachGroup(at, func(g *group) {
		e.moveTo(g, at)
		out = e.totals(out, g, at, false)
		g.forget()
	})
	return out, err
}

// Changes returns the totals that have changed since the last call of Read or Changes,
// with the values of the slots that may have: 0 says that a slot is empty now. Openings
// and what is oldest come complete where they have changed.
func (e *Engine) Changes(at int64) ([]kpi.Totals, error) {
	var out []kpi.Totals
	err := e.eachGroup(at, func(g *group) {
		e.moveTo(g, at)
		out = e.totals(out, g, at, true)
		g.forget()
	})
	return out, err
}

func (e *Engine) eachGroup(at int64, f func(*group)) error {
	e.upTo(at)
	e.settle()
	if err := e.readable(at); err != nil {
		return err
	}
	for _, i := range e.groupsInOrder() {
		f(e.cells.list[i].group)
	}
	return nil
}

// groupsInOrder returns the groups by set, tenant and values, so that readings come in
// the same order whatever the order of events.
func (e *Engine) groupsInOrder() []uint32 {
	c := &e.cells
	if c.sorted {
		return c.groups
	}
	slices.SortFunc(c.groups, func(a, b uint32) int {
		x, y := c.list[a].group, c.list[b].group
		return cmp.Or(cmp.Compare(slices.Index(c.sets, x.set), slices.Index(c.sets, y.set)), e.compareDims(&x.dims, &y.dims))
	})
	c.sorted = true
	return c.groups
}

func (e *Engine) compareDims(x, y *dims) int {
	c := cmp.Compare(e.symbols.names[x.tenant], e.symbols.names[y.tenant])
	for d := 0; c == 0 && d < len(x.values); d++ {
		c = cmp.Compare(e.symbols.names[x.values[d]], e.symbols.names[y.values[d]])
	}
	return c
}

// periodSum is what the whole local days of a calendar period before today have, and the
// stocks at the starts of its months. It is a cache.
type periodSum struct {
	from, to int32 // local days from ≤ d < to
	valid    bool
	base     window.Vector
	openings window.Vector
	touched  []uint16 // slots of base that have changed
	reopened bool     // openings have changed
}

// moveTo moves the running totals of a group to an instant.
func (e *Engine) moveTo(g *group, at int64) {
	line := &e.cells.list[g.series].line
	move := func(w int, lo int64) {
		g.rolling[w].Collapsed(e.horizons)
		g.rolling[w].Move(line, lo, at)
	}
	for w, win := range e.cfg.Windows {
		if lo := win.Lo(at); e.apart(lo) {
			move(w, lo)
		}
	}
	move(len(e.cfg.Windows), window.MinTime)
	cal := e.calendar(g.dims.tenant)
	today := cal.Day(at - 1)
	if lo := cal.Midnight(today); e.apart(lo) {
		move(len(e.cfg.Windows)+1, lo)
	}
	for p := range g.periods {
		e.movePeriod(g, kpi.Period(p), cal, today)
	}
}

// apart reports whether what lies before an instant can be told from what does not.
func (e *Engine) apart(t int64) bool {
	return e.clock == 0 || t == window.MinTime || e.horizons.OnGrid(t)
}

func (e *Engine) movePeriod(g *group, p kpi.Period, cal *period.Calendar, today int32) {
	s := &g.periods[p]
	from := cal.Start(p, today)
	if s.valid && s.from == from && s.to == today {
		return
	}
	var base window.Vector
	days := &e.cells.list[g.series].days
	days.sum(&base, from, today)
	s.touched = window.AppendDifference(s.touched, s.base, base)
	*s = periodSum{from: from, to: today, valid: true, base: base, touched: s.touched, reopened: true}
	if p >= kpi.Month {
		e.openings(g, s, cal, today)
	}
}

// openings sums the stocks at the starts of the months of a period, going backwards from
// what they are now.
func (e *Engine) openings(g *group, s *periodSum, cal *period.Calendar, today int32) {
	list := e.cells.list[g.series].days.list
	var since, now window.Vector // changes from the month's start on; what is now
	e.stocks(&now, g.rolling[len(e.cfg.Windows)].Total())
	i := len(list) - 1
	for i >= 0 && list[i].number > today {
		i--
	}
	if e.apart(cal.Midnight(today)) {
		e.stocks(&since, g.rolling[len(e.cfg.Windows)+1].Total())
		if i >= 0 && list[i].number == today {
			i--
		}
	}
	for month := cal.Start(kpi.Month, today); month >= s.from; month = cal.Previous(kpi.Month, month) {
		for ; i >= 0 && list[i].number >= month; i-- {
			e.stocks(&since, list[i].total)
		}
		s.openings.Merge(now)
		s.openings.Sub(since)
	}
}

// stocks adds to sum the slots of v that are stocks.
func (e *Engine) stocks(sum *window.Vector, v window.Vector) {
	for _, n := range v {
		if e.cells.isStock(n.Slot) {
			sum.Add(n.Slot, n.Value)
		}
	}
}

// totals appends the totals of a group: all of them, or what has changed.
func (e *Engine) totals(out []kpi.Totals, g *group, at int64, changes bool) []kpi.Totals {
	base := kpi.Totals{Tenant: e.symbols.names[g.dims.tenant], Group: kpi.Group{Set: g.set}}
	for k, v := range g.dims.values {
		base.Group.Dims[k] = e.symbols.names[v]
	}
	out = e.allTotals(out, base, g, changes)
	for w, win := range e.cfg.Windows {
		t := base
		t.Window, t.Lo = win.Name, win.Lo(at)
		if win.Ring == window.Total || !e.apart(t.Lo) {
			continue
		}
		r := &g.rolling[w]
		t.Values = e.values(r.Total(), nil, r.Touched(), changes, true)
		if len(t.Values) > 0 || !changes {
			out = append(out, t)
		}
	}
	return e.periodTotals(out, base, g, at, changes)
}

func (e *Engine) allTotals(out []kpi.Totals, t kpi.Totals, g *group, changes bool) []kpi.Totals {
	t.Window = All
	r := &g.rolling[len(e.cfg.Windows)]
	t.Values = e.values(r.Total(), nil, r.Touched(), changes, false)
	t.Oldest = e.oldest.of(e, g)
	if len(t.Values) > 0 || !changes || e.oldest.moved(g) {
		out = append(out, t)
	}
	return out
}

func (e *Engine) periodTotals(out []kpi.Totals, base kpi.Totals, g *group, at int64, changes bool) []kpi.Totals {
	cal := e.calendar(g.dims.tenant)
	today := cal.Day(at - 1)
	if !e.apart(cal.Midnight(today)) {
		return e.wholeDays(out, base, g, at, cal, today, changes)
	}
	r := &g.rolling[len(e.cfg.Windows)+1]
	for p := range g.periods {
		s := &g.periods[p]
		t := e.periodHead(base, kpi.Period(p), s, cal, today)
		t.Values = e.values(r.Total(), s.base, slices.Concat(r.Touched(), s.touched), changes, false)
		if s.reopened || !changes {
			t.Openings = s.openings.Clone()
		}
		if changes && s.reopened && len(t.Openings) == 0 {
			t.Openings = window.Vector{{}} // there are none now
		}
		if len(t.Values) > 0 || !changes || s.reopened {
			out = append(out, t)
		}
	}
	return out
}

// wholeDays is periodTotals as of a local midnight of which only whole days are told
// apart any more.
func (e *Engine) wholeDays(out []kpi.Totals, base kpi.Totals, g *group, at int64, cal *period.Calendar, today int32, changes bool) []kpi.Totals {
	if changes || cal.Midnight(today+1) != at {
		return out
	}
	for p := range g.periods {
		s := &g.periods[p]
		t := e.periodHead(base, kpi.Period(p), s, cal, today)
		e.cells.list[g.series].days.sum(&t.Values, s.from, today+1)
		t.Openings = s.openings.Clone()
		out = append(out, t)
	}
	return out
}

func (e *Engine) periodHead(t kpi.Totals, p kpi.Period, s *periodSum, cal *period.Calendar, today int32) kpi.Totals {
	t.Window, t.Lo = p.String(), cal.Midnight(s.from)
	t.MonthFrom, t.MonthTo = uint16(max(0, cal.MonthIndex(s.from))), uint16(max(0, cal.MonthIndex(today)))
	return t
}

// values returns a copy of a + b, or of those of its slots that were touched; rolling
// windows leave out the slots that are not read in them.
func (e *Engine) values(a, b window.Vector, touched []uint16, changes, rolling bool) window.Vector {
	var out window.Vector
	kept := func(slot uint16) bool { return !rolling || e.cells.windowed[slot] }
	if !changes {
		for _, n := range a {
			if kept(n.Slot) {
				out = append(out, n)
			}
		}
		out.Merge(b)
		return out
	}
	slices.Sort(touched)
	for _, slot := range slices.Compact(touched) {
		if kept(slot) {
			out = append(out, window.Entry{Slot: slot, Value: a.At(slot) + b.At(slot)})
		}
	}
	return out
}

func (g *group) forget() {
	for w := range g.rolling {
		g.rolling[w].Forget()
	}
	for p := range g.periods {
		g.periods[p].touched, g.periods[p].reopened = g.periods[p].touched[:0], false
	}
}

// ReadBy is Read for one breakdown by any of the kept dimensions. It sums over all
// combinations, so it costs more the more there are.
func (e *Engine) ReadBy(at int64, by kpi.Set) ([]kpi.Totals, error) {
	if lacks := by &^ (e.cfg.Keep | factDims); lacks != 0 {
		return nil, fmt.Errorf("breakdown by %q: only %q are kept: change the dimensions in the configuration", lacks, e.cfg.Keep)
	}
	e.upTo(at)
	e.settle()
	if err := e.readable(at); err != nil {
		return nil, err
	}
	members := make(map[dims][]uint32) // full series
	for i := 1; i < len(e.cells.list); i++ {
		if s := &e.cells.list[i]; s.combo != 0 {
			d := e.combos.list[s.combo].project(by)
			members[d] = append(members[d], uint32(i))
		}
	}
	var out []kpi.Totals
	for _, d := range e.sortedDims(members) {
		out = e.totals(out, e.assemble(by, d, members[d], at), at, false)
	}
	return out, nil
}

// factDims are the dimensions that facts give.
var factDims = kpi.SetOf(kpi.Queue, kpi.Stage, kpi.Item, kpi.Cause, kpi.State, kpi.Purpose)

func (e *Engine) sortedDims(members map[dims][]uint32) []dims {
	list := make([]dims, 0, len(members))
	for d := range members {
		list = append(list, d)
	}
	slices.SortFunc(list, func(x, y dims) int { return e.compareDims(&x, &y) })
	return list
}

// assemble makes a passing group of full series. It lives at the end of the cells for as
// long as it is read.
func (e *Engine) assemble(set kpi.Set, d dims, members []uint32, at int64) *group {
	g := &group{set: set, dims: d, passing: true, rolling: make([]window.Rolling, e.cells.width)}
	var sum series
	for _, i := range members {
		s := &e.cells.list[i]
		sum.line.Merge(&s.line)
		for _, day := range s.days.list {
			for _, n := range day.total {
				sum.days.add(day.number, n.Slot, n.Value)
			}
		}
	}
	sum.group = g
	g.series = e.cells.add(sum)
	e.moveTo(g, at)
	e.cells.list, e.cells.oldest = e.cells.list[:g.series], e.cells.oldest[:g.series]
	return g
}

func (e *Engine) readable(at int64) error {
	if e.clock == 0 || e.horizons.OnGrid(at) {
		return nil
	}
	when := time.Unix(at, 0).UTC().Format(time.RFC3339)
	ring := e.horizons.Ring(at)
	if ring == window.Total {
		return fmt.Errorf("instant %s is too old to be read: ask for %s or later, or read it from the history", when,
			time.Unix(e.horizons.Hour, 0).UTC().Format(time.RFC3339))
	}
	return fmt.Errorf("instant %s is too old to be read to the second: ask for a multiple of %d seconds", when, ring.Seconds())
}
