package engine

import "fmt"

// checkFold panics where a ticket that was taken a step further is not as folding its
// whole history would leave it.
func (e *Engine) checkFold(i uint32) {
	if !invariants {
		return
	}
	sink, negative := e.sink, e.counters.Negative
	e.sink.deltas, e.sink.reports, e.sink.live = nil, nil, nil
	t := &e.tickets.list[i]
	whole := e.foldTicket(i, e.history.read(&t.log, nil))
	e.sink, e.counters.Negative = sink, negative
	if whole != t.state {
		panic(fmt.Sprintf("engine: internal error: ticket %s is %+v by steps and %+v by its history", e.tickets.block.get(t.name), t.state, whole))
	}
}
