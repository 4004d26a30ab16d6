package oracle

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// report is a customer's word that something is wrong.
type report struct {
	incident string
	moment
	order uint64 // among reports of the same instant
}

// incidentOf names the incident that a ticket is about by its creation: its customer and
// the incident's id or, where none is given, the category. A request that is no incident
// is about one only where it names it. "" is none.
func incidentOf(created *step) string {
	if created.Customer == "" {
		return ""
	}
	if created.Incident != "" {
		return named(created.Customer, created.Incident)
	}
	switch created.Type {
	case kpi.TypeServiceRequest, kpi.TypeQuestion, kpi.TypeFeedback:
		return ""
	}
	return created.Customer + "\x00category\x00" + created.dims[kpi.Category]
}

func named(customer, id string) string { return customer + "\x00id\x00" + id }

func (f *facts) findReports() {
	for i := range f.tickets {
		t := &f.tickets[i]
		if t.incident == "" {
			continue
		}
		born := t.life.first(action(kpi.TicketCreated))
		for k := born; k < len(t.life); k++ {
			if s := &t.life[k]; byCustomer(s) && (k == born || reopens(s)) {
				f.report(t.incident, t.life.moment(k), s.ID)
			}
		}
	}
	for i := range f.calls {
		if c := &f.calls[i]; !c.outbound {
			f.mention(c.customer, c.incident, c.ticket, c.offered, c.raisedBy)
		}
	}
	for i := range f.complaints {
		if c := &f.complaints[i]; !c.duplicate {
			f.mention(c.customer, c.incident, c.ticket, c.received, c.raisedBy)
		}
	}
	slices.SortFunc(f.reports, func(a, b report) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
	})
}

func (f *facts) report(incident string, m moment, event string) {
	f.reports = append(f.reports, report{incident, m, xxhash.Sum64String(event)})
}

// mention takes the report of a call or complaint. One that led to a ticket is the same
// report as that ticket's.
func (f *facts) mention(customer, incident, id string, m moment, event string) {
	if customer == "" {
		return
	}
	for i := range f.tickets {
		t := &f.tickets[i]
		if id == "" || t.id != id {
			continue
		}
		if t.created.at >= m.at {
			return
		}
		if incident == "" && t.incident != "" {
			f.report(t.incident, m, event)
			return
		}
	}
	if incident != "" {
		f.report(named(customer, incident), m, event)
	}
}

// repeats counts the incidents reported in the window and those reported repeatedly, as
// the option says.
func repeats(a *asker) (reported, repeated int64) {
	f, how := a.before(a.hi), a.option("repeat")
	if how == "cohort" {
		f = a.outcome()
	}
	incidents := map[string][]report{}
	for _, r := range f.reports {
		incidents[r.incident] = append(incidents[r.incident], r)
	}
	for _, all := range incidents {
		inside := slices.DeleteFunc(slices.Clone(all), func(r report) bool { return r.at < a.lo || r.at >= a.hi })
		var counted, again bool
		owner := all[len(all)-1]
		switch how {
		case "cohort": // new incidents
			owner = all[0]
			counted, again = len(inside) > 0 && inside[0] == owner, len(all) > 1
		case "ever":
			counted, again = len(inside) > 0, len(all) > 1
		default:
			counted, again = len(inside) > 0, len(inside) > 1
		}
		if counted && a.mine(owner.dims) {
			reported++
			if again {
				repeated++
			}
		}
	}
	return reported, repeated
}

const aWeek = 7 * aDay

// repeated: the customer has reported the ticket's incident again within 7 days after its
// resolution in force.
func (f *facts) repeated(t *ticket) bool {
	return t.resolved.is && slices.ContainsFunc(f.reports, func(r report) bool {
		return r.incident == t.incident && t.incident != "" && t.resolved.at < r.at && r.at < t.resolved.at+aWeek
	})
}

// forestalled: monitoring or a system opened it before the customer reported its incident.
func (f *facts) forestalled(t *ticket) bool {
	if t.openedBy != kpi.RoleMonitor && t.openedBy != kpi.RoleSystem {
		return false
	}
	return !slices.ContainsFunc(f.reports, func(r report) bool {
		return r.incident == t.incident && t.incident != "" && r.at < t.created.at
	})
}
