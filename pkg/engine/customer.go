package engine

import "slices"

// stretch is a span of time, from ≤ t < to in Unix milliseconds, with the combination of
// what began it.
type stretch struct {
	from, to int64
	combo    uint32
}

// join merges spans, sorted by their beginning, that touch or overlap.
func join(spans []stretch) []stretch {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// customerKey is the key of the thread of an order's or a subscription's customer.
func (s *state) customerKey() threadKey {
	if s.x[xCustomer] == 0 {
		return threadKey{}
	}
	return threadKey{kind: customerThread, tenant: s.Tenant, a: uint32(s.x[xCustomer])}
}

// changeCustomer makes marks all that an order or a subscription leaves with its customer.
func (e *Engine) changeCustomer(i uint32, was, is threadKey, marks []mark) {
	if was != is {
		e.setCustomer(i, was, nil)
	}
	e.setCustomer(i, is, marks)
}

// setCustomer counts a customer anew: what counts depends on all that the customer has.
func (e *Engine) setCustomer(i uint32, key threadKey, marks []mark) {
	t := e.threads.find(key)
	if key.kind == 0 || t == nil && len(marks) == 0 {
		return
	}
	t = e.threads.get(key)
	var former []mark
	for _, m := range t.marks {
		if m.source.entity == i {
			former = append(former, m)
		}
	}
	if slices.Equal(former, marks) {
		return
	}
	e.sink.again = true
	e.countCustomer(key.tenant, t.marks, -1)
	for _, m := range former {
		t.remove(m)
	}
	for _, m := range marks {
		t.insert(m)
	}
	e.countCustomer(key.tenant, t.marks, 1)
}

// countCustomer gives all that a customer counts for, sign times.
func (e *Engine) countCustomer(tenant uint32, marks []mark, sign int64) {
	if len(marks) == 0 {
		return
	}
	e.count(e.feeds.threads["customer.new"], marks[0].combo, marks[0].at, 0, sign, &e.sink)
	if len(e.feeds.threads["customer.active"]) > 0 {
		for w := range e.cfg.Windows {
			e.countActive(marks, w, sign)
		}
	}
	for _, count := range [...]string{customerAtStart, customerRetained, customerActive} {
		if len(e.feeds.threads[count]) > 0 {
			e.countPeriods(tenant, marks, sign)
			return
		}
	}
}

// countActive counts the customer in a window for as long as there is a purchase in it or
// a live subscription.
func (e *Engine) countActive(marks []mark, w int, sign int64) {
	spans := make([]stretch, 0, len(marks))
	for _, m := range marks {
		if m.to == 0 {
			m.to = e.leaves(m.at, w) - 1
		}
		spans = append(spans, stretch{m.at, m.to, m.combo})
	}
	feeds := e.feeds.threads["customer.active"]
	for _, s := range join(spans) {
		e.count(feeds, s.combo, s.from, uint16(w+1), sign, &e.sink)
		if s.to < never-1 {
			e.count(feeds, s.combo, s.to, uint16(w+1), -sign, &e.sink)
		}
	}
}
