// Package boardtest makes the totals that tests show on a board.
package boardtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Compiled is the built-in catalogue, read in some windows.
func Compiled(windows ...string) *kpi.Compiled {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		panic(err)
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		panic(err)
	}
	c.Windows = windows
	return c
}

// Group is one value of one dimension.
func Group(d kpi.Dimension, value string) kpi.Group {
	g := kpi.Group{Set: kpi.SetOf(d)}
	g.Dims[d] = value
	return g
}

// Sheet is totals of groups.
type Sheet struct {
	Compiled *kpi.Compiled
	Windows  []string // in which a group has totals that has any
	totals   []kpi.Totals
}

// Put adds n to a slot of a measure, of one group in one window.
func (s *Sheet) Put(tenant string, g kpi.Group, in, measure string, slot uint16, n int64) {
	m, ok := s.Compiled.Find(measure)
	if !ok {
		panic("boardtest: no measure " + measure)
	}
	if s.find(tenant, g, in) < 0 {
		for _, name := range s.Windows {
			s.totals = append(s.totals, kpi.Totals{Tenant: tenant, Group: g, Window: name})
		}
	}
	s.totals[s.find(tenant, g, in)].Values.Add(m.Slot+slot, n)
}

func (s *Sheet) find(tenant string, g kpi.Group, in string) int {
	return slices.IndexFunc(s.totals, func(t kpi.Totals) bool { return t.Tenant == tenant && t.Group == g && t.Window == in })
}

// Overdue puts some of the open tickets over their due time.
func (s *Sheet) Overdue(tenant string, g kpi.Group, late, open int64) {
	s.Put(tenant, g, "all", "tickets_overdue", 0, late)
	s.Put(tenant, g, "all", "tickets_open", 0, open)
}

// Repeated puts incidents into a window of the catalogue, by its index.
func (s *Sheet) Repeated(tenant string, g kpi.Group, in uint16, repeated, reported int64) {
	s.Put(tenant, g, "all", "incidents_repeated", 1+in, repeated)
	s.Put(tenant, g, "all", "incidents_reported", 1+in, reported)
}

// Times puts durations of a measure into a window and, as they are of all time too, there.
func (s *Sheet) Times(tenant string, g kpi.Group, in, measure string, times ...time.Duration) {
	for _, t := range times {
		ms := t.Milliseconds()
		for _, name := range []string{in, "all"} {
			s.Put(tenant, g, name, measure, 0, ms)
			s.Put(tenant, g, name, measure, window.HistogramSlot(ms), 1)
		}
	}
}

// Totals returns a copy, in the order of a snapshot.
func (s *Sheet) Totals() []kpi.Totals {
	out := slices.Clone(s.totals)
	slices.SortStableFunc(out, func(a, b kpi.Totals) int {
		return cmp.Or(strings.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Group.Set, b.Group.Set),
			slices.Compare(a.Group.Dims[:], b.Group.Dims[:]), strings.Compare(a.Window, b.Window))
	})
	for i := range out {
		out[i].Values = out[i].Values.Clone()
	}
	return out
}
