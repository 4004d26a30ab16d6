package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// contact is a call or a complaint. Its history is short, so it is always folded whole.
type contact struct {
	log
	name    name
	tenant  uint32
	kind    kpi.Kind
	dirty   bool
	version uint64
	hash    uint64
	link    link
	state   contactState
}

type contacts struct {
	index
	list   []contact
	dirty  []uint32
	linked map[uint64][]uint32 // by the hash of a ticket's id: the contacts that name it
}

// link is what a contact knows of the ticket that it names.
type link struct {
	created int64
	key     incidentKey
	seen    bool // the ticket's creation is known
	report  bool // the ticket is about an incident
}

// contactState is what the fold over a contact's history gives.
type contactState struct {
	customer, incident, ticket, queue, duplicateOf, outcome uint32 // symbols
	combo                                                   uint32
	direction                                               kpi.Direction
	subject                                                 uint8
	raised, answered, abandoned, ended                      int64 // a complaint: received
	acknowledged, handled, closed                           int64
	talk, hold, wrapUp                                      int64
	raisedEvent                                             uint64
	raisedCombo, answeredCombo                              uint32
}

// Extra numbers of a contact's record.
const (
	extraCustomer = iota
	extraIncident
	extraTicket
	extraKind // direction or subject
	extraText // queue, or outcome
	extraTalk // talk, or duplicate_of
	extraHold
	extraWrapUp
)

func (e *Engine) applyContact(ev *kpi.Event) Outcome {
	i := e.contact(ev.Kind, ev.Tenant, ev.Entity)
	r := e.contactRecord(ev)
	return e.takeContact(i, &r)
}

func (e *Engine) contact(kind kpi.Kind, tenant, id string) uint32 {
	symbol := e.symbols.id(tenant)
	h := hashID(uint8(kind), symbol, id)
	for ; ; h++ {
		i, ok := e.contacts.slots[h]
		if !ok {
			break
		}
		if c := &e.contacts.list[i]; c.kind == kind && c.tenant == symbol && string(e.contacts.block.get(c.name)) == id {
			return i
		}
	}
	i := uint32(len(e.contacts.list))
	e.contacts.list = append(e.contacts.list, contact{name: e.contacts.block.put(id), tenant: symbol, kind: kind, hash: h})
	e.contacts.slots[h] = i
	return i
}

func (e *Engine) contactRecord(ev *kpi.Event) record {
	r := record{at: ev.At, sequence: ev.Sequence, id: hash(ev.ID), action: ev.Action, combo: e.comboOf(ev)}
	if ev.Role == kpi.RoleUnspecified || ev.Role == kpi.RoleAgent {
		r.flags |= flagByPerson
	}
	r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
	r.extra[extraIncident] = int64(e.symbols.id(ev.Incident))
	r.extra[extraTicket] = int64(e.symbols.id(ev.Ticket))
	if ev.Kind == kpi.Call {
		r.extra[extraKind] = int64(ev.Direction)
		r.extra[extraText] = int64(e.symbols.id(ev.Queue))
		r.extra[extraTalk], r.extra[extraHold], r.extra[extraWrapUp] = ev.Talk, ev.Hold, ev.WrapUp
	} else {
		r.extra[extraKind] = int64(ev.Subject)
		r.extra[extraText] = int64(e.symbols.id(ev.Outcome))
		r.extra[extraTalk] = int64(e.symbols.id(ev.DuplicateOf))
	}
	if r.extra != [numExtra]int64{} {
		r.flags |= flagExtra
	}
	return r
}

func (e *Engine) takeContact(i uint32, r *record) Outcome {
	c := &e.contacts.list[i]
	e.records = e.history.read(&c.log, e.records[:0])
	if outcome := known(e.records, r); outcome != Applied {
		return outcome
	}
	e.sink.negate = true
	e.contribute(i)
	e.sink.negate = false
	e.records = insertRecord(e.records, r)
	e.history.replace(&c.log, e.records)
	named := c.state.ticket
	c.state = e.foldContact(c.kind, e.records)
	if c.state.ticket != named && c.state.ticket != 0 {
		e.linkTo(i)
	}
	c.link = e.linkOf(c)
	e.contribute(i)
	e.sink.net()
	e.touchContact(i)
	return Applied
}

func (e *Engine) linkTo(i uint32) {
	c := &e.contacts.list[i]
	h := hashID(uint8(kpi.Ticket), c.tenant, e.symbols.names[c.state.ticket])
	if l := e.contacts.linked[h]; !slices.Contains(l, i) {
		e.contacts.linked[h] = append(l, i)
	}
}

// linkOf looks up the ticket that a contact names.
func (e *Engine) linkOf(c *contact) link {
	if c.state.ticket == 0 {
		return link{}
	}
	id := e.symbols.names[c.state.ticket]
	for h := hashID(uint8(kpi.Ticket), c.tenant, id); ; h++ {
		i, ok := e.tickets.slots[h]
		if !ok {
			return link{}
		}
		t := &e.tickets.list[i]
		if t.tenant != c.tenant || string(e.tickets.block.get(t.name)) != id {
			continue
		}
		s := &t.state
		if !s.has(isCreated) {
			return link{}
		}
		return link{
			created: s.created, seen: true, report: s.has(isReport),
			key: incidentKey{tenant: t.tenant, customer: s.customer, name: s.incidentName(), named: s.incident != 0},
		}
	}
}

// relink lets the contacts that name ticket i know what has become of it.
func (e *Engine) relink(i uint32) {
	if len(e.contacts.linked) == 0 {
		return
	}
	changed := false
	t := &e.tickets.list[i]
	id := e.tickets.block.get(t.name)
	for _, k := range e.contacts.linked[hashID(uint8(kpi.Ticket), t.tenant, string(id))] {
		c := &e.contacts.list[k]
		l := e.linkOf(c)
		if l == c.link {
			continue
		}
		e.sink.negate = true
		e.contribute(k)
		e.sink.negate = false
		c.link = l
		e.contribute(k)
		e.touchContact(k)
		changed = true
	}
	if changed {
		e.sink.net()
	}
}

// foldContact folds a whole history.
func (e *Engine) foldContact(kind kpi.Kind, records []record) contactState {
	var s contactState
	e.sink.live = effective(records, e.sink.live[:0])
	for k := range e.sink.live {
		r := &e.sink.live[k]
		s.combo = e.overlay(s.combo, r.combo)
		s.describe(kind, r)
		if kind == kpi.Call {
			s.call(r)
		} else {
			s.complain(r)
		}
		if s.raisedEvent == r.id {
			s.raisedCombo = s.combo
		}
	}
	return s
}

// describe takes over what does not depend on the action. What identifies the contact
// is what was said first; the rest is what was said last.
func (s *contactState) describe(kind kpi.Kind, r *record) {
	first := func(dst *uint32, v int64) {
		if *dst == 0 {
			*dst = uint32(v)
		}
	}
	last := func(dst *uint32, v int64) {
		if v != 0 {
			*dst = uint32(v)
		}
	}
	first(&s.customer, r.extra[extraCustomer])
	first(&s.incident, r.extra[extraIncident])
	first(&s.ticket, r.extra[extraTicket])
	if kind == kpi.Call {
		last(&s.queue, r.extra[extraText])
		if s.direction == kpi.DirectionUnspecified {
			s.direction = kpi.Direction(r.extra[extraKind])
		}
		s.talk, s.hold, s.wrapUp = max(s.talk, r.extra[extraTalk]), max(s.hold, r.extra[extraHold]), max(s.wrapUp, r.extra[extraWrapUp])
		return
	}
	last(&s.outcome, r.extra[extraText])
	first(&s.duplicateOf, r.extra[extraTalk])
	if s.subject == 0 {
		s.subject = uint8(r.extra[extraKind])
	}
}

func (s *contactState) call(r *record) {
	switch r.action {
	case kpi.CallOffered:
		s.raise(r)
	case kpi.CallAnswered:
		if r.flags&flagByPerson != 0 {
			s.answer(r.at)
		}
	case kpi.CallAbandoned:
		earliest(&s.abandoned, r.at)
	case kpi.CallEnded:
		s.ended = r.at
	}
}

func (s *contactState) complain(r *record) {
	switch r.action {
	case kpi.ComplaintReceived:
		s.raise(r)
	case kpi.ComplaintAcknowledged:
		earliest(&s.acknowledged, r.at)
	case kpi.ComplaintHandled:
		s.handled = r.at
	case kpi.ComplaintClosed:
		s.closed = r.at
	case kpi.ComplaintReopened:
		s.handled, s.closed = 0, 0
	}
}

func (s *contactState) raise(r *record) {
	if s.raisedEvent == 0 {
		s.raised, s.raisedEvent = r.at, r.id
	}
}

// answer: the answer belongs to whom it was at that time, not to whom it went later.
func (s *contactState) answer(at int64) {
	if s.answered == 0 {
		s.answered, s.answeredCombo = at, s.combo
	}
}

func earliest(dst *int64, at int64) {
	if *dst == 0 {
		*dst = at
	}
}

// contribute gives what a contact amounts to: the time until a call was answered, and a
// report where it names an incident.
func (e *Engine) contribute(i uint32) {
	c := &e.contacts.list[i]
	s := &c.state
	if s.raised == 0 || c.kind == kpi.Call && s.direction == kpi.Outbound {
		return
	}
	if c.kind == kpi.Call && s.answered != 0 {
		e.duration(responseTime, s.answeredCombo, s.answered, s.answered-s.raised, &e.sink)
	}
	if key, ok := c.reports(); ok {
		e.sink.report(report{key: key, at: s.raised, combo: s.raisedCombo, source: reportKey{c.kind, i, s.raisedEvent}})
	}
}

// reports tells which incident a contact reports, if any. A contact that led to a
// ticket is the same report as that ticket.
func (c *contact) reports() (incidentKey, bool) {
	s, l := &c.state, &c.link
	switch {
	case l.seen && l.created >= s.raised, s.duplicateOf != 0, s.customer == 0:
		return incidentKey{}, false
	case s.incident != 0:
		return incidentKey{tenant: c.tenant, customer: s.customer, name: s.incident, named: true}, true
	default:
		return l.key, l.seen && l.report
	}
}

func (e *Engine) touchContact(i uint32) {
	c := &e.contacts.list[i]
	c.version = e.sequence
	if !c.dirty && !e.cfg.NoHistory {
		c.dirty = true
		e.contacts.dirty = append(e.contacts.dirty, i)
	}
}

// applyVoid puts a retraction into the history of what the retracted event was about,
// be that event known already or not.
func (e *Engine) applyVoid(ev *kpi.Event) Outcome {
	r := record{at: ev.At, sequence: ev.Sequence, id: hash(ev.ID), action: actionVoid, flags: flagExtra, combo: e.comboOf(ev)}
	r.extra[0] = int64(hash(ev.VoidEvent))
	switch ev.VoidKind {
	case kpi.Ticket:
		return e.takeTicket(e.ticket(ev.Tenant, ev.Entity), &r)
	case kpi.Call, kpi.Complaint:
		return e.takeContact(e.contact(ev.VoidKind, ev.Tenant, ev.Entity), &r)
	default:
		return Unused
	}
}
