package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Scratch that calls, sessions and complaints have in common; customer, incident and
// service are where a ticket has them.
const (
	xTicket      = xService + 1 + iota // symbol
	xRaisedEvent                       // hash of the id of the event that raised it
	xContactOwn
)

// raised is the index of the instant at which a ticket, call, session or complaint was
// raised, in all their combinations.
const raised = 1

// recordContact fills what calls, sessions and complaints have in common.
func (e *Engine) recordContact(ev *kpi.Event, r *record) {
	r.flags |= roleFlags(ev.Role)
	r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
	r.extra[extraIncident] = int64(e.symbols.id(ev.Incident))
	r.extra[extraService] = int64(e.symbols.id(ev.Service))
	r.extra[extraTicket] = int64(e.symbols.id(ev.Ticket))
}

// identify takes over what was said first: it does not change.
func (s *state) identify(r *record) {
	first(&s.x[xCustomer], r.extra[extraCustomer])
	first(&s.x[xIncident], r.extra[extraIncident])
	first(&s.x[xService], r.extra[extraService])
	first(&s.x[xTicket], r.extra[extraTicket])
}

// last keeps what was said last.
func last(dst *int64, v int64) {
	if v != 0 {
		*dst = v
	}
}

// happen sets a flag, the instant at which it became so, and the combination then.
func (s *state) happen(flag, at, combo int, now int64) {
	s.set(flag, true)
	s.Fields[at] = now
	s.combo[combo] = s.combo[current]
}

// contactOf makes the contact that a ticket, call or session is, if it is one.
func (e *Engine) contactOf(kind kpi.Kind, s, c *state) {
	c.Tenant, c.exists = s.Tenant, s.exists
	c.combo[current], c.combo[raised] = s.combo[current], s.combo[raised]
	byCustomer := true
	f := &c.Fields
	switch kind {
	case kpi.Ticket:
		c.exists = s.gives()
		by := uint32(s.Fields[kpi.TicketOpenedBy])
		byCustomer = by == e.words.roles[kpi.RoleCustomer]
		f[kpi.ContactAt], f[kpi.ContactLength], f[kpi.ContactHandling] = s.Fields[kpi.TicketCreatedAt], 0, s.ticketHandling()
	case kpi.Call:
		c.exists = s.exists && s.x[xTicket] == 0
		byCustomer = kpi.Direction(s.x[xDirection]) != kpi.Outbound
		f[kpi.ContactAt], f[kpi.ContactLength] = s.Fields[kpi.CallOfferedAt], s.Fields[kpi.CallTalk]+s.Fields[kpi.CallHold]
		f[kpi.ContactHandling] = s.Fields[kpi.CallHandleTime]
	default:
		c.exists = s.exists && s.x[xTicket] == 0
		f[kpi.ContactAt], f[kpi.ContactLength] = s.Fields[kpi.InteractionStartedAt], s.Fields[kpi.InteractionLength]
		f[kpi.ContactHandling] = s.Fields[kpi.InteractionHandling]
	}
	c.set(kpi.ContactIsByCustomer, byCustomer)
	f[kpi.ContactKind] = int64(e.words.kinds[kind])
}

// ticketHandling is the time from the first handling to the resolution, less waiting and
// the time spent resolved before.
func (s *state) ticketHandling() int64 {
	if !s.is(kpi.TicketIsResolved) {
		return 0
	}
	return max(0, s.Fields[kpi.TicketResolvedAt]-s.Fields[kpi.TicketHandledAt]-s.Fields[kpi.TicketResolvedBefore]-s.Fields[kpi.TicketWaited])
}

// relateContact gives the contact and the service that a ticket, call or session is, and
// lets its customer's threads know.
func relateContact(e *Engine, i uint32, before, after *state, _ *sink) {
	kind := e.entities.list[i].kind
	if kind == kpi.Ticket && sameContact(before, after) {
		return
	}
	was, is := &e.made[0], &e.made[1]
	e.contactOf(kind, before, was)
	e.contactOf(kind, after, is)
	e.resample(kpi.FactContact, was, is)
	e.moveMark(e.callOf(i, before, was), e.callOf(i, after, is), (*Engine).countCaller)
	e.relateService(i, before, after)
	e.relateMatter(i, before, after)
}

// sameContact reports whether two states of a ticket are the same contact and service:
// most of its events change neither.
func sameContact(before, after *state) bool {
	for _, f := range [...]int{kpi.TicketCreatedAt, kpi.TicketResolvedAt, kpi.TicketHandledAt, kpi.TicketFirstTransferredAt,
		kpi.TicketResolvedBefore, kpi.TicketWaited, kpi.TicketOpenedBy} {
		if before.Fields[f] != after.Fields[f] {
			return false
		}
	}
	for _, x := range [...]int{xCustomer, xService, xMerged} {
		if before.x[x] != after.x[x] {
			return false
		}
	}
	return before.exists == after.exists && before.combo == after.combo
}

// identity is a number for an entity that is the same whenever it was first met.
func (e *Engine) identity(i uint32) uint64 {
	n := &e.entities.list[i]
	return hash(string(e.entities.block.get(n.name))) + uint64(n.kind)
}

// sourceOf is what a mark says of the entity that left it.
func (e *Engine) sourceOf(i uint32) reportKey {
	return reportKey{kind: e.entities.list[i].kind, entity: i, event: e.identity(i)}
}
