package engine

import (
	"slices"
	"sort"

	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// customer is what makes somebody one: purchases, and spans of live subscriptions. It is
// laid out for one change, and its slices are those of the threads.
//
// What a customer counts for depends on all of it; but what one more mark changes lies
// around that mark, and only that is counted anew, so that the price of an order does not
// grow with the number of those before it.
type customer struct {
	e        *Engine
	calendar *period.Calendar
	option   string // active_customer
	bought   []mark // oldest first
	lines    []mark // of each live subscription; they may overlap
	held     []mark // lines, joined
	moments  []int64
	days     []int32
}

// customerKey is the key of the thread of an order's customer, or of a subscription's.
func (s *state) customerKey(kind threadKind) threadKey {
	if s.x[xCustomer] == 0 {
		return threadKey{}
	}
	return threadKey{kind: kind, tenant: s.Tenant, a: uint32(s.x[xCustomer])}
}

// changeCustomer takes former marks from a customer, and makes marks all that an order or a
// subscription leaves with its customer.
func (e *Engine) changeCustomer(was, is threadKey, former, marks []mark) {
	if was == is && slices.Equal(former, marks) {
		return
	}
	e.sink.again = true
	for i := range former {
		e.alterCustomer(was, &former[i], -1)
	}
	for i := range marks {
		e.alterCustomer(is, &marks[i], 1)
	}
}

// alterCustomer gives a mark to a customer (+1), or takes it back (−1).
func (e *Engine) alterCustomer(key threadKey, m *mark, sign int64) {
	if key.kind == 0 {
		return
	}
	c := e.layOut(key)
	if sign > 0 {
		c.countWindows(m, 1)
	}
	c.countAround(m, -1)
	if t := e.threads.get(key); sign > 0 {
		t.insert(*m)
	} else {
		t.remove(*m)
	}
	c = e.layOut(key)
	c.countAround(m, 1)
	if sign < 0 {
		c.countWindows(m, -1)
	}
}

// layOut returns the customer of a thread, until the next call.
func (e *Engine) layOut(key threadKey) *customer {
	c := &e.customer
	c.e, c.calendar, c.option = e, e.calendar(key.tenant), "period"
	if o, ok := e.compiled.Catalogue.Option("active_customer"); ok {
		c.option = o.Current()
	}
	c.bought, c.lines = nil, nil
	key.kind = customerThread
	if t := e.threads.find(key); t != nil {
		c.bought = t.marks
	}
	key.kind = linesThread
	if t := e.threads.find(key); t != nil {
		c.lines = t.marks
	}
	c.held = join(c.held[:0], c.lines)
	return c
}

// join appends spans, sorted by their beginning, and merges those that touch or overlap.
func join(out, spans []mark) []mark {
	for _, s := range spans {
		if n := len(out); n > 0 && s.at <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// countAround gives what lies around a mark, and only there depends on it: sign times.
func (c *customer) countAround(m *mark, sign int64) {
	if first := firstOf(c.bought, c.lines); first != nil {
		c.e.count(c.e.feeds.threads["customer.new"], first.combo, first.at, 0, sign, &c.e.sink)
	}
	for _, count := range [...]string{customerAtStart, customerRetained, customerActive} {
		if len(c.e.feeds.threads[count]) > 0 {
			c.countPeriods(m, sign)
			return
		}
	}
}

// firstOf is the first of two sorted lists of marks, or nil.
func firstOf(a, b []mark) *mark {
	switch {
	case len(a) == 0 && len(b) == 0:
		return nil
	case len(b) == 0 || len(a) > 0 && a[0].compare(&b[0]) < 0:
		return &a[0]
	default:
		return &b[0]
	}
}

func (c *customer) countWindows(m *mark, sign int64) {
	if len(c.e.feeds.threads["customer.active"]) == 0 {
		return
	}
	v := presence{customer: c}
	for v.w = range c.e.cfg.Windows {
		v.count(m, sign)
	}
}

// presence is a customer in one window: active for as long as there is a purchase in it or
// a live subscription.
type presence struct {
	*customer
	w     int
	began mark // what began the stretch that the mark touches in a former window,
	in    int  // and that window plus one; 0 is none
}

// end is the last instant of a mark in the window. Of purchases, later ones end no sooner.
func (v *presence) end(m *mark) int64 {
	if m.to != 0 {
		return m.to
	}
	return v.e.leaves(m.at, v.w) - 1
}

// count gives what one more mark changes: the stretches of time that it touches become
// one.
func (v *presence) count(m *mark, sign int64) {
	from, to := *m, v.end(m)
	k := v.place(m)
	reach, covered := v.before(m, k)
	if covered {
		if reach = v.extend(reach, to); reach >= to {
			return // it is there already
		}
		from = v.first(m, k)
		v.give(&from, reach, -sign)
	}
	for {
		next := v.next(m, k, reach, covered)
		if next == nil || next.at > to {
			break
		}
		reach, covered = v.extend(v.end(next), never), true
		v.give(next, reach, -sign)
	}
	if covered {
		to = max(to, reach)
	}
	v.give(&from, to, sign)
}

// give counts a stretch, from a mark on.
func (v *presence) give(from *mark, to, sign int64) {
	feeds := v.e.feeds.threads["customer.active"]
	v.e.count(feeds, from.combo, from.at, uint16(v.w+1), sign, &v.e.sink)
	if to < never-1 {
		v.e.count(feeds, from.combo, to, uint16(v.w+1), -sign, &v.e.sink)
	}
}

// before returns until when what began before a mark lasts, and whether that is long
// enough to touch it. k is the mark's place among the purchases.
func (v *presence) before(m *mark, k int) (reach int64, touches bool) {
	if k > 0 {
		reach = v.end(&v.bought[k-1])
	}
	for i := range v.held {
		if h := &v.held[i]; h.compare(m) < 0 {
			reach = max(reach, h.to)
		}
	}
	return reach, reach >= m.at
}

// extend goes on from the end of a stretch for as long as something else has begun by
// then, until it is far enough.
func (v *presence) extend(reach, enough int64) int64 {
	for reach < enough {
		further := reach
		if k := v.from(reach + 1); k > 0 {
			further = max(further, v.end(&v.bought[k-1]))
		}
		for i := range v.held {
			if h := &v.held[i]; h.at <= reach {
				further = max(further, h.to)
			}
		}
		if further == reach {
			break
		}
		reach = further
	}
	return reach
}

// next returns what begins next: after the end of the last stretch or, where there is
// none, after the mark.
func (v *presence) next(m *mark, k int, reach int64, covered bool) *mark {
	if covered {
		k = v.from(reach + 1)
	}
	h := slices.IndexFunc(v.held, func(h mark) bool { return covered && h.at > reach || !covered && h.compare(m) > 0 })
	if h < 0 {
		h = len(v.held)
	}
	return firstOf(v.bought[k:], v.held[h:])
}

// first goes back to what began the stretch that touches a mark.
func (v *presence) first(m *mark, k int) mark {
	out := *m
	if v.in > 0 && v.length(v.in-1) <= v.length(v.w) {
		out, k = v.began, v.place(&v.began) // in a longer window it begins no later
	}
	for {
		began := &out
		if j := v.lasting(k, out.at); j < k {
			began, k = &v.bought[j], j
		}
		for i := range v.held {
			if h := &v.held[i]; h.to >= out.at && h.compare(began) < 0 {
				began, k = h, v.place(h)
			}
		}
		if began == &out {
			v.began, v.in = out, v.w+1
			return out
		}
		out = *began
	}
}

// lasting goes back from an instant, and a place among the purchases, for as long as each
// purchase lasts until the next one, and returns the place of the first.
func (v *presence) lasting(k int, at int64) int {
	surely := v.e.cfg.Windows[v.w].Length * 1000
	for k > 0 && (at-v.bought[k-1].at <= surely || v.end(&v.bought[k-1]) >= at) {
		k--
		at = v.bought[k].at
	}
	return k
}

// length is that of a window, in seconds.
func (c *customer) length(w int) int64 {
	if win := &c.e.cfg.Windows[w]; win.Ring != window.Total {
		return win.Length
	}
	return never
}

// place is where a mark is, or would be, among the purchases.
func (c *customer) place(m *mark) int {
	k, _ := slices.BinarySearchFunc(c.bought, m, func(a mark, b *mark) int { return a.compare(b) })
	return k
}

// from is the place of the first purchase at or after an instant.
func (c *customer) from(at int64) int {
	return sort.Search(len(c.bought), func(i int) bool { return c.bought[i].at >= at })
}
