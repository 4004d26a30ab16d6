package output

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Merger keeps the latest readings of each partition and adds them up.
type Merger struct {
	partitions map[uint16]*held
	count      uint16 // how many partitions there are, as their readings say
}

// NewMerger returns a Merger that has heard of nobody.
func NewMerger() *Merger { return &Merger{partitions: make(map[uint16]*held)} }

// readingKey is the identity of a reading within a partition.
type readingKey struct {
	tenant, kpi, window string
	group               kpi.Group
}

func keyOf(r *kpi.Reading) readingKey { return readingKey{r.Tenant, r.KPI, r.Window, r.Group} }

// held is what is known of one partition.
type held struct {
	epoch, position uint64
	at, newest      int64
	heard           time.Time
	readings        map[readingKey]entry

	// A full set may come in several pieces, of which only the first says Full; they
	// share at and position. What a full set leaves out is dropped when the next set
	// shows that all of its pieces have come.
	round        uint64
	fullAt       int64
	fullPosition uint64
	sweeping     bool
}

type entry struct {
	terms []window.Vector
	round uint64
}

// Heard is what became of a ReadingSet.
type Heard uint8

// The outcomes of Add.
const (
	Taken    Heard = iota
	Outdated       // of an owner that has been replaced
	NeedFull       // only changes, to a state that is not known: ask for a full set
)

// Add takes what one partition has published; now is when it was received. The vectors
// become the Merger's.
func (m *Merger) Add(set *kpi.ReadingSet, now time.Time) Heard {
	if set.Partitions != 0 && set.Partitions != m.count {
		m.count = set.Partitions
		clear(m.partitions) // keys lie elsewhere now: nothing old may be added to anything new
	}
	p := m.partitions[set.Partition]
	switch {
	case p != nil && set.Epoch < p.epoch:
		return Outdated
	case (p == nil || set.Epoch > p.epoch) && !set.Full:
		return NeedFull
	case p == nil || set.Epoch > p.epoch:
		p = &held{epoch: set.Epoch, readings: make(map[readingKey]entry, len(set.Readings))}
		m.partitions[set.Partition] = p
	}
	p.take(set, now)
	return Taken
}

func (p *held) take(set *kpi.ReadingSet, now time.Time) {
	if p.sweeping && (set.At != p.fullAt || set.Position != p.fullPosition) {
		p.sweeping = false
		for k, e := range p.readings {
			if e.round < p.round {
				delete(p.readings, k)
			}
		}
	}
	if set.Full {
		p.round++
		p.sweeping, p.fullAt, p.fullPosition = true, set.At, set.Position
	}
	for i := range set.Readings {
		p.readings[keyOf(&set.Readings[i])] = entry{set.Readings[i].Terms, p.round}
	}
	p.position, p.at, p.newest, p.heard = set.Position, set.At, set.Newest, now
}

// Merged is what all partitions know together.
type Merged struct {
	At       int64         // Unix seconds: the earliest of the partitions' instants
	Newest   int64         // Unix milliseconds: the broker's time of the newest event counted
	Readings []kpi.Reading // sorted by tenant, KPI, window and group; none without terms
	// Stale are the partitions of which nothing was heard for too long, or ever. They
	// are not counted in Readings.
	Stale      []uint16
	Partitions uint16
}

// Merge adds up the partitions heard of within silence before now.
func (m *Merger) Merge(now time.Time, silence time.Duration) *Merged {
	out := &Merged{Partitions: m.count}
	sums := make(map[readingKey][]window.Vector)
	for i := range m.ids() {
		p := m.partitions[i]
		if p == nil || now.Sub(p.heard) > silence {
			out.Stale = append(out.Stale, i)
			continue
		}
		if out.At == 0 || p.at < out.At {
			out.At = p.at
		}
		out.Newest = max(out.Newest, p.newest)
		for k, e := range p.readings {
			addTerms(sums, k, e.terms)
		}
	}
	out.Readings = summed(sums)
	return out
}

// summed lists the sums that have anything to count, sorted.
func summed(sums map[readingKey][]window.Vector) []kpi.Reading {
	out := make([]kpi.Reading, 0, len(sums))
	for k, terms := range sums {
		if !empty(terms) {
			out = append(out, kpi.Reading{Tenant: k.tenant, KPI: k.kpi, Window: k.window, Group: k.group, Terms: terms})
		}
	}
	slices.SortFunc(out, compareReadings)
	return out
}

// ids is one more than the highest partition there is.
func (m *Merger) ids() uint16 {
	n := m.count
	for i := range m.partitions {
		n = max(n, i+1)
	}
	return n
}

func addTerms(sums map[readingKey][]window.Vector, k readingKey, terms []window.Vector) {
	sum := sums[k]
	for len(sum) < len(terms) {
		sum = append(sum, nil)
	}
	for i, v := range terms {
		if sum[i] == nil {
			sum[i] = v.Clone()
		} else {
			sum[i].Merge(v)
		}
	}
	sums[k] = sum
}

func empty(terms []window.Vector) bool {
	return !slices.ContainsFunc(terms, func(v window.Vector) bool { return len(v) > 0 })
}

func compareReadings(a, b kpi.Reading) int {
	return cmp.Or(
		strings.Compare(a.Tenant, b.Tenant),
		strings.Compare(a.KPI, b.KPI),
		strings.Compare(a.Window, b.Window),
		cmp.Compare(a.Group.Set, b.Group.Set),
		slices.Compare(a.Group.Dims[:], b.Group.Dims[:]),
	)
}

// Other is the value of the group that holds what a cap cuts off.
const Other = "other"

// Cap keeps, of each breakdown of a KPI, the n groups with the highest counts (samples,
// or the denominator; ties by name) and adds the rest up as Other. Readings must be
// sorted as Merge gives them, and n > 0; the result is, too.
func Cap(readings []kpi.Reading, n int, catalogue kpi.Catalogue) []kpi.Reading {
	out := make([]kpi.Reading, 0, len(readings))
	for len(readings) > 0 {
		first, end := &readings[0], 1
		for end < len(readings) && sameBreakdown(first, &readings[end]) {
			end++
		}
		out = append(out, capBreakdown(readings[:end], n, catalogue)...)
		readings = readings[end:]
	}
	return out
}

func sameBreakdown(a, b *kpi.Reading) bool {
	return a.Tenant == b.Tenant && a.KPI == b.KPI && a.Window == b.Window && a.Group.Set == b.Group.Set
}

func capBreakdown(groups []kpi.Reading, n int, catalogue kpi.Catalogue) []kpi.Reading {
	d, ok := catalogue.Find(groups[0].KPI)
	if len(groups) <= n || !ok {
		return groups
	}
	counts := make(map[kpi.Dims]int64, len(groups))
	for i := range groups {
		v := d.Evaluate(groups[i].Terms)
		counts[groups[i].Group.Dims] = v.Count + v.Denominator // one of them is 0
	}
	ranked := slices.Clone(groups)
	slices.SortStableFunc(ranked, func(a, b kpi.Reading) int {
		return cmp.Compare(counts[b.Group.Dims], counts[a.Group.Dims])
	})
	other := otherGroup(groups[0].Group.Set)
	sums := make(map[readingKey][]window.Vector)
	kept := make([]kpi.Reading, 0, n+1)
	for i, r := range ranked {
		if i < n && r.Group != other { // a group of that name joins the rest
			kept = append(kept, r)
			continue
		}
		r.Group = other
		addTerms(sums, keyOf(&r), r.Terms)
	}
	for k, terms := range sums {
		kept = append(kept, kpi.Reading{Tenant: k.tenant, KPI: k.kpi, Window: k.window, Group: k.group, Terms: terms})
	}
	slices.SortFunc(kept, compareReadings)
	return kept
}

func otherGroup(set kpi.Set) kpi.Group {
	g := kpi.Group{Set: set}
	for _, d := range set.Dimensions() {
		g.Dims[d] = Other
	}
	return g
}
