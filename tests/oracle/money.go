package oracle

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// cost is the share of a cost in one local day.
type cost struct {
	accrued   moment
	amount    int64 // 10⁻⁴ of the currency
	purposes  []string
	plan      bool
	direction kpi.Direction
}

// order is an order, or a refund with a negative amount.
type order struct {
	customer string
	placed   moment
	amount   int64
	refund   bool
}

// invoice is an invoice with what is unpaid of it.
type invoice struct {
	id, line       string
	issued         moment
	dims           kpi.Dims
	amount, unpaid int64
	due            int64
}

// opening holds balances for what lies before the first event.
type opening struct {
	dims                      kpi.Dims
	asOf                      int64
	customers, lines, revenue int64
}

const plannedBasis = 2 // as in the wire contract

func (f *facts) findMoney() {
	for _, l := range lives(f.events, kpi.Cost, entity) {
		f.accrue(&l[len(l)-1])
	}
	for _, l := range lives(f.events, kpi.Order, entity) {
		s := &l[len(l)-1]
		o := order{customer: s.Customer, placed: l.moment(len(l) - 1).tied(tieOf(s.ID, 0)), amount: s.Amount, refund: s.RefundOf != ""}
		if o.refund {
			o.amount = -o.amount
		}
		f.orders = append(f.orders, o)
	}
	for _, l := range lives(f.events, kpi.Invoice, entity) {
		s := &l[len(l)-1]
		v := invoice{id: s.Entity, line: s.Subscriber, issued: l.moment(len(l) - 1).tied(tieOf(s.ID, 0)), dims: l.dims(), amount: s.Amount, unpaid: s.Amount, due: s.Due}
		for _, paid := range lives(f.events, kpi.Payment, entity) {
			if p := &paid[len(paid)-1]; p.Invoice == v.id {
				v.unpaid -= p.Amount
			}
		}
		v.unpaid = max(0, v.unpaid)
		f.invoices = append(f.invoices, v)
	}
	for _, l := range lives(f.events, kpi.Opening, entity) {
		s := &l[len(l)-1]
		f.openings = append(f.openings, opening{dims: s.dims, asOf: s.AsOf - 1, customers: s.Customers, lines: s.Lines, revenue: s.Amount})
	}
}

// accrue spreads a cost over its local days: an equal whole share to each, and the rest
// to the last. What is taken back is negative.
func (f *facts) accrue(s *step) {
	amount := s.Amount
	if s.ReversalOf != "" {
		amount = -amount
	}
	start, end := s.PeriodStart, s.PeriodEnd
	if start == 0 {
		start, end = s.At, s.At+1
	}
	calendar := f.rules.Calendar
	var days []int64
	for d := calendar.dateOf(start); calendar.midnight(d) < end; d = d.next(1) {
		days = append(days, calendar.midnight(d))
	}
	each := amount / int64(len(days))
	for i, day := range days {
		c := cost{
			accrued: moment{is: true, at: day, dims: s.dims}, amount: each,
			purposes: s.Purposes, plan: s.Basis == plannedBasis, direction: s.Direction,
		}
		c.accrued.dims[kpi.Item] = s.Item
		if i == len(days)-1 {
			c.amount = amount - each*int64(len(days)-1)
		}
		f.costs = append(f.costs, c)
	}
}

// spent adds up the costs of the window for a purpose; "" is all.
func spent(a *asker, plan bool, purpose string) (n int64) {
	for _, c := range a.outcome().costs {
		if c.plan == plan && a.in(c.accrued) && (purpose == "" || c.has(purpose)) {
			n += c.amount
		}
	}
	return n
}

func (c *cost) has(purpose string) bool {
	for _, p := range c.purposes {
		if p == purpose {
			return true
		}
	}
	return false
}

// earned adds up orders less refunds from lo on, and opening balances.
func earned(a *asker, opening bool) (n int64) {
	f := a.outcome()
	for i := range f.orders {
		if a.in(f.orders[i].placed) {
			n += f.orders[i].amount
		}
	}
	for i := range f.openings {
		if o := &f.openings[i]; opening && a.in(o.moment()) {
			n += o.revenue
		}
	}
	return n
}

// moment: the balances stand for what happened before their instant, so a reading at that
// very instant has them.
func (o *opening) moment() moment { return moment{is: true, at: o.asOf - 1, dims: o.dims} }

// ever is the same question about everything before the instant.
func (a *asker) ever() *asker {
	b := *a
	b.lo, b.window, b.period = 0, "all", false
	return &b
}

// callCost is what calls of the side that the option names cost, and how many there were.
func callCost(a *asker) (spent, calls int64) {
	all := a.option("call_cost") == "all"
	f := a.outcome()
	for i := range f.costs {
		if c := &f.costs[i]; !c.plan && c.has("calls") && (all || c.direction != kpi.Outbound) && a.in(c.accrued) {
			spent += c.amount
		}
	}
	for i := range f.calls {
		if c := &f.calls[i]; (all || !c.outbound) && a.in(c.offered) {
			calls++
		}
	}
	return spent, calls
}

func costPerService(a *asker) Answer {
	return ratio(money(spent(a, false, "service")), number(servicesDelivered(a)))
}

// variance is actual ÷ planned − 1.
func variance(actual, planned int64) Answer { return ratio(money(actual-planned), money(planned)) }

// billed are the bills of the window, in money.
func billed(a *asker) int64 {
	return sum(a.outcome().invoices, func(v *invoice) int64 {
		if !a.in(v.issued) {
			return 0
		}
		return v.amount
	})
}

// arrears are, of the bills issued in the months of the window, what is past due and
// unpaid at the instant.
func arrears(a *asker) (n int64) {
	from := a.rules.Calendar.periodStart("month", a.lo)
	f := a.now()
	for i := range f.invoices {
		if v := &f.invoices[i]; v.due != 0 && v.due < a.hi && from <= v.issued.at && v.issued.at < a.hi && a.mine(v.dims) {
			n += v.unpaid
		}
	}
	return n
}

var moneyKPIs = map[string]definition{
	"operating_cost": func(a *asker) Answer { return total(money(spent(a, false, "operations"))) },
	"cost_per_inbound_call": func(a *asker) Answer {
		spent, calls := callCost(a)
		return ratio(money(spent), number(calls))
	},
	"cost_per_service": costPerService,
	"cost_per_channel": costPerService,
	"service_cost":     func(a *asker) Answer { return total(money(spent(a, false, "service"))) },
	"revenue_per_customer": func(a *asker) Answer {
		e := a.ever()
		customers := customersToDate(e)
		return ratio(money(earned(e, true)), number(customers))
	},
	"retention_cost": func(a *asker) Answer { return total(money(spent(a, false, "retention"))) },
	"retention_cost_ratio": func(a *asker) Answer {
		return ratio(money(spent(a, false, "retention")), money(earned(a, false)))
	},
	// Actual ÷ planned − 1.
	"budget_variance": func(a *asker) Answer {
		return variance(spent(a, false, ""), spent(a, true, ""))
	},
	// The same for each purpose; without one, a cost counts for each of its purposes.
	"purpose_budget_variance": func(a *asker) Answer {
		var amounts [2]int64
		for _, c := range a.outcome().costs {
			purposes := c.purposes
			if len(purposes) == 0 {
				purposes = []string{""}
			}
			for _, p := range purposes {
				switch {
				case !a.in(c.accrued.with(kpi.Purpose, p)):
				case c.plan:
					amounts[1] += c.amount
				default:
					amounts[0] += c.amount
				}
			}
		}
		return variance(amounts[0], amounts[1])
	},
	"arrears_rate": func(a *asker) Answer {
		if !a.period {
			return nothing()
		}
		return ratio(money(arrears(a)), money(billed(a)))
	},
}
