package oracle

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// session is a chat, bot or self-service session whose start is known.
type session struct {
	id, customer, ticket, service string
	typ                           uint8
	bot, handedOver, declared     bool
	started, answered, ended      moment
}

// The types of sessions, as in the wire contract.
const (
	chatSession = iota + 1
	botSession
	selfServiceSession
)

const aDay = 24 * 3600 * 1000 // ms

func (f *facts) findSessions() {
	for _, l := range lives(f.events, kpi.Interaction, entity) {
		born := l.first(action(kpi.InteractionStarted))
		if born < 0 {
			continue
		}
		s := session{
			id:       l[0].Entity,
			customer: l.firstSaid(func(s *step) string { return s.Customer }),
			ticket:   l.firstSaid(func(s *step) string { return s.Ticket }),
			service:  l.firstSaid(func(s *step) string { return s.Service }),
			started:  l.moment(born),
		}
		if i := l.first(func(s *step) bool { return s.SessionType != 0 }); i >= 0 {
			s.typ = l[i].SessionType
		}
		answers := action(kpi.InteractionAnswered)
		s.answered = l.moment(l.first(func(s *step) bool { return answers(s) && byPerson(s) }))
		s.ended = l.moment(lastIndex(l, action(kpi.InteractionEnded)))
		s.bot = s.typ == botSession || l.has(func(s *step) bool { return answers(s) && s.Role == kpi.RoleBot })
		s.handedOver = l.has(action(kpi.InteractionHandedOver))
		if i := lastIndex(l, func(s *step) bool { return s.Resolved != kpi.Unset }); i >= 0 && s.ended.is {
			s.declared = l[i].Resolved == kpi.True
		}
		f.sessions = append(f.sessions, s)
	}
}

// quiet: no person answered in it, nor did a human contact on the matter begin, or was
// answered, in the 24 h after its end: a ticket, a call, a person in another session.
func (f *facts) quiet(s *session) bool {
	if s.answered.is {
		return false
	}
	follows := func(service, customer string, m moment) bool {
		return sameMatter(s, service, customer) && m.is && s.ended.at <= m.at && m.at < s.ended.at+aDay
	}
	return !slices.ContainsFunc(f.tickets, func(t ticket) bool { return follows(t.service, t.customer, t.created) }) &&
		!slices.ContainsFunc(f.calls, func(c call) bool {
			return follows(c.service, c.customer, c.offered) || follows(c.service, c.customer, c.answered)
		}) &&
		!slices.ContainsFunc(f.sessions, func(o session) bool { return o.id != s.id && follows(o.service, o.customer, o.answered) })
}

// sameMatter: one service_id; of a session without one, all that the customer wants.
func sameMatter(s *session, service, customer string) bool {
	if s.service != "" {
		return s.service == service
	}
	return s.customer != "" && s.customer == customer
}

// helped counts the contacts that were sessions of a kind and ended in the window, and of
// those the ones declared resolved, and the ones that were indeed: nothing followed.
func helped(a *asker, of func(*session) bool) (ended, declared, resolved int64) {
	f := a.outcome()
	for i := range f.sessions {
		s := &f.sessions[i]
		if s.ticket != "" || !of(s) || !a.in(s.ended) {
			continue
		}
		ended++
		if s.declared {
			declared++
			if f.quiet(s) {
				resolved++
			}
		}
	}
	return ended, declared, resolved
}

func selfService(s *session) bool { return s.typ == selfServiceSession }
func byBot(s *session) bool       { return s.bot }

var sessionKPIs = map[string]definition{
	"self_service_rate": func(a *asker) Answer {
		_, _, resolved := helped(a, selfService)
		return share(resolved, raised(a))
	},
	"self_service_declared_rate": func(a *asker) Answer {
		_, declared, _ := helped(a, selfService)
		return share(declared, raised(a))
	},
	"bot_resolution_rate": func(a *asker) Answer {
		ended, _, resolved := helped(a, byBot)
		return share(resolved, ended)
	},
	"bot_declared_rate": func(a *asker) Answer {
		ended, declared, _ := helped(a, byBot)
		return share(declared, ended)
	},
}
