package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Indexes into the combinations of an interaction, as in its schema.
const (
	interactionStarted = iota + 1
	interactionAnswered
	interactionEnded
)

// Extra numbers of an interaction's record, after those of every contact.
const (
	extraRole     = extraText + 1 + iota // who answered
	extraResolved                        // a kpi.Tri
)

// Scratch of an interaction's state, after that of every contact.
const (
	xSessionType = xContactOwn + iota
	xByBot       // a bot answered
	xDeclared    // a kpi.Tri, as last said
)

// botSession is the type of a session with a bot, as in the wire contract.
const botSession = 2

func recordInteraction(e *Engine, ev *kpi.Event, r *record) {
	e.recordContact(ev, r)
	r.extra[extraType] = int64(ev.SessionType)
	r.extra[extraRole] = int64(ev.Role)
	r.extra[extraResolved] = int64(ev.Resolved)
}

// stepInteraction folds one record into an interaction.
func stepInteraction(e *Engine, s *state, r *record, _ *sink) {
	s.identify(r)
	first(&s.x[xSessionType], r.extra[extraType])
	last(&s.x[xDeclared], r.extra[extraResolved])
	s.actOnInteraction(r)
	s.Fields[kpi.InteractionTypeText] = int64(e.words.sessionTypes[s.x[xSessionType]])
	s.set(kpi.InteractionIsLinked, s.x[xTicket] != 0)
	s.set(kpi.InteractionIsBot, s.x[xSessionType] == botSession || s.x[xByBot] != 0)
	ended := s.is(kpi.InteractionIsEnded)
	s.set(kpi.InteractionIsResolved, ended && s.x[xDeclared] == int64(kpi.True))
	f := &s.Fields
	f[kpi.InteractionLength], f[kpi.InteractionHandling] = 0, 0
	if ended && s.exists {
		f[kpi.InteractionLength] = max(0, f[kpi.InteractionEndedAt]-f[kpi.InteractionStartedAt])
	}
	if ended && s.is(kpi.InteractionIsAnswered) {
		f[kpi.InteractionHandling] = max(0, f[kpi.InteractionEndedAt]-f[kpi.InteractionAnsweredAt])
	}
}

// actOnInteraction changes the state as the action says.
func (s *state) actOnInteraction(r *record) {
	switch r.action {
	case kpi.InteractionStarted:
		if !s.exists {
			s.exists, s.x[xRaisedEvent] = true, int64(r.id)
			s.Fields[kpi.InteractionStartedAt] = r.at
			s.combo[interactionStarted] = s.combo[current]
		}
	case kpi.InteractionAnswered:
		if kpi.Role(r.extra[extraRole]) == kpi.RoleBot {
			s.x[xByBot] = 1
		}
		if r.flags&flagByPerson != 0 && !s.is(kpi.InteractionIsAnswered) {
			s.happen(kpi.InteractionIsAnswered, kpi.InteractionAnsweredAt, interactionAnswered, r.at)
		}
	case kpi.InteractionHandedOver:
		s.set(kpi.InteractionIsHandedOver, true)
	case kpi.InteractionEnded:
		s.happen(kpi.InteractionIsEnded, kpi.InteractionEndedAt, interactionEnded, r.at)
	}
}
