package oracle

import (
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
		if o := &a.outcome().openings[i]; o.asOf < at && a.mine(o.dims) {
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
	for _, v := range a.outcome().invoices {
		if v.line == "" {
			continue
		}
		key := v.line + "\x00" + number(a.rules.Calendar.periodStart("month", v.issued.at)).String()
		if old, ok := first[key]; !ok || v.issued.at < old.at {
			first[key] = v.issued
		}
	}
	for _, m := range first {
		if a.in(m) {
			n++
		}
	}
	return n
}

// purchase is what makes somebody a customer: an order, or a line activated.
type purchase struct {
	customer string
	moment
}

// bought are the orders, without refunds.
func bought(f *facts) (out []purchase) {
	for i := range f.orders {
		if o := &f.orders[i]; o.customer != "" && !o.refund {
			out = append(out, purchase{o.customer, o.placed})
		}
	}
	return out
}

// customersToDate counts those who became customers in the window, and opening balances.
func customersToDate(a *asker) (n int64) {
	f := a.outcome()
	all := bought(f)
	for i := range f.lines {
		l := &f.lines[i]
		if m := l.history.moment(l.history.first(action(lineActivated))); m.is && l.customer != "" {
			all = append(all, purchase{l.customer, m})
		}
	}
	first := map[string]moment{}
	for _, p := range all {
		if old, ok := first[p.customer]; !ok || p.at < old.at {
			first[p.customer] = p.moment
		}
	}
	for _, m := range first {
		if a.in(m) {
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
// window.
func activeCustomers(a *asker) int64 {
	latest := map[string]moment{}
	f := a.now()
	for _, p := range bought(f) {
		if p.at >= a.lo && p.at >= latest[p.customer].at {
			latest[p.customer] = p.moment
		}
	}
	for i := range f.lines {
		if l := &f.lines[i]; l.active && l.customer != "" {
			latest[l.customer] = moment{is: true, at: l.activated.at, dims: l.dims}
		}
	}
	n := int64(0)
	for _, m := range latest {
		if a.mine(m.dims) {
			n++
		}
	}
	return n
}

// retention counts the customers who were active at the start of the period, and those
// who still were in it.
func retention(a *asker) (atStart, retained int64) {
	start := a.lo
	next := a.rules.Calendar.nextStart(a.window, start)
	previous := a.rules.Calendar.previousStart(a.window, start)
	switch a.option("active_customer") {
	case "90d":
		previous = start - 90*aDay
	case "ever":
		previous = 0
	}
	holders := func(at int64) map[string]bool {
		out := map[string]bool{}
		for _, l := range a.before(at).lines {
			if l.active && l.customer != "" {
				out[l.customer] = true
			}
		}
		return out
	}
	buyers := func(from, to int64) map[string]bool {
		out := map[string]bool{}
		for _, p := range bought(a.outcome()) {
			if from <= p.at && p.at < to {
				out[p.customer] = true
			}
		}
		return out
	}
	before, still := holders(start), holders(next)
	for c := range buyers(previous, start) {
		before[c] = true
	}
	for c := range buyers(start, next) {
		still[c] = true
	}
	for c := range before {
		atStart++
		if still[c] {
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
		if !a.period {
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
