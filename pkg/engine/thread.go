package engine

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// threadKind is a way in which facts of one customer, incident … belong together.
type threadKind uint8

const (
	incidentThread   threadKind = iota + 1 // reports of one incident
	callerThread                           // contacts of one customer
	respondentThread                       // answers of one customer
	customerThread                         // orders of one customer
	linesThread                            // subscriptions of one customer
	billedThread                           // invoices of one subscription in one local month
	serviceThread                          // contacts of one service_id
	matterThread                           // human contacts that may follow a session
	ticketThread                           // calls and complaints that name one ticket
	partsThread                            // entities that the events of one survey or payment went to
)

// threadKey tells threads apart.
type threadKey struct {
	kind         threadKind
	named        bool // of an incident: b is its id, not a category
	tenant, a, b uint32
}

// thread is what several facts have left, oldest first, and the entities whose own facts
// depend on it.
type thread struct {
	marks    []mark
	watchers []watcher
}

// watcher is an entity with a field that depends on what its thread has after, or
// before, an instant.
type watcher struct {
	at     int64 // Unix milliseconds
	entity uint32
}

type threads struct {
	index map[threadKey]uint32
	list  []thread
	keys  []threadKey
}

func newThreads() threads { return threads{index: make(map[threadKey]uint32)} }

// find returns the thread of a key, or nil.
func (t *threads) find(k threadKey) *thread {
	if i, ok := t.index[k]; ok {
		return &t.list[i]
	}
	return nil
}

// get returns the thread of a key, making it where it is missing. It is valid until the
// next call.
func (t *threads) get(k threadKey) *thread {
	i, ok := t.index[k]
	if !ok {
		i = uint32(len(t.list))
		t.index[k] = i
		t.list = append(t.list, thread{})
		t.keys = append(t.keys, k)
	}
	return &t.list[i]
}

// mark is what a fact leaves in a thread: an instant or, with to, a span of time.
type mark struct {
	at, to int64 // Unix milliseconds; to is 0 for an instant, never for a span that goes on
	source reportKey
	combo  uint32
	flag   bool
}

// reportKey tells marks apart by what made them: of a report, the event that reported.
type reportKey struct {
	kind   kpi.Kind
	entity uint32
	event  uint64 // hash of the event's id, or a number of the mark within the entity
}

func (m *mark) compare(o *mark) int {
	return cmp.Or(cmp.Compare(m.at, o.at), cmp.Compare(m.source.event, o.source.event),
		cmp.Compare(m.source.kind, o.source.kind), cmp.Compare(m.source.entity, o.source.entity))
}

// place returns where a mark is, or would be, in the thread.
func (t *thread) place(m *mark) (int, bool) {
	return slices.BinarySearchFunc(t.marks, m, func(a mark, b *mark) int { return a.compare(b) })
}

// insert puts a mark at its place and returns that.
func (t *thread) insert(m mark) int {
	k, found := t.place(&m)
	if found {
		panic("engine: internal error: a mark was left twice")
	}
	t.marks = slices.Insert(t.marks, k, m)
	return k
}

// remove takes a mark out and returns where it was.
func (t *thread) remove(m mark) int {
	k, found := t.place(&m)
	if !found {
		panic("engine: internal error: a mark was taken back that was not left")
	}
	t.marks = slices.Delete(t.marks, k, k+1)
	return k
}

// watch notes from which instant an entity's facts depend on the thread; 0 is not at all.
func (t *thread) watch(entity uint32, before, after int64) {
	if before == after {
		return
	}
	if before != 0 {
		k := slices.Index(t.watchers, watcher{before, entity})
		t.watchers = slices.Delete(t.watchers, k, k+1)
	}
	if after != 0 {
		t.watchers = append(t.watchers, watcher{after, entity})
	}
}
