package input

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// The benchmarks read the same messages: 200 bytes each, in 16 partitions, over TCP.
const (
	benchPartitions = 16
	benchEach       = 30_000 // messages in a partition
	benchAll        = benchPartitions * benchEach
)

// benchBroker starts a server whose streams are full.
func benchBroker(b *testing.B) *broker {
	b.Helper()
	br := startBroker(b, benchPartitions, func(o *server.Options) { o.SyncInterval = time.Minute })
	nc, js := br.connect()
	if err := Ensure(testContext(b), js, Topology{Partitions: benchPartitions}); err != nil {
		b.Fatal(err)
	}
	out, err := newOutbox(nc, 4096, 0, new(Counters), zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	defer out.close()
	payload := make([]byte, 200)
	for i := range benchAll {
		id := strconv.Itoa(i)
		if err := out.send(b.Context(), newMsg(Subject(i%benchPartitions, "acme", "ticket"), id, payload)); err != nil {
			b.Fatal(err)
		}
	}
	if err := out.flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return br
}

// BenchmarkRead compares, on the same streams and in turn, the raw rate (nats.go's own
// ordered consumers with an empty callback) with that of Readers whose messages are
// fetched and dropped.
func BenchmarkRead(b *testing.B) {
	br := benchBroker(b)
	var raw, reader time.Duration
	b.ResetTimer()
	for range b.N {
		begin := time.Now()
		benchRaw(b, br)
		raw += time.Since(begin)
		begin = time.Now()
		benchReaders(b, br)
		reader += time.Since(begin)
	}
	b.ReportMetric(float64(b.N)*benchAll/raw.Seconds(), "raw-msg/s")
	b.ReportMetric(float64(b.N)*benchAll/reader.Seconds(), "reader-msg/s")
	b.ReportMetric(100*raw.Seconds()/reader.Seconds(), "%-of-raw")
}

func benchRaw(b *testing.B, br *broker) {
	nc, js := br.connect()
	defer nc.Close()
	var n atomic.Int64
	done := make(chan struct{})
	for p := range benchPartitions {
		c, err := js.OrderedConsumer(b.Context(), StreamName(p), jetstream.OrderedConsumerConfig{})
		if err != nil {
			b.Fatal(err)
		}
		consuming, err := c.Consume(func(jetstream.Msg) {
			if n.Add(1) == benchAll {
				close(done)
			}
		}, jetstream.PullMaxMessages(2000)) // faster than the default of 500
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(consuming.Stop)
	}
	<-done
}

func benchReaders(b *testing.B, br *broker) {
	nc, js := br.connect()
	defer nc.Close()
	var all sync.WaitGroup
	for p := range benchPartitions {
		all.Go(func() {
			r, err := Open(b.Context(), js, Position{Partition: p, Partitions: benchPartitions}, nil, zap.NewNop())
			if err != nil {
				b.Error(err)
				return
			}
			defer r.Close()
			for n := 0; n < benchEach; {
				batch, err := r.Fetch(b.Context(), 1000, time.Second)
				if err != nil {
					b.Error(err)
					return
				}
				n += len(batch)
			}
		})
	}
	all.Wait()
}
