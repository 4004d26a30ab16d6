package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 2

// testTimeout bounds every wait of a test.
const testTimeout = 60 * time.Second

// site is a broker that outlives the workers of a test.
type site struct {
	t      *testing.T
	server *natsd.Server
}

func startSite(t *testing.T) *site {
	t.Helper()
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	s := &site{t, server}
	nc, _ := s.connect()
	if err := Ensure(s.context(), nc, input.Topology{Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) context() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), testTimeout)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *site) connect() (*nats.Conn, jetstream.JetStream) {
	s.t.Helper()
	nc, err := input.Connect(s.context(), input.Options{URL: s.server.URL()}, zap.NewNop())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatal(err)
	}
	return nc, js
}

func (s *site) publish(event string) {
	s.t.Helper()
	_, js := s.connect()
	if _, err := js.Publish(s.context(), "desk.acme.ticket.c1", []byte(event)); err != nil {
		s.t.Fatal(err)
	}
}

// configured is the engine's configuration of a file, for a log of the past.
func configured(t *testing.T, text string) engine.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deskpulse.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Engine()
	if err != nil {
		t.Fatal(err)
	}
	out.Clock = engine.EventClock
	return out
}

// read starts a worker as of an instant, waits until it has read everything, stops it and
// returns its gauges.
func (s *site) read(at string, c Config) (map[string]float64, error) {
	s.t.Helper()
	instant, err := time.Parse(time.RFC3339, at)
	if err != nil {
		s.t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	c.Partitions, c.Registerer, c.Health, c.Log, c.At = partitions, registry, &process.Health{}, zap.NewNop(), instant.Unix()
	c.Conn, _ = s.connect()
	w, err := New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if read := gauges(s.t, registry); read["deskpulse_partition_reading_timestamp_seconds"] == partitions*float64(instant.Unix()) {
			stop()
			return read, <-ended
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return nil, err
		}
	}
}

// gauges sums each metric, by its window where it has one, over what is of no single team.
func gauges(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["by"] == "" {
				out[strings.TrimSpace(f.GetName()+" "+labels["window"])] += m.GetGauge().GetValue()
			}
		}
	}
	return out
}

// expect wants one open ticket, overdue or not, or an error that says all of some words.
func (s *site) expect(text, at string, restate bool, overdue float64, words ...string) {
	s.t.Helper()
	read, err := s.read(at, Config{Engine: configured(s.t, text), Restate: restate})
	open, got := read["deskpulse_measure_tickets_open"], read["deskpulse_measure_tickets_overdue"]
	switch {
	case len(words) > 0:
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				s.t.Errorf("at %s: got %v, want an error with %q", at, err, w)
			}
		}
	case err != nil:
		s.t.Errorf("at %s: %v", at, err)
	case open != 1 || got != overdue:
		s.t.Errorf("at %s: %g open and %g overdue, want 1 and %g", at, open, got, overdue)
	}
}

const office = `
calendars:
  office:
    zone: UTC
    hours: {monday-friday: 09:00-17:00}
    days: {%s}
sla:
  calendar: office
  default: %s
`

// The ticket comes on Monday morning and has 12 hours of the office's eight a day: it is
// due on Tuesday at 13:00, or on Wednesday if Tuesday is a holiday.
func TestHolidayAnnouncedLate(t *testing.T) {
	s := startSite(t)
	s.publish(`{"id":"e1","occurred_at":"2026-03-02T09:00:00Z","customer_id":"c1","ticket":{"ticket_id":"T1","action":"created"}}`)
	usual := fmt.Sprintf(office, "", "12h")
	holiday := fmt.Sprintf(office, "2026-03-03: closed", "12h")
	s.expect(usual, "2026-03-02T12:00:00Z", false, 0)
	s.expect(holiday, "2026-03-03T15:00:00Z", false, 0) // announced on Monday, for the day after
	s.expect(holiday, "2026-03-04T12:00:00Z", false, 0)

	// Now Tuesday is over, and what was in time would be late.
	s.expect(usual, "2026-03-04T12:00:00Z", false, 0, `policy "default"`, "before 2026-03-04T12:00:00Z", "other open hours in the past", "let a change of hours begin later", "--restate")
	s.expect(usual, "2026-03-02T12:00:00Z", false, 0, "before 2026-03-04T12:00:00Z") // the record does not go back
	s.expect(usual, "2026-03-04T12:00:00Z", true, 1)
	s.expect(usual, "2026-03-04T12:00:00Z", false, 1)
	s.expect(holiday, "2026-03-04T12:00:00Z", false, 0, "other open hours in the past")
}

func TestEditOfThePast(t *testing.T) {
	s := startSite(t)
	before, after := fmt.Sprintf(office, "", "12h"), fmt.Sprintf(office, "", "4h")
	// While nothing has been read, anything may be edited.
	for _, text := range []string{before, after} {
		if _, err := s.read("2026-03-02T12:00:00Z", Config{Engine: configured(t, text)}); err != nil {
			t.Fatal(err)
		}
	}
	s.publish(`{"id":"e1","occurred_at":"2026-03-02T09:00:00Z","customer_id":"c1","ticket":{"ticket_id":"T1","action":"created"}}`)
	s.expect(before, "2026-03-02T14:00:00Z", false, 0)
	s.expect(after, "2026-03-02T14:00:00Z", false, 0, `policy "default"`, "has been edited", "valid_from", "--restate")
	s.expect(before, "2026-03-02T15:00:00Z", false, 0)

	gold := before + "policies:\n  - {name: gold, when: 'segment == \"gold\"', valid_from: 2026-03-02T%s:00Z, resolution: {default: 1h}}\n"
	s.expect(fmt.Sprintf(gold, "15:00"), "2026-03-02T16:00:00Z", false, 0)
	s.expect(before, "2026-03-02T16:00:00Z", false, 0, `policy "gold"`, "is gone")
	s.expect(fmt.Sprintf(gold, "14:30"), "2026-03-02T16:00:00Z", false, 0, `policy "gold"`)
	s.expect(after, "2026-03-02T16:00:00Z", true, 1)
}

// A worker that reads with edited policies beside one that does not know them ends that
// one, and nobody's record is lost.
func TestRecordIsHeldAgainstThatOfAnother(t *testing.T) {
	s := startSite(t)
	guards := make(map[string]*guard)
	_, js := s.connect()
	open := func(name, target string, restate bool) {
		t.Helper()
		applied, err := input.OpenApplied(s.context(), js)
		if err != nil {
			t.Fatal(err)
		}
		g := &guard{applied: applied, policies: configured(t, fmt.Sprintf(office, "", target)).Policies, restate: restate, log: zap.NewNop()}
		if err := g.load(s.context()); err != nil {
			t.Fatal(err)
		}
		guards[name] = g
	}
	renew := func(name string, at int64, refused bool) {
		t.Helper()
		if err := guards[name].renew(s.context(), at); (err != nil) != refused {
			t.Errorf("%s at %d: got %v", name, at, err)
		}
	}
	open("old", "12h", false)
	renew("old", 5000, false)
	open("same", "12h", false)
	open("restated", "4h", true)
	renew("same", 9000, false)
	renew("old", 7000, false)
	if at := guards["old"].was.At; at != 9000 {
		t.Errorf("the record went back to %d", at)
	}
	renew("restated", 8000, false)
	renew("old", 10_000, true)
	renew("restated", 11_000, false)
}
