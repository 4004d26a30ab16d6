package kpi

import (
	"cmp"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// member is all that is known of one group.
type member struct {
	tenant  string
	group   Group
	all     *Totals
	windows []*Totals // without all, unless it is asked for
}

// Readings evaluates every KPI in each group and window that has a meaning for it. They
// are sorted by tenant and group, and within that in the order of the catalogue. A
// tenant's whole has a reading of each KPI, with or without a value; a part of it has
// one where the KPI has ever had anything to count.
func (c *Compiled) Readings(at int64, totals []Totals) []Reading {
	members := c.members(at, totals)
	var out []Reading
	for start := 0; start < len(members); {
		end := start + 1
		for end < len(members) && members[end].tenant == members[start].tenant {
			end++
		}
		tenant := c.tenant(at, members[start:end])
		for i := range tenant.members {
			for j := range c.Catalogue.KPIs {
				out = tenant.append(out, &c.Catalogue.KPIs[j], &tenant.members[i])
			}
		}
		start = end
	}
	return out
}

// members gathers totals by group, in order.
func (c *Compiled) members(at int64, totals []Totals) []member {
	order := make([]*Totals, len(totals))
	for i := range totals {
		order[i] = &totals[i]
	}
	slices.SortStableFunc(order, func(a, b *Totals) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), compareGroups(&a.Group, &b.Group))
	})
	var out []member
	for _, t := range order {
		if n := len(out); n == 0 || out[n-1].tenant != t.Tenant || compareGroups(&out[n-1].group, &t.Group) != 0 {
			out = append(out, member{tenant: t.Tenant, group: t.Group})
		}
		m := &out[len(out)-1]
		if t.Window == "all" {
			m.all = t
			continue
		}
		m.windows = append(m.windows, t)
	}
	given := make(map[[2]string]bool)
	for i := range totals {
		given[[2]string{totals[i].Tenant, totals[i].Window}] = true
	}
	for i := range out {
		c.complete(at, &out[i], func(name string) bool { return given[[2]string{out[i].tenant, name}] })
	}
	return out
}

// compareGroups orders groups by their dimensions, the fewest first, and then by value.
func compareGroups(a, b *Group) int {
	if a.Set != b.Set {
		return cmp.Compare(a.Set, b.Set)
	}
	for d := range NumDimensions {
		if a.Set.Has(d) && a.Dims[d] != b.Dims[d] {
			return strings.Compare(a.Dims[d], b.Dims[d])
		}
	}
	return 0
}

// complete adds the rolling windows in which nothing has happened, of those that are known
// of another group of the tenant, and the window all where it is configured or nothing is.
func (c *Compiled) complete(at int64, m *member, known func(name string) bool) {
	given := m.windows
	m.windows = nil
	for _, name := range c.Windows {
		if i := slices.IndexFunc(given, func(t *Totals) bool { return t.Window == name }); i >= 0 {
			m.windows = append(m.windows, given[i])
			continue
		}
		if w, err := window.Parse(name); err == nil && name != "all" && known(name) {
			m.windows = append(m.windows, &Totals{Tenant: m.tenant, Group: m.group, Window: name, Lo: w.Lo(at)})
		}
	}
	for _, t := range given {
		if !slices.Contains(c.Windows, t.Window) {
			m.windows = append(m.windows, t)
		}
	}
	if m.all != nil && (len(c.Windows) == 0 || slices.Contains(c.Windows, "all")) {
		m.windows = append(m.windows, m.all)
	}
}

// tenancy is all groups of a tenant at one instant.
type tenancy struct {
	*Compiled
	at      int64
	members []member
	whole   *member
	// narrowed lists, for each dimension that some KPI looks for the slowest of, the
	// groups that differ in it alone, by the group without it.
	narrowed map[Dimension]map[Group][]*member
}

func (c *Compiled) tenant(at int64, members []member) *tenancy {
	t := &tenancy{Compiled: c, at: at, members: members, narrowed: map[Dimension]map[Group][]*member{}}
	if members[0].group.Set == 0 {
		t.whole = &members[0]
	}
	for i := range c.Catalogue.KPIs {
		d := &c.Catalogue.KPIs[i]
		if d.Formula != Slowest {
			continue
		}
		dimension := slowestOf(d)
		if t.narrowed[dimension] == nil {
			t.narrowed[dimension] = narrowed(dimension, members)
		}
	}
	return t
}

// slowestOf is the dimension whose slowest value a KPI names.
func slowestOf(d *Definition) Dimension {
	set, _ := ParseSet(d.By[0]) // checked when it was read
	return set.Dimensions()[0]
}

func narrowed(d Dimension, members []member) map[Group][]*member {
	out := map[Group][]*member{}
	for i := range members {
		if g := members[i].group; g.Set.Has(d) {
			g.Set &^= SetOf(d)
			g.Dims[d] = ""
			out[g] = append(out[g], &members[i])
		}
	}
	return out
}

// append adds the readings of one KPI for one group.
func (t *tenancy) append(out []Reading, d *Definition, m *member) []Reading {
	f := t.formulas[d.Key]
	if f == nil || !t.By(d, m.group.Set) || d.Formula == Slowest && !t.names(slowestOf(d), m) {
		return out
	}
	if !d.Windowed() {
		return append(out, t.reading(d, m, nil))
	}
	for _, w := range m.windows {
		if t.In(d, w.Window) && (m == t.whole || f.counts(w) || f.counts(m.all)) {
			out = append(out, t.reading(d, m, w))
		}
	}
	return out
}

// names reports whether the slowest value of a dimension can be named in a group: only
// where the group is known by that dimension, too.
func (t *tenancy) names(d Dimension, m *member) bool {
	return !m.group.Set.Has(d) && (m == t.whole || len(t.narrowed[d][m.group]) > 0)
}

// counts reports whether any of the measures has anything in a window.
func (f *formula) counts(t *Totals) bool {
	for i := range f.terms {
		if t != nil && len(f.terms[i].part(t)) > 0 {
			return true
		}
	}
	return false
}

func (t *tenancy) reading(d *Definition, m *member, w *Totals) Reading {
	r := Reading{Tenant: m.tenant, KPI: d.Key, Group: m.group}
	if w != nil {
		r.Window = w.Window
	}
	in := Input{At: t.at, Window: w, All: m.all}
	switch d.Formula {
	case Share:
		in.Whole = t.wholeInput(w)
	case Slowest:
		in.Siblings = t.siblings(slowestOf(d), m, w)
	}
	r.Value = t.Evaluate(d, &in)
	return r
}

// wholeInput is the same window for the whole tenant.
func (t *tenancy) wholeInput(w *Totals) *Input {
	if t.whole == nil {
		return nil
	}
	in := &Input{At: t.at, All: t.whole.all}
	if w != nil {
		in.Window = t.whole.window(w.Window)
	}
	return in
}

func (m *member) window(name string) *Totals {
	if i := slices.IndexFunc(m.windows, func(t *Totals) bool { return t.Window == name }); i >= 0 {
		return m.windows[i]
	}
	return nil
}

func (t *tenancy) siblings(d Dimension, m *member, w *Totals) []Sibling {
	var out []Sibling
	for _, s := range t.narrowed[d][m.group] {
		out = append(out, Sibling{Name: s.group.Dims[d], Window: s.window(w.Window)})
	}
	return out
}
