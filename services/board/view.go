package board

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// view is what one slice looks like in one state: every KPI of the whole tenant, and a few
// of its groups. All clients that watch the same slice share it, so that it
// is evaluated and encoded once.
type view struct {
	state *state
	slice slice
	rows  []row

	mu      sync.Mutex
	full    []byte
	fullAt  time.Time // when full was made: it tells the time, so it ages
	from    *view     // changed is the way from here
	changed []byte
}

type row struct {
	id   rowID
	text json.RawMessage
}

type rowID struct {
	kpi   string
	group kpi.Group
}

// message is the data of a server-sent event.
type message struct {
	At         *time.Time        `json:"at"`  // null before the first totals
	Now        time.Time         `json:"now"` // by the board's clock, so that a client can tell the age
	Build      string            `json:"build,omitempty"`
	Tenant     string            `json:"tenant"`
	Window     string            `json:"window"`
	By         string            `json:"by"`
	Tenants    []string          `json:"tenants,omitempty"`
	Windows    []string          `json:"windows,omitempty"`
	Groupings  []string          `json:"groupings,omitempty"`
	Partitions partitions        `json:"partitions"`
	Readings   []json.RawMessage `json:"readings"`
	Gone       []gone            `json:"gone,omitempty"`
}

type partitions struct {
	Total  int      `json:"total"`
	Silent []Silent `json:"silent"`
}

// gone names a reading that is no longer there.
type gone struct {
	KPI string            `json:"kpi"`
	By  map[string]string `json:"by"`
}

// view returns the picture of a slice; it is made at the first asking.
func (st *state) view(s slice) *view {
	st.mu.Lock()
	defer st.mu.Unlock()
	v, ok := st.views[s]
	if !ok {
		v = &view{state: st, slice: s}
		in := func(d *kpi.Definition) []string { return st.near(d, s.window) }
		readings := st.readings(wanted{tenant: s.tenant, kpis: st.compiled.Catalogue.KPIs, in: in})
		if s.by != 0 {
			readings = append(readings, st.readings(wanted{s.tenant, s.by, st.columns(s.by), in, groups})...)
		}
		for i := range readings {
			r := &readings[i]
			v.rows = append(v.rows, row{rowID{r.KPI, r.Group}, encode(st.compiled, st.At, r)})
		}
		st.views[s] = v
	}
	return v
}

// headline are the KPIs that the page shows large, and by group.
var headline = []string{"response_time", "overdue_ratio", "repeat_incident_ratio"}

// columns are the KPIs shown for each group of a breakdown: the headline ones, and those
// that are about this breakdown.
func (st *state) columns(by kpi.Set) (out []kpi.Definition) {
	for _, d := range st.compiled.Catalogue.KPIs {
		own := slices.ContainsFunc(d.By, func(names string) bool {
			set, _ := kpi.ParseSet(names) // checked with the catalogue
			return set == by
		})
		if own || slices.Contains(headline, d.Key) && st.compiled.By(&d, by) {
			out = append(out, d)
		}
	}
	return out
}

// whole is the event that tells a client everything.
func (v *view) whole(now time.Time) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.full == nil || now.Sub(v.fullAt) > time.Second {
		m := v.head(now)
		m.Build, m.Tenants, m.Windows, m.Groupings = build, v.state.tenants, v.state.windows, setNames(v.state.sets)
		for _, r := range v.rows {
			m.Readings = append(m.Readings, r.text)
		}
		v.full, v.fullAt = m.event("state"), now
	}
	return v.full
}

// since is the event that tells a client who knows old what differs. It is whole where
// what can be picked has changed.
func (v *view) since(old *view, now time.Time) []byte {
	if !v.sameChoices(old) {
		return v.whole(now)
	}
	if old == v {
		m := v.head(now)
		return m.event("change")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.from != old {
		v.from, v.changed = old, v.difference(old, now)
	}
	return v.changed
}

func (v *view) difference(old *view, now time.Time) []byte {
	before := make(map[rowID]json.RawMessage, len(old.rows))
	for _, r := range old.rows {
		before[r.id] = r.text
	}
	m := v.head(now)
	for _, r := range v.rows {
		was, ok := before[r.id]
		delete(before, r.id)
		if !ok || !bytes.Equal(timeless(was), timeless(r.text)) {
			m.Readings = append(m.Readings, r.text)
		}
	}
	for id := range before {
		m.Gone = append(m.Gone, gone{id.kpi, groupNames(id.group)})
	}
	return m.event("change")
}

// timeless is a reading without its instant, which it begins with.
func timeless(reading []byte) []byte {
	_, rest, _ := bytes.Cut(reading, []byte(","))
	return rest
}

func (v *view) sameChoices(old *view) bool {
	a, b := v.state, old.state
	return slices.Equal(a.tenants, b.tenants) && slices.Equal(a.windows, b.windows) && slices.Equal(a.sets, b.sets)
}

func (v *view) head(now time.Time) message {
	m := message{
		Now: now.UTC(), Tenant: v.slice.tenant, Window: v.slice.window, By: v.slice.by.String(),
		Partitions: partitions{v.state.Partitions, v.state.Silent},
		Readings:   []json.RawMessage{},
	}
	if m.Partitions.Silent == nil {
		m.Partitions.Silent = []Silent{}
	}
	if v.state.At != 0 {
		at := time.Unix(v.state.At, 0).UTC()
		m.At = &at
	}
	return m
}

func (m *message) event(name string) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic("board: internal error: " + err.Error())
	}
	out := make([]byte, 0, len(data)+32)
	out = append(out, "event: "+name+"\ndata: "...)
	out = append(out, data...)
	return append(out, '\n', '\n')
}

func groupNames(g kpi.Group) map[string]string {
	out := make(map[string]string)
	for _, d := range g.Set.Dimensions() {
		out[d.String()] = g.Dims[d]
	}
	return out
}
