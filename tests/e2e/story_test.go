package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/deskpulse/deskpulse/tests/browser/chrome"
)

// The story: what happened before T, and what the three KPIs are at T by hand.
//
//	T1  red,  c1, billing, high: created T−9h, replied after 30 min, still open. Its
//	    target is 8 h, so it fell due at T−1h and is overdue.
//	T2  red,  c1, billing, high: created T−60 min, work started after 10 min, open.
//	T3  blue, c2, login: created T−2h, resolved after 90 min, closed.
//	T4  blue, c3, login: created T−10 min, nothing since, open.
//
// Overdue: of T1, T2 and T4 that are open, T1; red 1 of 2, blue 0 of 1.
// Response in 24 h: 1800 s and 600 s by red, 5400 s by blue (its resolution is the first
// handling): 3 samples, mean 2600 s; in 1 h: T2's at T−50 min and T3's at T−30 min.
// Repeat in 24 h: c1 has reported billing twice, c2 and c3 something once: 1 of 3. In
// 1 h, whose window begins at T−60 min: T2's report and T4's, none twice: 0 of 2.
func story(at time.Time) []string {
	event := func(id string, before time.Duration, customer, dims, ticket, action string) string {
		return fmt.Sprintf(`{"id":%q,"occurred_at":%q,"customer_id":%q,%s"ticket":{"ticket_id":%q,"action":%q}}`,
			id, at.Add(-before).Format(time.RFC3339), customer, dims, ticket, action)
	}
	red := `"team":"red","priority":"high","category":"billing",`
	blue := `"team":"blue","priority":"low","category":"login",`
	return []string{
		event("e1", 9*time.Hour, "c1", red, "T1", "created"),
		event("e2", 8*time.Hour+30*time.Minute, "c1", "", "T1", "replied"),
		event("e3", 60*time.Minute, "c1", red, "T2", "created"),
		event("e4", 50*time.Minute, "c1", "", "T2", "work_started"),
		event("e5", 2*time.Hour, "c2", blue, "T3", "created"),
		event("e6", 30*time.Minute, "c2", "", "T3", "resolved"),
		event("e7", 15*time.Minute, "c2", "", "T3", "closed"),
		event("e8", 10*time.Minute, "c3", blue, "T4", "created"),
	}
}

// number is what one place says of one KPI: what is compared between them.
type number struct{ value, numerator, denominator, count float64 }

// The expected numbers by "kpi window team", from the story above.
var expected = map[string]number{
	"overdue_ratio":                  {value: 1. / 3, numerator: 1, denominator: 3},
	"overdue_ratio red":              {value: 1. / 2, numerator: 1, denominator: 2},
	"overdue_ratio blue":             {value: 0, numerator: 0, denominator: 1},
	"repeat_incident_ratio 24h":      {value: 1. / 3, numerator: 1, denominator: 3},
	"repeat_incident_ratio 24h red":  {value: 1, numerator: 1, denominator: 1},
	"repeat_incident_ratio 24h blue": {value: 0, numerator: 0, denominator: 2},
	"repeat_incident_ratio 1h":       {value: 0, numerator: 0, denominator: 2},
	"response_time 24h":              {value: 2600, count: 3},
	"response_time 24h red":          {value: 1200, count: 2},
	"response_time 24h blue":         {value: 5400, count: 1},
	"response_time 1h":               {value: 3000, count: 2},
}

const story24h = 8 // events

func TestThreePlacesAgree(t *testing.T) {
	at := time.Now().UTC().Truncate(time.Minute).Add(-30 * time.Minute)
	s := start(t, t.TempDir(), "--at", at.Format(time.RFC3339))
	publishStory(t, s, at)

	t.Run("metrics", func(t *testing.T) { until(t, func() error { return checkMetrics(s, at) }) })
	t.Run("api", func(t *testing.T) { checkAPI(t, s, at) })
	t.Run("clickhouse", func(t *testing.T) { checkClickHouse(t, s, at) })
	t.Run("page", func(t *testing.T) { checkPage(t, s, at) })
}

// publish does what a person with nothing but the nats command line does.
func publish(t *testing.T, nc *nats.Conn, event string) {
	t.Helper()
	var e struct {
		Customer string `json:"customer_id"`
	}
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatal(err)
	}
	if e.Customer == "" {
		e.Customer = "nobody"
	}
	if err := nc.PublishMsg(&nats.Msg{
		Subject: "desk.acme.ticket." + e.Customer, Header: nats.Header{"Content-Type": {"application/json"}}, Data: []byte(event),
	}); err != nil {
		t.Fatal(err)
	}
}

// checkMetrics reads /metrics with Prometheus' own parser.
func checkMetrics(s *site, at time.Time) error {
	body, err := s.get("/metrics")
	if err != nil {
		return err
	}
	samples, err := parse(body)
	if err != nil {
		return err
	}
	if n := samples[`deskpulse_events_total kind=ticket`]; n != story24h+1 { // one came twice
		return fmt.Errorf("%g events were counted, want %d", n, story24h+1)
	}
	if n := samples[`deskpulse_reading_timestamp_seconds`]; n != float64(at.Unix()) {
		return fmt.Errorf("readings are as of %g, want %d", n, at.Unix())
	}
	var wrong []error
	for key, want := range expected {
		kpi, window, team := split(key)
		if kpi == "repeat_incident_ratio" && window == "1h" {
			continue // it is no window of the definition, and asked for elsewhere
		}
		name := "deskpulse_" + kpi
		if kpi == "response_time" {
			name += "_mean_seconds"
			got := samples[series("deskpulse_response_time_samples", window, team)]
			if got != want.count {
				wrong = append(wrong, fmt.Errorf("%s: %g samples, want %g", key, got, want.count))
			}
		}
		got, ok := samples[series(name, window, team)]
		if !ok || math.Abs(got-want.value) > 1e-9 {
			wrong = append(wrong, fmt.Errorf("%s: %g (found: %t), want %g", key, got, ok, want.value))
		}
	}
	for _, event := range []string{`deskpulse_events_duplicate_total`, `deskpulse_dead_letters_total reason=invalid`} {
		if samples[event] != 1 {
			wrong = append(wrong, fmt.Errorf("%s is %g, want 1", event, samples[event]))
		}
	}
	return errors.Join(wrong...)
}

func split(key string) (kpi, window, team string) {
	words := strings.Fields(key)
	kpi, words = words[0], words[1:]
	if len(words) > 0 && kpi != "overdue_ratio" {
		window, words = words[0], words[1:]
	}
	if len(words) > 0 {
		team = words[0]
	}
	return kpi, window, team
}

// series names a series as parse does.
func series(name, window, team string) string {
	if team != "" {
		name += " by=team team=" + team
	}
	name += " tenant=acme"
	if window != "" {
		name += " window=" + window
	}
	return name
}

// parse returns the value of each series, named by its labels in order.
func parse(body string) (map[string]float64, error) {
	p, err := textparse.New([]byte(body), "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, value := p.Series()
		key := l.Get("__name__")
		l.Range(func(l labels.Label) {
			if l.Name != "__name__" && l.Value != "" {
				key += " " + l.Name + "=" + l.Value
			}
		})
		out[key] = value
	}
}

func checkAPI(t *testing.T, s *site, at time.Time) {
	t.Helper()
	for key, want := range expected {
		kpi, window, team := split(key)
		query := url.Values{"tenant": {"acme"}, "kpi": {kpi}}
		if window != "" {
			query.Set("window", window)
		}
		if team != "" {
			query.Set("by", "team")
		}
		body, err := s.get("/api/v1/kpis?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Readings []struct {
				At                            time.Time
				By                            map[string]string
				Value                         *float64
				Numerator, Denominator, Count float64
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, r := range answer.Readings {
			if r.By["team"] != team {
				continue
			}
			found = true
			if r.Value == nil || math.Abs(*r.Value-want.value) > 1e-9 || r.Numerator != want.numerator || r.Denominator != want.denominator ||
				r.Count != want.count || !r.At.Equal(at) {
				t.Errorf("%s: the API says %s, want %+v", key, body, want)
			}
		}
		if !found {
			t.Errorf("%s: the API has no reading: %s", key, body)
		}
	}
}

func checkClickHouse(t *testing.T, s *site, at time.Time) {
	t.Helper()
	db := history(t, s)
	for key, want := range expected {
		kpi, window, team := split(key)
		until(t, func() error { return askClickHouse(db, kpi, window, team, at, want) })
	}
	tickets := 0
	if err := db.QueryRowContext(context.Background(), `SELECT count() FROM tickets FINAL WHERE tenant = 'acme'`).Scan(&tickets); err != nil || tickets != 4 {
		t.Errorf("%d tickets, %v; want 4", tickets, err)
	}
}

func askClickHouse(db *sql.DB, kpi, window, team string, at time.Time, want number) error {
	by, in := "", ""
	if team != "" {
		by = "team"
	}
	if window != "" {
		in = fmt.Sprintf(", window = '%s'", window)
	}
	from := fmt.Sprintf("FROM kpi_%s(tenant = 'acme', at = '%s', by = '%s'%s) WHERE team = '%s'", kpi, at.Format(time.DateTime), by, in, team)
	var got number
	var value sql.NullFloat64
	var err error
	if kpi == "response_time" {
		err = db.QueryRowContext(context.Background(), "SELECT mean_seconds, toFloat64(samples) "+from).Scan(&value, &got.count)
	} else {
		err = db.QueryRowContext(context.Background(), "SELECT value, toFloat64(numerator), toFloat64(denominator) "+from).Scan(&value, &got.numerator, &got.denominator)
	}
	got.value = value.Float64
	if err != nil || !value.Valid || math.Abs(got.value-want.value) > 1e-9 || got.numerator != want.numerator || got.denominator != want.denominator || got.count != want.count {
		return fmt.Errorf("%s: got %+v, %w, want %+v", from, got, err, want)
	}
	return nil
}

// checkPage reads the raw numbers that the page carries beside the formatted ones.
func checkPage(t *testing.T, s *site, at time.Time) {
	t.Helper()
	ctx := chrome.Start(t)
	if err := chromedp.Run(ctx, chromedp.Navigate(s.printed["board"]+"?tenant=acme&window=24h&by=team")); err != nil {
		t.Fatal(err)
	}
	for key, want := range expected {
		kpi, window, team := split(key)
		if window == "1h" {
			continue // the page shows one window at a time
		}
		selector := fmt.Sprintf(`.tile[data-kpi=%q]`, kpi)
		if team != "" {
			selector = fmt.Sprintf(`td[data-kpi=%q][data-team=%q]`, kpi, team)
		}
		until(t, func() error {
			var data map[string]string
			query := fmt.Sprintf("({...document.querySelector(%q)?.dataset})", selector)
			if err := chromedp.Run(ctx, chromedp.Evaluate(query, &data)); err != nil {
				return err
			}
			got, err := strconv.ParseFloat(data["value"], 64)
			if err != nil || math.Abs(got-want.value) > 1e-9 {
				return fmt.Errorf("%s: the page has %v, want %g", key, data, want.value)
			}
			if shown, err := time.Parse(time.RFC3339, data["at"]); data["at"] != "" && (err != nil || !shown.Equal(at)) {
				return fmt.Errorf("%s: the page is as of %s, want %s", key, data["at"], at)
			}
			return nil
		})
	}
}
