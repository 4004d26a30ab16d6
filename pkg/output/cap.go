package output

import (
	"cmp"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Other is the value of the group that holds what a cap cuts off.
const Other = "other"

// Cap keeps the n largest groups of each breakdown of a tenant and adds up the rest as
// Other. How large a group is, is what it counts: its measures of shape count in the
// longest rolling window (in the window all, where there is no other), and its stocks of
// things (not of money) at the instant. Ties go by name. A group is kept or cut in all
// windows alike, and one that is called other joins the rest.
//
// Totals must be sorted as Merge gives them, and n > 0; the result is, too. It shares the
// vectors of what is kept.
func Cap(totals []kpi.Totals, n int, c *kpi.Compiled) []kpi.Totals {
	r := newRanking(c)
	out := make([]kpi.Totals, 0, len(totals))
	for len(totals) > 0 {
		first, end := &totals[0], 1
		for end < len(totals) && totals[end].Tenant == first.Tenant && totals[end].Group.Set == first.Group.Set {
			end++
		}
		out = r.cap(out, totals[:end], n)
		totals = totals[end:]
	}
	return out
}

// ranking knows which slots count.
type ranking struct {
	flows, stocks []bool // by slot
}

func newRanking(c *kpi.Compiled) *ranking {
	slots := 0
	for i := range c.Measures {
		slots = max(slots, int(c.Measures[i].Slot)+c.Measures[i].Slots)
	}
	r := &ranking{make([]bool, slots), make([]bool, slots)}
	for i := range c.Measures {
		switch m := &c.Measures[i]; m.Shape {
		case kpi.ShapeCount:
			r.flows[m.Slot] = true
		case kpi.ShapeStock, kpi.ShapeAged, kpi.ShapeClocked:
			r.stocks[m.Slot] = m.Unit == "" || m.Unit == "count"
		}
	}
	return r
}

// sum adds up the slots that count.
func sum(v window.Vector, counts []bool) (n int64) {
	for _, e := range v {
		if int(e.Slot) < len(counts) && counts[e.Slot] {
			n += e.Value
		}
	}
	return n
}

// size is how large the group is whose totals, in all windows, are given.
func (r *ranking) size(totals []kpi.Totals) (n int64) {
	longest := -1
	for i := range totals {
		t := &totals[i]
		switch {
		case t.Window == everything:
			n += sum(t.Values, r.stocks)
			if longest < 0 {
				longest = i
			}
		case !isRolling(t.Window):
		case longest < 0 || totals[longest].Window == everything || t.Lo < totals[longest].Lo:
			longest = i
		}
	}
	if longest >= 0 {
		n += sum(totals[longest].Values, r.flows)
	}
	return n
}

// isRolling tells "7d" from "month".
func isRolling(name string) bool { return name != "" && '0' <= name[0] && name[0] <= '9' }

// ranked is one group of a breakdown.
type ranked struct {
	totals []kpi.Totals
	size   int64
}

func (r *ranking) cap(out, breakdown []kpi.Totals, n int) []kpi.Totals {
	var all []ranked
	for len(breakdown) > 0 {
		end := 1
		for end < len(breakdown) && breakdown[end].Group == breakdown[0].Group {
			end++
		}
		all = append(all, ranked{totals: breakdown[:end]})
		breakdown = breakdown[end:]
	}
	if len(all) <= n {
		for _, g := range all {
			out = append(out, g.totals...)
		}
		return out
	}
	for i := range all {
		all[i].size = r.size(all[i].totals)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.size, a.size) }) // they were sorted by name
	other := otherGroup(all[0].totals[0].Group.Set)
	var rest, kept []ranked
	for i, g := range all {
		if i < n && g.totals[0].Group != other {
			kept = append(kept, g)
		} else {
			rest = append(rest, g)
		}
	}
	kept = append(kept, ranked{totals: addUp(rest, other)})
	slices.SortFunc(kept, func(a, b ranked) int {
		return slices.Compare(a.totals[0].Group.Dims[:], b.totals[0].Group.Dims[:])
	})
	for _, g := range kept {
		out = append(out, g.totals...)
	}
	return out
}

func otherGroup(set kpi.Set) kpi.Group {
	g := kpi.Group{Set: set}
	for _, d := range set.Dimensions() {
		g.Dims[d] = Other
	}
	return g
}

// addUp adds up groups, window by window.
func addUp(groups []ranked, as kpi.Group) []kpi.Totals {
	var out []kpi.Totals
	for _, g := range groups {
		for i := range g.totals {
			t := g.totals[i]
			at, found := slices.BinarySearchFunc(out, t.Window, func(o kpi.Totals, name string) int { return strings.Compare(o.Window, name) })
			if !found {
				t.Group, t.Values, t.Openings, t.Oldest = as, t.Values.Clone(), t.Openings.Clone(), slices.Clone(t.Oldest)
				out = slices.Insert(out, at, t)
				continue
			}
			o := &out[at]
			o.Values.Merge(t.Values)
			o.Openings.Merge(t.Openings)
			o.Oldest = earliest(o.Oldest, t.Oldest)
		}
	}
	return out
}

// earliest adds instants to those of into, keeping the earlier of each measure. Both are
// sorted by measure.
func earliest(into, more []kpi.OldestEntry) []kpi.OldestEntry {
	for _, o := range more {
		i, found := slices.BinarySearchFunc(into, o.Measure, func(e kpi.OldestEntry, m uint16) int { return cmp.Compare(e.Measure, m) })
		if found {
			into[i].At = min(into[i].At, o.At)
		} else {
			into = slices.Insert(into, i, o)
		}
	}
	return into
}
