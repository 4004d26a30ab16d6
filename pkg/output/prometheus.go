package output

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// labels of a family: what identifies a reading, and one label for each dimension that
// any of its readings is grouped by. The label "by" tells a group without a team from the
// whole tenant.
type labels struct {
	windowed bool
	dims     []kpi.Dimension
}

func newLabels(windowed bool, sets []kpi.Set) labels {
	var all kpi.Set
	for _, s := range sets {
		all |= s
	}
	return labels{windowed, all.Dimensions()}
}

func (l *labels) names(more ...string) []string {
	out := append([]string{"tenant", "by"}, more...)
	if l.windowed {
		out = append(out, "window")
	}
	for _, d := range l.dims {
		out = append(out, d.String())
	}
	return out
}

// values are those of a group in a window, with room for more in front of it.
func (l *labels) values(tenant string, g *kpi.Group, in string, more ...string) []string {
	out := make([]string, 0, len(l.dims)+len(more)+3)
	out = append(append(out, tenant, g.Set.String()), more...)
	if l.windowed {
		out = append(out, in)
	}
	for _, d := range l.dims {
		out = append(out, strings.ToValidUTF8(g.Dims[d], "\uFFFD"))
	}
	return out
}

// KPIs exposes finished KPIs from merged totals, each in the windows that its definition
// names, for the whole tenant and some breakdowns. Its metrics are gauges: they tell what
// is so now. Formulas are applied when they are scraped.
type KPIs struct {
	compiled           *kpi.Compiled
	sets               []kpi.Set // of totals that any family reads
	top                int
	latest             atomic.Pointer[Merged]
	families           []family
	at, stale, foreign *prometheus.Desc
}

// family is the metrics of one KPI.
type family struct {
	*kpi.Definition
	terms   []kpi.Term
	windows []string  // "" alone for what is read at the instant
	sets    []kpi.Set // that it is broken down by
	labels  labels
	value   *prometheus.Desc
	mean    *prometheus.Desc // of a distribution,
	samples *prometheus.Desc
	part    *prometheus.Desc // of an index,
	soft    *prometheus.Desc // and of a cohort
}

// NewKPIs returns a collector for the whole of each tenant, the breakdowns by sets, and
// those that each KPI names itself; of each breakdown the top groups are shown and the
// rest as Other, or all where top is 0.
func NewKPIs(c *kpi.Compiled, sets []kpi.Set, top int) *KPIs {
	k := &KPIs{
		compiled: c, top: top,
		at:      prometheus.NewDesc(namespace+"reading_timestamp_seconds", "Instant of the readings: what happened before it is counted.", nil, nil),
		stale:   prometheus.NewDesc(namespace+"partitions_stale", "Partitions that are silent, and so not counted in any KPI.", nil, nil),
		foreign: prometheus.NewDesc(namespace+"partitions_foreign", "Partitions whose workers have other measures, and so are not counted in any KPI.", nil, nil),
	}
	for i := range c.Catalogue.KPIs {
		f := newFamily(c, &c.Catalogue.KPIs[i], sets)
		k.families = append(k.families, f)
		k.sets = append(k.sets, f.sets...)
		if f.Formula == kpi.Slowest {
			for _, s := range f.sets {
				k.sets = append(k.sets, s|kpi.SetOf(slowestOf(f.Definition)))
			}
		}
	}
	slices.Sort(k.sets)
	k.sets = slices.Compact(k.sets)
	return k
}

func newFamily(c *kpi.Compiled, d *kpi.Definition, sets []kpi.Set) family {
	f := family{Definition: d, terms: c.Terms(d), windows: d.Windows, sets: []kpi.Set{0}}
	if !d.Windowed() {
		f.windows = []string{""}
	}
	for _, s := range sets {
		if c.By(d, s) {
			f.sets = append(f.sets, s)
		}
	}
	for _, by := range d.By {
		s, _ := kpi.ParseSet(by) // checked with the catalogue
		f.sets = append(f.sets, s)
	}
	if d.Formula == kpi.Slowest { // it is not broken down by what it names
		over := slowestOf(d)
		f.sets = slices.DeleteFunc(f.sets, func(s kpi.Set) bool { return s.Has(over) })
	}
	slices.Sort(f.sets)
	f.sets = slices.Compact(f.sets)
	f.labels = newLabels(d.Windowed(), f.sets)
	f.describe()
	return f
}

func (f *family) describe() {
	names, help := MetricNames(f.Definition), strings.TrimSpace(f.Descriptions["en"])
	desc := func(name, more string, label ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help+more, f.labels.names(label...), nil)
	}
	switch f.Formula {
	case kpi.Distribution:
		f.value = desc(names[0], " Quantiles.", "quantile")
		f.mean, f.samples = desc(names[1], " Mean."), desc(names[2], " Number of samples.")
	case kpi.Index:
		f.value, f.part = desc(names[0], ""), desc(names[1], " Its parts.", "part")
	case kpi.Slowest:
		f.value = desc(names[0], "", "slowest")
	default:
		f.value = desc(names[0], "")
	}
	if f.Immature != "" {
		f.soft = desc(names[len(names)-1], " How many outcomes may still come.")
	}
}

// Set replaces what is exposed. merged must not change afterwards.
func (k *KPIs) Set(merged *Merged) { k.latest.Store(merged) }

// Describe describes nothing: the collector is unchecked, since its series come and go.
func (k *KPIs) Describe(chan<- *prometheus.Desc) {}

// Collect evaluates the latest totals and sends what has a value.
func (k *KPIs) Collect(ch chan<- prometheus.Metric) {
	m := k.latest.Load()
	if m == nil {
		return
	}
	ch <- gauge(k.stale, float64(len(m.Stale)))
	ch <- gauge(k.foreign, float64(len(m.Foreign)))
	if m.At == 0 {
		return
	}
	ch <- gauge(k.at, float64(m.At))
	totals := within(m.Totals, k.sets)
	views := tenantViews(totals)
	shown := views
	if k.top > 0 {
		shown = tenantViews(Cap(totals, k.top, k.compiled)) // of the same tenants
	}
	for i := range views {
		for j := range k.families {
			k.families[j].collect(ch, k.compiled, &views[i], shown[i].members, m.At)
		}
	}
}

// within are the totals grouped by one of sets.
func within(totals []kpi.Totals, sets []kpi.Set) []kpi.Totals {
	out := make([]kpi.Totals, 0, len(totals))
	for i := range totals {
		if slices.Contains(sets, totals[i].Group.Set) {
			out = append(out, totals[i])
		}
	}
	return out
}

// collect sends the KPI of those shown, out of all there are: the slowest is looked for
// in all.
func (f *family) collect(ch chan<- prometheus.Metric, c *kpi.Compiled, view *tenantView, shown []member, at int64) {
	for i := range shown {
		m := &shown[i]
		if !slices.Contains(f.sets, m.group.Set) {
			continue
		}
		for _, in := range f.windows {
			input := view.input(f.Definition, m, in, at)
			if in != "" && input.Window == nil || m.group.Set != 0 && !counts(f.terms, input) {
				continue
			}
			v := c.Evaluate(f.Definition, input)
			f.send(ch, view.name, &m.group, in, &v)
		}
	}
}

// send sends a value, if it is one.
func (f *family) send(ch chan<- prometheus.Metric, tenant string, g *kpi.Group, in string, v *kpi.Value) {
	if v.Value == nil {
		return
	}
	values := f.labels.values(tenant, g, in)
	switch f.Formula {
	case kpi.Distribution:
		ch <- gauge(f.mean, *v.Value, values...)
		ch <- gauge(f.samples, float64(v.Count), values...)
		for _, q := range kpi.Quantiles {
			ch <- gauge(f.value, v.Quantiles[q.Name], f.labels.values(tenant, g, in, formatFloat(q.Q))...)
		}
	case kpi.Slowest:
		ch <- gauge(f.value, *v.Value, f.labels.values(tenant, g, in, v.Slowest)...)
	default:
		ch <- gauge(f.value, *v.Value, values...)
	}
	for _, p := range v.Parts {
		if p.Value != nil && f.part != nil {
			ch <- gauge(f.part, *p.Value, f.labels.values(tenant, g, in, p.Name)...)
		}
	}
	if v.Immature != nil && f.soft != nil {
		ch <- gauge(f.soft, *v.Immature, values...)
	}
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
