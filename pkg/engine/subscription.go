package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// The actions of a subscription, as in the wire contract.
const (
	subscriptionActivated kpi.Action = iota + 1
	subscriptionLeft
)

// Indexes into the combinations of a subscription, as in its schema.
const (
	activatedCombo = iota + 1
	leftCombo
)

func recordSubscription(e *Engine, ev *kpi.Event, r *record) {
	r.extra[extraCustomer] = int64(e.symbols.id(ev.Customer))
	r.extra[extraType] = int64(ev.LeaveCause)
}

// stepSubscription folds one record into a subscription.
func stepSubscription(e *Engine, s *state, r *record, _ *sink) {
	first(&s.x[xCustomer], r.extra[extraCustomer])
	switch r.action {
	case subscriptionActivated:
		s.exists = true
		s.happen(kpi.SubscriptionIsActive, kpi.SubscriptionActivatedAt, activatedCombo, r.at)
		s.set(kpi.SubscriptionHasLeft, false)
		s.Fields[kpi.SubscriptionLeftAt], s.Fields[kpi.SubscriptionReason] = 0, 0
		s.combo[leftCombo] = 0
	case subscriptionLeft:
		s.exists = true
		s.set(kpi.SubscriptionIsActive, false)
		if !s.is(kpi.SubscriptionHasLeft) {
			s.happen(kpi.SubscriptionHasLeft, kpi.SubscriptionLeftAt, leftCombo, r.at)
		}
		last(&s.Fields[kpi.SubscriptionReason], int64(e.words.leaveReasons[r.extra[extraType]]))
	}
}

// relateSubscription tells from when to when it has made somebody a customer.
func relateSubscription(e *Engine, i uint32, before, after *state, _ *sink) {
	was := before.customerKey(linesThread)
	var former []mark
	if t := e.threads.find(was); t != nil {
		for _, m := range t.marks {
			if m.source.entity == i {
				former = append(former, m)
			}
		}
	}
	e.changeCustomer(was, after.customerKey(linesThread), former, e.liveSpans(i))
}

// liveSpans lists the spans in which a subscription was live.
func (e *Engine) liveSpans(i uint32) (spans []mark) {
	e.others = e.history.read(&e.entities.list[i].log, e.others[:0])
	e.live = effective(e.others, e.live[:0])
	combo, active := uint32(0), false
	for k := range e.live {
		r := &e.live[k]
		combo = e.overlay(combo, r.combo)
		switch {
		case r.action == subscriptionActivated && !active:
			active = true
			spans = append(spans, mark{at: r.at, to: never, source: reportKey{kpi.Customer, i, r.id}, combo: combo})
		case r.action == subscriptionLeft && active:
			active = false
			spans[len(spans)-1].to = r.at
		}
	}
	return spans
}
