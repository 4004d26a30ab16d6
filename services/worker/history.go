package worker

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

// handed is rows on their way from a partition to the history.
type handed struct {
	rows *kpi.Rows
	from *partition
}

// gather is how long the writer waits for the rows of further partitions, so that
// inserts are few and large.
const gather = 250 * time.Millisecond

// write writes what partitions hand over until ctx ends. What ClickHouse does not take
// goes back, and comes again with whatever has changed meanwhile.
func (w *Worker) write(ctx context.Context) error {
	writer := &output.Writer{
		ClickHouse: w.history,
		Rejected: func(r output.Rejection) {
			w.metrics.RowsRejected.WithLabelValues(r.Table).Inc()
			w.log.Error("row was rejected", zap.String("table", r.Table), zap.String("row", r.Row), zap.Error(r.Err))
		},
		Written: func(table string, rows int) { w.metrics.RowsWritten.WithLabelValues(table).Add(float64(rows)) },
	}
	if !w.migrate(ctx) {
		return nil
	}
	for {
		batch := w.batch(ctx)
		if len(batch) == 0 {
			return nil
		}
		err := writer.Write(ctx, merge(batch))
		if err != nil && ctx.Err() == nil {
			w.metrics.CountHistoryError(err)
			w.log.Warn("history is behind", zap.Error(err))
			pause(ctx, historyRetry)
		} else if err == nil {
			w.metrics.HistoryFlushed.SetToCurrentTime()
		}
		for _, h := range batch {
			if err != nil {
				h.rows = nil
			}
			h.from.written <- h.rows
		}
	}
}

const historyRetry = 2 * time.Second

// migrate makes the tables, trying until ClickHouse is there. It returns false when ctx
// ended before.
func (w *Worker) migrate(ctx context.Context) bool {
	for {
		err := w.history.Migrate(ctx)
		if err == nil {
			err = w.forget(ctx)
		}
		switch {
		case err == nil:
			w.health.Ready("history")
			return true
		case ctx.Err() != nil:
			return false
		}
		w.metrics.CountHistoryError(err)
		w.health.NotReady("history", err.Error())
		w.log.Warn("history is not ready", zap.Error(err), zap.Bool("retryable", output.Retryable(err)))
		pause(ctx, historyRetry)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// batch waits for rows, and a little longer for those of other partitions.
func (w *Worker) batch(ctx context.Context) (batch []handed) {
	select {
	case h := <-w.rows:
		batch = append(batch, h)
	case <-ctx.Done():
		return nil
	}
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for len(batch) < w.cfg.Partitions {
		select {
		case h := <-w.rows:
			batch = append(batch, h)
		case <-timer.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

func merge(batch []handed) *kpi.Rows {
	all := &kpi.Rows{}
	for _, h := range batch {
		all.Measures = append(all.Measures, h.rows.Measures...)
		all.Tickets = append(all.Tickets, h.rows.Tickets...)
		all.Calls = append(all.Calls, h.rows.Calls...)
		all.Complaints = append(all.Complaints, h.rows.Complaints...)
		all.Reports = append(all.Reports, h.rows.Reports...)
	}
	return all
}
