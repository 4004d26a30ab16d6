package engine

import (
	"cmp"
	"slices"
)

// delta is one change of an additive measure.
type delta struct {
	at      int64 // Unix milliseconds
	value   int64
	combo   uint32
	slot    uint16
	measure measure
}

func (d *delta) compare(o *delta) int {
	return cmp.Or(cmp.Compare(d.measure, o.measure), cmp.Compare(d.combo, o.combo),
		cmp.Compare(d.at, o.at), cmp.Compare(d.slot, o.slot))
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
	negate  bool
	live    []record // scratch
}

func (s *sink) reset() {
	s.deltas, s.reports, s.negate = s.deltas[:0], s.reports[:0], false
}

func (s *sink) add(m measure, combo uint32, at int64, slot uint16, value int64) {
	if value == 0 {
		return
	}
	if s.negate {
		value = -value
	}
	s.deltas = append(s.deltas, delta{at: at, value: value, combo: combo, slot: slot, measure: m})
}

func (s *sink) report(r report) {
	sign := 1
	if s.negate {
		sign = -1
	}
	s.reports = append(s.reports, reportChange{r, sign})
}

// net lets what was taken back and given again cancel out.
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
	s.netReports()
}

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
	s.reports = out
}
