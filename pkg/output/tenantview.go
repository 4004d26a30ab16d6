package output

import (
	"sort"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// tenantView is the totals of one tenant, by group.
type tenantView struct {
	name    string
	members []member
	whole   *member // nil where it is not among them
}

// member is the totals of one group, in all its windows.
type member struct {
	group  kpi.Group
	totals []kpi.Totals
	all    *kpi.Totals
}

// tenantViews cuts totals, sorted as Merge gives them, into tenants and groups.
func tenantViews(totals []kpi.Totals) []tenantView {
	var out []tenantView
	for len(totals) > 0 {
		first, end := &totals[0], 1
		for end < len(totals) && totals[end].Tenant == first.Tenant && totals[end].Group == first.Group {
			end++
		}
		if n := len(out); n == 0 || out[n-1].name != first.Tenant {
			out = append(out, tenantView{name: first.Tenant})
		}
		view := &out[len(out)-1]
		m := member{group: first.Group, totals: totals[:end]}
		m.all = m.window(everything)
		view.members = append(view.members, m)
		totals = totals[end:]
	}
	for i := range out {
		if out[i].members[0].group.Set == 0 {
			out[i].whole = &out[i].members[0]
		}
	}
	return out
}

// window returns the totals in a window, or nil.
func (m *member) window(name string) *kpi.Totals {
	for i := range m.totals {
		if m.totals[i].Window == name {
			return &m.totals[i]
		}
	}
	return nil
}

// input is what a KPI is evaluated from, for one member in one window; "" for the instant.
func (v *tenantView) input(d *kpi.Definition, m *member, in string, at int64) *kpi.Input {
	out := &kpi.Input{At: at, Window: m.window(in), All: m.all}
	switch {
	case d.Formula == kpi.Share && v.whole != nil:
		out.Whole = &kpi.Input{At: at, Window: v.whole.window(in), All: v.whole.all}
	case d.Formula == kpi.Slowest:
		over := slowestOf(d)
		narrowed := v.by(m.group.Set | kpi.SetOf(over))
		for i := range narrowed {
			if s := &narrowed[i]; narrows(s.group, m.group, over) {
				out.Siblings = append(out.Siblings, kpi.Sibling{Name: s.group.Dims[over], Window: s.window(in)})
			}
		}
	}
	return out
}

// by returns the groups of one breakdown.
func (v *tenantView) by(set kpi.Set) []member {
	at := func(set kpi.Set) int {
		return sort.Search(len(v.members), func(i int) bool { return v.members[i].group.Set >= set })
	}
	return v.members[at(set):at(set+1)]
}

// slowestOf is the dimension whose slowest value a KPI names.
func slowestOf(d *kpi.Definition) kpi.Dimension {
	set, _ := kpi.ParseSet(d.By[0]) // checked with the catalogue
	return set.Dimensions()[0]
}

// narrows tells the groups that differ from another only in having a value of d.
func narrows(g, of kpi.Group, d kpi.Dimension) bool {
	if of.Set.Has(d) || g.Set != of.Set|kpi.SetOf(d) {
		return false
	}
	of.Set, of.Dims[d] = g.Set, g.Dims[d]
	return g == of
}

// counts reports whether a KPI has ever had anything to count in what it is evaluated
// from. A 0 is only then true for a part of a tenant.
func counts(terms []kpi.Term, in *kpi.Input) bool {
	for i := range terms {
		m := terms[i].Measure
		if m.Shape == kpi.ShapeOldest || has(m, in.Window) || has(m, in.All) {
			return true
		}
	}
	return false
}

// has reports whether any slot of a measure is there.
func has(m *kpi.Measure, t *kpi.Totals) bool {
	if t == nil {
		return false
	}
	lo, hi := 0, len(t.Values)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if t.Values[mid].Slot < m.Slot {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(t.Values) && int(t.Values[lo].Slot) < int(m.Slot)+m.Slots
}
