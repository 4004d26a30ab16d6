package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/embedded/chdb"
	"github.com/deskpulse/deskpulse/services/embedded/chdb/chdbtest"
)

// desk is a database of one test.
type desk struct {
	*output.ClickHouse
	server   *chdb.Process
	database string
}

func openDesk(t *testing.T, server *chdb.Process, database string, change func(*output.ClickHouseOptions)) desk {
	t.Helper()
	o, err := output.ParseClickHouseDSN("http://default:@" + server.Addr() + "/" + database)
	if err != nil {
		t.Fatal(err)
	}
	o.Backoff = time.Millisecond
	if change != nil {
		change(&o)
	}
	c, err := output.OpenClickHouse(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return desk{c, server, database}
}

func migrated(t *testing.T, server *chdb.Process, database string) desk {
	t.Helper()
	return migratedWith(t, server, database, compiled(t, "response_time", "overdue_ratio", "repeat_incident_ratio"))
}

// migratedWith is a desk with the views of all KPIs of a catalogue, which are many.
func migratedWith(t *testing.T, server *chdb.Process, database string, c *kpi.Compiled) desk {
	t.Helper()
	d := openDesk(t, server, database, func(o *output.ClickHouseOptions) {
		o.KeepMinutes = 10 * 365 * 24 * time.Hour // the server drops old minutes by its own clock
		o.Compiled = c
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// ask sends SQL as curl would and returns the answer, tab-separated.
func (d desk) ask(t *testing.T, sql string) string {
	t.Helper()
	address := "http://" + d.server.Addr() + "/?" + url.Values{"database": {d.database}, "user": {"default"}}.Encode()
	answer, err := http.Post(address, "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", sql, body)
	}
	return strings.TrimSuffix(string(body), "\n")
}

func (d desk) expect(t *testing.T, sql, want string) {
	t.Helper()
	if got := d.ask(t, sql); got != want {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", sql, got, want)
	}
}

// write writes rows and fails on any error or rejection.
func (d desk) write(t *testing.T, rows *kpi.Rows) {
	t.Helper()
	w := output.Writer{ClickHouse: d.ClickHouse, Rejected: func(r output.Rejection) { t.Errorf("rejected: %+v", r) }}
	if err := w.Write(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

func TestClickHouse(t *testing.T) {
	server := chdbtest.Start(t, t.TempDir())
	for name, test := range map[string]func(*testing.T, *chdb.Process){
		"migrate":             testMigrate,
		"newer":               testNewerDatabase,
		"retention":           testRetention,
		"windows":             testWindows,
		"versions":            testVersions,
		"entities":            testEntities,
		"views":               testViews,
		"views from outside":  testViewsFromOutside,
		"history":             testHistory,
		"periods":             testPeriods,
		"kinds of formulas":   testKinds,
		"views and history":   testViewsAgreeWithHistory,
		"views of others":     testViewsOfOthers,
		"scorecards":          testScorecards,
		"scorecards, history": testScorecardsAgreeWithHistory,
		"docs":                testDocs,
		"forget":              testForget,
		"poisoned row":        testPoisonedRow,
		"table at fault":      testTableAtFault,
		"old history at once": testManyPartitions,
	} {
		t.Run(name, func(t *testing.T) { test(t, server) })
	}
}

func testMigrate(t *testing.T, server *chdb.Process) {
	d := openDesk(t, server, "migrate", nil)
	var wait sync.WaitGroup
	failures := make([]error, 4)
	for i := range failures {
		wait.Go(func() { failures[i] = d.Migrate(t.Context()) })
	}
	wait.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "SELECT groupArray(version) FROM (SELECT version FROM deskpulse_migrations FINAL ORDER BY version)", "[1,2,3,4]")
	d.expect(t, "SELECT count() FROM windows FINAL", "9")
}

func testNewerDatabase(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "newer")
	d.ask(t, "INSERT INTO deskpulse_migrations (version, name) VALUES (99, 'later')")
	err := d.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "use the newer deskpulse") || output.Retryable(err) {
		t.Errorf("got %v", err)
	}
}

func testRetention(t *testing.T, server *chdb.Process) {
	const ttl = "SELECT extract(engine_full, 'TTL (.*) SETTINGS') FROM system.tables WHERE database = 'retention' AND name = "
	d := openDesk(t, server, "retention", nil)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.expect(t, ttl+"'measures_minute'", "bucket + toIntervalDay(35)")
	d.expect(t, ttl+"'measures_hour'", "")
	d.expect(t, ttl+"'tickets'", "")
	for range 2 { // the second finds nothing to do
		d = openDesk(t, server, "retention", func(o *output.ClickHouseOptions) {
			o.KeepMinutes, o.KeepEntity = 50*24*time.Hour, 365*24*time.Hour
		})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.expect(t, ttl+"'measures_minute'", "bucket + toIntervalDay(50)")
		d.expect(t, ttl+"'tickets' FORMAT TSVRaw", "toDateTime(created_at) + toIntervalDay(365) WHERE created_at > toDateTime64(0, 3, 'UTC')")
	}
	if err := openDesk(t, server, "retention", nil).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.expect(t, ttl+"'measures_minute'", "bucket + toIntervalDay(35)")
	d.expect(t, ttl+"'tickets'", "")
}

func testWindows(t *testing.T, server *chdb.Process) {
	migrated(t, server, "windows")
	d := openDesk(t, server, "windows", func(o *output.ClickHouseOptions) {
		o.Windows = []window.Window{parse(t, "7d"), parse(t, "2h")}
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "SELECT name, slot, length_seconds, ring_seconds FROM windows FINAL WHERE kept ORDER BY slot", "7d\t1\t604800\t3600\n2h\t2\t7200\t60")
}

func parse(t *testing.T, name string) window.Window {
	t.Helper()
	w, err := window.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// at is an instant of March 2026, Unix seconds.
func at(day, hour, minute int) int64 {
	return time.Date(2026, 3, day, hour, minute, 0, 0, time.UTC).Unix()
}

// total is a measure row of partition 3; values are slot, value, slot, value …
func total(ring window.Ring, measure, team string, bucket int64, values ...int64) kpi.MeasureRow {
	r := kpi.MeasureRow{Ring: ring, Tenant: "acme", Measure: measure, Bucket: bucket, Partition: 3, Version: 7}
	r.Dims[kpi.Team], r.Dims[kpi.Priority] = team, "high"
	for i := 0; i < len(values); i += 2 {
		r.Values.Add(uint16(values[i]), values[i+1])
	}
	return r
}

func testVersions(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "versions")
	row := func(version uint64, value int64) *kpi.Rows {
		r := total(window.Hour, "tickets_open", "a", at(1, 8, 0), 0, value)
		r.Version = version
		return &kpi.Rows{Measures: []kpi.MeasureRow{r}}
	}
	const sum = "SELECT count(), sum(values[0]) FROM measures_hour FINAL"
	d.write(t, row(10, 5))
	d.write(t, row(10, 5)) // again
	d.expect(t, sum, "1\t5")
	d.write(t, row(12, 0)) // a row that falls to zero replaces, too
	d.expect(t, sum, "1\t0")
	d.write(t, row(11, 9)) // late
	d.expect(t, sum, "1\t0")
	other := row(1, 3)
	other.Measures[0].Partition = 4
	d.write(t, other)
	d.expect(t, sum, "2\t3")
}

// headline are the totals of the tests below, at instants around 2026-03-02 12:30.
func headline() *kpi.Rows {
	h := func(measure, team string, bucket int64, values ...int64) kpi.MeasureRow {
		return total(window.Hour, measure, team, bucket, values...)
	}
	m := func(measure, team string, bucket int64, values ...int64) kpi.MeasureRow {
		return total(window.Minute, measure, team, bucket, values...)
	}
	// The histogram slot of 2^k seconds is 320+32k.
	return &kpi.Rows{Measures: []kpi.MeasureRow{
		h("tickets_open", "a", 0, 0, 1),
		h("tickets_open", "a", at(1, 8, 0), 0, 4),
		h("tickets_open", "a", at(2, 12, 0), 0, 2), // 12:10 +3, 12:40 −1
		m("tickets_open", "a", at(2, 12, 10), 0, 3),
		m("tickets_open", "a", at(2, 12, 40), 0, -1),
		h("tickets_open", "b", at(2, 11, 0), 0, 5),
		m("tickets_open", "b", at(2, 11, 15), 0, 5),
		h("tickets_overdue", "a", at(2, 9, 0), 0, 2),
		h("tickets_overdue", "a", at(2, 15, 0), 0, 1), // falls due later
		m("tickets_overdue", "a", at(2, 15, 0), 0, 1),
		h("tickets_overdue", "b", at(2, 12, 0), 0, 1),
		m("tickets_overdue", "b", at(2, 12, 29), 0, 1),

		h("response_time", "a", at(-5, 11, 0), 0, 1000, 320, 1),  // 23 February, 1 s
		h("response_time", "a", at(-4, 10, 0), 0, 64000, 512, 1), // 24 February, 64 s
		h("response_time", "b", at(2, 11, 0), 0, 16000, 448, 1, 1, 1),
		m("response_time", "b", at(2, 11, 20), 0, 16000, 448, 1), // 16 s
		m("response_time", "b", at(2, 11, 50), 1, 1),             // 0 s
		h("response_time", "a", at(2, 12, 0), 0, 6000, 320, 2, 384, 1),
		m("response_time", "a", at(2, 12, 5), 0, 2000, 320, 2),  // 1 s, twice
		m("response_time", "a", at(2, 12, 35), 0, 4000, 384, 1), // 4 s

		daily("response_time", "b", day(time.March, 2), 0, 16000, 448, 1, 1, 1),
		daily("response_time", "a", day(time.March, 2), 0, 6000, 320, 2, 384, 1),
		daily("response_time", "a", day(time.February, 28), 0, 1000, 320, 1),

		// Slot 0 is common to all windows; slot 4 is 1h, slot 7 is 7d, slot 9 is all.
		h("incidents_reported", "a", 0, 0, 2),
		h("incidents_reported", "a", at(2, 10, 0), 0, 6, 4, -8, 7, -4),
		h("incidents_repeated", "a", at(2, 10, 0), 7, 1, 9, 3),
	}}
}

const at1230 = "tenant = 'acme', at = '2026-03-02 12:30:00'"

func testViews(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "views")
	d.write(t, headline())
	const ratio = "SELECT team, priority, numerator, denominator, value FROM "
	d.expect(t, ratio+"kpi_overdue_ratio("+at1230+", by = 'team') ORDER BY team", "a\t\t2\t8\t0.25\nb\t\t1\t5\t0.2")
	d.expect(t, ratio+"kpi_overdue_ratio("+at1230+", by = 'team,priority') ORDER BY team", "a\thigh\t2\t8\t0.25\nb\thigh\t1\t5\t0.2")
	d.expect(t, ratio+"kpi_overdue_ratio(tenant = 'acme', at = '2026-03-02 12:00:00', by = '')", "\t\t2\t10\t0.2")
	d.expect(t, ratio+"kpi_overdue_ratio(tenant = 'acme', at = '2026-03-02 12:41:00', by = '')", "\t\t3\t12\t0.25")
	d.expect(t, ratio+"kpi_overdue_ratio(tenant = 'other', at = '2026-03-02 12:41:00', by = '')", "")
	d.expect(t, ratio+"kpi_repeat_incident_ratio("+at1230+", window = '7d', by = '')", "\t\t1\t4\t0.25")
	d.expect(t, ratio+"kpi_repeat_incident_ratio("+at1230+", window = 'all', by = '')", "\t\t3\t8\t0.375")
	d.expect(t, ratio+"kpi_repeat_incident_ratio("+at1230+", window = '1h', by = '')", "\t\t0\t0\t\\N")
	response := func(window, by string) string {
		return "SELECT team, samples, round(mean_seconds, 6), round(p50_seconds, 6), round(p90_seconds, 6) FROM kpi_response_time(" +
			at1230 + ", window = '" + window + "', by = '" + by + "') ORDER BY team"
	}
	// The middle of the bucket of 2^k s is 2^(k−1/64) = 0.989228 · 2^k.
	d.expect(t, response("1h", "team"), "a\t2\t1\t0.989228\t0.989228\nb\t1\t0\t0\t0")
	d.expect(t, response("24h", ""), "\t4\t4.5\t0.989228\t15.827648") // 0, 1, 1, 16
	d.expect(t, response("7d", ""), "\t5\t16.4\t0.989228\t63.310593") // and 64
	d.expect(t, response("30d", ""), "\t6\t13.833333\t0.989228\t63.310593")
	d.expect(t, response("all", ""), "\t6\t13.833333\t0.989228\t63.310593")
	d.expect(t, response("5m", ""), "")
}

// The views are called by their full name, over a connection to another database.
func testViewsFromOutside(t *testing.T, server *chdb.Process) {
	for _, database := range []string{"outside", "out-side 2"} {
		d := migrated(t, server, database)
		d.write(t, headline())
		d.database = "default"
		const columns = "SELECT numerator, denominator, value FROM `"
		d.expect(t, columns+database+"`.kpi_overdue_ratio("+at1230+", by = '')", "3\t13\t0.23076923076923078")
		d.expect(t, columns+database+"`.kpi_repeat_incident_ratio("+at1230+", window = '7d', by = '')", "1\t4\t0.25")
		d.expect(t, "SELECT samples, mean_seconds FROM `"+database+"`.kpi_response_time("+at1230+", window = '24h', by = '')", "4\t4.5")
	}
}

// compiled is the built-in catalogue with the default windows, and some of its KPIs; all
// where none are named.
func compiled(t *testing.T, keys ...string) *kpi.Compiled {
	t.Helper()
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, catalogue, keys...)
}

func compile(t *testing.T, catalogue *kpi.Catalogue, keys ...string) *kpi.Compiled {
	t.Helper()
	if len(keys) > 0 {
		catalogue.KPIs = slices.DeleteFunc(catalogue.KPIs, func(d kpi.Definition) bool { return !slices.Contains(keys, d.Key) })
		for i := range catalogue.KPIs {
			catalogue.KPIs[i].Also = nil
		}
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range window.Default() {
		c.Windows = append(c.Windows, w.Name)
	}
	return c
}

func testHistory(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "history")
	d.write(t, headline())
	c := compiled(t)
	var got []string
	for _, x := range []struct {
		key, window string
		by          kpi.Set
	}{
		{"overdue_ratio", "", kpi.SetOf(kpi.Team)},
		{"overdue_ratio", "", kpi.SetOf(kpi.Priority)},
		{"repeat_incident_ratio", "7d", 0},
		{"response_time", "1h", 0},
		{"response_time", "7d", kpi.SetOf(kpi.Team)},
	} {
		definition, _ := c.Catalogue.Find(x.key)
		q := output.HistoryQuery{Tenant: "acme", KPI: definition, By: x.by, At: []int64{at(2, 12, 30), at(2, 12, 0)}, Now: at(2, 13, 0)}
		if x.window != "" {
			q.Window = parse(t, x.window)
		}
		points, err := d.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range points {
			for _, r := range output.Readings(c, definition, x.window, x.by, p.At, p.Totals) {
				got = append(got, fmt.Sprintf("%s%s %s %s%s %g/%g %d %g", r.KPI, r.Window, time.Unix(p.At, 0).UTC().Format("15:04"),
					r.Group.Dims[kpi.Team], r.Group.Dims[kpi.Priority], number(r.Value.Numerator), number(r.Value.Denominator), r.Value.Count, number(r.Value.Value)))
			}
		}
	}
	want := []string{
		"overdue_ratio 12:30 a 2/8 0 0.25", "overdue_ratio 12:30 b 1/5 0 0.2",
		"overdue_ratio 12:00 a 2/5 0 0.4", "overdue_ratio 12:00 b 0/5 0 0",
		"overdue_ratio 12:30 high 3/13 0 " + fmt.Sprint(3.0/13),
		"overdue_ratio 12:00 high 2/10 0 0.2",
		"repeat_incident_ratio7d 12:30  1/4 0 0.25", "repeat_incident_ratio7d 12:00  1/4 0 0.25",
		"response_time1h 12:30  NaN/NaN 3 " + fmt.Sprint(2.0/3), // 0, 1, 1
		"response_time1h 12:00  NaN/NaN 2 8",                    // 16, 0
		"response_time7d 12:30 a NaN/NaN 3 22",                  // 64, 1, 1
		"response_time7d 12:30 b NaN/NaN 2 8",                   // 16, 0
		"response_time7d 12:00 a NaN/NaN 1 64",
		"response_time7d 12:00 b NaN/NaN 2 8",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func number(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// entities agree with the figures in testDocs.
func entities() *kpi.Rows {
	ms := func(day, hour, minute, second int) int64 { return at(day, hour, minute)*1000 + int64(second)*1000 }
	t1 := kpi.TicketRow{Tenant: "acme", ID: "t1", Customer: "x", Status: "open", Type: kpi.TypeIncident, CreatedAt: ms(2, 10, 0, 0), HandledAt: ms(2, 10, 1, 0),
		DueAt: ms(2, 11, 0, 0), Open: []kpi.Interval{{From: ms(2, 10, 0, 0)}}, Overdue: []kpi.Interval{{From: ms(2, 11, 0, 0)}}, Events: 2, Partition: 1, Version: 2}
	t1.Dims[kpi.Team], t1.Dims[kpi.AgentName] = "a", "ann"
	return &kpi.Rows{
		Tickets: []kpi.TicketRow{
			t1,
			// Closed at 12:30: still open there, since 12:30 sees what was before it.
			{Tenant: "acme", ID: "t2", Status: "closed", CreatedAt: ms(1, 9, 0, 0), HandledAt: ms(2, 12, 29, 30), ClosedAt: ms(2, 12, 30, 0),
				Open: []kpi.Interval{{From: ms(1, 9, 0, 0), To: ms(2, 12, 30, 0)}}, Version: 1},
			{Tenant: "acme", ID: "t3", Status: "deleted", CreatedAt: ms(2, 12, 0, 0), HandledAt: ms(2, 12, 1, 0), Version: 1},
			// Created at 12:30: not yet open.
			{Tenant: "acme", ID: "t4", Status: "open", CreatedAt: ms(2, 12, 30, 0), Open: []kpi.Interval{{From: ms(2, 12, 30, 0)}}, Version: 1},
			{Tenant: "other", ID: "t1", Status: "open", CreatedAt: ms(1, 0, 0, 0), Open: []kpi.Interval{{From: ms(1, 0, 0, 0)}}, Version: 1},
		},
		Calls: []kpi.CallRow{
			{Tenant: "acme", ID: "c1", Direction: kpi.Inbound, OfferedAt: ms(2, 12, 0, 0), AnsweredAt: ms(2, 12, 0, 10), Talk: 61_000, Version: 1},
			{Tenant: "acme", ID: "c2", OfferedAt: ms(2, 12, 0, 0), AbandonedAt: ms(2, 12, 1, 0), Version: 1},
		},
		Complaints: []kpi.ComplaintRow{{Tenant: "acme", ID: "k1", Subject: 2, Outcome: "refund", ReceivedAt: ms(2, 12, 0, 0) + 1, Version: 1}},
		Reports: []kpi.ReportRow{
			{Tenant: "acme", Source: "ticket t1 e1", Customer: "x", Incident: "i", At: ms(1, 9, 0, 0), Version: 1},
			{Tenant: "acme", Source: "call c1 e2", Customer: "x", Incident: "i", At: ms(2, 12, 0, 0), Version: 1},
			{Tenant: "acme", Source: "ticket t2 e3", Customer: "y", Incident: "i", Approximate: true, At: ms(2, 12, 0, 0), Version: 1},
			{Tenant: "acme", Source: "ticket t3 e4", Customer: "z", Incident: "i", At: ms(2, 12, 0, 0), Withdrawn: true, Version: 1},
			{Tenant: "acme", Source: "ticket t5 e5", Customer: "w", Incident: "i", At: ms(-8, 12, 0, 0), Version: 1},
		},
	}
}

func testEntities(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "entities")
	d.write(t, entities())
	d.write(t, entities())
	d.expect(t, "SELECT count() FROM tickets FINAL", "5")
	d.expect(t, "SELECT customer, status, type, created_at, handled_at, closed_at, events, open.from, open.to, overdue.from, team, agent, partition, version FROM tickets FINAL WHERE tenant = 'acme' AND id = 't1' FORMAT TSVRaw",
		"x\topen\tincident\t2026-03-02 10:00:00.000\t2026-03-02 10:01:00.000\t1970-01-01 00:00:00.000\t2\t['2026-03-02 10:00:00.000']\t['1970-01-01 00:00:00.000']\t['2026-03-02 11:00:00.000']\ta\tann\t1\t2")
	d.expect(t, "SELECT direction, answered_at, talk_ms FROM calls FINAL WHERE id = 'c1'", "inbound\t2026-03-02 12:00:10.000\t61000")
	d.expect(t, "SELECT subject, outcome, received_at FROM complaints FINAL", "product\trefund\t2026-03-02 12:00:00.001")
	d.expect(t, "SELECT source, withdrawn, approximate FROM reports FINAL WHERE customer IN ('y', 'z') ORDER BY customer", "ticket t2 e3\tfalse\ttrue\nticket t3 e4\ttrue\tfalse")
}

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)\n```")

// testDocs runs every statement of docs/clickhouse.md, in its order.
func testDocs(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "docs")
	d.write(t, headline())
	d.write(t, entities())
	page, err := os.ReadFile("../../docs/clickhouse.md")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"3\t13\t" + fmt.Sprint(3.0/13),
		"a\t2\t8\t0.25\nb\t1\t5\t0.2",
		"1\t4\t0.25",
		"a\t2\t1\t0.989\t0.989\nb\t2\t8\t0\t15.828",
		"a\t3\t2\nb\t2\t8",
		"1970-01-01 01:00:00\t1\n2026-03-01 09:00:00\t5\n2026-03-02 12:00:00\t10",
		"t1\ta\tann\t2026-03-02 11:00:00.000",
		"t2\t2026-03-01 09:00:00.000",
		"1\t2",
		"2\t49490\t10", // t2 after 98,970 s and c1 after 10 s
		"1\t2",         // x twice; y once
	}
	blocks := sqlBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != len(want) {
		t.Fatalf("the page has %d statements and the test %d results", len(blocks), len(want))
	}
	for i, b := range blocks {
		d.expect(t, b[1], want[i])
	}
}

// What is told anew by other rules does not stand beside what was told; entities have
// their newest version anyhow.
func testForget(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "forget")
	d.write(t, headline())
	d.write(t, entities())
	tickets := d.ask(t, "SELECT count() FROM tickets FINAL")
	for range 2 {
		if err := d.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.expect(t, "SELECT (SELECT count() FROM measures_minute) + (SELECT count() FROM measures_hour) + (SELECT count() FROM measures_day)", "0")
	d.expect(t, "SELECT count() FROM tickets FINAL", tickets)
	d.write(t, headline()) // the same versions
	d.expect(t, "SELECT numerator, denominator FROM kpi_overdue_ratio("+at1230+", by = '')", "3\t13")
}

func testPoisonedRow(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "poisoned")
	d.ask(t, "ALTER TABLE tickets ADD CONSTRAINT poison CHECK NOT startsWith(id, 'bad')")
	rows := &kpi.Rows{}
	for i := range 1000 {
		rows.Tickets = append(rows.Tickets, kpi.TicketRow{Tenant: "acme", ID: fmt.Sprint("t", i), Version: 1})
	}
	rows.Tickets[333].ID, rows.Tickets[999].ID = "bad one", "bad two"
	rows.Tickets[500].CreatedAt = -1
	var rejected []string
	written := 0
	w := output.Writer{
		ClickHouse: d.ClickHouse,
		Rejected: func(r output.Rejection) {
			rejected = append(rejected, r.Table+" "+r.Row)
			if r.Err == nil {
				t.Errorf("%s: no reason", r.Row)
			}
		},
		Written: func(_ string, n int) { written += n },
	}
	if err := w.Write(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	slices.Sort(rejected)
	want := []string{`tickets tenant "acme", id "bad one"`, `tickets tenant "acme", id "bad two"`, `tickets tenant "acme", id "t500"`}
	if !slices.Equal(rejected, want) {
		t.Errorf("got %q, want %q", rejected, want)
	}
	if written != 997 {
		t.Errorf("got %d rows written, want 997", written)
	}
	d.expect(t, "SELECT count() FROM tickets FINAL", "997")
}

func testTableAtFault(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "fault")
	d.ask(t, "DROP TABLE reports")
	w := output.Writer{ClickHouse: d.ClickHouse, Rejected: func(r output.Rejection) { t.Errorf("the row is blamed: %+v", r) }}
	err := w.Write(t.Context(), entities())
	if err == nil || output.Retryable(err) || !strings.Contains(err.Error(), "reports") {
		t.Errorf("got %v", err)
	}
	d.expect(t, "SELECT count() FROM tickets FINAL", "5") // the other tables were written
}

func testManyPartitions(t *testing.T, server *chdb.Process) {
	d := migrated(t, server, "partitions")
	rows := &kpi.Rows{}
	for month := range 150 { // more than the server lets into one insert by default
		rows.Measures = append(rows.Measures, total(window.Hour, "tickets_open", "a", window.Hour.Floor(int64(month)*31*86400), 0, 1))
	}
	d.write(t, rows)
	d.expect(t, "SELECT count() FROM measures_hour FINAL", "150")
}

func TestClickHouseAway(t *testing.T) {
	server := chdbtest.Start(t, t.TempDir())
	d := migrated(t, server, "away")
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := output.Writer{ClickHouse: d.ClickHouse, Rejected: func(r output.Rejection) { t.Errorf("the row is blamed: %+v", r) }}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	begun := time.Now()
	if err := w.Write(ctx, headline()); err == nil || !output.Retryable(err) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %s, past its context", took)
	}
}
