package simulate

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// ticket is the life of one.
type ticket struct {
	matter
	id         string
	mergeInto  string // set where it is the second ticket about one matter
	created    int64
	sequence   int64
	next       ticketStep
	loops      uint8 // questions to the customer
	reopenings uint8
	staged     bool // it goes through the stages of a workflow
	stage      string
	counted    bool  // among a team's unresolved ones
	open       uint8 // the team that counts it
	since      int64 // when it began to
}

type ticketStep uint8

// What may come next in a ticket's life.
const (
	stepCreated ticketStep = iota
	stepAssigned
	stepWorkStarted
	stepReplied
	stepReassigned
	stepWaiting
	stepResumed
	stepResolved
	stepReopened
	stepClosed
	stepCancelled
	stepMerged
)

type ticketRecord struct {
	event deskpulsev1.Event
	body  deskpulsev1.Ticket
	wrap  deskpulsev1.Event_Ticket
	at    timestamppb.Timestamp
}

type dueRecord struct{ response, resolution timestamppb.Timestamp }

// newTicket is a ticket that is still to be created.
func newTicket(d *Desk, m matter) *ticket { return &ticket{matter: m, id: d.newID("tkt-")} }

// create is the customer's request, and decides what may happen beside the ticket's
// own course.
func (t *ticket) create(d *Desk, at int64) {
	t.created = at
	d.alive++
	t.countOpen(d, at)
	r := t.record(d, at, deskpulsev1.TicketAction_TICKET_ACTION_CREATED)
	r.body.Type = deskpulsev1.TicketType_TICKET_TYPE_QUESTION
	if categories[t.category].fault {
		r.body.Type = deskpulsev1.TicketType_TICKET_TYPE_INCIDENT
	}
	r.body.Role = deskpulsev1.Role_ROLE_CUSTOMER
	if categories[t.category].fault && t.service == "" && d.dice.chance(chanceMonitored) {
		r.body.Role = deskpulsev1.Role_ROLE_MONITOR
	}
	t.staged = d.dice.chance(chanceStaged)
	due := new(dueRecord)
	targets := &byPriority[t.priority]
	d.stamp(&due.response, at+targets.response.Milliseconds(), t.skew)
	d.stamp(&due.resolution, at+targets.dueTime.Milliseconds(), t.skew)
	r.body.DueResponse, r.body.DueResolution = &due.response, &due.resolution
	d.publish(at, &r.event)
	switch {
	case t.mergeInto != "":
		t.then(d, at+d.dice.about(15*time.Minute, 0.6), stepMerged)
		return
	case d.dice.chance(chanceCancel):
		t.then(d, at+d.dice.about(25*time.Minute, 0.8), stepCancelled)
		return
	case d.dice.chance(chanceMerge):
		second := newTicket(d, t.matter)
		second.mergeInto = t.id
		second.then(d, at+d.dice.about(40*time.Minute, 0.7), stepCreated)
	}
	if d.dice.chance(chanceRepeat) {
		d.later(at+d.dice.about(2*time.Hour, 0.9), &repeatCall{t})
	}
	t.then(d, at+d.dice.about(4*time.Minute, 0.8), stepAssigned)
}

func (t *ticket) then(d *Desk, at int64, next ticketStep) {
	t.next = next
	d.later(at, t)
}

func (t *ticket) record(d *Desk, at int64, action deskpulsev1.TicketAction) *ticketRecord {
	r := new(ticketRecord)
	t.event(d, &r.event, &r.at, at, t.sequence)
	t.sequence++
	r.body.TicketId, r.body.Action, r.body.IncidentId = t.id, action, t.incident
	r.wrap.Ticket = &r.body
	r.event.Body = &r.wrap
	return r
}

func (t *ticket) tell(d *Desk, at int64, action deskpulsev1.TicketAction, role deskpulsev1.Role) {
	r := t.record(d, at, action)
	r.body.Role = role
	d.publish(at, &r.event)
}

// step is one change of the ticket.
func (t *ticket) step(d *Desk, at int64) {
	switch t.next {
	case stepCreated:
		t.create(d, at)
	case stepAssigned:
		t.beAssigned(d, at)
	case stepWorkStarted:
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_WORK_STARTED, deskpulsev1.Role_ROLE_AGENT)
		t.then(d, at+t.work(d, 7*time.Minute), stepReplied)
	case stepReplied:
		t.reply(d, at)
	case stepReassigned:
		t.reassign(d, at)
	case stepWaiting:
		r := t.record(d, at, deskpulsev1.TicketAction_TICKET_ACTION_WAITING)
		r.body.Role = deskpulsev1.Role_ROLE_AGENT
		r.body.WaitingFor = deskpulsev1.WaitingFor_WAITING_FOR_CUSTOMER
		d.publish(at, &r.event)
		t.then(d, at+d.dice.about(100*time.Minute, 1.0), stepResumed)
	case stepResumed:
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_REPLIED, deskpulsev1.Role_ROLE_CUSTOMER)
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_RESUMED, deskpulsev1.Role_ROLE_CUSTOMER)
		t.then(d, at+t.work(d, 20*time.Minute), stepReplied)
	case stepResolved:
		t.resolve(d, at)
	case stepReopened:
		t.reopenings++
		t.countOpen(d, at)
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_REOPENED, deskpulsev1.Role_ROLE_CUSTOMER)
		t.then(d, at+t.work(d, 30*time.Minute), stepReplied)
	case stepClosed:
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_CLOSED, deskpulsev1.Role_ROLE_SYSTEM)
		t.end(d, at)
	case stepCancelled:
		t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_CANCELLED, deskpulsev1.Role_ROLE_CUSTOMER)
		t.end(d, at)
	case stepMerged:
		r := t.record(d, at, deskpulsev1.TicketAction_TICKET_ACTION_MERGED)
		r.body.Role = deskpulsev1.Role_ROLE_AGENT
		r.body.MergedInto = t.mergeInto
		d.publish(at, &r.event)
		t.end(d, at)
	}
}

// work draws how long the agent takes for something of that median.
func (t *ticket) work(d *Desk, median time.Duration) int64 {
	return d.dice.about(time.Duration(float64(median)*t.effort(d)), 0.8)
}

func (t *ticket) beAssigned(d *Desk, at int64) {
	t.assign(d)
	t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_ASSIGNED, deskpulsev1.Role_ROLE_SYSTEM)
	t.enter(d, at, stageTriage)
	next := stepReplied
	if d.dice.chance(chanceWorkStarted) {
		next = stepWorkStarted
	}
	t.then(d, at+t.work(d, byPriority[t.priority].start), next)
}

// enter takes the ticket to a stage.
func (t *ticket) enter(d *Desk, at int64, stage string) {
	if !t.staged || t.stage == stage {
		return
	}
	r := t.record(d, at, deskpulsev1.TicketAction_TICKET_ACTION_STAGE_CHANGED)
	r.body.Role, r.body.StageFrom, r.body.StageTo = deskpulsev1.Role_ROLE_AGENT, t.stage, stage
	t.stage = stage
	d.publish(at, &r.event)
}

func (t *ticket) reply(d *Desk, at int64) {
	if t.loops > 0 {
		t.enter(d, at, stageCheck)
	} else {
		t.enter(d, at, stageWork)
	}
	t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_REPLIED, deskpulsev1.Role_ROLE_AGENT)
	switch {
	case t.loops == 0 && t.reopenings == 0 && d.dice.chance(chanceReassign):
		t.then(d, at+d.dice.about(10*time.Minute, 0.6), stepReassigned)
	case t.loops < 3 && d.dice.chance(chanceWaiting):
		t.then(d, at+1000, stepWaiting)
	default:
		t.then(d, at+t.work(d, byPriority[t.priority].resolve), stepResolved)
	}
	t.loops++
}

// reassign hands the ticket to another team, which has to read it first.
func (t *ticket) reassign(d *Desk, at int64) {
	t.countResolved(d, at)
	t.team = (t.team + 1 + uint8(d.dice.IntN(len(teamNames)-1))) % uint8(len(teamNames))
	t.countOpen(d, at)
	t.assign(d)
	t.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_ASSIGNED, deskpulsev1.Role_ROLE_AGENT)
	t.then(d, at+t.work(d, byPriority[t.priority].start), stepReplied)
}

func (t *ticket) resolve(d *Desk, at int64) {
	t.countResolved(d, at)
	r := t.record(d, at, deskpulsev1.TicketAction_TICKET_ACTION_RESOLVED)
	r.body.Role = deskpulsev1.Role_ROLE_AGENT
	r.body.Outcome, r.body.Cause = "fixed", causes.names[causes.draw(d.dice)]
	d.publish(at, &r.event)
	if d.dice.chance(chanceFollowUp) {
		d.later(at+d.dice.about(time.Hour, 0.5), &followUp{t})
	}
	late := at-t.created > byPriority[t.priority].dueTime.Milliseconds()
	if d.dice.chance(chanceSurvey) {
		d.later(at+d.dice.about(90*time.Minute, 0.9), &survey{matter: t.matter, ticket: t.id, unhappy: late || t.reopenings > 0})
	}
	if t.reopenings < 2 && d.dice.chance(chanceReopen) {
		t.then(d, at+d.dice.about(4*time.Hour, 0.7), stepReopened)
		return
	}
	if d.dice.chance(chanceComplain) {
		d.later(at+d.dice.about(3*time.Hour, 0.8), &firstComplaint{matter: t.matter, ticket: t.id})
	}
	t.then(d, at+d.dice.about(16*time.Hour, 0.4), stepClosed)
}

func (t *ticket) end(d *Desk, at int64) {
	t.countResolved(d, at)
	d.over(t.created, at)
}

// countOpen adds the ticket to its team's load.
func (t *ticket) countOpen(d *Desk, at int64) {
	t.counted, t.open, t.since = true, t.team, at
	d.teams[t.team].open++
}

// countResolved takes the ticket out of its team's load.
func (t *ticket) countResolved(d *Desk, at int64) {
	if !t.counted {
		return
	}
	t.counted = false
	d.teams[t.open].open--
	if d.tally != nil {
		d.tally.unresolved[t.open] += float64(at - t.since)
	}
}

// over notes that a case has ended.
func (d *Desk) over(from, to int64) {
	d.alive--
	if d.tally != nil {
		d.tally.lives += float64(to - from)
	}
}

// followUp is an agent who asks whether all is well.
type followUp struct{ ticket *ticket }

func (f *followUp) step(d *Desk, at int64) {
	f.ticket.tell(d, at, deskpulsev1.TicketAction_TICKET_ACTION_FOLLOWED_UP, deskpulsev1.Role_ROLE_AGENT)
}

// repeatCall is a customer who calls about a ticket, unless it is resolved by then.
type repeatCall struct{ ticket *ticket }

func (r *repeatCall) step(d *Desk, at int64) {
	if r.ticket.counted {
		newCallAbout(d, at, r.ticket.matter, r.ticket.id)
	}
}
