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
	restPerRead  = 4                // times as long as reading and publishing took,
	restAtMost   = 2 * time.Second  // but not so long that a board takes the partition for silent
	showAtLeast  = time.Second      // so that a board which asks is answered
	fullEvery    = 10 * time.Second // so that what a board may have missed does not last
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
	money   *kpi.Money
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
	shown     time.Time // when totals were last taken,
	shownAt   int64     // and their instant
	nextFull  time.Time // when all of them are due, whether or not they have changed
	seen      engine.Counters
}

func (w *Worker) newPartition(ctx context.Context, number int) (*partition, error) {
	cfg := w.engine
	cfg.Partition, cfg.Partitions = uint16(number), uint16(w.cfg.Partitions)
	state, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	p := &partition{number: number, worker: w, engine: state, money: kpi.NewMoney(w.cfg.Currency), live: output.NewPublisher(w.nc, w.asks), written: make(chan *kpi.Rows, 1)}
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
			if err := p.show(now); err != nil {
				return err
			}
			p.nextRead = rested(now, time.Now())
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
	if err == nil {
		err = p.money.Convert(ev)
	}
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
	w.told(at, p.engine)
	set, err := p.totals(at, now)
	if err != nil {
		return fmt.Errorf("partition %d: %w", p.number, err)
	}
	w.components.Add(set)
	if err := p.live.Publish(set); err != nil {
		w.log.Warn("live totals were not published", zap.Int("partition", p.number), zap.Error(err))
	}
	if !p.unread.IsZero() {
		w.metrics.Freshness.Observe(time.Since(p.unread).Seconds())
		p.unread = time.Time{}
	}
	return nil
}

// rested is when to read next: four times a second, but where there is much to read a
// partition should spend no more than a fifth of its time on it.
func rested(begun, ended time.Time) time.Time {
	next, rest := begun.Add(readEvery), ended.Add(min(restAtMost, restPerRead*ended.Sub(begun)))
	if rest.After(next) {
		return rest
	}
	return next
}

// totals returns what has changed or, where a board needs it or it is time, everything.
func (p *partition) totals(at int64, now time.Time) (set *kpi.TotalsSet, err error) {
	w := p.worker
	set = &kpi.TotalsSet{
		Partition: uint16(p.number), Partitions: uint16(w.cfg.Partitions), Epoch: w.epoch,
		Layout: p.engine.Compiled().Layout, Position: p.engine.Sequence(), At: at,
		Full: p.live.NeedsFull() || !now.Before(p.nextFull),
	}
	if !p.newest.IsZero() {
		set.Newest = p.newest.UnixMilli()
	}
	if !set.Full {
		set.Totals, err = p.engine.Changes(at)
		return set, err
	}
	// Partitions take turns, so that their full sets do not come all at once.
	turn := fullEvery * time.Duration(p.number) / time.Duration(w.cfg.Partitions)
	p.nextFull = now.Truncate(fullEvery).Add(fullEvery + turn)
	set.Totals, err = p.engine.Read(at)
	return set, err
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
