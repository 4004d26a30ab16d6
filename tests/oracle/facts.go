package oracle

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// facts are things as the known events before a cut have left them.
type facts struct {
	*World
	cut    int64 // ms
	events []kpi.Event

	tickets     []ticket
	calls       []call
	sessions    []session
	complaints  []complaint
	answers     []answer
	suggestions []suggestion
	costs       []cost
	orders      []order
	lines       []line
	invoices    []invoice
	agents      []agent
	openings    []opening
	contacts    []contact
	services    []service
	reports     []report
}

// gather looks at the events before a cut. A ticket that was deleted, also later, has
// never been.
func (w *World) gather(cut int64) *facts {
	deleted := map[string]bool{}
	for i := range w.known {
		if ev := &w.known[i]; ev.Kind == kpi.Ticket && ev.Action == kpi.TicketDeleted {
			deleted[ev.Entity] = true
		}
	}
	f := &facts{World: w, cut: cut}
	f.events = slices.DeleteFunc(slices.Clone(w.known), func(ev kpi.Event) bool {
		return ev.At >= cut || ev.Kind == kpi.Ticket && deleted[ev.Entity]
	})
	f.findTickets()
	f.findCalls()
	f.findSessions()
	f.findComplaints()
	f.findAnswers()
	f.findSuggestions()
	f.findMoney()
	f.findLines()
	f.findAgents()
	f.findReports()
	f.findContacts()
	f.findServices()
	return f
}
