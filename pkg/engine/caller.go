package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// placed is a mark and the thread that it is in; the zero placed is none.
type placed struct {
	key  threadKey
	mark mark
}

// counting gives what the first of some marks counts for, knowing those that follow it,
// and whether others come before.
type counting func(e *Engine, m []mark, earliest bool, sign int64)

// moveMark takes a mark out of one thread and puts it into another, where what a mark
// counts for depends on its neighbours only.
func (e *Engine) moveMark(was, is placed, give counting) {
	if was == is {
		return
	}
	if was.key.kind != 0 {
		t := e.threads.get(was.key)
		k, _ := t.place(&was.mark)
		e.around(t, k-1, k+2, give, -1)
		t.remove(was.mark)
		e.around(t, k-1, k+1, give, 1)
	}
	if is.key.kind != 0 {
		t := e.threads.get(is.key)
		k, _ := t.place(&is.mark)
		e.around(t, k-1, k+1, give, -1)
		t.insert(is.mark)
		e.around(t, k-1, k+2, give, 1)
	}
}

// around gives what the marks from ≤ j < to count for.
func (e *Engine) around(t *thread, from, to int, give counting, sign int64) {
	for j := max(0, from); j < min(to, len(t.marks)); j++ {
		give(e, t.marks[j:], j == 0, sign)
	}
}

// callOf is the mark of a contact that a customer sought.
func (e *Engine) callOf(i uint32, s, contact *state) placed {
	if !contact.exists || !contact.is(kpi.ContactIsByCustomer) || s.x[xCustomer] == 0 {
		return placed{}
	}
	return placed{
		key:  threadKey{kind: callerThread, tenant: s.Tenant, a: uint32(s.x[xCustomer])},
		mark: mark{at: contact.Fields[kpi.ContactAt], source: e.sourceOf(i), combo: contact.combo[raised]},
	}
}

func (e *Engine) countCaller(m []mark, _ bool, sign int64) {
	e.latest(e.feeds.threads["caller.active"], m, sign)
}
