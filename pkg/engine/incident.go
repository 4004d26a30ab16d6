package engine

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// incidentKey tells incidents apart: a customer and the id of the incident or, where
// none is named, a customer and the category.
type incidentKey struct {
	tenant, customer, name uint32
	named                  bool
}

// reportKey tells reports apart by what made them.
type reportKey struct {
	kind   kpi.Kind
	entity uint32
	event  uint64 // hash of the event's id
}

// report is a customer's word that something is wrong.
type report struct {
	key    incidentKey
	at     int64 // Unix milliseconds
	combo  uint32
	source reportKey
}

// mention is a report as its incident remembers it.
type mention struct {
	at     int64
	source reportKey
	combo  uint32
}

func (m *mention) compare(o *mention) int {
	return cmp.Or(cmp.Compare(m.at, o.at), cmp.Compare(m.source.event, o.source.event),
		cmp.Compare(m.source.kind, o.source.kind), cmp.Compare(m.source.entity, o.source.entity))
}

type incident struct{ mentions []mention }

type incidents struct {
	index map[incidentKey]uint32
	list  []incident
	keys  []incidentKey
}

// pendingReport is a row of a report that the history has not confirmed yet.
type pendingReport struct {
	report
	withdrawn bool
	version   uint64
}

// applyReports takes the reports that one event gave or took back into their incidents.
func (e *Engine) applyReports() {
	slices.SortStableFunc(e.sink.reports, func(a, b reportChange) int { return cmp.Compare(a.sign, b.sign) })
	for k := range e.sink.reports {
		r := &e.sink.reports[k]
		in := e.incidentOf(r.key)
		m := mention{at: r.at, source: r.source, combo: r.combo}
		if r.sign > 0 {
			e.mention(in, m)
		} else {
			e.unmention(in, m)
		}
		if e.cfg.NoHistory {
			continue
		}
		if _, known := e.reports[r.source]; !known {
			e.told = append(e.told, r.source)
		}
		e.reports[r.source] = pendingReport{report: r.report, withdrawn: r.sign < 0, version: e.sequence}
	}
}

func (e *Engine) incidentOf(key incidentKey) *incident {
	i, ok := e.incident.index[key]
	if !ok {
		i = uint32(len(e.incident.list))
		e.incident.index[key] = i
		e.incident.list = append(e.incident.list, incident{})
		e.incident.keys = append(e.incident.keys, key)
	}
	return &e.incident.list[i]
}

func (e *Engine) mention(in *incident, m mention) {
	k, found := slices.BinarySearchFunc(in.mentions, m, func(a, b mention) int { return a.compare(&b) })
	if found {
		panic("engine: internal error: a report was given twice")
	}
	e.spans(in, k-2, k, -1)
	in.mentions = slices.Insert(in.mentions, k, m)
	e.spans(in, k-2, k+1, 1)
}

func (e *Engine) unmention(in *incident, m mention) {
	k, found := slices.BinarySearchFunc(in.mentions, m, func(a, b mention) int { return a.compare(&b) })
	if !found {
		panic("engine: internal error: a report was taken back that was not given")
	}
	e.spans(in, k-2, k+1, -1)
	in.mentions = slices.Delete(in.mentions, k, k+1)
	e.spans(in, k-2, k, 1)
}

// spans gives what the mentions from ≤ j < to contribute, sign times.
//
// With mentions t₁ ≤ t₂ ≤ … an incident is reported in a window of length W, with the
// dimensions of its latest mention tᵢ, from tᵢ until tᵢ leaves the window or tᵢ₊₁ comes;
// it is repeated from tᵢ₊₁, if tᵢ is still in the window then, until tᵢ leaves or tᵢ₊₂
// comes. Slot 0 counts mentions, and slot w+1 what each window takes back, so that the
// value of window w is the sum of the two.
func (e *Engine) spans(in *incident, from, to int, sign int64) {
	m := in.mentions
	for j := max(0, from); j < min(to, len(m)); j++ {
		e.sink.add(incidentsReported, m[j].combo, m[j].at, 0, sign)
		for w := range e.cfg.Windows {
			e.span(m[j:], &e.cfg.Windows[w], uint16(w+1), sign)
		}
	}
}

// span gives what the first of m contributes to one window.
func (e *Engine) span(m []mention, w *window.Window, slot uint16, sign int64) {
	leaves := int64(never)
	if w.Ring != window.Total {
		leaves = (w.Ring.Floor(m[0].at/1000) + w.Ring.Seconds() + w.Length) * 1000
	}
	if len(m) == 1 || m[1].at >= leaves {
		if leaves != never {
			e.sink.add(incidentsReported, m[0].combo, leaves-1, slot, -sign)
		}
		return
	}
	e.sink.add(incidentsReported, m[0].combo, m[1].at, slot, -sign)
	e.sink.add(incidentsRepeated, m[1].combo, m[1].at, slot, sign)
	switch {
	case len(m) > 2 && m[2].at < leaves:
		e.sink.add(incidentsRepeated, m[1].combo, m[2].at, slot, -sign)
	case leaves != never:
		e.sink.add(incidentsRepeated, m[1].combo, leaves-1, slot, -sign)
	}
}
