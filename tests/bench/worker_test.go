package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/worker"
)

// registry picks out, of what a worker registers, what a benchmark looks at often: a
// whole scrape would cost too much.
type registry struct {
	*prometheus.Registry
	events    *prometheus.CounterVec
	freshness prometheus.Histogram
}

// MustRegister is called by the worker.
func (r *registry) MustRegister(collectors ...prometheus.Collector) {
	r.Registry.MustRegister(collectors...)
	for _, c := range collectors {
		switch c := c.(type) {
		case *prometheus.CounterVec:
			if describes(c, `"deskpulse_events_total"`) {
				r.events = c
			}
		case prometheus.Histogram:
			if describes(c, `"deskpulse_freshness_seconds"`) {
				r.freshness = c
			}
		}
	}
}

func describes(c prometheus.Collector, name string) bool {
	descriptions := make(chan *prometheus.Desc, 1)
	c.Describe(descriptions)
	return strings.Contains((<-descriptions).String(), name)
}

// applied is how many events the worker has handed to its engines.
func (r *registry) applied(b *testing.B) int {
	b.Helper()
	metrics := make(chan prometheus.Metric, 16)
	r.events.Collect(metrics)
	close(metrics)
	sum := 0.0
	for m := range metrics {
		var value dto.Metric
		check(b, m.Write(&value))
		sum += value.GetCounter().GetValue()
	}
	return int(sum)
}

// running is a worker without history in this process.
type running struct {
	metrics *registry
	health  process.Health
	stop    context.CancelFunc
	ended   chan error
}

func (s *site) startWorker(ctx context.Context, nc *nats.Conn) *running {
	s.b.Helper()
	r := &running{metrics: &registry{Registry: prometheus.NewRegistry()}, ended: make(chan error, 1)}
	w, err := worker.New(worker.Config{
		Partitions: partitions, Engine: s.engine, Conn: nc, Registerer: r.metrics, Health: &r.health, Log: zap.NewNop(),
	})
	check(s.b, err)
	if r.metrics.events == nil || r.metrics.freshness == nil {
		s.b.Fatal("the worker's metrics have other names: adapt registry")
	}
	ctx, r.stop = context.WithCancel(ctx)
	go func() { r.ended <- w.Run(ctx) }()
	return r
}

// await looks every so often whether something is done.
func (r *running) await(ctx context.Context, b *testing.B, every time.Duration, done func() bool) {
	b.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case err := <-r.ended:
			b.Fatalf("the worker ended: %v", err)
		case <-ctx.Done():
			b.Fatalf("%v: after %d events; %v", ctx.Err(), r.metrics.applied(b), r.health.Status())
		}
	}
}

// end stops the worker and waits until it has.
func (r *running) end(b *testing.B) {
	b.Helper()
	r.stop()
	check(b, <-r.ended)
}
