package engine

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

// Scratch of a ticket's state.
const (
	xCustomer      = xOwn + iota // symbol
	xIncident                    // symbol of the incident id; 0 where the category serves
	xCategory                    // symbol of the category at creation
	xService                     // symbol
	xDueResponse                 // set by the publisher; 0 is none
	xDueResolution               // likewise
	xWaitingSince
	xLastResolved // the latest resolution, in force or not
	xHandedAt     // a hand-over that nobody has taken up
	xMessageAt    // a message of the customer that nobody has replied to
	xBreached     // flags: it was overdue at some instant
	xTeam         // symbol, as last said
	xAgent        // symbol, as last said
	xLastStage    // the stage before it was resolved
	xReport       // its creation is a report by the customer
	xEnd          // the action that closed it
	xNoPolicy
)

const (
	breachedResponse = 1 << iota
	breachedResolution
)

// Indexes into the combinations of a ticket, as in its schema.
const (
	ticketCreated = iota + 1
	ticketHandled
	ticketReplied
	ticketResolved
	ticketClosed
	ticketOutcome
	ticketStarted
	ticketBotReplied
	ticketTransferred // its first transfer, beside the schema
)

// Extra numbers of records. Those up to extraTicket mean the same for all kinds.
const (
	extraCustomer = iota
	extraIncident
	extraService
	extraTicket
	extraType // of the ticket or session, subject, direction …
	extraText // cause, queue, dimension …
	extraOutcome
	extraStage
	extraStageFrom
	extraDueResponse
	extraDueResolution
	extraTeam
	extraAgent
	numExtra = 16
)

// xVoided is where the record of a retraction keeps the hash of the id that it retracts.
const xVoided = 0

func recordTicket(e *Engine, ev *kpi.Event, r *record) {
	r.flags |= roleFlags(ev.Role)
	if ev.Public == kpi.False {
		r.flags |= flagPrivate
	}
	if ev.Action == kpi.TicketClosed && ev.WithResolution == kpi.False {
		r.flags |= flagUnresolved
	}
	r.extra[extraText] = int64(e.symbols.id(ev.Cause))
	r.extra[extraOutcome] = int64(e.symbols.id(ev.Outcome))
	r.extra[extraDueResponse], r.extra[extraDueResolution] = ev.DueResponse, ev.DueResolution
	if ev.Action == kpi.TicketStageChanged {
		r.extra[extraStage] = int64(e.symbols.id(ev.StageTo))
		r.extra[extraStageFrom] = int64(e.symbols.id(ev.StageFrom))
	}
	if !e.cfg.Keep.Has(kpi.Team) {
		r.extra[extraTeam] = int64(e.symbols.id(ev.Dims[kpi.Team]))
	}
	if !e.cfg.Keep.Has(kpi.AgentName) {
		r.extra[extraAgent] = int64(e.symbols.id(ev.Dims[kpi.AgentName]))
	}
	if ev.Action == kpi.TicketCreated {
		r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
		r.extra[extraIncident] = int64(e.symbols.id(ev.Incident))
		r.extra[extraService] = int64(e.symbols.id(ev.Service))
		r.extra[extraType] = int64(ev.Type)<<8 | int64(ev.Role)
	}
}

// roleFlags says who acted. A publisher that gives no role is taken as the customer for
// a report, and as a person of the service for a reply.
func roleFlags(r kpi.Role) uint8 {
	switch r {
	case kpi.RoleUnspecified:
		return flagByPerson
	case kpi.RoleAgent:
		return flagByPerson | flagByOther
	case kpi.RoleBot, kpi.RoleSystem:
		return flagByOther | flagByMachine
	case kpi.RoleMonitor:
		return flagByOther
	default:
		return 0
	}
}

// stepTicket folds one record into a ticket.
func stepTicket(e *Engine, s *state, r *record, out *sink) {
	s.handOver(e, r)
	s.said(r)
	e.actOnTicket(s, r, out)
	if !s.is(kpi.TicketIsOpen) || s.is(kpi.TicketIsResolved) {
		s.x[xHandedAt] = 0 // nobody need take it up
	}
	e.setDueTimes(s, r.at)
	s.combo[ticketOutcome] = s.combo[ticketCreated]
	if s.is(kpi.TicketIsResolved) {
		s.combo[ticketOutcome] = s.combo[ticketResolved]
	}
}

// said takes over what does not depend on the action: what was said last holds.
func (s *state) said(r *record) {
	last := func(dst *int64, v int64) {
		if v != 0 {
			*dst = v
		}
	}
	last(&s.Fields[kpi.TicketCause], r.extra[extraText])
	last(&s.Fields[kpi.TicketOutcome], r.extra[extraOutcome])
	last(&s.x[xDueResponse], r.extra[extraDueResponse])
	last(&s.x[xDueResolution], r.extra[extraDueResolution])
}

// handOver notes a change from one agent or team to another. The event that brings it may
// be the one that takes the ticket up.
func (s *state) handOver(e *Engine, r *record) {
	said := func(d kpi.Dimension, extra int) int64 {
		if e.cfg.Keep.Has(d) {
			return int64(e.combos.list[r.combo].values[d])
		}
		return r.extra[extra]
	}
	changed := false
	for _, who := range [...]struct{ now, at int64 }{{said(kpi.Team, extraTeam), xTeam}, {said(kpi.AgentName, extraAgent), xAgent}} {
		if who.now == 0 {
			continue
		}
		changed = changed || s.x[who.at] != 0 && s.x[who.at] != who.now
		s.x[who.at] = who.now
	}
	if changed {
		s.Fields[kpi.TicketTransfers]++
		if first(&s.Fields[kpi.TicketFirstTransferredAt], r.at); s.Fields[kpi.TicketTransfers] == 1 {
			s.combo[ticketTransferred] = s.combo[current]
		}
		s.x[xHandedAt] = r.at
	}
}

func first(dst *int64, v int64) {
	if *dst == 0 {
		*dst = v
	}
}

// actOnTicket changes the state as the action says.
func (e *Engine) actOnTicket(s *state, r *record, out *sink) {
	switch r.action {
	case kpi.TicketCreated:
		e.createTicket(s, r, out)
	case kpi.TicketAssigned:
		first(&s.Fields[kpi.TicketAssignedAt], r.at)
	case kpi.TicketWorkStarted:
		if !s.is(kpi.TicketIsStarted) {
			s.set(kpi.TicketIsStarted, true)
			s.Fields[kpi.TicketStartedAt] = r.at
			s.combo[ticketStarted] = s.combo[current]
		}
		e.handleTicket(s, r.at, out)
	case kpi.TicketReplied:
		e.replyToTicket(s, r, out)
	case kpi.TicketWaiting:
		s.wait(r.at)
	case kpi.TicketResumed:
		s.resume(r.at)
	case kpi.TicketStageChanged:
		e.changeStage(s, r, out)
	case kpi.TicketFollowedUp:
		s.set(kpi.TicketIsFollowedUp, true)
		first(&s.Fields[kpi.TicketFollowedUpAt], r.at)
	case kpi.TicketResolved:
		e.resolveTicket(s, r.at, out)
	case kpi.TicketReopened:
		e.reopenTicket(s, r, out)
	case kpi.TicketClosed:
		if r.flags&flagUnresolved == 0 {
			e.resolveTicket(s, r.at, out)
		}
		e.endTicket(s, r, out)
	case kpi.TicketMerged, kpi.TicketCancelled:
		e.endTicket(s, r, out)
	}
}

// createTicket fixes what never changes: the customer, the service and the incident. A
// second creation only updates.
func (e *Engine) createTicket(s *state, r *record, out *sink) {
	if s.exists {
		return
	}
	s.exists = true
	s.set(kpi.TicketIsCreated, true)
	s.set(kpi.TicketIsMerged, s.x[xMerged] != 0)
	s.set(kpi.TicketIsOpen, !s.is(kpi.TicketIsClosed))
	s.Fields[kpi.TicketCreatedAt] = r.at
	s.combo[ticketCreated] = s.combo[current]
	s.x[xCustomer], s.x[xIncident], s.x[xService] = r.extra[extraCustomer], r.extra[extraIncident], r.extra[extraService]
	s.x[xCategory] = int64(e.combos.list[s.combo[current]].values[kpi.Category])
	kind, role := kpi.TicketType(r.extra[extraType]>>8), kpi.Role(r.extra[extraType]&0xff)
	s.Fields[kpi.TicketTypeText] = int64(e.words.ticketTypes[kind])
	s.Fields[kpi.TicketOpenedBy] = int64(e.words.roles[role])
	if s.x[xCustomer] != 0 && (wrong(kind) || s.x[xIncident] != 0) {
		s.x[xReport] = 1
		if r.flags&flagByOther == 0 {
			out.report(e.reportOf(s, r))
		}
	}
}

// wrong reports whether a ticket of the type says that something is wrong, where it does
// not name what.
func wrong(t kpi.TicketType) bool {
	return t != kpi.TypeServiceRequest && t != kpi.TypeQuestion && t != kpi.TypeFeedback
}

func (e *Engine) reportOf(s *state, r *record) report {
	return report{key: s.incidentKey(), at: r.at, combo: s.combo[current], source: reportKey{kind: kpi.Ticket, entity: e.folding, event: r.id}}
}

// incidentKey is the identity of the ticket's incident.
func (s *state) incidentKey() threadKey {
	k := threadKey{kind: incidentThread, tenant: s.Tenant, a: uint32(s.x[xCustomer]), b: uint32(s.x[xIncident]), named: true}
	if k.b == 0 {
		k.b, k.named = uint32(s.x[xCategory]), false
	}
	return k
}

func (e *Engine) handleTicket(s *state, at int64, out *sink) {
	if !s.is(kpi.TicketIsHandled) {
		s.set(kpi.TicketIsHandled, true)
		s.Fields[kpi.TicketHandledAt] = at
		s.combo[ticketHandled] = s.combo[current]
		if s.x[xWaitingSince] != 0 {
			s.x[xWaitingSince] = at // what was waited before does not count as handling
		}
	}
	if taken := s.x[xHandedAt]; taken != 0 {
		s.x[xHandedAt] = 0
		if s.gives() {
			e.sub.Fact = kpi.Fact{Tenant: s.Tenant}
			e.sub.Fields[kpi.HandoffTakenAt], e.sub.Fields[kpi.HandoffWait] = at, at-taken
			e.emit(kpi.FactHandoff, s.combo[current], 1, out)
		}
	}
}

// gives reports whether the ticket gives facts of its own: a merged one does not.
func (s *state) gives() bool { return s.exists && s.x[xMerged] == 0 }

func (e *Engine) replyToTicket(s *state, r *record, out *sink) {
	switch {
	case r.flags&flagPrivate != 0:
	case r.flags&flagByPerson != 0:
		s.Fields[kpi.TicketReplies]++
		if !s.is(kpi.TicketIsReplied) {
			s.set(kpi.TicketIsReplied, true)
			s.Fields[kpi.TicketRepliedAt] = r.at
			s.combo[ticketReplied] = s.combo[current]
		}
		e.handleTicket(s, r.at, out)
		e.nextResponse(s, r.at, out)
	case r.flags&flagByMachine != 0:
		if s.Fields[kpi.TicketBotRepliedAt] == 0 {
			s.Fields[kpi.TicketBotRepliedAt] = r.at
			s.combo[ticketBotReplied] = s.combo[current]
		}
	case r.flags&flagByOther != 0: // monitoring, which replies to nobody
	default: // the customer
		if s.exists {
			first(&s.Fields[kpi.TicketFirstMessageAt], r.at)
		}
		if s.is(kpi.TicketIsHandled) && !s.is(kpi.TicketIsResolved) && !s.is(kpi.TicketIsClosed) {
			first(&s.x[xMessageAt], r.at)
		}
	}
}

// nextResponse gives the time from a message of the customer to the reply.
func (e *Engine) nextResponse(s *state, at int64, out *sink) {
	asked := s.x[xMessageAt]
	s.x[xMessageAt] = 0
	if asked == 0 || !s.gives() || out.mute {
		return
	}
	running, target := int64(0), int64(0)
	e.eachTarget(s, asked, at, func(t *sla.Targets, from, to int64) {
		running += t.NextResponse.Calendar.Elapsed(from, to)
		target = t.NextResponse.Target
	})
	e.sub.Fact = kpi.Fact{Tenant: s.Tenant}
	e.sub.Fields[kpi.NextResponseAt], e.sub.Fields[kpi.NextResponseWait] = at, at-asked
	e.sub.Fields[kpi.NextResponseRunning] = running
	e.sub.set(kpi.NextResponseIsBreached, target > 0 && running > target)
	e.emit(kpi.FactNextResponse, s.combo[current], 1, out)
}

func (s *state) wait(at int64) {
	if !s.is(kpi.TicketIsWaiting) && !s.is(kpi.TicketIsResolved) {
		s.x[xWaitingSince] = at // nobody waits for a ticket that is resolved
	}
	s.set(kpi.TicketIsWaiting, true)
}

func (s *state) resume(at int64) {
	if s.x[xWaitingSince] != 0 && s.is(kpi.TicketIsHandled) {
		s.Fields[kpi.TicketWaited] += at - s.x[xWaitingSince]
	}
	s.set(kpi.TicketIsWaiting, false)
	s.x[xWaitingSince] = 0
}

// resolveTicket: a resolution without a reply is the first handling.
func (e *Engine) resolveTicket(s *state, at int64, out *sink) {
	e.handleTicket(s, at, out)
	s.resume(at)
	s.x[xMessageAt] = 0
	if s.is(kpi.TicketIsResolved) {
		return
	}
	s.set(kpi.TicketIsResolved, true)
	s.Fields[kpi.TicketResolvedAt], s.x[xLastResolved] = at, at
	s.combo[ticketResolved] = s.combo[current]
	s.set(kpi.TicketIsResolutionBreached, s.x[xBreached]&breachedResolution != 0)
	e.leaveStage(s, at, out)
	if s.counted() {
		e.emitResolution(s, false, 1, out)
	}
}

// counted reports whether the resolutions of a ticket count: as soon as its creation is
// known, be it later than they are.
func (s *state) counted() bool { return s.x[xCreated] != 0 && s.x[xMerged] == 0 }

func (e *Engine) emitResolution(s *state, undone bool, sign int64, out *sink) {
	e.sub.Fact = kpi.Fact{Tenant: s.Tenant}
	e.sub.Fields[kpi.ResolutionAt] = s.x[xLastResolved]
	e.sub.set(kpi.ResolutionIsUndone, undone)
	e.emit(kpi.FactResolution, s.combo[ticketResolved], sign, out)
}

func (e *Engine) reopenTicket(s *state, r *record, out *sink) {
	if s.is(kpi.TicketIsResolved) {
		s.Fields[kpi.TicketResolvedBefore] += r.at - s.x[xLastResolved]
		if s.counted() {
			e.emitResolution(s, false, -1, out)
			e.emitResolution(s, true, 1, out)
		}
	}
	s.resume(r.at)
	for _, f := range [...]int{kpi.TicketIsResolved, kpi.TicketIsClosed, kpi.TicketIsCancelled,
		kpi.TicketIsResolutionBreached, kpi.TicketResolvedAt, kpi.TicketClosedAt} {
		s.Fields[f] = 0
	}
	s.combo[ticketResolved], s.combo[ticketClosed], s.x[xEnd] = 0, 0, 0
	s.set(kpi.TicketIsOpen, s.exists)
	s.set(kpi.TicketIsReopened, true)
	s.Fields[kpi.TicketReopens]++
	if s.Fields[kpi.TicketStage] == 0 && s.x[xLastStage] != 0 {
		s.enterStage(s.x[xLastStage], r.at)
	}
	if s.exists && r.flags&flagByOther == 0 && s.x[xReport] != 0 {
		out.report(e.reportOf(s, r))
	}
}

// endTicket closes it, be it merged or cancelled.
func (e *Engine) endTicket(s *state, r *record, out *sink) {
	if !s.is(kpi.TicketIsClosed) {
		s.Fields[kpi.TicketClosedAt], s.x[xEnd] = r.at, int64(r.action)
		s.combo[ticketClosed] = s.combo[current]
	}
	s.resume(r.at)
	s.x[xMessageAt] = 0
	s.set(kpi.TicketIsClosed, true)
	s.set(kpi.TicketIsOpen, false)
	s.set(kpi.TicketIsCancelled, s.is(kpi.TicketIsCancelled) || r.action == kpi.TicketCancelled)
	e.leaveStage(s, r.at, out)
}

// changeStage ends one visit and begins the next. The stage that is left may have begun
// with the ticket, where nothing was said of it before.
func (e *Engine) changeStage(s *state, r *record, out *sink) {
	if from := r.extra[extraStageFrom]; from != 0 && s.Fields[kpi.TicketStage] == 0 && s.x[xLastStage] == 0 && s.exists {
		s.enterStage(from, s.Fields[kpi.TicketCreatedAt])
	}
	e.leaveStage(s, r.at, out)
	s.enterStage(r.extra[extraStage], r.at)
}

func (s *state) enterStage(stage, at int64) {
	s.x[xLastStage] = stage
	if s.is(kpi.TicketIsResolved) || s.is(kpi.TicketIsClosed) {
		return
	}
	s.Fields[kpi.TicketStage], s.Fields[kpi.TicketStageSince] = stage, at
}

func (e *Engine) leaveStage(s *state, at int64, out *sink) {
	stage, since := s.Fields[kpi.TicketStage], s.Fields[kpi.TicketStageSince]
	s.Fields[kpi.TicketStage], s.Fields[kpi.TicketStageSince] = 0, 0
	if stage == 0 || !s.gives() {
		return
	}
	e.sub.Fact = kpi.Fact{Tenant: s.Tenant}
	e.sub.Fields[kpi.VisitLeftAt], e.sub.Fields[kpi.VisitDwell], e.sub.Fields[kpi.VisitStage] = at, at-since, stage
	e.emit(kpi.FactVisit, s.combo[current], 1, out)
}

// status is the word for where a ticket stands, in its row.
func (s *state) status() string {
	switch {
	case s.x[xDeleted] != 0:
		return "deleted"
	case !s.exists:
		return "unseen"
	case s.x[xEnd] == int64(kpi.TicketMerged):
		return "merged"
	case s.x[xEnd] == int64(kpi.TicketCancelled):
		return "cancelled"
	case s.is(kpi.TicketIsClosed):
		return "closed"
	case s.is(kpi.TicketIsResolved):
		return "resolved"
	case s.is(kpi.TicketIsWaiting):
		return "waiting"
	default:
		return "open"
	}
}
