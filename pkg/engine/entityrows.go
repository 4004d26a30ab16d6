package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

func (e *Engine) ticketRow(i uint32) kpi.TicketRow {
	s := &e.other
	n := &e.entities.list[i]
	open, overdue := e.intervals(i, s)
	f := &s.Fields
	r := kpi.TicketRow{
		ID: string(e.entities.block.get(n.name)), Tenant: e.symbols.names[n.tenant],
		Customer: e.symbols.names[s.x[xCustomer]], Incident: e.symbols.names[s.incidentKey().b], Approximate: s.x[xIncident] == 0,
		Status: s.status(), Type: e.ticketType(f[kpi.TicketTypeText]), CreatedAt: f[kpi.TicketCreatedAt], HandledAt: f[kpi.TicketHandledAt],
		WorkStartedAt: f[kpi.TicketStartedAt], RepliedAt: f[kpi.TicketRepliedAt], ResolvedAt: f[kpi.TicketResolvedAt],
		ClosedAt: f[kpi.TicketClosedAt], Reopened: uint32(f[kpi.TicketReopens]), Events: n.count,
		Partition: e.cfg.Partition, Version: e.version(n.version), Open: open, Overdue: overdue,
	}
	_, r.Dims = e.names(s.combo[current])
	if s.resolving() {
		r.DueAt = f[kpi.TicketOverdueAt]
	}
	return r
}

func (e *Engine) ticketType(symbol int64) kpi.TicketType {
	for t, w := range e.words.ticketTypes {
		if int64(w) == symbol {
			return kpi.TicketType(t)
		}
	}
	return 0
}

// intervals folds a ticket's history into s and tells when it was open and overdue.
func (e *Engine) intervals(i uint32, s *state) (open, overdue []kpi.Interval) {
	e.others = e.history.read(&e.entities.list[i].log, e.others[:0])
	e.live = effective(e.others, e.live[:0])
	e.begin(i, e.live, s)
	for k := range e.live {
		e.step(&folders[kpi.Ticket], s, &e.live[k], &sink{mute: true})
		at, due := e.live[k].at, s.Fields[kpi.TicketOverdueAt]
		open = extend(open, at, at, s.is(kpi.TicketIsOpen))
		overdue = extend(overdue, at, max(at, due), s.is(kpi.TicketIsOpen) && s.resolving() && due != 0)
	}
	return open, overdue
}

// extend ends the last interval at an instant, or goes on with it, or begins another at
// from, which may lie later.
func extend(list []kpi.Interval, at, from int64, in bool) []kpi.Interval {
	if n := len(list); n > 0 && list[n-1].To == 0 {
		last := &list[n-1]
		if in && (last.From == from || last.From < at && from == at) {
			return list
		}
		if last.From >= at {
			list = list[:n-1] // it never began
		} else {
			last.To = at
		}
	}
	if in {
		list = append(list, kpi.Interval{From: from})
	}
	return list
}
