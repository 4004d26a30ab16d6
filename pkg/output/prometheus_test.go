package output

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

func response(windowName string, set kpi.Set, team string, ms ...int64) kpi.Reading {
	g := kpi.Group{Set: set}
	g.Dims[kpi.Team] = team
	var v window.Vector
	for _, x := range ms {
		v.Add(0, x)
		v.Add(window.HistogramSlot(x), 1)
	}
	return kpi.Reading{Tenant: "acme", KPI: "response_time", Window: windowName, Group: g, Terms: []window.Vector{v}}
}

func bySets() []kpi.Set { return []kpi.Set{0, kpi.SetOf(kpi.Team)} }

func TestKPIs(t *testing.T) {
	k := NewKPIs(catalogue(t), bySets(), 0)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(k)
	k.Set(&Merged{At: 1_700_000_000, Stale: []uint16{3}, Readings: []kpi.Reading{
		overdue("a", 1, 4),
		overdue("", 1, 2),        // tickets of no team are not the whole tenant
		overdue("nothing", 0, 0), // no value
		response("5m", kpi.SetOf(kpi.Team), "nothing"),
		response("1h", 0, "", 500), // in the bucket up to 0.5 s: index −32, middle 2^(−32.5/32)
		{Tenant: "acme", KPI: "overdue_ratio", Terms: []window.Vector{count(2), count(6)}},
		{Tenant: "acme", KPI: "overdue_ratio", Group: kpi.Group{Set: kpi.SetOf(kpi.AgentName)}, Terms: []window.Vector{count(2), count(6)}},
	}})
	want := `
# HELP deskpulse_overdue_ratio Open requests that are not resolved and past their due time ÷ open requests, at an instant. Requests without a due time stay in the denominator.
# TYPE deskpulse_overdue_ratio gauge
deskpulse_overdue_ratio{by="",team="",tenant="acme"} 0.3333333333333333
deskpulse_overdue_ratio{by="team",team="",tenant="acme"} 0.5
deskpulse_overdue_ratio{by="team",team="a",tenant="acme"} 0.25
# HELP deskpulse_partitions_stale Partitions that are silent, and so not counted in any KPI.
# TYPE deskpulse_partitions_stale gauge
deskpulse_partitions_stale 1
# HELP deskpulse_reading_timestamp_seconds Instant of the readings: what happened before it is counted.
# TYPE deskpulse_reading_timestamp_seconds gauge
deskpulse_reading_timestamp_seconds 1.7e+09
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "deskpulse_overdue_ratio", "deskpulse_partitions_stale", "deskpulse_reading_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	got := gather(t, registry)
	for series := range got {
		if strings.Contains(series, `team="nothing"`) {
			t.Errorf("%s is exposed, and there is no value", series)
		}
	}
	for series, value := range map[string]float64{
		`deskpulse_response_time_mean_seconds{by="",team="",tenant="acme",window="1h"}`:            0.5,
		`deskpulse_response_time_samples{by="",team="",tenant="acme",window="1h"}`:                 1,
		`deskpulse_response_time_seconds{by="",quantile="0.5",team="",tenant="acme",window="1h"}`:  0.4946140065969878,
		`deskpulse_response_time_seconds{by="",quantile="0.99",team="",tenant="acme",window="1h"}`: 0.4946140065969878,
	} {
		if v, ok := got[series]; !ok || v < value*0.999999 || v > value*1.000001 {
			t.Errorf("%s: got %v (%v), want %v", series, v, ok, value)
		}
	}
}

func TestNothingIsExposedBeforeTheFirstReadings(t *testing.T) {
	k := NewKPIs(catalogue(t), bySets(), 0)
	if n := testutil.CollectAndCount(k); n != 0 {
		t.Errorf("got %d series before any readings", n)
	}
	k.Set(&Merged{Stale: []uint16{0, 1}})
	if n := testutil.CollectAndCount(k); n != 1 { // partitions_stale, but no instant of 1970
		t.Errorf("got %d series with all partitions silent", n)
	}
}

func TestKPIsAreCapped(t *testing.T) {
	k := NewKPIs(catalogue(t), bySets(), 1)
	k.Set(&Merged{At: 1, Readings: []kpi.Reading{overdue("a", 1, 4), overdue("b", 1, 8), overdue("c", 2, 2)}})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(k)
	got := gather(t, registry)
	for series, want := range map[string]float64{
		`deskpulse_overdue_ratio{by="team",team="b",tenant="acme"}`:     0.125,
		`deskpulse_overdue_ratio{by="team",team="other",tenant="acme"}`: 0.5, // (1+2) of (4+2)
	} {
		if got[series] != want {
			t.Errorf("%s: got %v, want %v; all: %v", series, got[series], want, got)
		}
	}
}

func TestComponents(t *testing.T) {
	c := NewComponents(catalogue(t), bySets(), 0)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	c.Set(set(7, 1, 1, 100, true, overdue("a", 0, 4), overdue("nothing", 0, 0),
		response("5m", kpi.SetOf(kpi.Team), "a", 0, 1000, 64_000), response("5m", kpi.SetOf(kpi.Team), "nothing")))
	c.Set(set(9, 1, 1, 101, true, overdue("a", 0, 1), response("5m", kpi.SetOf(kpi.Team), "a", 1001)))
	c.Set(set(8, 1, 1, 100, true, overdue("a", 1, 1)))
	c.Drop(8)
	got := gather(t, registry)
	for series, want := range map[string]float64{
		`deskpulse_tickets_overdue{by="team",team="a",tenant="acme"}`:                                          0, // a true 0
		`deskpulse_tickets_open{by="team",team="a",tenant="acme"}`:                                             5,
		`deskpulse_response_time_window_seconds_count{by="team",team="a",tenant="acme",window="5m"}`:           4,
		`deskpulse_response_time_window_seconds_sum{by="team",team="a",tenant="acme",window="5m"}`:             66.001,
		`deskpulse_response_time_window_seconds_bucket{by="team",le="1",team="a",tenant="acme",window="5m"}`:   2, // 0 and 1 s
		`deskpulse_response_time_window_seconds_bucket{by="team",le="4",team="a",tenant="acme",window="5m"}`:   3,
		`deskpulse_response_time_window_seconds_bucket{by="team",le="16",team="a",tenant="acme",window="5m"}`:  3,
		`deskpulse_response_time_window_seconds_bucket{by="team",le="64",team="a",tenant="acme",window="5m"}`:  4,
		`deskpulse_response_time_window_seconds_bucket{by="team",le="256",team="a",tenant="acme",window="5m"}`: 4,
		`deskpulse_partition_reading_timestamp_seconds{partition="7"}`:                                         100,
		`deskpulse_partition_reading_timestamp_seconds{partition="9"}`:                                         101,
	} {
		if v, ok := got[series]; !ok || v != want {
			t.Errorf("%s: got %v (%v), want %v", series, v, ok, want)
		}
	}
	for series := range got {
		if strings.Contains(series, `partition="8"`) || strings.Contains(series, `team="nothing"`) {
			t.Errorf("%s is exposed, and there is nothing to tell", series)
		}
	}
}

func TestComponentsAreCapped(t *testing.T) {
	c := NewComponents(catalogue(t), bySets(), 1)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	c.Set(set(0, 1, 1, 100, true, overdue("a", 1, 4), overdue("b", 1, 3)))
	c.Set(set(1, 1, 1, 100, true, overdue("b", 1, 5), overdue("c", 2, 2)))
	got := gather(t, registry)
	for series, want := range map[string]float64{ // b has 8 open, a and c have 6
		`deskpulse_tickets_open{by="team",team="b",tenant="acme"}`:        8,
		`deskpulse_tickets_open{by="team",team="other",tenant="acme"}`:    6,
		`deskpulse_tickets_overdue{by="team",team="b",tenant="acme"}`:     2,
		`deskpulse_tickets_overdue{by="team",team="other",tenant="acme"}`: 3,
	} {
		if v, ok := got[series]; !ok || v != want {
			t.Errorf("%s: got %v (%v), want %v", series, v, ok, want)
		}
	}
	if len(got) != 6 { // and the instants of two partitions
		t.Errorf("got %v", got)
	}
}

// Names are conventional, with one exception: a gauge of windowed quantiles has the
// label quantile, as the design says, since a summary would promise counters.
func TestNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	k := NewKPIs(catalogue(t), bySets(), 0)
	k.Set(&Merged{At: 1, Readings: []kpi.Reading{overdue("a", 1, 4), response("1h", 0, "", 500), repeat(1, 2)}})
	c := NewComponents(catalogue(t), bySets(), 0)
	c.Set(set(7, 1, 1, 100, true, overdue("a", 0, 4), response("5m", 0, "", 1), repeat(1, 2)))
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
		if p.Metric == "deskpulse_response_time_seconds" && strings.Contains(p.Text, "quantile") {
			continue
		}
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	got := gather(t, registry)
	for _, series := range []string{
		`deskpulse_repeat_incident_ratio{by="",team="",tenant="acme",window="7d"}`,
		`deskpulse_incidents_repeated{by="",team="",tenant="acme",window="7d"}`,
		`deskpulse_history_errors_total{kind="transient"}`,
	} {
		if _, ok := got[series]; !ok {
			t.Errorf("%s is not exposed", series)
		}
	}
}

func repeat(numerator, denominator int64) kpi.Reading {
	return kpi.Reading{Tenant: "acme", KPI: "repeat_incident_ratio", Window: "7d", Terms: []window.Vector{count(numerator), count(denominator)}}
}

// A scrape stays within 10,000 series for a desk of usual size with nothing empty, where
// every partition has heard of every group.
func TestSeriesBudget(t *testing.T) {
	byTeam := []kpi.Set{0, kpi.SetOf(kpi.Team)}
	k := NewKPIs(catalogue(t), append(byTeam, kpi.SetOf(kpi.Channel), kpi.SetOf(kpi.Priority), kpi.SetOf(kpi.Category)), 100)
	c := NewComponents(catalogue(t), byTeam, 100)
	merger := NewMerger()
	for partition := range uint16(16) {
		s := set(partition, 1, 1, 100, true, busyDesk(t)...)
		s.Partitions = 16
		c.Set(s)
		merger.Add(s, time.Unix(100, 0))
	}
	k.Set(merger.Merge(time.Unix(100, 0), time.Minute))
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(k, c)
	n := len(gather(t, registry))
	t.Log(n, "series")
	if n > 10_000 {
		t.Errorf("got %d series, of which 10000 are allowed", n)
	}
	if n < 1000 {
		t.Errorf("got only %d series: the desk is not busy", n)
	}
}

// busyDesk is what a partition knows of 5 teams, 12 categories, 4 channels, 4 priorities
// and 100 agents in 9 windows, where no reading is empty.
func busyDesk(t *testing.T) (out []kpi.Reading) {
	groups := []kpi.Group{{}}
	for d, values := range map[kpi.Dimension]int{kpi.Team: 5, kpi.Category: 12, kpi.Channel: 4, kpi.Priority: 4, kpi.AgentName: 100} {
		for i := range values {
			g := kpi.Group{Set: kpi.SetOf(d)}
			g.Dims[d] = fmt.Sprint(d, i)
			groups = append(groups, g)
		}
	}
	for _, team := range groups {
		if team.Set == kpi.SetOf(kpi.Team) {
			for i := range 4 {
				pair := kpi.Group{Set: kpi.SetOf(kpi.Team, kpi.Priority), Dims: team.Dims}
				pair.Dims[kpi.Priority] = fmt.Sprint(kpi.Priority, i)
				groups = append(groups, pair)
			}
		}
	}
	windows := window.Default()
	if len(windows) != 9 {
		t.Fatalf("got %d windows, want 9", len(windows))
	}
	for _, g := range groups {
		out = append(out, kpi.Reading{Tenant: "acme", KPI: "overdue_ratio", Group: g, Terms: []window.Vector{count(1), count(2)}})
		for _, w := range windows {
			r, again := response(w.Name, 0, "", 10, 5000, 70_000), repeat(1, 2)
			r.Group, again.Group, again.Window = g, g, w.Name
			out = append(out, r, again)
		}
	}
	return out
}

// BenchmarkScrape scrapes 10,000 series over HTTP; the budget is 100 ms.
func BenchmarkScrape(b *testing.B) {
	var readings []kpi.Reading
	for i := range 1250 { // 6 series each, and 2 of the ratio's two breakdowns
		team := fmt.Sprintf("team %d", i)
		readings = append(readings, response("1h", kpi.SetOf(kpi.Team), team, 10, 2000, 30_000, 400_000), overdue(team, 1, 4))
		again := response("24h", kpi.SetOf(kpi.Team), team, 10)
		again.KPI, again.Terms = "repeat_incident_ratio", []window.Vector{count(1), count(2)}
		readings = append(readings, again)
	}
	k := NewKPIs(catalogue(b), bySets(), 0)
	k.Set(&Merged{At: 1, Readings: readings})
	registry := prometheus.NewRegistry()
	registry.MustRegister(k)
	if n := testutil.CollectAndCount(k); n < 10_000 {
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
}
