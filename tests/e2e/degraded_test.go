package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// publishStory publishes the story with what checkMetrics expects beside it: an event
// that is wrong and one that comes twice.
func publishStory(t *testing.T, s *site, at time.Time) {
	t.Helper()
	nc, err := nats.Connect(s.printed["nats"])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, event := range append(story(at), `{"id":"bad","occurred_at":"yesterday"}`, story(at)[0]) {
		publish(t, nc, event)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// Without the ClickHouse library there is no history, and run says so where a person
// looks. Everything else works.
func TestWithoutClickHouse(t *testing.T) {
	t.Setenv("DESKPULSE_LIBCHDB", "/nonexistent")
	at := time.Now().UTC().Truncate(time.Minute).Add(-30 * time.Minute)
	s := start(t, t.TempDir(), "--at", at.Format(time.RFC3339))
	for _, words := range []string{"none: the library is missing", `run "make clickhouse"`, "without history"} {
		if !strings.Contains(s.printed["clickhouse"], words) {
			t.Errorf("it does not say %q but %q", words, s.printed["clickhouse"])
		}
	}
	publishStory(t, s, at)
	until(t, func() error { return checkMetrics(s, at) })
	checkAPI(t, s, at)
	checkPage(t, s, at)
	if _, err := s.get("/readyz"); err != nil {
		t.Errorf("it is not ready: %v", err)
	}
	past := "/api/v1/kpis?tenant=acme&kpi=overdue_ratio&at=" + at.Add(-time.Hour).Format(time.RFC3339)
	if _, err := s.get(past); err == nil || strings.Contains(err.Error(), http.StatusText(http.StatusInternalServerError)) || !strings.Contains(err.Error(), "history") {
		t.Errorf("asked for the past it says: %v", err)
	}
}
