package browser

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/board"
)

// compiled is the built-in catalogue, read in two windows.
var compiled = sync.OnceValue(func() *kpi.Compiled {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		panic(err)
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		panic(err)
	}
	c.Windows = []string{"1h", "24h"}
	return c
})

func group(d kpi.Dimension, value string) kpi.Group {
	g := kpi.Group{Set: kpi.SetOf(d)}
	g.Dims[d] = value
	return g
}

// sheet is the totals of groups of one tenant.
type sheet struct{ totals []kpi.Totals }

// put adds n to a slot of a measure, of one group in one window.
func (s *sheet) put(g kpi.Group, in, measure string, slot uint16, n int64) {
	m, ok := compiled().Find(measure)
	if !ok {
		panic("no measure " + measure)
	}
	find := func(name string) int {
		return slices.IndexFunc(s.totals, func(t kpi.Totals) bool { return t.Group == g && t.Window == name })
	}
	if find(in) < 0 {
		for _, name := range []string{"1h", "24h", "all", "day"} {
			s.totals = append(s.totals, kpi.Totals{Tenant: "acme", Group: g, Window: name})
		}
	}
	s.totals[find(in)].Values.Add(m.Slot+slot, n)
}

func (s *sheet) overdue(g kpi.Group, late, open int64) {
	s.put(g, "all", "tickets_overdue", 0, late)
	s.put(g, "all", "tickets_open", 0, open)
}

// repeated puts incidents into the first window, 1h, or the second, 24h.
func (s *sheet) repeated(g kpi.Group, in uint16, repeated, reported int64) {
	s.put(g, "all", "incidents_repeated", 1+in, repeated)
	s.put(g, "all", "incidents_reported", 1+in, reported)
}

// times puts samples, in minutes, into the last hour.
func (s *sheet) times(g kpi.Group, minutes ...int64) {
	for _, name := range []string{"1h", "all"} {
		for _, m := range minutes {
			s.put(g, name, "response_time", 0, m*60_000)
			s.put(g, name, "response_time", window.HistogramSlot(m*60_000), 1)
		}
	}
}

// snapshot is the sheet as of an instant.
func (s *sheet) snapshot(at time.Time) board.Snapshot {
	slices.SortStableFunc(s.totals, func(a, b kpi.Totals) int {
		return cmp.Or(cmp.Compare(a.Group.Set, b.Group.Set), slices.Compare(a.Group.Dims[:], b.Group.Dims[:]), strings.Compare(a.Window, b.Window))
	})
	return board.Snapshot{At: at.Unix(), Newest: at.UnixMilli(), Partitions: 16, Totals: s.totals}
}

// busy is a desk with eight teams and two channels: 30 of 120 open requests are
// overdue, 8 of the hour's 64 incidents came again, and 7 of the 8 tickets resolved in a
// day were resolved in time.
func busy() *sheet {
	s := &sheet{}
	s.times(kpi.Group{}, 1, 2, 6)
	s.overdue(kpi.Group{}, 30, 120)
	s.repeated(kpi.Group{}, 0, 8, 64)
	s.repeated(kpi.Group{}, 1, 20, 100)
	s.overdue(group(kpi.Channel, "email"), 20, 40)
	s.overdue(group(kpi.Channel, "phone"), 10, 80)
	s.put(kpi.Group{}, "24h", "tickets_resolved_with_target", 0, 8)
	s.put(kpi.Group{}, "24h", "tickets_resolved_late", 0, 1)
	s.put(kpi.Group{}, "day", "complaints_received", 0, 1234)
	for stage, minutes := range map[string]int64{"triage": 4, "repair": 90} {
		s.put(group(kpi.Stage, stage), "24h", "stage_dwell_time", 0, minutes*60_000)
		s.put(group(kpi.Stage, stage), "24h", "stage_dwell_time", window.HistogramSlot(minutes*60_000), 1)
	}
	for _, t := range []struct {
		name                            string
		overdue, open, repeated, report int64
		minutes                         []int64
	}{
		{"Team 10", 2, 9, 1, 7, []int64{12, 18, 22}},
		{"Team 2", 3, 11, 0, 9, []int64{4}},
		{"Billing", 9, 12, 4, 11, []int64{47, 95, 130, 210}},
		{"Network", 0, 48, 2, 24, []int64{1, 1, 2, 3}},
		{"Field service", 7, 14, 0, 0, nil},
		{"Onboarding", 1, 6, 0, 3, []int64{9, 11}},
		{"Retail", 8, 18, 1, 8, []int64{14, 33, 38}},
		{"", 0, 2, 0, 2, nil},
	} {
		g := group(kpi.Team, t.name)
		s.times(g, t.minutes...)
		s.overdue(g, t.overdue, t.open)
		s.repeated(g, 0, t.repeated, t.report)
		s.repeated(g, 1, t.repeated, t.report+1) // so that the hour's nothing is shown as such
	}
	return s
}
