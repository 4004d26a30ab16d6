package engine

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// series is what all measures together amount to under one combination of dimensions: a
// full one, as events carry it, or that of a group, over which several full ones are
// summed. Which measure a slot belongs to is the catalogue's layout.
type series struct {
	line    window.Timeline
	days    days
	combo   uint32   // of a full series
	parents []uint32 // of a full series: the series of its groups
	group   *group   // of a group's series
}

// group is one cell of a breakdown that is kept live.
type group struct {
	set     kpi.Set
	dims    dims
	series  uint32
	passing bool             // made for one reading
	rolling []window.Rolling // one for each window, one for all, one for the local day
	periods [kpi.NumPeriods]periodSum
}

type groupKey struct {
	set  kpi.Set
	dims dims
}

// cells are all series. Number 0 is none.
type cells struct {
	sets   []kpi.Set // the whole tenant first
	list   []series
	oldest []window.Oldest // where the timeline of each series begins
	full   map[dims]uint32 // full series; labels are not told apart
	index  map[groupKey]uint32
	groups []uint32 // series of groups, by set, tenant and values once sorted
	sorted bool
	width  int // rolling totals of a group

	stock, windowed []bool   // by slot: it is a stock; it is told by rolling windows
	measure         []uint16 // by slot

	changes, summed []change // scratch of settling
	sums            pending  // scratch: changes of groups
	run             []window.Change
}

func newCells(sets []kpi.Set, windows int, compiled *kpi.Compiled) cells {
	c := cells{sets: sets, full: make(map[dims]uint32), index: make(map[groupKey]uint32), width: windows + 2}
	c.add(series{})
	c.layOut(compiled)
	return c
}

// layOut notes what the slots mean.
func (c *cells) layOut(compiled *kpi.Compiled) {
	c.stock, c.windowed, c.measure = make([]bool, 1<<16), make([]bool, 1<<16), make([]uint16, 1<<16)
	for _, m := range compiled.Measures {
		for slot := int(m.Slot); slot < int(m.Slot)+m.Slots; slot++ {
			c.measure[slot] = uint16(m.Index)
			switch m.Shape {
			case kpi.ShapeStock:
				c.stock[slot], c.windowed[slot] = true, true
			case kpi.ShapeAged, kpi.ShapeByMonth, kpi.ShapePerWindow, kpi.ShapePerPeriod:
			default:
				c.windowed[slot] = true
			}
		}
	}
}

func (c *cells) isStock(slot uint16) bool { return c.stock[slot] }

func (c *cells) measureOf(slot uint16) uint16 { return c.measure[slot] }

func (c *cells) add(s series) uint32 {
	c.list = append(c.list, s)
	c.oldest = append(c.oldest, s.line.Oldest())
	return uint32(len(c.list) - 1)
}

// seriesOf returns the number of a full series, making it and its groups' where they are
// missing.
func (e *Engine) seriesOf(combo uint32) uint32 {
	c := &e.combos.list[combo]
	if c.series != 0 {
		return c.series
	}
	own := c.dims
	own.labels = [maxLabels]uint32{}
	if i, ok := e.cells.full[own]; ok {
		c.series = i
		return i
	}
	parents := make([]uint32, len(e.cells.sets))
	for g, set := range e.cells.sets {
		parents[g] = e.cells.groupSeries(set, c.project(set))
	}
	c.series = e.cells.add(series{combo: combo, parents: parents})
	e.cells.full[own] = c.series
	return c.series
}

// project sums over the dimensions outside set.
func (c *combo) project(set kpi.Set) dims {
	d := dims{tenant: c.tenant}
	for k := range d.values {
		if set.Has(kpi.Dimension(k)) {
			d.values[k] = c.values[k]
		}
	}
	return d
}

func (c *cells) groupSeries(set kpi.Set, d dims) uint32 {
	k := groupKey{set, d}
	if i, ok := c.index[k]; ok {
		return i
	}
	g := &group{set: set, dims: d, rolling: make([]window.Rolling, c.width)}
	i := c.add(series{group: g})
	g.series = i
	c.index[k] = i
	c.groups, c.sorted = append(c.groups, i), false
	return i
}

// collapse goes over all series when the horizons have moved, by a list that says which need not be
// touched.
func (c *cells) collapse(h window.Horizons) {
	for i := range c.oldest {
		if c.oldest[i].Before(h) {
			c.list[i].line.Collapse(h)
			c.oldest[i] = c.list[i].line.Oldest()
		}
		c.list[i].days.drop(int32(h.Second/86400) - keptDays)
	}
}

// settle moves the queued changes into the series and marks the rows that they change.
// Those of groups are added up first.
func (e *Engine) settle() {
	c := &e.cells
	c.changes = e.pending.drain(c.changes[:0])
	if len(c.changes) == 0 {
		return
	}
	e.putAll(c.changes)
	if !e.cfg.NoHistory {
		for i := range c.changes {
			e.mark(&c.changes[i])
		}
	}
	for g := range c.sets {
		for i := range c.changes {
			ch := c.changes[i]
			if ch.value == 0 {
				continue
			}
			ch.series = c.list[ch.series].parents[g]
			c.sums.add(ch)
			if c.sums.full() {
				e.putSums()
			}
		}
		e.putSums()
	}
}

func (e *Engine) putSums() {
	c := &e.cells
	c.summed = c.sums.drain(c.summed[:0])
	e.putAll(c.summed)
}

// putAll adds sorted changes to their series.
func (e *Engine) putAll(list []change) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].series == list[0].series {
			n++
		}
		e.put(list[:n])
		list = list[n:]
	}
}

// put adds the changes of one series.
func (e *Engine) put(list []change) {
	i := list[0].series
	s := &e.cells.list[i]
	cal := e.calendar(e.tenantOf(s))
	run := e.cells.run[:0]
	for k := range list {
		c := &list[k]
		if c.value == 0 {
			continue
		}
		t := int64(c.at)
		ring := e.horizons.Ring(t)
		run = append(run, window.Change{At: c.at, Slot: c.slot, Value: c.value})
		e.cells.oldest[i].Note(ring, t)
		number := cal.Day(t)
		s.days.add(number, c.slot, c.value)
		if s.group != nil {
			s.group.note(ring.Floor(t), number, c.slot, c.value)
		}
	}
	s.line.AddAll(e.horizons, run)
	e.cells.run = run
}

func (e *Engine) tenantOf(s *series) uint32 {
	if s.group != nil {
		return s.group.dims.tenant
	}
	return e.combos.list[s.combo].tenant
}

// note tells the running totals of a change that has just been taken in.
func (g *group) note(t int64, number int32, slot uint16, value int64) {
	for w := range g.rolling {
		g.rolling[w].Note(t, slot, value)
	}
	for p := range g.periods {
		if number < g.periods[p].to {
			g.periods[p].valid = false
		}
	}
}

// days are totals by local day, oldest first, as far back as keptDays.
type days struct {
	list []day
}

type day struct {
	number int32 // since 1970
	total  window.Vector
}

// keptDays is how many local days are told apart: a year and what is compared with it.
const keptDays = 400

func (d *days) add(number int32, slot uint16, value int64) {
	i := len(d.list)
	if i > 0 && d.list[i-1].number >= number {
		i, _ = slices.BinarySearchFunc(d.list, number, func(a day, n int32) int { return cmp.Compare(a.number, n) })
	}
	if i == len(d.list) || d.list[i].number != number {
		d.list = slices.Insert(d.list, i, day{number: number})
	}
	d.list[i].total.Add(slot, value)
}

// sum adds to v what the days from ≤ d < to have.
func (d *days) sum(v *window.Vector, from, to int32) {
	i, _ := slices.BinarySearchFunc(d.list, from, func(a day, n int32) int { return cmp.Compare(a.number, n) })
	for ; i < len(d.list) && d.list[i].number < to; i++ {
		v.Merge(d.list[i].total)
	}
}

// drop forgets the days before a number.
func (d *days) drop(before int32) {
	n := 0
	for n < len(d.list) && d.list[n].number < before {
		n++
	}
	d.list = slices.Delete(d.list, 0, n)
}
