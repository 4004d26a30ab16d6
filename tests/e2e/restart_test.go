package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// history connects to the ClickHouse of a site.
func history(t *testing.T, s *site) *sql.DB {
	t.Helper()
	address, err := url.Parse(s.printed["clickhouse"])
	if err != nil {
		t.Fatal(err)
	}
	db := clickhouse.OpenDB(&clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{address.Host}, Auth: clickhouse.Auth{Database: strings.Trim(address.Path, "/")},
	})
	t.Cleanup(func() { _ = db.Close() }) // nothing was written
	return db
}

// written waits until ClickHouse has confirmed at least so many tickets, and everything
// else that it was given.
func written(t *testing.T, s *site, tickets float64) {
	t.Helper()
	until(t, func() error {
		body, err := s.get("/metrics")
		if err != nil {
			return err
		}
		samples, err := parse(body)
		if err != nil {
			return err
		}
		if n := samples["deskpulse_history_rows_written_total table=tickets"]; n < tickets {
			return fmt.Errorf("%g tickets were written, want %g", n, tickets)
		}
		for partition := range 16 {
			if n, known := samples[fmt.Sprintf("deskpulse_history_rows_pending partition=%d", partition)]; n != 0 || !known {
				return fmt.Errorf("%g rows of partition %d are not written yet (known: %t)", n, partition, known)
			}
		}
		return nil
	})
}

// contents is all that the history says, without the rows that say nothing.
func contents(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all strings.Builder
	for _, table := range []string{"measures_minute", "measures_hour"} {
		query := fmt.Sprintf(`SELECT toString((tenant, measure, team, channel, priority, category, agent, partition, bucket, mapFilter((k, v) -> v != 0, values) AS v))
			FROM %s FINAL WHERE length(v) > 0 ORDER BY ALL`, table)
		fmt.Fprintf(&all, "%s\n%s\n", table, strings.Join(column(t, db, query), "\n"))
	}
	query := "SELECT toString((tenant, id, customer, status, created_at, handled_at, resolved_at, closed_at, due_at, events, team, version)) FROM tickets FINAL ORDER BY ALL"
	fmt.Fprintf(&all, "tickets\n%s\n", strings.Join(column(t, db, query), "\n"))
	return all.String()
}

func column(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }() // Err is read
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// After ctrl-C and a new start the numbers are the same, and what the history is given
// once more changes nothing in it.
func TestRestart(t *testing.T) {
	at := time.Now().UTC().Truncate(time.Minute).Add(-30 * time.Minute)
	dir := t.TempDir()
	first := start(t, dir, "--at", at.Format(time.RFC3339))
	publishStory(t, first, at)
	until(t, func() error { return checkMetrics(first, at) })
	checkClickHouse(t, first, at)
	written(t, first, 4)
	before := contents(t, history(t, first))
	for _, row := range []string{"('acme','T4',", "('acme','tickets_open',"} {
		if !strings.Contains(before, row) {
			t.Errorf("the history has no row %s…\n%s", row, before)
		}
	}
	first.stop()

	second := start(t, dir, "--at", at.Format(time.RFC3339))
	until(t, func() error { return checkMetrics(second, at) })
	checkAPI(t, second, at)
	written(t, second, 4)
	checkClickHouse(t, second, at)
	if after := contents(t, history(t, second)); after != before {
		t.Errorf("the history was\n%s\nand is\n%s", before, after)
	}
}

// load publishes one ticket after the other, each acknowledged before the next, on some
// connections, and remembers the acknowledged ones. It ends when publishing fails.
type load struct {
	ended sync.WaitGroup
	mu    sync.Mutex
	acked map[string]bool
	some  chan struct{} // closed when enough were acknowledged
}

const (
	publishers = 4
	enough     = 400
)

func startLoad(t *testing.T, address string) *load {
	t.Helper()
	l := &load{acked: map[string]bool{}, some: make(chan struct{})}
	for p := range publishers {
		nc, err := nats.Connect(address, nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		l.ended.Go(func() {
			ok := true
			for n := 0; ok; n++ {
				ok = l.publish(t.Context(), js, fmt.Sprintf("t%d-%d", p, n))
			}
		})
	}
	return l
}

func (l *load) publish(ctx context.Context, js jetstream.JetStream, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	event := fmt.Sprintf(`{"id":%q,"occurred_at":%q,"customer_id":%q,"ticket":{"ticket_id":%q,"action":"created"}}`, id, time.Now().UTC().Format(time.RFC3339Nano), id, id)
	if _, err := js.PublishMsg(ctx, &nats.Msg{
		Subject: "desk.acme.ticket." + id, Header: nats.Header{"Content-Type": {"application/json"}}, Data: []byte(event),
	}); err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acked[id] = true; len(l.acked) == enough {
		close(l.some)
	}
	return true
}

// Whatever was acknowledged is counted after the process was killed in the middle of it.
// What was under way at that moment, one event of each publisher, may count or not.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	publishing := startLoad(t, first.printed["nats"])
	select {
	case <-publishing.some:
	case <-time.After(30 * time.Second):
		t.Fatalf("fewer than %d events were acknowledged in 30 s\n%s", enough, first.log)
	}
	first.kill()
	publishing.ended.Wait()
	acked := slices.Sorted(maps.Keys(publishing.acked))

	second := start(t, dir)
	var counted float64
	until(t, func() error {
		body, err := second.get("/metrics")
		if err != nil {
			return err
		}
		samples, err := parse(body)
		if err != nil {
			return err
		}
		counted = samples["deskpulse_events_total kind=ticket"]
		if int(counted) < len(acked) {
			return fmt.Errorf("%g events are counted, %d were acknowledged", counted, len(acked))
		}
		return nil
	})
	if int(counted) > len(acked)+publishers {
		t.Errorf("%g events are counted, but %d were acknowledged and %d under way", counted, len(acked), publishers)
	}
	written(t, second, counted)
	tickets := column(t, history(t, second), "SELECT id FROM tickets FINAL WHERE tenant = 'acme' ORDER BY id")
	if len(tickets) != int(counted) {
		t.Errorf("there are %d tickets of %g events", len(tickets), counted)
	}
	for _, id := range acked {
		if _, found := slices.BinarySearch(tickets, id); !found {
			t.Errorf("ticket %s was acknowledged and is lost", id)
		}
	}
}

// kill ends deskpulse as a crash does: without a word, and its child left behind.
func (s *site) kill() {
	s.t.Helper()
	if err := s.command.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err == nil {
			s.t.Error("deskpulse was killed and says that it ended well")
		}
	case <-time.After(30 * time.Second):
		s.t.Error("something still holds the output of deskpulse 30 s after it was killed")
	}
	s.ended = nil
}
