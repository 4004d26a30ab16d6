package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// entity is one ticket, call, order … that events are about. Only its history is kept:
// what the history amounts to is folded anew whenever an event changes it.
type entity struct {
	log
	name    name
	version uint64 // stream sequence of the last event that changed it
	tenant  uint32
	kind    kpi.Kind
	dirty   bool
	rewrite bool // its history has events that change what earlier ones amount to
}

// entities are all that events have been about.
type entities struct {
	index
	list    []entity
	dirty   []uint32
	orphans int // tickets whose creation has not been seen
}

// folder says how the events of one kind are folded.
type folder struct {
	fact kpi.FactKind
	// since is, where the last record alone counts, the extra number with the instant from
	// which it does, whenever it was given; 0 where all records count.
	since int
	// record fills what of the event the fold needs beside time, action and dimensions.
	record func(e *Engine, ev *kpi.Event, r *record)
	// run lets time pass until an instant, under the attributes that held so far; nil where
	// nothing runs.
	run func(e *Engine, s *state, now int64)
	// step takes one record into the state and gives the facts that it completes.
	step func(e *Engine, s *state, r *record, out *sink)
	// finish fills the fields that depend on other entities; nil where there are none.
	finish func(e *Engine, i uint32, s *state)
	// relate tells the threads what has become of the entity; nil where it belongs to none.
	relate func(e *Engine, i uint32, before, after *state, out *sink)
}

// state is where the fold over a history stands: the fact in the making, the
// combinations of dimensions at the instants that its schema names, and what the fold
// itself needs.
type state struct {
	kpi.Fact
	exists bool // it is a fact: its creation is known, and it was not deleted
	combo  [maxAsOf]uint32
	x      [numScratch]int64
}

const (
	maxAsOf    = 10
	numScratch = 24
	current    = 0 // index into state.combo, as in all schemas
)

func (s *state) is(field int) bool { return s.Fields[field] != 0 }

func (s *state) set(field int, v bool) {
	s.Fields[field] = 0
	if v {
		s.Fields[field] = 1
	}
}

// asOf is the combination at one of the schema's instants: the present one where that
// instant has not come.
func (s *state) asOf(i int) uint32 {
	if c := s.combo[i]; c != 0 {
		return c
	}
	return s.combo[current]
}

// entity returns the number of an entity, making it where it is not known.
func (e *Engine) entity(kind kpi.Kind, tenant uint32, id string) uint32 {
	slot, i := e.entities.find(kind, tenant, id)
	if i != 0 {
		return i - 1
	}
	i = uint32(len(e.entities.list))
	e.entities.list = append(e.entities.list, entity{name: e.entities.block.put(id), tenant: tenant, kind: kind})
	e.entities.claim(slot, i+1)
	if kind == kpi.Ticket {
		e.entities.orphans++
	}
	return i
}

// applyTo takes an event into the history of the entity that it is about.
func (e *Engine) applyTo(kind kpi.Kind, ev *kpi.Event) Outcome {
	f := &folders[kind]
	i := e.entity(kind, e.symbols.id(ev.Tenant), entityID(ev))
	r := &e.record
	*r = record{at: ev.At, sequence: ev.Sequence, id: hash(ev.ID), action: ev.Action, combo: e.comboOf(ev)}
	f.record(e, ev, r)
	return e.takeRecord(i, r)
}

// takeRecord takes one record into an entity: by one step of the fold where it is the
// newest, else by folding anew.
func (e *Engine) takeRecord(i uint32, r *record) Outcome {
	n := &e.entities.list[i]
	e.records = e.history.read(&n.log, e.records[:0])
	if outcome := known(e.records, r); outcome != Applied {
		return outcome
	}
	f := &folders[n.kind]
	late := f.since != 0 || creates(n.kind, r.action) && n.count > 0 // earlier events mean something else now
	if !n.rewrite && !late && !rewrites(n.kind, r.action) && n.newest(r) {
		e.stepOn(i, f, r)
	} else {
		e.foldAnew(i, f, r)
	}
	e.touch(i)
	return Applied
}

// stepOn is the fast path.
func (e *Engine) stepOn(i uint32, f *folder, r *record) {
	before, after := &e.before, &e.after
	e.sink.mute = true
	e.fold(f, i, e.records, before, &e.sink)
	e.sink.mute = false
	*after = *before
	if creates(e.entities.list[i].kind, r.action) {
		after.x[xCreated] = 1
	}
	e.step(f, after, r, &e.sink)
	e.history.append(&e.entities.list[i].log, r)
	e.checkFold(i, f, r)
	e.changed(i, f, before, after)
}

// foldAnew is the slow path: everything that the history gave is taken back, and what it
// gives with the new record is given.
func (e *Engine) foldAnew(i uint32, f *folder, r *record) {
	before, after := &e.before, &e.after
	e.sink.again = true
	e.sink.negate = true
	e.fold(f, i, e.records, before, &e.sink)
	e.sink.negate = false
	e.records = insertRecord(e.records, r)
	e.fold(f, i, e.records, after, &e.sink)
	n := &e.entities.list[i]
	e.history.replace(&n.log, e.records)
	n.rewrite = n.rewrite || rewrites(n.kind, r.action)
	e.changed(i, f, before, after)
}

// changed gives what the change of an entity's state amounts to, beside what its steps
// gave already.
func (e *Engine) changed(i uint32, f *folder, before, after *state) {
	if e.entities.list[i].kind == kpi.Ticket {
		e.countOrphan(before, after)
	}
	if f.finish != nil && before.exists {
		f.finish(e, i, before)
	}
	if f.relate != nil {
		f.relate(e, i, before, after, &e.sink)
	}
	e.applyReports(i)
	if f.finish != nil && after.exists {
		f.finish(e, i, after)
	}
	e.resample(f.fact, before, after)
}

func (e *Engine) countOrphan(before, after *state) {
	if before.orphan() {
		e.entities.orphans--
	}
	if after.orphan() {
		e.entities.orphans++
	}
}

// fold folds a whole history into s.
func (e *Engine) fold(f *folder, i uint32, records []record, s *state, out *sink) {
	if e.entities.list[i].rewrite || !out.mute {
		e.live = effective(records, e.live[:0])
		records = e.live
	}
	e.begin(i, records, s)
	if f.since != 0 {
		records = e.lastOf(f, s, records)
	}
	for k := range records {
		e.past = records[:k]
		e.step(f, s, &records[k], out)
	}
	e.past = records
}

// lastOf returns the last record alone, as of the instant that it gives, and lets the state
// have the dimensions of those before.
func (e *Engine) lastOf(f *folder, s *state, records []record) []record {
	if len(records) == 0 {
		return nil
	}
	n := len(records) - 1
	for k := range n {
		s.combo[current] = e.overlay(s.combo[current], records[k].combo)
	}
	e.live = append(e.live[:0], records[n])
	e.live[0].at = e.live[0].extra[f.since]
	return e.live
}

// begin makes the state before the first of the records. Whether a ticket was deleted or
// merged in the end decides what its history amounts to.
func (e *Engine) begin(i uint32, records []record, s *state) {
	n := &e.entities.list[i]
	*s = state{}
	e.folding = i
	s.Tenant = n.tenant
	for k := range records {
		if deletes(n.kind, records[k].action) {
			s.x[xDeleted] = 1
		}
		if merges(n.kind, records[k].action) {
			s.x[xMerged] = 1
		}
		if creates(n.kind, records[k].action) {
			s.x[xCreated] = 1
		}
	}
}

// step takes one record into the state, and moves the entity between stocks.
func (e *Engine) step(f *folder, s *state, r *record, out *sink) {
	if s.x[xDeleted] != 0 {
		return
	}
	was := &e.was
	if !out.mute {
		*was = *s
	}
	if f.run != nil {
		f.run(e, s, r.at)
	}
	s.combo[current] = e.overlay(s.combo[current], r.combo)
	f.step(e, s, r, out)
	s.x[xSince] = r.at
	if !out.mute {
		e.moveStocks(f.fact, was, s, r.at, out)
	}
}

// Scratch of every kind of state; those of the kinds begin at xOwn.
const (
	xSince   = iota // instant of the latest record
	xDeleted        // the history says that it was deleted
	xMerged         // the history says that it was merged
	xCreated        // the history says that it was created, be it late: of tickets
	xOwn
)

func (s *state) orphan() bool { return !s.exists && s.x[xDeleted] == 0 }

// rewrites reports whether an action changes what earlier events amount to.
func rewrites(kind kpi.Kind, a kpi.Action) bool {
	return a == actionVoid || deletes(kind, a) || merges(kind, a)
}

func deletes(kind kpi.Kind, a kpi.Action) bool { return kind == kpi.Ticket && a == kpi.TicketDeleted }
func creates(kind kpi.Kind, a kpi.Action) bool { return kind == kpi.Ticket && a == kpi.TicketCreated }
func merges(kind kpi.Kind, a kpi.Action) bool  { return kind == kpi.Ticket && a == kpi.TicketMerged }

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
		if records[k].action == actionVoid && uint64(records[k].extra[xVoided]) == id {
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

// stateOf folds an entity's history without giving anything.
func (e *Engine) stateOf(i uint32, s *state) {
	n := &e.entities.list[i]
	f := &folders[n.kind]
	records := e.history.read(&n.log, e.others[:0])
	e.others = records
	mute := sink{mute: true}
	e.fold(f, i, records, s, &mute)
	if f.finish != nil && s.exists {
		f.finish(e, i, s)
	}
}

// applyVoid puts a retraction into the history of what the retracted event was about,
// be that event known already or not.
func (e *Engine) applyVoid(ev *kpi.Event) Outcome {
	kind := ownerKind(ev.VoidKind)
	if folders[kind].step == nil {
		return Unused
	}
	i := e.entity(kind, e.symbols.id(ev.Tenant), ev.Entity)
	r := &e.record
	*r = record{at: ev.At, sequence: ev.Sequence, id: hash(ev.ID), action: actionVoid, combo: e.comboOf(ev)}
	r.extra[xVoided] = int64(hash(ev.VoidEvent))
	e.retractParts(ev, r)
	return e.takeRecord(i, r)
}

func (e *Engine) touch(i uint32) {
	n := &e.entities.list[i]
	n.version = e.sequence
	if !n.dirty && !e.cfg.NoHistory && hasRow(n.kind) {
		n.dirty = true
		e.entities.dirty = append(e.entities.dirty, i)
	}
}

func hasRow(k kpi.Kind) bool { return k == kpi.Ticket || k == kpi.Call || k == kpi.Complaint }
