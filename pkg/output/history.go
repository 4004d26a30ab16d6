package output

import (
	"maps"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// historyMerge puts the sums of a KPI's measures together, as live totals would be.
type historyMerge struct {
	query  *HistoryQuery
	points []map[kpi.Group]*parts
}

// parts are the totals of one group at one point.
type parts struct{ window, all, openings window.Vector }

func newHistoryMerge(q *HistoryQuery) *historyMerge {
	m := &historyMerge{query: q, points: make([]map[kpi.Group]*parts, max(len(q.At), len(q.Periods)))}
	for i := range m.points {
		m.points[i] = make(map[kpi.Group]*parts)
	}
	return m
}

// add adds a measure's sum to its group, and to those that a share or the slowest is
// measured against. slots, where there are any, say which slots are which here.
func (m *historyMerge) add(p point, dims kpi.Dims, measure *kpi.Measure, values map[uint16]int64, slots map[uint16]uint16) {
	q := m.query
	groups := []kpi.Group{{Set: q.grouped(), Dims: dims}}
	if set := groups[0].Set; set != q.By {
		over := slowestOf(q.KPI)
		dims[over] = ""
		groups = append(groups, kpi.Group{Set: q.By, Dims: dims})
	}
	if q.KPI.Formula == kpi.Share && q.By != 0 {
		groups = append(groups, kpi.Group{})
	}
	for _, g := range groups {
		to := m.points[p.index][g]
		if to == nil {
			to = &parts{}
			m.points[p.index][g] = to
		}
		vector := [...]*window.Vector{inWindow: &to.window, sinceEver: &to.all, atOpening: &to.openings}[p.part]
		for slot, n := range values {
			if slots != nil {
				here, ok := slots[slot]
				if !ok {
					continue // of a window that is not kept here
				}
				slot = here
			}
			vector.Add(measure.Slot+slot, n)
		}
	}
}

// result lists the points. Groups in which all that there was has gone are left out:
// live totals would not name them.
func (m *historyMerge) result() []HistoryPoint {
	q := m.query
	out := make([]HistoryPoint, len(m.points))
	for i, groups := range m.points {
		frame := kpi.Totals{Tenant: q.Tenant, Window: q.Window.Name}
		if len(q.Periods) > 0 {
			p := &q.Periods[i]
			out[i].At = p.At
			frame.Window, frame.Lo, frame.MonthFrom, frame.MonthTo = p.Period.String(), p.Lo, p.MonthFrom, p.MonthTo
		} else {
			out[i].At = q.At[i]
			frame.Lo = max(0, q.Window.Lo(q.At[i]))
		}
		order := slices.SortedFunc(maps.Keys(groups), func(a, b kpi.Group) int {
			return compareGroups(&groupKey{group: a}, &groupKey{group: b})
		})
		for _, g := range order {
			out[i].Totals = appendParts(out[i].Totals, frame, g, groups[g])
		}
	}
	return out
}

func appendParts(out []kpi.Totals, frame kpi.Totals, g kpi.Group, p *parts) []kpi.Totals {
	if len(p.window)+len(p.all)+len(p.openings) == 0 {
		return out
	}
	frame.Group = g
	if frame.Window == everything || frame.Window == "" {
		// What lies in the window all is what lies before its end.
		frame.Window, frame.Lo, frame.Values = everything, 0, p.all
		for _, e := range p.window {
			if frame.Values.At(e.Slot) == 0 {
				frame.Values.Add(e.Slot, e.Value)
			}
		}
		return append(out, frame)
	}
	all := kpi.Totals{Tenant: frame.Tenant, Window: everything, Group: g, Values: p.all}
	frame.Values, frame.Openings = p.window, p.openings
	if frame.Window > everything { // sorted by name
		return append(out, all, frame)
	}
	return append(out, frame, all)
}

// Readings evaluates one KPI in one window ("" for the instant) for the groups of one
// breakdown, from totals as Merge and History give them. A part of a tenant that the KPI
// has never had anything to count in has no reading.
func Readings(c *kpi.Compiled, d *kpi.Definition, in string, by kpi.Set, at int64, totals []kpi.Totals) (out []kpi.Reading) {
	terms := c.Terms(d)
	for _, view := range tenantViews(totals) {
		for i := range view.members {
			m := &view.members[i]
			if m.group.Set != by {
				continue
			}
			input := view.input(d, m, in, at)
			if by == 0 || counts(terms, input) {
				out = append(out, kpi.Reading{Tenant: view.name, KPI: d.Key, Window: in, Group: m.group, Value: c.Evaluate(d, input)})
			}
		}
	}
	return out
}
