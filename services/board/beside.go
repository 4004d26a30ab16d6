package board

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/compare"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// beside is what is shown beside readings: the KPIs that belong to theirs, and their own
// former values.
type beside struct {
	compiled *kpi.Compiled
	also     map[place]*float64
	with     string // previous or year; "" where nothing is compared
	former   map[place]former
}

// place is where a value stands.
type place struct {
	kpi, window string
	group       kpi.Group
}

func placeOf(r *kpi.Reading) place { return place{r.KPI, r.Window, r.Group} }

// former is a value that another is compared with.
type former struct {
	span  compare.Span
	value *float64
}

// The values of the parameter compare.
const (
	withPrevious = "previous"
	withYear     = "year"
)

func (b *Board) parseCompare(with string, named bool) (string, *problem) {
	switch {
	case with != "" && with != withPrevious && with != withYear:
		return "", badParameter("compare", with, "nothing is compared so", "use previous or year")
	case with != "" && !named:
		return "", badParameter("compare", with, "each comparison is a question to the history", "name the KPIs, as in kpi=overdue_ratio,complaint_count")
	case with != "" && b.config.History == nil:
		p := badParameter("compare", with, "former values are in the history", "start the board with --clickhouse")
		p.Type, p.Title = problemType+"not-live", "This is not kept live"
		return "", p
	}
	return with, nil
}

// beside finds what to show beside the answer to a question.
func (b *Board) beside(ctx context.Context, st *state, q *question, f found) (out *beside, p *problem) {
	out = &beside{compiled: st.compiled, also: map[place]*float64{}, with: q.compare, former: map[place]former{}}
	if !q.named {
		return out, nil // all KPIs are there anyway
	}
	w := wanted{q.tenant, q.by, st.also(q.kpis), st.sameWindows(q), groups}
	var readings []kpi.Reading
	if f.source == live {
		readings = st.readings(w)
	} else if readings, p = b.past(ctx, st, w, f.at); p != nil {
		return nil, p
	}
	for i := range readings {
		out.also[placeOf(&readings[i])] = readings[i].Value.Value
	}
	if q.compare == "" {
		return out, nil
	}
	return out, b.compare(ctx, st, q, f, out)
}

// also lists the KPIs that belong beside others.
func (st *state) also(kpis []kpi.Definition) (out []kpi.Definition) {
	for _, d := range st.compiled.Catalogue.KPIs {
		if slices.ContainsFunc(kpis, func(k kpi.Definition) bool { return slices.Contains(k.Also, d.Key) }) {
			out = append(out, d)
		}
	}
	return out
}

// sameWindows are the windows of the KPIs beside: all that those asked for are read in.
func (st *state) sameWindows(q *question) func(*kpi.Definition) []string {
	of := st.windowsOf(q)
	var all []string
	for i := range q.kpis {
		if d := &q.kpis[i]; d.Windowed() {
			all = append(all, of(d)...)
		}
	}
	return func(d *kpi.Definition) (out []string) {
		for _, name := range all {
			if st.compiled.In(d, name) && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
		return out
	}
}

// compare finds the former values.
func (b *Board) compare(ctx context.Context, st *state, q *question, f found, out *beside) *problem {
	asked := map[[2]string]bool{}
	for i := range f.readings {
		r := &f.readings[i]
		if asked[[2]string{r.KPI, r.Window}] {
			continue
		}
		asked[[2]string{r.KPI, r.Window}] = true
		d, _ := st.compiled.Catalogue.Find(r.KPI) // it was asked for by its definition
		span, ok := b.formerSpan(q, r.Window, f.at)
		if !ok {
			continue
		}
		then, to, p := b.askHistory(ctx, Past{q.tenant, d, r.Window, q.by, span})
		if p != nil {
			return p
		}
		if span.From == span.To {
			span.From = to
		}
		span.To = to
		for j := range f.readings {
			if g := &f.readings[j]; g.KPI == r.KPI && g.Window == r.Window {
				out.former[placeOf(g)] = former{span: span}
			}
		}
		for j := range then {
			out.former[placeOf(&then[j])] = former{span, then[j].Value.Value}
		}
	}
	return nil
}

// formerSpan is what to compare a window that ends at an instant with. What has no window
// is compared with the day before, or the same instant of the year before. The history
// knows whole minutes or hours, so the span may end a little earlier; ok is false where
// nothing of it is left.
func (b *Board) formerSpan(q *question, name string, at int64) (span compare.Span, ok bool) {
	calendar := b.config.Calendar(q.tenant)
	p, isPeriod := kpi.ParsePeriod(name)
	in, err := window.Parse(name)
	switch {
	case isPeriod && q.compare == withYear:
		span = compare.YearAgo(calendar, p, at)
	case isPeriod:
		span = compare.Previous(calendar, p, at)
	case err == nil && in.Length == 0: // all: it has no beginning
		return span, false
	case q.compare == withYear:
		to := compare.YearAgo(calendar, kpi.Day, at).To
		span = compare.Span{From: to - in.Length, To: to}
	case name == "":
		span = compare.Previous(calendar, kpi.Day, at)
	default:
		span = compare.WindowBefore(at, in.Length)
	}
	ring, _ := historyRing(span.To, b.config.Clock().Unix())
	to := ring.Floor(span.To)
	if !isPeriod {
		span.From -= span.To - to
	}
	if name == "" {
		span.From = to
	}
	span.To = to
	return span, to > 0 && (name == "" || to > span.From)
}

// compared is how a reading's value stands to its former one.
type compared struct {
	With   string          `json:"with"`
	From   string          `json:"from,omitempty"` // not where the reading is at an instant
	To     string          `json:"to"`
	Value  *float64        `json:"value"`
	Change *compare.Change `json:"change"`
}

// extend adds to an encoded reading what stands beside it.
func (s *beside) extend(text json.RawMessage, r *kpi.Reading) json.RawMessage {
	d, _ := s.compiled.Catalogue.Find(r.KPI) // it was encoded by its definition
	also := map[string]*float64{}
	for _, key := range d.Also {
		for _, in := range []string{r.Window, ""} {
			if v, ok := s.also[place{key, in, r.Group}]; ok {
				also[key] = v
				break
			}
		}
	}
	if len(also) > 0 {
		text = withField(text, "also", also)
	}
	then, ok := s.former[placeOf(r)]
	if !ok {
		return text
	}
	c := compared{With: s.with, To: rfc3339(then.span.To), Value: then.value, Change: compare.Of(d.Unit, r.Value.Value, then.value)}
	if then.span.From != then.span.To {
		c.From = rfc3339(then.span.From)
	}
	return withField(text, "compared", c)
}

// withField adds a field to an encoded object that has some.
func withField(object json.RawMessage, name string, v any) json.RawMessage {
	value, err := json.Marshal(v)
	if err != nil {
		panic("board: internal error: " + err.Error())
	}
	out := slices.Concat(object[:len(object)-1], []byte(`,"`+name+`":`), value)
	return append(out, '}')
}
