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
	var marks []mark
	if after.exists && !after.is(kpi.OrderIsRefund) {
		source := reportKey{kind: kpi.Order, entity: i, event: uint64(after.x[xOrderEvent])}
		marks = []mark{{at: after.Fields[kpi.OrderAt], source: source, combo: after.combo[current]}}
	}
	e.changeCustomer(i, before.customerKey(), after.customerKey(), marks)
}
