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
	dimension := "satisfaction"
	if d.dice.chance(0.3) {
		dimension = "quality"
	}
	ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
	s.event(d, ev, ts, at, 0)
	ev.Body = &deskpulsev1.Event_Survey{Survey: &deskpulsev1.Survey{
		SurveyId: d.newID("sur-"), Action: deskpulsev1.SurveyAction_SURVEY_ACTION_ANSWERED,
		Dimension: dimension, Score: proto.Float64(float64(int(score + 0.5))),
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
	ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
	d.fill(ev, ts, at, m.skew)
	ev.CustomerId, ev.Channel, ev.Segment = m.customer, "web", segments.names[m.segment]
	ev.Body = &deskpulsev1.Event_Order{Order: o}
	d.publish(at, ev)
}

// subscription is a line that begins or ends.
func subscription(d *Desk, at int64) {
	m := newMatter(d)
	change := &deskpulsev1.Customer{SubscriptionId: d.newID("line-"), Action: deskpulsev1.CustomerAction_CUSTOMER_ACTION_ACTIVATED}
	if d.dice.chance(chanceLeave) {
		change.Action = deskpulsev1.CustomerAction_CUSTOMER_ACTION_LEFT
		change.Reason = deskpulsev1.LeaveReason_LEAVE_REASON_VOLUNTARY
	}
	ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
	d.fill(ev, ts, at, m.skew)
	ev.CustomerId, ev.Segment = m.customer, segments.names[m.segment]
	ev.Body = &deskpulsev1.Event_Customer{Customer: change}
	d.publish(at, ev)
}

// bookkeeper enters what each team costs, once in an hour of the desk.
type bookkeeper struct{ hour int64 }

func (b *bookkeeper) step(d *Desk, at int64) {
	for team := range teamNames {
		cost := &deskpulsev1.Cost{
			CostId: d.newID("cost-"), Amount: money(d, 2200*len(agentNames[team]), 400), Currency: "EUR",
			Purposes: []string{"service", "operations"}, Item: "wages",
		}
		if team%2 == int(b.hour%2) {
			cost.Purposes, cost.Item = []string{"calls"}, "tools"
			cost.Direction = deskpulsev1.Direction_DIRECTION_INBOUND
		}
		ev, ts := new(deskpulsev1.Event), new(timestamppb.Timestamp)
		d.fill(ev, ts, at, 0)
		ev.Team = teamNames[team]
		ev.Body = &deskpulsev1.Event_Cost{Cost: cost}
		d.publish(at, ev)
	}
	b.hour++
	d.later(at+time.Hour.Milliseconds(), b)
}

// money is an amount of at least that many cents, as an exact decimal.
func money(d *Desk, least, spread int) string {
	cents := least + d.dice.IntN(spread)
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}
