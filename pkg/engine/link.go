package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// ticketKey is the key of the thread of the calls and complaints that name a ticket.
func ticketKey(tenant, ticket uint32) threadKey {
	return threadKey{kind: ticketThread, tenant: tenant, a: ticket}
}

// relateReport gives the report that a call or complaint is, if it is one.
func relateReport(e *Engine, i uint32, before, after *state, out *sink) {
	if was, is := uint32(before.x[xTicket]), uint32(after.x[xTicket]); was != is {
		if was != 0 {
			e.threads.get(ticketKey(before.Tenant, was)).watch(i, 1, 0)
		}
		if is != 0 {
			e.threads.get(ticketKey(after.Tenant, is)).watch(i, 0, 1)
		}
	}
	e.changeReport(e.mentionOf(i, before, e.named(before)), e.mentionOf(i, after, e.named(after)), out)
}

// named folds the ticket that a call or complaint names.
func (e *Engine) named(s *state) *state {
	t := &e.made[0]
	t.exists = false
	if s.x[xTicket] == 0 {
		return t
	}
	if _, n := e.entities.find(kpi.Ticket, s.Tenant, e.symbols.names[s.x[xTicket]]); n != 0 {
		e.stateOf(n-1, t)
	}
	return t
}

// mentionOf is the report that a call or complaint is; without a source it is none. One
// that led to a ticket is the same report as that ticket.
func (e *Engine) mentionOf(i uint32, s, ticket *state) report {
	kind := e.entities.list[i].kind
	at := s.Fields[kpi.CallOfferedAt]
	mentions := s.exists && s.x[xCustomer] != 0
	if kind == kpi.Complaint {
		at = s.Fields[kpi.ComplaintReceivedAt]
		mentions = mentions && !s.is(kpi.ComplaintIsDuplicate)
	} else {
		mentions = mentions && kpi.Direction(s.x[xDirection]) != kpi.Outbound
	}
	r := report{at: at, combo: s.combo[raised], source: reportKey{kind: kind, entity: i, event: uint64(s.x[xRaisedEvent])}}
	switch {
	case !mentions, ticket.exists && ticket.Fields[kpi.TicketCreatedAt] >= at:
		return report{}
	case s.x[xIncident] != 0:
		r.key = threadKey{kind: incidentThread, tenant: s.Tenant, a: uint32(s.x[xCustomer]), b: uint32(s.x[xIncident]), named: true}
		return r
	case ticket.exists && ticket.x[xReport] != 0:
		r.key = ticket.incidentKey()
		return r
	}
	return report{}
}

// changeReport takes back one report and gives another.
func (e *Engine) changeReport(was, is report, out *sink) {
	if was == is {
		return
	}
	if was.source.kind != 0 {
		out.negate = true
		out.report(was)
		out.negate = false
	}
	if is.source.kind != 0 {
		out.report(is)
	}
}

// relink lets the calls and complaints that name a ticket know what has become of it.
func relink(e *Engine, i uint32, before, after *state, out *sink) {
	if before.exists == after.exists && before.Fields[kpi.TicketCreatedAt] == after.Fields[kpi.TicketCreatedAt] &&
		before.x[xReport] == after.x[xReport] && before.incidentKey() == after.incidentKey() {
		return
	}
	n := &e.entities.list[i]
	symbol, ok := e.symbols.ids[string(e.entities.block.get(n.name))]
	if !ok {
		return
	}
	t := e.threads.find(ticketKey(n.tenant, symbol))
	if t == nil {
		return
	}
	for _, w := range t.watchers {
		s := &e.made[0]
		e.stateOf(w.entity, s)
		was, is := e.mentionOf(w.entity, s, before), e.mentionOf(w.entity, s, after)
		e.changeReport(was, is, out)
		if was != is {
			e.touch(w.entity)
		}
	}
}
