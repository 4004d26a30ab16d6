package engine

import (
	"math"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// never is an instant after all others.
const never = 1 << 62

// targetsKey is what a ticket's targets depend on.
type targetsKey struct{ combo, typ uint32 }

// targets returns the targets for a ticket, by the instant from which they hold. Tickets
// with equal attributes share them.
func (e *Engine) targets(s *state) []sla.Targets {
	k := targetsKey{s.combo[current], uint32(s.Fields[kpi.TicketTypeText])}
	if e.lastTargets != nil && e.lastKey == k {
		return e.lastTargets
	}
	t, ok := e.targetsOf[k]
	if !ok {
		t = e.cfg.Policies.For(func(name string) string { return e.attribute(k, name) })
		e.targetsOf[k] = t
	}
	e.lastKey, e.lastTargets = k, t
	return t
}

// attribute gives the conditions of policies what they read.
func (e *Engine) attribute(k targetsKey, name string) string {
	c := &e.combos.list[k.combo]
	switch name {
	case "tenant":
		return e.symbols.names[c.tenant]
	case "type":
		return e.symbols.names[k.typ]
	}
	if d, err := kpi.ParseDimension(name); err == nil {
		return e.symbols.names[c.values[d]]
	}
	for i, label := range e.labels {
		if name == "labels."+label {
			return e.symbols.names[c.labels[i]]
		}
	}
	return ""
}

// eachTarget calls f for the parts of from ≤ t < to, with the targets that hold in each.
// With from = to it calls f once.
func (e *Engine) eachTarget(s *state, from, to int64, f func(t *sla.Targets, from, to int64)) {
	list := e.targets(s)
	for i := range list {
		end := int64(math.MaxInt64)
		if i+1 < len(list) {
			end = list[i+1].ValidFrom
		}
		lo, hi := max(from, list[i].ValidFrom), min(to, end)
		if lo < hi || from == to && lo == from && hi == to && to < end {
			f(&list[i], lo, hi)
		}
	}
}

// responding and resolving report whether the clocks of a ticket are not stopped for
// good; both pause while it waits.
func (s *state) responding() bool {
	return s.exists && !s.is(kpi.TicketIsHandled) && !s.is(kpi.TicketIsClosed)
}

func (s *state) resolving() bool {
	return s.exists && !s.is(kpi.TicketIsResolved) && !s.is(kpi.TicketIsClosed)
}

// runClocks lets the clocks run from the latest record until now, and notes what has
// become overdue on the way.
func runClocks(e *Engine, s *state, now int64) {
	since := s.x[xSince]
	if at := s.Fields[kpi.TicketResponseOverdueAt]; s.responding() && at != 0 && at < now {
		s.x[xBreached] |= breachedResponse
	}
	if at := s.Fields[kpi.TicketOverdueAt]; s.resolving() && at != 0 && at < now {
		s.x[xBreached] |= breachedResolution
	}
	responding, resolving, waiting := s.responding(), s.resolving(), s.is(kpi.TicketIsWaiting)
	if !responding && !resolving {
		return
	}
	e.eachTarget(s, since, now, func(t *sla.Targets, from, to int64) {
		if responding && t.FirstResponse.Target > 0 {
			s.set(kpi.TicketHasResponseTarget, true)
		}
		if resolving && t.Resolution.Target > 0 {
			s.set(kpi.TicketHasResolutionTarget, true)
		}
		if responding && !waiting {
			s.Fields[kpi.TicketResponseRunning] += t.FirstResponse.Calendar.Elapsed(from, to)
		}
		if resolving && !waiting {
			s.Fields[kpi.TicketResolutionRunning] += t.Resolution.Calendar.Elapsed(from, to)
		}
	})
}

// setDueTimes works out when the ticket is overdue if nothing more happens. What became
// overdue before keeps its instant for as long as it stays so.
func (e *Engine) setDueTimes(s *state, now int64) {
	due := s.x[xDueResponse]
	at := int64(never)
	if s.responding() {
		var some bool
		at, some = e.overdueFrom(s, now, due, s.Fields[kpi.TicketResponseRunning], func(t *sla.Targets) *sla.Clock { return &t.FirstResponse })
		s.set(kpi.TicketHasResponseTarget, some || s.is(kpi.TicketHasResponseTarget))
	}
	s.Fields[kpi.TicketResponseOverdueAt] = lasting(s.Fields[kpi.TicketResponseOverdueAt], at, now, s.responding())
	s.set(kpi.TicketIsResponseBreached, s.is(kpi.TicketIsHandled) && s.x[xBreached]&breachedResponse != 0)

	at, due = never, s.x[xDueResolution]
	if s.resolving() {
		var some bool
		at, some = e.overdueFrom(s, now, due, s.Fields[kpi.TicketResolutionRunning], func(t *sla.Targets) *sla.Clock { return &t.Resolution })
		s.set(kpi.TicketHasResolutionTarget, some || s.is(kpi.TicketHasResolutionTarget))
	}
	s.Fields[kpi.TicketOverdueAt] = lasting(s.Fields[kpi.TicketOverdueAt], at, now, s.resolving())
}

// lasting returns the instant from which something is overdue: the former one where it
// had passed and it is overdue still, or its clock has stopped for good.
func lasting(former, at, now int64, runs bool) int64 {
	begun := former != 0 && former < now
	switch {
	case begun && (!runs || at == now):
		return former
	case at == never:
		return 0
	default:
		return at
	}
}

// overdueFrom returns from when a clock that has run for running is over its target, and
// whether it has a target. A due time of the publisher stands by itself.
func (e *Engine) overdueFrom(s *state, now, due, running int64, of func(*sla.Targets) *sla.Clock) (at int64, some bool) {
	if due > 0 {
		return max(now, due), true
	}
	at = never
	e.eachTarget(s, now, math.MaxInt64, func(t *sla.Targets, from, to int64) {
		c := of(t)
		some = some || c.Target > 0 && from == now
		switch {
		case at != never:
		case c.Target > 0 && running > c.Target:
			at = from
		case s.is(kpi.TicketIsWaiting):
		case c.Target > 0:
			// It is over its target in the millisecond after the one that reaches it.
			if over := c.Calendar.After(from, c.Target-running+1); over < sla.Never && over-1 < to {
				at = max(over-1, from)
				return
			}
			fallthrough
		default:
			if to < math.MaxInt64 {
				running += c.Calendar.Elapsed(from, to)
			}
		}
	})
	return at, some
}
