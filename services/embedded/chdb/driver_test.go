package chdb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/deskpulse/deskpulse/services/embedded/chdb/chdbtest"
)

func open(t *testing.T, addr string, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	o := driverOptions(addr)
	if change != nil {
		change(o)
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func driverOptions(addr string) *clickhouse.Options {
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{addr},
		Auth:     clickhouse.Auth{Database: "default", Username: "default", Password: "any"},
	}
}

func run(t *testing.T, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

const allTypes = `CREATE TABLE everything (
	id      UInt64 CODEC(Delta, ZSTD(1)),
	at      DateTime64(3, 'UTC') CODEC(DoubleDelta, LZ4),
	team    LowCardinality(String),
	note    LowCardinality(Nullable(String)),
	blob    String,
	buckets Map(UInt16, Int64),
	tags    Array(LowCardinality(String)),
	score   Nullable(Float64),
	cost    Decimal(18, 4),
	key     UUID,
	day     Date,
	pairs   Array(Tuple(UInt8, String)),
	kind    Enum8('a' = 1, 'b' = 2)
) ENGINE = MergeTree ORDER BY id`

type everything struct {
	ID      uint64           `ch:"id"`
	At      time.Time        `ch:"at"`
	Team    string           `ch:"team"`
	Note    *string          `ch:"note"`
	Blob    string           `ch:"blob"`
	Buckets map[uint16]int64 `ch:"buckets"`
	Tags    []string         `ch:"tags"`
	Score   *float64         `ch:"score"`
	Cost    decimal.Decimal  `ch:"cost"`
	Key     uuid.UUID        `ch:"key"`
	Day     time.Time        `ch:"day"`
	Pairs   [][]any          `ch:"pairs"`
	Kind    string           `ch:"kind"`
}

// sample is row i: values that are easy to get wrong, each a function of i.
func sample(i int) everything {
	row := everything{
		ID:      uint64(i),
		At:      time.Date(2016, 2, 29, 23, 59, 59, 0, time.UTC).Add(time.Duration(i) * 7 * time.Millisecond),
		Team:    fmt.Sprintf("team %d", i%300), // more than a byte of keys
		Blob:    string([]byte{0, byte(i), byte(i >> 8), 0xff, '\n', '\n', '\'', '\\', ';', '\r', '\n'}),
		Buckets: map[uint16]int64{uint16(i): -int64(i), 65535: 1 << 62},
		Cost:    decimal.New(int64(i)*10001, -4),
		Key:     uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)),
		Day:     time.Date(2020, 1, 1+i%365, 0, 0, 0, 0, time.UTC),
		Kind:    string("ab"[i%2]),
		Tags:    []string{},
		Pairs:   [][]any{},
	}
	for n := range i % 4 {
		row.Tags = append(row.Tags, fmt.Sprint("tag\n", n))
		row.Pairs = append(row.Pairs, []any{uint8(n), fmt.Sprint(i)})
	}
	if i%3 == 0 {
		note, score := fmt.Sprint("n", i%5), float64(i)/3
		row.Note, row.Score = &note, &score
	}
	return row
}

func insertSamples(t *testing.T, conn driver.Conn, from, to int) {
	t.Helper()
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO everything")
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < to; i++ {
		row := sample(i)
		if err := batch.AppendStruct(&row); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %v", to-from, time.Since(began))
}

func checkSamples(t *testing.T, conn driver.Conn, count int) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT * FROM everything ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var got everything
		if err := rows.ScanStruct(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sample(seen), got); diff != "" {
			t.Fatalf("row %d (-want +got):\n%s", seen, diff)
		}
		seen++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if seen != count {
		t.Fatalf("read %d rows, inserted %d", seen, count)
	}
}

func TestDriverReadsBackWhatItWrote(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	for name, method := range map[string]clickhouse.CompressionMethod{
		"none": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4,
		"zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP,
	} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, addr, func(o *clickhouse.Options) {
				o.Compression = &clickhouse.Compression{Method: method, Level: 3}
				o.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			run(t, conn, "DROP TABLE IF EXISTS everything")
			run(t, conn, allTypes)
			count := 3000
			if name == "lz4" {
				count = 100_000
			}
			insertSamples(t, conn, 0, count)
			checkSamples(t, conn, count)
		})
	}
}

func TestDriverQueries(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	conn := open(t, addr, nil)
	run(t, conn, `CREATE TABLE r (k UInt32, v String, version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY k`)
	for version := range 3 {
		run(t, conn, "INSERT INTO r SELECT number, 'v' || toString({v:UInt64}), {v:UInt64} FROM numbers(10)", clickhouse.Named("v", fmt.Sprint(version)))
	}
	run(t, conn, "INSERT INTO r VALUES (?, ?, ?)", 3, "it's\n\nthird", 99)
	var count, versions uint64
	if err := conn.QueryRow(t.Context(), "SELECT count(), uniqExact(v) FROM r FINAL").Scan(&count, &versions); err != nil {
		t.Fatal(err)
	}
	if count != 10 || versions != 2 {
		t.Fatalf("FINAL gives %d rows with %d values, want 10 with 2", count, versions)
	}
	var v string
	if err := conn.QueryRow(t.Context(), "SELECT v FROM r FINAL WHERE k = ?", 3).Scan(&v); err != nil {
		t.Fatal(err)
	}
	want(t, "bound by position", v, "it's\n\nthird")
	ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"s": "it's; third"}))
	if err := conn.QueryRow(ctx, "SELECT {s:String}").Scan(&v); err != nil {
		t.Fatal(err)
	}
	want(t, "server-side parameter", v, "it's; third")
	rows, err := conn.Query(t.Context(), "SELECT k FROM r WHERE k > 1000")
	if err != nil {
		t.Fatal(err)
	}
	if rows.Next() || rows.Err() != nil || rows.Close() != nil {
		t.Fatalf("no row expected: %v", rows.Err())
	}
}

func TestDriverErrors(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	for name, compression := range map[string]*clickhouse.Compression{"plain": nil, "lz4": {Method: clickhouse.CompressionLZ4}} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, addr, func(o *clickhouse.Options) { o.Compression = compression })
			for sql, code := range map[string]int32{
				"SELECT * FROM nope":              60,
				"SELEC 1":                         62,
				"SELECT * FROM nope.t":            81,
				"SELECT 1 WHERE toUInt8(1) = 'x'": 53,
				"SELECT throwIf(number = 900000) FROM numbers(1000000)": 395, // after the answer has begun
			} {
				rows, err := conn.Query(t.Context(), sql)
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
					rows.Close()
				}
				var e *clickhouse.Exception
				if !errors.As(err, &e) || e.Code != code {
					t.Errorf("%s: got %v, want *Exception with code %d", sql, err, code)
				}
			}
		})
	}
	bad := open(t, addr, func(o *clickhouse.Options) { o.Auth.Database = "nope" })
	var e *clickhouse.Exception
	if err := bad.Ping(t.Context()); !errors.As(err, &e) || e.Code != 81 {
		t.Errorf("unknown database: %v", err)
	}
}

func TestDatabaseSQL(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	db := clickhouse.OpenDB(driverOptions(addr))
	defer db.Close()
	ctx := t.Context()
	if _, err := db.ExecContext(ctx, "CREATE TABLE t (a UInt32, b Nullable(String)) ENGINE = MergeTree ORDER BY a"); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	defer insert.Close()
	for i := range 1000 {
		if _, err := insert.ExecContext(ctx, uint32(i), sql.NullString{String: "x", Valid: i%2 == 0}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var count, set, sum uint64
	if err := db.QueryRowContext(ctx, "SELECT count(), count(b), sum(a) FROM t WHERE a < ?", 900).Scan(&count, &set, &sum); err != nil {
		t.Fatal(err)
	}
	if count != 900 || set != 450 || sum != 899*900/2 {
		t.Fatalf("got %d, %d, %d", count, set, sum)
	}
}

// TestAsGrafanaUsesIt sends what Grafana's ClickHouse data source sends when it
// is told to use HTTP: its health check, its schema queries, a panel's query.
func TestAsGrafanaUsesIt(t *testing.T) {
	addr := chdbtest.Start(t, t.TempDir()).Addr()
	options := driverOptions(addr)
	options.ClientInfo = clickhouse.ClientInfo{Products: []struct{ Name, Version string }{{"grafana", "11.0.0"}, {"clickhouse-datasource", "4.0.0"}}}
	options.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	options.Settings = clickhouse.Settings{"max_execution_time": 60}
	db := clickhouse.OpenDB(options)
	defer db.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE DATABASE desk",
		"CREATE TABLE desk.kpi (at DateTime64(3), team LowCardinality(String), value Float64) ENGINE = MergeTree ORDER BY at",
		"INSERT INTO desk.kpi SELECT toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number, 'a', number FROM numbers(3600)",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, query := range []string{
		"SELECT version()", "SHOW DATABASES", "SHOW TABLES FROM `desk`", "DESCRIBE TABLE `desk`.`kpi`", `DESC TABLE "desk"."kpi"`,
		"SELECT name, database, table FROM system.columns WHERE database = 'desk'",
		"EXPLAIN SELECT 1",
	} {
		if got := countRows(ctx, t, db, query); got == 0 {
			t.Errorf("%s: no rows", query)
		}
	}
	panel := "SELECT toStartOfInterval(toDateTime(at), INTERVAL 60 second) AS time, team, avg(value) AS value FROM desk.kpi " +
		"WHERE at >= fromUnixTimestamp64Milli(1767225600000) AND at <= fromUnixTimestamp64Milli(1767229200000) GROUP BY time, team ORDER BY time"
	if got := countRows(ctx, t, db, panel); got != 60 {
		t.Errorf("panel: %d points, want 60, one a minute", got)
	}
}

func countRows(ctx context.Context, t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	if _, err := rows.ColumnTypes(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
