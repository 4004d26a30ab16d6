package engine

import (
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// A retraction names a survey or a payment, but what those say is folded into questions
// and into invoices: their parts. A retraction is kept with the entity of the name that it
// gives, and passed on to the parts, be they known then or later.

// partsKey is the key of the thread of the parts of a survey or payment.
func partsKey(kind kpi.Kind, tenant uint32, id uint64) threadKey {
	id += uint64(kind)
	return threadKey{kind: partsThread, tenant: tenant, a: uint32(id >> 32), b: uint32(id)}
}

// hasParts reports whether events of a kind go to entities of another name than their own.
func hasParts(kind kpi.Kind) bool { return kind == kpi.Survey || kind == kpi.Payment }

// takePart passes on to the entity that an event goes to the retractions that came before.
func (e *Engine) takePart(ev *kpi.Event) {
	kind, tenant := ownerKind(ev.Kind), e.symbols.id(ev.Tenant)
	i := e.entity(kind, tenant, entityID(ev))
	if t := e.threads.find(partsKey(ev.Kind, tenant, hash(ev.Entity))); t != nil && slices.Contains(t.watchers, watcher{1, i}) {
		return
	}
	_, named := e.entities.find(kind, tenant, ev.Entity)
	if named == 0 || named-1 == i {
		return
	}
	for _, r := range e.history.read(&e.entities.list[named-1].log, nil) {
		if r.action == actionVoid {
			e.takeRecord(i, &r)
		}
	}
}

// joinParts remembers that an entity is a part of a survey or payment.
func (e *Engine) joinParts(i uint32, kind kpi.Kind, id uint64) {
	t := e.threads.get(partsKey(kind, e.entities.list[i].tenant, id))
	if part := (watcher{1, i}); !slices.Contains(t.watchers, part) {
		t.watchers = append(t.watchers, part)
	}
}

// relateQuestion remembers the survey that a question belongs to.
func relateQuestion(e *Engine, i uint32, before, after *state, _ *sink) {
	if after.exists && !before.exists {
		n := &e.entities.list[i]
		dimension := e.symbols.names[after.Fields[kpi.SurveyDimensionText]]
		e.joinParts(i, kpi.Survey, hash(strings.TrimSuffix(string(e.entities.block.get(n.name)), "/"+dimension)))
	}
}

// relatePayments remembers the payments of an invoice.
func relatePayments(e *Engine, i uint32, _, _ *state, _ *sink) {
	e.others = e.history.read(&e.entities.list[i].log, e.others[:0])
	for k := range e.others {
		if r := &e.others[k]; kpi.Kind(r.extra[extraType]) == kpi.Payment && r.action != actionVoid {
			e.joinParts(i, kpi.Payment, uint64(r.extra[extraPayment]))
		}
	}
}

// retractParts passes a retraction on to the parts of what it names.
func (e *Engine) retractParts(ev *kpi.Event, r *record) {
	if !hasParts(ev.VoidKind) {
		return
	}
	t := e.threads.find(partsKey(ev.VoidKind, e.symbols.id(ev.Tenant), hash(ev.Entity)))
	if t == nil {
		return
	}
	for _, part := range slices.Clone(t.watchers) {
		void := *r
		e.takeRecord(part.entity, &void)
	}
}
