package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// noon is 2023-11-15 12:00 UTC, a Wednesday, in Unix seconds.
const noon = 1_700_049_600

// bench is an engine that is fed by hand: instants are in seconds after noon. Its clock
// stands still, so that all of them can be read to the second.
type bench struct {
	*Engine
	t testing.TB
	n int
}

func newBench(t testing.TB, options ...string) *bench {
	t.Helper()
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(options); i += 2 {
		if err := catalogue.SetOption(options[i], options[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	user := "measures:\n  customers_of_period: {as: per_period, from: [{of: customer, count: active}]}\n"
	if err := catalogue.Merge([]byte(user), "user.yaml"); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Partitions: 1, Catalogue: catalogue, Keep: kpi.SetOf(kpi.Team)}
	for _, name := range []string{"1h", "all"} {
		w, err := window.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Windows = append(cfg.Windows, w)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{Engine: e, t: t}
}

// feed applies events in their order. Without an id they get one, without an entity "x".
func (b *bench) feed(events ...kpi.Event) *bench {
	b.t.Helper()
	for i := range events {
		ev := events[i]
		b.n++
		if ev.ID == "" {
			ev.ID = fmt.Sprintf("e%d", b.n)
		}
		if ev.Entity == "" {
			ev.Entity = "x"
		}
		ev.Tenant = "t"
		ev.At = (noon + ev.At) * 1000
		if out := b.Apply(&ev, Position{Sequence: uint64(b.n)}); out != Applied {
			b.t.Fatalf("event %s: %s", ev.ID, out)
		}
	}
	return b
}

// fields prints the fields of an entity that are not nothing: times as seconds after noon,
// durations in seconds.
func (b *bench) fields(kind kpi.Kind, id string) string {
	b.t.Helper()
	_, n := b.entities.find(kind, b.symbols.id("t"), id)
	if n == 0 {
		b.t.Fatalf("no %s %q", kind, id)
	}
	var s state
	b.stateOf(n-1, &s)
	if !s.exists {
		return "none"
	}
	var out []string
	for i, f := range kpi.Schemas[folders[kind].fact].Fields {
		v := s.Fields[i]
		switch {
		case v == 0:
		case f.Type == kpi.BoolField:
			out = append(out, f.Name)
		case f.Type == kpi.TimeField:
			out = append(out, fmt.Sprintf("%s=%d", f.Name, v/1000-noon))
		case f.Type == kpi.DurationField:
			out = append(out, fmt.Sprintf("%s=%d", f.Name, v/1000))
		case f.Type == kpi.TextField:
			out = append(out, fmt.Sprintf("%s=%s", f.Name, b.symbols.names[v]))
		default:
			out = append(out, fmt.Sprintf("%s=%d", f.Name, v))
		}
	}
	return strings.Join(out, " ")
}

// total is the value of a measure in a window, or of its slot 0, as of an instant.
func (b *bench) total(measure, in string, at int64) int64 {
	b.t.Helper()
	m, ok := b.compiled.Find(measure)
	if !ok {
		b.t.Fatalf("no measure %q", measure)
	}
	totals, err := b.Read(noon + at)
	if err != nil {
		b.t.Fatal(err)
	}
	var all, inside window.Vector
	for i := range totals {
		if t := &totals[i]; t.Group.Set == 0 && t.Window == All {
			all = t.Values
		}
		if t := &totals[i]; t.Group.Set == 0 && t.Window == in {
			inside = t.Values
		}
	}
	switch m.Shape {
	case kpi.ShapePerWindow:
		for w := range b.cfg.Windows {
			if b.cfg.Windows[w].Name == in {
				return all.At(m.Slot) + all.At(m.Slot+1+uint16(w))
			}
		}
	case kpi.ShapePerPeriod:
		p, ok := kpi.ParsePeriod(in)
		if !ok {
			b.t.Fatalf("%q is no period", in)
		}
		stock := m.Slot + kpi.NumPeriods
		return all.At(stock) - inside.At(stock) + inside.At(m.Slot+uint16(p))
	case kpi.ShapeStock, kpi.ShapeClocked, kpi.ShapeAged:
		return all.At(m.Slot)
	}
	return inside.At(m.Slot)
}

// says compares what is counted with what is wanted, as in "contacts all 10: 2".
func (b *bench) says(lines ...string) {
	b.t.Helper()
	got := make([]string, len(lines))
	for i, line := range lines {
		var measure, in string
		var at int64
		if _, err := fmt.Sscanf(line, "%s %s %d:", &measure, &in, &at); err != nil {
			b.t.Fatalf("%q: %v", line, err)
		}
		got[i] = fmt.Sprintf("%s %s %d: %d", measure, in, at, b.total(measure, in, at))
	}
	if diff := cmp.Diff(lines, got); diff != "" {
		b.t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func wantFields(t *testing.T, kind kpi.Kind, want string, events ...kpi.Event) {
	t.Helper()
	if got := newBench(t).feed(events...).fields(kind, entityOf(&events[0])); got != want {
		t.Errorf("fields\ngot  %s\nwant %s", got, want)
	}
}

func entityOf(ev *kpi.Event) string {
	named := *ev
	if named.Entity == "" {
		named.Entity = "x"
	}
	return entityID(&named)
}

func TestCall(t *testing.T) {
	call := func(a kpi.Action, at int64) kpi.Event { return kpi.Event{Kind: kpi.Call, Action: a, At: at} }
	ended := call(kpi.CallEnded, 100)
	ended.Hold, ended.WrapUp = 20_000, 5_000
	queued := call(kpi.CallQueued, 1)
	queued.Queue = "q"
	byBot := call(kpi.CallAnswered, 5)
	byBot.Role = kpi.RoleBot
	for _, tt := range []struct {
		name, want string
		events     []kpi.Event
	}{
		{"answered", "offered answered ended offered_at=0 answered_at=10 ended_at=100 first_transferred_at=50 wait=10 talk=70 hold=20 wrap_up=5 handle_time=95 transfers=2 direction=inbound queue=q",
			[]kpi.Event{call(kpi.CallOffered, 0), queued, byBot, call(kpi.CallAnswered, 10), call(kpi.CallTransferred, 50), call(kpi.CallTransferred, 60), ended}},
		{"abandoned, and called back", "offered answered abandoned offered_at=0 answered_at=30 abandoned_at=7 wait=7 direction=inbound",
			[]kpi.Event{call(kpi.CallOffered, 0), call(kpi.CallAbandoned, 7), call(kpi.CallAnswered, 30)}},
		{"not abandoned after the answer", "offered answered offered_at=0 answered_at=3 wait=3 direction=inbound",
			[]kpi.Event{call(kpi.CallOffered, 0), call(kpi.CallAnswered, 3), call(kpi.CallAbandoned, 7)}},
		{"waiting", "offered waiting offered_at=0 direction=inbound", []kpi.Event{call(kpi.CallOffered, 0)}},
		{"unseen", "none", []kpi.Event{call(kpi.CallAnswered, 0)}},
		{"talk as given, never answered", "offered ended linked offered_at=0 ended_at=9 talk=4 direction=outbound",
			[]kpi.Event{{Kind: kpi.Call, Action: kpi.CallOffered, Ticket: "T", Direction: kpi.Outbound}, {Kind: kpi.Call, Action: kpi.CallEnded, At: 9, Talk: 4000}}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFields(t, kpi.Call, tt.want, tt.events...) })
	}
}

func TestInteraction(t *testing.T) {
	session := func(a kpi.Action, at int64, role kpi.Role) kpi.Event {
		return kpi.Event{Kind: kpi.Interaction, Action: a, At: at, Role: role}
	}
	typed := kpi.Event{Kind: kpi.Interaction, Action: kpi.InteractionStarted, SessionType: 3}
	resolved := kpi.Event{Kind: kpi.Interaction, Action: kpi.InteractionEnded, At: 60, Resolved: kpi.True}
	for _, tt := range []struct {
		name, want string
		events     []kpi.Event
	}{
		{"by itself", "ended resolved quiet started_at=0 ended_at=60 length=60 type=self_service", []kpi.Event{typed, resolved}},
		{"by a bot, then a person", "ended answered resolved bot handed_over started_at=0 answered_at=20 ended_at=60 length=60 handling=40 type=self_service",
			[]kpi.Event{typed, session(kpi.InteractionAnswered, 5, kpi.RoleBot), session(kpi.InteractionHandedOver, 10, 0), session(kpi.InteractionAnswered, 20, kpi.RoleAgent), resolved}},
		{"not ended", "started_at=0 type=self_service", []kpi.Event{typed, session(kpi.InteractionAnswered, 5, kpi.RoleSystem)}},
		{"unseen", "none", []kpi.Event{resolved}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFields(t, kpi.Interaction, tt.want, tt.events...) })
	}
}

func TestComplaint(t *testing.T) {
	complaint := func(a kpi.Action, at int64, outcome string) kpi.Event {
		return kpi.Event{Kind: kpi.Complaint, Action: a, At: at, Outcome: outcome, Subject: 1}
	}
	received := complaint(kpi.ComplaintReceived, 0, "")
	for _, tt := range []struct {
		name, want string
		events     []kpi.Event
	}{
		{"handled", "acknowledged handled closed received_at=0 handled_at=2 closed_at=3 subject=service outcome=paid",
			[]kpi.Event{received, complaint(kpi.ComplaintAcknowledged, 1, ""), complaint(kpi.ComplaintHandled, 2, "paid"), complaint(kpi.ComplaintClosed, 3, "")}},
		{"closed with an outcome", "handled closed received_at=0 handled_at=3 closed_at=3 subject=service outcome=paid",
			[]kpi.Event{received, complaint(kpi.ComplaintClosed, 3, "paid")}},
		{"closed without", "closed received_at=0 closed_at=3 subject=service", []kpi.Event{received, complaint(kpi.ComplaintClosed, 3, "")}},
		{"reopened", "handled received_at=0 handled_at=9 subject=service outcome=paid",
			[]kpi.Event{received, complaint(kpi.ComplaintClosed, 3, "paid"), complaint(kpi.ComplaintReopened, 4, ""), complaint(kpi.ComplaintHandled, 9, "")}},
		{"duplicate", "duplicate received_at=0", []kpi.Event{{Kind: kpi.Complaint, Action: kpi.ComplaintReceived, DuplicateOf: "p"}}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFields(t, kpi.Complaint, tt.want, tt.events...) })
	}
}

func TestSmallKinds(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		events     []kpi.Event
	}{
		{"survey", "answered sent_at=0 answered_at=20 score=30000000 dimension=quality", []kpi.Event{
			{Kind: kpi.Survey, Action: 1, SurveyDimension: "quality"},
			{Kind: kpi.Survey, Action: 2, At: 10, SurveyDimension: "quality", Score: 90_000_000, HasScore: true},
			{Kind: kpi.Survey, Action: 2, At: 20, SurveyDimension: "quality", Score: 30_000_000, HasScore: true}}},
		{"a score of zero", "answered answered_at=10 dimension=quality", []kpi.Event{
			{Kind: kpi.Survey, Action: 2, At: 10, SurveyDimension: "quality", HasScore: true}}},
		{"suggestion", "adopted received_at=0", []kpi.Event{{Kind: kpi.Suggestion, Action: 1}, {Kind: kpi.Suggestion, Action: 3, At: 1}, {Kind: kpi.Suggestion, Action: 2, At: 2}}},
		{"suggestion declined", "declined received_at=0", []kpi.Event{{Kind: kpi.Suggestion, Action: 1}, {Kind: kpi.Suggestion, Action: 2, At: 1}, {Kind: kpi.Suggestion, Action: 3, At: 2}}},
		{"order", "ordered_at=5 amount=70000", []kpi.Event{{Kind: kpi.Order, Amount: 10000}, {Kind: kpi.Order, At: 5, Amount: 70000}}},
		{"refund", "refund ordered_at=0 amount=-10000", []kpi.Event{{Kind: kpi.Order, Amount: 10000, RefundOf: "o"}}},
		{"live line", "active activated_at=20", []kpi.Event{
			{Kind: kpi.Customer, Action: 1}, {Kind: kpi.Customer, Action: 2, At: 10, LeaveCause: 2}, {Kind: kpi.Customer, Action: 1, At: 20}}},
		{"line that left", "left activated_at=0 left_at=10 reason=arrears", []kpi.Event{
			{Kind: kpi.Customer, Action: 1}, {Kind: kpi.Customer, Action: 2, At: 10, LeaveCause: 2}, {Kind: kpi.Customer, Action: 2, At: 20}}},
		{"line that was updated only", "none", []kpi.Event{{Kind: kpi.Customer, Action: 3}}},
		{"agent", "present busy since=10 state=busy", []kpi.Event{{Kind: kpi.Agent, Action: 1}, {Kind: kpi.Agent, Action: 3, At: 10}, {Kind: kpi.Agent, Action: 3, At: 20}}},
		{"agent on a break", "present paused since=10 state=paused", []kpi.Event{{Kind: kpi.Agent, Action: 1}, {Kind: kpi.Agent, Action: 4, At: 10}}},
		{"agent gone", "since=10 state=logged_out", []kpi.Event{{Kind: kpi.Agent, Action: 1}, {Kind: kpi.Agent, Action: 5, At: 10}}},
		{"opening", "as_of=-61 customers=7 lines=9 revenue=120000", []kpi.Event{
			{Kind: kpi.Opening, AsOf: (noon - 60) * 1000, Customers: 7, Lines: 9, Amount: 120000}}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFields(t, tt.events[0].Kind, tt.want, tt.events...) })
	}
}

func TestInvoice(t *testing.T) {
	bill := kpi.Event{Kind: kpi.Invoice, Amount: 100_0000, Due: (noon + 100) * 1000, Subscriber: "s"}
	pay := func(id string, at, amount int64) kpi.Event {
		return kpi.Event{Kind: kpi.Payment, Entity: id, Invoice: "x", At: at, Amount: amount}
	}
	for _, tt := range []struct {
		name, want string
		events     []kpi.Event
	}{
		{"issued", "issued_at=0 overdue_at=100 amount=1000000 unpaid=1000000", []kpi.Event{bill}},
		{"paid in parts", "issued_at=0 overdue_at=100 amount=1000000 unpaid=200000", []kpi.Event{bill, pay("p1", 5, 50_0000), pay("p2", 6, 30_0000)}},
		{"paid before, and too much", "paid issued_at=0 overdue_at=100 amount=1000000", []kpi.Event{pay("p1", -5, 150_0000), bill}},
		{"a payment given again", "issued_at=0 overdue_at=100 amount=1000000 unpaid=700000", []kpi.Event{bill, pay("p1", 5, 50_0000), pay("p1", 6, 30_0000)}},
		{"never issued", "none", []kpi.Event{pay("p1", 5, 50_0000)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newBench(t).feed(tt.events...).fields(kpi.Invoice, "x"); got != tt.want {
				t.Errorf("fields\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A retraction of a survey or a payment names that, and may come before it.
func TestRetractsParts(t *testing.T) {
	answered := kpi.Event{ID: "a", Kind: kpi.Survey, Action: 2, SurveyDimension: "satisfaction", HasScore: true, Customer: "c"}
	paid := kpi.Event{ID: "p", Kind: kpi.Payment, Entity: "pay", Invoice: "x", At: 5, Amount: 50_0000}
	void := func(of *kpi.Event) kpi.Event {
		entity := of.Entity
		return kpi.Event{Kind: kpi.Void, At: 50, VoidKind: of.Kind, VoidEvent: of.ID, Entity: entity}
	}
	bill := kpi.Event{Kind: kpi.Invoice, Amount: 100_0000}
	for _, events := range [][]kpi.Event{
		{bill, answered, paid, void(&answered), void(&paid)},
		{void(&answered), void(&paid), paid, answered, bill},
	} {
		b := newBench(t).feed(events...)
		b.says("respondents_active all 60: 0", "satisfaction_answers all 60: 0")
		if got, want := b.fields(kpi.Invoice, "x"), "issued_at=0 amount=1000000 unpaid=1000000"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
