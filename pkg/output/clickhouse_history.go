package output

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// HistoryQuery asks for one KPI at instants of the past.
type HistoryQuery struct {
	Tenant string
	KPI    *kpi.Definition
	Window window.Window // of a flow
	By     kpi.Set       // any dimensions that the engine keeps
	At     []int64       // Unix seconds, whole minutes
	// Now, in Unix seconds, lets instants be refused whose minutes are no longer kept;
	// 0 for no such check.
	Now int64
}

// HistoryPoint is what is known at one instant, to be evaluated by the definition.
type HistoryPoint struct {
	At       int64
	Readings []kpi.Reading // sorted by the values of their group; none without terms
}

// minutesCover is how old a change may be when it comes and still reach its minute.
const minutesCover = 24 * 3600

// span is the buckets lo ≤ b < hi, of which [firstHour, lastHour) come from hour rows.
type span struct{ at, lo, hi, firstHour, lastHour int64 }

func newSpan(at, lo int64) span {
	return span{at, lo, at, window.Hour.Floor(lo + 3599), window.Hour.Floor(at)}
}

// History reads one KPI from the totals. Its instants are in the order of q.At.
func (c *ClickHouse) History(ctx context.Context, q HistoryQuery) ([]HistoryPoint, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	merge := newHistoryMerge(&q)
	for term, measure := range q.KPI.Measures {
		slot, spans, err := c.spans(ctx, &q, measure)
		if err != nil {
			return nil, err
		}
		if err := c.readTotals(ctx, &q, measure, spans, func(at int64, dims kpi.Dims, values map[uint16]int64) {
			merge.add(at, dims, term, vector(values, slot))
		}); err != nil {
			return nil, clickhouseError("read "+measure, err)
		}
	}
	return merge.points(), nil
}

func (q *HistoryQuery) check() error {
	if q.KPI == nil || len(q.At) == 0 {
		return fmt.Errorf("history: no KPI or no instant: give both")
	}
	for _, at := range q.At {
		if at%60 != 0 || at <= 0 {
			return fmt.Errorf("history: at %d is not on a whole minute: use %d", at, window.Minute.Floor(max(at, 60)))
		}
		if q.Now > 0 && at < q.Now-minutesCover && at%3600 != 0 {
			return fmt.Errorf("history: at %d is more than 24h ago and not on a whole hour: use %d", at, window.Hour.Floor(at))
		}
	}
	return nil
}

// spans says which buckets make up a measure's total at each instant, and which slot of
// them; slot 0 stands for all.
func (c *ClickHouse) spans(ctx context.Context, q *HistoryQuery, measure string) (slot uint16, spans []span, err error) {
	kind, ok := c.options.Measures[measure]
	if !ok {
		return 0, nil, fmt.Errorf("history: measure %q is unknown: add it to the options' measures", measure)
	}
	if kind == WindowedStock {
		if slot, err = c.slot(ctx, q.Window.Name); err != nil {
			return 0, nil, err
		}
	}
	for _, at := range slices.Compact(slices.Sorted(slices.Values(q.At))) {
		var lo int64
		if kind == FlowMeasure {
			if lo = max(0, q.Window.Lo(at)); lo%60 != 0 {
				return 0, nil, fmt.Errorf("history: window %q is not a number of whole minutes: use one that is", q.Window.Name)
			}
		}
		spans = append(spans, newSpan(at, lo))
	}
	return slot, spans, nil
}

// slot is where the worker has put the stocks of a window; its windows may be others
// than those of this process.
func (c *ClickHouse) slot(ctx context.Context, name string) (uint16, error) {
	there, err := c.readWindows(ctx)
	if err != nil {
		return 0, clickhouseError("read windows", err)
	}
	if row, ok := there[name]; ok && row.kept {
		return row.slot, nil
	}
	return 0, fmt.Errorf("history: window %q is not kept: configure it for the workers, or use another", name)
}

func (c *ClickHouse) readTotals(ctx context.Context, q *HistoryQuery, measure string, spans []span, each func(int64, kpi.Dims, map[uint16]int64)) error {
	dims := q.By.Dimensions()
	sql := historySQL(dims, spans)
	rows, err := c.conn.Query(ctx, sql, q.Tenant, measure, q.Tenant, measure)
	if err != nil {
		return err
	}
	_, err = collect(rows, struct{}{}, func(struct{}) error {
		var at int64
		var group kpi.Dims
		var values map[uint16]int64
		to := []any{&at, &values}
		for _, d := range dims {
			to = append(to, &group[d])
		}
		err := rows.Scan(to...)
		if err == nil {
			each(at, group, values)
		}
		return err
	})
	return err
}

// historySQL sums buckets per group first and hands each sum to the instants it counts
// for, so that many instants cost one reading of the rows. Only numbers and names of
// dimensions are written into the text.
func historySQL(dims []kpi.Dimension, spans []span) string {
	var by strings.Builder
	for _, d := range dims {
		by.WriteString(", " + d.String())
	}
	var points []string
	lowest, highest := spans[0].lo, spans[0].hi
	for _, s := range spans {
		points = append(points, fmt.Sprintf("(%d,%d,%d,%d,%d)", s.at, s.lo, s.hi, s.firstHour, s.lastHour))
		lowest, highest = min(lowest, s.lo), max(highest, s.hi)
	}
	ring := func(table, belongs string) string {
		return fmt.Sprintf(`SELECT arrayJoin(arrayFilter(p -> %s, points)).1 AS at, total%s
    FROM (SELECT toInt64(toUnixTimestamp(bucket)) AS b, sumMap(values) AS total%[2]s
        FROM %s FINAL
        WHERE tenant = ? AND measure = ? AND bucket >= toDateTime(%d, 'UTC') AND bucket < toDateTime(%d, 'UTC')
        GROUP BY b%[2]s)`, belongs, by.String(), table, lowest, highest)
	}
	return fmt.Sprintf(`WITH arrayMap(p -> (toInt64(p.1), toInt64(p.2), toInt64(p.3), toInt64(p.4), toInt64(p.5)), [%s]) AS points
SELECT at, sumMap(total) AS totals%s FROM (
    %s
    UNION ALL
    %s)
GROUP BY at%[2]s`, strings.Join(points, ","), by.String(),
		ring("measures_hour", "b >= p.4 AND b < p.5"),
		ring("measures_minute", "b >= p.2 AND b < p.3 AND (b < p.4 OR b >= p.5)"))
}

// vector is the values, or the stock of the window at slot: what is common to all windows
// plus its own.
func vector(values map[uint16]int64, slot uint16) window.Vector {
	var v window.Vector
	if slot != 0 {
		v.Add(0, values[0]+values[slot])
		return v
	}
	for s, n := range values {
		v.Add(s, n)
	}
	return v
}

// historyMerge puts the terms of a KPI together.
type historyMerge struct {
	query  *HistoryQuery
	groups map[int64]map[kpi.Dims][]window.Vector
}

func newHistoryMerge(q *HistoryQuery) *historyMerge {
	return &historyMerge{q, make(map[int64]map[kpi.Dims][]window.Vector)}
}

func (m *historyMerge) add(at int64, dims kpi.Dims, term int, v window.Vector) {
	groups := m.groups[at]
	if groups == nil {
		groups = make(map[kpi.Dims][]window.Vector)
		m.groups[at] = groups
	}
	if groups[dims] == nil {
		groups[dims] = make([]window.Vector, len(m.query.KPI.Measures))
	}
	groups[dims][term].Merge(v)
}

func (m *historyMerge) points() []HistoryPoint {
	q := m.query
	name := q.Window.Name
	if q.KPI.Type == kpi.Stock {
		name = ""
	}
	out := make([]HistoryPoint, 0, len(q.At))
	for _, at := range q.At {
		p := HistoryPoint{At: at}
		for dims, terms := range m.groups[at] {
			if empty(terms) {
				continue // all that there was has gone, and live readings would not name it
			}
			p.Readings = append(p.Readings, kpi.Reading{
				Tenant: q.Tenant, KPI: q.KPI.Key, Window: name,
				Group: kpi.Group{Set: q.By, Dims: dims}, Terms: terms,
			})
		}
		slices.SortFunc(p.Readings, func(a, b kpi.Reading) int {
			return slices.Compare(a.Group.Dims[:], b.Group.Dims[:])
		})
		out = append(out, p)
	}
	return out
}
