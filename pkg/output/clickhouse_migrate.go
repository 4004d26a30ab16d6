package output

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration n is the n-th file, counted from 1. Each of its statements can be run again,
// since ClickHouse has no transactions for them and two workers may start at once.
type migration struct {
	name       string
	statements []string
}

func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		name = strings.TrimPrefix(name, "migrations/")
		if !strings.HasPrefix(name, fmt.Sprintf("%04d_", i+1)) {
			return nil, fmt.Errorf("migration %s: number %d is missing", name, i+1)
		}
		all = append(all, migration{name, statements(string(text))})
	}
	return all, nil
}

// statements cuts at semicolons that end a line.
func statements(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text+"\n", ";\n") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

const migrationsTable = `CREATE TABLE IF NOT EXISTS deskpulse_migrations (
    version UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version`

// Migrate brings the database to the schema of this program, and its windows and
// retention to the options. It may be called again, and by several processes at once.
func (c *ClickHouse) Migrate(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"create the database", c.createDatabase},
		{"migrate", c.migrate},
		{"write views", c.writeViews},
		{"write windows", c.writeWindows},
		{"set retention", c.retain},
	} {
		if err := step.do(ctx); err != nil {
			return clickhouseError(step.what, err)
		}
	}
	return nil
}

func (c *ClickHouse) createDatabase(ctx context.Context) (err error) {
	conn, err := clickhouse.Open(c.options.driver("default")) // ours may not exist yet
	if err != nil {
		return err
	}
	defer func() {
		if e := conn.Close(); err == nil {
			err = e
		}
	}()
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", c.options.Database).Scan(&n); err != nil || n > 0 {
		return err
	}
	return conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(c.options.Database))
}

func quoteName(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}

func (c *ClickHouse) migrate(ctx context.Context) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	if err := c.conn.Exec(ctx, c.fill(migrationsTable)); err != nil {
		return err
	}
	var done uint32
	if err := c.conn.QueryRow(ctx, "SELECT max(version) FROM deskpulse_migrations").Scan(&done); err != nil {
		return err
	}
	if int(done) > len(all) {
		return &newerError{c.options.Database, int(done), len(all)}
	}
	for i := int(done); i < len(all); i++ {
		for _, sql := range all[i].statements {
			if err := c.conn.Exec(ctx, c.fill(sql)); err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
		if err := c.conn.Exec(ctx, "INSERT INTO deskpulse_migrations (version, name) VALUES (?, ?)", i+1, all[i].name); err != nil {
			return err
		}
	}
	return nil
}

// newerError is a database that a later program has migrated.
type newerError struct {
	database   string
	has, known int
}

func (e *newerError) Error() string {
	return fmt.Sprintf("database %s has version %d and this deskpulse knows %d: use the newer deskpulse, or another database", e.database, e.has, e.known)
}

// Forget empties the tables of totals, for what is told from the beginning by other rules:
// a total that there no longer is would never be replaced.
func (c *ClickHouse) Forget(ctx context.Context) error {
	for _, table := range []string{"measures_minute", "measures_hour", "measures_day"} {
		if err := c.conn.Exec(ctx, "TRUNCATE TABLE IF EXISTS "+table); err != nil {
			return clickhouseError("empty "+table, err)
		}
	}
	return nil
}

// fill puts the database and the kind of engine into a statement of a migration.
func (c *ClickHouse) fill(sql string) string {
	sql = strings.ReplaceAll(sql, "{database}", quoteName(c.options.Database))
	if !c.options.Replicated {
		return sql
	}
	return strings.ReplaceAll(sql, "ENGINE = ReplacingMergeTree(", "ENGINE = ReplicatedReplacingMergeTree(")
}

type windowRow struct {
	slot         uint16
	length, ring int64
	kept         bool
}

// writeWindows makes the table windows say what the options say; a window that is no
// longer there stays, marked as not kept.
func (c *ClickHouse) writeWindows(ctx context.Context) error {
	there, err := c.readWindows(ctx)
	if err != nil {
		return err
	}
	want := make(map[string]windowRow)
	for i, w := range c.options.Windows {
		want[w.Name] = windowRow{uint16(i + 1), w.Length, w.Ring.Seconds(), true}
	}
	for name, row := range there {
		if _, ok := want[name]; !ok {
			row.kept = false
			want[name] = row
		}
	}
	batch, err := c.conn.PrepareBatch(ctx, "INSERT INTO windows (name, slot, length_seconds, ring_seconds, kept)")
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // after Send it has nothing left to say
	for name, row := range want {
		if there[name] == row {
			continue
		}
		if err := batch.Append(name, row.slot, row.length, row.ring, row.kept); err != nil {
			return err
		}
	}
	if batch.Rows() == 0 {
		return nil
	}
	return batch.Send()
}

func (c *ClickHouse) readWindows(ctx context.Context) (map[string]windowRow, error) {
	rows, err := c.conn.Query(ctx, "SELECT name, slot, length_seconds, ring_seconds, kept FROM windows FINAL")
	if err != nil {
		return nil, err
	}
	return collect(rows, make(map[string]windowRow), func(out map[string]windowRow) error {
		var name string
		var row windowRow
		err := rows.Scan(&name, &row.slot, &row.length, &row.ring, &row.kept)
		out[name] = row
		return err
	})
}

// collect scans rows into out and closes them.
func collect[T any](rows driver.Rows, out T, scan func(T) error) (T, error) {
	defer func() { _ = rows.Close() }() // Err has what there is to know
	for rows.Next() {
		if err := scan(out); err != nil {
			return out, err
		}
	}
	return out, rows.Err()
}

// retain sets the tables' TTL where it is another. An entity's time of beginning is the
// same in all its versions, so that no older version outlives a newer one.
func (c *ClickHouse) retain(ctx context.Context) error {
	want := map[string]string{"measures_minute": "bucket + toIntervalDay(" + days(c.options.KeepMinutes) + ")"}
	for table, column := range map[string]string{"tickets": "created_at", "calls": "offered_at", "complaints": "received_at", "reports": "at"} {
		want[table] = ""
		if c.options.KeepEntity > 0 {
			want[table] = fmt.Sprintf("toDateTime(%s) + toIntervalDay(%s) WHERE %[1]s > toDateTime64(0, 3, 'UTC')", column, days(c.options.KeepEntity))
		}
	}
	engines, err := c.engines(ctx)
	if err != nil {
		return err
	}
	for table, ttl := range want {
		has := strings.Contains(engines[table], " TTL ")
		var sql string
		switch {
		case ttl == "" && has:
			sql = "ALTER TABLE " + table + " REMOVE TTL"
		case ttl != "" && !strings.Contains(engines[table], " TTL "+ttl+" SETTINGS"):
			sql = "ALTER TABLE " + table + " MODIFY TTL " + ttl + " SETTINGS materialize_ttl_after_modify = 0"
		default:
			continue
		}
		if err := c.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return nil
}

func days(d time.Duration) string { return fmt.Sprint(int64(d / (24 * time.Hour))) }

func (c *ClickHouse) engines(ctx context.Context) (map[string]string, error) {
	rows, err := c.conn.Query(ctx, "SELECT name, engine_full FROM system.tables WHERE database = ?", c.options.Database)
	if err != nil {
		return nil, err
	}
	return collect(rows, make(map[string]string), func(out map[string]string) error {
		var name, engine string
		err := rows.Scan(&name, &engine)
		out[name] = engine
		return err
	})
}
