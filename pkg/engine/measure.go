package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// feeds are the ways in which facts and threads feed the measures, by what they are fed
// by.
type feeds struct {
	samples [kpi.NumFacts][]*kpi.Feed // dated by "at"
	stocks  [kpi.NumFacts][]*kpi.Feed // true "while"
	threads map[string][]*kpi.Feed    // by thread and count, as in "incident.reported"
}

// ofPeriod follows the name of a count that is kept for calendar periods.
const ofPeriod = " of period"

func newFeeds(c *kpi.Compiled) feeds {
	f := feeds{threads: make(map[string][]*kpi.Feed)}
	for i := range c.Feeds {
		feed := &c.Feeds[i]
		switch {
		case feed.Thread != "":
			name := feed.Thread + "." + feed.Count
			if feed.Shape == kpi.ShapePerPeriod {
				name += ofPeriod
			}
			f.threads[name] = append(f.threads[name], feed)
		case feed.While != nil:
			f.stocks[feed.Fact] = append(f.stocks[feed.Fact], feed)
		default:
			f.samples[feed.Fact] = append(f.samples[feed.Fact], feed)
		}
	}
	return f
}

// dress gives the fact the dimensions of a combination, for expressions to read.
func (e *Engine) dress(f *kpi.Fact, combo uint32) {
	c := &e.combos.list[combo]
	f.Dims, f.Labels = c.values, c.labels[:]
}

// sample is what a feed with "at" makes of a fact.
type sample struct {
	at, value int64
	combo     uint32
	ok        bool
}

func (e *Engine) sampleOf(f *kpi.Feed, s *state) (out sample) {
	out.combo = s.asOf(f.AsOf)
	if f.ByDims {
		e.dress(&s.Fact, out.combo)
	}
	if f.Where != nil && !f.Where(&s.Fact) {
		return sample{}
	}
	if out.at = f.At(&s.Fact); out.at == 0 {
		return sample{}
	}
	out.value, out.ok = 1, true
	if f.Value != nil {
		out.value = f.Value(&s.Fact)
	}
	out.combo = e.setDims(f, s, out.combo)
	return out
}

// setDims returns the combination with the dimensions that the measure takes from fields.
func (e *Engine) setDims(f *kpi.Feed, s *state, combo uint32) uint32 {
	if len(f.Set) == 0 {
		return combo
	}
	c := &e.combos.list[combo]
	d := dims{tenant: c.tenant, values: c.values, labels: c.labels}
	for _, set := range f.Set {
		d.values[set.Dimension] = uint32(set.Text(&s.Fact))
	}
	return e.combos.id(d)
}

// give adds a sample to the sink, sign times.
func (e *Engine) give(f *kpi.Feed, v sample, sign int64, out *sink) {
	if f.Shape != kpi.ShapeHistogram {
		out.add(v.combo, v.at, f.Slot, sign*v.value)
		return
	}
	if v.value < 0 {
		v.value = 0
		if sign > 0 && !out.negate && !out.mute {
			e.counters.Negative++
		}
	}
	out.add(v.combo, v.at, f.Slot, sign*v.value)
	out.add(v.combo, v.at, f.Slot+window.HistogramSlot(v.value), sign)
}

// emit gives a fact that is only counted: e.sub, with the combination given.
func (e *Engine) emit(kind kpi.FactKind, combo uint32, sign int64, out *sink) {
	if out.mute {
		return
	}
	e.sub.combo = [maxAsOf]uint32{current: combo}
	for _, f := range e.feeds.samples[kind] {
		if v := e.sampleOf(f, &e.sub); v.ok {
			e.give(f, v, sign, out)
		}
	}
}

// resample gives the difference between two states of a fact to the measures with "at".
func (e *Engine) resample(kind kpi.FactKind, before, after *state) {
	if len(e.feeds.samples[kind]) == 0 || !before.exists && !after.exists {
		return
	}
	changed := differs(kind, before, after)
	for _, f := range e.feeds.samples[kind] {
		if f.Reads&changed == 0 && before.asOf(f.AsOf) == after.asOf(f.AsOf) {
			continue
		}
		var a, b sample
		if before.exists {
			a = e.sampleOf(f, before)
		}
		if after.exists {
			b = e.sampleOf(f, after)
		}
		if a == b {
			continue
		}
		if a.ok {
			e.give(f, a, -1, &e.sink)
		}
		if b.ok {
			e.give(f, b, 1, &e.sink)
		}
	}
}

// differs returns the fields in which two states differ, as bits; all of them where only
// one exists.
func differs(kind kpi.FactKind, before, after *state) (bits uint64) {
	if before.exists != after.exists {
		return ^uint64(0)
	}
	for i := range kpi.Schemas[kind].Fields {
		if before.Fields[i] != after.Fields[i] {
			bits |= 1 << i
		}
	}
	return bits
}

// holding is what a feed with "while" makes of a state.
type holding struct {
	value, since, from int64
	combo              uint32
	slot               uint16
}

func (e *Engine) holdingOf(f *kpi.Feed, s *state) (h holding) {
	if !s.exists {
		return holding{}
	}
	h.combo = s.asOf(f.AsOf)
	if f.ByDims {
		e.dress(&s.Fact, h.combo)
	}
	if !f.While(&s.Fact) || f.Where != nil && !f.Where(&s.Fact) {
		return holding{}
	}
	if f.From != nil {
		if h.from = f.From(&s.Fact); h.from == 0 {
			return holding{}
		}
	}
	h.value = 1
	if f.Value != nil {
		h.value = f.Value(&s.Fact)
	}
	if f.Since != nil {
		h.since = f.Since(&s.Fact)
	}
	if f.Month != nil {
		h.slot = e.monthSlot(s.Tenant, f.Month(&s.Fact))
	}
	h.combo = e.setDims(f, s, h.combo)
	return h
}

// moveStocks moves a fact between stocks at an instant: what it was in from the
// beginning of its last state, it leaves; what it is in now, it enters then, or later.
func (e *Engine) moveStocks(kind kpi.FactKind, before, after *state, at int64, out *sink) {
	if len(e.feeds.stocks[kind]) == 0 || !before.exists && !after.exists {
		return
	}
	changed := differs(kind, before, after)
	for _, f := range e.feeds.stocks[kind] {
		if f.Reads&changed == 0 && before.asOf(f.AsOf) == after.asOf(f.AsOf) {
			continue
		}
		a, b := e.holdingOf(f, before), e.holdingOf(f, after)
		began := a.from < at && b.from <= at // it is in, or comes in now
		if a == b || began && a.value == b.value && a.since == b.since && a.combo == b.combo && a.slot == b.slot {
			continue
		}
		if a.value != 0 {
			e.hold(f, a, max(a.from, at), -1, out)
		}
		if b.value != 0 {
			e.hold(f, b, max(b.from, at), 1, out)
		}
	}
}

// hold lets a fact enter (+1) or leave (−1) a stock.
func (e *Engine) hold(f *kpi.Feed, h holding, at, sign int64, out *sink) {
	switch f.Shape {
	case kpi.ShapeOldest:
		if !out.mute {
			e.oldest.change(e, f.Measure, h.combo, h.since, sign*int64(out.sign()))
		}
	case kpi.ShapeAged:
		out.add(h.combo, at, f.Slot, sign*h.value)
		out.add(h.combo, at, f.Slot+1, sign*h.value*h.since)
	case kpi.ShapeClocked:
		out.add(h.combo, at, f.Slot, sign*h.value)
		out.add(h.combo, at, f.Slot+1, sign*h.value*at)
	default:
		out.add(h.combo, at, f.Slot+h.slot, sign*h.value)
	}
}

// monthSlot is the slot of the local month of an instant in Unix milliseconds.
func (e *Engine) monthSlot(tenant uint32, at int64) uint16 {
	c := e.calendar(tenant)
	return uint16(min(max(c.MonthIndex(c.Day(at/1000)), 0), kpi.ShapeByMonth.Slots()-1))
}

// count gives what a thread counts to the measures that ask for it, and have that slot.
func (e *Engine) count(feeds []*kpi.Feed, combo uint32, at int64, slot uint16, value int64, out *sink) {
	for _, f := range feeds {
		if int(slot) < f.Shape.Slots() {
			out.add(combo, at, f.Slot+slot, value)
		}
	}
}

// groupSets lists the breakdowns that are kept live: the whole tenant, the configured ones
// and those that a KPI is about.
func groupSets(cfg *Config, c *kpi.Compiled) []kpi.Set {
	sets := []kpi.Set{0}
	for _, s := range slices.Concat(cfg.Groups, c.Breakdown) {
		if !slices.Contains(sets, s) {
			sets = append(sets, s)
		}
	}
	return sets
}
