package board

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Snapshot is what is known of all partitions at one instant. It is never changed once
// it was handed to the board.
type Snapshot struct {
	At         int64 // Unix seconds; what happened at t < At is counted. 0 before the first reading
	Newest     int64 // Unix milliseconds at which the broker stored the newest event counted
	Partitions int   // how many there are; 0 while unknown
	Silent     []Silent
	Readings   []kpi.Reading // merged over the partitions that are not silent
}

// Silent is a partition that is not heard from. Its readings are not in the Snapshot.
type Silent struct {
	Partition uint16    `json:"partition"`
	Since     time.Time `json:"since"`
}

// slice is what one picture shows: one tenant in one window, broken down one way.
type slice struct {
	tenant, window string
	by             kpi.Set
}

// state is a Snapshot with what is derived from it. Any goroutine may read it.
type state struct {
	Snapshot
	catalogue kpi.Catalogue
	tenants   []string
	windows   []string
	sets      []kpi.Set
	readings  map[slice][]*kpi.Reading // stocks under window ""
	replaced  chan struct{}            // closed when a newer state is there

	mu    sync.Mutex
	views map[slice]*view
}

func newState(c *Config, s Snapshot) *state {
	st := &state{
		Snapshot: s, catalogue: c.Catalogue,
		readings: make(map[slice][]*kpi.Reading),
		replaced: make(chan struct{}),
		views:    make(map[slice]*view),
	}
	tenants, windows, sets := map[string]bool{}, map[string]bool{}, map[kpi.Set]bool{}
	for _, w := range c.Windows {
		windows[w.Name] = true
	}
	for _, by := range c.Groups {
		sets[by] = true
	}
	for i := range s.Readings {
		r := &s.Readings[i]
		if _, ok := c.Catalogue.Find(r.KPI); !ok {
			continue // a worker with a newer catalogue
		}
		key := slice{r.Tenant, r.Window, r.Group.Set}
		st.readings[key] = append(st.readings[key], r)
		tenants[r.Tenant], sets[r.Group.Set] = true, true
		if r.Window != "" {
			windows[r.Window] = true
		}
	}
	st.tenants = slices.Sorted(maps.Keys(tenants))
	st.windows = slices.SortedFunc(maps.Keys(windows), compareWindows)
	st.sets = slices.SortedFunc(maps.Keys(sets), compareSets)
	return st
}

// compareWindows puts the shorter first and "all" last.
func compareWindows(a, b string) int {
	return cmp.Or(cmp.Compare(windowLength(a), windowLength(b)), cmp.Compare(a, b))
}

func windowLength(name string) int64 {
	w, err := window.Parse(name)
	if err != nil || w.Length == 0 {
		return 1 << 62
	}
	return w.Length
}

// compareSets puts the smaller first, then the order of the dimensions.
func compareSets(a, b kpi.Set) int {
	return cmp.Or(cmp.Compare(len(a.Dimensions()), len(b.Dimensions())), cmp.Compare(a, b))
}

// setNames are the names of sets, as in the parameter by.
func setNames(sets []kpi.Set) []string {
	out := make([]string, 0, len(sets))
	for _, s := range sets {
		out = append(out, s.String())
	}
	return out
}

// find returns the readings of one slice: the flows in its window, and the stocks,
// which have none.
func (st *state) find(s slice) []*kpi.Reading {
	flows := st.readings[s]
	s.window = ""
	return slices.Concat(flows, st.readings[s])
}

// sort puts readings in the order of the catalogue, then of their groups and windows.
func sortReadings(c kpi.Catalogue, rs []*kpi.Reading) {
	order := make(map[string]int, len(c))
	for i := range c {
		order[c[i].Key] = i
	}
	slices.SortFunc(rs, func(a, b *kpi.Reading) int {
		return cmp.Or(
			cmp.Compare(a.Group.Set, b.Group.Set),
			slices.Compare(a.Group.Dims[:], b.Group.Dims[:]),
			cmp.Compare(order[a.KPI], order[b.KPI]),
			compareWindows(a.Window, b.Window),
		)
	})
}

// encode returns a reading as the API shows it.
func encode(c kpi.Catalogue, at int64, r *kpi.Reading) json.RawMessage {
	d, ok := c.Find(r.KPI)
	if !ok {
		panic("board: internal error: reading of unknown KPI " + r.KPI)
	}
	return kpi.AppendReadingJSON(nil, at, r, d)
}
