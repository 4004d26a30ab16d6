package board

import (
	"cmp"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

// wanted is what to evaluate: some KPIs, each in some windows, for the groups of one
// breakdown of a tenant.
type wanted struct {
	tenant string
	by     kpi.Set
	kpis   []kpi.Definition
	in     func(*kpi.Definition) []string // windows; it is not asked of what has none
	top    int                            // of the groups the largest, the rest as "other"; 0: all of them
}

// readings evaluates what is wanted, and nothing else, in the order of the catalogue
// within each group.
func (st *state) readings(w wanted) (out []kpi.Reading) {
	groups := st.totals(w.tenant, w.by)
	if w.top > 0 {
		groups = output.Cap(groups, w.top, st.compiled)
	}
	for i := range w.kpis {
		d := &w.kpis[i]
		windows := w.windows(st.compiled, d)
		if len(windows) == 0 {
			continue
		}
		totals := st.needed(&w, d, windows, groups)
		for _, name := range windows {
			out = append(out, output.Readings(st.compiled, d, name, w.by, st.At, totals)...)
		}
	}
	st.sort(out)
	return out
}

// windows are those in which to evaluate a KPI: "" where it has none, and none at all where
// it has no meaning for such groups.
func (w *wanted) windows(c *kpi.Compiled, d *kpi.Definition) []string {
	switch {
	case !c.By(d, w.by), d.Formula == kpi.Slowest && w.by&slowestOf(d) != 0:
		return nil
	case d.Windowed():
		return w.in(d)
	default:
		return []string{""}
	}
}

// needed are the totals of groups that a KPI is evaluated from, with those of the whole
// for a share, and of one dimension more where it names the slowest of its values.
func (st *state) needed(w *wanted, d *kpi.Definition, windows []string, groups []kpi.Totals) (out []kpi.Totals) {
	take := func(totals []kpi.Totals) {
		for i := range totals {
			if name := totals[i].Window; name == everything || slices.Contains(windows, name) {
				out = append(out, totals[i])
			}
		}
	}
	if w.by != 0 && d.Formula == kpi.Share {
		take(st.totals(w.tenant, 0))
	}
	take(groups)
	if d.Formula == kpi.Slowest {
		take(st.totals(w.tenant, w.by|slowestOf(d)))
	}
	return out
}

// slowestOf is the dimension whose slowest value a KPI names.
func slowestOf(d *kpi.Definition) kpi.Set {
	over, _ := kpi.ParseSet(d.By[0]) // checked with the catalogue
	return over
}

// everything is the window of all time, from which stocks are read.
const everything = "all"

// sort puts readings in the order of their groups, then of the catalogue and the windows.
func (st *state) sort(rs []kpi.Reading) {
	order := make(map[string]int, len(st.compiled.Catalogue.KPIs))
	for i := range st.compiled.Catalogue.KPIs {
		order[st.compiled.Catalogue.KPIs[i].Key] = i
	}
	slices.SortStableFunc(rs, func(a, b kpi.Reading) int {
		return cmp.Or(
			cmp.Compare(a.Group.Set, b.Group.Set),
			slices.Compare(a.Group.Dims[:], b.Group.Dims[:]),
			cmp.Compare(order[a.KPI], order[b.KPI]),
			compareWindows(a.Window, b.Window),
		)
	})
}

// defaults are the windows in which a KPI is shown unless told otherwise: those of its
// definition that are kept, or else all in which it has a meaning.
func (st *state) defaults(d *kpi.Definition) []string {
	var own, all []string
	for _, name := range st.windows {
		if !st.compiled.In(d, name) {
			continue
		}
		all = append(all, name)
		if slices.Contains(d.Windows, name) {
			own = append(own, name)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// near is the window in which the page shows a KPI where one is picked: that one, unless
// it has no meaning in it or is meant for longer ones (costs accrue by the day), and then
// the first of its own. The headline ones follow the pick.
func (st *state) near(d *kpi.Definition, picked string) []string {
	own := st.defaults(d)
	if st.compiled.In(d, picked) && (slices.Contains(headline, d.Key) || len(own) == 0 || compareWindows(picked, own[0]) >= 0) {
		return []string{picked}
	}
	return own[:min(1, len(own))]
}
