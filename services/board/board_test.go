package board

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// now is the instant of the readings below: 2026-03-21T08:30:00Z.
const now = 1774081800

func team(name string) kpi.Group {
	g := kpi.Group{Set: kpi.SetOf(kpi.Team)}
	g.Dims[kpi.Team] = name
	return g
}

func count(n int64) (v window.Vector) {
	v.Add(0, n)
	return v
}

// ratio is a stock where in is "".
func ratio(tenant, key, in string, g kpi.Group, numerator, denominator int64) kpi.Reading {
	return kpi.Reading{Tenant: tenant, KPI: key, Window: in, Group: g, Terms: []window.Vector{count(numerator), count(denominator)}}
}

// times is a distribution of samples in milliseconds.
func times(tenant, in string, g kpi.Group, ms ...int64) kpi.Reading {
	var v window.Vector
	for _, m := range ms {
		v.Add(0, m)
		v.Add(window.HistogramSlot(m), 1)
	}
	return kpi.Reading{Tenant: tenant, KPI: "response_time", Window: in, Group: g, Terms: []window.Vector{v}}
}

// known is two teams of one tenant: of 40 open requests 10 are overdue, 3 of 12
// incidents came again, and three requests were handled after 1, 2 and 6 minutes.
func known() Snapshot {
	return Snapshot{
		At: now, Newest: now*1000 - 200, Partitions: 16,
		Readings: []kpi.Reading{
			ratio("acme", "overdue_ratio", "", kpi.Group{}, 10, 40),
			ratio("acme", "overdue_ratio", "", team("billing"), 9, 12),
			ratio("acme", "overdue_ratio", "", team("network"), 1, 28),
			ratio("acme", "repeat_incident_ratio", "1h", kpi.Group{}, 3, 12),
			ratio("acme", "repeat_incident_ratio", "1h", team("billing"), 0, 0),
			ratio("acme", "repeat_incident_ratio", "7d", kpi.Group{}, 30, 60),
			times("acme", "1h", kpi.Group{}, 60_000, 120_000, 360_000),
			times("acme", "1h", team("network"), 360_000),
		},
	}
}

// start runs a board on snapshots that the test sends, with the clock at now + 2 s.
func start(t *testing.T, change func(*Config)) (*Board, chan<- Snapshot, *httptest.Server) {
	t.Helper()
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	snapshots := make(chan Snapshot)
	config := Config{
		Catalogue: catalogue,
		Live: func(ctx context.Context, show func(Snapshot)) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case s := <-snapshots:
					show(s)
				}
			}
		},
		Clock: func() time.Time { return time.Unix(now+2, 0) },
	}
	if change != nil {
		change(&config)
	}
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	server := httptest.NewServer(b.Handler())
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		server.Close() // waits for the streams, which end with Run
	})
	return b, snapshots, server
}

// give hands a snapshot over and waits until it is shown.
func give(b *Board, to chan<- Snapshot, s Snapshot) {
	before := b.state.Load()
	to <- s
	<-before.replaced
}

// reply is an answer with its JSON, where it has one.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func get(t *testing.T, url string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{status: resp.StatusCode, header: resp.Header}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(data, &r.body); err != nil {
			t.Fatalf("%s: %v: %s", url, err, data)
		}
	} else {
		r.body = map[string]any{"text": string(data)}
	}
	return r
}

// list shows what an answer holds, as "kpi window group = value", in its order.
func list(t *testing.T, body map[string]any) (out []string) {
	t.Helper()
	for _, r := range body["readings"].([]any) {
		r := r.(map[string]any)
		in, _ := r["window"].(string)
		by, err := json.Marshal(r["by"])
		if err != nil {
			t.Fatal(err)
		}
		value, err := json.Marshal(r["value"])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.Join([]string{r["kpi"].(string), in, string(by), string(value)}, " "))
	}
	return out
}

func TestKPIs(t *testing.T) {
	b, snapshots, server := start(t, nil)
	give(b, snapshots, known())
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"tenant=acme&window=1h", []string{
			"response_time 1h {} 180", // (1 + 2 + 6) / 3 minutes
			"overdue_ratio  {} 0.25",
			"repeat_incident_ratio 1h {} 0.25",
		}},
		{"", []string{
			"response_time 1h {} 180",
			"overdue_ratio  {} 0.25",
			"repeat_incident_ratio 1h {} 0.25",
			"repeat_incident_ratio 7d {} 0.5",
		}},
		{"tenant=acme&kpi=overdue_ratio&by=team", []string{
			`overdue_ratio  {"team":"billing"} 0.75`,
			`overdue_ratio  {"team":"network"} ` + jsonOf(t, 1.0/28),
		}},
		{"kpi=repeat_incident_ratio&by=team&window=1h", []string{
			`repeat_incident_ratio 1h {"team":"billing"} null`, // nothing to divide by
		}},
		{"kpi=overdue_ratio&at=2026-03-21T08:30:00Z", []string{"overdue_ratio  {} 0.25"}},
	} {
		got := get(t, server.URL+"/api/v1/kpis?"+c.query)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d: %v", c.query, got.status, got.body)
			continue
		}
		if values := list(t, got.body); !reflect.DeepEqual(values, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.query, values, c.want)
		}
		if got.body["at"] != "2026-03-21T08:30:00Z" || got.body["tenant"] != "acme" || got.body["source"] != "live" {
			t.Errorf("%s: at %v, tenant %v, source %v", c.query, got.body["at"], got.body["tenant"], got.body["source"])
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestKPIsFromHistory(t *testing.T) {
	type call struct {
		tenant, key, window, by string
		at                      int64
	}
	var calls []call
	both := kpi.SetOf(kpi.Team, kpi.Channel)
	b, snapshots, server := start(t, func(c *Config) {
		c.History = func(_ context.Context, tenant string, d *kpi.Definition, in window.Window, by kpi.Set, at int64) ([]kpi.Reading, error) {
			calls = append(calls, call{tenant, d.Key, in.Name, by.String(), at})
			return []kpi.Reading{ratio(tenant, d.Key, in.Name, kpi.Group{Set: both}, 1, 8)}, nil
		}
	})
	give(b, snapshots, known())
	got := get(t, server.URL+"/api/v1/kpis?tenant=gone&kpi=repeat_incident_ratio&by=channel,team&at=2026-03-21T08:00:00Z")
	if got.status != http.StatusOK || got.body["source"] != "history" || got.body["at"] != "2026-03-21T08:00:00Z" {
		t.Fatalf("%d: %v", got.status, got.body)
	}
	want := []call{ // the windows that are live
		{"gone", "repeat_incident_ratio", "1h", "team,channel", now - 1800},
		{"gone", "repeat_incident_ratio", "7d", "team,channel", now - 1800},
	}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("asked %v, want %v", calls, want)
	}
	if values := list(t, got.body); len(values) != 2 || !strings.HasSuffix(values[0], " 0.125") {
		t.Errorf("got %q", values)
	}
}

func TestHistoryRefusesWhatItDoesNotKeep(t *testing.T) {
	_, _, server := start(t, func(c *Config) {
		c.History = func(context.Context, string, *kpi.Definition, window.Window, kpi.Set, int64) ([]kpi.Reading, error) {
			return nil, errors.New("clickhouse: read tickets_open: no route to host")
		}
	})
	for _, c := range []struct {
		query, code string
		status      int
		remedy      string
	}{
		{"at=2026-03-21T08:00:30Z", "bad-parameter", 400, "use 2026-03-21T08:00:00Z"},
		{"at=2026-03-01T08:20:00Z", "bad-parameter", 400, "use 2026-03-01T08:00:00Z"},
		{"at=2026-03-21T08:00:00Z&window=90s", "bad-parameter", 400, "use a window of whole minutes"},
		{"at=2026-03-21T08:00:00Z", "history", 502, "see that ClickHouse runs"},
	} {
		got := get(t, server.URL+"/api/v1/kpis?tenant=acme&"+c.query)
		remedy, _ := got.body["remedy"].(string)
		if got.status != c.status || got.body["type"] != problemType+c.code || !strings.Contains(remedy, c.remedy) {
			t.Errorf("%s: %d %v", c.query, got.status, got.body)
		}
	}
}

func TestProblems(t *testing.T) {
	b, snapshots, server := start(t, nil)
	two := known()
	two.Readings = append(two.Readings, ratio("other", "overdue_ratio", "", kpi.Group{}, 0, 1))
	give(b, snapshots, two)
	for _, c := range []struct {
		path, code       string
		status           int
		parameter, value string
		remedy           string
	}{
		{"/api/v1/kpis", "missing-parameter", 400, "tenant", "", "use one of acme, other"},
		{"/api/v1/kpis?tenant=x", "unknown-tenant", 404, "tenant", "x", "use one of acme, other"},
		{"/api/v1/kpis?tenant=acme&kpi=mood", "bad-parameter", 400, "kpi", "mood", "use one of response_time, overdue_ratio, repeat_incident_ratio"},
		{"/api/v1/kpis?tenant=acme&window=2y", "bad-parameter", 400, "window", "2y", "as in 15m, or all"},
		{"/api/v1/kpis?tenant=acme&window=2h", "not-live", 400, "window", "2h", `use one of "1h", "7d", or start the board with --clickhouse`},
		{"/api/v1/kpis?tenant=acme&by=mood", "bad-parameter", 400, "by", "mood", "as in by=team,channel"},
		{"/api/v1/kpis?tenant=acme&by=team,channel", "not-live", 400, "by", "team,channel", `use one of "", "team", or start the board with --clickhouse`},
		{"/api/v1/kpis?tenant=acme&at=today", "bad-parameter", 400, "at", "today", "write RFC 3339"},
		{"/api/v1/kpis?tenant=acme&at=2026-03-21T08:31:00Z", "bad-parameter", 400, "at", "2026-03-21T08:31:00Z", "leave it out for now"},
		{"/api/v1/kpis?tenant=acme&at=2026-03-21T08:00:00Z", "not-live", 400, "at", "2026-03-21T08:00:00Z", "--clickhouse"},
		{"/api/v1/kpis?tenants=acme", "bad-parameter", 400, "tenants", "acme", "use tenant, kpi, window, by, at"},
		{"/api/v1/kpis?tenant=acme&tenant=other", "bad-parameter", 400, "tenant", "acme other", "give it once"},
		{"/api/v1/stream?by=mood", "bad-parameter", 400, "by", "mood", "as in by=team,channel"},
		{"/api/v1/stream?window=0m", "bad-parameter", 400, "window", "0m", "as in 15m, or all"},
		{"/?lang=de", "bad-parameter", 400, "lang", "de", "use en, zh or fa"},
		{"/nothing", "not-found", 404, "", "/nothing", "use /, "},
	} {
		got := get(t, server.URL+c.path)
		if kind := got.header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s: content type %q", c.path, kind)
			continue
		}
		str := func(name string) string { s, _ := got.body[name].(string); return s }
		if got.status != c.status || str("type") != problemType+c.code || str("parameter") != c.parameter || str("value") != c.value {
			t.Errorf("%s: %d: %v", c.path, got.status, got.body)
		}
		if !strings.Contains(str("remedy"), c.remedy) || str("detail") == "" || str("title") == "" || got.body["status"] != float64(c.status) {
			t.Errorf("%s: %v, want remedy %q", c.path, got.body, c.remedy)
		}
	}
}

func TestReadyOnceReadingsArrive(t *testing.T) {
	b, snapshots, server := start(t, nil)
	if got := get(t, server.URL+"/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(jsonOf(t, got.body), "is a worker running?") {
		t.Errorf("before: %d %v", got.status, got.body)
	}
	if got := get(t, server.URL+"/healthz"); got.status != http.StatusOK {
		t.Errorf("healthz: %d", got.status)
	}
	give(b, snapshots, known())
	if got := get(t, server.URL+"/readyz"); got.status != http.StatusOK {
		t.Errorf("after: %d %v", got.status, got.body)
	}
}

// What is configured can be asked for before there is anything in it.
func TestConfiguredWindowsAreLiveWithoutReadings(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) {
		c.Windows, c.Groups = window.Default(), []kpi.Set{kpi.SetOf(kpi.AgentName)}
	})
	give(b, snapshots, known())
	got := get(t, server.URL+"/api/v1/kpis?kpi=response_time&window=1m&by=agent")
	if values := list(t, got.body); got.status != http.StatusOK || len(values) != 0 {
		t.Errorf("%d %v", got.status, got.body)
	}
	body := get(t, server.URL+"/api/v1/catalogue").body
	if windows := jsonOf(t, body["windows"]); windows != `["1m","5m","15m","1h","8h","24h","7d","30d","all"]` {
		t.Errorf("windows %s", windows)
	}
	if groupings := jsonOf(t, body["groupings"]); groupings != `["","team","agent"]` {
		t.Errorf("groupings %s", groupings)
	}
}

func TestCatalogue(t *testing.T) {
	b, snapshots, server := start(t, nil)
	give(b, snapshots, known())
	body := get(t, server.URL+"/api/v1/catalogue").body
	first := body["kpis"].([]any)[0].(map[string]any)
	if first["key"] != "response_time" || first["shown_as"] != "minutes" || first["names"].(map[string]any)["zh"] != "响应时长" {
		t.Errorf("first KPI %v", first)
	}
	delete(body, "kpis")
	want := map[string]any{"tenants": []any{"acme"}, "windows": []any{"1h", "7d"}, "groupings": []any{"", "team"}}
	if !reflect.DeepEqual(body, want) {
		t.Errorf("got %v, want %v", body, want)
	}
}

func TestMetricsComeFromTheGatherer(t *testing.T) {
	reg := prometheus.NewRegistry()
	b, snapshots, server := start(t, func(c *Config) { c.Gatherer, c.Registerer = reg, reg })
	give(b, snapshots, known())
	text, _ := get(t, server.URL+"/metrics").body["text"].(string)
	if !strings.Contains(text, "deskpulse_board_streams 0\n") {
		t.Error(text)
	}
}

func TestAnswersForbidWhatIsForeign(t *testing.T) {
	_, _, server := start(t, nil)
	for _, path := range []string{"/", "/?lang=fa", "/board.js", "/board.css", "/icon.svg", "/api/v1/catalogue", "/nothing"} {
		got := get(t, server.URL+path)
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if cors := got.header.Get("Access-Control-Allow-Origin"); cors != "" {
			t.Errorf("%s: CORS %q", path, cors)
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: content type may be guessed", path)
		}
	}
}
