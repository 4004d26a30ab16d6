package simulate

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// call is the life of one.
type call struct {
	matter
	id       string
	ticket   string // "" where it is about none
	offered  int64
	answered int64
	sequence int64
	next     callStep
}

type callStep uint8

// What may come next in a call's life.
const (
	stepQueued callStep = iota
	stepAnswered
	stepAbandoned
	stepTransferred
	stepEnded
)

type callRecord struct {
	event deskpulsev1.Event
	body  deskpulsev1.Call
	wrap  deskpulsev1.Event_Call
	at    timestamppb.Timestamp
}

func newCall(d *Desk, at int64, m matter) { newCallAbout(d, at, m, "") }

func newCallAbout(d *Desk, at int64, m matter, ticket string) {
	m.channel = channelPhone
	m.assigned = false
	c := &call{matter: m, id: d.newID("call-"), ticket: ticket, offered: at}
	d.alive++
	c.tell(d, at, deskpulsev1.CallAction_CALL_ACTION_OFFERED)
	c.then(d, at+1500, stepQueued)
}

func (c *call) then(d *Desk, at int64, next callStep) {
	c.next = next
	d.later(at, c)
}

func (c *call) record(d *Desk, at int64, action deskpulsev1.CallAction) *callRecord {
	r := new(callRecord)
	c.event(d, &r.event, &r.at, at, c.sequence)
	c.sequence++
	r.body.CallId, r.body.Action, r.body.IncidentId, r.body.TicketId = c.id, action, c.incident, c.ticket
	r.body.Direction = deskpulsev1.Direction_DIRECTION_INBOUND
	r.body.Queue = teamNames[c.team]
	r.wrap.Call = &r.body
	r.event.Body = &r.wrap
	return r
}

func (c *call) tell(d *Desk, at int64, action deskpulsev1.CallAction) {
	d.publish(at, &c.record(d, at, action).event)
}

func (c *call) step(d *Desk, at int64) {
	switch c.next {
	case stepQueued:
		c.tell(d, at, deskpulsev1.CallAction_CALL_ACTION_QUEUED)
		// The longer the team's list of open tickets, the fewer are free for calls.
		wait := d.dice.about(time.Duration(float64(22*time.Second)*c.effort(d)), 0.9)
		patience := d.dice.about(150*time.Second, 0.6)
		if patience < wait {
			c.then(d, at+patience, stepAbandoned)
		} else {
			c.then(d, at+wait, stepAnswered)
		}
	case stepAnswered:
		c.answer(d, at)
	case stepAbandoned:
		c.tell(d, at, deskpulsev1.CallAction_CALL_ACTION_ABANDONED)
		d.over(c.offered, at)
	case stepTransferred:
		c.transfer(d, at)
	case stepEnded:
		c.hangUp(d, at)
	}
}

func (c *call) answer(d *Desk, at int64) {
	c.assign(d)
	c.answered = at
	if c.ticket == "" && d.dice.chance(chanceCallTicket) {
		t := newTicket(d, c.matter)
		t.then(d, at+d.dice.about(20*time.Second, 0.3), stepCreated)
		c.ticket = t.id
	}
	c.tell(d, at, deskpulsev1.CallAction_CALL_ACTION_ANSWERED)
	d.occupy(at, c.team, c.agent)
	if d.dice.chance(chanceTransfer) {
		c.then(d, at+d.dice.about(time.Minute, 0.4), stepTransferred)
		return
	}
	talk := d.dice.about(time.Duration(float64(4*time.Minute)*c.effort(d)), 0.6)
	c.then(d, at+talk, stepEnded)
}

// transfer passes the call on to another team.
func (c *call) transfer(d *Desk, at int64) {
	d.release(at, c.team, c.agent)
	c.team = (c.team + 1 + uint8(d.dice.IntN(len(teamNames)-1))) % uint8(len(teamNames))
	c.assign(d)
	c.tell(d, at, deskpulsev1.CallAction_CALL_ACTION_TRANSFERRED)
	d.occupy(at, c.team, c.agent)
	c.then(d, at+d.dice.about(time.Duration(float64(4*time.Minute)*c.effort(d)), 0.6), stepEnded)
}

func (c *call) hangUp(d *Desk, at int64) {
	d.release(at, c.team, c.agent)
	r := c.record(d, at, deskpulsev1.CallAction_CALL_ACTION_ENDED)
	lasted := d.seconds(at - c.answered)
	hold := 0.0
	if d.dice.chance(0.2) {
		hold = lasted * 0.2
	}
	r.body.TalkSeconds = proto.Float64(lasted - hold)
	r.body.HoldSeconds = proto.Float64(hold)
	r.body.WrapUpSeconds = proto.Float64(d.seconds(d.dice.about(40*time.Second, 0.5)))
	d.publish(at, &r.event)
	if d.dice.chance(chanceCallSurvey) {
		d.later(at+d.dice.about(10*time.Minute, 0.8), &survey{matter: c.matter, call: c.id})
	}
	d.over(c.offered, at)
}

// seconds turns milliseconds of the desk into seconds of the wall, to the millisecond.
func (d *Desk) seconds(millis int64) float64 { return float64(d.wallMillis(millis)) / 1000 }
