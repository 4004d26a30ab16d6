package output

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Components exposes the additive parts of the KPIs, summed over the partitions that
// this process owns: PromQL's sum over processes is right for any number of them. What is
// not additive (the oldest of a stock) or needs more than one number (ages, times, months)
// is left to the KPIs. Flows are shown in the windows that some KPI names by default.
type Components struct {
	compiled *kpi.Compiled
	sets     []kpi.Set
	top      int
	families []componentFamily
	at       *prometheus.Desc

	mu     sync.Mutex
	merger *Merger
	owned  map[uint16]int64 // the partitions, and the instants of their totals
}

type componentFamily struct {
	measure *kpi.Measure
	scale   float64  // of its values
	windows []string // "" alone for a stock
	labels  labels
	desc    *prometheus.Desc
}

// bucketed is the histogram that is exposed with its buckets; of the others, which would
// be a dozen series more in each window, only count and sum are.
const bucketed = "response_time"

// NewComponents returns a collector for the totals grouped by one of sets; of each
// breakdown the top groups are shown and the rest as Other, or all where top is 0.
func NewComponents(c *kpi.Compiled, sets []kpi.Set, top int) *Components {
	out := &Components{
		compiled: c, sets: sets, top: top,
		merger: NewMerger(c.Layout), owned: make(map[uint16]int64),
		at: prometheus.NewDesc(namespace+"partition_reading_timestamp_seconds", "Instant of the partition's readings: what happened before it is counted.", []string{"partition"}, nil),
	}
	windows := shownWindows(c)
	for i := range c.Measures {
		m := &c.Measures[i]
		f := componentFamily{measure: m, scale: unitScale(m.Unit), windows: windows[m.Name]}
		help := "Measure " + m.Name + ": sum it over workers."
		switch m.Shape {
		case kpi.ShapeStock, kpi.ShapeAged, kpi.ShapeClocked:
			f.windows = []string{""}
		case kpi.ShapeOldest, kpi.ShapeByMonth:
			continue
		case kpi.ShapeHistogram:
			help += " A histogram of what lies in the window: its counts also fall."
		}
		f.labels = newLabels(!slices.Equal(f.windows, []string{""}), sets)
		f.desc = prometheus.NewDesc(namespace+"measure_"+withUnit(m.Name, m.Unit), help, f.labels.names(), nil)
		out.families = append(out.families, f)
	}
	return out
}

// shownWindows are, for each measure, the windows of the KPIs that read it.
func shownWindows(c *kpi.Compiled) map[string][]string {
	out := make(map[string][]string)
	for i := range c.Catalogue.KPIs {
		d := &c.Catalogue.KPIs[i]
		for _, t := range c.Terms(d) {
			for _, name := range d.Windows {
				if !slices.Contains(out[t.Name], name) {
					out[t.Name] = append(out[t.Name], name)
				}
			}
		}
	}
	return out
}

// unitScale is how many parts of a unit a value counts.
func unitScale(unit string) float64 {
	switch unit {
	case "seconds":
		return 1000
	case "money":
		return 10_000
	case "points":
		return 1_000_000
	default:
		return 1
	}
}

// Add takes the totals of a partition that this process owns: first a full set, then
// changes, the same as a Publisher is given. It keeps nothing of the set.
func (c *Components) Add(set *kpi.TotalsSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := *set
	own.Totals = within(set.Totals, c.sets)
	for i := range own.Totals {
		t := &own.Totals[i]
		t.Values, t.Openings, t.Oldest = t.Values.Clone(), nil, nil
	}
	if p := c.merger.partitions[set.Partition]; p != nil && !set.Full {
		own.Number = p.next // nothing gets lost here
	}
	if c.merger.Add(&own, time.Time{}) == Taken {
		c.owned[set.Partition] = set.At
	}
}

// Drop forgets a partition that this process no longer owns.
func (c *Components) Drop(partition uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.merger.Forget(partition)
	delete(c.owned, partition)
}

func (c *Components) snapshot() (*Merged, map[uint16]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	owned := make(map[uint16]int64, len(c.owned))
	for p, at := range c.owned {
		owned[p] = at
	}
	return c.merger.Merge(time.Time{}, 0), owned
}

// Describe describes nothing: the collector is unchecked, since its series come and go.
func (c *Components) Describe(chan<- *prometheus.Desc) {}

// Collect sends the latest totals.
func (c *Components) Collect(ch chan<- prometheus.Metric) {
	merged, owned := c.snapshot()
	for p, at := range owned {
		ch <- gauge(c.at, float64(at), strconv.Itoa(int(p)))
	}
	totals := merged.Totals
	if c.top > 0 {
		totals = Cap(totals, c.top, c.compiled)
	}
	for _, view := range tenantViews(totals) {
		for i := range view.members {
			for j := range c.families {
				c.families[j].collect(ch, c.compiled, view.name, &view.members[i])
			}
		}
	}
}

func (f *componentFamily) collect(ch chan<- prometheus.Metric, c *kpi.Compiled, tenant string, m *member) {
	if m.all == nil || !has(f.measure, m.all) {
		return // it has never been counted here
	}
	for _, in := range f.windows {
		t := m.window(in)
		if in == "" {
			t = m.all
		}
		if t == nil {
			continue
		}
		labels := f.labels.values(tenant, &m.group, in)
		if f.measure.Shape == kpi.ShapeHistogram {
			if has(f.measure, t) {
				ch <- f.histogram(t.Values, labels)
			}
			continue
		}
		if n, ok := f.value(c, m, t); ok { // 0 overdue of 4 open is a true 0
			ch <- gauge(f.desc, float64(n)/f.scale, labels...)
		}
	}
}

// value is what a measure counts in a window; ok is false where it does not in such.
func (f *componentFamily) value(c *kpi.Compiled, m *member, t *kpi.Totals) (n int64, ok bool) {
	slot := f.measure.Slot
	switch f.measure.Shape {
	case kpi.ShapePerWindow:
		n = m.all.Values.At(slot)
		if i := slices.Index(c.Windows, t.Window); i >= 0 {
			return n + m.all.Values.At(slot+1+uint16(i)), true
		}
		return n, t.Window == everything
	case kpi.ShapePerPeriod:
		p, ok := kpi.ParsePeriod(t.Window)
		stock := slot + kpi.NumPeriods // at the start of the period
		return t.Values.At(slot+uint16(p)) + m.all.Values.At(stock) - t.Values.At(stock), ok
	default:
		return t.Values.At(slot), true
	}
}

// classicBounds, in seconds, are upper bounds of buckets of the schema, so that what is
// below them is exact: 1 s, 4 s … 12 days.
var classicBounds = func() (out []float64) {
	for octave := 0; octave <= 20; octave += 2 {
		out = append(out, math.Exp2(float64(octave)))
	}
	return out
}()

func (f *componentFamily) histogram(v window.Vector, labels []string) prometheus.Metric {
	var count uint64
	var buckets map[float64]uint64
	bounds := classicBounds
	if f.measure.Name != bucketed {
		bounds = nil
	} else {
		buckets = make(map[float64]uint64, len(bounds))
	}
	i, sum := 0, int64(0)
	for _, e := range v {
		slot := int(e.Slot) - int(f.measure.Slot)
		if slot == 0 {
			sum = e.Value
		}
		if slot <= 0 || slot >= f.measure.Slots || e.Value <= 0 {
			continue
		}
		upper := window.HistogramUpper(uint16(slot))
		for ; i < len(bounds) && bounds[i] < upper; i++ {
			buckets[bounds[i]] = count
		}
		count += uint64(e.Value)
	}
	for ; i < len(bounds); i++ {
		buckets[bounds[i]] = count
	}
	return prometheus.MustNewConstHistogram(f.desc, count, float64(sum)/f.scale, buckets, labels...)
}
