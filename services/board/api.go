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

	"github.com/deskpulse/deskpulse/pkg/compare"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// question is what GET /api/v1/kpis asks.
type question struct {
	tenant  string
	kpis    []kpi.Definition // those asked for, in the order of the catalogue
	named   bool             // by their keys
	window  string           // "": those that each KPI is shown in by default
	by      kpi.Set
	at      int64 // Unix seconds; 0: now
	compare string
}

type answer struct {
	At       time.Time         `json:"at"`
	Tenant   string            `json:"tenant"`
	Source   string            `json:"source"` // live or history
	Silent   []Silent          `json:"silent,omitempty"`
	Readings []json.RawMessage `json:"readings"`
}

// found is what answers a question.
type found struct {
	at       int64
	source   string
	readings []kpi.Reading
}

func (b *Board) serveKPIs(w http.ResponseWriter, r *http.Request) {
	st := b.state.Load()
	q, p := b.ask(st, r)
	if p != nil {
		p.write(w)
		return
	}
	f, p := b.find(r.Context(), st, &q)
	if p != nil {
		p.write(w)
		return
	}
	a := answer{At: time.Unix(f.at, 0).UTC(), Tenant: q.tenant, Source: f.source, Readings: []json.RawMessage{}}
	if f.source == live {
		a.Silent = st.Silent
	}
	beside, p := b.beside(r.Context(), st, &q, f)
	if p != nil {
		p.write(w)
		return
	}
	for i := range f.readings {
		text := encode(st.compiled, f.at, &f.readings[i])
		a.Readings = append(a.Readings, beside.extend(text, &f.readings[i]))
	}
	writeJSON(w, a)
}

func (b *Board) ask(st *state, r *http.Request) (q question, p *problem) {
	values, p := query(r, "tenant", "kpi", "window", "by", "at", "compare")
	if p != nil {
		return q, p
	}
	if q.by, p = parseBy(values.Get("by")); p != nil {
		return q, p
	}
	q.window = values.Get("window")
	if p = checkWindow(q.window); p != nil {
		return q, p
	}
	q.named = values.Get("kpi") != ""
	if q.kpis, p = b.parseKPIs(values.Get("kpi")); p != nil {
		return q, p
	}
	if q.at, p = parseAt(values.Get("at"), b.config.Clock()); p != nil {
		return q, p
	}
	if q.compare, p = b.parseCompare(values.Get("compare"), q.named); p != nil {
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

// parseKPIs reads keys separated by commas; "" is all.
func (b *Board) parseKPIs(keys string) (out []kpi.Definition, p *problem) {
	all := b.config.Compiled.Catalogue.KPIs
	if keys == "" {
		return all, nil
	}
	asked := strings.Split(keys, ",")
	for _, key := range asked {
		if _, ok := b.config.Compiled.Catalogue.Find(key); !ok {
			return nil, badParameter("kpi", key, "the catalogue has no such KPI", "use one of /api/v1/catalogue: "+all[0].Key+", …")
		}
	}
	for i := range all {
		if slices.Contains(asked, all[i].Key) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

func checkWindow(name string) *problem {
	_, err := window.Parse(name)
	if _, period := kpi.ParsePeriod(name); name == "" || period || err == nil {
		return nil
	}
	return badParameter("window", name, err.Error(), "write a number and s, m, h or d, as in 15m, or all, or day, week, month, quarter or year")
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

// The values of answer.Source.
const (
	live = "live"
	past = "history"
)

// find answers a question from what is live or, where that does not do, from the history.
func (b *Board) find(ctx context.Context, st *state, q *question) (f found, p *problem) {
	w := wanted{q.tenant, q.by, q.kpis, st.windowsOf(q), groups}
	reason := st.missing(q)
	switch {
	case reason == nil:
		return found{st.At, live, st.readings(w)}, nil
	case b.config.History == nil:
		return f, reason
	}
	f = found{source: past}
	if f.at, p = b.pastInstant(q.at); p != nil {
		return f, p
	}
	f.readings, p = b.past(ctx, st, w, f.at)
	return f, p
}

// windowsOf are the windows in which a question asks for a KPI.
func (st *state) windowsOf(q *question) func(*kpi.Definition) []string {
	if q.window == "" {
		return st.defaults
	}
	return func(d *kpi.Definition) []string {
		if !st.compiled.In(d, q.window) {
			return nil
		}
		return []string{q.window}
	}
}

// missing says why the live readings do not answer q; nil where they do.
func (st *state) missing(q *question) *problem {
	refuse := func(parameter, value, detail, remedy string) *problem {
		p := badParameter(parameter, value, detail, remedy+", or start the board with --clickhouse, which answers from history")
		p.Type, p.Title = problemType+"not-live", "This is not kept live"
		return p
	}
	windowed := slices.ContainsFunc(q.kpis, func(d kpi.Definition) bool { return d.Windowed() })
	switch {
	case q.at != 0 && q.at != st.At:
		return refuse("at", rfc3339(q.at), "live readings are of now only", "leave it out")
	case !slices.Contains(st.sets, q.by):
		return refuse("by", q.by.String(), "readings are not grouped live by these dimensions", "use one of "+quoted(setNames(st.sets)))
	case windowed && q.window != "" && !slices.Contains(st.windows, q.window):
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

// past evaluates what is wanted at an instant that the history keeps.
func (b *Board) past(ctx context.Context, st *state, w wanted, at int64) (out []kpi.Reading, p *problem) {
	for i := range w.kpis {
		d := &w.kpis[i]
		for _, name := range w.windows(st.compiled, d) {
			then := Past{w.tenant, d, name, w.by, compare.Span{To: at}}
			if in, ok := kpi.ParsePeriod(name); ok {
				then.Span = compare.Current(b.config.Calendar(w.tenant), in, at)
			}
			rs, _, p := b.askHistory(ctx, then)
			if p != nil {
				return nil, p
			}
			out = append(out, rs...)
		}
	}
	st.sort(out)
	return out, nil
}

// pastInstant is at, or the last whole minute where at is 0. What is older than a day
// is kept by the hour.
func (b *Board) pastInstant(at int64) (int64, *problem) {
	now := b.config.Clock().Unix()
	if at == 0 {
		return window.Minute.Floor(now), nil
	}
	ring, rule := historyRing(at, now)
	if floor := ring.Floor(at); floor != at {
		return 0, badParameter("at", rfc3339(at), rule, "use "+rfc3339(floor))
	}
	return at, nil
}

// historyRing is the grid of the instants that the history can answer for.
func historyRing(at, now int64) (window.Ring, string) {
	if at < now-24*3600 {
		return window.Hour, "history of more than a day ago is kept by the hour"
	}
	return window.Minute, "history is kept by the minute"
}

func (b *Board) askHistory(ctx context.Context, q Past) ([]kpi.Reading, int64, *problem) {
	if in, err := window.Parse(q.In); err == nil && in.Length%60 != 0 {
		return nil, 0, badParameter("window", q.In, "history is kept by the minute", "use a window of whole minutes")
	}
	rs, at, err := b.config.History(ctx, q)
	if err == nil {
		return rs, at, nil
	}
	b.config.Log.Warn("history query", zap.String("tenant", q.Tenant), zap.String("kpi", q.KPI.Key), zap.String("window", q.In), zap.Error(err))
	return nil, 0, &problem{
		Type: problemType + "history", Title: "The history does not answer", Status: http.StatusBadGateway,
		Detail: err.Error(), Remedy: "see that ClickHouse runs and that this window is configured; the board's log tells more",
	}
}

func rfc3339(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }

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
