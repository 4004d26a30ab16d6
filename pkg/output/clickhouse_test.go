package output

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

func TestParseClickHouseDSN(t *testing.T) {
	for _, c := range []struct {
		dsn, addr, database, user, password string
		native, tls, replicated             bool
	}{
		{dsn: "http://u:p@host:8123/deskpulse", addr: "host:8123", database: "deskpulse", user: "u", password: "p"},
		{dsn: "https://u:p%40@host:8443/d", addr: "host:8443", database: "d", user: "u", password: "p@", tls: true},
		{dsn: "clickhouse://host:9000/d?replicated=true", addr: "host:9000", database: "d", native: true, replicated: true},
		{dsn: "clickhouses://host:9440/d", addr: "host:9440", database: "d", native: true, tls: true},
	} {
		o, err := ParseClickHouseDSN(c.dsn)
		if err != nil {
			t.Errorf("%s: %v", c.dsn, err)
			continue
		}
		if !slices.Equal(o.Addr, []string{c.addr}) || o.Database != c.database || o.Username != c.user || o.Password != c.password ||
			o.Native != c.native || (o.TLS != nil) != c.tls || o.Replicated != c.replicated {
			t.Errorf("%s: got %+v", c.dsn, o)
		}
		if _, there := o.Settings["replicated"]; there {
			t.Errorf("%s: replicated would be sent to the server", c.dsn)
		}
	}
	for _, dsn := range []string{"", "localhost:8123", "ftp://host/d", "http:///d", "http://u:secret@host:81 23/d"} {
		_, err := ParseClickHouseDSN(dsn)
		if err == nil {
			t.Errorf("%q: accepted", dsn)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the password: %v", dsn, err)
		}
	}
}

func TestMigrationsCanBeRunAgain(t *testing.T) {
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no migrations")
	}
	for _, m := range all {
		for _, sql := range m.statements {
			lines := strings.Split(sql, "\n")
			for strings.HasPrefix(lines[0], "--") {
				lines = lines[1:]
			}
			if !strings.Contains(lines[0], "IF NOT EXISTS") && !strings.Contains(lines[0], "IF EXISTS") && !strings.Contains(lines[0], "OR REPLACE") {
				t.Errorf("%s: %q cannot be run again: say IF [NOT] EXISTS or OR REPLACE", m.name, lines[0])
			}
			if strings.Contains(sql, "MergeTree(") && !strings.Contains(sql, "ENGINE = ReplacingMergeTree(") {
				t.Errorf("%s: %q: write ENGINE = ReplacingMergeTree(, which Replicated rewrites", m.name, lines[0])
			}
		}
	}
}

func TestStatementsAreCutAtLineEnds(t *testing.T) {
	got := statements("-- one; two\nSELECT ';';\n\nSELECT 2;\n")
	if want := []string{"-- one; two\nSELECT ';'", "SELECT 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRetryable(t *testing.T) {
	code := func(n int32) error { return clickhouseError("x", &clickhouse.Exception{Code: n}) }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":              {nil, false},
		"network":              {clickhouseError("x", errors.New("connection refused")), true},
		"too many parts":       {code(252), true},
		"memory":               {code(241), true},
		"unknown table":        {code(60), false},
		"wrong password":       {code(516), false},
		"type mismatch":        {code(53), false},
		"gateway says 503":     {clickhouseError("x", &clickhouse.HTTPError{StatusCode: 503, Err: errors.New("busy")}), true},
		"gateway says 403":     {clickhouseError("x", &clickhouse.HTTPError{StatusCode: 403, Err: errors.New("no")}), false},
		"one of two":           {errors.Join(code(60), code(252)), true},
		"none of two":          {errors.Join(code(60), code(53)), false},
		"time limit of caller": {clickhouseError("x", context.DeadlineExceeded), true},
	} {
		if got := Retryable(c.err); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestRowsThatNoColumnHolds(t *testing.T) {
	if _, err := measureValues(&kpi.MeasureRow{Bucket: -1}); err == nil {
		t.Error("a bucket before 1970 was accepted")
	}
	if _, err := measureValues(&kpi.MeasureRow{Bucket: 1 << 32}); err == nil {
		t.Error("a bucket after 2106 was accepted")
	}
	if _, err := dayValues(&kpi.MeasureRow{Bucket: 3600}); err == nil {
		t.Error("a day that begins at one o'clock was accepted")
	}
	if _, err := ticketValues(&kpi.TicketRow{Open: []kpi.Interval{{From: 1, To: 1 << 60}}}); err == nil {
		t.Error("an endless time was accepted")
	}
}

// Each value has its column: a column too many or too few would be an error of the
// driver only in the integration tests.
func TestColumnsMatchValues(t *testing.T) {
	check := func(name, insert string, values []any, err error) {
		t.Helper()
		if n := strings.Count(insert, ",") + 1; err != nil || n != len(values) {
			t.Errorf("%s: %d columns, %d values, %v", name, n, len(values), err)
		}
	}
	v, err := measureValues(&kpi.MeasureRow{})
	check("measures", minuteTable.insert, v, err)
	v, err = dayValues(&kpi.MeasureRow{})
	check("days", dayTable.insert, v, err)
	v, err = ticketValues(&kpi.TicketRow{})
	check("tickets", ticketTable.insert, v, err)
	v, err = callValues(&kpi.CallRow{})
	check("calls", callTable.insert, v, err)
	v, err = complaintValues(&kpi.ComplaintRow{})
	check("complaints", complaintTable.insert, v, err)
	v, err = reportValues(&kpi.ReportRow{})
	check("reports", reportTable.insert, v, err)
}

func TestSlotsKeepTheirOrder(t *testing.T) {
	it := slots(window.Vector{{Slot: 0, Value: 1500}, {Slot: 321, Value: 2}}).Iterator()
	var got []any
	for it.Next() {
		got = append(got, it.Key(), it.Value())
	}
	if want := []any{uint16(0), int64(1500), uint16(321), int64(2)}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRetentionIsChecked(t *testing.T) {
	for _, o := range []ClickHouseOptions{
		{KeepMinutes: time.Hour},
		{KeepMinutes: 100 * 365 * 24 * time.Hour}, // past 2106, where DateTime wraps around
		{KeepEntity: time.Minute},
		{KeepEntity: -1},
	} {
		o.Addr = []string{"127.0.0.1:1"}
		if _, err := OpenClickHouse(o); err == nil {
			t.Errorf("minutes %s, entities %s: accepted", o.KeepMinutes, o.KeepEntity)
		}
	}
}
