package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// ticket is one ticket as its events so far have left it.
type ticket struct {
	log
	name    name
	tenant  uint32
	dirty   bool
	voids   bool   // its history has retractions, which may precede what they retract
	version uint64 // stream sequence of the last event that changed it
	hash    uint64 // its slot in the index
	state   ticketState
}

type tickets struct {
	index
	list    []ticket
	dirty   []uint32
	orphans int
}

// ticketState is where the fold over a ticket's history stands.
type ticketState struct {
	created   int64 // Unix milliseconds, as all times here; 0 where it has not happened
	since     int64 // start of the present segment
	running   int64 // running time of the resolution clock before since
	due       int64 // set by the publisher; 0 is none
	overdue   int64 // from when it is overdue in the present segment, as things stand; never if none
	handled   int64
	started   int64
	replied   int64
	resolved  int64 // the resolution in force
	closed    int64
	combo     uint32
	customer  uint32
	incident  uint32 // symbol of the incident id; 0 where the category serves
	category  uint32 // symbol of the category at creation
	reopened  uint32
	flags     ticketFlags
	typ       kpi.TicketType
	suppress  bool // merged: its samples are withdrawn
	endAction kpi.Action
}

type ticketFlags uint8

const (
	isCreated ticketFlags = 1 << iota
	isWaiting
	isResolved
	isClosed
	isHandled
	isStarted
	isReplied
	isReport // its creation is a report by the customer
)

const never = 1 << 62

func (s *ticketState) has(f ticketFlags) bool { return s.flags&f != 0 }
func (s *ticketState) active() bool           { return s.flags&(isCreated|isResolved|isClosed) == isCreated }
func (s *ticketState) open() bool             { return s.flags&(isCreated|isClosed) == isCreated }
func (s *ticketState) orphan() bool           { return !s.has(isCreated) && s.endAction != kpi.TicketDeleted }

// applyTicket finds the ticket and takes the event into its history.
func (e *Engine) applyTicket(ev *kpi.Event) Outcome {
	t := e.ticket(ev.Tenant, ev.Entity)
	r := e.ticketRecord(ev)
	return e.takeTicket(t, &r)
}

// ticket returns the number of a ticket, making it where it is not known.
func (e *Engine) ticket(tenant, id string) uint32 {
	symbol := e.symbols.id(tenant)
	h := hashID(uint8(kpi.Ticket), symbol, id)
	for ; ; h++ {
		i, ok := e.tickets.slots[h]
		if !ok {
			break
		}
		if t := &e.tickets.list[i]; t.tenant == symbol && string(e.tickets.block.get(t.name)) == id {
			return i
		}
	}
	i := uint32(len(e.tickets.list))
	e.tickets.list = append(e.tickets.list, ticket{
		name: e.tickets.block.put(id), tenant: symbol, hash: h, state: ticketState{overdue: never},
	})
	e.tickets.slots[h] = i
	e.tickets.orphans++
	return i
}

func (e *Engine) ticketRecord(ev *kpi.Event) record {
	r := record{at: ev.At, sequence: ev.Sequence, id: hash(ev.ID), action: ev.Action, combo: e.comboOf(ev)}
	switch ev.Role {
	case kpi.RoleUnspecified:
		r.flags |= flagByPerson
	case kpi.RoleAgent:
		r.flags |= flagByPerson | flagByOther
	case kpi.RoleBot, kpi.RoleMonitor, kpi.RoleSystem:
		r.flags |= flagByOther
	}
	if ev.Public == kpi.False {
		r.flags |= flagPrivate
	}
	if ev.Action == kpi.TicketClosed && ev.WithResolution == kpi.False {
		r.flags |= flagUnresolved
	}
	r.extra[0] = ev.DueResolution
	if ev.Action == kpi.TicketCreated {
		r.extra[1] = int64(e.symbols.id(ev.Customer))
		r.extra[2] = int64(e.symbols.id(ev.Incident))
		r.extra[3] = int64(ev.Type)
		switch ev.Type {
		case kpi.TypeServiceRequest, kpi.TypeQuestion, kpi.TypeFeedback:
			r.flags |= flagNamed
		}
	}
	if r.extra != [numExtra]int64{} {
		r.flags |= flagExtra
	}
	return r
}

// takeTicket takes one record into a ticket: by one step of the fold where it is the
// newest, else by folding anew.
func (e *Engine) takeTicket(i uint32, r *record) Outcome {
	t := &e.tickets.list[i]
	if t.newest(r) && !rewrites(r.action) && !t.voids && t.state.endAction != kpi.TicketDeleted {
		e.history.append(&t.log, r)
		before := t.state
		e.stepTicket(i, &t.state, r, &e.sink)
		e.checkFold(i)
		e.touchTicket(i)
		e.countOrphan(&before, &t.state)
		if before.has(isCreated) != t.state.has(isCreated) {
			e.relink(i)
		}
		return Applied
	}
	return e.refoldTicket(i, r)
}

// rewrites reports whether an action changes what earlier events amount to.
func rewrites(a kpi.Action) bool {
	return a == kpi.TicketMerged || a == kpi.TicketDeleted || a == actionVoid
}

// refoldTicket inserts a record where it belongs and replaces all contributions.
func (e *Engine) refoldTicket(i uint32, r *record) Outcome {
	t := &e.tickets.list[i]
	e.records = e.history.read(&t.log, e.records[:0])
	if outcome := known(e.records, r); outcome != Applied {
		return outcome
	}
	before := t.state
	e.sink.negate = true
	e.foldTicket(i, e.records)
	e.sink.negate = false
	e.records = insertRecord(e.records, r)
	state := e.foldTicket(i, e.records)
	e.history.replace(&t.log, e.records)
	t.state = state
	t.voids = t.voids || r.action == actionVoid
	e.touchTicket(i)
	e.countOrphan(&before, &state)
	e.relink(i)
	e.sink.net()
	return Applied
}

func (e *Engine) countOrphan(before, after *ticketState) {
	if before.orphan() {
		e.tickets.orphans--
	}
	if after.orphan() {
		e.tickets.orphans++
	}
}

// foldTicket gives the contributions of a whole history to the sink.
func (e *Engine) foldTicket(i uint32, records []record) ticketState {
	state := ticketState{overdue: never}
	live := effective(records, e.sink.live[:0])
	e.sink.live = live
	for k := range live {
		switch live[k].action {
		case kpi.TicketDeleted:
			return ticketState{overdue: never, endAction: kpi.TicketDeleted}
		case kpi.TicketMerged:
			state.suppress = true
		}
	}
	for k := range live {
		e.stepTicket(i, &state, &live[k], &e.sink)
	}
	return state
}

// effective appends to dst the records that are not retractions nor retracted.
func effective(records, dst []record) []record {
	for k := range records {
		if records[k].action != actionVoid && !retracted(records, records[k].id) {
			dst = append(dst, records[k])
		}
	}
	return dst
}

func retracted(records []record, id uint64) bool {
	for k := range records {
		if records[k].action == actionVoid && uint64(records[k].extra[0]) == id {
			return true
		}
	}
	return false
}

// known tells whether an event is there already: Applied says that it is not.
func known(records []record, r *record) Outcome {
	for k := range records {
		if records[k].id == r.id {
			if records[k] == *r {
				return Duplicate
			}
			return Conflict
		}
	}
	return Applied
}

// insertRecord puts r at its place among sorted records.
func insertRecord(records []record, r *record) []record {
	place := len(records)
	for place > 0 && records[place-1].compare(r) > 0 {
		place--
	}
	return slices.Insert(records, place, *r)
}

// stepTicket folds one record into the state and gives what it contributes.
func (e *Engine) stepTicket(i uint32, s *ticketState, r *record, out *sink) {
	before := *s
	if before.active() && !before.has(isWaiting) {
		s.running += e.cfg.Policy.Calendar.Elapsed(before.since, r.at)
	}
	s.since = r.at
	s.combo = e.overlay(before.combo, r.combo)
	if r.extra[0] > 0 {
		s.due = r.extra[0]
	}
	e.transit(i, s, r, out)
	s.overdue = e.overdueFrom(s)
	e.moveStocks(&before, s, r.at, out)
	if !s.suppress {
		e.sample(&before, s, out)
	}
}

// transit changes the state as the action says.
func (e *Engine) transit(i uint32, s *ticketState, r *record, out *sink) {
	switch r.action {
	case kpi.TicketCreated:
		e.create(i, s, r, out)
	case kpi.TicketWorkStarted:
		s.handle(r.at, isStarted)
	case kpi.TicketReplied:
		if r.flags&flagByPerson != 0 && r.flags&flagPrivate == 0 {
			s.handle(r.at, isReplied)
		}
	case kpi.TicketWaiting:
		s.flags |= isWaiting
	case kpi.TicketResumed:
		s.flags &^= isWaiting
	case kpi.TicketResolved:
		s.resolve(r.at)
	case kpi.TicketReopened:
		s.flags &^= isWaiting | isResolved | isClosed
		s.resolved, s.closed, s.endAction = 0, 0, 0
		s.reopened++
		if s.has(isCreated) && r.flags&flagByOther == 0 && s.has(isReport) {
			out.report(e.reportOf(i, s, r))
		}
	case kpi.TicketClosed:
		if r.flags&flagUnresolved == 0 {
			s.resolve(r.at)
		}
		s.end(r)
	case kpi.TicketMerged, kpi.TicketCancelled:
		s.end(r)
	}
}

func (s *ticketState) handle(at int64, how ticketFlags) {
	if !s.has(how) {
		s.flags |= how
		if how == isStarted {
			s.started = at
		} else {
			s.replied = at
		}
	}
	s.handleAny(at)
}

func (s *ticketState) handleAny(at int64) {
	if !s.has(isHandled) {
		s.flags |= isHandled
		s.handled = at
	}
}

// resolve: a resolution without a reply is the first handling.
func (s *ticketState) resolve(at int64) {
	s.handleAny(at)
	if !s.has(isResolved) {
		s.resolved = at
	}
	s.flags |= isResolved
	s.flags &^= isWaiting
}

func (s *ticketState) end(r *record) {
	if !s.has(isClosed) {
		s.closed, s.endAction = r.at, r.action
	}
	s.flags |= isClosed
	s.flags &^= isWaiting
}

// create fixes what never changes: the customer and the incident. A second creation
// only updates.
func (e *Engine) create(i uint32, s *ticketState, r *record, out *sink) {
	if s.has(isCreated) {
		return
	}
	s.flags |= isCreated
	s.created = r.at
	s.customer, s.incident, s.typ = uint32(r.extra[1]), uint32(r.extra[2]), kpi.TicketType(r.extra[3])
	s.category = e.combos.list[s.combo].values[kpi.Category]
	if s.customer != 0 && (r.flags&flagNamed == 0 || s.incident != 0) {
		s.flags |= isReport
	}
	if s.has(isReport) && r.flags&flagByOther == 0 {
		out.report(e.reportOf(i, s, r))
	}
}

func (e *Engine) reportOf(i uint32, s *ticketState, r *record) report {
	return report{
		key:    incidentKey{tenant: e.combos.list[s.combo].tenant, customer: s.customer, name: s.incidentName(), named: s.incident != 0},
		at:     r.at,
		combo:  s.combo,
		source: reportKey{kind: kpi.Ticket, entity: i, event: r.id},
	}
}

// incidentName is the symbol that tells one incident of a customer from another.
func (s *ticketState) incidentName() uint32 {
	if s.incident != 0 {
		return s.incident
	}
	return s.category
}

// overdueFrom returns from when the ticket is overdue if nothing more happens. A due
// time of the publisher stands by itself; else the running time must exceed the target.
func (e *Engine) overdueFrom(s *ticketState) int64 {
	if !s.active() {
		return never
	}
	if s.due > 0 {
		return max(s.since, s.due)
	}
	target := e.combos.list[s.combo].target
	switch {
	case target == 0:
		return never
	case s.running > target:
		return s.since
	case s.has(isWaiting):
		return never
	default:
		return e.cfg.Policy.Calendar.After(s.since, target-s.running)
	}
}

// moveStocks moves the ticket between the stocks of open and overdue tickets at an
// instant.
func (e *Engine) moveStocks(before, s *ticketState, at int64, out *sink) {
	was, is := before.open(), s.open()
	if was != is || was && before.combo != s.combo {
		if was {
			out.add(ticketsOpen, before.combo, at, 0, -1)
		}
		if is {
			out.add(ticketsOpen, s.combo, at, 0, 1)
		}
	}
	if before.overdue == s.overdue && before.combo == s.combo {
		return
	}
	begun := before.overdue < at
	if begun && s.overdue == at && before.combo == s.combo {
		s.overdue = before.overdue // it goes on
		return
	}
	if before.overdue != never {
		out.add(ticketsOverdue, before.combo, max(before.overdue, at), 0, -1)
	}
	if s.overdue != never {
		out.add(ticketsOverdue, s.combo, s.overdue, 0, 1)
	}
}

// sample gives the response times that have become known: a sample belongs to the
// moment of the handling, and exists once the creation is known too.
func (e *Engine) sample(before, s *ticketState, out *sink) {
	if !s.has(isCreated) {
		return
	}
	fresh := !before.has(isCreated)
	if s.has(isHandled) && (fresh || !before.has(isHandled)) {
		e.duration(responseTime, s.combo, s.handled, s.handled-s.created, out)
	}
}

// duration gives one sample of a histogram of times.
func (e *Engine) duration(m measure, combo uint32, at, ms int64, out *sink) {
	if ms < 0 {
		ms = 0
		if !out.negate {
			e.counters.Negative++
		}
	}
	out.add(m, combo, at, 0, ms)
	out.add(m, combo, at, histogramSlot(ms), 1)
}

func (e *Engine) touchTicket(i uint32) {
	t := &e.tickets.list[i]
	t.version = e.sequence
	if !t.dirty && !e.cfg.NoHistory {
		t.dirty = true
		e.tickets.dirty = append(e.tickets.dirty, i)
	}
}
