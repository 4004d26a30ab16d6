package integration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/embedded/chdb"
)

// sheets are a scheme as the output takes it.
func sheets(s *scorecard.Scheme) (out []output.Sheet) {
	for _, sheet := range s.Sheets() {
		o := output.Sheet{Post: sheet.Post}
		for i := range sheet.Rules {
			r := &sheet.Rules[i]
			o.Parts = append(o.Parts, output.SheetPart{KPI: r.KPI, Quantile: r.Quantile, Weight: r.Weight, Score: r.SQL("value")})
		}
		out = append(out, o)
	}
	return out
}

func scheme(t *testing.T, c *kpi.Compiled, config scorecard.Config) *scorecard.Scheme {
	t.Helper()
	s, err := scorecard.New(&config, &c.Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The cards of docs/scorecards.md, with its figures: 37.5 min lie halfway from 15 min to
// 1 h, 90 % are 20 of the 25 points from 70 % to 95 %, and 1 % is within the target.
func testScorecards(t *testing.T, server *chdb.Process) {
	c := compiled(t, "response_time", "problem_resolution_rate", "overdue_ratio", "handle_time", "satisfaction_score")
	s := scheme(t, c, scorecard.Config{
		Default: []scorecard.Part{
			{KPI: "response_time", Target: "15m", ZeroAbove: "1h", Weight: 30},
			{KPI: "problem_resolution_rate", Target: "95%", ZeroBelow: "70%", Weight: 50},
			{KPI: "overdue_ratio", Target: "2%", Weight: 20},
		},
		Posts: map[string]scorecard.Post{"hot'line": {Parts: []scorecard.Part{
			{KPI: "handle_time", Band: []string{"3m", "6m"}, ZeroBelow: "1m", ZeroAbove: "15m", Weight: 40},
		}}},
	})
	d := withScorecards(t, server, "scorecards", c, sheets(s))
	local := day(time.March, 2)
	row := func(measure, agent, post string, values ...int64) kpi.MeasureRow {
		r := daily(measure, "a", local, values...)
		r.Dims[kpi.AgentName], r.Dims[kpi.Post] = agent, post
		return r
	}
	d.write(t, &kpi.Rows{Measures: []kpi.MeasureRow{
		row("response_time", "ann", "", 0, 2_250_000, 680, 1), // 37.5 min
		row("tickets_resolved", "ann", "", 0, 9), row("tickets_unresolved", "ann", "", 0, 1),
		row("tickets_raised_resolved", "ann", "", 0, 9), row("tickets_raised", "ann", "", 0, 10),
		row("tickets_open", "ann", "", 0, 100), row("tickets_overdue", "ann", "", 0, 1),
		row("response_time", "bob", "field", 0, 7_200_000, 736, 1), // 2 h, and nothing else
		row("handle_time", "cyd", "hot'line", 0, 120_000, 544, 1),  // 2 min: halfway from 1 to 3
		row("tickets_open", "", "", 0, 100),                        // nobody's
	}})
	const cards = "SELECT name, post, round(card_score, 9), round(covered, 9), kpi, round(value, 9), weight, round(score, 9) FROM scorecards(tenant = 'acme', from = '2026-03-01', to = '2026-04-01') "
	d.expect(t, cards+"WHERE subject = 'agent' ORDER BY name, kpi", strings.Join([]string{
		"ann\t\t75\t1\toverdue_ratio\t0.01\t20\t100",
		"ann\t\t75\t1\tproblem_resolution_rate\t0.9\t50\t80",
		"ann\t\t75\t1\tresponse_time\t2250\t30\t50",
		"bob\tfield\t0\t0.3\toverdue_ratio\t\\N\t20\t\\N",
		"bob\tfield\t0\t0.3\tproblem_resolution_rate\t\\N\t50\t\\N",
		"bob\tfield\t0\t0.3\tresponse_time\t7200\t30\t0",
		"cyd\thot\\'line\t50\t1\thandle_time\t120\t40\t50",
	}, "\n"))
	d.expect(t, "SELECT subject, name, post, count() FROM scorecards(tenant = 'acme', from = '2026-03-01', to = '2026-04-01') WHERE subject != 'agent' GROUP BY ALL ORDER BY ALL", strings.Join([]string{
		"post\tfield\tfield\t3", "post\thot\\'line\thot\\'line\t1", "team\ta\t\t3", "team\ta\tfield\t3", "team\ta\thot\\'line\t1",
	}, "\n"))

	page, err := os.ReadFile("../../docs/scorecards.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 1 {
		t.Fatalf("the page has %d statements", len(blocks))
	}
	d.expect(t, blocks[0][1], strings.Join([]string{
		"ann\t75\toverdue_ratio\t0.01\t20\t100",
		"ann\t75\tproblem_resolution_rate\t0.9\t50\t80",
		"ann\t75\tresponse_time\t2250\t30\t50",
		"cyd\t50\thandle_time\t120\t40\t50",
		"bob\t0\toverdue_ratio\t\\N\t20\t\\N",
		"bob\t0\tproblem_resolution_rate\t\\N\t50\t\\N",
		"bob\t0\tresponse_time\t7200\t30\t0",
	}, "\n"))

	withScorecards(t, server, "scorecards", c, nil) // nobody is appraised any more
	d.expect(t, "SELECT count() FROM system.tables WHERE database = 'scorecards' AND name = 'scorecards'", "0")
}

func withScorecards(t *testing.T, server *chdb.Process, database string, c *kpi.Compiled, sheets []output.Sheet) desk {
	t.Helper()
	d := openDesk(t, server, database, func(o *output.ClickHouseOptions) { o.Compiled, o.Scorecards = c, sheets })
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// Over random totals the view gives the cards that pkg/scorecard makes of the history: of
// every kind of formula, those that no period has among them.
func testScorecardsAgreeWithHistory(t *testing.T, server *chdb.Process) {
	keys := []string{
		"response_time", "overdue_ratio", "problem_resolution_rate", "service_level", "occupancy", "churn_rate", "stage_age", "channel_mix",
		"slowest_stage", "open_tickets", "repeat_incident_ratio", "oldest_open_age", "retention_rate", "arrears_rate", "service_quality_index",
	}
	c := compiled(t, keys...)
	if len(c.Catalogue.KPIs) != len(keys) {
		t.Fatalf("of %d kpis the catalogue has %d", len(keys), len(c.Catalogue.KPIs))
	}
	var all []scorecard.Part
	for i, key := range keys {
		all = append(all, scorecard.Part{KPI: key, Direction: "lower", Target: "0.5", ZeroAbove: "1000000", Weight: float64(i + 1)})
	}
	for _, q := range kpi.Quantiles {
		all = append(all, scorecard.Part{KPI: "response_time", Quantile: q.Name, Band: []string{"1", "100"}, ZeroBelow: "-50", ZeroAbove: "2000", Weight: 2.5})
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, config := range map[string]scorecard.Config{
		"default":           {Default: all},
		"posts and default": {Default: all[2:5], Posts: map[string]scorecard.Post{"one": {Parts: all}}},
		"posts":             {Posts: map[string]scorecard.Post{"one": {Parts: all[:6]}, "none": {Parts: all[:1]}}},
	} {
		s := scheme(t, c, config)
		d := withScorecards(t, server, "appraisals", c, sheets(s))
		r := rand.New(rand.NewPCG(seed, 0))
		rows := randomRows(c, r)
		for i := range rows.Measures {
			m := &rows.Measures[i] // of each team one agent in two posts
			m.Dims[kpi.AgentName], m.Dims[kpi.Post] = "agent "+m.Dims[kpi.Team], m.Dims[kpi.Stage]
		}
		d.write(t, rows)
		want, got := ofCards(s.Cards(kpi.Month, monthly(t, d, c, s))), ofView(t, d)
		for part, w := range want {
			if g, ok := got[part]; !ok || !near(g[0], w[0]) || !near(g[1], w[1]) || !near(g[2], w[2]) || !near(g[3], w[3]) {
				t.Errorf("%s, %s: the view says %v, the cards %v", name, part, g, w)
			}
		}
		if len(got) != len(want) || len(want) < 6 {
			t.Errorf("%s: the view has %d parts, the cards %d", name, len(got), len(want))
		}
	}
}

// monthly are readings of the first two days of March from the history.
func monthly(t *testing.T, d desk, c *kpi.Compiled, s *scorecard.Scheme) (out []kpi.Reading) {
	t.Helper()
	from, to := day(time.March, 1), day(time.March, 3)
	march := output.HistoryPeriod{
		Period: kpi.Month, From: from, To: to, Lo: int64(from) * window.Day.Seconds(), At: int64(to) * window.Day.Seconds(),
		Months: []int32{from}, MonthFrom: 674, MonthTo: 674,
	}
	for _, by := range s.Groups() {
		for i := range c.Catalogue.KPIs {
			definition, in := &c.Catalogue.KPIs[i], ""
			if definition.Windowed() {
				in = kpi.Month.String()
			}
			if !c.By(definition, by) || !c.In(definition, in) || len(output.ViewNames(c, definition)) == 0 {
				continue
			}
			points, err := d.History(t.Context(), output.HistoryQuery{Tenant: "acme", KPI: definition, By: by, Periods: []output.HistoryPeriod{march}})
			if err != nil {
				t.Fatalf("%s: %v", definition.Key, err)
			}
			out = append(out, output.Readings(c, definition, in, by, march.At, points[0].Totals)...)
		}
	}
	return out
}

// ofCards is value, score, score of the card and what it covers, by the part of a card.
func ofCards(cards []scorecard.Card) map[string][4]float64 {
	out := make(map[string][4]float64)
	for i := range cards {
		card := &cards[i]
		for _, p := range card.Parts {
			out[strings.Join([]string{card.Subject, card.Name, card.Post, p.KPI, p.Quantile, fmt.Sprint(p.Weight)}, "\t")] =
				[4]float64{number(p.Value), number(p.Score), number(card.Score), card.Covered}
		}
	}
	return out
}

// ofView is the same by SQL.
func ofView(t *testing.T, d desk) map[string][4]float64 {
	t.Helper()
	view := d.ask(t, "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'scorecards' FORMAT TSVRaw")
	arguments := "tenant = 'acme', from = '2026-03-01', to = '2026-03-03'"
	for name, value := range map[string]string{"months": "['2026-03-01']", "first_month": "674", "last_month": "674", "zone": "'UTC'", "period": "'month'"} {
		if strings.Contains(view, "{"+name+":") {
			arguments += ", " + name + " = " + value
		}
	}
	out := make(map[string][4]float64)
	answer := d.ask(t, "SELECT subject, name, post, kpi, quantile, weight, value, score, card_score, covered FROM scorecards("+arguments+")")
	for line := range strings.SplitSeq(answer, "\n") {
		cells := strings.Split(line, "\t")
		if len(cells) != 10 {
			t.Fatalf("%q has %d cells", line, len(cells))
		}
		var numbers [4]float64
		for i, cell := range cells[6:] {
			numbers[i] = math.NaN()
			if cell != `\N` {
				if _, err := fmt.Sscan(cell, &numbers[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		out[strings.Join(cells[:6], "\t")] = numbers
	}
	return out
}
