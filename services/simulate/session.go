package simulate

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// session is a chat, a talk with the bot, or a visit to self service.
type session struct {
	matter
	id       string
	kind     deskpulsev1.InteractionType
	started  int64
	sequence int64
	person   bool // an agent is in it
	next     sessionStep
}

type sessionStep uint8

// What may come next in a session.
const (
	stepBotAnswered sessionStep = iota
	stepHandedOver
	stepPersonAnswered
	stepSolved
	stepGivenUp
)

type sessionRecord struct {
	event deskpulsev1.Event
	body  deskpulsev1.Interaction
	wrap  deskpulsev1.Event_Interaction
	at    timestamppb.Timestamp
}

func newSession(d *Desk, at int64, kind deskpulsev1.InteractionType) {
	m := newMatter(d)
	m.channel = channelApp
	m.service = d.newID("svc-")
	s := &session{matter: m, id: d.newID("ses-"), kind: kind, started: at}
	d.alive++
	s.tell(d, at, deskpulsev1.InteractionAction_INTERACTION_ACTION_STARTED)
	switch kind {
	case deskpulsev1.InteractionType_INTERACTION_TYPE_BOT:
		s.novelty = "assistant"
		s.then(d, at+2000, stepBotAnswered)
	case deskpulsev1.InteractionType_INTERACTION_TYPE_CHAT:
		s.channel = channelChat
		s.then(d, at+d.dice.about(time.Duration(float64(45*time.Second)*s.effort(d)), 0.8), stepPersonAnswered)
	default:
		s.then(d, at+d.dice.about(3*time.Minute, 0.6), d.outcome(chanceSelfSolved))
	}
}

// outcome is how a session ends.
func (d *Desk) outcome(solved float64) sessionStep {
	if d.dice.chance(solved) {
		return stepSolved
	}
	return stepGivenUp
}

func (s *session) then(d *Desk, at int64, next sessionStep) {
	s.next = next
	d.later(at, s)
}

func (s *session) record(d *Desk, at int64, action deskpulsev1.InteractionAction) *sessionRecord {
	r := new(sessionRecord)
	s.event(d, &r.event, &r.at, at, s.sequence)
	s.sequence++
	r.body.InteractionId, r.body.Action, r.body.Type, r.body.IncidentId = s.id, action, s.kind, s.incident
	r.wrap.Interaction = &r.body
	r.event.Body = &r.wrap
	return r
}

func (s *session) tell(d *Desk, at int64, action deskpulsev1.InteractionAction) {
	d.publish(at, &s.record(d, at, action).event)
}

func (s *session) step(d *Desk, at int64) {
	switch s.next {
	case stepBotAnswered:
		r := s.record(d, at, deskpulsev1.InteractionAction_INTERACTION_ACTION_ANSWERED)
		r.body.Role = deskpulsev1.Role_ROLE_BOT
		d.publish(at, &r.event)
		if d.dice.chance(chanceHandedOver) {
			s.then(d, at+d.dice.about(90*time.Second, 0.5), stepHandedOver)
			return
		}
		s.then(d, at+d.dice.about(2*time.Minute, 0.6), d.outcome(chanceBotSolved))
	case stepHandedOver:
		s.tell(d, at, deskpulsev1.InteractionAction_INTERACTION_ACTION_HANDED_OVER)
		s.then(d, at+d.dice.about(time.Minute, 0.7), stepPersonAnswered)
	case stepPersonAnswered:
		s.assign(d)
		s.person = true
		r := s.record(d, at, deskpulsev1.InteractionAction_INTERACTION_ACTION_ANSWERED)
		r.body.Role = deskpulsev1.Role_ROLE_AGENT
		d.publish(at, &r.event)
		d.occupy(at, s.team, s.agent)
		s.then(d, at+d.dice.about(time.Duration(float64(5*time.Minute)*s.effort(d)), 0.6), d.outcome(chanceChatSolved))
	default:
		s.end(d, at)
	}
}

// end ends the session; what was not solved may become a ticket or a call of the same
// service.
func (s *session) end(d *Desk, at int64) {
	r := s.record(d, at, deskpulsev1.InteractionAction_INTERACTION_ACTION_ENDED)
	r.body.Resolved = proto.Bool(s.next == stepSolved)
	d.publish(at, &r.event)
	if s.person {
		d.release(at, s.team, s.agent)
	}
	d.over(s.started, at)
	if s.next == stepSolved || !d.dice.chance(chanceSessionGoesOn) {
		return
	}
	if d.dice.chance(0.5) {
		newTicket(d, s.matter).then(d, at+d.dice.about(5*time.Minute, 0.8), stepCreated)
		return
	}
	d.later(at+d.dice.about(10*time.Minute, 0.8), &callAfter{s.matter})
}

// callAfter is a customer who calls about what a session has not solved.
type callAfter struct{ matter }

func (c *callAfter) step(d *Desk, at int64) { newCall(d, at, c.matter) }
