package board

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// stream is a client of server-sent events.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

func listen(t *testing.T, url string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	s := &stream{t, bufio.NewScanner(resp.Body)}
	s.lines.Buffer(nil, 1<<20)
	return s
}

// next returns the next event's name and data; the name is "" at the end.
func (s *stream) next() (name string, data map[string]any) {
	s.t.Helper()
	for s.lines.Scan() {
		line := s.lines.Text()
		switch {
		case line == "":
			return name, data
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			if err := json.Unmarshal([]byte(line[len("data: "):]), &data); err != nil {
				s.t.Fatalf("%v: %s", err, line)
			}
		}
	}
	return "", nil
}

func quick(c *Config) { c.Pace, c.Heartbeat = time.Millisecond, time.Hour }

// ofTeams leaves out what the stream says of the whole tenant.
func ofTeams(readings []string) []string {
	return slices.DeleteFunc(readings, func(r string) bool { return strings.Contains(r, " {} ") })
}

func TestStreamSendsStateThenChanges(t *testing.T) {
	b, snapshots, server := start(t, quick)
	give(b, snapshots, snapshot(known()))
	s := listen(t, server.URL+"/api/v1/stream?tenant=acme&window=1h&by=team")
	name, data := s.next()
	all := list(t, data)
	if name != "state" || len(all)-4 != len(compiled().Catalogue.KPIs) || len(ofTeams(all)) != 4 { // each KPI once
		t.Fatalf("%s %d %v", name, len(all), data)
	}
	if data["at"] != "2026-03-21T08:30:00Z" || data["now"] != "2026-03-21T08:30:02Z" || data["build"] != build {
		t.Errorf("head %v", data)
	}

	sheet := known()
	sheet.Overdue("acme", team("billing"), -3, 0)
	sheet.Times("acme", team("network"), "1h", "response_time", -6*time.Minute) // gone
	later := snapshot(sheet)
	later.At += 5
	for i := range later.Totals {
		if later.Totals[i].Group == team("network") {
			later.Totals[i].Values = slices.DeleteFunc(later.Totals[i].Values, func(e window.Entry) bool {
				m, _ := compiled().Find("response_time")
				return e.Slot >= m.Slot && int(e.Slot) < int(m.Slot)+m.Slots
			})
		}
	}
	later.Silent = []Silent{{3, time.Unix(now-60, 0).UTC()}}
	give(b, snapshots, later)
	name, data = s.next()
	if got := list(t, data); name != "change" || len(got) != 1 || got[0] != `overdue_ratio  {"team":"billing"} 0.5` {
		t.Errorf("%s %q", name, got)
	}
	if got := jsonOf(t, data["gone"]); got != `[{"by":{"team":"network"},"kpi":"response_time"}]` {
		t.Errorf("gone %s", got)
	}
	if got := jsonOf(t, data["partitions"]); got != `{"silent":[{"partition":3,"since":"2026-03-21T08:29:00Z"}],"total":16}` {
		t.Errorf("partitions %s", got)
	}
	if data["at"] != "2026-03-21T08:30:05Z" {
		t.Errorf("at %v", data["at"])
	}

	sheet.Overdue("beta", kpi.Group{}, 0, 1)
	give(b, snapshots, snapshot(sheet))
	name, data = s.next()
	if name != "state" || jsonOf(t, data["tenants"]) != `["acme","beta"]` || data["tenant"] != "acme" {
		t.Errorf("a new tenant: %s %v", name, data)
	}
}

// The page shows a KPI in the window that is picked, unless it is meant for longer ones
// or has no meaning in it.
func TestStreamShowsEachKPIWhereItHasAMeaning(t *testing.T) {
	b, snapshots, server := start(t, quick)
	give(b, snapshots, snapshot(known()))
	s := listen(t, server.URL+"/api/v1/stream?tenant=acme&window=1h&by=channel")
	_, data := s.next()
	windows := map[string]string{}
	for _, r := range data["readings"].([]any) {
		r := r.(map[string]any)
		windows[r["kpi"].(string)], _ = r["window"].(string)
	}
	for key, want := range map[string]string{
		"response_time": "1h", "repeat_incident_ratio": "1h", "overdue_ratio": "", "cost_per_service": "month", "churn_rate": "month", "satisfaction_score": "7d",
	} {
		if got, ok := windows[key]; !ok || got != want {
			t.Errorf("%s is shown in %q, want %q", key, got, want)
		}
	}
}

func TestStreamTakesTheFirstTenantAndStaysWithIt(t *testing.T) {
	b, snapshots, server := start(t, quick)
	s := listen(t, server.URL+"/api/v1/stream")
	if name, data := s.next(); name != "state" || data["tenant"] != "" || data["at"] != nil {
		t.Fatalf("before any reading: %s %v", name, data)
	}
	give(b, snapshots, snapshot(known()))
	if name, data := s.next(); name != "state" || data["tenant"] != "acme" || data["window"] != "1h" {
		t.Fatalf("%s %v", name, data)
	}
	earlier := known()
	earlier.Overdue("aaa", kpi.Group{}, 0, 1)
	give(b, snapshots, snapshot(earlier))
	if name, data := s.next(); name != "state" || data["tenant"] != "acme" {
		t.Errorf("%s %v", name, data)
	}
}

func TestStreamBeats(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Pace, c.Heartbeat = time.Millisecond, 5*time.Millisecond })
	give(b, snapshots, snapshot(known()))
	s := listen(t, server.URL+"/api/v1/stream?tenant=acme")
	s.next()
	if name, data := s.next(); name != "change" || len(list(t, data)) != 0 || data["now"] == nil {
		t.Errorf("%s %v", name, data)
	}
}

func TestStreamIsPaced(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Pace, c.Heartbeat = 100*time.Millisecond, time.Hour })
	give(b, snapshots, snapshot(known()))
	s := listen(t, server.URL+"/api/v1/stream?tenant=acme")
	s.next()
	last := snapshot(known())
	for range 50 {
		last.At++
		give(b, snapshots, last)
	}
	// The fifty came within one pace, so one event (two, where the machine is slow)
	// tells them all; the newest is not lost.
	events := 0
	for at := ""; at != time.Unix(last.At, 0).UTC().Format(time.RFC3339); events++ {
		_, data := s.next()
		at, _ = data["at"].(string)
		if data == nil {
			t.Fatal("the stream ended before the newest state")
		}
	}
	if events > 10 {
		t.Errorf("%d events for 50 snapshots", events)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { quick(c); c.MaxStreams = 1 })
	give(b, snapshots, snapshot(known()))
	first := listen(t, server.URL+"/api/v1/stream")
	first.next()
	got := get(t, server.URL+"/api/v1/stream")
	if got.status != http.StatusServiceUnavailable || got.body["type"] != problemType+"too-many-streams" || got.header.Get("Retry-After") != "10" {
		t.Errorf("%d %v", got.status, got.body)
	}
}

func TestStreamsEndWithTheBoard(t *testing.T) {
	b, err := New(Config{Compiled: compiled(), Live: func(ctx context.Context, _ func(Snapshot)) error {
		<-ctx.Done()
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	server := httptest.NewServer(b.Handler())
	defer server.Close()
	s := listen(t, server.URL+"/api/v1/stream")
	s.next()
	stop()
	if name, _ := s.next(); name != "" {
		t.Errorf("event %q after the end", name)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A client that does not read holds nobody up: the board goes on showing, and what the
// client reads at last is the newest.
func TestSlowClientSkips(t *testing.T) {
	b, snapshots, server := start(t, quick)
	slow := listen(t, server.URL+"/api/v1/stream?tenant=acme&by=team")
	slow.next()
	var last Snapshot
	for i := range 200 {
		sheet := known()
		sheet.Overdue("acme", team("billing"), int64(-i%9), 0)
		last = snapshot(sheet)
		last.At += int64(i)
		give(b, snapshots, last)
	}
	for at := ""; at != time.Unix(last.At, 0).UTC().Format(time.RFC3339); {
		name, data := slow.next()
		if name == "" {
			t.Fatal("the stream ended before the newest state")
		}
		at, _ = data["at"].(string)
	}
}
