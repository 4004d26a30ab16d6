package board

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
)

// appraising has one card: the mean response time should be two minutes at most and is
// worth nothing from four on, a quarter of the open tickets may be overdue and no card
// stands them all.
func appraising(t *testing.T) *scorecard.Scheme {
	t.Helper()
	scheme, err := scorecard.New(&scorecard.Config{Default: []scorecard.Part{
		{KPI: "response_time", Target: "2m", ZeroAbove: "4m", Weight: 1},
		{KPI: "overdue_ratio", Target: "25%", ZeroAbove: "100%", Weight: 1},
	}}, &compiled().Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return scheme
}

// Of billing, the mean is 3 minutes: 50 points; 9 of 12 are overdue: (1 − 0.75) ÷ 0.75,
// 33⅓ points; 41⅔ in all. Of network, 1 of 28 is overdue, and nothing was answered this
// month.
func TestScorecards(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Scorecards, c.Groups = appraising(t), appraising(t).Groups() })
	s := known()
	s.Times("acme", team("billing"), "month", "response_time", 2*time.Minute, 4*time.Minute)
	give(b, snapshots, snapshot(s))
	got := get(t, server.URL+"/api/v1/scorecards?tenant=acme&subject=team")
	if got.status != http.StatusOK || got.body["period"] != "month" || got.body["label"] != "2026-03" || got.body["source"] != "live" {
		t.Fatalf("%d %v", got.status, got.body)
	}
	var cards []string
	for _, c := range got.body["cards"].([]any) {
		c := c.(map[string]any)
		cards = append(cards, fmt.Sprintf("%s %s %.4f of %.1f", c["subject"], c["name"], c["score"], c["covered"]))
	}
	if want := "team billing 41.6667 of 1.0; team network 100.0000 of 0.5"; strings.Join(cards, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(cards, "; "), want)
	}
	table := get(t, server.URL+"/api/v1/scorecards?name=billing&format=csv&bom=1")
	text, _ := table.body["text"].(string)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if table.header.Get("Content-Type") != "text/csv; charset=utf-8" || len(lines) != 3 || !strings.HasPrefix(text, "\ufefftenant,period,label,") ||
		!strings.HasPrefix(lines[1], "acme,month,2026-03,team,billing,,41.66") || !strings.HasSuffix(lines[1], ",response_time,,seconds,lower,180,,120,,240,1,50") {
		t.Errorf("%v\n%s", table.header, text)
	}
}

// People are never summed up as "other".
func TestScorecardsAreOfEverybody(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Scorecards, c.Groups = appraising(t), appraising(t).Groups() })
	s := known()
	for i := range groups + 1 {
		s.Overdue("acme", team(fmt.Sprintf("team %03d", i)), 0, 1)
	}
	give(b, snapshots, snapshot(s))
	got := get(t, server.URL+"/api/v1/scorecards?subject=team&name=team+"+fmt.Sprint(groups))
	if cards, _ := got.body["cards"].([]any); len(cards) != 1 {
		t.Errorf("%d %v", got.status, got.body)
	}
	readings := get(t, server.URL+"/api/v1/kpis?kpi=overdue_ratio&by=team").body["readings"].([]any)
	if len(readings) != groups+1 || !strings.Contains(jsonOf(t, readings), `"by":{"team":"other"}`) {
		t.Errorf("%d readings, want the %d largest and other", len(readings), groups)
	}
}

func TestScorecardsOfThePast(t *testing.T) {
	var asked []string
	b, snapshots, server := start(t, func(c *Config) {
		c.Scorecards = appraising(t)
		c.History = func(_ context.Context, p Past) ([]kpi.Reading, int64, error) {
			asked = append(asked, fmt.Sprintf("%s %s by %s from %s", p.KPI.Key, p.In, p.By, rfc3339(p.Span.From)))
			if p.By != kpi.SetOf(kpi.Team) {
				return nil, p.Span.To, nil
			}
			return []kpi.Reading{reading(p, team("billing"), 0.25)}, p.Span.To, nil
		}
	})
	give(b, snapshots, snapshot(known()))
	got := get(t, server.URL+"/api/v1/scorecards?tenant=acme&period=week&at=2026-03-15T23:00:00Z")
	if got.body["label"] != "2026-W11" || got.body["source"] != "history" || !strings.Contains(jsonOf(t, got.body["cards"]), `"score":100`) {
		t.Errorf("%d %v", got.status, got.body)
	}
	if len(asked) != 4 || asked[0] != "response_time week by team from 2026-03-09T00:00:00Z" {
		t.Errorf("asked %q", asked)
	}
}

func TestScorecardsRefuse(t *testing.T) {
	b, snapshots, server := start(t, func(c *Config) { c.Scorecards, c.Groups = appraising(t), appraising(t).Groups() })
	give(b, snapshots, snapshot(known()))
	for query, want := range map[string]string{
		"period=fortnight": "period", "subject=cat": "subject", "format=xml": "format", "bom=yes": "bom", "mood=good": "mood",
	} {
		if got := get(t, server.URL+"/api/v1/scorecards?"+query); got.status != http.StatusBadRequest || got.body["parameter"] != want {
			t.Errorf("%s: %d %v", query, got.status, got.body)
		}
	}
}
