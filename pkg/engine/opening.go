package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Extra numbers of an opening's record, after the amount.
const (
	extraAsOf = extraAmount + 1 + iota
	extraCustomers
	extraLines
)

func recordOpening(_ *Engine, ev *kpi.Event, r *record) {
	// As of an instant is just before it, so that the balances of a first of January are
	// there when the year begins.
	r.extra[extraAmount], r.extra[extraAsOf] = ev.Amount, ev.AsOf-1
	r.extra[extraCustomers], r.extra[extraLines] = ev.Customers, ev.Lines
}

// stepOpening takes opening balances. They hold from the instant that they give, whenever
// they are told; told again, the last ones hold.
func stepOpening(_ *Engine, s *state, r *record, _ *sink) {
	s.exists = true
	s.Fields[kpi.OpeningAt], s.Fields[kpi.OpeningRevenue] = r.extra[extraAsOf], r.extra[extraAmount]
	s.Fields[kpi.OpeningCustomers], s.Fields[kpi.OpeningLines] = r.extra[extraCustomers], r.extra[extraLines]
}
