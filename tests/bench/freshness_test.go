package bench

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/services/simulate"
)

const (
	freshRate   = 20_000 // events per second
	freshFor    = 10 * time.Second
	warmUp      = 30 * deskRate // events, before: half a minute of the desk
	publishTick = 20 * time.Millisecond

	mergeEvery  = 250 * time.Millisecond // as services/board
	silence     = 3 * time.Second        // as services/board
	scrapeEvery = 5 * time.Second        // as an eager Prometheus
	topGroups   = 100                    // as deskpulse run
)

// BenchmarkFreshness publishes events at a steady rate to a broker that a worker reads
// and a board follows, and reports, over events, how long after an event was published
// it is
//
//	stored   in its stream
//	live     counted in a reading that has come to a subscriber
//	metrics  counted in what /metrics answers
//
// and, as deskpulse_freshness_seconds has it, from the broker's storing of the oldest
// event of a reading until the worker shows that reading (worker).
func BenchmarkFreshness(b *testing.B) {
	for range b.N {
		benchmarkFreshness(b)
	}
}

func benchmarkFreshness(b *testing.B) {
	s := startSite(b)
	desk := s.newDesk(time.Now().Add(-warmUp * time.Second / deskRate))
	s.fill(desk, warmUp, 100)
	before := s.full()
	workerConn, _ := s.connect()
	w := s.startWorker(s.ctx, workerConn)
	w.await(s.ctx, b, publishTick, func() bool { return w.health.Status().Ready })

	kpis := output.NewKPIs(s.compiled, s.engine.Groups, topGroups)
	w.metrics.Registry.MustRegister(kpis)
	boardConn, _ := s.connect()
	v := &viewer{b: b, merger: output.NewMerger(s.compiled.Layout), kpis: kpis, next: before.last}
	ctx, stop := context.WithCancel(s.ctx)
	var watching sync.WaitGroup
	watching.Go(func() { v.follow(ctx, boardConn) })
	watching.Go(func() { v.mergeUntil(ctx) })
	watching.Go(func() { scrapeUntil(ctx, b, w.metrics.Registry) })
	// The first readings are of the warm-up; what follows is measured.
	w.await(s.ctx, b, publishTick, v.complete)

	shown := histogramOf(b, w.metrics.freshness)
	rate := s.publishSteadily(desk, v)
	w.await(s.ctx, b, publishTick, func() bool { return v.seenAll() })
	worker := quantilesSince(shown, histogramOf(b, w.metrics.freshness))
	stop()
	watching.Wait()
	w.end(b)
	if after := s.full(); after.last != v.next {
		b.Fatalf("streams end at %d, not at %d: messages were counted wrongly", after.last, v.next)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(float64(v.totals), "totals")
	for name, p := range map[string][2]float64{"stored": percentiles(v.stored), "live": percentiles(v.live), "metrics": percentiles(v.visible), "worker": worker} {
		b.ReportMetric(p[0], name+"-p50-s")
		b.ReportMetric(p[1], name+"-p99-s")
	}
}

// publishSteadily publishes one message per partition and tick, and returns the events
// per second that it came to.
func (s *site) publishSteadily(desk *simulate.Desk, v *viewer) float64 {
	s.b.Helper()
	nc, _ := s.connect()
	// Batches go when they are sent, never when they are full.
	p, err := input.NewPublisher(nc, input.PublisherOptions{Partitions: partitions, Batch: freshRate, BatchBytes: 512 << 10}, nil, zap.NewNop())
	check(s.b, err)
	tick := time.NewTicker(publishTick)
	defer tick.Stop()
	begun := time.Now()
	n := 0
	for passed := time.Duration(0); passed < freshFor; {
		<-tick.C
		now := time.Now()
		passed = now.Sub(begun)
		var events [partitions]int
		for ; n < int(passed.Seconds()*freshRate); n++ {
			_, ev := desk.Next()
			key := cmp.Or(ev.GetKey(), ev.GetCustomerId(), ev.GetCost().GetCostId())
			events[kpi.Partition(tenant, key, partitions)]++
			check(s.b, p.Publish(s.ctx, ev))
		}
		v.published(now, &events)
		check(s.b, p.Send(s.ctx))
	}
	rate := float64(n) / time.Since(begun).Seconds()
	check(s.b, p.Close(s.ctx))
	return rate
}

// viewer does what a board does, and notes when it has seen what.
type viewer struct {
	b    *testing.B
	kpis *output.KPIs

	mu      sync.Mutex
	merger  *output.Merger
	next    [partitions]uint64 // the newest message published
	sent    [partitions][]sent // not yet on /metrics, oldest first
	heard   [partitions]int    // of sent, how many a reading has counted
	stored  []age              // of the last message that each set counts: its time alone is known
	live    []age
	visible []age
	totals  int
	merged  bool // all partitions, once
}

// sent is a message on its way.
type sent struct {
	sequence uint64
	at       time.Time
	events   int
}

// age is how old so many events were when they were seen.
type age struct {
	seconds float64
	events  int
}

func (v *viewer) published(now time.Time, events *[partitions]int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for p, n := range events {
		if n > 0 {
			v.next[p]++
			v.sent[p] = append(v.sent[p], sent{v.next[p], now, n})
		}
	}
}

func (v *viewer) follow(ctx context.Context, nc *nats.Conn) {
	err := output.Subscribe(ctx, nc, func(set *kpi.TotalsSet, err error) {
		if err != nil {
			v.b.Errorf("live totals: %v", err)
			return
		}
		v.take(set, time.Now())
	})
	if err != nil {
		v.b.Error(err)
	}
}

// take notes which messages a set is the first to count.
func (v *viewer) take(set *kpi.TotalsSet, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.merger.Add(set, now) != output.Taken {
		return
	}
	p := set.Partition
	for _, m := range v.sent[p][v.heard[p]:] {
		if m.sequence > set.Position {
			break
		}
		if m.sequence == set.Position {
			v.stored = append(v.stored, age{time.UnixMilli(set.Newest).Sub(m.at).Seconds(), m.events})
		}
		v.live = append(v.live, age{now.Sub(m.at).Seconds(), m.events})
		v.heard[p]++
	}
}

func (v *viewer) mergeUntil(ctx context.Context) {
	tick := time.NewTicker(mergeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.merge()
		}
	}
}

// merge hands over to /metrics what has come so far.
func (v *viewer) merge() {
	v.mu.Lock()
	defer v.mu.Unlock()
	m := v.merger.Merge(time.Now(), silence)
	v.kpis.Set(m)
	v.totals = len(m.Totals)
	v.merged = v.merged || (m.Partitions == partitions && len(m.Stale) == 0)
	now := time.Now()
	for p := range v.sent {
		for _, m := range v.sent[p][:v.heard[p]] {
			v.visible = append(v.visible, age{now.Sub(m.at).Seconds(), m.events})
		}
		v.sent[p], v.heard[p] = v.sent[p][v.heard[p]:], 0
	}
}

// complete says that all partitions have been heard of.
func (v *viewer) complete() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.merged
}

func (v *viewer) seenAll() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !slices.ContainsFunc(v.sent[:], func(s []sent) bool { return len(s) > 0 })
}

func scrapeUntil(ctx context.Context, b *testing.B, from prometheus.Gatherer) {
	tick := time.NewTicker(scrapeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := from.Gather(); err != nil {
				b.Errorf("scrape: %v", err)
			}
		}
	}
}

// percentiles returns the median and the 99th percentile over events.
func percentiles(ages []age) [2]float64 {
	ages = slices.SortedFunc(slices.Values(ages), func(a, b age) int { return cmp.Compare(a.seconds, b.seconds) })
	all := 0
	for _, a := range ages {
		all += a.events
	}
	var out [2]float64
	for i, q := range []float64{0.5, 0.99} {
		rank := q * float64(all)
		for _, a := range ages {
			out[i] = a.seconds
			if rank -= float64(a.events); rank <= 0 {
				break
			}
		}
	}
	return out
}

func histogramOf(b *testing.B, h prometheus.Histogram) *dto.Histogram {
	b.Helper()
	var m dto.Metric
	check(b, h.Write(&m))
	return m.GetHistogram()
}

// quantilesSince is the median and the 99th percentile of what was observed between two
// readings of a histogram, within a bucket as Prometheus' histogram_quantile has it.
func quantilesSince(before, after *dto.Histogram) [2]float64 {
	count := func(i int) float64 {
		return float64(after.GetBucket()[i].GetCumulativeCount() - before.GetBucket()[i].GetCumulativeCount())
	}
	all := float64(after.GetSampleCount() - before.GetSampleCount())
	var out [2]float64
	for i, q := range []float64{0.5, 0.99} {
		lower, below := 0.0, 0.0
		for j, bucket := range after.GetBucket() {
			if n := count(j); n >= q*all {
				out[i] = lower + (bucket.GetUpperBound()-lower)*(q*all-below)/(n-below)
				break
			}
			lower, below = bucket.GetUpperBound(), count(j)
		}
	}
	return out
}
