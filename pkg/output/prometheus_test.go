package output

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// compiled is the built-in catalogue, with the windows of a worker.
func compiled(t testing.TB) *kpi.Compiled {
	t.Helper()
	c, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range window.Default() {
		out.Windows = append(out.Windows, w.Name)
	}
	return out
}

// sheet builds totals by the names of measures.
type sheet struct {
	t      testing.TB
	c      *kpi.Compiled
	totals map[string]*kpi.Totals // by group and window
}

func newSheet(t testing.TB) *sheet {
	return &sheet{t, compiled(t), make(map[string]*kpi.Totals)}
}

func cellOf(pairs ...string) (g kpi.Group) {
	for i := 0; i < len(pairs); i += 2 {
		d, err := kpi.ParseDimension(pairs[i])
		if err != nil {
			panic(err)
		}
		g.Set |= kpi.SetOf(d)
		g.Dims[d] = pairs[i+1]
	}
	return g
}

// put adds values to the slots of a measure from its first, in a window.
func (s *sheet) put(g kpi.Group, in, measure string, values ...int64) {
	s.t.Helper()
	for i, n := range values {
		s.add(g, in, measure, uint16(i), n)
	}
}

func (s *sheet) add(g kpi.Group, in, measure string, slot uint16, n int64) {
	s.t.Helper()
	m, ok := s.c.Find(measure)
	if !ok {
		s.t.Fatalf("measure %q is unknown", measure)
	}
	key := fmt.Sprint(g, in)
	if s.totals[key] == nil {
		s.totals[key] = &kpi.Totals{Tenant: "acme", Window: in, Group: g}
	}
	s.totals[key].Values.Add(m.Slot+slot, n)
}

// samples adds durations in milliseconds to a histogram, in a window and ever.
func (s *sheet) samples(g kpi.Group, in, measure string, ms ...int64) {
	s.t.Helper()
	for _, name := range []string{in, "all"} {
		for _, x := range ms {
			s.add(g, name, measure, 0, x)
			s.add(g, name, measure, window.HistogramSlot(x), 1)
		}
	}
}

// set is all of it, as a partition's full set.
func (s *sheet) set(partition uint16, at int64) *kpi.TotalsSet {
	out := &kpi.TotalsSet{Partition: partition, Partitions: 10, Epoch: 1, Number: 1, Layout: s.c.Layout, At: at, Full: true}
	for _, t := range s.totals {
		out.Totals = append(out.Totals, *t)
	}
	return out
}

// merged is all of it, merged.
func (s *sheet) merged(at int64) *Merged {
	m := NewMerger(s.c.Layout)
	if m.Add(s.set(0, at), start) != Taken {
		s.t.Fatal("not taken")
	}
	return m.Merge(start, time.Second)
}

func bySets() []kpi.Set { return []kpi.Set{0, kpi.SetOf(kpi.Team)} }

func exposeKPIs(s *sheet, top int) *prometheus.Registry {
	k := NewKPIs(s.c, bySets(), top)
	k.Set(s.merged(1_700_000_000))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(k)
	return registry
}

// expectSeries compares values, within a millionth.
func expectSeries(t *testing.T, got map[string]float64, want map[string]float64) {
	t.Helper()
	for series, value := range want {
		if v, ok := got[series]; !ok || v < value-1e-6 || v > value+1e-6 {
			t.Errorf("%s: got %v (%v), want %v", series, v, ok, value)
		}
	}
}

func TestKPIs(t *testing.T) {
	s := newSheet(t)
	whole, a, none := kpi.Group{}, cellOf("team", "a"), cellOf("team", "")
	s.put(whole, "all", "tickets_overdue", 2)
	s.put(whole, "all", "tickets_open", 6)
	s.put(a, "all", "tickets_overdue", 1)
	s.put(a, "all", "tickets_open", 4)
	s.put(none, "all", "tickets_overdue", 1) // tickets of no team are not the whole tenant
	s.put(none, "all", "tickets_open", 2)
	s.put(cellOf("team", "nothing"), "all", "suggestions_received", 1) // no value of the others
	s.put(cellOf("agent", "ann"), "all", "tickets_open", 6)            // not asked for
	s.samples(whole, "1h", "response_time", 500)                       // in the bucket up to 0.5 s: index −32, middle 2^(−32.5/32)
	s.samples(whole, "8h", "response_time", 500)                       // no window that is shown
	registry := exposeKPIs(s, 0)
	d, _ := s.c.Catalogue.Find("overdue_ratio")
	want := "# HELP deskpulse_overdue_ratio " + strings.TrimSpace(d.Descriptions["en"]) + `
# TYPE deskpulse_overdue_ratio gauge
deskpulse_overdue_ratio{by="",team="",tenant="acme"} 0.3333333333333333
deskpulse_overdue_ratio{by="team",team="",tenant="acme"} 0.5
deskpulse_overdue_ratio{by="team",team="a",tenant="acme"} 0.25
# HELP deskpulse_partitions_foreign Partitions whose workers have other measures, and so are not counted in any KPI.
# TYPE deskpulse_partitions_foreign gauge
deskpulse_partitions_foreign 0
# HELP deskpulse_partitions_stale Partitions that are silent, and so not counted in any KPI.
# TYPE deskpulse_partitions_stale gauge
deskpulse_partitions_stale 9
# HELP deskpulse_reading_timestamp_seconds Instant of the readings: what happened before it is counted.
# TYPE deskpulse_reading_timestamp_seconds gauge
deskpulse_reading_timestamp_seconds 1.7e+09
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "deskpulse_overdue_ratio", "deskpulse_partitions_stale", "deskpulse_partitions_foreign", "deskpulse_reading_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	got := gather(t, registry)
	for series := range got {
		if strings.Contains(series, `team="nothing"`) && !strings.HasPrefix(series, "deskpulse_suggestion") || strings.Contains(series, `window="8h"`) && strings.HasPrefix(series, "deskpulse_response") {
			t.Errorf("%s is exposed, and there is no value, or the window is not shown", series)
		}
	}
	expectSeries(t, got, map[string]float64{
		`deskpulse_response_time_mean_seconds{by="",team="",tenant="acme",window="1h"}`:            0.5,
		`deskpulse_response_time_samples{by="",team="",tenant="acme",window="1h"}`:                 1,
		`deskpulse_response_time_seconds{by="",quantile="0.5",team="",tenant="acme",window="1h"}`:  0.4946140065969878,
		`deskpulse_response_time_seconds{by="",quantile="0.99",team="",tenant="acme",window="1h"}`: 0.4946140065969878,
		`deskpulse_open_tickets{by="",team="",tenant="acme"}`:                                      6, // a count has no unit
	})
}

// One of each formula and unit.
func TestKPIsOfEachKind(t *testing.T) {
	s := newSheet(t)
	whole := kpi.Group{}
	s.put(whole, "all", "operating_cost", 9_000_000)
	s.put(whole, "month", "operating_cost", 1_234_500) // 10⁻⁴ of money
	s.put(whole, "30d", "services_raised", 0)
	// channel_mix: a part of the whole, by its own breakdown.
	for _, in := range []string{"7d", "all"} {
		s.put(whole, in, "contacts", 8)
		s.put(cellOf("channel", "phone"), in, "contacts", 6)
		s.put(cellOf("channel", "mail"), in, "contacts", 2)
		// service_quality_index: reliability 3 of 4, the other parts without data.
		s.put(whole, in, "resolutions", 4)
		s.put(whole, in, "resolutions_undone", 1)
		// complaint_handling_rate: a cohort, of which one may still be handled.
		s.put(whole, in, "complaints_raised", 4)
		s.put(whole, in, "complaints_handled", 3)
		s.put(whole, in, "complaints_undecided", 1)
		s.put(whole, in, "suggestions_received", 5)
		s.put(whole, in, "complaints_received", 5)
	}
	s.put(whole, "day", "complaints_received", 5)
	// repeat incidents: slot 0, and one for each window: 7d is the seventh.
	s.add(whole, "all", "incidents_reported", 0, 10)
	s.add(whole, "all", "incidents_reported", 7, -2)
	s.add(whole, "all", "incidents_repeated", 7, 2)
	// retention: by period.
	s.add(whole, "month", "customers_at_start", uint16(kpi.Month), 4)
	s.add(whole, "month", "customers_retained", uint16(kpi.Month), 3)
	s.add(whole, "all", "customers_at_start", kpi.NumPeriods, 5)   // a stock, of which all
	s.add(whole, "month", "customers_at_start", kpi.NumPeriods, 5) // began in the month
	// Stages: by stage, and the slowest named.
	s.samples(whole, "7d", "stage_dwell_time", 2000, 4000, 10_000)
	s.samples(cellOf("stage", "triage"), "7d", "stage_dwell_time", 2000, 4000)
	s.samples(cellOf("stage", "parts"), "7d", "stage_dwell_time", 10_000)
	got := gather(t, exposeKPIs(s, 0))
	expectSeries(t, got, map[string]float64{
		`deskpulse_operating_cost_money{by="",team="",tenant="acme",window="month"}`:                              123.45,
		`deskpulse_channel_mix_ratio{by="channel",channel="phone",team="",tenant="acme",window="7d"}`:             0.75,
		`deskpulse_channel_mix_ratio{by="channel",channel="mail",team="",tenant="acme",window="7d"}`:              0.25,
		`deskpulse_service_quality_index_points{by="",team="",tenant="acme",window="7d"}`:                         75,
		`deskpulse_service_quality_index_part_points{by="",part="reliability",team="",tenant="acme",window="7d"}`: 75,
		`deskpulse_complaint_handling_rate_ratio{by="",team="",tenant="acme",window="7d"}`:                        0.75,
		`deskpulse_complaint_handling_rate_immature{by="",team="",tenant="acme",window="7d"}`:                     1,
		`deskpulse_suggestions{by="",team="",tenant="acme",window="7d"}`:                                          5,
		`deskpulse_complaints{by="",team="",tenant="acme",window="day"}`:                                          5,
		`deskpulse_repeat_incident_ratio{by="",team="",tenant="acme",window="7d"}`:                                0.25,
		`deskpulse_retention_rate_ratio{by="",team="",tenant="acme",window="month"}`:                              0.75,
		`deskpulse_stage_dwell_time_mean_seconds{by="stage",stage="parts",team="",tenant="acme",window="7d"}`:     10,
		`deskpulse_slowest_stage_seconds{by="",slowest="parts",team="",tenant="acme",window="7d"}`:                10,
	})
	for series := range got {
		if strings.Contains(series, `part="safety"`) {
			t.Errorf("%s has no data", series)
		}
	}
}

func TestMetricNames(t *testing.T) {
	for _, c := range []struct {
		key, unit string
		formula   kpi.Formula
		want      string
	}{
		{"overdue_ratio", "ratio", kpi.Ratio, "deskpulse_overdue_ratio"},
		{"reopen_rate", "ratio", kpi.Ratio, "deskpulse_reopen_rate_ratio"},
		{"response_time", "seconds", kpi.Distribution, "deskpulse_response_time_seconds deskpulse_response_time_mean_seconds deskpulse_response_time_samples"},
		{"contact_minutes_per_customer", "seconds", kpi.Ratio, "deskpulse_contact_seconds_per_customer"},
		{"services_per_agent_hour", "per_hour", kpi.Ratio, "deskpulse_services_per_agent_hour"},
		{"complaint_count", "count", kpi.Plain, "deskpulse_complaints"},
		{"retention_cost", "money", kpi.Plain, "deskpulse_retention_cost_money"},
	} {
		d := &kpi.Definition{Key: c.key, Unit: c.unit, Formula: c.formula}
		if got := strings.Join(MetricNames(d), " "); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestNothingIsExposedBeforeTheFirstTotals(t *testing.T) {
	k := NewKPIs(compiled(t), bySets(), 0)
	if n := testutil.CollectAndCount(k); n != 0 {
		t.Errorf("got %d series before any totals", n)
	}
	k.Set(&Merged{Stale: []uint16{0, 1}})
	if n := testutil.CollectAndCount(k); n != 2 { // stale and foreign, but no instant of 1970
		t.Errorf("got %d series with all partitions silent", n)
	}
}

func TestKPIsAreCapped(t *testing.T) {
	s := newSheet(t)
	for name, n := range map[string][2]int64{"a": {1, 4}, "b": {1, 8}, "c": {2, 2}} {
		s.put(cellOf("team", name), "all", "tickets_overdue", n[0])
		s.put(cellOf("team", name), "all", "tickets_open", n[1])
	}
	got := gather(t, exposeKPIs(s, 1))
	expectSeries(t, got, map[string]float64{
		`deskpulse_overdue_ratio{by="team",team="b",tenant="acme"}`:     0.125,
		`deskpulse_overdue_ratio{by="team",team="other",tenant="acme"}`: 0.5, // (1+2) of (4+2)
	})
}

// The stages of a team are not cut off before the slowest is found; of those that are added
// up there is none.
func TestTheSlowestIsLookedForInAllGroups(t *testing.T) {
	s := newSheet(t)
	dwell := func(team, stage string, ms ...int64) {
		s.samples(cellOf("team", team), "7d", "stage_dwell_time", ms...)
		s.samples(cellOf("team", team, "stage", stage), "7d", "stage_dwell_time", ms...)
		for range ms { // the more there is, the larger a group
			s.put(cellOf("team", team), "7d", "tickets_raised", 1)
			s.put(cellOf("team", team, "stage", stage), "7d", "tickets_raised", 1)
		}
	}
	dwell("a", "triage", 1000, 1000, 1000, 1000)
	dwell("a", "parts", 9000)
	dwell("b", "triage", 2000, 2000, 2000)
	dwell("c", "triage", 50_000)
	got := gather(t, exposeKPIs(s, 2))
	expectSeries(t, got, map[string]float64{
		`deskpulse_slowest_stage_seconds{by="team",slowest="parts",team="a",tenant="acme",window="7d"}`:  9,
		`deskpulse_slowest_stage_seconds{by="team",slowest="triage",team="b",tenant="acme",window="7d"}`: 2,
	})
	for series := range got {
		if strings.HasPrefix(series, "deskpulse_slowest_stage_seconds{") && strings.Contains(series, `team="other"`) {
			t.Errorf("%s is of no one group", series)
		}
	}
}

func exposeComponents(t *testing.T, top int, sets ...*kpi.TotalsSet) (*Components, map[string]float64) {
	c := NewComponents(compiled(t), bySets(), top)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	for _, s := range sets {
		c.Add(s)
	}
	return c, gather(t, registry)
}

func TestComponents(t *testing.T) {
	a := cellOf("team", "a")
	one, other := newSheet(t), newSheet(t)
	one.put(a, "all", "tickets_open", 4)
	one.put(a, "all", "tickets_overdue", 1)
	one.samples(a, "1h", "response_time", 0, 1000, 64_000)
	one.samples(a, "24h", "handle_time", 3000)
	one.put(a, "all", "service_cost", 20_000)
	one.put(a, "30d", "service_cost", 10_000)
	one.add(a, "7d", "incidents_reported", 0, 1) // the window lies in the group
	one.add(a, "all", "incidents_reported", 0, 5)
	one.add(a, "all", "incidents_reported", 7, -2)
	one.put(cellOf("team", "nothing"), "all", "suggestions_received", 1)
	other.put(a, "all", "tickets_open", 1)
	other.put(a, "all", "tickets_overdue", -1) // as where a ticket has moved in from elsewhere
	other.samples(a, "1h", "response_time", 1001)
	c, got := exposeComponents(t, 0, one.set(7, 100), other.set(9, 101), one.set(8, 100))
	expectSeries(t, got, map[string]float64{`deskpulse_measure_tickets_open{by="team",team="a",tenant="acme"}`: 9})
	c.Drop(8)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	got = gather(t, registry)
	expectSeries(t, got, map[string]float64{
		`deskpulse_measure_tickets_open{by="team",team="a",tenant="acme"}`:                                      5,
		`deskpulse_measure_response_time_seconds_count{by="team",team="a",tenant="acme",window="1h"}`:           4,
		`deskpulse_measure_response_time_seconds_sum{by="team",team="a",tenant="acme",window="1h"}`:             66.001,
		`deskpulse_measure_response_time_seconds_bucket{by="team",le="1",team="a",tenant="acme",window="1h"}`:   2, // 0 and 1 s
		`deskpulse_measure_response_time_seconds_bucket{by="team",le="4",team="a",tenant="acme",window="1h"}`:   3,
		`deskpulse_measure_response_time_seconds_bucket{by="team",le="16",team="a",tenant="acme",window="1h"}`:  3,
		`deskpulse_measure_response_time_seconds_bucket{by="team",le="64",team="a",tenant="acme",window="1h"}`:  4,
		`deskpulse_measure_response_time_seconds_bucket{by="team",le="256",team="a",tenant="acme",window="1h"}`: 4,
		`deskpulse_measure_handle_time_seconds_sum{by="team",team="a",tenant="acme",window="24h"}`:              3,
		`deskpulse_measure_service_cost_money{by="team",team="a",tenant="acme",window="30d"}`:                   1,
		`deskpulse_measure_incidents_reported{by="team",team="a",tenant="acme",window="7d"}`:                    3,
		`deskpulse_partition_reading_timestamp_seconds{partition="7"}`:                                          100,
		`deskpulse_partition_reading_timestamp_seconds{partition="9"}`:                                          101,
	})
	for series := range got {
		if strings.Contains(series, `partition="8"`) || strings.Contains(series, `team="nothing"`) && !strings.Contains(series, "suggestions") {
			t.Errorf("%s is exposed, and there is nothing to tell", series)
		}
	}
}

// Changes come with the numbers of a Publisher, of which some were pieces.
func TestComponentsFollowChanges(t *testing.T) {
	s := newSheet(t)
	s.put(kpi.Group{}, "all", "tickets_open", 4)
	first := s.set(1, 100)
	open, _ := s.c.Find("tickets_open")
	change := &kpi.TotalsSet{Partition: 1, Partitions: 10, Epoch: 1, Number: 17, Layout: s.c.Layout, At: 101, Totals: []kpi.Totals{
		{Tenant: "acme", Window: "all", Values: window.Vector{{Slot: open.Slot, Value: 6}}},
	}}
	_, got := exposeComponents(t, 0, first, change)
	expectSeries(t, got, map[string]float64{`deskpulse_measure_tickets_open{by="",team="",tenant="acme"}`: 6})
}

func TestComponentsAreCapped(t *testing.T) {
	one, two := newSheet(t), newSheet(t)
	one.put(cellOf("team", "a"), "all", "tickets_open", 4)
	one.put(cellOf("team", "b"), "all", "tickets_open", 3)
	two.put(cellOf("team", "b"), "all", "tickets_open", 5)
	two.put(cellOf("team", "c"), "all", "tickets_open", 2)
	_, got := exposeComponents(t, 1, one.set(0, 100), two.set(1, 100))
	expectSeries(t, got, map[string]float64{ // b has 8 open, a and c have 6
		`deskpulse_measure_tickets_open{by="team",team="b",tenant="acme"}`:     8,
		`deskpulse_measure_tickets_open{by="team",team="other",tenant="acme"}`: 6,
	})
	if len(got) != 4 { // and the instants of two partitions
		t.Errorf("got %v", got)
	}
}

// Names are conventional, with one exception: a gauge of windowed quantiles has the
// label quantile, as the design says, since a summary would promise counters. Both
// collectors are in one registry, as in deskpulse run.
func TestNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	s := busyDesk(t, 1)
	k := NewKPIs(s.c, bySets(), 0)
	k.Set(s.merged(1_700_000_000))
	c := NewComponents(s.c, bySets(), 0)
	c.Add(s.set(7, 100))
	registry.MustRegister(k, c)
	p := NewPipeline(registry)
	p.Events.WithLabelValues("ticket").Inc()
	p.Dropped.WithLabelValues("tenant").Inc()
	p.DeadLetters.WithLabelValues("tenant").Inc()
	p.Lag.WithLabelValues("7").Set(1)
	p.RowsWritten.WithLabelValues("tickets").Inc()
	p.RowsRejected.WithLabelValues("tickets").Inc()
	p.RowsPending.WithLabelValues("3").Inc()
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasSuffix(p.Metric, "_seconds") && strings.Contains(p.Text, "quantile") {
			continue
		}
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	got := gather(t, registry)
	for i := range s.c.Catalogue.KPIs {
		d := &s.c.Catalogue.KPIs[i]
		for _, name := range MetricNames(d) {
			if !slices.ContainsFunc(sortedKeys(got), func(series string) bool { return strings.HasPrefix(series, name+"{") }) {
				t.Errorf("%s of %s is not exposed", name, d.Key)
			}
		}
	}
}

func sortedKeys(m map[string]float64) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// A scrape stays bounded for a desk of usual size with nothing empty: that all KPIs have
// a value in each team, channel, priority and category is more than any desk has.
func TestSeriesBudget(t *testing.T) {
	s := busyDesk(t, 25)
	k := NewKPIs(s.c, []kpi.Set{0, kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Channel), kpi.SetOf(kpi.Priority), kpi.SetOf(kpi.Category)}, 100)
	k.Set(s.merged(1_700_000_000))
	c := NewComponents(s.c, bySets(), 100)
	c.Add(s.set(0, 100))
	for name, limits := range map[string]struct {
		collector prometheus.Collector
		min, max  int
	}{"kpis": {k, 5000, 20_000}, "components": {c, 1000, 5000}} {
		n := testutil.CollectAndCount(limits.collector)
		t.Log(n, "metrics of", name)
		if n < limits.min || n > limits.max {
			t.Errorf("%s: got %d metrics, want between %d and %d", name, n, limits.min, limits.max)
		}
	}
}

// busyDesk has something in each measure and window, for the whole and for n groups of
// teams, channels, priorities and categories, and for what measures set themselves.
func busyDesk(t testing.TB, n int) *sheet {
	s := newSheet(t)
	groups := []kpi.Group{{}}
	for i := range n {
		groups = append(groups, cellOf([]string{"team", "channel", "priority", "category", "category"}[i%5], fmt.Sprint("value ", i)))
	}
	for _, name := range []string{"stage", "cause", "state", "item", "purpose", "channel"} {
		groups = append(groups, cellOf(name, "one"), cellOf(name, "two"))
	}
	groups = append(groups, cellOf("item", "one", "purpose", "two"))
	windows := append(slices.Clone(s.c.Windows), "day", "week", "month", "quarter", "year")
	for _, g := range groups {
		for _, in := range windows {
			t := &kpi.Totals{Tenant: "acme", Window: in, Group: g, Lo: 1_699_990_000, MonthTo: 3}
			for i := range s.c.Measures {
				m := &s.c.Measures[i]
				for slot := range min(m.Slots, 32) {
					n := int64(slot + i + 2)
					if in == "all" {
						n *= 2 // there was something before each window
					}
					t.Values.Add(m.Slot+uint16(slot), n)
				}
				if m.Shape == kpi.ShapeHistogram {
					t.Values.Add(m.Slot+400, 3)
					t.Values.Add(m.Slot+500, 3)
				}
				t.Openings.Add(m.Slot, 5)
				if m.Shape == kpi.ShapeOldest && in == "all" {
					t.Oldest = append(t.Oldest, kpi.OldestEntry{Measure: uint16(m.Index), At: 1_699_000_000_000})
				}
			}
			s.totals[fmt.Sprint(g, in)] = t
		}
	}
	return s
}

// BenchmarkScrape scrapes 10,000 series over HTTP; the budget is 100 ms.
func BenchmarkScrape(b *testing.B) {
	s := busyDesk(b, 25)
	k := NewKPIs(s.c, []kpi.Set{0, kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Channel), kpi.SetOf(kpi.Priority), kpi.SetOf(kpi.Category)}, 100)
	k.Set(s.merged(1_700_000_000))
	registry := prometheus.NewRegistry()
	registry.MustRegister(k)
	n := testutil.CollectAndCount(k)
	if n < 9_000 {
		b.Fatalf("only %d series", n)
	}
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	for b.Loop() {
		answer, err := http.Get(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		if err != nil || n == 0 {
			b.Fatal(n, err)
		}
		answer.Body.Close()
	}
	b.ReportMetric(float64(n), "series")
}
