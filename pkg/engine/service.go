package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// The instants of a service, which are also the parts of its thread, and the indexes into
// its combinations.
const (
	serviceRaised = iota + 1
	serviceDelivered
	serviceTransferred
	numServiceInstants = iota
)

// serviceOf makes the service that a contact without a service_id is, or what a contact
// with one adds to the chain.
func (e *Engine) serviceOf(kind kpi.Kind, s, v *state) {
	v.Tenant, v.exists = s.Tenant, s.exists
	v.combo = [maxAsOf]uint32{current: s.combo[current], serviceRaised: s.combo[raised]}
	f := &v.Fields
	f[kpi.ServiceDeliveredAt], f[kpi.ServiceTransferredAt] = 0, 0
	switch kind {
	case kpi.Ticket:
		v.exists = s.gives()
		f[kpi.ServiceRaisedAt] = s.Fields[kpi.TicketCreatedAt]
		f[kpi.ServiceDeliveredAt], v.combo[serviceDelivered] = s.Fields[kpi.TicketResolvedAt], s.combo[ticketResolved]
		f[kpi.ServiceTransferredAt], v.combo[serviceTransferred] = s.Fields[kpi.TicketFirstTransferredAt], s.combo[ticketTransferred]
	case kpi.Call:
		v.exists = s.exists && s.x[xTicket] == 0
		f[kpi.ServiceRaisedAt] = s.Fields[kpi.CallOfferedAt]
		f[kpi.ServiceDeliveredAt], v.combo[serviceDelivered] = s.Fields[kpi.CallAnsweredAt], s.combo[callAnswered]
		f[kpi.ServiceTransferredAt], v.combo[serviceTransferred] = s.Fields[kpi.CallFirstTransferredAt], s.combo[callTransferred]
	default:
		v.exists = s.exists && s.x[xTicket] == 0
		f[kpi.ServiceRaisedAt] = s.Fields[kpi.InteractionStartedAt]
		if s.is(kpi.InteractionIsResolved) {
			f[kpi.ServiceDeliveredAt], v.combo[serviceDelivered] = s.Fields[kpi.InteractionEndedAt], s.combo[interactionEnded]
		}
	}
	v.set(kpi.ServiceIsDelivered, f[kpi.ServiceDeliveredAt] != 0)
	v.set(kpi.ServiceIsTransferred, f[kpi.ServiceTransferredAt] != 0)
}

// relateService gives the service that a contact is, or changes the chain that it is in.
func (e *Engine) relateService(i uint32, before, after *state) {
	kind := e.entities.list[i].kind
	was, is := &e.made[0], &e.made[1]
	e.serviceOf(kind, before, was)
	e.serviceOf(kind, after, is)
	if before.x[xService] == 0 && after.x[xService] == 0 {
		e.resample(kpi.FactService, was, is)
		return
	}
	left, joined := e.linksOf(i, uint32(before.x[xService]), was), e.linksOf(i, uint32(after.x[xService]), is)
	if left == joined && before.x[xService] == after.x[xService] {
		return
	}
	e.changeService(uint32(before.x[xService]), was, left, false)
	e.changeService(uint32(after.x[xService]), is, joined, true)
}

// linksOf are the marks that a contact leaves in the threads of its chain.
func (e *Engine) linksOf(i, service uint32, v *state) (out [numServiceInstants]placed) {
	if !v.exists || service == 0 {
		return out
	}
	for k := range out {
		if at := v.Fields[kpi.ServiceRaisedAt+k]; at != 0 {
			out[k] = placed{serviceKey(v.Tenant, service, k), mark{at: at, source: e.sourceOf(i), combo: v.combo[serviceRaised+k]}}
		}
	}
	return out
}

func serviceKey(tenant, service uint32, instant int) threadKey {
	return threadKey{kind: serviceThread, tenant: tenant, a: service, b: uint32(instant)}
}

// changeService lets a contact join, or leave, its chain; without one it is a service of
// its own.
func (e *Engine) changeService(service uint32, own *state, links [numServiceInstants]placed, join bool) {
	before, after := &e.made[2], &e.made[3]
	before.exists, after.exists = false, false
	switch {
	case service == 0 && join:
		after = own
	case service == 0:
		before = own
	default:
		e.chain(own.Tenant, service, before)
		for _, l := range links {
			switch {
			case l.key.kind == 0:
			case join:
				e.threads.get(l.key).insert(l.mark)
			default:
				e.threads.get(l.key).remove(l.mark)
			}
		}
		e.chain(own.Tenant, service, after)
	}
	e.resample(kpi.FactService, before, after)
}

// chain makes the service that the contacts of one service_id are together: its instants
// are the earliest of theirs, with the dimensions of those.
func (e *Engine) chain(tenant, service uint32, v *state) {
	v.Tenant, v.combo = tenant, [maxAsOf]uint32{}
	for k := range numServiceInstants {
		v.Fields[kpi.ServiceRaisedAt+k] = 0
		if t := e.threads.find(serviceKey(tenant, service, k)); t != nil && len(t.marks) > 0 {
			v.Fields[kpi.ServiceRaisedAt+k], v.combo[serviceRaised+k] = t.marks[0].at, t.marks[0].combo
		}
	}
	v.exists, v.combo[current] = v.Fields[kpi.ServiceRaisedAt] != 0, v.combo[serviceRaised]
	v.set(kpi.ServiceIsDelivered, v.Fields[kpi.ServiceDeliveredAt] != 0)
	v.set(kpi.ServiceIsTransferred, v.Fields[kpi.ServiceTransferredAt] != 0)
}
