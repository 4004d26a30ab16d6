package output

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// HistoryQuery asks for what one KPI is made of, at instants of the past or for calendar
// periods: give At (with Window, for a KPI that is windowed) or Periods.
type HistoryQuery struct {
	Tenant string
	KPI    *kpi.Definition
	By     kpi.Set // any dimensions that the engine keeps
	Window window.Window
	At     []int64 // Unix seconds, whole minutes
	// Now, in Unix seconds, lets instants be refused whose minutes are no longer kept;
	// 0 for no such check.
	Now     int64
	Periods []HistoryPeriod
}

// HistoryPeriod is a calendar period, or the part of one, in days of the tenant's zone. It
// counts what is dated in it, so the stocks of a period that goes on are those at the end
// of its last day: let To be tomorrow at the latest.
type HistoryPeriod struct {
	Period             kpi.Period
	From, To           int32   // local days from ≤ day < to
	Lo, At             int64   // the first instants of both, in Unix seconds
	Months             []int32 // first days of its months, for openings
	MonthFrom, MonthTo uint16  // its first and last month, as slots of measures by month
}

// HistoryPoint is what is known at one instant, as live totals would have it, to be
// evaluated: see Readings. The oldest of a stock is not among it.
type HistoryPoint struct {
	At     int64
	Totals []kpi.Totals // sorted as Merge gives them
}

// minutesCover is how old a change may be when it comes and still reach its minute.
const minutesCover = 24 * 3600

// History reads what a KPI is made of. Its points are in the order of q.At or q.Periods.
func (c *ClickHouse) History(ctx context.Context, q HistoryQuery) ([]HistoryPoint, error) {
	if err := q.check(c.options.Compiled); err != nil {
		return nil, err
	}
	reads := q.reads(c.options.Compiled)
	merge := newHistoryMerge(&q)
	for _, r := range reads {
		slots, err := c.slots(ctx, &q, r.measure)
		if err != nil {
			return nil, err
		}
		if err := c.readTotals(ctx, &q, r, func(point int64, dims kpi.Dims, values map[uint16]int64) {
			merge.add(r.points[point], dims, r.measure, values, slots)
		}); err != nil {
			return nil, clickhouseError("read "+r.measure.Name, err)
		}
	}
	return merge.result(), nil
}

func (q *HistoryQuery) check(c *kpi.Compiled) error {
	switch {
	case q.KPI == nil || len(q.At)+len(q.Periods) == 0 || len(q.At) > 0 && len(q.Periods) > 0:
		return errors.New("history: no KPI, or neither instants nor periods: give a KPI and one of these")
	case !c.By(q.KPI, q.By):
		return fmt.Errorf("history: %s is not broken down by %q: use dimensions that its measures have", q.KPI.Key, q.By)
	}
	for _, at := range q.At {
		if at%60 != 0 || at <= 0 {
			return fmt.Errorf("history: at %d is not on a whole minute: use %d", at, window.Minute.Floor(max(at, 60)))
		}
		if q.Now > 0 && at < q.Now-minutesCover && at%3600 != 0 {
			return fmt.Errorf("history: at %d is more than 24h ago and not on a whole hour: use %d", at, window.Hour.Floor(at))
		}
	}
	if len(q.At) > 0 && q.KPI.Windowed() && q.Window.Length%60 != 0 {
		return fmt.Errorf("history: window %q is not a number of whole minutes: use one that is", q.Window.Name)
	}
	for _, p := range q.Periods {
		if p.From >= p.To || p.From < 0 {
			return fmt.Errorf("history: period from day %d to %d is empty: let it end after it begins", p.From, p.To)
		}
	}
	return nil
}

// pointPart is which of a point's vectors a sum belongs to.
type pointPart uint8

const (
	inWindow pointPart = iota
	sinceEver
	atOpening
)

// point is one sum of buckets that a query asks for: of an instant or period, by index.
type point struct {
	index int
	part  pointPart
	// The buckets lo ≤ b < hi, in seconds or days. Of seconds, [firstHour, lastHour) come
	// from hour rows.
	lo, hi, firstHour, lastHour int64
}

func newPoint(index int, part pointPart, lo, hi int64) point {
	return point{index, part, lo, hi, window.Hour.Floor(lo + 3599), window.Hour.Floor(hi)}
}

// measureRead is all that is wanted of one measure.
type measureRead struct {
	measure *kpi.Measure
	points  []point
}

// reads says which sums of which measures the KPI needs.
func (q *HistoryQuery) reads(c *kpi.Compiled) (out []measureRead) {
	for _, t := range c.Terms(q.KPI) {
		if t.Shape == kpi.ShapeOldest {
			continue
		}
		i := slices.IndexFunc(out, func(r measureRead) bool { return r.measure == t.Measure })
		if i < 0 {
			i = len(out)
			out = append(out, measureRead{measure: t.Measure})
		}
		r := &out[i]
		within, ever := needs(t)
		for n := range max(len(q.At), len(q.Periods)) {
			r.add(q.points(n, within, ever, t.Function == "openings")...)
		}
	}
	return out
}

func (r *measureRead) add(points ...point) {
	for _, p := range points {
		if !slices.Contains(r.points, p) {
			r.points = append(r.points, p)
		}
	}
}

func (q *HistoryQuery) points(n int, within, ever, opening bool) (out []point) {
	var lo, hi int64
	if len(q.Periods) > 0 {
		p := &q.Periods[n]
		lo, hi = int64(p.From), int64(p.To)
		if opening {
			for _, month := range p.Months {
				out = append(out, newPoint(n, atOpening, 0, int64(month)))
			}
		}
	} else {
		hi = q.At[n]
		lo = max(0, q.Window.Lo(hi))
	}
	if within && q.KPI.Windowed() {
		out = append(out, newPoint(n, inWindow, lo, hi))
	}
	if ever {
		out = append(out, newPoint(n, sinceEver, 0, hi))
	}
	return out
}

// slots is, for a measure with a slot for each window, where those of the worker lie here:
// its windows may be others than those of this process. It is nil for all other measures.
func (c *ClickHouse) slots(ctx context.Context, q *HistoryQuery, m *kpi.Measure) (map[uint16]uint16, error) {
	if m.Shape != kpi.ShapePerWindow {
		return nil, nil
	}
	there, err := c.readWindows(ctx)
	if err != nil {
		return nil, clickhouseError("read windows", err)
	}
	row, ok := there[q.Window.Name]
	if len(q.At) > 0 && (!ok || !row.kept) {
		return nil, fmt.Errorf("history: window %q is not kept: configure it for the workers, or use another", q.Window.Name)
	}
	out := map[uint16]uint16{0: 0}
	for i, name := range c.options.Compiled.Windows {
		if row, ok := there[name]; ok && row.kept {
			out[row.slot] = uint16(i + 1)
		}
	}
	return out, nil
}

func (c *ClickHouse) readTotals(ctx context.Context, q *HistoryQuery, r measureRead, each func(int64, kpi.Dims, map[uint16]int64)) error {
	dims := q.grouped().Dimensions()
	sql, tables := historySQL(dims, r.points), 2
	if len(q.Periods) > 0 {
		sql, tables = daysSQL(dims, r.points), 1
	}
	var args []any
	for range tables {
		args = append(args, q.Tenant, r.measure.Name)
	}
	rows, err := c.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = collect(rows, struct{}{}, func(struct{}) error {
		var point int64
		var group kpi.Dims
		var values map[uint16]int64
		to := []any{&point, &values}
		for _, d := range dims {
			to = append(to, &group[d])
		}
		err := rows.Scan(to...)
		if err == nil {
			each(point, group, values)
		}
		return err
	})
	return err
}

// grouped is what the rows are grouped by: beside By, what the slowest is looked for in.
func (q *HistoryQuery) grouped() kpi.Set {
	if q.KPI.Formula == kpi.Slowest {
		return q.By | kpi.SetOf(slowestOf(q.KPI))
	}
	return q.By
}

func listed(dims []kpi.Dimension) string {
	var by strings.Builder
	for _, d := range dims {
		by.WriteString(", " + d.String())
	}
	return by.String()
}

// historySQL sums buckets per group first and hands each sum to the points it counts
// for, so that many points cost one reading of the rows. Only numbers and names of
// dimensions are written into the text.
func historySQL(dims []kpi.Dimension, all []point) string {
	var points []string
	lowest, highest := all[0].lo, all[0].hi
	for i, p := range all {
		points = append(points, fmt.Sprintf("(%d,%d,%d,%d,%d)", i, p.lo, p.hi, p.firstHour, p.lastHour))
		lowest, highest = min(lowest, p.lo), max(highest, p.hi)
	}
	by := listed(dims)
	ring := func(table, belongs string) string {
		return fmt.Sprintf(`SELECT arrayJoin(arrayFilter(p -> %s, points)).1 AS point, total%s
    FROM (SELECT toInt64(toUnixTimestamp(bucket)) AS b, sumMap(values) AS total%[2]s
        FROM %s FINAL
        WHERE tenant = ? AND measure = ? AND bucket >= toDateTime(%d, 'UTC') AND bucket < toDateTime(%d, 'UTC')
        GROUP BY b%[2]s)`, belongs, by, table, lowest, highest)
	}
	return fmt.Sprintf(`WITH arrayMap(p -> (toInt64(p.1), toInt64(p.2), toInt64(p.3), toInt64(p.4), toInt64(p.5)), [%s]) AS points
SELECT point, sumMap(total) AS totals%s FROM (
    %s
    UNION ALL
    %s)
GROUP BY point%[2]s`, strings.Join(points, ","), by,
		ring("measures_hour", "b >= p.4 AND b < p.5"),
		ring("measures_minute", "b >= p.2 AND b < p.3 AND (b < p.4 OR b >= p.5)"))
}

// daysSQL is the same over local days.
func daysSQL(dims []kpi.Dimension, all []point) string {
	var points []string
	lowest, highest := all[0].lo, all[0].hi
	for i, p := range all {
		points = append(points, fmt.Sprintf("(%d,%d,%d)", i, p.lo, p.hi))
		lowest, highest = min(lowest, p.lo), max(highest, p.hi)
	}
	by := listed(dims)
	return fmt.Sprintf(`WITH arrayMap(p -> (toInt64(p.1), toInt64(p.2), toInt64(p.3)), [%s]) AS points
SELECT point, sumMap(total) AS totals%s FROM (
    SELECT arrayJoin(arrayFilter(p -> b >= p.2 AND b < p.3, points)).1 AS point, total%[2]s
    FROM (SELECT toInt64(toUInt16(bucket)) AS b, sumMap(values) AS total%[2]s
        FROM measures_day FINAL
        WHERE tenant = ? AND measure = ? AND toUInt16(bucket) >= %d AND toUInt16(bucket) < %d
        GROUP BY b%[2]s))
GROUP BY point%[2]s`, strings.Join(points, ","), by, lowest, highest)
}
