package oracle

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// noon is a Monday: 2026-03-16 12:00 UTC, or 25 Esfand 1404.
var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// story collects events at minutes after noon.
type story struct{ events []kpi.Event }

func (s *story) add(minute float64, kind kpi.Kind, entity string, action kpi.Action, more ...func(*kpi.Event)) {
	ev := kpi.Event{
		ID: fmt.Sprintf("e%d", len(s.events)), Tenant: "t", Kind: kind, Action: action, Entity: entity,
		Customer: "c", At: noon.UnixMilli() + int64(minute*60_000),
	}
	for _, f := range more {
		f(&ev)
	}
	s.events = append(s.events, ev)
}

func team(name string) func(*kpi.Event) {
	return func(ev *kpi.Event) { ev.Dims[kpi.Team] = name }
}

func role(r kpi.Role) func(*kpi.Event) { return func(ev *kpi.Event) { ev.Role = r } }

// ask asks at a minute after noon, about all that is told.
func (s *story) ask(key, window string, minute int64, rules Rules, group map[kpi.Dimension]string) Answer {
	return Value(s.events, Question{KPI: key, Tenant: "t", At: noon.Unix() + minute*60, Window: window, Rules: rules, Group: group})
}

// want checks a value, written as a fraction; "" is none.
func (s *story) want(t *testing.T, key, window string, minute int64, want string) {
	t.Helper()
	s.wantUnder(t, Rules{}, key, window, minute, want)
}

func (s *story) wantUnder(t *testing.T, rules Rules, key, window string, minute int64, want string) {
	t.Helper()
	if got := show(s.ask(key, window, minute, rules, nil).Value); got != want {
		t.Errorf("%s %s at +%d min is %q, want %q", key, window, minute, got, want)
	}
}

func show(r *big.Rat) string {
	if r == nil {
		return ""
	}
	return r.RatString()
}

// One ticket: raised, answered after 5 minutes, resolved after 60, reopened after 100 and
// resolved for good after 160.
func ticketStory() *story {
	s := &story{}
	s.add(0, kpi.Ticket, "T", kpi.TicketCreated, team("a"))
	s.add(2, kpi.Ticket, "T", kpi.TicketAssigned)
	s.add(5, kpi.Ticket, "T", kpi.TicketReplied, role(kpi.RoleAgent))
	s.add(20, kpi.Ticket, "T", kpi.TicketWaiting)
	s.add(30, kpi.Ticket, "T", kpi.TicketResumed, team("b"))
	s.add(60, kpi.Ticket, "T", kpi.TicketResolved)
	s.add(100, kpi.Ticket, "T", kpi.TicketReopened, role(kpi.RoleCustomer))
	s.add(160, kpi.Ticket, "T", kpi.TicketResolved)
	return s
}

func TestTicket(t *testing.T) {
	s := ticketStory()
	s.want(t, "response_time", "24h", 200, "300")
	s.want(t, "resolution_time", "24h", 200, "6900")       // (160 − 5 − 40) min
	s.want(t, "service_delivery_time", "24h", 200, "9480") // (160 − 2) min
	s.want(t, "open_tickets", "", 200, "1")
	s.want(t, "reopen_rate", "24h", 200, "1/2")
	s.want(t, "reopen_rate", "1h", 200, "0") // the one at 160
	s.want(t, "repeat_incident_ratio", "24h", 200, "1")
	s.want(t, "repeat_incident_ratio", "1h", 160, "0")
	s.want(t, "first_contact_resolution", "24h", 200, "0")
	s.want(t, "problem_resolution_rate", "24h", 200, "1")
	s.want(t, "service_effort", "24h", 200, "6300") // (160 − 5 − 40 − 10) min
	s.want(t, "handoff_time", "24h", 200, "1800")   // 30 to 60
	s.want(t, "transfer_rate", "24h", 200, "1")
	s.want(t, "first_reply_time", "15m", 200, "")
}

// Live, what comes later is not known: at 90 minutes the first resolution stands.
func TestLiveKnowsNoFuture(t *testing.T) {
	s := ticketStory()
	q := Question{KPI: "resolution_time", Tenant: "t", At: noon.Unix() + 90*60, Window: "24h", Live: true}
	if got := show(Value(s.events, q).Value); got != "3300" {
		t.Errorf("live: %s s, want 55 min", got)
	}
	q.Live = false
	if got := Value(s.events, q); got.Value != nil {
		t.Errorf("restated: %s s, but the resolution of then was undone", show(got.Value))
	}
}

func TestWindowIsHalfOpen(t *testing.T) {
	s := ticketStory()
	s.want(t, "response_time", "1m", 5, "")     // t < T
	s.want(t, "response_time", "5m", 10, "300") // lo ≤ t
	for _, tt := range []struct {
		window string
		at, lo int64 // seconds after noon
	}{
		{"1m", 3661, 3601},
		{"15m", 3661, 2761},
		{"1h", 3661, 60}, // by the minute
		{"24h", 3661, 3660 - 86400},
		{"7d", 3661, 3600 - 7*86400}, // by the hour
	} {
		if got := (Calendar{}).start(tt.window, (noon.Unix()+tt.at)*1000)/1000 - noon.Unix(); got != tt.lo {
			t.Errorf("%s at +%d s begins at %+d s, want %+d", tt.window, tt.at, got, tt.lo)
		}
	}
}

func TestGroupsAreAsOfTheMoment(t *testing.T) {
	s := ticketStory()
	for _, tt := range []struct{ key, team, want string }{
		{"response_time", "a", "300"}, {"response_time", "b", ""},
		{"resolution_time", "a", ""}, {"resolution_time", "b", "6900"},
		{"open_tickets", "a", "0"}, {"open_tickets", "b", "1"},
		{"problem_resolution_rate", "b", "1"}, // to the team of the outcome
	} {
		if got := show(s.ask(tt.key, "24h", 200, Rules{}, map[kpi.Dimension]string{kpi.Team: tt.team}).Value); got != tt.want {
			t.Errorf("%s of team %s is %q, want %q", tt.key, tt.team, got, tt.want)
		}
	}
}

func TestTakingBack(t *testing.T) {
	s := ticketStory()
	s.events = append(s.events, s.events[0], s.events[2]) // duplicates
	s.want(t, "response_time", "24h", 200, "300")
	s.add(500, kpi.Void, "T", 0, func(ev *kpi.Event) { ev.VoidEvent, ev.VoidKind = "e2", kpi.Ticket })
	s.want(t, "response_time", "24h", 200, "3600") // the resolution is the first handling
	s.add(600, kpi.Ticket, "T", kpi.TicketMerged)
	s.want(t, "response_time", "24h", 200, "")
	s.want(t, "open_tickets", "", 200, "1") // it was open then
	s.want(t, "open_tickets", "", 601, "0")
	s.want(t, "repeat_incident_ratio", "24h", 601, "1") // its reports stay
	s.add(700, kpi.Ticket, "T", kpi.TicketDeleted)
	s.want(t, "open_tickets", "", 200, "0")
	s.want(t, "repeat_incident_ratio", "24h", 601, "")
}

// An hour for resolution, day and night; ten minutes from 9 to 17 for the first response.
func targets() Rules {
	return Rules{Targets: func(_ int64, attribute func(string) string) Targets {
		if attribute("team") == "free" {
			return Targets{}
		}
		return Targets{
			FirstResponse: Clock{Target: 600_000, Open: func(m int64) bool { return m/60%24 >= 9 && m/60%24 < 17 }},
			Resolution:    Clock{Target: 3_600_000},
		}
	}}
}

func TestOverdue(t *testing.T) {
	s := &story{}
	s.add(0, kpi.Ticket, "T", kpi.TicketCreated)
	s.add(30, kpi.Ticket, "T", kpi.TicketWaiting)
	s.add(50, kpi.Ticket, "T", kpi.TicketResumed)
	s.add(80, kpi.Ticket, "T", kpi.TicketWaiting) // at the very instant at which it falls due
	s.add(90, kpi.Ticket, "T", kpi.TicketResumed)
	for minute, want := range map[int64]string{60: "0", 80: "0", 85: "0", 90: "0", 91: "1"} {
		s.wantUnder(t, targets(), "overdue_ratio", "", minute, want)
	}
	s.add(100, kpi.Ticket, "T", kpi.TicketUpdated, team("free"))
	s.wantUnder(t, targets(), "overdue_ratio", "", 100, "1")
	s.wantUnder(t, targets(), "overdue_ratio", "", 101, "0") // no target any more
	s.add(110, kpi.Ticket, "T", kpi.TicketResolved)
	s.wantUnder(t, targets(), "sla_breach_ratio", "24h", 120, "1") // a breach stays recorded
}

func TestOverdueUntil(t *testing.T) {
	s := &story{}
	s.add(0, kpi.Ticket, "T", kpi.TicketCreated)
	s.add(61, kpi.Ticket, "T", kpi.TicketResolved)
	s.add(70, kpi.Ticket, "T", kpi.TicketReopened)
	s.add(80, kpi.Ticket, "T", kpi.TicketClosed)
	rules := targets()
	s.wantUnder(t, rules, "overdue_ratio", "", 61, "1")
	s.wantUnder(t, rules, "overdue_ratio", "", 65, "0")
	s.wantUnder(t, rules, "open_breach_ratio", "", 65, "1")
	s.wantUnder(t, rules, "overdue_ratio", "", 71, "1") // at once
	s.wantUnder(t, rules, "overdue_ratio", "", 81, "")  // nothing is open
	rules.Options = map[string]string{"overdue_until": "closed"}
	s.wantUnder(t, rules, "overdue_ratio", "", 65, "1")
}

// Raised at 16:55, answered at 9:05 the next day: ten minutes of office hours, no breach;
// half a second later it is one.
func TestOfficeHours(t *testing.T) {
	for _, tt := range []struct {
		reply float64
		want  string
	}{{4*60 + 55 + 16*60 + 10, "0"}, {4*60 + 55 + 16*60 + 10 + 1./120, "1"}} {
		s := &story{}
		s.add(4*60+55, kpi.Ticket, "T", kpi.TicketCreated)
		s.add(tt.reply, kpi.Ticket, "T", kpi.TicketReplied, role(kpi.RoleAgent))
		s.wantUnder(t, targets(), "response_breach_ratio", "24h", 22*60, tt.want)
		s.wantUnder(t, targets(), "open_response_breach_ratio", "", 4*60+55+16*60, "0")
	}
}

func TestIncidents(t *testing.T) {
	s := &story{}
	named := func(ev *kpi.Event) { ev.Incident = "i" }
	s.add(0, kpi.Call, "C1", kpi.CallOffered, named, func(ev *kpi.Event) { ev.Ticket = "T" })
	s.add(5, kpi.Ticket, "T", kpi.TicketCreated, named) // led to by the call: one report
	s.want(t, "repeat_incident_ratio", "24h", 6, "0")
	s.add(10, kpi.Complaint, "K", kpi.ComplaintReceived, func(ev *kpi.Event) { ev.Ticket = "T" })
	s.want(t, "repeat_incident_ratio", "24h", 11, "1")
	s.want(t, "repeat_incident_ratio", "1m", 11, "0")
	s.wantUnder(t, Rules{Options: map[string]string{"repeat": "ever"}}, "repeat_incident_ratio", "1m", 11, "1")
	s.wantUnder(t, Rules{Options: map[string]string{"repeat": "cohort"}}, "repeat_incident_ratio", "1m", 11, "")
	s.wantUnder(t, Rules{Options: map[string]string{"repeat": "cohort"}}, "repeat_incident_ratio", "24h", 11, "1")
	s.add(20, kpi.Ticket, "Q", kpi.TicketCreated, func(ev *kpi.Event) { ev.Type = kpi.TypeQuestion })
	s.add(21, kpi.Ticket, "M", kpi.TicketCreated, named, role(kpi.RoleMonitor))
	if got := s.ask("repeat_incident_ratio", "24h", 30, Rules{}, nil); show(got.Denominator) != "1" {
		t.Errorf("%s incidents, want 1: a question names none, and a monitor reports none", show(got.Denominator))
	}
	s.want(t, "proactive_share", "24h", 30, "0") // T by the customer, M after the reports
}

func TestCalls(t *testing.T) {
	s := &story{}
	call := func(id string, wait float64, end kpi.Action) {
		s.add(0, kpi.Call, id, kpi.CallOffered)
		s.add(wait, kpi.Call, id, end)
	}
	call("A", 20./60, kpi.CallAnswered)
	call("B", 21./60, kpi.CallAnswered)
	call("C", 5./60, kpi.CallAbandoned)
	call("D", 6./60, kpi.CallAbandoned)
	s.add(10, kpi.Call, "A", kpi.CallEnded, func(ev *kpi.Event) { ev.Hold, ev.WrapUp = 60_000, 30_000 })
	s.want(t, "service_level", "15m", 11, "1/3")
	s.want(t, "abandonment_rate", "15m", 11, "1/2")
	s.want(t, "speed_of_answer", "15m", 11, "41/2")
	s.want(t, "mean_wait", "15m", 11, "13")
	s.want(t, "handle_time", "15m", 11, "610") // (600 − 20 − 60) talk + 60 hold + 30
	s.add(12, kpi.Call, "E", kpi.CallOffered)
	s.want(t, "calls_waiting", "", 15, "1")
	s.want(t, "longest_wait", "", 15, "180")
}

// The answer is judged by when it came, though the caller is said to have given up before.
func TestAbandonedAndAnswered(t *testing.T) {
	s := &story{}
	s.add(0, kpi.Call, "A", kpi.CallOffered)
	s.add(20./60, kpi.Call, "A", kpi.CallAbandoned)
	s.add(1, kpi.Call, "A", kpi.CallAnswered)
	s.want(t, "service_level", "15m", 5, "0")
	s.want(t, "speed_of_answer", "15m", 5, "60")
}

func TestStages(t *testing.T) {
	s := &story{}
	stage := func(from, to string) func(*kpi.Event) {
		return func(ev *kpi.Event) { ev.StageFrom, ev.StageTo = from, to }
	}
	s.add(0, kpi.Ticket, "T", kpi.TicketCreated)
	s.add(10, kpi.Ticket, "T", kpi.TicketStageChanged, stage("new", "work"))
	s.add(40, kpi.Ticket, "T", kpi.TicketResolved)
	s.add(100, kpi.Ticket, "T", kpi.TicketReopened)
	s.want(t, "stage_dwell_time", "24h", 120, "1200") // 10 and 30 min
	s.want(t, "stage_age", "", 120, "1200")
	if got := s.ask("slowest_stage", "24h", 120, Rules{}, nil); got.Slowest != "work" || show(got.Value) != "1800" {
		t.Errorf("slowest stage: %+v", got)
	}
}

func amountOf(amount int64, more ...func(*kpi.Event)) func(*kpi.Event) {
	return func(ev *kpi.Event) {
		ev.Amount = amount
		for _, f := range more {
			f(ev)
		}
	}
}

// 100.0001 over three days are twice 33.3333 and 33.3335.
func TestCosts(t *testing.T) {
	s := &story{}
	period := func(ev *kpi.Event) {
		ev.PeriodStart, ev.PeriodEnd = noon.AddDate(0, 0, -1).UnixMilli(), noon.AddDate(0, 0, 1).UnixMilli()
		ev.Purposes = []string{"operations", "service"}
	}
	s.add(0, kpi.Cost, "X", 0, amountOf(1_000_001, period))
	s.want(t, "operating_cost", "day", 1, "333333/10000")
	s.want(t, "operating_cost", "day", 24*60, "66667/2000")
	s.want(t, "operating_cost", "month", 24*60, "1000001/10000")
	s.add(0, kpi.Cost, "Y", 0, amountOf(500_000, func(ev *kpi.Event) { ev.Purposes, ev.Basis = []string{"operations"}, plannedBasis }))
	s.want(t, "budget_variance", "month", 24*60, "500001/500000")
	s.add(1, kpi.Cost, "Z", 0, amountOf(1_000_001, period, func(ev *kpi.Event) { ev.ReversalOf = "X" }))
	s.want(t, "operating_cost", "month", 24*60, "0")
}

// The Unicom figures of the catalogue, section E, in the small: 4 lines at the start, one
// activated, two left.
func TestLines(t *testing.T) {
	s := &story{}
	s.add(-60, kpi.Opening, "O", 0, func(ev *kpi.Event) { ev.AsOf, ev.Lines, ev.HasLines = noon.AddDate(0, -1, 0).UnixMilli(), 4, true })
	s.add(1, kpi.Customer, "L1", lineActivated)
	s.add(2, kpi.Customer, "L2", lineLeft)
	s.add(3, kpi.Customer, "L3", lineActivated)
	s.add(4, kpi.Customer, "L3", lineLeft)
	s.want(t, "churn_rate", "month", 10, "1/2")
	s.want(t, "churn_to_growth_ratio", "month", 10, "1")
	s.want(t, "net_additions", "month", 10, "0")
	s.add(5, kpi.Invoice, "V1", 0, amountOf(600_000, func(ev *kpi.Event) { ev.Subscriber, ev.Due = "L1", noon.Add(10*time.Minute).UnixMilli() }))
	s.add(6, kpi.Invoice, "V2", 0, amountOf(400_000, func(ev *kpi.Event) { ev.Subscriber = "L1" }))
	s.add(20, kpi.Payment, "P", 0, amountOf(100_000, func(ev *kpi.Event) { ev.Invoice = "V1" }))
	s.want(t, "billing_rate", "month", 30, "1/4")
	s.want(t, "arrears_rate", "month", 10, "0")
	s.want(t, "arrears_rate", "month", 15, "3/5")
	s.want(t, "arrears_rate", "year", 30, "1/2")
}

// Balances as of the first instant of a month are there when the month begins.
func TestOpeningsAsOfTheStart(t *testing.T) {
	s := &story{}
	s.add(0, kpi.Opening, "O", 0, func(ev *kpi.Event) {
		ev.AsOf, ev.Lines, ev.HasLines = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), 4, true
	})
	s.add(2, kpi.Customer, "L", lineLeft)
	s.want(t, "churn_rate", "month", 10, "1/4")
}

func TestCustomers(t *testing.T) {
	s := &story{}
	order := func(minute float64, customer, id string, amount int64) {
		s.add(minute, kpi.Order, id, 0, amountOf(amount, func(ev *kpi.Event) { ev.Customer = customer }))
	}
	order(-20*24*60, "a", "O1", 10_000) // 24 February
	order(-20*24*60, "b", "O2", 20_000)
	order(0, "a", "O3", 30_000)
	s.add(1, kpi.Order, "O4", 0, amountOf(5_000, func(ev *kpi.Event) { ev.Customer, ev.RefundOf = "a", "O3" }))
	s.want(t, "revenue_per_customer", "", 10, "11/4") // (1 + 2 + 3 − 0.5) ÷ 2
	s.want(t, "retention_rate", "month", 10, "1/2")
	s.want(t, "retention_rate", "24h", 10, "")
	score := func(points int64) func(*kpi.Event) {
		return func(ev *kpi.Event) {
			ev.SurveyDimension, ev.HasScore, ev.Score = "satisfaction", true, points*1_000_000
		}
	}
	s.add(2, kpi.Survey, "S1", 2, score(100))
	s.add(3, kpi.Survey, "S2", 2, score(75))
	s.want(t, "satisfaction_score", "24h", 10, "175/2")
	s.want(t, "satisfied_customer_ratio", "24h", 10, "0")
	s.want(t, "survey_coverage", "24h", 10, "1")
	s.want(t, "survey_coverage", "30d", 10, "1/2")
}

func TestSessions(t *testing.T) {
	s := &story{}
	self := func(ev *kpi.Event) { ev.SessionType, ev.Resolved, ev.Service = selfServiceSession, kpi.True, "M" }
	s.add(0, kpi.Interaction, "I", kpi.InteractionStarted, self)
	s.add(5, kpi.Interaction, "I", kpi.InteractionEnded, self)
	s.want(t, "self_service_rate", "24h", 10, "1")
	s.add(60, kpi.Call, "C", kpi.CallOffered, func(ev *kpi.Event) { ev.Service = "M" })
	linked := func(ev *kpi.Event) { self(ev); ev.Service, ev.Ticket = "", "T" }
	s.add(62, kpi.Interaction, "J", kpi.InteractionStarted, linked)
	s.add(65, kpi.Interaction, "J", kpi.InteractionEnded, linked)
	s.want(t, "self_service_rate", "24h", 70, "0")
	s.want(t, "self_service_declared_rate", "24h", 70, "1/2")
	s.want(t, "bot_resolution_rate", "24h", 70, "")
}

func TestAgents(t *testing.T) {
	s := &story{}
	s.add(0, kpi.Agent, "sara", agentLoggedIn)
	s.add(10, kpi.Agent, "sara", agentBusy)
	s.add(30, kpi.Agent, "sara", agentPaused)
	s.add(60, kpi.Agent, "sara", agentLoggedOut)
	s.want(t, "occupancy", "24h", 90, "2/3")
	s.want(t, "occupancy", "1h", 70, "1") // 10 to 30 of 10 to 70
	s.want(t, "agents", "", 40, "1")
	s.want(t, "agents", "", 90, "0")
}

func TestQualityIndexLeavesOutWhatHasNoData(t *testing.T) {
	s := ticketStory()
	s.want(t, "service_quality_index", "24h", 200, "50") // reliability alone
	s.wantUnder(t, targets(), "service_quality_index", "24h", 200, "25")
}

func TestPeriods(t *testing.T) {
	tehran, err := time.LoadLocation("Asia/Tehran")
	if err != nil {
		t.Fatal(err)
	}
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	iran := Calendar{Zone: tehran, SolarHijri: true, WeekStart: time.Saturday}
	china := Calendar{Zone: shanghai, WeekStart: time.Monday, FiscalMonth: 4}
	for _, tt := range []struct {
		c              Calendar
		at, period, lo string
	}{
		{iran, "2026-03-20T20:30:00Z", "year", "2025-03-20T20:30:00Z"}, // just ended
		{iran, "2026-03-20T20:30:01Z", "year", "2026-03-20T20:30:00Z"},
		{iran, "2026-03-16T12:00:00Z", "month", "2026-02-19T20:30:00Z"}, // 1 Esfand
		{iran, "2026-03-16T12:00:00Z", "quarter", "2025-12-21T20:30:00Z"},
		{iran, "2026-03-16T12:00:00Z", "week", "2026-03-13T20:30:00Z"},
		{iran, "2025-03-20T12:00:00Z", "month", "2025-02-18T20:30:00Z"}, // 30 Esfand 1403
		{china, "2026-03-16T16:00:00Z", "day", "2026-03-15T16:00:00Z"},
		{china, "2026-03-16T16:00:01Z", "day", "2026-03-16T16:00:00Z"},
		{china, "2026-03-16T12:00:00Z", "year", "2025-03-31T16:00:00Z"},
		{china, "2026-03-16T12:00:00Z", "quarter", "2025-12-31T16:00:00Z"},
		{china, "2026-03-16T12:00:00Z", "week", "2026-03-15T16:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := time.UnixMilli(tt.c.start(tt.period, at.UnixMilli())).UTC().Format(time.RFC3339); got != tt.lo {
			t.Errorf("the %s of %s begins at %s, want %s", tt.period, tt.at, got, tt.lo)
		}
	}
}
