package board

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/services/board/boardtest"
)

// now is the instant of the readings below: 2026-03-21T08:30:00Z.
const now = 1774081800

func team(name string) kpi.Group { return boardtest.Group(kpi.Team, name) }

// compiled is the built-in catalogue, read in two windows.
var compiled = sync.OnceValue(func() *kpi.Compiled { return boardtest.Compiled("1h", "7d") })

func newSheet() *boardtest.Sheet {
	return &boardtest.Sheet{Compiled: compiled(), Windows: []string{"1h", "7d", "all", "month"}}
}

// snapshot is a sheet as of now.
func snapshot(s *boardtest.Sheet) Snapshot {
	return Snapshot{At: now, Newest: now*1000 - 200, Partitions: 16, Totals: s.Totals()}
}

// known is two teams of one tenant: of 40 open requests 10 are overdue, 3 of 12
// incidents came again, and three requests were handled after 1, 2 and 6 minutes.
func known() *boardtest.Sheet {
	s := newSheet()
	s.Overdue("acme", kpi.Group{}, 10, 40)
	s.Overdue("acme", team("billing"), 9, 12)
	s.Overdue("acme", team("network"), 1, 28)
	s.Repeated("acme", kpi.Group{}, 0, 3, 12)
	s.Repeated("acme", kpi.Group{}, 1, 30, 60)
	s.Repeated("acme", team("billing"), 1, 5, 10) // none in the last hour
	s.Times("acme", kpi.Group{}, "1h", "response_time", time.Minute, 2*time.Minute, 6*time.Minute)
	s.Times("acme", team("network"), "1h", "response_time", 6*time.Minute)
	return s
}

// start runs a board on snapshots that the test sends, with the clock at now + 2 s.
func start(t *testing.T, change func(*Config)) (*Board, chan<- Snapshot, *httptest.Server) {
	t.Helper()
	snapshots := make(chan Snapshot)
	config := Config{
		Compiled: compiled(), Groups: []kpi.Set{kpi.SetOf(kpi.Team)}, Calendar: utc,
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

// utc is the Gregorian calendar without a zone.
func utc(string) *period.Calendar {
	c, err := period.New("UTC", period.Gregorian, time.Monday, 1)
	if err != nil {
		panic(err)
	}
	return c
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

const three = "kpi=response_time,overdue_ratio,repeat_incident_ratio&"

func TestKPIs(t *testing.T) {
	b, snapshots, server := start(t, nil)
	give(b, snapshots, snapshot(known()))
	for _, c := range []struct {
		query string
		want  []string
	}{
		{three + "tenant=acme&window=1h", []string{
			"response_time 1h {} 180", // (1 + 2 + 6) / 3 minutes
			"overdue_ratio  {} 0.25",
			"repeat_incident_ratio 1h {} 0.25",
		}},
		{three, []string{ // in their own windows, as far as those are kept
			"response_time 1h {} 180",
			"overdue_ratio  {} 0.25",
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
		{"kpi=overdue_ratio&by=stage", nil}, // tickets are not counted by stage
		{"kpi=repeat_incident_ratio&window=month", nil},
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
	if all := list(t, get(t, server.URL+"/api/v1/kpis").body); len(all) < len(compiled().Catalogue.KPIs) {
		t.Errorf("%d readings of %d KPIs", len(all), len(compiled().Catalogue.KPIs))
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

// What belongs beside a KPI comes with it, in the same window where it has a meaning
// there: 40 open tickets beside the overdue ones.
func TestAlso(t *testing.T) {
	b, snapshots, server := start(t, nil)
	give(b, snapshots, snapshot(known()))
	got := get(t, server.URL+"/api/v1/kpis?kpi=overdue_ratio").body["readings"].([]any)[0].(map[string]any)
	if also := jsonOf(t, got["also"]); also != `{"open_breach_ratio":0,"open_tickets":40}` {
		t.Errorf("also %s", also)
	}
	got = get(t, server.URL+"/api/v1/kpis?kpi=response_time&window=1h").body["readings"].([]any)[0].(map[string]any)
	if also := jsonOf(t, got["also"]); also != `{"first_reply_time":null,"time_to_start":null}` {
		t.Errorf("also %s", also)
	}
}

// Parts of an index, the slowest of a dimension, and outcomes that may still come: of 4
// resolved tickets 3 were in time and one was reopened; 2 of 6 raised are undecided.
func TestWhatFormulasTell(t *testing.T) {
	s := known()
	for measure, n := range map[string]int64{
		"resolutions": 4, "resolutions_undone": 1, "tickets_resolved_with_target": 4, "tickets_resolved_late": 1,
		"tickets_raised": 6, "tickets_undecided": 2, "tickets_raised_resolved": 3,
	} {
		s.Put("acme", kpi.Group{}, "7d", measure, 0, n)
	}
	for stage, dwell := range map[string]time.Duration{"triage": time.Minute, "repair": 10 * time.Minute} {
		s.Times("acme", boardtest.Group(kpi.Stage, stage), "7d", "stage_dwell_time", dwell)
	}
	b, snapshots, server := start(t, nil)
	give(b, snapshots, snapshot(s))
	get := func(key string) map[string]any {
		return get(t, server.URL+"/api/v1/kpis?window=7d&kpi="+key).body["readings"].([]any)[0].(map[string]any)
	}
	index := get("service_quality_index")
	if index["value"] != 75.0 || !strings.Contains(jsonOf(t, index["parts"]), `{"name":"reliability","value":75,"weight":0.5}`) {
		t.Errorf("index %v", index)
	}
	if cohort := get("problem_resolution_rate"); cohort["value"] != 0.5 || cohort["immature"] != 2.0 {
		t.Errorf("cohort %v", cohort)
	}
	if slowest := get("slowest_stage"); slowest["value"] != 600.0 || slowest["slowest"] != "repair" {
		t.Errorf("slowest %v", slowest)
	}
}

// reading is what a history says of a KPI and group.
func reading(p Past, g kpi.Group, value float64) kpi.Reading {
	return kpi.Reading{Tenant: p.Tenant, KPI: p.KPI.Key, Window: p.In, Group: g, Value: kpi.Value{Value: &value}}
}

func TestKPIsFromHistory(t *testing.T) {
	type call struct {
		tenant, key, in, by string
		at                  int64
	}
	var calls []call
	both := kpi.SetOf(kpi.Team, kpi.Channel)
	b, snapshots, server := start(t, func(c *Config) {
		c.History = func(_ context.Context, p Past) ([]kpi.Reading, int64, error) {
			calls = append(calls, call{p.Tenant, p.KPI.Key, p.In, p.By.String(), p.Span.To})
			return []kpi.Reading{reading(p, kpi.Group{Set: both}, 0.125)}, p.Span.To, nil
		}
	})
	give(b, snapshots, snapshot(known()))
	got := get(t, server.URL+"/api/v1/kpis?tenant=gone&kpi=complaint_count,satisfaction_score&by=channel,team&at=2026-03-21T08:00:00Z")
	if got.status != http.StatusOK || got.body["source"] != "history" || got.body["at"] != "2026-03-21T08:00:00Z" {
		t.Fatalf("%d: %v", got.status, got.body)
	}
	want := []call{ // in their own windows, as far as those are kept
		{"gone", "satisfaction_score", "7d", "team,channel", now - 1800},
		{"gone", "complaint_count", "day", "team,channel", now - 1800},
		{"gone", "complaint_count", "week", "team,channel", now - 1800},
		{"gone", "complaint_count", "month", "team,channel", now - 1800},
	}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("asked %v, want %v", calls, want)
	}
	if values := list(t, got.body); len(values) != 4 || !strings.HasSuffix(values[0], " 0.125") {
		t.Errorf("got %q", values)
	}
}

// Now is Saturday, 21 March 2026, 08:30:00; the history of a day ago and more is by the
// hour.
func TestCompare(t *testing.T) {
	var asked []Past
	b, snapshots, server := start(t, func(c *Config) {
		c.History = func(_ context.Context, p Past) ([]kpi.Reading, int64, error) {
			asked = append(asked, p)
			return []kpi.Reading{reading(p, kpi.Group{}, 0.2)}, p.Span.To, nil
		}
	})
	s := known()
	s.Put("acme", kpi.Group{}, "month", "complaints_received", 0, 1)
	give(b, snapshots, snapshot(s))
	for _, c := range []struct{ query, want string }{
		{"kpi=overdue_ratio&compare=previous", `{"change":{"by":5,"in":"percentage_points"},"to":"2026-03-20T08:00:00Z","value":0.2,"with":"previous"}`},
		{"kpi=overdue_ratio&compare=year", `{"change":{"by":5,"in":"percentage_points"},"to":"2025-03-21T08:00:00Z","value":0.2,"with":"year"}`},
		{"kpi=repeat_incident_ratio&window=1h&compare=previous", `{"change":{"by":5,"in":"percentage_points"},"from":"2026-03-21T06:30:00Z","to":"2026-03-21T07:30:00Z","value":0.2,"with":"previous"}`},
		{"kpi=repeat_incident_ratio&window=7d&compare=previous", `{"change":{"by":30,"in":"percentage_points"},"from":"2026-03-07T08:00:00Z","to":"2026-03-14T08:00:00Z","value":0.2,"with":"previous"}`},
		{"kpi=complaint_count&window=month&compare=previous", `{"change":{"by":4,"in":"relative"},"from":"2026-02-01T00:00:00Z","to":"2026-02-21T08:00:00Z","value":0.2,"with":"previous"}`},
		{"kpi=complaint_count&window=month&compare=year", `{"change":{"by":4,"in":"relative"},"from":"2025-03-01T00:00:00Z","to":"2025-03-21T08:00:00Z","value":0.2,"with":"year"}`},
	} {
		got := get(t, server.URL+"/api/v1/kpis?"+c.query)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %v", c.query, got.status, got.body)
			continue
		}
		compared := got.body["readings"].([]any)[0].(map[string]any)["compared"].(map[string]any)
		change := compared["change"].(map[string]any)
		change["by"] = math.Round(change["by"].(float64)*1e9) / 1e9
		if text := jsonOf(t, compared); text != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, text, c.want)
		}
	}
	if len(asked) != 6 {
		t.Errorf("%d questions to the history, want 6", len(asked))
	}
}

func TestHistoryRefusesWhatItDoesNotKeep(t *testing.T) {
	_, _, server := start(t, func(c *Config) {
		c.History = func(context.Context, Past) ([]kpi.Reading, int64, error) {
			return nil, 0, errors.New("clickhouse: read tickets_open: no route to host")
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
	two.Overdue("other", kpi.Group{}, 0, 1)
	give(b, snapshots, snapshot(two))
	for _, c := range []struct {
		path, code       string
		status           int
		parameter, value string
		remedy           string
	}{
		{"/api/v1/kpis", "missing-parameter", 400, "tenant", "", "use one of acme, other"},
		{"/api/v1/kpis?tenant=x", "unknown-tenant", 404, "tenant", "x", "use one of acme, other"},
		{"/api/v1/kpis?tenant=acme&kpi=mood", "bad-parameter", 400, "kpi", "mood", "use one of /api/v1/catalogue: response_time, …"},
		{"/api/v1/kpis?tenant=acme&window=2y", "bad-parameter", 400, "window", "2y", "as in 15m, or all, or day, week, month, quarter or year"},
		{"/api/v1/kpis?tenant=acme&window=2h", "not-live", 400, "window", "2h", `use one of "1h", "7d", "day", "week", "month", "quarter", "year", or start the board with --clickhouse`},
		{"/api/v1/kpis?tenant=acme&by=mood", "bad-parameter", 400, "by", "mood", "as in by=team,channel"},
		{"/api/v1/kpis?tenant=acme&by=team,channel", "not-live", 400, "by", "team,channel", `"team", `},
		{"/api/v1/kpis?tenant=acme&at=today", "bad-parameter", 400, "at", "today", "write RFC 3339"},
		{"/api/v1/kpis?tenant=acme&at=2026-03-21T08:31:00Z", "bad-parameter", 400, "at", "2026-03-21T08:31:00Z", "leave it out for now"},
		{"/api/v1/kpis?tenant=acme&at=2026-03-21T08:00:00Z", "not-live", 400, "at", "2026-03-21T08:00:00Z", "--clickhouse"},
		{"/api/v1/kpis?tenants=acme", "bad-parameter", 400, "tenants", "acme", "use tenant, kpi, window, by, at, compare"},
		{"/api/v1/kpis?tenant=acme&tenant=other", "bad-parameter", 400, "tenant", "acme other", "give it once"},
		{"/api/v1/kpis?tenant=acme&kpi=overdue_ratio&compare=best", "bad-parameter", 400, "compare", "best", "use previous or year"},
		{"/api/v1/kpis?tenant=acme&compare=year", "bad-parameter", 400, "compare", "year", "name the KPIs"},
		{"/api/v1/kpis?tenant=acme&kpi=overdue_ratio&compare=year", "not-live", 400, "compare", "year", "--clickhouse"},
		{"/api/v1/scorecards?tenant=acme", "no-scorecards", 404, "", "", "docs/scorecards.md"},
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
	give(b, snapshots, snapshot(known()))
	if got := get(t, server.URL+"/readyz"); got.status != http.StatusOK {
		t.Errorf("after: %d %v", got.status, got.body)
	}
}

// What is configured can be asked for before there is anything in it.
func TestConfiguredWindowsAreLiveWithoutReadings(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Groups = []kpi.Set{kpi.SetOf(kpi.AgentName)} })
	give(b, snapshots, snapshot(known()))
	got := get(t, server.URL+"/api/v1/kpis?kpi=response_time&window=7d&by=agent")
	if values := list(t, got.body); got.status != http.StatusOK || len(values) != 0 {
		t.Errorf("%d %v", got.status, got.body)
	}
}

func TestCatalogue(t *testing.T) {
	b, snapshots, server := start(t, nil)
	give(b, snapshots, snapshot(known()))
	body := get(t, server.URL+"/api/v1/catalogue").body
	kpis := body["kpis"].([]any)
	first := kpis[0].(map[string]any)
	if first["key"] != "response_time" || first["shown_as"] != "minutes" || first["section"] != "A" || first["names"].(map[string]any)["zh"] != "响应时长" {
		t.Errorf("first KPI %v", first)
	}
	if measures := jsonOf(t, first["measures"]); measures != `["response_time"]` {
		t.Errorf("measures %s", measures)
	}
	for _, d := range kpis {
		for _, lang := range []string{"en", "zh", "fa"} {
			if text, _ := d.(map[string]any)["descriptions"].(map[string]any)[lang].(string); text == "" {
				t.Errorf("%v has no description in %s", d.(map[string]any)["key"], lang)
			}
		}
	}
	if option := body["options"].([]any)[0].(map[string]any); option["name"] != "first_handling" || option["value"] != "any" {
		t.Errorf("first option %v", option)
	}
	if got := jsonOf(t, []any{body["tenants"], body["windows"]}); got != `[["acme"],["1h","7d","day","week","month","quarter","year"]]` {
		t.Errorf("tenants and windows %s", got)
	}
	if groupings := jsonOf(t, body["groupings"]); !strings.HasPrefix(groupings, `["","team",`) || !strings.Contains(groupings, `"stage"`) {
		t.Errorf("groupings %s", groupings)
	}
}

func TestMetricsComeFromTheGatherer(t *testing.T) {
	reg := prometheus.NewRegistry()
	b, snapshots, server := start(t, func(c *Config) { c.Gatherer, c.Registerer = reg, reg })
	give(b, snapshots, snapshot(known()))
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
