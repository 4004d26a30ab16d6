package bench

import (
	"context"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

const (
	rounds     = 5
	fetchLimit = 4096 // as services/worker
	// A partition hands over at most so many rows of each kind so often. A worker does so
	// once a second, or when ClickHouse has confirmed, if that is sooner.
	rowsPerFlush = 5000
	flushEvery   = 250 * time.Millisecond
)

// BenchmarkEndToEnd reads full streams in several ways and in turn, and reports the
// median rate of each, and what share of the raw rate it is, by rounds:
//
//	raw      nats.go's ordered consumers with an empty callback
//	reader   input.Readers whose messages are dropped
//	worker   a worker without history, until it has applied the last event
//	history  the worker's loops with a history that takes rows at once
//
// With -cpuprofile, samples carry the label way (but for those of the broker, which
// shares the cores): go tool pprof -tagfocus way=worker.
func BenchmarkEndToEnd(b *testing.B) {
	b.Run("single", func(b *testing.B) { benchmarkEndToEnd(b, 400_000, 1) })
	b.Run("batched", func(b *testing.B) { benchmarkEndToEnd(b, 1_000_000, 100) })
}

// line is full streams and what they hold.
type line struct {
	*site
	full   full
	events int
	lost   uint64 // connections
}

// way reads all streams and returns how long that took.
type way struct {
	name string
	read func(ctx context.Context) time.Duration
}

func benchmarkEndToEnd(b *testing.B, events, batch int) {
	l := &line{site: startSite(b)}
	l.fill(l.newDesk(time.Now().Add(-time.Duration(events)*time.Second/deskRate)), events, batch)
	l.full, l.events = l.site.full(), events
	if batch == 1 { // the broker took no event twice
		l.events = int(l.full.messages())
	}
	ways := []way{{"raw", l.raw}, {"reader", l.readers}, {"worker", l.worker}, {"history", l.history}}
	rates, lost := make([][]float64, len(ways)), make([]uint64, len(ways))
	b.ResetTimer()
	for round := range b.N * rounds {
		for i := range ways {
			i = (i + round) % len(ways) // nobody always comes after the same one
			runtime.GC()
			l.lost = 0
			pprof.Do(l.ctx, pprof.Labels("way", ways[i].name), func(ctx context.Context) {
				rates[i] = append(rates[i], float64(l.events)/ways[i].read(ctx).Seconds())
			})
			lost[i] += l.lost
		}
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(l.full.bytes)/float64(l.events), "stored-B/event")
	for i, w := range ways {
		b.Logf("%-8s %.0f events/s, connections lost: %d", w.name, rates[i], lost[i])
		b.ReportMetric(median(rates[i]), w.name+"-events/s")
		if i > 0 {
			b.ReportMetric(median(shares(rates[i], rates[0])), w.name+"-%-of-raw")
		}
	}
}

// shares compares rounds, so that what slowed down a whole round counts little.
func shares(rates, raw []float64) (out []float64) {
	for i := range rates {
		out = append(out, 100*rates[i]/raw[i])
	}
	return out
}

// disconnect closes a connection, after noting whether the server broke it off, as it
// does with a client that is slower than what it asked for.
func (l *line) disconnect(nc *nats.Conn) {
	l.lost += nc.Stats().Reconnects
	nc.Close()
}

func (l *line) raw(ctx context.Context) time.Duration {
	begun := time.Now()
	nc, js := l.connect()
	defer l.disconnect(nc)
	var n atomic.Uint64
	all := l.full.messages()
	done := make(chan struct{})
	for p := range partitions {
		c, err := js.OrderedConsumer(ctx, input.StreamName(p), jetstream.OrderedConsumerConfig{})
		check(l.b, err)
		consuming, err := c.Consume(func(jetstream.Msg) {
			if n.Add(1) == all {
				close(done)
			}
		}, jetstream.PullMaxMessages(2000)) // faster than the default of 500
		check(l.b, err)
		l.b.Cleanup(consuming.Stop) // the connection is closed before
	}
	select {
	case <-done:
	case <-ctx.Done():
		l.b.Fatalf("%v: after %d of %d messages", ctx.Err(), n.Load(), all)
	}
	return time.Since(begun)
}

func (l *line) worker(ctx context.Context) time.Duration {
	begun := time.Now()
	nc, _ := l.connect()
	defer l.disconnect(nc)
	w := l.startWorker(ctx, nc)
	w.await(ctx, l.b, 2*time.Millisecond, func() bool { return w.metrics.applied(l.b) >= l.events })
	took := time.Since(begun)
	w.end(l.b)
	if n := w.metrics.applied(l.b); n != l.events {
		l.b.Fatalf("%d events were applied, published were %d", n, l.events)
	}
	return took
}

func (l *line) readers(ctx context.Context) time.Duration {
	return l.loops(ctx, func(int) (func([]input.Message), error) { return func([]input.Message) {}, nil })
}

func (l *line) history(ctx context.Context) time.Duration {
	var applied, rows atomic.Int64
	took := l.loops(ctx, func(p int) (func([]input.Message), error) {
		cfg := l.engine
		cfg.Partition, cfg.Partitions = uint16(p), partitions
		e, err := engine.New(cfg)
		if err != nil {
			return nil, err
		}
		h := &historian{engine: e, applied: &applied, rows: &rows, next: time.Now().Add(flushEvery)}
		h.decoder = input.NewDecoder(partitions, nil, h.apply)
		return h.take, nil
	})
	if n := applied.Load(); n != int64(l.events) {
		l.b.Fatalf("%d events were applied, published were %d", n, l.events)
	}
	if rows.Load() == 0 {
		l.b.Fatal("no rows were taken")
	}
	return took
}

// historian is the loop of a worker's partition with its history, without the metrics.
type historian struct {
	engine        *engine.Engine
	decoder       *input.Decoder
	applied, rows *atomic.Int64
	events        int64
	next          time.Time // when rows are taken
}

func (h *historian) apply(m *input.Message, _ int, ev *kpi.Event, _ []byte, err error) {
	if err != nil {
		return // it will be missing in applied
	}
	h.engine.Apply(ev, engine.Position{Sequence: m.Sequence, Time: m.Stored.UnixMilli()})
	h.events++
}

func (h *historian) take(messages []input.Message) {
	h.events = 0
	for i := range messages {
		h.decoder.Decode(&messages[i])
	}
	h.applied.Add(h.events)
	if now := time.Now(); !now.Before(h.next) {
		h.next = now.Add(flushEvery)
		rows := h.engine.Rows(rowsPerFlush)
		h.engine.Confirm(rows)
		h.rows.Add(int64(rows.Len()))
	}
}

// loops reads every partition to its end, each on its own goroutine with what open
// returns for it.
func (l *line) loops(ctx context.Context, open func(partition int) (func([]input.Message), error)) time.Duration {
	begun := time.Now()
	nc, js := l.connect()
	defer l.disconnect(nc)
	var all sync.WaitGroup
	for p := range partitions {
		all.Go(func() {
			take, err := open(p)
			if err != nil {
				l.b.Error(err)
				return
			}
			r, err := input.Open(ctx, js, input.Position{Partition: p, Partitions: partitions}, nil, zap.NewNop())
			if err != nil {
				l.b.Error(err)
				return
			}
			defer r.Close()
			for r.Position().Sequence < l.full.last[p] {
				messages, err := r.Fetch(ctx, fetchLimit, time.Second)
				if err != nil {
					l.b.Error(err)
					return
				}
				take(messages)
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}
