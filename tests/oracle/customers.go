package oracle

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// line is a subscription.
type line struct {
	id, customer    string
	dims            kpi.Dims
	active          bool
	activated, left moment
	history         life
}

// The actions of a subscription, as in the wire contract.
const (
	lineActivated kpi.Action = iota + 1
	lineLeft
)

func (f *facts) findLines() {
	for _, l := range lives(f.events, kpi.Customer, entity) {
		begins, ends := action(lineActivated), action(lineLeft)
		last := len(l) - 1
		n := line{
			id: l[0].Entity, dims: l.dims(), history: l,
			customer:  l.firstSaid(func(s *step) string { return s.Customer }),
			active:    l.holds(last, begins, ends),
			activated: l.moment(lastIndex(l, begins)),
			left:      l.moment(l.begun(last, ends, begins)),
		}
		if n.activated.is || n.left.is {
			f.lines = append(f.lines, n)
		}
	}
}

// linesAt counts the lines on the network at an instant. One that left and was never seen
// to be activated was one of the opening balance.
func linesAt(a *asker, at int64) (n int64) {
	f := a.before(at)
	for i := range f.lines {
		switch l := &f.lines[i]; {
		case !a.mine(l.dims):
		case l.active:
			n++
		case !l.activated.is:
			n--
		}
	}
	for i := range a.outcome().openings {
		if o := &a.outcome().openings[i]; o.moment().at < at && a.mine(o.dims) {
			n += o.lines
		}
	}
	return n
}

func linesLeft(a *asker) int64 {
	return count(a.outcome().lines, func(l *line) bool { return a.in(l.left) })
}

func linesActivated(a *asker) int64 {
	return count(a.outcome().lines, func(l *line) bool { return a.in(l.activated) })
}

// billedLines counts, for each local month, the lines that were billed in it, at their
// first bill of that month.
func billedLines(a *asker) (n int64) {
	first := map[string]moment{}
	f := a.outcome()
	for i := range f.invoices {
		if v := &f.invoices[i]; v.line != "" {
			key := v.line + "\x00" + number(a.rules.Calendar.periodStart("month", v.issued.at)).String()
			first[key] = earlier(first[key], v.issued)
		}
	}
	for _, m := range first {
		if a.in(m) {
			n++
		}
	}
	return n
}

// customer is what makes somebody one: orders, without refunds, and live lines.
type customer struct {
	bought []moment // in order
	held   []held
}

// held is a span with a live line: from ≤ t < to.
type held struct {
	from moment
	to   int64
}

func (f *facts) customers() map[string]*customer {
	out := map[string]*customer{}
	get := func(id string) *customer {
		if out[id] == nil {
			out[id] = &customer{}
		}
		return out[id]
	}
	for i := range f.orders {
		if o := &f.orders[i]; !o.refund {
			get(o.customer).bought = append(get(o.customer).bought, o.placed)
		}
	}
	for i := range f.lines {
		l := &f.lines[i]
		c := get(l.customer)
		for k := range l.history {
			switch s := &l.history[k]; {
			case s.Action == lineActivated && !l.history.holds(k-1, action(lineActivated), action(lineLeft)):
				c.held = append(c.held, held{l.history.moment(k).tied(tieOf(s.ID, 0)), forever})
			case s.Action == lineLeft && l.history.holds(k-1, action(lineActivated), action(lineLeft)):
				c.held[len(c.held)-1].to = s.At
			}
		}
	}
	delete(out, "") // unknown
	for _, c := range out {
		c.sort()
	}
	return out
}

func (c *customer) sort() {
	before := func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.tie, b.tie)) }
	slices.SortFunc(c.bought, before)
	slices.SortFunc(c.held, func(a, b held) int { return before(a.from, b.from) })
	c.held = joined(c.held)
}

// joined makes one of spans that touch; it keeps the dimensions of the first.
func joined(spans []held) (out []held) {
	for _, s := range spans {
		if n := len(out); n > 0 && s.from.at <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// first is when somebody became a customer.
func (c *customer) first() (m moment) {
	if len(c.bought) > 0 {
		m = c.bought[0]
	}
	if len(c.held) > 0 {
		m = earlier(m, c.held[0].from)
	}
	return m
}

// holds returns the span with a live line that an instant lies in.
func (c *customer) holds(at int64) (moment, bool) {
	for _, h := range c.held {
		if h.from.at < at && at <= h.to {
			return h.from, true
		}
	}
	return moment{}, false
}

// latest returns the latest purchase in lo ≤ t < hi.
func (c *customer) latest(lo, hi int64) (m moment) {
	for _, b := range c.bought {
		if lo <= b.at && b.at < hi {
			m = b
		}
	}
	return m
}

// customersToDate counts those who became customers in the window, and opening balances.
func customersToDate(a *asker) (n int64) {
	f := a.outcome()
	for _, c := range f.customers() {
		if a.in(c.first()) {
			n++
		}
	}
	for i := range f.openings {
		if a.in(f.openings[i].moment()) {
			n += f.openings[i].customers
		}
	}
	return n
}

// activeCustomers are those who hold a live line at the instant or have bought in the
// window. They belong to the dimensions of what began the unbroken time in which they
// were active.
func activeCustomers(a *asker) (n int64) {
	length, bucket, limited := rolling(a.window)
	for _, c := range a.outcome().customers() {
		spans := slices.Clone(c.held)
		for _, b := range c.bought {
			until := int64(forever)
			if limited { // the last instant, in ms, at which it is in the window
				until = (b.at/1000-b.at/1000%bucket+bucket+length)*1000 - 1
			}
			spans = append(spans, held{b, until})
		}
		slices.SortFunc(spans, func(x, y held) int {
			return cmp.Or(cmp.Compare(x.from.at, y.from.at), cmp.Compare(x.from.tie, y.from.tie))
		})
		for _, s := range joined(spans) {
			if s.from.at < a.hi && a.hi <= s.to && a.mine(s.from.dims) {
				n++
			}
		}
	}
	return n
}

// retention counts the customers who were active at the start of the period, and those of
// them who hold a live line at the instant or have bought in it.
func retention(a *asker) (atStart, retained int64) {
	for _, c := range a.outcome().customers() {
		owner, active := c.holds(a.lo)
		if !active {
			switch a.option("active_customer") {
			case "90d":
				owner = c.latest(a.lo-90*aDay, a.lo)
			case "ever":
				if owner = c.latest(0, a.lo); owner.is {
					owner = c.bought[0]
				}
			default:
				owner = c.latest(a.rules.Calendar.previousStart(a.window, a.lo), a.lo)
			}
		}
		if !owner.is || !a.mine(owner.dims) {
			continue
		}
		atStart++
		if _, holding := c.holds(a.hi); holding || c.latest(a.lo, a.hi).is {
			retained++
		}
	}
	return atStart, retained
}

var customerKPIs = map[string]definition{
	"retention_rate": func(a *asker) Answer {
		if !a.period {
			return nothing()
		}
		atStart, retained := retention(a)
		return share(retained, atStart)
	},
	"billing_rate": func(a *asker) Answer { return share(billedLines(a), linesAt(a, a.lo)) },
	"churn_rate": func(a *asker) Answer {
		if a.window != "month" && a.window != "quarter" && a.window != "year" {
			return nothing()
		}
		var openings int64
		for _, start := range a.rules.Calendar.months(a.lo, a.hi) {
			openings += linesAt(a, start)
		}
		return share(linesLeft(a), openings)
	},
	"churn_to_growth_ratio": func(a *asker) Answer { return share(linesLeft(a), linesActivated(a)) },
	"net_additions":         func(a *asker) Answer { return amount(linesActivated(a) - linesLeft(a)) },
}
