package output

import (
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// everything is the name of the window of all time.
const everything = "all"

// tenant has the windows that its totals are in. Which there are does not change: they are
// part of the layout.
type tenant struct {
	frames []*frame // sorted by name
}

// frame is where a window of a tenant lies. It is the same for all groups, so that those
// in which nothing has changed know it, too.
type frame struct {
	name    string
	rolling *window.Window // nil for a calendar period
	// Of the latest instant of any partition.
	at, lo             int64
	monthFrom, monthTo uint16
}

// note takes notice of where a partition sees the window at an instant.
func (f *frame) note(at int64, t *kpi.Totals) {
	if at >= f.at {
		f.at, f.lo, f.monthFrom, f.monthTo = at, t.Lo, t.MonthFrom, t.MonthTo
	}
}

// start is the window's inclusive start, where it ends at an instant.
func (f *frame) start(at int64) int64 {
	switch {
	case f.rolling == nil:
		return f.lo
	case f.name == everything:
		return 0
	default:
		return f.rolling.Lo(at)
	}
}

func (t *tenant) frame(name string) *frame {
	i, found := slices.BinarySearchFunc(t.frames, name, func(f *frame, name string) int { return strings.Compare(f.name, name) })
	if !found {
		f := &frame{name: name}
		if w, err := window.Parse(name); err == nil {
			f.rolling = &w
		}
		t.frames = slices.Insert(t.frames, i, f)
	}
	return t.frames[i]
}

// groupKey is the identity of a group.
type groupKey struct {
	tenant string
	group  kpi.Group
}

// group is the sums of one group.
type group struct {
	key    groupKey
	tenant *tenant
	cells  []*cell // by window, sorted by its name
}

// group returns the sums of a group, making them where they are missing.
func (m *Merger) group(name string, of *kpi.Group) *group {
	if g := m.latest; g != nil && g.key.tenant == name && g.key.group == *of {
		return g
	}
	key := groupKey{name, *of}
	g := m.groups[key]
	if g == nil {
		t := m.tenants[name]
		if t == nil {
			t = &tenant{}
			m.tenants[name] = t
		}
		g = &group{key: key, tenant: t}
		m.groups[key] = g
		m.order = nil
	}
	m.latest = g
	return g
}

func (g *group) cell(name string) *cell {
	i, found := slices.BinarySearchFunc(g.cells, name, func(c *cell, name string) int { return strings.Compare(c.frame.name, name) })
	if !found {
		g.cells = slices.Insert(g.cells, i, &cell{frame: g.tenant.frame(name)})
	}
	return g.cells[i]
}

// append appends the group's totals in every window of its tenant, unless there are none.
func (g *group) append(out []kpi.Totals, at int64) []kpi.Totals {
	if !slices.ContainsFunc(g.cells, func(c *cell) bool { return len(c.sum)+len(c.openings)+len(c.oldest) > 0 }) {
		return out
	}
	cells := g.cells
	for _, f := range g.tenant.frames {
		t := kpi.Totals{
			Tenant: g.key.tenant, Window: f.name, Group: g.key.group,
			Lo: f.start(at), MonthFrom: f.monthFrom, MonthTo: f.monthTo,
		}
		if len(cells) > 0 && cells[0].frame == f {
			c := cells[0]
			cells, c.shared = cells[1:], true
			t.Values, t.Openings, t.Oldest = c.sum, c.openings, c.oldest
		}
		out = append(out, t)
	}
	return out
}

// cell is one group in one window: the sums, and what each partition adds to them.
type cell struct {
	frame         *frame
	sum, openings window.Vector
	oldest        []kpi.OldestEntry // the minima, by index of the measure
	shared        bool              // a Merged has the sums: they are copied before they change
	parts         []part
}

// part is what one partition knows of a cell.
type part struct {
	partition        uint16
	round            uint64
	values, openings window.Vector
	oldest           []kpi.OldestEntry
}

func (p *part) empty() bool { return len(p.values)+len(p.openings)+len(p.oldest) == 0 }

// find returns the part of a partition, or nil.
func (c *cell) find(partition uint16) *part {
	for i := range c.parts {
		if c.parts[i].partition == partition {
			return &c.parts[i]
		}
	}
	return nil
}

// part returns the part of a partition, making it where it is missing.
func (c *cell) part(partition uint16) *part {
	if p := c.find(partition); p != nil {
		return p
	}
	c.parts = append(c.parts, part{partition: partition})
	return &c.parts[len(c.parts)-1]
}

// add adds to one of the cell's sums.
func (c *cell) add(sum *window.Vector, diff window.Vector) {
	if len(diff) == 0 {
		return
	}
	if c.shared {
		c.sum, c.openings, c.shared = c.sum.Clone(), c.openings.Clone(), false
	}
	sum.Merge(diff)
}

// count adds a part to the sums, sign times.
func (c *cell) count(p *part, sign int64) {
	for _, v := range []struct {
		of  window.Vector
		sum *window.Vector
	}{{p.values, &c.sum}, {p.openings, &c.openings}} {
		diff := v.of.Clone()
		for i := range diff {
			diff[i].Value *= sign
		}
		c.add(v.sum, diff)
	}
}

// findOldest takes the minima anew, over the partitions that are counted.
func (c *cell) findOldest(partitions map[uint16]*held) {
	var out []kpi.OldestEntry
	for _, p := range c.parts {
		if len(p.oldest) == 0 || !partitions[p.partition].counted {
			continue
		}
		out = earliest(out, p.oldest)
	}
	c.oldest = out // a new one: a Merged may have the old
}
