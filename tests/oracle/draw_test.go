package oracle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// A history is a list of scenes: an entity lives through some actions, most of them in a
// believable order, some in none. It is drawn so that fewer scenes and smaller numbers
// are simpler, which is what rapid shrinks a failing one to.

func pick[T any](t *rapid.T, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, what)
}

// chance is true once in n.
func chance(t *rapid.T, what string, n int) bool { return rapid.IntRange(1, n).Draw(t, what) == n }

// stage is where and when a history plays.
type stage struct {
	calendar Calendar
	zone     string
	from     int64 // Unix seconds
	span     int64 // seconds
	homes    int   // how many customers there are, with nobody among them
}

func drawStage(t *rapid.T) stage {
	s := pick(t, "stage",
		stage{zone: "UTC", from: at("2026-03-16T00:00:00Z"), calendar: Calendar{WeekStart: time.Monday}},
		// The year ends, and with it the month and the quarter.
		stage{zone: "Asia/Tehran", from: at("2026-03-19T12:00:00Z"), calendar: Calendar{SolarHijri: true, WeekStart: time.Saturday}},
		// Clocks go forward on the 29th, at 1:00.
		stage{zone: "Europe/Berlin", from: at("2026-03-27T20:00:00Z"), calendar: Calendar{WeekStart: time.Monday, FiscalMonth: 4}},
		// And back on 5 April, to 2:00; the year begins in February.
		stage{zone: "Australia/Sydney", from: at("2026-04-04T02:00:00Z"), calendar: Calendar{WeekStart: time.Sunday, FiscalMonth: 2}},
	)
	zone, err := time.LoadLocation(s.zone)
	if err != nil {
		t.Fatal(err)
	}
	s.calendar.Zone = zone
	s.span = pick[int64](t, "span", 4000, 3*86400, 40*86400)
	s.homes = pick(t, "homes", 1, 2, len(homes))
	return s
}

func at(rfc3339 string) int64 {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		panic(err)
	}
	return t.Unix()
}

// GoString is short, as that of a scene.
func (s stage) GoString() string { return s.zone }

// instant draws a time of the stage, often on the edge of a bucket, where ties and
// windows meet.
func (s stage) instant(t *rapid.T) int64 {
	if chance(t, "midnight", 6) {
		d := s.calendar.dateOf(s.from * 1000).next(rapid.IntRange(0, int(s.span/86400)).Draw(t, "day"))
		return s.calendar.midnight(d)
	}
	unit := pick[int64](t, "unit", 3600, 60, 1)
	ms := s.from*1000 + rapid.Int64Range(0, s.span/unit).Draw(t, "at")*unit*1000
	return ms + pick[int64](t, "ms", 0, 0, 0, 1, 500, 999)
}

const minute = 60_000

// reading draws when to read, in Unix seconds: often on an edge, counted from an event or a
// midnight.
func (s stage) reading(t *rapid.T, events []kpi.Event) int64 {
	base := (events[rapid.IntRange(0, len(events)-1).Draw(t, "event")].At + 999) / 1000
	switch pick(t, "read", "after an event", "at midnight", "any time") {
	case "at midnight":
		return s.calendar.midnight(s.calendar.dateOf(base*1000).next(1)) / 1000
	case "any time":
		return s.from + rapid.Int64Range(1, s.span+86400).Draw(t, "at")
	}
	return base + (pick(t, "later", edges...)+999)/1000 + pick[int64](t, "late", 0, 1)
}

// plays are believable lives of the kinds of entities.
var plays = map[kpi.Kind][][]kpi.Action{
	kpi.Ticket: {
		{kpi.TicketCreated},
		{kpi.TicketCreated, kpi.TicketReplied, kpi.TicketResolved},
		{kpi.TicketCreated, kpi.TicketAssigned, kpi.TicketWorkStarted, kpi.TicketStageChanged, kpi.TicketReplied, kpi.TicketStageChanged, kpi.TicketResolved, kpi.TicketClosed},
		{kpi.TicketCreated, kpi.TicketWaiting, kpi.TicketResumed, kpi.TicketReplied, kpi.TicketWaiting, kpi.TicketUpdated, kpi.TicketResumed, kpi.TicketFollowedUp, kpi.TicketResolved},
		{kpi.TicketCreated, kpi.TicketResolved, kpi.TicketReopened, kpi.TicketResolved, kpi.TicketClosed, kpi.TicketReopened, kpi.TicketWorkStarted, kpi.TicketClosed},
		{kpi.TicketCreated, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketResolved},
		{kpi.TicketCreated, kpi.TicketWorkStarted, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketReplied, kpi.TicketClosed},
		{kpi.TicketCreated, kpi.TicketReplied, kpi.TicketMerged},
		{kpi.TicketCreated, kpi.TicketCancelled},
		{kpi.TicketCreated, kpi.TicketReplied, kpi.TicketDeleted},
	},
	kpi.Call: {
		{kpi.CallOffered},
		{kpi.CallOffered, kpi.CallQueued, kpi.CallAnswered, kpi.CallEnded},
		{kpi.CallOffered, kpi.CallAbandoned, kpi.CallEnded},
		{kpi.CallOffered, kpi.CallAnswered, kpi.CallHeld, kpi.CallTransferred, kpi.CallEnded},
	},
	kpi.Interaction: {
		{kpi.InteractionStarted, kpi.InteractionEnded},
		{kpi.InteractionStarted, kpi.InteractionAnswered, kpi.InteractionEnded},
		{kpi.InteractionStarted, kpi.InteractionAnswered, kpi.InteractionHandedOver, kpi.InteractionAnswered, kpi.InteractionEnded},
	},
	kpi.Complaint: {
		{kpi.ComplaintReceived},
		{kpi.ComplaintReceived, kpi.ComplaintAcknowledged, kpi.ComplaintHandled, kpi.ComplaintClosed},
		{kpi.ComplaintReceived, kpi.ComplaintClosed, kpi.ComplaintReopened, kpi.ComplaintHandled},
	},
	kpi.Survey:     {{1, 2}, {2}, {2, 2}},
	kpi.Suggestion: {{1}, {1, 2}, {1, 3}, {1, 2, 3}},
	kpi.Cost:       {{0}},
	kpi.Order:      {{0}},
	kpi.Customer:   {{lineActivated}, {lineActivated, lineLeft}, {lineLeft}, {lineActivated, lineLeft, lineActivated}, {lineActivated, 3, lineLeft}},
	kpi.Invoice:    {{0}},
	kpi.Payment:    {{0}},
	kpi.Agent:      {{agentLoggedIn}, {agentLoggedIn, agentAvailable, agentBusy, agentAvailable, agentPaused, agentBusy, agentLoggedOut}},
	kpi.Opening:    {{0}},
}

// actionsOf is how many actions a kind has.
var actionsOf = map[kpi.Kind]int{
	kpi.Ticket: 15, kpi.Call: 7, kpi.Interaction: 4, kpi.Complaint: 5, kpi.Survey: 2, kpi.Suggestion: 3, kpi.Customer: 3, kpi.Agent: 5,
}

// homes are the customers to whom entities belong; the second is nobody.
var homes = []string{"c0", "", "c1", "c2"}

// themes are kinds that have to do with one another.
var themes = [][]kpi.Kind{
	{kpi.Ticket, kpi.Ticket, kpi.Ticket, kpi.Ticket, kpi.Ticket, kpi.Void},
	{kpi.Ticket, kpi.Call, kpi.Complaint, kpi.Interaction, kpi.Void},
	{kpi.Interaction, kpi.Interaction, kpi.Ticket, kpi.Call},
	{kpi.Order, kpi.Order, kpi.Customer},
	{kpi.Cost, kpi.Order, kpi.Call, kpi.Opening, kpi.Ticket, kpi.Void},
	{kpi.Customer, kpi.Order, kpi.Invoice, kpi.Payment, kpi.Opening, kpi.Survey, kpi.Void},
	{kpi.Agent, kpi.Ticket, kpi.Suggestion, kpi.Survey, kpi.Call, kpi.Void},
	{
		kpi.Ticket, kpi.Ticket, kpi.Ticket, kpi.Ticket, kpi.Call, kpi.Call, kpi.Interaction, kpi.Complaint, kpi.Survey, kpi.Suggestion,
		kpi.Cost, kpi.Order, kpi.Customer, kpi.Invoice, kpi.Payment, kpi.Agent, kpi.Opening, kpi.Void,
	},
}

func drawHistory(t *rapid.T, s stage) []kpi.Event {
	theme := pick(t, "theme", themes...)
	one := rapid.Custom(func(t *rapid.T) scene { return drawScene(t, s, theme) })
	scenes := rapid.SliceOfN(one, pick(t, "least", 1, 6, 20), 40).Draw(t, "scenes")
	var events []kpi.Event
	for i := range scenes {
		scenes[i].follow(scenes[:i])
		events = append(events, scenes[i].events...)
	}
	known := map[string]int{}
	for i := range events {
		// A name that stays when other scenes are left out, for it decides ties.
		ev := &events[i]
		name := ev.Entity + "." + actionName(ev)
		known[name]++
		ev.ID = fmt.Sprintf("%s%d", name, known[name])
	}
	for i := range events {
		retract(events, i)
	}
	if len(events) == 0 {
		events = []kpi.Event{{ID: "alone", Tenant: "t", Kind: kpi.Ticket, Action: kpi.TicketCreated, Entity: "T-0", Key: "anon", At: s.from * 1000}}
	}
	return events
}

// retract makes of a void drawn one that names an event some places before or after.
func retract(events []kpi.Event, i int) {
	ev := &events[i]
	if ev.Kind != kpi.Void {
		return
	}
	n := len(events)
	victim := &events[((i+int(ev.Amount))%n+n)%n]
	ev.Amount = 0
	ev.Tenant, ev.Entity, ev.VoidKind, ev.VoidEvent, ev.Key = victim.Tenant, victim.Entity, victim.Kind, victim.ID, victim.PartitionKey()
	if victim.Kind == kpi.Void { // it names nothing
		ev.VoidKind, ev.VoidEvent, ev.Entity = kpi.Ticket, "nothing", "Tc0-0"
	}
}

// scene is what happens to one entity, some time after the end of a scene before.
type scene struct {
	events []kpi.Event
	behind int // how many scenes before; 0 is at a time of its own
	after  int64
}

// GoString keeps what rapid prints of a failing case short: the test prints the events.
func (s scene) GoString() string { return fmt.Sprintf("%d events", len(s.events)) }

// follow moves the scene to where it follows another.
func (s *scene) follow(before []scene) {
	if s.behind == 0 || s.behind > len(before) || len(s.events) == 0 {
		return
	}
	first := before[len(before)-s.behind].events
	if len(first) == 0 {
		return
	}
	shift := first[len(first)-1].At + s.after - s.events[0].At
	for i := range s.events {
		s.events[i].At += shift
	}
}

// edges are the times, in ms, after which something changes: windows, targets, patience.
var edges = []int64{
	0, 1, 1000, minute, 10 * minute, 15 * minute, 60 * minute, 240 * minute, 24*60*minute - 1000, 24 * 60 * minute,
	7*24*60*minute - 1000, 7 * 24 * 60 * minute,
}

func drawScene(t *rapid.T, s stage, kinds []kpi.Kind) scene {
	kind := pick(t, "kind", kinds...)
	p := place{kind: kind, home: pick(t, "home", homes[:s.homes]...), number: rapid.IntRange(0, 2).Draw(t, "number"), tenant: "t"}
	if chance(t, "tenant", 15) {
		p.tenant = "u"
	}
	if kind == kpi.Void {
		return scene{events: []kpi.Event{{Tenant: p.tenant, Kind: kpi.Void, At: s.instant(t), Amount: int64(rapid.IntRange(-9, 3).Draw(t, "victim"))}}}
	}
	actions := pick(t, "play", plays[kind]...)
	if n := actionsOf[kind]; n > 0 && chance(t, "wild", 4) {
		actions = []kpi.Action{kpi.Action(rapid.IntRange(1, n).Draw(t, "action"))}
	}
	var events []kpi.Event
	now := s.instant(t)
	for _, a := range actions {
		if len(actions) > 1 && chance(t, "missing", 8) {
			continue
		}
		ev := p.event(t, s, a)
		ev.At = now
		events = append(events, ev)
		now += pick[int64](t, "gap", minute, 0, 1000, 5_000, 20_000, 20_001, 10*minute, 17*minute, 60*minute, 240*minute, 24*60*minute, 5*24*60*minute)
		if chance(t, "skew", 20) {
			now -= 30 * minute
		}
	}
	return scene{events, rapid.IntRange(0, 3).Draw(t, "behind"), pick(t, "after", edges...)}
}

// place is the entity that a scene is about.
type place struct {
	kind         kpi.Kind
	home, tenant string
	number       int
}

func (p place) id(kind kpi.Kind, number int) string {
	letter := strings.ToUpper(kind.String()[:1])
	return fmt.Sprintf("%s%s-%d", letter, p.home, number)
}

// event draws an event of the entity.
func (p place) event(t *rapid.T, s stage, a kpi.Action) kpi.Event {
	ev := kpi.Event{Tenant: p.tenant, Kind: p.kind, Action: a, Entity: p.id(p.kind, p.number), Customer: p.home}
	switch {
	case p.home == "":
		ev.Key = "anon" // what belongs together has one key
	case chance(t, "unnamed", 8):
		ev.Customer, ev.Key = "", p.home
	}
	if chance(t, "same instant", 4) {
		ev.Sequence = rapid.Int64Range(1, 3).Draw(t, "sequence")
	}
	p.dims(t, &ev)
	p.details(t, s, &ev)
	return ev
}

func (p place) dims(t *rapid.T, ev *kpi.Event) {
	if !chance(t, "dims", 2) {
		return
	}
	ev.Dims[kpi.Team] = pick(t, "team", "", "a", "b")
	ev.Dims[kpi.Channel] = pick(t, "channel", "", "phone", "web")
	ev.Dims[kpi.Priority] = pick(t, "priority", "", "high", "low")
	ev.Dims[kpi.Category] = pick(t, "category", "", "x", "y")
	ev.Dims[kpi.AgentName] = pick(t, "agent", "", "p", "q")
	ev.Dims[kpi.Outsourced] = pick(t, "outsourced", "", "true", "false")
	ev.Dims[kpi.Novelty] = pick(t, "novelty", "", "robot")
}

var (
	anyRole = []kpi.Role{
		kpi.RoleUnspecified, kpi.RoleAgent, kpi.RoleCustomer, kpi.RoleAgent, kpi.RoleCustomer, kpi.RoleBot, kpi.RoleMonitor, kpi.RoleSystem,
	}
	anyTri = []kpi.Tri{kpi.True, kpi.Unset, kpi.False}
)

// link draws what a call, session or complaint may name.
func (p place) link(t *rapid.T, ev *kpi.Event) {
	if chance(t, "linked", 3) {
		ev.Ticket = p.id(kpi.Ticket, rapid.IntRange(0, 2).Draw(t, "ticket"))
	}
	ev.Incident = pick(t, "incident", "", "", "i0", "i1")
	p.serve(t, ev)
}

func (p place) serve(t *rapid.T, ev *kpi.Event) {
	if chance(t, "served", 3) {
		ev.Service = fmt.Sprintf("S%s-%d", p.home, rapid.IntRange(0, 1).Draw(t, "service"))
	}
}

func (p place) details(t *rapid.T, s stage, ev *kpi.Event) {
	switch p.kind {
	case kpi.Ticket:
		p.ticket(t, s, ev)
	case kpi.Call:
		p.link(t, ev)
		ev.Role = pick(t, "role", anyRole...)
		ev.Direction = pick(t, "direction", kpi.DirectionUnspecified, kpi.Inbound, kpi.Outbound)
		ev.Queue = pick(t, "queue", "", "q1")
		if ev.Action == kpi.CallEnded {
			ev.Talk, ev.Hold, ev.WrapUp = pick[int64](t, "talk", 0, 61_000), pick[int64](t, "hold", 0, 7_000), pick[int64](t, "wrap-up", 0, 30_500)
		}
	case kpi.Interaction:
		p.link(t, ev)
		ev.Role = pick(t, "role", anyRole...)
		ev.SessionType = pick[uint8](t, "type", selfServiceSession, botSession, chatSession, 0)
		ev.Resolved = pick(t, "resolved", anyTri...)
	case kpi.Complaint:
		p.link(t, ev)
		ev.Subject = pick[uint8](t, "subject", 0, 1, 2)
		ev.Outcome = pick(t, "outcome", "", "refunded")
		if chance(t, "duplicate", 6) {
			ev.DuplicateOf = "another"
		}
	case kpi.Survey:
		ev.SurveyDimension = pick(t, "dimension", "satisfaction", "quality", "safety", "personalisation")
		ev.HasScore = ev.Action == 2 && !chance(t, "unscored", 6)
		if ev.HasScore { // 1–5, 0–10, and thirds
			ev.Score = pick[int64](t, "score", 0, 25_000_000, 75_000_000, 80_000_000, 100_000_000, 33_333_333)
		}
	case kpi.Customer:
		ev.LeaveCause = uint8(rapid.IntRange(0, 3).Draw(t, "reason"))
	case kpi.Agent:
		ev.Entity = pick(t, "who", "p", "q")
		ev.Customer, ev.Key, ev.Dims[kpi.AgentName] = "", "", ev.Entity
	default:
		p.money(t, s, ev)
	}
}

func (p place) ticket(t *rapid.T, s stage, ev *kpi.Event) {
	ev.Role = pick(t, "role", anyRole...)
	ev.Public = pick(t, "public", kpi.Unset, kpi.Unset, kpi.True, kpi.False)
	p.serve(t, ev)
	ev.Cause = pick(t, "cause", "", "", "misuse", "defect")
	switch ev.Action {
	case kpi.TicketCreated:
		ev.Type = pick(t, "type", kpi.TypeUnspecified, kpi.TypeIncident, kpi.TypeServiceRequest, kpi.TypeQuestion, kpi.TypeFeedback, kpi.TypeProblem)
		ev.Incident = pick(t, "incident", "", "", "i0", "i1")
	case kpi.TicketStageChanged:
		ev.StageFrom, ev.StageTo = pick(t, "from", "", "new", "work"), pick(t, "to", "work", "check", "")
	case kpi.TicketClosed:
		ev.WithResolution = pick(t, "with resolution", anyTri...)
	default:
		if p.home != "" && chance(t, "other customer", 12) {
			ev.Customer, ev.Key = "c9", p.home
		}
	}
	if chance(t, "due", 10) {
		ev.DueResolution = s.instant(t)
	}
	if chance(t, "due response", 10) {
		ev.DueResponse = s.instant(t)
	}
}

func (p place) money(t *rapid.T, s stage, ev *kpi.Event) {
	ev.Currency = "EUR"
	ev.Amount = pick[int64](t, "amount", 10_000, 1, 499_000, 1_000_001, 0)
	switch p.kind {
	case kpi.Cost:
		ev.Customer, ev.Key = "", ""
		ev.Purposes = pick(t, "purposes", []string{"operations"}, nil, []string{"service"}, []string{"calls", "operations"}, []string{"retention", "service"})
		ev.Item = pick(t, "item", "", "wages", "gifts")
		ev.Direction = pick(t, "direction", kpi.DirectionUnspecified, kpi.Inbound, kpi.Outbound)
		ev.Basis = pick[uint8](t, "basis", 0, 1, plannedBasis)
		if chance(t, "rebate", 6) {
			ev.Amount = -ev.Amount
		}
		if chance(t, "reversal", 5) {
			ev.ReversalOf = "another"
		}
		if chance(t, "period", 2) {
			ev.PeriodStart = s.instant(t)
			ev.PeriodEnd = ev.PeriodStart + pick[int64](t, "length", 24*60*minute, 1, 3*24*60*minute, 31*24*60*minute)
		}
	case kpi.Order:
		if chance(t, "refund", 4) {
			ev.RefundOf = "another"
		}
	case kpi.Invoice:
		ev.Entity = p.id(kpi.Invoice, p.number) + "v"
		ev.Subscriber = pick(t, "line", p.id(kpi.Customer, 0), p.id(kpi.Customer, 1), "")
		if chance(t, "credit note", 8) {
			ev.Amount = -ev.Amount
		}
		if !chance(t, "never due", 4) {
			ev.Due = s.instant(t)
		}
	case kpi.Payment:
		ev.Invoice = p.id(kpi.Invoice, p.number) + "v"
		ev.Entity = p.id(kpi.Payment, rapid.IntRange(0, 1).Draw(t, "payment")) + "of" + ev.Invoice
		ev.WriteOff = chance(t, "write-off", 4)
	case kpi.Opening:
		ev.Customer, ev.Key = "", ""
		ev.AsOf = s.instant(t) - pick[int64](t, "ago", 0, 40*24*60*minute)
		ev.Customers, ev.HasCustomers = pick[int64](t, "customers", 0, 3), true
		ev.Lines, ev.HasLines = pick[int64](t, "lines", 0, 5), true
	}
}

// tell prints a history, an event a line.
func tell(events []kpi.Event) string {
	var b strings.Builder
	for i := range events {
		b.WriteString(tellEvent(&events[i]))
		b.WriteByte('\n')
	}
	return b.String()
}

func tellEvent(ev *kpi.Event) string {
	parts := []string{time.UnixMilli(ev.At).UTC().Format("2006-01-02T15:04:05.000Z"), ev.Tenant, ev.Kind.String(), ev.ID}
	say := func(name string, value any, given bool) {
		if given {
			parts = append(parts, fmt.Sprintf("%s=%v", name, value))
		}
	}
	when := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	say("seq", ev.Sequence, ev.Sequence != 0)
	say("customer", ev.Customer, ev.Customer != "")
	say("key", ev.Key, ev.Key != "")
	say("service", ev.Service, ev.Service != "")
	for d := range kpi.NumDimensions {
		say(d.String(), ev.Dims[d], ev.Dims[d] != "")
	}
	say("role", []string{"", "customer", "agent", "bot", "monitor", "system"}[ev.Role], ev.Role != 0)
	say("type", ev.Type, ev.Type != 0)
	say("ticket", ev.Ticket, ev.Ticket != "")
	say("incident", ev.Incident, ev.Incident != "")
	say("cause", ev.Cause, ev.Cause != "")
	say("public", ev.Public == kpi.True, ev.Public != kpi.Unset)
	say("stage", ev.StageFrom+">"+ev.StageTo, ev.StageFrom+ev.StageTo != "")
	say("with_resolution", ev.WithResolution == kpi.True, ev.WithResolution != kpi.Unset)
	say("due_response", when(ev.DueResponse), ev.DueResponse != 0)
	say("due_resolution", when(ev.DueResolution), ev.DueResolution != 0)
	say("direction", ev.Direction, ev.Direction != 0)
	say("queue", ev.Queue, ev.Queue != "")
	say("talk,hold,wrap-up", []int64{ev.Talk, ev.Hold, ev.WrapUp}, ev.Talk+ev.Hold+ev.WrapUp != 0)
	say("session", ev.SessionType, ev.SessionType != 0)
	say("resolved", ev.Resolved == kpi.True, ev.Resolved != kpi.Unset)
	say("subject", ev.Subject, ev.Subject != 0)
	say("outcome", ev.Outcome, ev.Outcome != "")
	say("duplicate_of", ev.DuplicateOf, ev.DuplicateOf != "")
	say("dimension", ev.SurveyDimension, ev.SurveyDimension != "")
	say("score", ev.Score, ev.HasScore)
	say("amount", ev.Amount, ev.Amount != 0)
	say("purposes", ev.Purposes, len(ev.Purposes) > 0)
	say("item", ev.Item, ev.Item != "")
	say("period", when(ev.PeriodStart)+".."+when(ev.PeriodEnd), ev.PeriodStart != 0)
	say("basis", ev.Basis, ev.Basis != 0)
	say("reversal_of", ev.ReversalOf, ev.ReversalOf != "")
	say("refund_of", ev.RefundOf, ev.RefundOf != "")
	say("line", ev.Subscriber, ev.Subscriber != "")
	say("invoice", ev.Invoice, ev.Invoice != "")
	say("due", when(ev.Due), ev.Due != 0)
	say("write_off", true, ev.WriteOff)
	say("as_of", when(ev.AsOf), ev.AsOf != 0)
	say("customers,lines", []int64{ev.Customers, ev.Lines}, ev.HasCustomers)
	say("voids", fmt.Sprintf("%s %s", ev.VoidKind, ev.VoidEvent), ev.VoidEvent != "")
	return strings.Join(parts, " ")
}

var actionNames = map[kpi.Kind][]string{
	kpi.Ticket: {"", "created", "assigned", "work_started", "replied", "waiting", "resumed", "stage_changed", "followed_up", "resolved",
		"reopened", "closed", "updated", "merged", "cancelled", "deleted"},
	kpi.Call:        {"", "offered", "queued", "answered", "held", "transferred", "abandoned", "ended"},
	kpi.Interaction: {"", "started", "answered", "handed_over", "ended"},
	kpi.Complaint:   {"", "received", "acknowledged", "handled", "closed", "reopened"},
	kpi.Survey:      {"", "sent", "answered"},
	kpi.Suggestion:  {"", "received", "adopted", "declined"},
	kpi.Customer:    {"", "activated", "left", "updated"},
	kpi.Agent:       stateNames,
}

func actionName(ev *kpi.Event) string {
	if names := actionNames[ev.Kind]; int(ev.Action) < len(names) {
		return names[ev.Action]
	}
	return fmt.Sprint(ev.Action)
}

// The oracle itself gives the same for events in any order, with duplicates.
func TestOracleKnowsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		events := drawHistory(t, s)
		shuffled := rapid.Permutation(append(slices.Clone(events), events[:len(events)/2]...)).Draw(t, "order")
		at := s.from + rapid.Int64Range(0, s.span).Draw(t, "at")
		one, other := Known(events, "t", at, true, policies(s)), Known(shuffled, "t", at, true, policies(s))
		for _, key := range Keys() {
			for _, window := range []string{"1h", "7d", "all", "month"} {
				a, b := one.Answer(key, window, nil), other.Answer(key, window, nil)
				if show(a.Value) != show(b.Value) {
					t.Fatalf("%s %s: %s, but shuffled %s\n%s", key, window, show(a.Value), show(b.Value), tell(events))
				}
			}
		}
	})
}

// What the histories are worth: each KPI has a value in some.
func TestHistoriesTouchEveryKPI(t *testing.T) {
	met := map[string]int{}
	type drawn struct {
		stage
		events []kpi.Event
	}
	history := rapid.Custom(func(t *rapid.T) drawn {
		s := drawStage(t)
		return drawn{s, drawHistory(t, s)}
	})
	for seed := range 800 {
		h := history.Example(seed)
		w := Known(h.events, "t", h.from+h.span, false, policies(h.stage))
		for _, key := range Keys() {
			for _, window := range []string{"all", "30d", "month"} {
				if v := w.Answer(key, window, nil).Value; v != nil && v.Sign() != 0 {
					met[key]++
					break
				}
			}
		}
	}
	for _, key := range Keys() {
		if met[key] < 3 {
			t.Errorf("of 800 histories %d gave %s a value other than 0: draw more of what it counts", met[key], key)
		}
	}
}

func instantText(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
