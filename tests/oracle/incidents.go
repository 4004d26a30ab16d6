package oracle

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// report is a customer's word that something is wrong.
type report struct {
	incident string
	moment
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
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.tie, b.tie))
	})
}

func (f *facts) report(incident string, m moment, event string) {
	f.reports = append(f.reports, report{incident, m.tied(tieOf(event, 0))})
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
// the option says. An incident belongs to the dimensions of its latest report.
func repeats(a *asker) (reported, repeated int64) {
	incidents := map[string][]report{}
	for _, r := range a.outcome().reports {
		incidents[r.incident] = append(incidents[r.incident], r)
	}
	for _, all := range incidents {
		known := slices.DeleteFunc(slices.Clone(all), func(r report) bool { return r.at >= a.hi })
		inside := count(known, func(r *report) bool { return r.at >= a.lo })
		if inside == 0 {
			continue
		}
		owner, again := known[len(known)-1], inside > 1
		switch a.option("repeat") {
		case "ever":
			again = len(known) > 1
		case "cohort": // new in the window, and reported again since
			if owner = known[0]; owner.at < a.lo {
				continue
			}
			again = len(all) > 1
		}
		if a.mine(owner.dims) {
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
		return r.incident == t.incident && t.incident != "" && r.at <= t.created.at
	})
}
