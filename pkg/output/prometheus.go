package output

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

const namespace = "deskpulse_"

// unitSuffix is the end of a metric's name that says its base unit.
func unitSuffix(d *kpi.Definition) string {
	if d.Unit == "ratio" && strings.HasSuffix(d.Key, "_ratio") {
		return ""
	}
	return "_" + d.Unit
}

// seriesLabels are the labels of a family: what identifies a reading, and one label for
// each dimension that any of its readings is grouped by. The label "by" tells a group
// without a team from the whole tenant.
func seriesLabels(d *kpi.Definition, dims kpi.Set, more ...string) []string {
	labels := append([]string{"tenant", "by"}, more...)
	if d.Type != kpi.Stock {
		labels = append(labels, "window")
	}
	for _, dim := range dims.Dimensions() {
		labels = append(labels, dim.String())
	}
	return labels
}

func labelValues(d *kpi.Definition, dims kpi.Set, r *kpi.Reading, more ...string) []string {
	values := append([]string{r.Tenant, r.Group.Set.String()}, more...)
	if d.Type != kpi.Stock {
		values = append(values, r.Window)
	}
	for _, dim := range dims.Dimensions() {
		values = append(values, strings.ToValidUTF8(r.Group.Dims[dim], "\uFFFD"))
	}
	return values
}

// grouped is the union of the sets that readings are grouped by.
func grouped(sets []kpi.Set) (all kpi.Set) {
	for _, s := range sets {
		all |= s
	}
	return all
}

// KPIs exposes finished KPIs from merged readings. Its metrics are gauges: they tell
// what is so now.
type KPIs struct {
	catalogue kpi.Catalogue
	sets      []kpi.Set
	dims      kpi.Set
	top       int
	latest    atomic.Pointer[Merged]
	families  map[string]kpiFamily
	at, stale *prometheus.Desc
}

type kpiFamily struct {
	definition           *kpi.Definition
	value, mean, samples *prometheus.Desc
}

// NewKPIs returns a collector for the readings grouped by one of sets; of each breakdown
// the top groups are shown and the rest as Other, or all where top is 0.
func NewKPIs(catalogue kpi.Catalogue, sets []kpi.Set, top int) *KPIs {
	k := &KPIs{
		catalogue: catalogue, sets: sets, dims: grouped(sets), top: top,
		families: make(map[string]kpiFamily),
		at:       prometheus.NewDesc(namespace+"reading_timestamp_seconds", "Instant of the readings: what happened before it is counted.", nil, nil),
		stale:    prometheus.NewDesc(namespace+"partitions_stale", "Partitions that are silent, and so not counted in any KPI.", nil, nil),
	}
	for i := range catalogue {
		d := &catalogue[i]
		name, help := namespace+d.Key, strings.TrimSpace(d.Description)
		f := kpiFamily{definition: d}
		if d.Formula == kpi.Distribution {
			f.value = prometheus.NewDesc(name+unitSuffix(d), help+" Quantiles.", seriesLabels(d, k.dims, "quantile"), nil)
			f.mean = prometheus.NewDesc(name+"_mean"+unitSuffix(d), help+" Mean.", seriesLabels(d, k.dims), nil)
			f.samples = prometheus.NewDesc(name+"_samples", help+" Number of samples.", seriesLabels(d, k.dims), nil)
		} else {
			f.value = prometheus.NewDesc(name+unitSuffix(d), help, seriesLabels(d, k.dims), nil)
		}
		k.families[d.Key] = f
	}
	return k
}

// Set replaces what is exposed. merged must not change afterwards.
func (k *KPIs) Set(merged *Merged) { k.latest.Store(merged) }

// Describe describes nothing: the collector is unchecked, since its series come and go.
func (k *KPIs) Describe(chan<- *prometheus.Desc) {}

// Collect sends the latest readings.
func (k *KPIs) Collect(ch chan<- prometheus.Metric) {
	m := k.latest.Load()
	if m == nil {
		return
	}
	ch <- gauge(k.stale, float64(len(m.Stale)))
	if m.At == 0 {
		return
	}
	ch <- gauge(k.at, float64(m.At))
	readings := make([]kpi.Reading, 0, len(m.Readings))
	for i := range m.Readings {
		if slices.Contains(k.sets, m.Readings[i].Group.Set) {
			readings = append(readings, m.Readings[i])
		}
	}
	if k.top > 0 {
		readings = Cap(readings, k.top, k.catalogue)
	}
	for i := range readings {
		k.collect(ch, &readings[i])
	}
}

func (k *KPIs) collect(ch chan<- prometheus.Metric, r *kpi.Reading) {
	f, ok := k.families[r.KPI]
	if !ok {
		return
	}
	v := f.definition.Evaluate(r.Terms)
	if v.Value == nil {
		return
	}
	if f.mean == nil {
		ch <- gauge(f.value, *v.Value, labelValues(f.definition, k.dims, r)...)
		return
	}
	labels := labelValues(f.definition, k.dims, r)
	ch <- gauge(f.mean, *v.Value, labels...)
	ch <- gauge(f.samples, float64(v.Count), labels...)
	for _, q := range kpi.Quantiles {
		ch <- gauge(f.value, v.Quantiles[q.Name], labelValues(f.definition, k.dims, r, formatFloat(q.Q))...)
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// Components exposes the additive parts of the KPIs, summed over the partitions that
// this process owns: PromQL's sum over processes is right for any number of them.
type Components struct {
	catalogue kpi.Catalogue
	sets      []kpi.Set
	dims      kpi.Set
	top       int
	families  map[string]componentFamily
	at        *prometheus.Desc

	mu    sync.RWMutex
	owned map[uint16]*kpi.ReadingSet
}

type componentFamily struct {
	definition *kpi.Definition
	measures   []*prometheus.Desc
}

// NewComponents returns a collector for the readings grouped by one of sets; of each
// breakdown the top groups are shown and the rest as Other, or all where top is 0.
func NewComponents(catalogue kpi.Catalogue, sets []kpi.Set, top int) *Components {
	c := &Components{
		catalogue: catalogue, sets: sets, dims: grouped(sets), top: top,
		families: make(map[string]componentFamily),
		owned:    make(map[uint16]*kpi.ReadingSet),
		at:       prometheus.NewDesc(namespace+"partition_reading_timestamp_seconds", "Instant of the partition's readings: what happened before it is counted.", []string{"partition"}, nil),
	}
	shown := make(map[string]bool) // a measure of two KPIs is exposed once
	for i := range catalogue {
		d := &catalogue[i]
		f := componentFamily{definition: d, measures: make([]*prometheus.Desc, len(d.Measures))}
		for j, measure := range d.Measures {
			if shown[measure] {
				continue
			}
			shown[measure] = true
			name, help := namespace+measure, "Component of "+d.Key+": sum it over workers."
			if d.Formula == kpi.Distribution {
				name, help = name+"_window_seconds", help+" A histogram of what lies in the window: its counts also fall."
			}
			f.measures[j] = prometheus.NewDesc(name, help, seriesLabels(d, c.dims), nil)
		}
		c.families[d.Key] = f
	}
	return c
}

// Set replaces the full readings of a partition. set must not change afterwards.
func (c *Components) Set(set *kpi.ReadingSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owned[set.Partition] = set
}

// Drop forgets a partition that this process no longer owns.
func (c *Components) Drop(partition uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.owned, partition)
}

func (c *Components) snapshot() []*kpi.ReadingSet {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]*kpi.ReadingSet, 0, len(c.owned))
	for _, set := range c.owned {
		out = append(out, set)
	}
	return out
}

// Describe describes nothing: the collector is unchecked, since its series come and go.
func (c *Components) Describe(chan<- *prometheus.Desc) {}

// Collect sends the latest readings.
func (c *Components) Collect(ch chan<- prometheus.Metric) {
	owned := c.snapshot()
	sums := make(map[readingKey][]window.Vector)
	for _, set := range owned {
		ch <- gauge(c.at, float64(set.At), strconv.Itoa(int(set.Partition)))
		for i := range set.Readings {
			if r := &set.Readings[i]; slices.Contains(c.sets, r.Group.Set) {
				addTerms(sums, keyOf(r), r.Terms)
			}
		}
	}
	readings := summed(sums)
	if c.top > 0 {
		readings = Cap(readings, c.top, c.catalogue)
	}
	for i := range readings {
		c.collect(ch, &readings[i])
	}
}

func (c *Components) collect(ch chan<- prometheus.Metric, r *kpi.Reading) {
	f, ok := c.families[r.KPI]
	if !ok {
		return
	}
	labels := labelValues(f.definition, c.dims, r)
	for i, desc := range f.measures {
		switch {
		case desc == nil || i >= len(r.Terms):
		case f.definition.Formula == kpi.Distribution:
			ch <- newHistogram(desc, r.Terms[i], labels)
		default: // 0 overdue of 4 open is a true 0
			ch <- gauge(desc, float64(r.Terms[i].At(0)), labels...)
		}
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

func newHistogram(desc *prometheus.Desc, v window.Vector, labels []string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(classicBounds))
	var count uint64
	i := 0
	for _, e := range v {
		if e.Slot == 0 || e.Value <= 0 {
			continue
		}
		upper := window.HistogramUpper(e.Slot)
		for i < len(classicBounds) && classicBounds[i] < upper {
			buckets[classicBounds[i]] = count
			i++
		}
		count += uint64(e.Value)
	}
	for ; i < len(classicBounds); i++ {
		buckets[classicBounds[i]] = count
	}
	return prometheus.MustNewConstHistogram(desc, count, float64(v.At(0))/1000, buckets, labels...)
}
