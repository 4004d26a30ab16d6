package bench

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
	"github.com/deskpulse/deskpulse/services/simulate"
	"github.com/deskpulse/deskpulse/services/worker"
)

const (
	partitions = 16
	tenant     = "acme"
	seed       = 1
	deskRate   = 20_000 // events per second of the simulated desk
	// An hour of the desk is a second, so that within half a minute there are tickets in
	// every part of their lives.
	deskPace = 3600
	bound    = 5 * time.Minute // of one benchmark
)

// site is a broker with the streams of a topology, reached over TCP.
type site struct {
	b        *testing.B
	ctx      context.Context
	url      string
	engine   engine.Config
	compiled *kpi.Compiled
}

func startSite(b *testing.B) *site {
	b.Helper()
	server, err := natsd.Start(natsd.Config{Dir: b.TempDir(), Partitions: partitions})
	check(b, err)
	b.Cleanup(server.Stop)
	ctx, cancel := context.WithTimeout(b.Context(), bound)
	b.Cleanup(cancel)
	s := &site{b: b, ctx: ctx, url: server.URL()}
	s.engine, err = config.Default().Engine()
	check(b, err)
	s.compiled, err = worker.Compile(s.engine)
	check(b, err)
	_, js := s.connect()
	check(b, input.Ensure(ctx, js, input.Topology{Partitions: partitions}))
	return s
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// connect opens a connection, which lasts until the benchmark ends or the caller closes it.
func (s *site) connect() (*nats.Conn, jetstream.JetStream) {
	s.b.Helper()
	nc, err := input.Connect(s.ctx, input.Options{URL: s.url}, zap.NewNop())
	check(s.b, err)
	s.b.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	check(s.b, err)
	return nc, js
}

// newDesk is a desk at work; its events begin at the given time.
func (s *site) newDesk(start time.Time) *simulate.Desk {
	s.b.Helper()
	desk, err := simulate.New(simulate.Config{
		Tenant: tenant, Seed: seed, Rate: deskRate, Pace: deskPace, Steady: true, Start: start,
		Clock: time.Date(2024, time.March, 5, 9, 30, 0, 0, time.UTC),
	})
	check(s.b, err)
	return desk
}

// fill publishes the desk's next events, batch of them in a message.
func (s *site) fill(desk *simulate.Desk, events, batch int) {
	s.b.Helper()
	nc, _ := s.connect()
	defer nc.Close()
	p, err := input.NewPublisher(nc, input.PublisherOptions{Partitions: partitions, Batch: batch}, nil, zap.NewNop())
	check(s.b, err)
	for range events {
		_, ev := desk.Next()
		check(s.b, p.Publish(s.ctx, ev))
	}
	check(s.b, p.Close(s.ctx))
}

// full is how many messages and bytes each stream holds.
type full struct {
	last  [partitions]uint64
	bytes uint64
}

func (f full) messages() (n uint64) {
	for _, last := range f.last {
		n += last
	}
	return n
}

func (s *site) full() (f full) {
	s.b.Helper()
	nc, js := s.connect()
	defer nc.Close()
	for p := range partitions {
		stream, err := js.Stream(s.ctx, input.StreamName(p))
		check(s.b, err)
		state := stream.CachedInfo().State
		f.last[p] = state.LastSeq
		f.bytes += state.Bytes
	}
	return f
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
