package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// patience is how long after a session a person's help says that it did not help, in ms.
const patience = 24 * 3600_000

// The matters that a contact can be about: b of the thread's key.
const (
	ofService = iota
	ofCustomer
	numMatters
)

// matterKey is the key of one of the matters that a contact is about; ok is false where it
// is about none of that sort.
func (s *state) matterKey(sort int) (key threadKey, ok bool) {
	id := s.x[xService]
	if sort == ofCustomer {
		id = s.x[xCustomer]
	}
	return threadKey{kind: matterThread, tenant: s.Tenant, a: uint32(id), b: uint32(sort)}, id != 0
}

// relateMatter tells the matters that a contact is about when a person was there.
func (e *Engine) relateMatter(i uint32, before, after *state) {
	for sort := range numMatters {
		for answered := range 2 {
			was, is := e.helpOf(i, before, sort, answered), e.helpOf(i, after, sort, answered)
			if was == is {
				continue
			}
			e.changeMatter(i, was, false)
			e.changeMatter(i, is, true)
		}
	}
}

// helpOf is the instant at which help by a person was asked for: a ticket was created, a
// call made; or, answered, that at which a person did in a call or session.
func (e *Engine) helpOf(i uint32, s *state, sort, answered int) placed {
	var instants [2]int64
	switch e.entities.list[i].kind {
	case kpi.Ticket:
		instants[0] = s.Fields[kpi.TicketCreatedAt]
	case kpi.Call:
		instants[0], instants[1] = s.Fields[kpi.CallOfferedAt], s.Fields[kpi.CallAnsweredAt]
	default:
		instants[1] = s.Fields[kpi.InteractionAnsweredAt]
	}
	key, ok := s.matterKey(sort)
	if !s.exists || instants[answered] == 0 || !ok {
		return placed{}
	}
	source := e.sourceOf(i)
	source.event += uint64(answered)
	return placed{key, mark{at: instants[answered], source: source}}
}

// changeMatter puts a mark into its thread, or takes it out. The sessions that it follows
// are counted anew.
func (e *Engine) changeMatter(self uint32, p placed, join bool) {
	if p.key.kind == 0 {
		return
	}
	followed := e.threads.get(p.key).followed(p.mark.at, self)
	e.recount(followed, true)
	if t := e.threads.get(p.key); join {
		t.insert(p.mark)
	} else {
		t.remove(p.mark)
	}
	e.recount(followed, false)
}

// followed lists the sessions, other than self, that ended within the 24 h before.
func (t *thread) followed(at int64, self uint32) (out []uint32) {
	for _, w := range t.watchers {
		if w.entity != self && w.at <= at && at < w.at+patience {
			out = append(out, w.entity)
		}
	}
	return out
}

// finishInteraction fills whether nobody's help was needed, in the session or after it.
func finishInteraction(e *Engine, i uint32, s *state) {
	key, ended := s.awaits()
	quiet := s.is(kpi.InteractionIsEnded) && !s.is(kpi.InteractionIsAnswered)
	if t := e.threads.find(key); quiet && t != nil {
		for k := len(t.marks) - 1; k >= 0 && t.marks[k].at >= ended; k-- {
			quiet = quiet && (t.marks[k].at >= ended+patience || t.marks[k].source.entity == i)
		}
	}
	s.set(kpi.InteractionIsQuiet, quiet)
}

// awaits is the matter of a session that ended without a person, and since when help
// would show that it failed; 0 where it cannot fail any more.
func (s *state) awaits() (key threadKey, since int64) {
	key, ok := s.matterKey(ofService)
	if !ok {
		key, ok = s.matterKey(ofCustomer)
	}
	if !ok || !s.exists || !s.is(kpi.InteractionIsEnded) || s.is(kpi.InteractionIsAnswered) {
		return threadKey{}, 0
	}
	return key, s.Fields[kpi.InteractionEndedAt]
}

// relateSession keeps the list of sessions that look at a matter.
func relateSession(e *Engine, i uint32, before, after *state, _ *sink) {
	key, was := before.awaits()
	now, is := after.awaits()
	if key == now && was == is {
		return
	}
	if was != 0 {
		e.threads.get(key).watch(i, was, 0)
	}
	if is != 0 {
		e.threads.get(now).watch(i, 0, is)
	}
}
