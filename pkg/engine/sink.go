package engine

import (
	"cmp"
	"slices"
)

// delta is one change of an additive quantity.
type delta struct {
	at    int64 // Unix milliseconds
	value int64
	combo uint32
	slot  uint16
}

// reportChange is a report of an incident given (+1) or taken back (−1).
type reportChange struct {
	report
	sign int
}

// sink collects what one event changes.
type sink struct {
	deltas  []delta
	reports []reportChange
	negate  bool // take back
	mute    bool // give nothing
	again   bool // something was taken back that may be given again
}

func (s *sink) reset() {
	s.deltas, s.reports, s.negate, s.mute, s.again = s.deltas[:0], s.reports[:0], false, false, false
}

func (s *sink) add(combo uint32, at int64, slot uint16, value int64) {
	if value == 0 || s.mute {
		return
	}
	if s.negate {
		value = -value
	}
	s.deltas = append(s.deltas, delta{at: at, value: value, combo: combo, slot: slot})
}

func (s *sink) report(r report) {
	if !s.mute {
		s.reports = append(s.reports, reportChange{r, s.sign()})
	}
}

func (s *sink) sign() int {
	if s.negate {
		return -1
	}
	return 1
}

// netReports lets reports that were taken back and given again cancel out, and puts
// those taken back first.
func (s *sink) netReports() {
	out := s.reports[:0]
next:
	for _, r := range s.reports {
		for k := range out {
			if out[k].report == r.report && out[k].sign == -r.sign {
				out = slices.Delete(out, k, k+1)
				continue next
			}
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b reportChange) int { return cmp.Compare(a.sign, b.sign) })
	s.reports = out
}

// net lets what was taken back and given again cancel out, so that only what the event
// has changed is marked as changed by it.
func (s *sink) net() {
	slices.SortFunc(s.deltas, func(a, b delta) int { return a.compare(&b) })
	out := s.deltas[:0]
	for _, d := range s.deltas {
		if n := len(out); n > 0 && out[n-1].compare(&d) == 0 {
			out[n-1].value += d.value
		} else {
			out = append(out, d)
		}
	}
	s.deltas = slices.DeleteFunc(out, func(d delta) bool { return d.value == 0 })
}

// compare orders deltas by the cell that they go to.
func (d *delta) compare(o *delta) int {
	return cmp.Or(cmp.Compare(d.combo, o.combo), cmp.Compare(seconds(d.at), seconds(o.at)), cmp.Compare(d.slot, o.slot))
}
