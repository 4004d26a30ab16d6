package oracle

import (
	"math/big"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// call is a call whose offering is known.
type call struct {
	id, customer, ticket, service, incident, queue string
	outbound                                       bool
	raisedBy                                       string // the id of the event
	dims                                           kpi.Dims

	offered, answered, abandoned, ended, transferred moment
	talk, hold, wrapUp                               int64
}

func (f *facts) findCalls() {
	for _, l := range lives(f.events, kpi.Call, entity) {
		born := l.first(action(kpi.CallOffered))
		if born < 0 {
			continue
		}
		c := call{
			id: l[0].Entity, dims: l.dims(),
			customer: l.firstSaid(func(s *step) string { return s.Customer }),
			ticket:   l.firstSaid(func(s *step) string { return s.Ticket }),
			service:  l.firstSaid(func(s *step) string { return s.Service }),
			incident: l.firstSaid(func(s *step) string { return s.Incident }),
			queue:    l.lastSaid(func(s *step) string { return s.Queue }),
		}
		if i := l.first(func(s *step) bool { return s.Direction != 0 }); i >= 0 {
			c.outbound = l[i].Direction == kpi.Outbound
		}
		c.offered, c.raisedBy = l.moment(born), l[born].ID
		answer := l.first(func(s *step) bool { return s.Action == kpi.CallAnswered && byPerson(s) })
		gaveUp := l.first(action(kpi.CallAbandoned))
		c.answered = l.moment(answer)
		if answer < 0 || gaveUp < answer {
			c.abandoned = l.moment(gaveUp)
		}
		c.transferred = l.moment(l.first(action(kpi.CallTransferred)))
		c.ended = l.moment(lastIndex(l, action(kpi.CallEnded)))
		for i := range l {
			c.talk, c.hold, c.wrapUp = max(c.talk, l[i].Talk), max(c.hold, l[i].Hold), max(c.wrapUp, l[i].WrapUp)
		}
		if c.talk == 0 && c.answered.is && c.ended.is {
			c.talk = max(0, c.ended.at-c.answered.at-c.hold)
		}
		for _, m := range []*moment{&c.offered, &c.answered, &c.abandoned, &c.transferred, &c.ended} {
			m.dims[kpi.Queue] = c.queue
		}
		c.dims[kpi.Queue] = c.queue
		f.calls = append(f.calls, c)
	}
}

func lastIndex(l life, is rule) int {
	for i := len(l) - 1; i >= 0; i-- {
		if is(&l[i]) {
			return i
		}
	}
	return -1
}

// waiting: neither answered nor given up nor ended.
func (c *call) waiting() bool { return !c.answered.is && !c.abandoned.is && !c.ended.is }

// wait is the time until the call was answered or given up.
func (c *call) wait() int64 {
	if c.abandoned.is && (!c.answered.is || c.abandoned.at < c.answered.at) {
		return max(0, c.abandoned.at-c.offered.at)
	}
	return max(0, c.answered.at-c.offered.at)
}

// handleTime is talk, hold and wrap-up; none where nobody answered.
func (c *call) handleTime() int64 {
	if !c.answered.is {
		return 0
	}
	return c.talk + c.hold + c.wrapUp
}

var callKPIs = map[string]definition{
	// Of the inbound calls offered in the window, those answered within N s ÷ those that
	// were not given up within M s.
	"service_level": func(a *asker) Answer {
		within := func(ms int64, option string) bool {
			return seconds(ms).Cmp(a.optionNumber(option)) <= 0
		}
		var quick, counted int64
		for _, c := range a.outcome().calls {
			if c.outbound || !a.in(c.offered) {
				continue
			}
			if c.abandoned.is && within(c.wait(), "abandon_within") {
				continue
			}
			counted++
			if c.answered.is && within(max(0, c.answered.at-c.offered.at), "answer_within") {
				quick++
			}
		}
		return share(quick, counted).young(count(inbound(a), (*call).waiting))
	},
	"abandonment_rate": func(a *asker) Answer {
		offered := inbound(a)
		return share(count(offered, func(c *call) bool { return c.abandoned.is }), int64(len(offered))).young(count(offered, (*call).waiting))
	},
	"speed_of_answer": func(a *asker) Answer {
		var waits []int64
		for _, c := range a.outcome().calls {
			if !c.outbound && a.in(c.answered) {
				waits = append(waits, c.answered.at-c.offered.at)
			}
		}
		return distribution(waits)
	},
	// Of the calls that ended in the window and that somebody answered.
	"handle_time": func(a *asker) Answer {
		var times []int64
		for _, c := range a.outcome().calls {
			if c.answered.is && a.in(c.ended) {
				times = append(times, c.handleTime())
			}
		}
		return distribution(times)
	},
	"calls_waiting": func(a *asker) Answer { return amount(int64(len(waitingCalls(a)))) },
	"longest_wait": func(a *asker) Answer {
		var oldest *big.Rat
		for _, c := range waitingCalls(a) {
			if age := seconds(a.hi - c.offered.at); oldest == nil || age.Cmp(oldest) > 0 {
				oldest = age
			}
		}
		return Answer{Value: oldest}
	},
}

// inbound are the inbound calls offered in the window.
func inbound(a *asker) (out []call) {
	f := a.outcome()
	for i := range f.calls {
		if c := &f.calls[i]; !c.outbound && a.in(c.offered) {
			out = append(out, *c)
		}
	}
	return out
}

// waitingCalls are those that wait at the instant.
func waitingCalls(a *asker) (out []call) {
	f := a.now()
	for i := range f.calls {
		if c := &f.calls[i]; c.waiting() && !c.outbound && a.mine(c.dims) {
			out = append(out, *c)
		}
	}
	return out
}
