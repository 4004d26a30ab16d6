package engine

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// symbols gives each string a small number, in the order of first appearance; "" is 0.
type symbols struct {
	ids   map[string]uint32
	names []string
}

func newSymbols() symbols {
	return symbols{ids: map[string]uint32{"": 0}, names: []string{""}}
}

// Symbol returns the number of a text, giving it one where it has none.
func (s *symbols) Symbol(text string) uint32 { return s.id(text) }

// Text is the inverse of Symbol.
func (s *symbols) Text(symbol uint32) string { return s.names[symbol] }

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

// words are the symbols of what facts say in words of their own.
type words struct {
	ticketTypes  [6]uint32
	roles        [6]uint32
	kinds        [kpi.NumKinds]uint32
	directions   [3]uint32
	sessionTypes [4]uint32
	subjects     [5]uint32
	leaveReasons [4]uint32
	agentStates  [6]uint32
	satisfaction uint32
}

func newWords(s *symbols) (w words) {
	fill := func(dst []uint32, names ...string) {
		for i, n := range names {
			dst[i] = s.id(n)
		}
	}
	fill(w.ticketTypes[:], "", "incident", "service_request", "question", "feedback", "problem")
	fill(w.roles[:], "customer", "customer", "agent", "bot", "monitor", "system")
	for k := range w.kinds[1:] {
		w.kinds[k+1] = s.id(kpi.Kind(k + 1).String())
	}
	fill(w.directions[:], "inbound", "inbound", "outbound")
	fill(w.sessionTypes[:], "", "chat", "bot", "self_service")
	fill(w.subjects[:], "", "service", "product", "price", "other")
	fill(w.leaveReasons[:], "", "voluntary", "arrears", "moved_network")
	fill(w.agentStates[:], "", "logged_in", "available", "busy", "paused", "logged_out")
	w.satisfaction = s.id("satisfaction")
	return w
}

// maxLabels is how many labels of the publishers' own can be told apart.
const maxLabels = 6

// dims is a tenant and a value for each dimension and label, as symbols.
type dims struct {
	tenant uint32
	values [kpi.NumDimensions]uint32
	labels [maxLabels]uint32
}

// combo is one combination of tenant and dimensions that has been met. Everything that
// is counted is counted under a combo, by its number.
type combo struct {
	dims
	series uint32 // its own, 0 until something is counted
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

func (c *combos) id(d dims) uint32 {
	if id, ok := c.ids[d]; ok {
		return id
	}
	id := uint32(len(c.list))
	c.ids[d] = id
	c.list = append(c.list, combo{dims: d})
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
	for i, name := range e.labels {
		d.labels[i] = e.symbols.id(label(ev, name))
	}
	id := e.combos.id(d)
	*r = recentCombo{h, id}
	return id
}

func label(ev *kpi.Event, name string) string {
	for _, l := range ev.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
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
	for i, name := range e.labels {
		if e.symbols.names[c.labels[i]] != label(ev, name) {
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
	d, own := e.combos.list[base].dims, &e.combos.list[over].dims
	for i, v := range own.values {
		if v != 0 {
			d.values[i] = v
		}
	}
	for i, v := range own.labels {
		if v != 0 {
			d.labels[i] = v
		}
	}
	id := e.combos.id(d)
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
