package integration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/embedded/chdb"
)

// day is a civil date of 2026 as a local day.
func day(month time.Month, d int) int32 {
	return int32(time.Date(2026, month, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// daily is a day row of partition 3; values are slot, value, slot, value …
func daily(measure, team string, local int32, values ...int64) kpi.MeasureRow {
	return total(window.Day, measure, team, int64(local)*86400, values...)
}

// midnight is the first instant of a local day in Tehran, three and a half hours ahead.
func midnight(local int32) int64 { return int64(local)*86400 - 12600 }

// Periods are sums of local days, whatever calendar they come from: here the month from
// 21 March to 20 April, Farvardin 1405, 56 years of months after that of 1349.
func testPeriods(t *testing.T, server *chdb.Process) {
	c := compiled(t, "churn_rate", "billing_rate", "retention_rate", "arrears_rate", "response_time", "occupancy")
	d := migratedWith(t, server, "periods", c)
	const farvardin = 12 * 56
	first, next, last := day(time.March, 21), day(time.April, 21), day(time.May, 22)
	d.write(t, &kpi.Rows{Measures: []kpi.MeasureRow{
		daily("lines_active", "a", 0, 0, 50), // what came after its day was closed
		daily("lines_active", "a", first-1, 0, 50),
		daily("lines_active", "a", first, 0, -4),
		daily("lines_active", "a", next, 0, 24),
		daily("lines_left", "a", first-1, 0, 1000),
		daily("lines_left", "a", first, 0, 4),
		daily("lines_left", "a", last-1, 0, 3),
		daily("lines_left", "a", last, 0, 1000),
		daily("lines_billed", "a", first, 0, 80),
		daily("customers_at_start", "a", first-1, 5, 3),             // slot 5 is a stock, read at the start,
		daily("customers_at_start", "a", first, 2, 7, 4, 99, 5, 50), // slot 2 the month's own, and 4 the year's
		daily("customers_retained", "a", next-1, 2, 9),
		daily("billed_amount", "a", first, 0, 4_000_000),
		daily("arrears", "a", last, farvardin-1, 7_000_000, farvardin, 1_000_000), // overdue only later
		daily("arrears", "a", next-1, farvardin, 500_000),
		daily("response_time", "a", next-1, 0, 64000, 512, 1),
		daily("agents_busy", "a", first-1, 0, 1, 1, midnight(first-1)*1000),      // busy since then,
		daily("agents_busy", "a", first+1, 0, -1, 1, -midnight(first+1)*1000),    // for two days
		daily("agents_on_duty", "a", first-1, 0, 2, 1, 2*midnight(first-1)*1000), // both go on
	}})
	common := "tenant = 'acme', from = '2026-03-21', to = '2026-04-21', by = 'team'"
	const ratio = "SELECT team, numerator, denominator, value FROM "
	// At the start of the month there were 100; in two months 100 and 96.
	d.expect(t, ratio+"kpi_churn_rate_period("+common+", months = ['2026-03-21'])", "a\t4\t100\t0.04")
	d.expect(t, ratio+"kpi_churn_rate_period(tenant = 'acme', from = '2026-03-21', to = '2026-05-22', by = '', months = ['2026-03-21', '2026-04-21'])", "\t7\t196\t0.03571428571428571")
	d.expect(t, ratio+"kpi_billing_rate_period("+common+")", "a\t80\t100\t0.8")
	d.expect(t, ratio+"kpi_retention_rate_period("+common+", period = 'month')", "a\t9\t10\t0.9")
	d.expect(t, ratio+fmt.Sprintf("kpi_arrears_rate_period(%s, first_month = %d, last_month = %[2]d)", common, farvardin), "a\t50\t400\t0.125")
	d.expect(t, "SELECT samples, mean_seconds FROM kpi_response_time_period("+common+")", "1\t64")
	// Of 31 days, one was busy by then, of two agents on duty all the time.
	d.expect(t, ratio+"kpi_occupancy_period("+common+", zone = 'Asia/Tehran')", fmt.Sprintf("a\t%d\t%d\t%s", 86400, 2*31*86400, strconv.FormatFloat(1.0/62, 'g', -1, 64)))

	month := output.HistoryPeriod{
		Period: kpi.Month, From: first, To: next, Lo: midnight(first), At: midnight(next),
		Months: []int32{first}, MonthFrom: farvardin, MonthTo: farvardin,
	}
	for key, want := range map[string]float64{"churn_rate": 0.04, "billing_rate": 0.8, "retention_rate": 0.9, "arrears_rate": 0.125, "response_time": 64, "occupancy": 1.0 / 62} {
		if got := readPeriod(t, d, c, key, month); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got %g, want %g", key, got, want)
		}
	}
}

// readPeriod evaluates the history of a period for the whole tenant.
func readPeriod(t *testing.T, d desk, c *kpi.Compiled, key string, p output.HistoryPeriod) float64 {
	t.Helper()
	definition, _ := c.Catalogue.Find(key)
	points, err := d.History(t.Context(), output.HistoryQuery{Tenant: "acme", KPI: definition, Periods: []output.HistoryPeriod{p}})
	if err != nil {
		t.Fatal(err)
	}
	r := output.Readings(c, definition, p.Period.String(), 0, p.At, points[0].Totals)
	if len(r) != 1 {
		t.Fatalf("%s: got %d readings", key, len(r))
	}
	return number(r[0].Value.Value)
}

// One of each kind of formula, with figures by hand.
func testKinds(t *testing.T, server *chdb.Process) {
	d := migratedWith(t, server, "kinds", compiled(t, "channel_mix", "service_quality_index", "slowest_stage", "stage_dwell_time", "stage_age",
		"services_per_agent_hour", "cost_per_service", "revenue_per_customer", "service_level"))
	set := func(r kpi.MeasureRow, dimension kpi.Dimension, value string) kpi.MeasureRow {
		r.Dims[dimension] = value
		return r
	}
	hour := func(measure string, values ...int64) kpi.MeasureRow {
		return total(window.Hour, measure, "a", at(2, 10, 0), values...)
	}
	ms := func(h, m int) int64 { return at(2, h, m) * 1000 }
	d.write(t, &kpi.Rows{Measures: []kpi.MeasureRow{
		set(hour("contacts", 0, 6), kpi.Channel, "phone"),
		set(hour("contacts", 0, 2), kpi.Channel, "mail"),
		hour("resolutions", 0, 4), hour("resolutions_undone", 0, 1),
		hour("safety_points", 0, 150_000_000), hour("safety_answers", 0, 3), // 50 points
		// In triage 2 s and 4 s, waiting for parts 10 s.
		set(hour("stage_dwell_time", 0, 6000, 352, 1, 384, 1), kpi.Stage, "triage"),
		set(hour("stage_dwell_time", 0, 10_000, 427, 1), kpi.Stage, "parts"),
		// Two in triage, since 10:00 and 11:00.
		set(hour("tickets_in_stage", 0, 2, 1, ms(10, 0)+ms(11, 0)), kpi.Stage, "triage"),
		// One agent present since yesterday; another came at 11:30.
		total(window.Hour, "agents_present", "a", at(1, 8, 0), 0, 1, 1, at(1, 8, 0)*1000),
		total(window.Hour, "agents_present", "a", at(2, 11, 0), 0, 1, 1, ms(11, 30)),
		hour("services_delivered", 0, 28),
		hour("service_cost", 0, 70_000),
		total(window.Hour, "revenue", "a", at(1, 0, 0), 0, 5_000_000), total(window.Hour, "opening_revenue", "a", 0, 0, 5_000_000),
		total(window.Hour, "customers_new", "a", at(1, 0, 0), 0, 10), total(window.Hour, "opening_customers", "a", 0, 0, 30),
		hour("calls_offered", 0, 10), hour("calls_abandoned_early", 0, 2), hour("calls_answered_in_time", 0, 6), hour("calls_undecided", 0, 1),
	}})
	const in24h = "(" + at1230 + ", window = '24h', by = '"
	d.expect(t, "SELECT channel, numerator, denominator, value FROM kpi_channel_mix"+in24h+"channel') ORDER BY channel", "mail\t2\t8\t0.25\nphone\t6\t8\t0.75")
	d.expect(t, "SELECT part_reliability, part_timeliness, part_safety, value FROM kpi_service_quality_index"+in24h+"')", "75\t\\N\t50\t62.5")
	d.expect(t, "SELECT team, slowest, value FROM kpi_slowest_stage"+in24h+"team')", "a\tparts\t10")
	d.expect(t, "SELECT stage, samples, mean_seconds FROM kpi_stage_dwell_time"+in24h+"stage') ORDER BY stage", "parts\t1\t10\ntriage\t2\t3")
	d.expect(t, "SELECT value FROM kpi_stage_age("+at1230+", by = '')", "7200") // 2.5 h and 1.5 h
	// Since 12:30 of the day before: 24 h and 1 h.
	d.expect(t, "SELECT numerator, denominator, value FROM kpi_services_per_agent_hour"+in24h+"')", "28\t25\t1.12")
	d.expect(t, "SELECT numerator, value FROM kpi_cost_per_service"+in24h+"')", "7\t0.25")
	d.expect(t, "SELECT numerator, denominator, value FROM kpi_revenue_per_customer("+at1230+", by = '')", "1000\t40\t25")
	d.expect(t, "SELECT numerator, denominator, value, immature FROM kpi_service_level"+in24h+"')", "6\t8\t0.75\t1")
}

// All views give what the formulas give over the history's totals, for random totals of
// every measure.
func testViewsAgreeWithHistory(t *testing.T, server *chdb.Process) {
	c := compiled(t)
	d := migratedWith(t, server, "agree", c)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	d.write(t, randomRows(c, rand.New(rand.NewPCG(seed, 0))))
	from, to := day(time.March, 1), day(time.March, 3)
	march := output.HistoryPeriod{
		Period: kpi.Month, From: from, To: to, Lo: int64(from) * 86400, At: int64(to) * 86400,
		Months: []int32{from}, MonthFrom: 674, MonthTo: 674,
	}
	compared := 0
	for i := range c.Catalogue.KPIs {
		definition := &c.Catalogue.KPIs[i]
		by := kpi.SetOf(kpi.Team)
		for _, name := range output.ViewNames(c, definition) {
			q := output.HistoryQuery{Tenant: "acme", KPI: definition, By: by}
			in, at, sql := "", at(2, 12, 30), "SELECT team, "+valueColumn(definition)+" FROM "+name
			if strings.HasSuffix(name, "_period") {
				q.Periods, in, at = []output.HistoryPeriod{march}, "month", march.At
				sql += periodArguments(c, definition)
			} else {
				q.At = []int64{at}
				sql += "(" + at1230 + ", by = 'team'"
				if definition.Windowed() {
					in, q.Window = "24h", parse(t, "24h")
					sql += ", window = '24h'"
				}
				sql += ")"
			}
			points, err := d.History(t.Context(), q)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want := make(map[string]float64)
			for _, r := range output.Readings(c, definition, in, by, at, points[0].Totals) {
				want[r.Group.Dims[kpi.Team]] = number(r.Value.Value)
			}
			got := values(t, d.ask(t, sql))
			for team, value := range got {
				if w, ok := want[team]; !ok || !near(value, w) {
					t.Errorf("%s, team %s: the view says %g, history %g", name, team, value, w)
				}
				compared++
			}
			if len(got) != len(want) {
				t.Errorf("%s: the view has %v, history %v", name, got, want)
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d values were compared", compared)
	}
}

func near(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b))
}

func valueColumn(d *kpi.Definition) string {
	if d.Formula == kpi.Distribution {
		return "mean_seconds"
	}
	return "value"
}

// periodArguments are those that the view of a KPI takes.
func periodArguments(c *kpi.Compiled, d *kpi.Definition) string {
	out := "(tenant = 'acme', from = '2026-03-01', to = '2026-03-03', by = 'team'"
	uses := make(map[string]bool)
	for _, t := range c.Terms(d) {
		uses[t.Function], uses[string(t.Shape)] = true, true
	}
	for use, argument := range map[string]string{
		"openings": "months = ['2026-03-01']", "due": "first_month = 674, last_month = 674",
		"time": "zone = 'UTC'", "per_period": "period = 'month'",
	} {
		if uses[use] {
			out += ", " + argument
		}
	}
	return out + ")"
}

// values reads lines of a team and a value.
func values(t *testing.T, answer string) map[string]float64 {
	t.Helper()
	out := make(map[string]float64)
	for line := range strings.SplitSeq(answer, "\n") {
		team, value, ok := strings.Cut(line, "\t")
		if !ok {
			continue
		}
		out[team] = math.NaN()
		if value != `\N` {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			out[team] = v
		}
	}
	return out
}

// randomRows are totals of every measure in two teams and two values of what facts give,
// from the day before the last to the instant of the test.
func randomRows(c *kpi.Compiled, r *rand.Rand) *kpi.Rows {
	rows := &kpi.Rows{}
	for i := range c.Measures {
		m := &c.Measures[i]
		for _, team := range []string{"a", "b"} {
			for _, stage := range []string{"one", "two"} {
				for _, bucket := range []int64{0, at(-3, 4, 0), at(1, 9, 0), at(1, 13, 0), at(2, 9, 0)} {
					row := total(window.Hour, m.Name, team, bucket)
					row.Dims[kpi.Stage] = stage
					row.Values = randomValues(m, r)
					daily := row
					daily.Ring, daily.Bucket = window.Day, bucket/86400*86400
					rows.Measures = append(rows.Measures, row)
					if bucket != at(1, 13, 0) { // one row of a day
						rows.Measures = append(rows.Measures, daily)
					}
				}
				// The present hour, in minutes of which some are still to come.
				hour := total(window.Hour, m.Name, team, at(2, 12, 0))
				hour.Dims[kpi.Stage] = stage
				for _, minute := range []int{5, 50} {
					row := hour
					row.Ring, row.Bucket, row.Values = window.Minute, at(2, 12, minute), randomValues(m, r)
					hour.Values.Merge(row.Values)
					rows.Measures = append(rows.Measures, row)
				}
				rows.Measures = append(rows.Measures, hour)
			}
		}
	}
	return rows
}

func randomValues(m *kpi.Measure, r *rand.Rand) (v window.Vector) {
	switch m.Shape {
	case kpi.ShapeHistogram:
		for range 3 {
			ms := r.Int64N(1_000_000)
			v.Add(0, ms)
			v.Add(window.HistogramSlot(ms), 1)
		}
	case kpi.ShapeAged, kpi.ShapeClocked:
		v.Add(0, r.Int64N(5))
		v.Add(1, r.Int64N(1e12))
	case kpi.ShapeByMonth:
		v.Add(673, r.Int64N(1e9))
		v.Add(674, r.Int64N(1e9))
	case kpi.ShapePerWindow, kpi.ShapePerPeriod:
		for slot := range uint16(m.Slots) {
			v.Add(slot, r.Int64N(3)) // of three windows few have more
		}
	case kpi.ShapeOldest:
	default:
		v.Add(0, r.Int64N(100_000))
	}
	return v
}

// A view that is no longer of a KPI goes; one that somebody else has made stays.
func testViewsOfOthers(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "others")
	d.ask(t, "CREATE VIEW kpi_of_mine AS SELECT 1")
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	own := `
kpis:
  - key: open_twice
    names: {en: Open twice, zh: 两倍, fa: دو برابر}
    descriptions: {en: Twice the open tickets., zh: 未关闭工单的两倍。, fa: دو برابر.}
    source: a test
    type: stock
    unit: count
    shown_as: count
    direction: lower
    formula: value
    numerator: tickets_open * 2.0
`
	if err := catalogue.Merge([]byte(own), "own.yaml"); err != nil {
		t.Fatal(err)
	}
	migratedWith(t, server, "others", compile(t, catalogue, "overdue_ratio", "open_twice"))
	d.write(t, headline())
	d.expect(t, "SELECT value FROM kpi_open_twice("+at1230+", by = '')", "26")
	if err := d.Migrate(t.Context()); err != nil { // as before, without it
		t.Fatal(err)
	}
	d.expect(t, "SELECT name FROM system.tables WHERE database = 'others' AND name IN ('kpi_of_mine', 'kpi_open_twice')", "kpi_of_mine")
}
