package simulate

import deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"

// actor is something that goes on by itself: a ticket, a call, the next customer.
type actor interface {
	// step does what happens at an instant and puts what comes next on the agenda.
	step(d *Desk, at int64)
}

// entry is an actor's next step or, where actor is nil, an event to be published.
type entry struct {
	at    int64 // milliseconds of the desk's clock
	order uint64
	actor actor
	event *deskpulsev1.Event
}

func (e *entry) before(f *entry) bool {
	return e.at < f.at || (e.at == f.at && e.order < f.order)
}

// agenda is a heap of entries, the next on top. Entries of one instant come in the
// order in which they were added. Each node has four children: half the depth of two.
type agenda struct {
	entries []entry
	added   uint64
}

func (a *agenda) add(at int64, act actor, ev *deskpulsev1.Event) {
	a.added++
	e := entry{at, a.added, act, ev}
	i := len(a.entries)
	a.entries = append(a.entries, e)
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&a.entries[parent]) {
			break
		}
		a.entries[i] = a.entries[parent]
		i = parent
	}
	a.entries[i] = e
}

func (a *agenda) take() entry {
	top := a.entries[0]
	last := len(a.entries) - 1
	e := a.entries[last]
	a.entries[last] = entry{}
	a.entries = a.entries[:last]
	i := 0
	for {
		first := 4*i + 1
		if first >= last {
			break
		}
		least := first
		for child := first + 1; child < min(first+4, last); child++ {
			if a.entries[child].before(&a.entries[least]) {
				least = child
			}
		}
		if !a.entries[least].before(&e) {
			break
		}
		a.entries[i] = a.entries[least]
		i = least
	}
	if last > 0 {
		a.entries[i] = e
	}
	return top
}
