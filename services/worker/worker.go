package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Config is what a Worker is made of.
type Config struct {
	Partitions int                              // P of the topology
	Engine     engine.Config                    // all but the partition
	Currency   func(tenant string) kpi.Currency // nil: the first that comes
	Conn       *nats.Conn
	History    *output.ClickHouse // nil: none is kept
	Registerer prometheus.Registerer
	Health     *process.Health
	Log        *zap.Logger
	// At, in Unix seconds, pins the instant of all readings; 0 is the present. For a log of
	// the past, which is read as of then.
	At int64
	// Restate lets policies change what has been told of the past; see docs/sla.md.
	Restate bool
}

// Worker owns all partitions of a topology.
type Worker struct {
	cfg        Config
	engine     engine.Config
	nc         *nats.Conn
	js         jetstream.JetStream
	dead       *input.DeadLetters
	asks       *output.Asks
	counters   *input.Counters
	metrics    *output.Pipeline
	components *output.Components
	history    *output.ClickHouse
	health     *process.Health
	log        *zap.Logger
	events     [kpi.NumKinds]prometheus.Counter
	labels     []string
	epoch      uint64
	rows       chan handed
	clock      clock
	shown      clock       // up to when anything has been told; 0 while nothing has been read
	forgotten  atomic.Bool // the history that is to be told anew is empty

	mu     sync.Mutex
	behind int // partitions that have not caught up; guarded by mu
}

// clock is the newest event time of all partitions.
type clock struct{ seconds atomic.Int64 }

func (c *clock) rise(t int64) {
	for {
		old := c.seconds.Load()
		if t <= old || c.seconds.CompareAndSwap(old, t) {
			return
		}
	}
}

// New returns a Worker for streams that input.Ensure has made.
func New(cfg Config) (*Worker, error) {
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	compiled, err := Compile(cfg.Engine)
	if err != nil {
		return nil, err
	}
	w := &Worker{
		cfg: cfg, engine: cfg.Engine, nc: cfg.Conn, js: js, counters: &input.Counters{}, history: cfg.History,
		health: cfg.Health, log: cfg.Log, rows: make(chan handed, cfg.Partitions), behind: cfg.Partitions,
		metrics: output.NewPipeline(cfg.Registerer), components: output.NewComponents(compiled, exposed(), topGroups),
		epoch: uint64(time.Now().UnixMilli()), // one worker at a time: the later one wins
	}
	w.engine.NoHistory = cfg.History == nil
	if err := cfg.Registerer.Register(w.components); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	for k := kpi.Ticket; int(k) < kpi.NumKinds; k++ {
		w.events[k] = w.metrics.Events.WithLabelValues(k.String())
	}
	for p := range cfg.Partitions {
		w.labels = append(w.labels, strconv.Itoa(p))
	}
	if w.dead, err = input.NewDeadLetters(js, w.counters, cfg.Log); err != nil {
		return nil, err
	}
	w.asks, err = output.ListenAsks(cfg.Conn)
	return w, err
}

// Compile returns the catalogue as an engine of this configuration lays it out.
func Compile(cfg engine.Config) (*kpi.Compiled, error) {
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	return e.Compiled(), nil
}

// topGroups is how many groups of a breakdown /metrics shows; the rest is "other".
const topGroups = 100

// exposed are the breakdowns of the components on /metrics: each has all measures, so
// they are few. The API answers by all others.
func exposed() []kpi.Set { return []kpi.Set{0, kpi.SetOf(kpi.Team)} }

// Run works until ctx ends or a partition cannot go on.
func (w *Worker) Run(ctx context.Context) error {
	w.health.NotReady("worker", "reading the streams from their beginning")
	defer w.dead.Close()
	defer func() { _ = w.asks.Close() }() // the connection may be closed already
	policies, err := w.openGuard(ctx)
	if err != nil {
		return err
	}
	group := process.Group{Log: w.log}
	group.Add("policies", func(ctx context.Context) error { return w.note(ctx, policies) })
	for number := range w.cfg.Partitions {
		p, err := w.newPartition(ctx, number)
		if err != nil {
			return err
		}
		group.Add("partition "+w.labels[number], p.run)
	}
	if w.history != nil {
		w.health.NotReady("history", "not reached yet")
		group.Add("history", w.write)
	}
	err = group.Run(ctx)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return errors.Join(err, w.dead.Flush(flush))
}

const flushTimeout = 5 * time.Second

// caughtUp notes that one more partition has read its stream to the end.
func (w *Worker) caughtUp(number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behind--
	w.log.Debug("partition has caught up", zap.Int("partition", number))
	if w.behind == 0 {
		w.health.Ready("worker")
		w.log.Info("all partitions have caught up")
	}
}

// instant is as of when readings are taken: a whole second, never before what the state
// has seen.
func (w *Worker) instant(now time.Time, seen int64) int64 {
	switch {
	case w.cfg.At != 0:
		return w.cfg.At
	case w.engine.Clock == engine.EventClock:
		return w.clock.seconds.Load() + 1
	default:
		return max(now.Unix(), seen)
	}
}
