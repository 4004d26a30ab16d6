package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

const (
	fetchLimit   = 4096
	readEvery    = 250 * time.Millisecond
	showAtLeast  = time.Second // so that a board which asks is answered
	flushEvery   = time.Second
	rowsPerFlush = 5000 // of each kind and partition
)

// partition is one partition's state and what is around it. All fields belong to the
// goroutine of run.
type partition struct {
	number  int
	worker  *Worker
	engine  *engine.Engine
	reader  *input.Reader
	decoder *input.Decoder
	live    *output.Publisher

	ctx       context.Context // of run, for the decoder's callback
	err       error           // what the callback met
	newest    time.Time       // when the broker stored the newest message applied
	unread    time.Time       // the same of the oldest message that no reading counts yet
	caughtUp  bool
	written   chan *kpi.Rows // rows that the history has confirmed; nil ones were not
	writing   bool           // rows are with the writer
	nextRead  time.Time
	nextFlush time.Time
	shown     time.Time // when readings were last taken,
	shownAt   int64     // and their instant
	seen      engine.Counters
}

func (w *Worker) newPartition(ctx context.Context, number int) (*partition, error) {
	cfg := w.engine
	cfg.Partition, cfg.Partitions = uint16(number), uint16(w.cfg.Partitions)
	state, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	p := &partition{number: number, worker: w, engine: state, live: output.NewPublisher(w.nc, w.asks), written: make(chan *kpi.Rows, 1)}
	p.decoder = input.NewDecoder(w.cfg.Partitions, w.counters, p.apply)
	p.reader, err = input.Open(ctx, w.js, input.Position{Partition: number, Partitions: w.cfg.Partitions}, w.counters, w.log)
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w", number, err)
	}
	return p, nil
}

// run is the life of the partition: read, apply, show, hand over.
func (p *partition) run(ctx context.Context) error {
	defer p.reader.Close()
	p.ctx = ctx
	for {
		messages, err := p.reader.Fetch(ctx, fetchLimit, time.Until(p.nextRead))
		if err != nil {
			return p.stopped(err)
		}
		begun := time.Now()
		for i := range messages {
			p.decoder.Decode(&messages[i])
		}
		if p.err != nil {
			return p.stopped(p.err)
		}
		p.count(messages, begun)
		now := time.Now()
		p.confirm()
		if !now.Before(p.nextFlush) {
			p.nextFlush = now.Add(flushEvery)
			p.handOver(ctx)
		}
		if !now.Before(p.nextRead) {
			p.nextRead = now.Add(readEvery)
			if err := p.show(now); err != nil {
				return err
			}
		}
	}
}

func (p *partition) stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("partition %d: %w", p.number, err)
}

// apply takes one event of a message into the engine, or puts it with the dead letters.
func (p *partition) apply(m *input.Message, index int, ev *kpi.Event, raw []byte, err error) {
	metrics := p.worker.metrics
	if err != nil {
		reason := "undecodable"
		var field *kpi.FieldError
		if errors.As(err, &field) {
			reason = field.Reason
		}
		metrics.Dropped.WithLabelValues(reason).Inc()
		if err := p.worker.dead.Put(p.ctx, m, index, raw, err); err != nil {
			p.err = errors.Join(p.err, err)
			return
		}
		metrics.DeadLetters.WithLabelValues(reason).Inc()
		return
	}
	p.engine.Apply(ev, engine.Position{Sequence: m.Sequence, Time: m.Stored.UnixMilli()})
	p.worker.events[ev.Kind].Inc()
}

// count keeps the books on a batch of messages.
func (p *partition) count(messages []input.Message, begun time.Time) {
	w := p.worker
	lag := p.reader.Lag()
	w.metrics.Lag.WithLabelValues(w.labels[p.number]).Set(float64(lag))
	if len(messages) == 0 {
		return
	}
	w.metrics.Apply.Observe(time.Since(begun).Seconds())
	if p.unread.IsZero() {
		p.unread = messages[0].Stored
	}
	p.newest = messages[len(messages)-1].Stored
	now := p.engine.Counters()
	add(w.metrics.Duplicates, now.Outcome(engine.Duplicate), p.seen.Outcome(engine.Duplicate))
	add(w.metrics.Late, now.LateChanges(), p.seen.LateChanges())
	if n := now.Outcome(engine.Conflict) - p.seen.Outcome(engine.Conflict); n > 0 {
		w.metrics.Dropped.WithLabelValues("conflict").Add(float64(n))
	}
	p.seen = now
	w.metrics.Orphans.WithLabelValues(w.labels[p.number]).Set(float64(p.engine.Orphans()))
	w.clock.rise(p.engine.Now())
}

func add(c prometheus.Counter, now, before uint64) {
	if now > before {
		c.Add(float64(now - before))
	}
}

// show publishes what can be read now. Until the stream has been read to its end once,
// the numbers would be wrong, so nothing is shown.
func (p *partition) show(now time.Time) error {
	w := p.worker
	if !p.caughtUp {
		if p.reader.Lag() > 0 {
			return nil
		}
		p.caughtUp = true
		w.caughtUp(p.number)
	}
	at := w.instant(now, p.engine.Now())
	if at == p.shownAt && p.unread.IsZero() && now.Sub(p.shown) < showAtLeast {
		return nil // nothing can have changed
	}
	p.shownAt, p.shown = at, now
	readings, err := p.engine.Read(at)
	if err != nil {
		return fmt.Errorf("partition %d: %w", p.number, err)
	}
	set := &kpi.ReadingSet{
		Partition: uint16(p.number), Partitions: uint16(w.cfg.Partitions), Epoch: w.epoch,
		Position: p.engine.Sequence(), At: at, Full: true, Readings: readings,
	}
	if !p.newest.IsZero() {
		set.Newest = p.newest.UnixMilli()
	}
	w.components.Set(set)
	if err := p.live.Publish(set, now); err != nil {
		w.log.Warn("live readings were not published", zap.Int("partition", p.number), zap.Error(err))
	}
	if !p.unread.IsZero() {
		w.metrics.Freshness.Observe(time.Since(p.unread).Seconds())
		p.unread = time.Time{}
	}
	return nil
}

// handOver gives the rows that have changed to the writer, unless it still has some.
func (p *partition) handOver(ctx context.Context) {
	w := p.worker
	if w.history == nil {
		return
	}
	w.metrics.RowsPending.WithLabelValues(w.labels[p.number]).Set(float64(p.engine.Dirty()))
	if p.writing {
		return
	}
	rows := p.engine.Rows(rowsPerFlush)
	if rows.Len() == 0 {
		return
	}
	select {
	case w.rows <- handed{rows: rows, from: p}:
		p.writing = true
	case <-ctx.Done():
	}
}

// confirm takes notice of rows that the writer is done with.
func (p *partition) confirm() {
	select {
	case rows := <-p.written:
		p.writing = false
		if rows != nil {
			p.engine.Confirm(rows)
			p.nextFlush = time.Time{} // there may be more
		}
	default:
	}
}
