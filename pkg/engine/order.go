package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// extraAmount is an amount of money in 10⁻⁴ of its currency.
const extraAmount = extraText + 1

// xOrderEvent is scratch of an order's state: the hash of the event that holds.
const xOrderEvent = xContactOwn

func recordOrder(e *Engine, ev *kpi.Event, r *record) {
	r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
	r.extra[extraAmount] = ev.Amount
	if ev.RefundOf != "" {
		r.extra[extraType] = 1
	}
}

// stepOrder folds one record into an order: given again, the last one holds.
func stepOrder(_ *Engine, s *state, r *record, _ *sink) {
	refund := r.extra[extraType] != 0
	s.exists, s.x[xOrderEvent] = true, int64(r.id)
	s.x[xCustomer] = r.extra[extraCustomer]
	s.set(kpi.OrderIsRefund, refund)
	s.Fields[kpi.OrderAt], s.Fields[kpi.OrderAmount] = r.at, r.extra[extraAmount]
	if refund {
		s.Fields[kpi.OrderAmount] = -r.extra[extraAmount]
	}
}

// relateOrder makes the customer one who has bought.
func relateOrder(e *Engine, i uint32, before, after *state, _ *sink) {
	e.changeCustomer(before.customerKey(customerThread), after.customerKey(customerThread), purchase(i, before), purchase(i, after))
}

// purchase is the mark that an order leaves with its customer, if it is no refund.
func purchase(i uint32, s *state) []mark {
	if !s.exists || s.is(kpi.OrderIsRefund) {
		return nil
	}
	source := reportKey{kind: kpi.Order, entity: i, event: uint64(s.x[xOrderEvent])}
	return []mark{{at: s.Fields[kpi.OrderAt], source: source, combo: s.combo[current]}}
}
