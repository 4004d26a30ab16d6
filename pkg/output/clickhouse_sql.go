package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// expression writes a formula.
func (v *viewing) expression(n *kpi.Node) string {
	switch n.Operator {
	case "number":
		return formatFloat(n.Number)
	case "measure":
		return v.term(n.Measure, n.Function)
	case "!":
		return "NOT " + v.expression(n.Args[0])
	}
	var args []string
	for _, a := range n.Args {
		args = append(args, v.expression(a))
	}
	switch n.Operator {
	case "if":
		return "if(" + strings.Join(args, ", ") + ")"
	case "/":
		if divisor := n.Args[1]; divisor.Operator == "number" && divisor.Number != 0 {
			return "(" + args[0] + " / " + args[1] + ")"
		}
		return fmt.Sprintf("(%s / nullIf(%s, 0))", args[0], args[1])
	}
	operator := map[string]string{"==": "=", "&&": "AND", "||": "OR"}[n.Operator]
	if operator == "" {
		operator = n.Operator
	}
	return "(" + strings.Join(args, " "+operator+" ") + ")"
}

// Instants in milliseconds, as the second slots of stocks have them.
const (
	rollingAt  = "1000 * toInt64(toUnixTimestamp({at:DateTime('UTC')}))"
	rollingLo  = "1000 * toInt64(lo)"
	periodEnd  = "1000 * toInt64(toUnixTimestamp(toDateTime({to:Date}, {zone:String})))"
	periodFrom = "1000 * toInt64(toUnixTimestamp(toDateTime({from:Date}, {zone:String})))"
)

// term writes the use of a measure by a function, in natural units.
func (v *viewing) term(m *kpi.Measure, function string) string {
	at, lo := rollingAt, rollingLo
	if v.period {
		at, lo = periodEnd, periodFrom
	}
	switch function {
	case "count":
		return v.inWindow(m, "arraySum(mapValues(r.values)) - r.values[0]")
	case "sum":
		return scaled(v.inWindow(m, "r.values[0]"), m)
	case "mean":
		return fmt.Sprintf("(%s / nullIf(%s, 0))", scaled(v.inWindow(m, "r.values[0]"), m), v.inWindow(m, "arraySum(mapValues(r.values)) - r.values[0]"))
	case "total":
		return scaled(v.sinceEver(m, "r.values[0]"), m)
	case "start":
		return scaled(fmt.Sprintf("(%s - %s)", v.sinceEver(m, "r.values[0]"), v.inWindow(m, "r.values[0]")), m)
	case "openings":
		return scaled(v.sinceEver(m, "r.values[0] * arrayCount(month -> month > r.bucket, {months:Array(Date)})"), m)
	case "time":
		now, moved, moment := v.sinceEver(m, "r.values[0]"), v.inWindow(m, "r.values[0]"), v.inWindow(m, "r.values[1]")
		return scaled(fmt.Sprintf("(((%[1]s - %[2]s) * %[3]s + %[2]s * %[4]s - %[5]s) / 1000)", at, lo, now, moved, moment), m)
	case "age":
		n := v.sinceEver(m, "r.values[0]")
		return fmt.Sprintf("((%[1]s * %[2]s - %[3]s) / 1000 / nullIf(%[2]s, 0))", at, n, v.sinceEver(m, "r.values[1]"))
	case "due":
		return scaled(v.sinceEver(m, "arraySum(mapValues(mapFilter((month, n) -> month >= {first_month:UInt16} AND month <= {last_month:UInt16}, r.values)))"), m)
	}
	switch m.Shape {
	case kpi.ShapePerWindow:
		return scaled(v.sinceEver(m, "r.values[0] + r.values[wanted]"), m)
	case kpi.ShapePerPeriod:
		// What happened in the period, and a stock at its start.
		stock := fmt.Sprintf("r.values[%d]", kpi.NumPeriods)
		happened := v.inWindow(m, "r.values[toUInt16(indexOf("+periodList()+", {period:String}) - 1)]")
		return scaled(fmt.Sprintf("(%s + %s - %s)", happened, v.sinceEver(m, stock), v.inWindow(m, stock)), m)
	case kpi.ShapeStock, kpi.ShapeAged, kpi.ShapeClocked:
		return scaled(v.sinceEver(m, "r.values[0]"), m)
	default:
		return scaled(v.inWindow(m, "r.values[0]"), m)
	}
}

func periodList() string {
	var names []string
	for p := range kpi.Period(kpi.NumPeriods) {
		names = append(names, "'"+p.String()+"'")
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func scaled(sql string, m *kpi.Measure) string {
	if scale := unitScale(m.Unit); scale != 1 {
		return fmt.Sprintf("(%s / %d)", sql, int64(scale))
	}
	return sql
}

// inWindow sums what lies in the window; sinceEver what lies before its end. The rows of
// both are there where both are needed.
func (v *viewing) inWindow(m *kpi.Measure, value string) string {
	condition := "r.measure = '" + m.Name + "'"
	if len(v.ever) > 0 {
		if v.period {
			condition += " AND r.bucket >= {from:Date}"
		} else {
			condition += " AND r.part = 'window'"
		}
	}
	return fmt.Sprintf("sumIf(%s, %s)", value, condition)
}

func (v *viewing) sinceEver(m *kpi.Measure, value string) string {
	condition := "r.measure = '" + m.Name + "'"
	if len(v.windowed) > 0 && !v.period {
		condition += " AND r.part = 'ever'"
	}
	return fmt.Sprintf("sumIf(%s, %s)", value, condition)
}

// hasShape reports whether a measure of a shape is read.
func (v *viewing) hasShape(s kpi.Shape) bool {
	return slices.ContainsFunc(v.compiled.Terms(v.d), func(t kpi.Term) bool { return t.Shape == s })
}

const (
	windowStart = `(SELECT if(any(length_seconds) = 0, 0, greatest(0, intDiv(toUnixTimestamp({at:DateTime('UTC')}) - any(length_seconds), greatest(60, any(ring_seconds))) * greatest(60, any(ring_seconds))))
     FROM {database}.windows FINAL WHERE name = {window:String} AND kept) AS lo`
	windowSlot = "assumeNotNull((SELECT any(slot) FROM {database}.windows FINAL WHERE name = {window:String} AND kept)) AS wanted"
)

// with writes what the formula needs beside the rows.
func (v *viewing) with(more ...string) string {
	var parts []string
	if !v.period && len(v.windowed) > 0 {
		parts = append(parts, windowStart)
	}
	if v.hasShape(kpi.ShapePerWindow) {
		parts = append(parts, windowSlot)
	}
	if parts = append(parts, more...); len(parts) == 0 {
		return ""
	}
	return "WITH\n    " + strings.Join(parts, ",\n    ") + "\n"
}

// from writes which rows are read.
func (v *viewing) from() string {
	names := slices.Concat(v.windowed, v.ever)
	slices.Sort(names)
	if v.period {
		lo := " AND bucket >= {from:Date}"
		if len(v.ever) > 0 {
			lo = ""
		}
		columns := "* FROM {database}.measures_day FINAL"
		if v.cards != "" {
			columns = v.cardColumns()
		}
		return fmt.Sprintf("FROM (\n    SELECT %s\n    WHERE tenant = {tenant:String} AND measure IN (%s)%s AND bucket < {to:Date}\n) AS r\n", columns, quoted(slices.Compact(names)), lo)
	}
	rows := func(measures []string, lo string) string {
		return fmt.Sprintf("{database}.measure_rows(tenant = {tenant:String}, measures = [%s], lo = toDateTime(%s, 'UTC'), hi = {at:DateTime('UTC')})", quoted(measures), lo)
	}
	switch {
	case len(v.ever) == 0:
		return "FROM " + rows(v.windowed, "lo") + " AS r\n"
	case len(v.windowed) == 0:
		return "FROM " + rows(v.ever, "0") + " AS r\n"
	}
	return "FROM (\n    SELECT *, 'window' AS part FROM " + rows(v.windowed, "lo") + "\n    UNION ALL\n    SELECT *, 'ever' AS part FROM " + rows(v.ever, "0") + "\n) AS r\n"
}

func quoted(names []string) string { return "'" + strings.Join(names, "', '") + "'" }

// where refuses parameters that would give a wrong answer.
func (v *viewing) where() string {
	var checks []string
	check := func(wrong, remedy string) {
		checks = append(checks, fmt.Sprintf("NOT throwIf(%s, '%s')", wrong, remedy))
	}
	if !v.period {
		check("toSecond({at:DateTime('UTC')}) != 0", "at: not a whole minute; readings from history lie on whole minutes")
	} else {
		check("{to:Date} <= {from:Date}", "to: not after from; it is the day after the last")
	}
	if !v.period && v.d.Windowed() {
		check("(SELECT count() FROM {database}.windows FINAL WHERE name = {window:String} AND kept) = 0", "window: unknown; see the table windows")
	}
	if v.hasShape(kpi.ShapePerPeriod) {
		check("NOT has("+periodList()+", {period:String})", "period: unknown; use day, week, month, quarter or year")
	}
	if v.cards != "" {
		return "WHERE " + strings.Join(checks, "\n  AND ")
	}
	check("NOT hasAll(['', "+quoted(dimensionNames(0))+"], splitByChar(',', {by:String}))", "by: unknown dimension; use names of the columns, separated by commas")
	return "WHERE " + strings.Join(checks, "\n  AND ")
}
