package output

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Merger keeps the totals of each partition, and their sums, which follow each change by
// its difference: what has not changed costs nothing.
type Merger struct {
	layout     uint64
	partitions map[uint16]*held
	count      uint16 // how many partitions there are, as their totals say
	tenants    map[string]*tenant
	groups     map[groupKey]*group
	order      []*group      // sorted; nil where groups have come or gone
	latest     *group        // where the last totals went: those of one group come together
	diff       window.Vector // scratch
}

// NewMerger returns a Merger of totals of one layout that has heard of nobody.
func NewMerger(layout uint64) *Merger {
	m := &Merger{layout: layout}
	m.clear()
	return m
}

func (m *Merger) clear() {
	m.partitions = make(map[uint16]*held)
	m.tenants = make(map[string]*tenant)
	m.groups = make(map[groupKey]*group)
	m.order, m.latest = nil, nil
}

// held is what is known of one partition.
type held struct {
	epoch, next uint64 // next is the number that its next message has
	at, newest  int64
	heard       time.Time
	known       bool   // no message was lost since its last full set
	foreign     bool   // its owner has another layout, and nothing of it is held
	counted     bool   // it is in the sums
	round       uint64 // rises with each full set
	filling     bool   // more of a full set is to come; then what is of an older round goes
}

// Heard is what became of a TotalsSet.
type Heard uint8

// The outcomes of Add.
const (
	Taken    Heard = iota
	Outdated       // of an owner that has been replaced
	NeedFull       // only changes, to a state that is not known: ask for a full set
	Foreign        // of a worker with other measures: its totals mean something else
)

// Add takes what one partition has published; now is when it was received. The vectors
// become the Merger's.
func (m *Merger) Add(set *kpi.TotalsSet, now time.Time) Heard {
	if set.Partitions != m.count {
		m.count = set.Partitions
		m.clear() // keys lie elsewhere now: nothing old may be added to anything new
	}
	p := m.partitions[set.Partition]
	if p != nil && set.Epoch < p.epoch {
		return Outdated
	}
	if set.Layout != m.layout {
		m.refuse(set, now)
		return Foreign
	}
	owned := p != nil && set.Epoch == p.epoch && p.known && set.Number == p.next
	if !owned && !set.Full {
		if p != nil && set.Epoch == p.epoch {
			p.known = false
		}
		return NeedFull
	}
	if p == nil {
		p = &held{}
		m.partitions[set.Partition] = p
	}
	m.take(p, set, now)
	return Taken
}

// refuse forgets a partition whose new owner cannot be understood.
func (m *Merger) refuse(set *kpi.TotalsSet, now time.Time) {
	m.Forget(set.Partition)
	m.partitions[set.Partition] = &held{epoch: set.Epoch, heard: now, foreign: true}
}

// Forget forgets a partition, until it is heard of again.
func (m *Merger) Forget(partition uint16) {
	if p := m.partitions[partition]; p != nil {
		m.drop(p, partition, p.round+1)
		delete(m.partitions, partition)
	}
}

func (m *Merger) take(p *held, set *kpi.TotalsSet, now time.Time) {
	if !p.counted {
		m.include(p, set.Partition, true)
	}
	if set.Full {
		p.round++
		p.epoch, p.known, p.filling, p.foreign = set.Epoch, true, true, false
	}
	p.next, p.at, p.newest, p.heard = set.Number+1, set.At, set.Newest, now
	for i := range set.Totals {
		m.apply(p, set, &set.Totals[i])
	}
	if p.filling && !set.More {
		p.filling = false
		m.drop(p, set.Partition, p.round)
	}
}

// apply lays one change over what the partition had, and adds the difference to the sum.
func (m *Merger) apply(p *held, set *kpi.TotalsSet, t *kpi.Totals) {
	g := m.group(t.Tenant, &t.Group)
	c := g.cell(t.Window)
	c.frame.note(set.At, t)
	part := c.part(set.Partition)
	first := p.filling && part.round != p.round // what this full set says of it is all there is
	if first {
		m.replace(&part.values, t.Values, c, &c.sum)
	} else {
		m.overlay(&part.values, t.Values, c, &c.sum)
	}
	if first || len(t.Openings) > 0 {
		m.replace(&part.openings, t.Openings, c, &c.openings)
	}
	part.round = p.round
	if !slices.Equal(part.oldest, t.Oldest) {
		part.oldest = t.Oldest
		c.findOldest(m.partitions)
	}
	if part.empty() {
		m.remove(g, c, set.Partition)
	}
}

// replace puts all of a vector in the place of another, and its difference into sum.
func (m *Merger) replace(old *window.Vector, all window.Vector, c *cell, sum *window.Vector) {
	all = slices.DeleteFunc(all, func(e window.Entry) bool { return e.Value == 0 })
	m.diff = append(m.diff[:0], all...)
	m.diff.Sub(*old)
	*old = all
	c.add(sum, m.diff)
}

// overlay changes some slots of a vector, and adds the difference to sum.
func (m *Merger) overlay(old *window.Vector, changed window.Vector, c *cell, sum *window.Vector) {
	m.diff = m.diff[:0]
	for _, e := range changed {
		if e.Value -= old.At(e.Slot); e.Value != 0 {
			m.diff = append(m.diff, e)
		}
	}
	old.Merge(m.diff)
	c.add(sum, m.diff)
}

// drop takes out what a partition had before a round.
func (m *Merger) drop(p *held, partition uint16, round uint64) {
	for _, g := range m.groups {
		for i := len(g.cells) - 1; i >= 0; i-- {
			c := g.cells[i]
			part := c.find(partition)
			if part == nil || part.round >= round {
				continue
			}
			if p.counted {
				c.count(part, -1)
			}
			part.oldest = nil
			c.findOldest(m.partitions)
			m.remove(g, c, partition)
		}
	}
}

// include puts a partition into the sums, or takes it out of them.
func (m *Merger) include(p *held, partition uint16, counted bool) {
	p.counted = counted
	sign := int64(1)
	if !counted {
		sign = -1
	}
	for _, g := range m.groups {
		for _, c := range g.cells {
			if part := c.find(partition); part != nil {
				c.count(part, sign)
				c.findOldest(m.partitions)
			}
		}
	}
}

// remove forgets a partition's empty part, and its cell and group where it was the last.
func (m *Merger) remove(g *group, c *cell, partition uint16) {
	c.parts = slices.DeleteFunc(c.parts, func(p part) bool { return p.partition == partition })
	if len(c.parts) > 0 {
		return
	}
	g.cells = slices.DeleteFunc(g.cells, func(other *cell) bool { return other == c })
	if len(g.cells) == 0 {
		delete(m.groups, g.key)
		m.order, m.latest = nil, nil
	}
}

// Merged is what all partitions know together. It does not change any more.
type Merged struct {
	At     int64 // Unix seconds: the earliest of the partitions' instants
	Newest int64 // Unix milliseconds: the broker's time of the newest event counted
	// Totals are sorted by tenant, group and name of the window. A group that has anything
	// to count has them for every window of its tenant, also those with nothing in them.
	Totals []kpi.Totals
	// Stale are the partitions of which nothing was heard for too long, or ever, or only
	// what is Foreign. They are not counted in Totals.
	Stale      []uint16
	Foreign    []uint16 // those whose workers have other measures: give all the same catalogue
	Partitions uint16
}

// Merge returns the sums over the partitions heard of within silence before now.
func (m *Merger) Merge(now time.Time, silence time.Duration) *Merged {
	out := &Merged{Partitions: m.count}
	for i := range m.count {
		p := m.partitions[i]
		if p != nil && p.foreign {
			out.Foreign = append(out.Foreign, i)
		}
		if p == nil || p.foreign || now.Sub(p.heard) > silence {
			out.Stale = append(out.Stale, i)
			if p != nil && p.counted {
				m.include(p, i, false)
			}
			continue
		}
		if out.At == 0 || p.at < out.At {
			out.At = p.at
		}
		out.Newest = max(out.Newest, p.newest)
	}
	out.Totals = m.totals(out.At)
	return out
}

// totals lists the sums, sorted.
func (m *Merger) totals(at int64) []kpi.Totals {
	if m.order == nil {
		m.order = make([]*group, 0, len(m.groups))
		for _, g := range m.groups {
			m.order = append(m.order, g)
		}
		slices.SortFunc(m.order, func(a, b *group) int { return compareGroups(&a.key, &b.key) })
	}
	n := 0
	for _, g := range m.order {
		n += len(g.tenant.frames)
	}
	out := make([]kpi.Totals, 0, n)
	for _, g := range m.order {
		out = g.append(out, at)
	}
	return out
}

func compareGroups(a, b *groupKey) int {
	return cmp.Or(
		strings.Compare(a.tenant, b.tenant),
		cmp.Compare(a.group.Set, b.group.Set),
		slices.Compare(a.group.Dims[:], b.group.Dims[:]),
	)
}
