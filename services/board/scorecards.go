package board

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
)

// appraisal is what GET /api/v1/scorecards asks.
type appraisal struct {
	tenant  string
	period  kpi.Period
	at      int64 // Unix seconds; 0: now
	csv     bool
	mark    bool              // a byte-order mark before the CSV
	filters map[string]string // of cards: subject, name, post
}

func (b *Board) serveScorecards(w http.ResponseWriter, r *http.Request) {
	st := b.state.Load()
	q, p := b.askScorecards(st, r)
	if p != nil {
		p.write(w)
		return
	}
	at, source, readings, p := b.appraise(r.Context(), st, &q)
	if p != nil {
		p.write(w)
		return
	}
	calendar := b.config.Calendar(q.tenant)
	label := calendar.Label(q.period, calendar.Day(at-1))
	cards := slices.DeleteFunc(b.config.Scorecards.Cards(q.period, readings), func(c scorecard.Card) bool { return !q.shows(&c) })
	for i := range cards {
		cards[i].Label = label
	}
	if q.csv {
		writeCSV(w, cards, q.mark, "scorecards-"+q.period.String()+".csv")
		return
	}
	if cards == nil {
		cards = []scorecard.Card{}
	}
	writeJSON(w, struct {
		At     time.Time        `json:"at"`
		Tenant string           `json:"tenant"`
		Source string           `json:"source"`
		Period string           `json:"period"`
		Label  string           `json:"label"`
		Cards  []scorecard.Card `json:"cards"`
	}{time.Unix(at, 0).UTC(), q.tenant, source, q.period.String(), label, cards})
}

func (b *Board) askScorecards(st *state, r *http.Request) (q appraisal, p *problem) {
	if b.config.Scorecards == nil || len(b.config.Scorecards.Sheets()) == 0 {
		return q, &problem{
			Type: problemType + "no-scorecards", Title: "There are no scorecards", Status: http.StatusNotFound,
			Detail: "no scorecards are configured", Remedy: "write them under scorecards in the configuration, as docs/scorecards.md tells",
		}
	}
	values, p := query(r, "tenant", "period", "at", "subject", "name", "post", "format", "bom")
	if p != nil {
		return q, p
	}
	name := values.Get("period")
	if name == "" {
		name = kpi.Month.String()
	}
	var ok bool
	if q.period, ok = kpi.ParsePeriod(name); !ok {
		return q, badParameter("period", name, "it is no calendar period", "use day, week, month, quarter or year")
	}
	q.filters = map[string]string{}
	for _, f := range []string{"subject", "name", "post"} {
		if values.Has(f) {
			q.filters[f] = values.Get(f)
		}
	}
	if s, given := q.filters["subject"]; given && !slices.Contains([]string{"agent", "team", "post"}, s) {
		return q, badParameter("subject", s, "nobody has such a card", "use agent, team or post")
	}
	if q.csv, p = choice(values.Get("format"), "format", "json", "csv"); p != nil {
		return q, p
	}
	if q.mark, p = choice(values.Get("bom"), "bom", "0", "1"); p != nil {
		return q, p
	}
	if q.at, p = parseAt(values.Get("at"), b.config.Clock()); p != nil {
		return q, p
	}
	q.tenant, p = st.parseTenant(values.Get("tenant"), q.at != 0 && b.config.History != nil)
	return q, p
}

// choice reads a parameter with two values, of which the first holds where it is left out.
func choice(value, name, no, yes string) (bool, *problem) {
	switch value {
	case "", no:
		return false, nil
	case yes:
		return true, nil
	}
	return false, badParameter(name, value, "it is none of its two values", "use "+no+" or "+yes)
}

func (q *appraisal) shows(c *scorecard.Card) bool {
	for f, want := range q.filters {
		if got := map[string]string{"subject": c.Subject, "name": c.Name, "post": c.Post}[f]; got != want {
			return false
		}
	}
	return true
}

// appraise finds the readings that the cards are made of. All groups are read: a cap would
// make "other" of people.
func (b *Board) appraise(ctx context.Context, st *state, q *appraisal) (at int64, source string, out []kpi.Reading, p *problem) {
	one := question{tenant: q.tenant, kpis: b.appraised(), window: q.period.String(), at: q.at}
	w := wanted{tenant: q.tenant, kpis: one.kpis, in: st.windowsOf(&one)}
	var reason *problem // why the live readings do not do
	for _, one.by = range b.config.Scorecards.Groups() {
		if reason = st.missing(&one); reason != nil {
			break
		}
	}
	switch {
	case reason == nil:
		at, source = st.At, live
	case b.config.History == nil:
		return 0, "", nil, reason
	default:
		source = past // for all groups: cards are as of one instant
		if at, p = b.pastInstant(q.at); p != nil {
			return 0, "", nil, p
		}
	}
	for _, w.by = range b.config.Scorecards.Groups() {
		if source == live {
			out = append(out, st.readings(w)...)
			continue
		}
		readings, p := b.past(ctx, st, w, at)
		if p != nil {
			return 0, "", nil, p
		}
		out = append(out, readings...)
	}
	return at, source, out, nil
}

// appraised are the KPIs on any card.
func (b *Board) appraised() (out []kpi.Definition) {
	for _, d := range b.config.Compiled.Catalogue.KPIs {
		if slices.ContainsFunc(b.config.Scorecards.Sheets(), func(s scorecard.Sheet) bool {
			return slices.ContainsFunc(s.Rules, func(r scorecard.Rule) bool { return r.KPI == d.Key })
		}) {
			out = append(out, d)
		}
	}
	return out
}

func writeCSV(w http.ResponseWriter, cards []scorecard.Card, mark bool, file string) {
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+file+`"`)
	h.Set("Cache-Control", "no-store")
	// The client may be gone; there is nobody left to tell.
	_ = scorecard.WriteCSV(w, cards, mark)
}
