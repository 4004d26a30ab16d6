package engine

import (
	"container/heap"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// oldest keeps, for measures of that shape, the earliest instant of what is in the stock
// now, by combination and by group. It is made of the entities, not written to snapshots.
type oldest struct {
	combos map[oldestKey]*instants
	groups map[oldestKey]*earliest // by measure and series of the group
	byMove map[uint32]bool         // series of groups in which something has moved
}

type oldestKey struct {
	measure int
	of      uint32
}

// earliest is the minimum over the combinations of a group.
type earliest struct {
	at      int64 // never where there is none
	members []*instants
}

func newOldest() oldest {
	return oldest{combos: make(map[oldestKey]*instants), groups: make(map[oldestKey]*earliest), byMove: make(map[uint32]bool)}
}

// change adds (+1) or takes away (−1) an instant.
func (o *oldest) change(e *Engine, measure int, combo uint32, at, sign int64) {
	k := oldestKey{measure, combo}
	in := o.combos[k]
	parents := e.cells.list[e.seriesOf(combo)].parents
	if in == nil {
		in = &instants{}
		o.combos[k] = in
		for _, p := range parents {
			g := o.groups[oldestKey{measure, p}]
			if g == nil {
				g = &earliest{at: never}
				o.groups[oldestKey{measure, p}] = g
			}
			g.members = append(g.members, in)
		}
	}
	was := in.min()
	if sign > 0 {
		heap.Push(&in.there, at)
	} else {
		heap.Push(&in.gone, at)
	}
	is := in.min()
	if was == is {
		return
	}
	for _, p := range parents {
		g := o.groups[oldestKey{measure, p}]
		if is < g.at {
			g.at = is
		} else if was == g.at {
			g.rescan()
		}
		o.byMove[p] = true
	}
}

func (g *earliest) rescan() {
	g.at = never
	for _, in := range g.members {
		g.at = min(g.at, in.min())
	}
}

// of lists the earliest instants of a group, by measure.
func (o *oldest) of(e *Engine, g *group) (out []kpi.OldestEntry) {
	for i := range e.compiled.Measures {
		if e.compiled.Measures[i].Shape != kpi.ShapeOldest {
			continue
		}
		at := int64(never)
		if m := o.groups[oldestKey{i, g.series}]; m != nil && !g.passing {
			at = m.at
		} else if g.passing {
			at = o.scan(e, i, g)
		}
		if at != never {
			out = append(out, kpi.OldestEntry{Measure: uint16(i), At: at})
		}
	}
	return out
}

// scan looks for the earliest instant of a group that is not kept.
func (o *oldest) scan(e *Engine, measure int, g *group) int64 {
	at := int64(never)
	for k, in := range o.combos {
		if k.measure == measure && e.combos.list[k.of].project(g.set) == g.dims {
			at = min(at, in.min())
		}
	}
	return at
}

func (o *oldest) moved(g *group) bool {
	moved := o.byMove[g.series]
	delete(o.byMove, g.series)
	return moved
}

// instants is a multiset: what has gone is dropped when it comes to the top.
type instants struct{ there, gone times }

func (in *instants) min() int64 {
	for len(in.gone) > 0 && len(in.there) > 0 && in.gone[0] == in.there[0] {
		heap.Pop(&in.there)
		heap.Pop(&in.gone)
	}
	if len(in.there) == 0 {
		return never
	}
	return in.there[0]
}

// times is a heap, the earliest first.
type times []int64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, k int) bool { return t[i] < t[k] }
func (t times) Swap(i, k int)      { t[i], t[k] = t[k], t[i] }
func (t *times) Push(v any)        { *t = append(*t, v.(int64)) }
func (t *times) Pop() any {
	old := *t
	v := old[len(old)-1]
	*t = slices.Delete(old, len(old)-1, len(old))
	return v
}
