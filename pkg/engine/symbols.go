package engine

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// symbols gives each string a small number, in the order of first appearance; "" is 0.
type symbols struct {
	ids   map[string]uint32
	names []string
}

func newSymbols() symbols {
	return symbols{ids: map[string]uint32{"": 0}, names: []string{""}}
}

func (s *symbols) id(name string) uint32 {
	if name == "" {
		return 0
	}
	if id, ok := s.ids[name]; ok {
		return id
	}
	name = strings.Clone(name)
	id := uint32(len(s.names))
	s.ids[name] = id
	s.names = append(s.names, name)
	return id
}

// dims is a tenant and a value for each dimension, as symbols.
type dims struct {
	tenant uint32
	values [kpi.NumDimensions]uint32
}

// combo is one combination of tenant and dimensions that has been met. Everything that
// is counted is counted under a combo, by its number.
type combo struct {
	dims
	target int64 // resolution target in ms of running time; 0 is none
	series [numMeasures]uint32
}

// combos gives each combination a small number; 0 is none.
type combos struct {
	ids      map[dims]uint32
	list     []combo
	overlays map[uint64]uint32
	recent   [256]recentCombo // the last combinations of raw strings, by hash
}

type recentCombo struct {
	hash uint64
	id   uint32
}

func newCombos() combos {
	return combos{ids: make(map[dims]uint32), list: make([]combo, 1), overlays: make(map[uint64]uint32)}
}

func (c *combos) id(d dims, names []string, policy *sla.Policy) uint32 {
	if id, ok := c.ids[d]; ok {
		return id
	}
	id := uint32(len(c.list))
	c.ids[d] = id
	n := combo{dims: d}
	if ms, ok := policy.Resolution(names[d.values[kpi.Priority]]); ok {
		n.target = ms
	}
	c.list = append(c.list, n)
	return id
}

// comboOf returns the number of the event's own dimensions.
func (e *Engine) comboOf(ev *kpi.Event) uint32 {
	h := e.rawHash(ev)
	r := &e.combos.recent[h&255]
	if r.hash == h && e.sameRaw(r.id, ev) {
		return r.id
	}
	d := dims{tenant: e.symbols.id(ev.Tenant)}
	for i, v := range ev.Dims {
		if v != "" && e.cfg.Keep.Has(kpi.Dimension(i)) {
			d.values[i] = e.symbols.id(v)
		}
	}
	id := e.combos.id(d, e.symbols.names, &e.cfg.Policy)
	*r = recentCombo{h, id}
	return id
}

// rawHash is only a guess at equality: sameRaw decides.
func (e *Engine) rawHash(ev *kpi.Event) uint64 {
	h := uint64(len(ev.Tenant))
	for i := range ev.Dims {
		if v := ev.Dims[i]; v != "" && e.cfg.Keep.Has(kpi.Dimension(i)) {
			h = (h ^ xxhash.Sum64String(v) ^ uint64(i)) * 0x9E3779B97F4A7C15
		}
	}
	return h ^ h>>29
}

func (e *Engine) sameRaw(id uint32, ev *kpi.Event) bool {
	if id == 0 {
		return false
	}
	c := &e.combos.list[id]
	if e.symbols.names[c.tenant] != ev.Tenant {
		return false
	}
	for i := range ev.Dims {
		v := ev.Dims[i]
		if !e.cfg.Keep.Has(kpi.Dimension(i)) {
			v = ""
		}
		if e.symbols.names[c.values[i]] != v {
			return false
		}
	}
	return true
}

// overlay returns base with what over has of its own in its place.
func (e *Engine) overlay(base, over uint32) uint32 {
	if base == over || base == 0 {
		return over
	}
	key := uint64(base)<<32 | uint64(over)
	if id, ok := e.combos.overlays[key]; ok {
		return id
	}
	d := e.combos.list[base].dims
	for i, v := range e.combos.list[over].values {
		if v != 0 {
			d.values[i] = v
		}
	}
	id := e.combos.id(d, e.symbols.names, &e.cfg.Policy)
	e.combos.overlays[key] = id
	return id
}

// names returns the strings of a combination.
func (e *Engine) names(id uint32) (tenant string, out kpi.Dims) {
	c := &e.combos.list[id]
	for i, v := range c.values {
		out[i] = e.symbols.names[v]
	}
	return e.symbols.names[c.tenant], out
}
