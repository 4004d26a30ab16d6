package oracle

import (
	"fmt"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// contact is a ticket created, or a call or session that names no ticket.
type contact struct {
	raised           moment
	service          string // its service_id, or a name of its own
	customer         string
	byCustomer       bool
	length, handling int64 // ms
	delivered        moment
	transferred      moment
}

func (f *facts) findContacts() {
	for i := range f.tickets {
		t := &f.tickets[i]
		if t.merged {
			continue // its samples are withdrawn
		}
		c := contact{
			raised: t.created, service: own(t.service, "ticket", t.id), customer: t.customer,
			byCustomer: t.openedBy == kpi.RoleCustomer || t.openedBy == kpi.RoleUnspecified,
			delivered:  t.resolved, transferred: t.transferred,
		}
		if t.resolved.is {
			c.handling = max(0, t.resolved.at-t.handled.at-t.resolvedBefore-t.waited)
		}
		f.contact(c, tieOf(t.id, kpi.Ticket))
	}
	for i := range f.calls {
		call := &f.calls[i]
		if call.ticket != "" {
			continue
		}
		f.contact(contact{
			raised: call.offered, service: own(call.service, "call", call.id), customer: call.customer,
			byCustomer: !call.outbound, length: call.talk + call.hold, handling: call.handleTime(),
			delivered: call.answered, transferred: call.transferred,
		}, tieOf(call.id, kpi.Call))
	}
	for i := range f.sessions {
		s := &f.sessions[i]
		if s.ticket != "" {
			continue
		}
		c := contact{raised: s.started, service: own(s.service, "session", s.id), customer: s.customer, byCustomer: true}
		if s.ended.is {
			c.length = max(0, s.ended.at-s.started.at)
			if s.answered.is {
				c.handling = max(0, s.ended.at-s.answered.at)
			}
			if s.declared {
				c.delivered = s.ended
			}
		}
		f.contact(c, tieOf(s.id, kpi.Interaction))
	}
}

func (f *facts) contact(c contact, tie uint64) {
	c.raised, c.delivered, c.transferred = c.raised.tied(tie), c.delivered.tied(tie), c.transferred.tied(tie)
	f.contacts = append(f.contacts, c)
}

func own(service, kind, id string) string {
	if service != "" {
		return "service " + service
	}
	return fmt.Sprintf("%s %s", kind, id)
}

// service is a chain of contacts about one matter.
type service struct{ raised, delivered, transferred moment }

func (f *facts) findServices() {
	index := map[string]int{}
	for i := range f.contacts {
		c := &f.contacts[i]
		n, ok := index[c.service]
		if !ok {
			n = len(f.services)
			index[c.service] = n
			f.services = append(f.services, service{})
		}
		s := &f.services[n]
		s.raised = earlier(s.raised, c.raised)
		s.delivered = earlier(s.delivered, c.delivered)
		s.transferred = earlier(s.transferred, c.transferred)
	}
}

// raised counts the contacts of the window.
func raised(a *asker) int64 {
	return count(a.outcome().contacts, func(c *contact) bool { return a.in(c.raised) })
}

func servicesRaised(a *asker) int64 {
	return count(a.outcome().services, func(s *service) bool { return a.in(s.raised) })
}

func servicesDelivered(a *asker) int64 {
	return count(a.outcome().services, func(s *service) bool { return a.in(s.delivered) })
}

// deliveredWhere is the part of the services delivered that something holds for.
func deliveredWhere(a *asker, holds func(kpi.Dims) bool) Answer {
	return share(count(a.outcome().services, func(s *service) bool {
		return a.in(s.delivered) && holds(s.delivered.dims)
	}), servicesDelivered(a))
}

// sought are the contacts of the window that customers sought.
func sought(a *asker) (out []contact) {
	f := a.outcome()
	for i := range f.contacts {
		if c := &f.contacts[i]; c.byCustomer && a.in(c.raised) {
			out = append(out, *c)
		}
	}
	return out
}

// callers counts the customers whose latest contact of the window is of the group.
func callers(a *asker) (n int64) {
	latest := map[string]moment{}
	all := sought(a.whole())
	for i := range all {
		if c := &all[i]; c.customer != "" {
			latest[c.customer] = later(latest[c.customer], c.raised)
		}
	}
	for _, m := range latest {
		if a.mine(m.dims) {
			n++
		}
	}
	return n
}

var serviceKPIs = map[string]definition{
	"innovation_share": func(a *asker) Answer {
		return deliveredWhere(a, func(d kpi.Dims) bool { return d[kpi.Novelty] != "" })
	},
	"outsourced_share": func(a *asker) Answer {
		return deliveredWhere(a, func(d kpi.Dims) bool { return d[kpi.Outsourced] == "true" })
	},
	"channel_mix": func(a *asker) Answer { return share(raised(a), raised(a.whole())) },
	"transfer_rate": func(a *asker) Answer {
		passed := count(a.outcome().services, func(s *service) bool { return a.in(s.transferred) })
		return share(passed, servicesRaised(a))
	},
	"contacts_per_customer": func(a *asker) Answer {
		if a.period {
			return nothing()
		}
		return share(int64(len(sought(a))), callers(a))
	},
	"contact_minutes_per_customer": func(a *asker) Answer {
		if a.period {
			return nothing()
		}
		return ratio(seconds(sum(sought(a), func(c *contact) int64 { return c.length })), number(callers(a)))
	},
	"service_effort": func(a *asker) Answer {
		work := sum(a.outcome().contacts, func(c *contact) int64 {
			if !a.in(c.raised) {
				return 0
			}
			return c.handling
		})
		return ratio(seconds(work), number(servicesDelivered(a)))
	},
	// Mean wait ÷ services, in seconds.
	"service_efficiency": func(a *asker) Answer {
		return ratio(mean(waitsOf(a)), number(servicesRaised(a)))
	},
}
