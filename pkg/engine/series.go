package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// series is one measure under one combination of dimensions: a full one, as events
// carry it, or that of a group, over which several full ones are summed.
type series struct {
	line    window.Timeline
	measure measure
	combo   uint32
	parents []uint32         // of a full series: the series of its groups
	rolling []window.Rolling // of a group's series: one for each window, or one for a stock
}

// change is a delta on its way into the timelines.
type change struct {
	place    uint64 // series << 32 | Unix seconds
	value    int64
	sequence uint64 // of the newest event that made it
	slot     uint16
}

func place(series uint32, at uint32) uint64 { return uint64(series)<<32 | uint64(at) }

func (c *change) series() uint32 { return uint32(c.place >> 32) }
func (c *change) at() int64      { return int64(uint32(c.place)) }

func (c *change) compare(o *change) int {
	if c.place != o.place {
		return sign(c.place < o.place)
	}
	return int(c.slot) - int(o.slot)
}

// maxPending bounds how many changes wait before they are settled.
const maxPending = 1 << 16

// bucketKey names one bucket of one full series, as a row does.
type bucketKey struct {
	series uint32
	bucket uint32 // Unix seconds
	ring   window.Ring
}

// take queues what the event has changed.
func (e *Engine) take() {
	for k := range e.sink.deltas {
		d := &e.sink.deltas[k]
		e.counters.Late[e.horizons.Ring(int64(seconds(d.at)))]++
		e.pending = append(e.pending, change{
			place: place(e.seriesOf(d.measure, d.combo), seconds(d.at)), slot: d.slot, value: d.value, sequence: e.sequence,
		})
	}
	if len(e.pending) >= maxPending {
		e.settle()
	}
}

// seconds turns milliseconds into seconds within what timelines can hold: 1970 to 2106.
func seconds(ms int64) uint32 { return uint32(min(max(ms, 0)/1000, 1<<32-1)) }

// seriesOf returns the number of a full series, making it and its groups' series where
// they are missing.
func (e *Engine) seriesOf(m measure, combo uint32) uint32 {
	if i := e.combos.list[combo].series[m]; i != 0 {
		return i
	}
	i := e.addSeries(series{measure: m, combo: combo})
	e.combos.list[combo].series[m] = i
	parents := make([]uint32, len(e.groups.sets))
	for g, set := range e.groups.sets {
		parents[g] = e.groupSeries(m, e.project(combo, set), set)
	}
	e.series[i].parents = parents
	return i
}

func (e *Engine) addSeries(s series) uint32 {
	e.series = append(e.series, s)
	e.oldest = append(e.oldest, s.line.Oldest())
	return uint32(len(e.series) - 1)
}

// project sums over the dimensions outside set.
func (e *Engine) project(combo uint32, set kpi.Set) dims {
	d := e.combos.list[combo].dims
	for k := range d.values {
		if !set.Has(kpi.Dimension(k)) {
			d.values[k] = 0
		}
	}
	return d
}

// settle moves the queued changes into the timelines and marks the rows that they
// change.
func (e *Engine) settle() {
	slices.SortFunc(e.pending, func(a, b change) int { return a.compare(&b) })
	for i := 0; i < len(e.pending); {
		c := e.pending[i]
		for i++; i < len(e.pending) && e.pending[i].compare(&c) == 0; i++ {
			c.value += e.pending[i].value
			c.sequence = max(c.sequence, e.pending[i].sequence)
		}
		e.settleOne(&c)
	}
	e.pending = e.pending[:0]
}

func (e *Engine) settleOne(c *change) {
	t := c.at()
	ring := e.horizons.Ring(t)
	s := &e.series[c.series()]
	s.line.Add(e.horizons, t, c.slot, c.value)
	e.oldest[c.series()].Note(ring, t)
	for _, p := range s.parents {
		g := &e.series[p]
		g.line.Add(e.horizons, t, c.slot, c.value)
		e.oldest[p].Note(ring, t)
		for w := range g.rolling {
			g.rolling[w].Note(ring.Floor(t), c.slot, c.value)
		}
	}
	if !e.cfg.NoHistory {
		e.mark(c, ring)
	}
}

// mark notes the rows that a change alters: its minute while minutes are kept, and its
// hour, or the row of what came after its hour was closed.
func (e *Engine) mark(c *change, ring window.Ring) {
	note := func(r window.Ring, bucket int64) {
		k := bucketKey{c.series(), uint32(bucket), r}
		before, known := e.dirty[k]
		e.dirty[k] = max(before, c.sequence)
		if !known {
			e.queue = append(e.queue, k)
		}
	}
	t := c.at()
	switch ring {
	case window.Second, window.Minute:
		note(window.Minute, window.Minute.Floor(t))
		note(window.Hour, window.Hour.Floor(t))
	case window.Hour:
		note(window.Hour, window.Hour.Floor(t))
	default:
		note(window.Total, 0)
	}
}
