package simulate

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// survey is a customer's answer after a ticket or a call.
type survey struct {
	matter
	ticket, call string
	unhappy      bool // it took too long, or came back
}

func (s *survey) step(d *Desk, at int64) {
	score := 5 - min(4, d.dice.ExpFloat64()*0.8)
	if s.unhappy {
		score = max(1, score-1.5)
	}
	ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
	s.event(d, ev, ts, at, 0)
	ev.Body = &deskpulsev1.Event_Survey{Survey: &deskpulsev1.Survey{
		SurveyId: d.newID("sur-"), Action: deskpulsev1.SurveyAction_SURVEY_ACTION_ANSWERED,
		Dimension: questions.names[questions.draw(d.dice)], Score: proto.Float64(float64(int(score + 0.5))),
		ScaleMin: proto.Float64(1), ScaleMax: proto.Float64(5), TicketId: s.ticket, CallId: s.call,
	}}
	d.publish(at, ev)
}

// order is something that a customer buys, or rarely gives back.
func order(d *Desk, at int64) {
	m := newMatter(d)
	o := &deskpulsev1.Order{OrderId: d.newID("ord-"), Amount: money(d, 1500, 9000), Currency: "EUR"}
	publishOrder(d, at, m, o)
	if d.dice.chance(chanceRefund) {
		refund := &deskpulsev1.Order{OrderId: d.newID("ord-"), Amount: o.GetAmount(), Currency: "EUR", RefundOf: o.GetOrderId()}
		d.later(at+d.dice.about(20*time.Hour, 0.5), &refunded{m, refund})
	}
}

type refunded struct {
	matter
	order *deskpulsev1.Order
}

func (r *refunded) step(d *Desk, at int64) { publishOrder(d, at, r.matter, r.order) }

func publishOrder(d *Desk, at int64, m matter, o *deskpulsev1.Order) {
	ev := d.newEvent(at, m.skew)
	ev.CustomerId, ev.Channel, ev.Segment = m.customer, "web", segments.names[m.segment]
	ev.Body = &deskpulsev1.Event_Order{Order: o}
	d.publish(at, ev)
}

// subscription is a line that begins or ends. Most that end are of those from before.
func subscription(d *Desk, at int64) {
	m := newMatter(d)
	change := &deskpulsev1.Customer{SubscriptionId: d.newID("line-"), Action: deskpulsev1.CustomerAction_CUSTOMER_ACTION_ACTIVATED}
	if d.dice.chance(chanceLeave) {
		line := d.dice.IntN(baseLines)
		change.SubscriptionId, m.customer = fmt.Sprintf("line-base-%d", line), fmt.Sprintf("cust-%d", line+1)
		change.Action = deskpulsev1.CustomerAction_CUSTOMER_ACTION_LEFT
		change.Reason = deskpulsev1.LeaveReason(1 + d.dice.IntN(3))
	}
	ev := d.newEvent(at, m.skew)
	ev.CustomerId, ev.Segment = m.customer, segments.names[m.segment]
	ev.Body = &deskpulsev1.Event_Customer{Customer: change}
	d.publish(at, ev)
}

// suggestion is what a customer would do better; it is decided upon later, or forgotten.
func suggestion(d *Desk, at int64) {
	s := &suggested{matter: newMatter(d), id: d.newID("sug-")}
	s.tell(d, at, deskpulsev1.SuggestionAction_SUGGESTION_ACTION_RECEIVED)
	switch x := d.dice.Float64(); {
	case x < chanceAdopted:
		s.next = deskpulsev1.SuggestionAction_SUGGESTION_ACTION_ADOPTED
	case x < chanceAdopted+chanceDeclined:
		s.next = deskpulsev1.SuggestionAction_SUGGESTION_ACTION_DECLINED
	default:
		return
	}
	d.later(at+d.dice.about(6*time.Hour, 0.6), s)
}

type suggested struct {
	matter
	id   string
	next deskpulsev1.SuggestionAction
}

func (s *suggested) step(d *Desk, at int64) { s.tell(d, at, s.next) }

func (s *suggested) tell(d *Desk, at int64, action deskpulsev1.SuggestionAction) {
	ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
	s.event(d, ev, ts, at, int64(action))
	ev.Body = &deskpulsev1.Event_Suggestion{Suggestion: &deskpulsev1.Suggestion{SuggestionId: s.id, Action: action}}
	d.publish(at, ev)
}

// expenses are what a team costs beside its wages, in turn.
var expenses = [...]struct {
	purposes  []string
	item      string
	direction deskpulsev1.Direction
	cents     int
}{
	{[]string{"calls"}, "tools", deskpulsev1.Direction_DIRECTION_INBOUND, 9000},
	{[]string{"retention"}, "gifts", 0, 900},
	{[]string{"service", "operations"}, "training", 0, 6000},
	{[]string{"retention"}, "points", 0, 1600},
	{[]string{"calls", "operations"}, "network", deskpulsev1.Direction_DIRECTION_INBOUND, 8000},
}

// bookkeeper enters what each team costs, and was to cost, once in an hour of the desk.
type bookkeeper struct{ hour int }

func (b *bookkeeper) step(d *Desk, at int64) {
	for team := range teamNames {
		wages := 2200 * len(agentNames[team])
		b.enter(d, at, team, &deskpulsev1.Cost{Purposes: []string{"service", "operations"}, Item: "wages"}, wages)
		x := &expenses[(b.hour+team)%len(expenses)]
		b.enter(d, at, team, &deskpulsev1.Cost{Purposes: x.purposes, Item: x.item, Direction: x.direction}, x.cents)
	}
	b.hour++
	d.later(at+time.Hour.Milliseconds(), b)
}

// enter books a cost of about so many cents, and its plan.
func (b *bookkeeper) enter(d *Desk, at int64, team int, c *deskpulsev1.Cost, cents int) {
	for _, basis := range []deskpulsev1.CostBasis{deskpulsev1.CostBasis_COST_BASIS_PLAN, deskpulsev1.CostBasis_COST_BASIS_ACTUAL} {
		cost := &deskpulsev1.Cost{
			CostId: d.newID("cost-"), Amount: money(d, cents, 1), Currency: "EUR",
			Purposes: c.Purposes, Item: c.Item, Direction: c.Direction, Basis: basis,
		}
		if basis == deskpulsev1.CostBasis_COST_BASIS_ACTUAL {
			cost.Amount = money(d, cents*9/10, cents/4)
		}
		ev := d.newEvent(at, 0)
		ev.Team = teamNames[team]
		ev.Body = &deskpulsev1.Event_Cost{Cost: cost}
		d.publish(at, ev)
	}
}

// money is an amount of at least that many cents, as an exact decimal.
func money(d *Desk, least, spread int) string {
	cents := least + d.dice.IntN(spread)
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}
