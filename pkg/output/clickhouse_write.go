package output

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Rejection is a row that ClickHouse will never take. The rest of its batch was written.
type Rejection struct {
	Table string
	Row   string // its identity
	Err   error  // of the server, or of the check before it
}

// Writer writes rows to the history. It belongs to one goroutine at a time.
type Writer struct {
	ClickHouse *ClickHouse
	Rejected   func(Rejection)              // may be nil
	Written    func(table string, rows int) // may be nil
}

// Write writes all rows, with one insert per table. An insert that fails in passing is
// built and sent again, identical, within the options' attempts and ctx. After nil every
// row is in ClickHouse or was rejected; after an error any of them may be, and writing
// all of them again is harmless.
func (w *Writer) Write(ctx context.Context, rows *kpi.Rows) error {
	var minutes, hours, days []kpi.MeasureRow
	for _, r := range rows.Measures {
		switch r.Ring {
		case window.Minute:
			minutes = append(minutes, r)
		case window.Day:
			days = append(days, r)
		default:
			hours = append(hours, r)
		}
	}
	return errors.Join(
		write(ctx, w, &minuteTable, minutes),
		write(ctx, w, &hourTable, hours),
		write(ctx, w, &dayTable, days),
		write(ctx, w, &ticketTable, rows.Tickets),
		write(ctx, w, &callTable, rows.Calls),
		write(ctx, w, &complaintTable, rows.Complaints),
		write(ctx, w, &reportTable, rows.Reports),
	)
}

// suspicious is how many rows may fail one by one before any succeeds; more are not the
// rows' fault.
const suspicious = 16

// batch is the writing of one table's rows.
type batch[R any] struct {
	writer   *Writer
	table    *table[R]
	sent     int
	rejected []Rejection
	certain  int // of the rejected: those where nothing but the row can be at fault
}

func write[R any](ctx context.Context, w *Writer, t *table[R], rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	b := &batch[R]{writer: w, table: t}
	err := b.send(ctx, b.check(rows))
	if err == nil && b.sent == 0 && b.certain < len(b.rejected) {
		err = b.rejected[len(b.rejected)-1].Err // no row at all was taken: blame the table
	}
	if b.sent > 0 && w.Written != nil {
		w.Written(t.name, b.sent)
	}
	if err != nil {
		return clickhouseError("write "+t.name, err)
	}
	for _, r := range b.rejected {
		if w.Rejected != nil {
			w.Rejected(r)
		}
	}
	return nil
}

// check leaves out the rows that no column can hold.
func (b *batch[R]) check(rows []R) []R {
	good := make([]R, 0, len(rows))
	for i := range rows {
		if _, err := b.table.values(&rows[i]); err != nil {
			b.reject(&rows[i], err)
			continue
		}
		good = append(good, rows[i])
	}
	return good
}

func (b *batch[R]) reject(row *R, err error) {
	b.rejected = append(b.rejected, Rejection{b.table.name, b.table.identity(row), err})
	if blame(err) == content {
		b.certain++
	}
}

// send writes rows; where one of them is at fault it halves them to find it.
func (b *batch[R]) send(ctx context.Context, rows []R) error {
	if len(rows) == 0 {
		return nil
	}
	err := b.attempt(ctx, rows)
	if err == nil {
		b.sent += len(rows)
		return nil
	}
	if f := blame(err); f == passing || f == schema || b.sent == 0 && len(b.rejected)-b.certain >= suspicious {
		return err
	}
	if len(rows) == 1 {
		b.reject(&rows[0], err)
		return nil
	}
	half := len(rows) / 2
	if err := b.send(ctx, rows[:half]); err != nil {
		return err
	}
	return b.send(ctx, rows[half:])
}

func (b *batch[R]) attempt(ctx context.Context, rows []R) error {
	o := &b.writer.ClickHouse.options
	wait := o.Backoff
	for n := 1; ; n++ {
		err := b.insert(ctx, rows)
		if err == nil || blame(err) != passing || n >= o.Attempts || ctx.Err() != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		wait *= 2
	}
}

// insertSettings: rows of a replayed history lie in many partitions.
var insertSettings = clickhouse.Settings{"max_partitions_per_insert_block": 0, "async_insert": 0}

func (b *batch[R]) insert(ctx context.Context, rows []R) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings))
	insert, err := b.writer.ClickHouse.conn.PrepareBatch(ctx, b.table.insert)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }() // after Send it has nothing left to say
	for i := range rows {
		values, err := b.table.values(&rows[i])
		if err == nil {
			err = insert.Append(values...)
		}
		if err != nil {
			return &badRow{err}
		}
	}
	return insert.Send()
}

// badRow is a row that did not even reach the server.
type badRow struct{ err error }

func (e *badRow) Error() string { return e.err.Error() }
func (e *badRow) Unwrap() error { return e.err }

func outOfRange(field string, value int64, remedy string) error {
	return &badRow{fmt.Errorf("%s %d cannot be stored: %s", field, value, remedy)}
}
