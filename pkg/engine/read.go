package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// group is one cell of a breakdown that is kept live.
type group struct {
	set    kpi.Set
	dims   dims
	series [numMeasures]uint32
}

type groupKey struct {
	set  kpi.Set
	dims dims
}

type groups struct {
	sets   []kpi.Set // the whole tenant first
	index  map[groupKey]uint32
	list   []group
	sorted bool
	order  []uint32 // of list, by set, tenant and values
}

func newGroups(cfg Config) groups {
	sets := []kpi.Set{0}
	for _, s := range cfg.Groups {
		if !slices.Contains(sets, s) {
			sets = append(sets, s)
		}
	}
	return groups{sets: sets, index: make(map[groupKey]uint32)}
}

// groupSeries returns the series of a measure in a group, making both where missing.
func (e *Engine) groupSeries(m measure, d dims, set kpi.Set) uint32 {
	g := &e.groups
	k := groupKey{set, d}
	i, ok := g.index[k]
	if !ok {
		i = uint32(len(g.list))
		g.index[k] = i
		g.list = append(g.list, group{set: set, dims: d})
		g.order, g.sorted = append(g.order, i), false
	}
	if g.list[i].series[m] == 0 {
		rolling := 1
		if natures[m] == flow {
			rolling = len(e.cfg.Windows)
		}
		g.list[i].series[m] = e.addSeries(series{measure: m, rolling: make([]window.Rolling, rolling)})
	}
	return g.list[i].series[m]
}

// groupsInOrder returns the groups by set, tenant and values, so that readings come in
// the same order whatever the order of events.
func (e *Engine) groupsInOrder() []uint32 {
	g := &e.groups
	if g.sorted {
		return g.order
	}
	slices.SortFunc(g.order, func(a, b uint32) int {
		x, y := &g.list[a], &g.list[b]
		c := cmp.Or(cmp.Compare(slices.Index(g.sets, x.set), slices.Index(g.sets, y.set)),
			cmp.Compare(e.symbols.names[x.dims.tenant], e.symbols.names[y.dims.tenant]))
		for d := 0; c == 0 && d < len(x.dims.values); d++ {
			c = cmp.Compare(e.symbols.names[x.dims.values[d]], e.symbols.names[y.dims.values[d]])
		}
		return c
	})
	g.sorted = true
	return g.order
}

// Read returns every KPI of the catalogue in every window, for the whole tenant and for
// each group of the configured breakdowns, as of an instant in Unix seconds: what
// happened at t < at. A group appears once it has met an event. The instant must be a
// boundary of the finest ring that still keeps it.
func (e *Engine) Read(at int64) ([]kpi.Reading, error) {
	e.settle()
	if err := e.readable(at); err != nil {
		return nil, err
	}
	var out []kpi.Reading
	for _, i := range e.groupsInOrder() {
		g := &e.groups.list[i]
		out = e.readGroup(out, g.set, g.dims, at, func(m measure, w int) window.Vector { return e.live(g, m, w, at) })
	}
	return out, nil
}

// live returns the total of a measure in a group, from the running totals.
func (e *Engine) live(g *group, m measure, w int, at int64) window.Vector {
	i := g.series[m]
	if i == 0 {
		return nil
	}
	s, win := &e.series[i], window.Window{Ring: window.Total}
	if natures[m] == flow {
		win = e.cfg.Windows[w]
	} else {
		w = 0
	}
	s.rolling[w].Collapsed(e.horizons)
	return s.rolling[w].Total(&s.line, win, at)
}

// ReadBy is Read for one breakdown by any of the kept dimensions. It sums over all
// combinations, so it costs more the more there are.
func (e *Engine) ReadBy(at int64, by kpi.Set) ([]kpi.Reading, error) {
	if by&^e.cfg.Keep != 0 {
		return nil, fmt.Errorf("breakdown by %q: only %q are kept: change the dimensions in the configuration", by, e.cfg.Keep)
	}
	e.settle()
	if err := e.readable(at); err != nil {
		return nil, err
	}
	members := make(map[dims][]uint32) // full series
	for i := 1; i < len(e.series); i++ {
		if s := &e.series[i]; s.combo != 0 {
			d := e.project(s.combo, by)
			members[d] = append(members[d], uint32(i))
		}
	}
	var out []kpi.Reading
	for _, d := range e.sortedDims(members) {
		out = e.readGroup(out, by, d, at, func(m measure, w int) window.Vector { return e.sum(members[d], m, w, at) })
	}
	return out, nil
}

func (e *Engine) sortedDims(members map[dims][]uint32) []dims {
	list := make([]dims, 0, len(members))
	for d := range members {
		list = append(list, d)
	}
	slices.SortFunc(list, func(x, y dims) int {
		c := cmp.Compare(e.symbols.names[x.tenant], e.symbols.names[y.tenant])
		for d := 0; c == 0 && d < len(x.values); d++ {
			c = cmp.Compare(e.symbols.names[x.values[d]], e.symbols.names[y.values[d]])
		}
		return c
	})
	return list
}

func (e *Engine) sum(members []uint32, m measure, w int, at int64) window.Vector {
	lo := window.Window{Ring: window.Total}.Lo(at)
	if natures[m] == flow {
		lo = e.cfg.Windows[w].Lo(at)
	}
	var v window.Vector
	for _, i := range members {
		if s := &e.series[i]; s.measure == m {
			s.line.AddRange(&v, lo, at, 1)
		}
	}
	return v
}

// readGroup appends the readings of one group.
func (e *Engine) readGroup(out []kpi.Reading, set kpi.Set, d dims, at int64, total func(measure, int) window.Vector) []kpi.Reading {
	g := kpi.Group{Set: set}
	for k, v := range d.values {
		g.Dims[k] = e.symbols.names[v]
	}
	for _, def := range e.kpis {
		for w, win := range e.cfg.Windows {
			r := kpi.Reading{Tenant: e.symbols.names[d.tenant], KPI: def.key, Window: win.Name, Group: g}
			if def.stock {
				r.Window = ""
			} else if !e.covers(win, at) {
				continue
			}
			for _, m := range def.measures {
				r.Terms = append(r.Terms, term(m, w, total(m, w)))
			}
			out = append(out, r)
			if def.stock {
				break
			}
		}
	}
	return out
}

// term makes a term of a reading from the total of a measure.
func term(m measure, w int, total window.Vector) window.Vector {
	if natures[m] != windowStock {
		return total.Clone()
	}
	var v window.Vector
	v.Add(0, total.At(0)+total.At(WindowSlot(w)))
	return v
}

// covers reports whether both ends of a window are boundaries of the rings that keep
// them. For the present they always are.
func (e *Engine) covers(w window.Window, at int64) bool {
	return w.Ring == window.Total || e.horizons.OnGrid(w.Lo(at))
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
