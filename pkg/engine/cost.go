package engine

import (
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Extra numbers of a cost's record, after the amount.
const (
	extraPurposes = extraAmount + 1 + iota // symbol of all of them
	extraPeriodStart
	extraPeriodEnd
	extraBasis
	extraReversal
)

// Scratch of a cost's state. It is no fact itself: its shares are.
const (
	xCostGiven = xOwn + iota
	xCostAmount
	xCostItem
	xCostPurposes
	xCostDirection
	xCostBasis
	xCostStart // Unix milliseconds
	xCostEnd
	xCostParts // one after the last
)

// planned is the basis of a cost that is planned, as in the wire contract.
const planned = 2

// betweenPurposes parts the purposes of a cost in one symbol. No text has it.
const betweenPurposes = "\x00"

func recordCost(e *Engine, ev *kpi.Event, r *record) {
	r.extra[extraAmount] = ev.Amount
	r.extra[extraText] = int64(e.symbols.id(ev.Item))
	r.extra[extraPurposes] = int64(e.symbols.id(strings.Join(ev.Purposes, betweenPurposes)))
	r.extra[extraType], r.extra[extraBasis] = int64(ev.Direction), int64(ev.Basis)
	r.extra[extraPeriodStart], r.extra[extraPeriodEnd] = ev.PeriodStart, ev.PeriodEnd
	if ev.ReversalOf != "" {
		r.extra[extraReversal] = 1
	}
}

// stepCost folds one record into a cost: given again, the last one holds.
func stepCost(_ *Engine, s *state, r *record, _ *sink) {
	s.x[xCostGiven] = 1
	s.x[xCostAmount] = r.extra[extraAmount]
	if r.extra[extraReversal] != 0 {
		s.x[xCostAmount] = -r.extra[extraAmount]
	}
	s.x[xCostItem], s.x[xCostPurposes] = r.extra[extraText], r.extra[extraPurposes]
	s.x[xCostDirection], s.x[xCostBasis] = r.extra[extraType], r.extra[extraBasis]
	s.x[xCostStart], s.x[xCostEnd] = r.extra[extraPeriodStart], r.extra[extraPeriodEnd]
	if s.x[xCostEnd] == 0 {
		s.x[xCostStart], s.x[xCostEnd] = r.at, r.at+1
	}
}

// relateCost gives the shares of a cost.
func relateCost(e *Engine, _ uint32, before, after *state, out *sink) {
	if before.combo[current] == after.combo[current] && slices.Equal(before.x[xOwn:xCostParts], after.x[xOwn:xCostParts]) {
		return
	}
	e.accrue(before, -1, out)
	e.accrue(after, 1, out)
}

// accrue gives the shares of a cost, sign times: an equal whole amount for each local day
// that it touches, and the rest for the last.
func (e *Engine) accrue(s *state, sign int64, out *sink) {
	if s.x[xCostGiven] == 0 {
		return
	}
	calendar := e.calendar(s.Tenant)
	from, to := calendar.Day(s.x[xCostStart]/1000), calendar.Day((s.x[xCostEnd]-1)/1000)
	amount, days := s.x[xCostAmount], int64(to-from)+1
	purposes := e.purposes(uint32(s.x[xCostPurposes]))
	for day := from; day <= to; day++ {
		share := amount / days
		if day == to {
			share = amount - share*(days-1)
		}
		for k, purpose := range purposes {
			e.sub.Fact = kpi.Fact{Tenant: s.Tenant}
			e.sub.set(kpi.CostIsPlan, s.x[xCostBasis] == planned)
			e.sub.set(kpi.CostIsFirstPurpose, k == 0)
			e.sub.Fields[kpi.CostDay], e.sub.Fields[kpi.CostAmount] = calendar.Midnight(day)*1000, share
			e.sub.Fields[kpi.CostPurpose], e.sub.Fields[kpi.CostItem] = int64(purpose), s.x[xCostItem]
			if d := s.x[xCostDirection]; d != 0 {
				e.sub.Fields[kpi.CostDirection] = int64(e.words.directions[d])
			}
			e.emit(kpi.FactCost, s.combo[current], sign, out)
		}
	}
}

// purposes are the symbols of a cost's purposes, each once; that of "" where it has none.
func (e *Engine) purposes(all uint32) (out []uint32) {
	for purpose := range strings.SplitSeq(e.symbols.names[all], betweenPurposes) {
		if p := e.symbols.id(purpose); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
