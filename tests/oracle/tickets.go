package oracle

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// ticket is a ticket as its events have left it.
type ticket struct {
	life                  life
	id, customer, service string
	typ                   kpi.TicketType
	openedBy              kpi.Role
	cause, stage          string
	merged                bool
	incident              string // "" where it is about none
	dims                  kpi.Dims

	created, assigned, started, replied, botReplied, message, handled moment
	followedUp, resolved, transferred                                 moment
	undone                                                            []moment // resolutions that were undone
	open, waiting                                                     bool
	replies, reopens                                                  int64
	resolvedBefore, waited                                            int64
	stageSince                                                        int64
	visits, handoffs, nextResponses                                   []span
	response, resolution                                              verdict
}

// span is something that took time and ended.
type span struct {
	ended moment
	ms    int64
	stage string
}

// verdict is what a clock says: whether its target is exceeded at the end, was so at any
// instant, and whether there was a target at all.
type verdict struct{ over, ever, applied bool }

// What the actions of a ticket mean.
var (
	starts  = action(kpi.TicketWorkStarted)
	waits   = action(kpi.TicketWaiting)
	reopens = action(kpi.TicketReopened)
	closes  = action(kpi.TicketClosed, kpi.TicketMerged, kpi.TicketCancelled)
)

// resolves: closing counts as resolving unless it says otherwise.
func resolves(s *step) bool {
	return s.Action == kpi.TicketResolved || s.Action == kpi.TicketClosed && s.WithResolution != kpi.False
}

// replies: a public reply by a person.
func replies(s *step) bool {
	return s.Action == kpi.TicketReplied && s.Public != kpi.False && byPerson(s)
}

func botReplies(s *step) bool {
	return s.Action == kpi.TicketReplied && s.Public != kpi.False && (s.Role == kpi.RoleBot || s.Role == kpi.RoleSystem)
}

func writes(s *step) bool {
	return s.Action == kpi.TicketReplied && s.Public != kpi.False && s.Role == kpi.RoleCustomer
}

// handles: the earliest of these is the first handling.
func handles(s *step) bool { return starts(s) || replies(s) || resolves(s) }

// goesOn ends a wait.
func goesOn(s *step) bool {
	return s.Action == kpi.TicketResumed || resolves(s) || reopens(s) || closes(s)
}

// tickets are those whose creation is known and that were not deleted.
func (f *facts) findTickets() {
	for _, l := range lives(f.events, kpi.Ticket, entity) {
		if born := l.first(action(kpi.TicketCreated)); born >= 0 {
			f.tickets = append(f.tickets, f.ticket(l, born))
		}
	}
}

func (f *facts) ticket(l life, born int) ticket {
	c := &l[born]
	last := len(l) - 1
	t := ticket{
		life: l, id: c.Entity, customer: c.Customer, service: c.Service, typ: c.Type, openedBy: c.Role, dims: l.dims(),
		cause:    l.lastSaid(func(s *step) string { return s.Cause }),
		incident: incidentOf(c),
		merged:   l.has(action(kpi.TicketMerged)),
		open:     !l.holds(last, closes, reopens),
		waiting:  l.holds(last, waits, goesOn),
		replies:  count(l, replies), reopens: count(l, reopens),
	}
	resolution := l.begun(last, resolves, reopens)
	handling := l.first(handles)
	t.created = l.moment(born)
	t.assigned = l.moment(l.first(action(kpi.TicketAssigned)))
	t.started = l.moment(l.first(starts))
	t.replied = l.moment(l.first(replies))
	t.botReplied = l.moment(l.first(botReplies))
	t.handled = l.moment(handling)
	t.followedUp = l.moment(l.first(action(kpi.TicketFollowedUp)))
	t.resolved = l.moment(resolution)
	t.transferred = l.moment(firstPassed(l))
	if i := l[born:].first(writes); i >= 0 {
		t.message = l.moment(born + i)
	}
	t.spent(resolution)
	t.visit(born)
	t.handOver(born)
	t.respond(born, handling)
	t.clocks(f, born, handling, resolution)
	return t
}

// passed: from one agent or team to another.
func passed(l life, i int) bool {
	if i == 0 {
		return false
	}
	for _, d := range []kpi.Dimension{kpi.Team, kpi.AgentName} {
		if was := l[i-1].dims[d]; was != "" && was != l[i].dims[d] {
			return true
		}
	}
	return false
}

func firstPassed(l life) int {
	for i := range l {
		if passed(l, i) {
			return i
		}
	}
	return -1
}

// spent adds up the time spent resolved before the resolution in force, the time spent
// waiting between the first handling and that resolution, and the resolutions undone.
func (t *ticket) spent(resolution int) {
	for i := 1; i < len(t.life); i++ {
		since := &t.life[i-1]
		length := t.life[i].At - since.At
		isResolved := t.life.holds(i-1, resolves, reopens)
		isWaiting := t.life.holds(i-1, waits, goesOn)
		if isResolved && i <= resolution {
			t.resolvedBefore += length
		}
		if isWaiting && !isResolved && t.handled.is && since.At >= t.handled.at && i <= resolution {
			t.waited += length
		}
		if isResolved && reopens(&t.life[i]) {
			t.undone = append(t.undone, t.life.moment(t.life.begun(i-1, resolves, reopens)))
		}
	}
}

// done reports whether the ticket is resolved or closed after a step.
func (t *ticket) done(i int) bool {
	return t.life.holds(i, resolves, reopens) || t.life.holds(i, closes, reopens)
}

// visit follows the ticket through its stages. Where the first change of stage says what
// it left, the ticket was there from its creation. A resolution and the end of the ticket
// end a visit; reopened, it is in its latest stage again.
func (t *ticket) visit(born int) {
	latest := ""
	leave := func(i int) {
		if t.stage != "" && i > born {
			t.visits = append(t.visits, span{ended: t.life.moment(i).with(kpi.Stage, t.stage), ms: t.life[i].At - t.stageSince, stage: t.stage})
		}
		t.stage = ""
	}
	for i := range t.life {
		s, done := &t.life[i], t.done(i)
		switch {
		case s.Action == kpi.TicketStageChanged:
			if latest == "" && i > born && !done {
				t.stage, t.stageSince = s.StageFrom, t.created.at
			}
			leave(i)
			latest = s.StageTo
			if !done {
				t.stage, t.stageSince = latest, s.At
			}
		case done:
			leave(i)
		case reopens(s) && t.stage == "":
			t.stage, t.stageSince = latest, s.At
		}
	}
}

// handOver finds what waited after a hand-over until somebody took it up. Where the new
// hands take it up by the very event, that is no wait. What is resolved or closed does
// not wait for anybody.
func (t *ticket) handOver(born int) {
	given := int64(-1)
	for i := range t.life {
		s := &t.life[i]
		if passed(t.life, i) {
			given = s.At
		}
		if handles(s) && given >= 0 {
			if i > born {
				t.handoffs = append(t.handoffs, span{ended: t.life.moment(i), ms: s.At - given})
			}
			given = -1
		}
		if t.done(i) || i < born {
			given = -1
		}
	}
}

// respond finds the replies to messages after the first handling.
func (t *ticket) respond(born, handling int) {
	asked := int64(-1)
	for i := range t.life {
		s := &t.life[i]
		switch {
		case t.done(i):
			asked = -1
		case replies(s) && asked >= 0:
			if i > born {
				t.nextResponses = append(t.nextResponses, span{ended: t.life.moment(i), ms: s.At - asked})
			}
			asked = -1
		case writes(s) && asked < 0 && handling >= 0 && i > handling:
			asked = s.At
		}
	}
}

// clocks runs the clocks of first response and resolution.
func (t *ticket) clocks(f *facts, born, handling, resolution int) {
	end := len(t.life)
	if resolution >= 0 {
		end = resolution
	}
	t.resolution = f.clock(t, born, end,
		func(target Targets) Clock { return target.Resolution },
		func(s *step) int64 { return s.DueResolution })
	end = len(t.life)
	if handling >= 0 {
		end = handling
	}
	t.response = f.clock(t, born, end,
		func(target Targets) Clock { return target.FirstResponse },
		func(s *step) int64 { return s.DueResponse })
}

// clock runs a clock from the creation up to step end (or up to the instant of the facts,
// where there is no such step). It stands still while the ticket waits, and while it is
// resolved or closed. A due time that the publisher gives stands as it is.
func (f *facts) clock(t *ticket, born, end int, pick func(Targets) Clock, dueAt func(*step) int64) (v verdict) {
	var r run
	for i := range min(end, len(t.life)) {
		if d := dueAt(&t.life[i]); d != 0 {
			r.due = d
		}
		if i < born || t.done(i) {
			continue
		}
		until := min(f.cut, f.at)
		if i+1 < len(t.life) {
			until = t.life[i+1].At
		}
		for _, part := range f.parts(t.life[i].At, until) {
			var clock Clock
			if f.rules.Targets != nil {
				clock = pick(f.rules.Targets(part[0], t.attribute(f.World, i)))
			}
			if t.life.holds(i, waits, goesOn) {
				clock.Open = func(int64) bool { return false }
			}
			r.on(&v, clock, part[0], part[1])
		}
	}
	return v
}

// run is a running clock.
type run struct{ running, due int64 }

// on lets it run over from ≤ t < to, with one target.
func (r *run) on(v *verdict, clock Clock, from, to int64) {
	v.applied = v.applied || r.due != 0 || clock.Target != 0
	if from < to {
		r.running += elapsed(clock.Open, from, to)
		v.over = r.exceeds(clock, to)
		v.ever = v.ever || v.over
		return
	}
	// One of several events at one instant: what is overdue may cease to be.
	v.over = v.over && r.exceeds(clock, to+1)
}

// exceeds reports whether it is over its target, or past its due time, before an instant.
func (r *run) exceeds(clock Clock, at int64) bool {
	if r.due != 0 {
		return at > r.due
	}
	return clock.Target != 0 && r.running > clock.Target
}

// parts cuts a span of time where targets change by themselves.
func (w *World) parts(from, to int64) [][2]int64 {
	out := [][2]int64{{from, to}}
	for _, change := range w.rules.TargetChanges {
		last := &out[len(out)-1]
		if last[0] < change && change < last[1] {
			out = append(out, [2]int64{change, last[1]})
			out[len(out)-2][1] = change
		}
	}
	return out
}

var typeNames = []string{"", "incident", "service_request", "question", "feedback", "problem"}

// attribute is what conditions of policies ask for, as of a step.
func (t *ticket) attribute(w *World, i int) func(string) string {
	return func(name string) string {
		switch name {
		case "tenant":
			return w.tenant
		case "type":
			return typeNames[t.typ]
		}
		d, err := kpi.ParseDimension(name)
		if err != nil {
			panic("oracle: attribute " + name + " is unknown")
		}
		return t.life[i].dims[d]
	}
}
