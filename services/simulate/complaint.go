package simulate

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// complaint is the life of one.
type complaint struct {
	matter
	id       string
	ticket   string // "" where it is about none
	received int64
	sequence int64
	subject  deskpulsev1.ComplaintSubject
	next     deskpulsev1.ComplaintAction
	reopened bool
}

type complaintRecord struct {
	event deskpulsev1.Event
	body  deskpulsev1.Complaint
	wrap  deskpulsev1.Event_Complaint
	at    timestamppb.Timestamp
}

// firstComplaint is a ticket that ends in one.
type firstComplaint struct {
	matter
	ticket string
}

func (f *firstComplaint) step(d *Desk, at int64) { newComplaint(d, at, f.matter, f.ticket) }

func newComplaint(d *Desk, at int64, m matter, ticket string) {
	if d.dice.chance(0.4) {
		m.channel = channelPhone
	}
	c := &complaint{
		matter: m, id: d.newID("cmp-"), ticket: ticket, received: at,
		subject: deskpulsev1.ComplaintSubject(1 + d.dice.IntN(4)),
		next:    deskpulsev1.ComplaintAction_COMPLAINT_ACTION_RECEIVED,
	}
	if ticket != "" {
		c.subject = deskpulsev1.ComplaintSubject_COMPLAINT_SUBJECT_SERVICE
	}
	d.alive++
	c.step(d, at)
}

// step tells what is next, and plans what follows it.
func (c *complaint) step(d *Desk, at int64) {
	r := new(complaintRecord)
	c.event(d, &r.event, &r.at, at, c.sequence)
	c.sequence++
	r.body.ComplaintId, r.body.Action, r.body.Subject = c.id, c.next, c.subject
	r.body.TicketId, r.body.IncidentId = c.ticket, c.incident
	r.wrap.Complaint = &r.body
	r.event.Body = &r.wrap
	var wait int64
	switch c.next {
	case deskpulsev1.ComplaintAction_COMPLAINT_ACTION_RECEIVED:
		c.next, wait = deskpulsev1.ComplaintAction_COMPLAINT_ACTION_ACKNOWLEDGED, d.dice.about(time.Hour, 0.8)
	case deskpulsev1.ComplaintAction_COMPLAINT_ACTION_ACKNOWLEDGED, deskpulsev1.ComplaintAction_COMPLAINT_ACTION_REOPENED:
		c.assign(d)
		c.next, wait = deskpulsev1.ComplaintAction_COMPLAINT_ACTION_HANDLED, d.dice.about(9*time.Hour, 0.7)
	case deskpulsev1.ComplaintAction_COMPLAINT_ACTION_HANDLED:
		r.body.Outcome = "settled"
		c.next, wait = deskpulsev1.ComplaintAction_COMPLAINT_ACTION_CLOSED, d.dice.about(8*time.Hour, 0.5)
		if !c.reopened && d.dice.chance(chanceComplaintReopened) {
			c.reopened = true
			c.next = deskpulsev1.ComplaintAction_COMPLAINT_ACTION_REOPENED
		}
	default:
		r.body.Outcome = "settled"
		d.publish(at, &r.event)
		d.over(c.received, at)
		return
	}
	d.publish(at, &r.event)
	d.later(at+wait, c)
}
