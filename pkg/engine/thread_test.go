package engine

import (
	"testing"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

const (
	minute = 60
	hour   = 3600
	aDay   = 86400
)

// 30 days in November: 90.0000 is spread over three days, 30 each, for each purpose.
func TestCost(t *testing.T) {
	cost := kpi.Event{Kind: kpi.Cost, Amount: 100_0000, Item: "wages", Purposes: []string{"operations", "service", "operations"},
		PeriodStart: (noon - 12*hour) * 1000, PeriodEnd: (noon - 12*hour + 3*aDay) * 1000}
	b := newBench(t).feed(cost)
	b.says("operating_cost day 1: 333333", "operating_cost all 1: 333333",
		"operating_cost all 129600: 666666", "operating_cost all 216000: 1000000", "operating_cost day 216000: 333334")
	again := cost
	again.Amount, again.At = 6, 1
	b.feed(again).says("operating_cost all 216000: 6")
	back := kpi.Event{Kind: kpi.Cost, Entity: "y", Amount: 4, Purposes: []string{"operations"}, ReversalOf: "x"}
	b.feed(back).says("operating_cost all 216000: 2", "operating_cost day 2: -2")
}

func TestContactsAndServices(t *testing.T) {
	ticket := func(id string, a kpi.Action, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Ticket, Entity: id, Action: a, At: at, Customer: "c", Service: "s"}
	}
	call := func(id string, a kpi.Action, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Call, Entity: id, Action: a, At: at, Customer: "c"}
	}
	linked := call("linked", kpi.CallOffered, 1)
	linked.Ticket = "T1"
	out := call("out", kpi.CallOffered, 2)
	out.Direction = kpi.Outbound
	chain := call("chain", kpi.CallOffered, 3)
	chain.Service = "s"
	b := newBench(t).feed(linked, out, chain, ticket("T1", kpi.TicketCreated, 10))
	// The linked call is no contact; the call of the chain and T1 are one service.
	b.says("contacts all 60: 3", "contacts_by_customer all 60: 2", "services_raised all 60: 2", "services_delivered all 60: 0")
	b.feed(call("chain", kpi.CallAnswered, 20), ticket("T1", kpi.TicketResolved, 30), call("out", kpi.CallTransferred, 40))
	b.says("services_delivered all 20: 0", "services_delivered all 21: 1", "services_delivered all 60: 1", "services_transferred all 60: 1")
	b.says("callers_active 1h 11: 1", "callers_active 1h 3660: 0", "callers_active all 3700: 1")

	merged := ticket("T1", kpi.TicketMerged, 50)
	b.feed(merged).says("contacts all 60: 2", "services_raised all 60: 2", "services_delivered all 60: 1")
}

// A session is quiet if no person helped in it, nor within 24 h on the same matter.
func TestQuiet(t *testing.T) {
	session := func(id string, a kpi.Action, at int64) kpi.Event {
		ev := kpi.Event{Kind: kpi.Interaction, Entity: id, Action: a, At: at, Customer: "c", SessionType: 3}
		if a == kpi.InteractionEnded {
			ev.Resolved = kpi.True
		}
		return ev
	}
	ticket := func(at int64) kpi.Event {
		return kpi.Event{ID: "t", Kind: kpi.Ticket, Entity: "T", Action: kpi.TicketCreated, At: at, Customer: "c"}
	}
	for _, tt := range []struct {
		at, want int64
	}{{99, 1}, {100, 0}, {100 + aDay - 1, 0}, {100 + aDay, 1}} {
		b := newBench(t).feed(session("a", kpi.InteractionStarted, 0), session("a", kpi.InteractionEnded, 100), ticket(tt.at))
		if got := b.total("self_service_resolved", "all", 3*aDay); got != tt.want {
			t.Errorf("ticket at %d: got %d, want %d", tt.at, got, tt.want)
		}
		b.feed(kpi.Event{Kind: kpi.Void, Entity: "T", VoidKind: kpi.Ticket, VoidEvent: "t", At: 3 * aDay})
		b.says("self_service_resolved all 259201: 1", "self_service_declared all 259201: 1")
	}
}

// A call that led to a ticket is the same report as the ticket, whichever comes first.
func TestLinkedReports(t *testing.T) {
	ticket := kpi.Event{Kind: kpi.Ticket, Entity: "T", Action: kpi.TicketCreated, At: 10, Customer: "c", Incident: "i"}
	before := kpi.Event{Kind: kpi.Call, Entity: "before", Action: kpi.CallOffered, At: 5, Customer: "c", Ticket: "T", Incident: "i"}
	after := kpi.Event{Kind: kpi.Call, Entity: "after", Action: kpi.CallOffered, At: 15, Customer: "c", Ticket: "T"}
	for _, events := range [][]kpi.Event{{before, after, ticket}, {ticket, after, before}, {after, ticket, before}} {
		b := newBench(t).feed(events...)
		b.says("incidents_reported 1h 12: 1", "incidents_repeated 1h 12: 0", "incidents_reported 1h 60: 1", "incidents_repeated 1h 60: 1")
		b.feed(kpi.Event{Kind: kpi.Ticket, Entity: "T", Action: kpi.TicketDeleted, At: 20})
		b.says("incidents_reported 1h 60: 1", "incidents_repeated 1h 60: 0")
	}
}

func TestRespondents(t *testing.T) {
	answer := func(id, customer string, at, points int64) kpi.Event {
		return kpi.Event{Kind: kpi.Survey, Entity: id, Action: 2, At: at, Customer: customer, SurveyDimension: "satisfaction", Score: points * 1e6, HasScore: true}
	}
	b := newBench(t).feed(answer("1", "c", 0, 80), answer("2", "d", 0, 79), answer("3", "c", 100, 10), answer("4", "c", 200, 95))
	b.says("respondents_active 1h 1: 2", "respondents_satisfied 1h 1: 1",
		"respondents_active 1h 101: 2", "respondents_satisfied 1h 101: 0",
		"respondents_active 1h 201: 2", "respondents_satisfied 1h 201: 1",
		// The window of an hour keeps the minute in which it begins.
		"respondents_active 1h 3660: 1", "respondents_satisfied 1h 3839: 1", "respondents_satisfied 1h 3840: 0", "respondents_satisfied all 9000: 1")
	b = newBench(t, "satisfied_from", "79").feed(answer("1", "c", 0, 80), answer("2", "d", 0, 79))
	b.says("respondents_satisfied 1h 1: 2")
}

// Incidents that were first reported in the window, and those reported again since.
func TestRepeatsOfCohort(t *testing.T) {
	call := func(id string, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Call, Entity: id, Action: kpi.CallOffered, At: at, Customer: "c", Incident: "i"}
	}
	b := newBench(t, "repeat", "cohort").feed(call("1", 0), call("2", 1000))
	b.says("incidents_reported 1h 500: 1", "incidents_repeated 1h 3659: 1", "incidents_reported 1h 3660: 0", "incidents_repeated 1h 3660: 0",
		"incidents_reported all 3660: 1", "incidents_repeated all 3660: 1")
}

// A line that is billed twice in one month counts once, at the earlier bill.
func TestBilled(t *testing.T) {
	bill := func(id string, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Invoice, Entity: id, At: at, Amount: 1, Subscriber: "s"}
	}
	b := newBench(t).feed(bill("1", 100), bill("2", 50))
	b.says("lines_billed all 51: 1", "lines_billed all 200: 1", "lines_billed month 51: 1")
	b.feed(bill("3", 20*aDay)).says("lines_billed all 1728001: 2", "lines_billed month 1728001: 1")
}

func TestActiveCustomers(t *testing.T) {
	order := func(id string, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Order, Entity: id, At: at, Customer: "c", Amount: 1}
	}
	line := func(a kpi.Action, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Customer, Entity: "l", Action: a, At: at, Customer: "c"}
	}
	refund := order("r", -100)
	refund.RefundOf = "o"
	b := newBench(t).feed(order("o", 0), refund)
	b.says("customers_new all 0: 0", "customers_new all 1: 1", "customers_active 1h 1: 1", "customers_active 1h 3659: 1",
		"customers_active 1h 3660: 0", "customers_active all 9000: 1")
	b.feed(line(1, hour), line(2, 2*hour))
	b.says("customers_new all 9000: 1", "customers_active 1h 3661: 1", "customers_active 1h 7200: 1", "customers_active 1h 7201: 0")
	b.feed(line(1, 3*hour), line(2, 4*hour), order("p", 2*hour+30*minute))
	b.says("customers_active 1h 7201: 0", "customers_active 1h 9001: 1", "customers_active 1h 12601: 1",
		"customers_active 1h 14400: 1", "customers_active 1h 14401: 0")
}

// Days here begin 12 h before and after noon: day 0 is 2023-11-15.
func TestRetention(t *testing.T) {
	const half = 12 * hour
	order := func(id string, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Order, Entity: id, At: at, Customer: "c" + id[:1], Amount: 1}
	}
	line := func(id string, a kpi.Action, at int64) kpi.Event {
		return kpi.Event{Kind: kpi.Customer, Entity: id, Action: a, At: at, Customer: "c" + id[:1]}
	}
	day := func(n int64) int64 { return n * aDay } // noon of day n
	events := []kpi.Event{
		order("a1", day(0)), order("a2", day(1)+10), // a buys on days 0 and 1
		order("b1", day(0)+1),                        // b buys on day 0 only
		line("d", 1, day(0)+2), line("d", 2, day(2)), // d has a line until noon of day 2 …
		order("d1", day(2)+50),                            // … and buys a little later
		line("e", 1, day(0)+3), line("e", 2, day(1)+half), // e's line ends as day 2 begins
	}
	b := newBench(t).feed(events...)
	b.says(
		// Day 1: all four are active at its start; b does nothing, and a only after noon.
		"customers_at_start day 86400: 4", "customers_retained day 86400: 2",
		"customers_retained day 86411: 3", "customers_at_start day 129600: 4", "customers_retained day 129600: 3",
		// Day 2: a by its purchase; d and e by their lines, of which e's ends at once.
		"customers_at_start day 129601: 3", "customers_retained day 129601: 1",
		"customers_retained day 172801: 0", "customers_retained day 172851: 1",
		// Day 3: d by its purchase.
		"customers_at_start day 259200: 1", "customers_retained day 259200: 0",
		"customers_at_start month 259200: 0", "customers_retained month 259200: 0",
	)
	december := int64(16 * aDay) // noon of 1 December; e has no line by then, and never bought
	b.says("customers_at_start month 1382400: 3", "customers_retained month 1382400: 0")
	b.feed(order("b2", december-hour)).says("customers_retained month 1382400: 1", "customers_at_start month 1382400: 3")

	b.says("customers_of_period day 1: 1", "customers_of_period day 10: 4", "customers_of_period day 86400: 2",
		"customers_of_period day 86411: 3", "customers_of_period day 129601: 1", "customers_of_period day 172851: 1")

	b = newBench(t, "active_customer", "ever").feed(events...)
	b.says("customers_at_start day 86400: 4", "customers_retained day 86411: 3",
		"customers_at_start day 172801: 4", "customers_at_start day 345600: 3", "customers_retained day 345600: 0")

	b = newBench(t, "active_customer", "90d").feed(order("a1", day(0)))
	b.says("customers_at_start day 86400: 1", "customers_at_start day 7776000: 1", "customers_at_start day 7862400: 0")
}
