package board

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// question is what GET /api/v1/kpis asks.
type question struct {
	tenant string
	kpis   kpi.Catalogue // those asked for
	window string        // "": all that are live
	by     kpi.Set
	at     int64 // Unix seconds; 0: now
}

type answer struct {
	At       time.Time         `json:"at"`
	Tenant   string            `json:"tenant"`
	Source   string            `json:"source"` // live or history
	Silent   []Silent          `json:"silent,omitempty"`
	Readings []json.RawMessage `json:"readings"`
}

func (b *Board) serveKPIs(w http.ResponseWriter, r *http.Request) {
	st := b.state.Load()
	q, p := b.ask(st, r)
	if p != nil {
		p.write(w)
		return
	}
	reason := st.missing(q)
	var a answer
	switch {
	case reason == nil:
		a = st.answer(q)
	case b.config.History == nil:
		reason.write(w)
		return
	default:
		if a, p = b.past(r.Context(), st, q); p != nil {
			p.write(w)
			return
		}
	}
	writeJSON(w, a)
}

func (b *Board) ask(st *state, r *http.Request) (q question, p *problem) {
	values, p := query(r, "tenant", "kpi", "window", "by", "at")
	if p != nil {
		return q, p
	}
	if q.by, p = parseBy(values.Get("by")); p != nil {
		return q, p
	}
	if q.window = values.Get("window"); q.window != "" {
		if p = checkWindow(q.window); p != nil {
			return q, p
		}
	}
	if q.kpis, p = b.parseKPI(values.Get("kpi")); p != nil {
		return q, p
	}
	if q.at, p = parseAt(values.Get("at"), b.config.Clock()); p != nil {
		return q, p
	}
	q.tenant, p = st.parseTenant(values.Get("tenant"), q.at != 0 && b.config.History != nil)
	return q, p
}

// query refuses a parameter that is unknown or given twice: a misspelt filter would
// otherwise answer another question than the one asked.
func query(r *http.Request, known ...string) (url.Values, *problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badParameter("", r.URL.RawQuery, "the query cannot be read: "+err.Error(), "percent-encode what is not a letter or a digit")
	}
	for name, v := range values {
		if !slices.Contains(known, name) {
			return nil, badParameter(name, v[0], "there is no parameter "+name, "use "+strings.Join(known, ", "))
		}
		if len(v) > 1 {
			return nil, badParameter(name, strings.Join(v, " "), "the parameter "+name+" is given more than once", "give it once")
		}
	}
	return values, nil
}

func (b *Board) parseKPI(key string) (kpi.Catalogue, *problem) {
	if key == "" {
		return b.config.Catalogue, nil
	}
	d, ok := b.config.Catalogue.Find(key)
	if !ok {
		var keys []string
		for _, d := range b.config.Catalogue {
			keys = append(keys, d.Key)
		}
		return nil, badParameter("kpi", key, "the catalogue has no such KPI", "use one of "+strings.Join(keys, ", "))
	}
	return kpi.Catalogue{*d}, nil
}

func checkWindow(name string) *problem {
	if name == "" {
		return nil
	}
	if _, err := window.Parse(name); err != nil {
		return badParameter("window", name, err.Error(), "write a number and s, m, h or d, as in 15m, or all")
	}
	return nil
}

func parseAt(value string, now time.Time) (int64, *problem) {
	if value == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		return 0, badParameter("at", value, "it is not a time", "write RFC 3339, as in 2026-03-21T08:30:00Z, with + as %2B; leave it out for now")
	case t.Nanosecond() != 0 || t.Unix() <= 0:
		return 0, badParameter("at", value, "it is not a whole second after 1970", "leave out the fraction")
	case t.After(now):
		return 0, badParameter("at", value, "it lies in the future", "leave it out for now")
	}
	return t.Unix(), nil
}

// parseTenant takes the only tenant where none is named. A tenant without live readings
// may still have a past.
func (st *state) parseTenant(name string, past bool) (string, *problem) {
	switch {
	case name == "" && len(st.tenants) == 1:
		return st.tenants[0], nil
	case name == "":
		p := badParameter("tenant", "", "the tenant is not given", st.tenantRemedy())
		p.Type, p.Title = problemType+"missing-parameter", "A parameter is missing"
		return "", p
	case past || slices.Contains(st.tenants, name):
		return name, nil
	}
	return "", &problem{
		Type: problemType + "unknown-tenant", Title: "The tenant has no live readings", Status: http.StatusNotFound,
		Detail: "no live reading is of this tenant", Parameter: "tenant", Value: name, Remedy: st.tenantRemedy(),
	}
}

func (st *state) tenantRemedy() string {
	if len(st.tenants) == 0 {
		return "no tenant has live readings yet: see that a worker runs and that events arrive"
	}
	return "use one of " + strings.Join(st.tenants, ", ")
}

// missing says why the live readings do not answer q; nil where they do.
func (st *state) missing(q question) *problem {
	refuse := func(parameter, value, detail, remedy string) *problem {
		p := badParameter(parameter, value, detail, remedy+", or start the board with --clickhouse, which answers from history")
		p.Type, p.Title = problemType+"not-live", "This is not kept live"
		return p
	}
	flows := slices.ContainsFunc(q.kpis, func(d kpi.Definition) bool { return d.Type == kpi.Flow })
	switch {
	case q.at != 0 && q.at != st.At:
		return refuse("at", rfc3339(q.at), "live readings are of now only", "leave it out")
	case !slices.Contains(st.sets, q.by):
		return refuse("by", q.by.String(), "readings are not grouped live by these dimensions", "use one of "+quoted(setNames(st.sets)))
	case flows && q.window != "" && !slices.Contains(st.windows, q.window):
		return refuse("window", q.window, "this window is not kept live", "use one of "+quoted(st.windows))
	}
	return nil
}

func quoted(names []string) string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, fmt.Sprintf("%q", n))
	}
	return strings.Join(out, ", ")
}

func (st *state) answer(q question) answer {
	var found []*kpi.Reading
	for key, rs := range st.readings {
		if key.tenant != q.tenant || key.by != q.by || q.window != "" && key.window != "" && key.window != q.window {
			continue
		}
		for _, r := range rs {
			if _, asked := q.kpis.Find(r.KPI); asked {
				found = append(found, r)
			}
		}
	}
	a := encodeAnswer(st.catalogue, "live", q.tenant, st.At, found)
	a.Silent = st.Silent
	return a
}

// past answers q from the history, which is kept by the minute. Where no window is named
// it takes those that are kept live, or else one hour.
func (b *Board) past(ctx context.Context, st *state, q question) (answer, *problem) {
	at, p := b.pastInstant(q.at)
	if p != nil {
		return answer{}, p
	}
	names := []string{q.window}
	if q.window == "" && len(st.windows) > 0 {
		names = st.windows
	} else if q.window == "" {
		names = []string{defaultWindow}
	}
	var found []*kpi.Reading
	for i := range q.kpis {
		in := names
		if q.kpis[i].Type == kpi.Stock {
			in = []string{""}
		}
		for _, name := range in {
			rs, p := b.askHistory(ctx, q, &q.kpis[i], name, at)
			if p != nil {
				return answer{}, p
			}
			for i := range rs {
				found = append(found, &rs[i])
			}
		}
	}
	return encodeAnswer(b.config.Catalogue, "history", q.tenant, at, found), nil
}

// pastInstant is at, or the last whole minute where at is 0. What is older than a day
// is kept by the hour.
func (b *Board) pastInstant(at int64) (int64, *problem) {
	now := b.config.Clock().Unix()
	if at == 0 {
		return window.Minute.Floor(now), nil
	}
	ring, rule := window.Minute, "history is kept by the minute"
	if at < now-24*3600 {
		ring, rule = window.Hour, "history of more than a day ago is kept by the hour"
	}
	if floor := ring.Floor(at); floor != at {
		return 0, badParameter("at", rfc3339(at), rule, "use "+rfc3339(floor))
	}
	return at, nil
}

func (b *Board) askHistory(ctx context.Context, q question, d *kpi.Definition, name string, at int64) ([]kpi.Reading, *problem) {
	var in window.Window
	if name != "" {
		var err error
		if in, err = window.Parse(name); err != nil {
			return nil, checkWindow(name)
		}
		if in.Length%60 != 0 {
			return nil, badParameter("window", name, "history is kept by the minute", "use a window of whole minutes")
		}
	}
	rs, err := b.config.History(ctx, q.tenant, d, in, q.by, at)
	if err == nil {
		return rs, nil
	}
	b.config.Log.Warn("history query", zap.String("tenant", q.tenant), zap.String("kpi", d.Key), zap.String("window", name), zap.Error(err))
	return nil, &problem{
		Type: problemType + "history", Title: "The history does not answer", Status: http.StatusBadGateway,
		Detail: err.Error(), Remedy: "see that ClickHouse runs and that this window is configured; the board's log tells more",
	}
}

func rfc3339(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }

func encodeAnswer(c kpi.Catalogue, source, tenant string, at int64, found []*kpi.Reading) answer {
	sortReadings(c, found)
	a := answer{At: time.Unix(at, 0).UTC(), Tenant: tenant, Source: source, Readings: []json.RawMessage{}}
	for _, r := range found {
		a.Readings = append(a.Readings, encode(c, at, r))
	}
	return a
}

// definition is a KPI of the catalogue as the API shows it.
type definition struct {
	Key         string            `json:"key"`
	Names       map[string]string `json:"names"`
	Description string            `json:"description"`
	Type        kpi.Type          `json:"type"`
	Unit        string            `json:"unit"`
	ShownAs     string            `json:"shown_as"`
	Direction   string            `json:"direction"`
	Formula     kpi.Formula       `json:"formula"`
	Measures    []string          `json:"measures"`
}

func (b *Board) serveCatalogue(w http.ResponseWriter, r *http.Request) {
	if _, p := query(r); p != nil {
		p.Remedy = "this address takes no parameters"
		p.write(w)
		return
	}
	st := b.state.Load()
	out := struct {
		KPIs      []definition `json:"kpis"`
		Tenants   []string     `json:"tenants"`
		Windows   []string     `json:"windows"`
		Groupings []string     `json:"groupings"`
	}{Tenants: notNil(st.tenants), Windows: notNil(st.windows), Groupings: setNames(st.sets)}
	for _, d := range b.config.Catalogue {
		out.KPIs = append(out.KPIs, definition{d.Key, d.Names, d.Description, d.Type, d.Unit, d.ShownAs, d.Direction, d.Formula, d.Measures})
	}
	writeJSON(w, out)
}

// notNil makes JSON say [] and not null.
func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("board: internal error: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(append(body, '\n'))
}
