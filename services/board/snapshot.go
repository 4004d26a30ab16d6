package board

import (
	"cmp"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Snapshot is what is known of all partitions at one instant. It is never changed once
// it was handed to the board.
type Snapshot struct {
	At         int64 // Unix seconds; what happened at t < At is counted. 0 before the first totals
	Newest     int64 // Unix milliseconds at which the broker stored the newest event counted
	Partitions int   // how many there are; 0 while unknown
	Silent     []Silent
	// Totals are merged over the partitions that are not silent, in the order of tenant,
	// set, values of the group and window.
	Totals []kpi.Totals
}

// Silent is a partition that is not heard from. Its totals are not in the Snapshot.
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
	compiled *kpi.Compiled
	tenants  []string
	windows  []string // rolling ones, the shorter first, then calendar periods
	sets     []kpi.Set
	replaced chan struct{} // closed when a newer state is there

	mu    sync.Mutex
	views map[slice]*view
}

func newState(c *Config, s Snapshot) *state {
	st := &state{
		Snapshot: s, compiled: c.Compiled, replaced: make(chan struct{}), views: make(map[slice]*view),
		windows: slices.Clone(c.Compiled.Windows), sets: slices.Concat([]kpi.Set{0}, c.Compiled.Breakdown, c.Groups),
	}
	for p := kpi.Day; p < kpi.NumPeriods; p++ {
		st.windows = append(st.windows, p.String())
	}
	// From breakdown to breakdown, without looking at each of their totals.
	for i := 0; i < len(s.Totals); {
		t := &s.Totals[i]
		if n := len(st.tenants); n == 0 || st.tenants[n-1] != t.Tenant {
			st.tenants = append(st.tenants, t.Tenant)
		}
		st.sets = append(st.sets, t.Group.Set)
		i = st.search(t.Tenant, t.Group.Set+1)
	}
	slices.SortStableFunc(st.windows, compareWindows)
	slices.SortFunc(st.sets, compareSets)
	st.sets = slices.Compact(st.sets)
	return st
}

// search returns where the totals of a set begin, or would.
func (st *state) search(tenant string, by kpi.Set) int {
	return sort.Search(len(st.Totals), func(i int) bool {
		t := &st.Totals[i]
		return cmp.Or(strings.Compare(t.Tenant, tenant), cmp.Compare(t.Group.Set, by)) >= 0
	})
}

// totals returns what is known of a tenant's groups of one breakdown.
func (st *state) totals(tenant string, by kpi.Set) []kpi.Totals {
	return st.Totals[st.search(tenant, by):st.search(tenant, by+1)]
}

// compareWindows puts the shorter first, then "all", then calendar periods.
func compareWindows(a, b string) int {
	return cmp.Compare(windowLength(a), windowLength(b))
}

func windowLength(name string) int64 {
	if p, ok := kpi.ParsePeriod(name); ok {
		return 1<<62 + int64(p)
	}
	w, err := window.Parse(name)
	if err != nil || w.Length == 0 {
		return 1 << 61
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

// encode returns a reading as the API shows it.
func encode(c *kpi.Compiled, at int64, r *kpi.Reading) json.RawMessage {
	d, ok := c.Catalogue.Find(r.KPI)
	if !ok {
		panic("board: internal error: reading of unknown KPI " + r.KPI)
	}
	return kpi.AppendReadingJSON(nil, at, r, d)
}
