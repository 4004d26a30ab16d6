package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// Plan says what to simulate, from when to when.
type Plan struct {
	Tenants []string
	Seed    uint64
	Rate    float64       // events per second of all tenants together
	Pace    float64       // see Config; 0 chooses one, see paceFor
	Steady  bool          // see Config
	History time.Duration // published at once, before the live part
	Live    time.Duration // length of the live part; negative for without end
	Until   time.Time     // taken for the present at the start; the clock's where it is zero
}

// Forever is the length of a live part without end.
const Forever = time.Duration(-1)

// Sink is where events go. Both methods are called by one goroutine.
type Sink interface {
	// Write takes an event; it may hold it back until Flush.
	Write(ctx context.Context, ev *deskpulsev1.Event) error
	// Flush lets what was written go.
	Flush(ctx context.Context) error
}

// Where the clock of a desk whose time is compressed stands when the live part begins:
// on a Tuesday morning, with people at work.
var deskMorning = time.Date(2024, time.March, 5, 9, 30, 0, 0, time.UTC)

// Simulated time is published in slices, so that a batch is never older than one.
const slice = 20 * time.Millisecond

// maxAlive bounds, by the choice of the pace, the cases that are under way at once.
const maxAlive = 400_000

// paceFor is 60, or as much as keeps the number of cases that are not over at alive: a
// case is over the sooner the more are started.
func paceFor(rate float64, alive int) float64 {
	u := calibrate()
	return max(60, rate/u.events*u.life/1000/float64(alive))
}

// Feed publishes the history, then lives until the plan's end or until ctx ends.
func (p Plan) Feed(ctx context.Context, sink Sink, log *zap.Logger) error {
	now := p.Until
	if now.IsZero() {
		now = time.Now()
	}
	now = now.Truncate(time.Millisecond)
	desks, err := p.open(now)
	if err != nil {
		return err
	}
	f := feed{desks: desks, sink: sink, log: log}
	log.Info("simulating", zap.Strings("tenants", p.Tenants), zap.Float64("rate", p.Rate),
		zap.Float64("pace", desks[0].desk.config.Pace), zap.Uint64("seed", p.Seed), zap.Duration("history", p.History))
	if err := f.until(ctx, now); err != nil {
		return p.plain(ctx, err)
	}
	if p.History > 0 {
		log.Info("history published", zap.Uint64("events", f.events))
	}
	return p.plain(ctx, f.live(ctx, now, p.Live))
}

// plain makes the wished-for end no error.
func (p Plan) plain(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// open returns the tenants' desks, at the start of the history.
func (p Plan) open(now time.Time) ([]*tenantDesk, error) {
	if len(p.Tenants) == 0 {
		return nil, errors.New("no tenant: name one or more")
	}
	if p.History < 0 {
		return nil, fmt.Errorf("history %s: give 0 or more", p.History)
	}
	pace := p.Pace
	if pace == 0 {
		pace = paceFor(p.Rate, maxAlive)
	}
	start := now.Add(-p.History)
	clock := start
	if pace > 1 {
		clock = deskMorning.Add(-time.Duration(float64(p.History) * pace))
	}
	var desks []*tenantDesk
	for _, tenant := range slices.Compact(slices.Sorted(slices.Values(p.Tenants))) {
		desk, err := New(Config{
			Tenant: tenant, Seed: p.Seed, Rate: p.Rate / float64(len(p.Tenants)), Pace: pace,
			Start: start, Clock: clock, Steady: p.Steady,
		})
		if err != nil {
			return nil, err
		}
		d := &tenantDesk{desk: desk}
		d.advance()
		desks = append(desks, d)
	}
	return desks, nil
}

// tenantDesk is a desk and its next event.
type tenantDesk struct {
	desk *Desk
	at   time.Time
	ev   *deskpulsev1.Event
}

func (t *tenantDesk) advance() { t.at, t.ev = t.desk.Next() }

// feed is a plan being carried out.
type feed struct {
	desks  []*tenantDesk
	sink   Sink
	log    *zap.Logger
	events uint64
}

// next is the desk whose event comes first.
func (f *feed) next() *tenantDesk {
	return slices.MinFunc(f.desks, func(a, b *tenantDesk) int { return a.at.Compare(b.at) })
}

// until writes the events before an instant and flushes. It looks at ctx itself: a file
// takes events whether or not somebody wants to stop.
func (f *feed) until(ctx context.Context, end time.Time) error {
	for d := f.next(); d.at.Before(end); d = f.next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.sink.Write(ctx, d.ev); err != nil {
			return err
		}
		f.events++
		d.advance()
	}
	return f.sink.Flush(ctx)
}

// live writes each event when its time has come. Where it cannot keep up, it says so
// and goes on behind.
func (f *feed) live(ctx context.Context, from time.Time, length time.Duration) error {
	started := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	warned := started
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		passed := time.Since(started)
		over := length >= 0 && passed >= length
		if over {
			passed = length
		}
		if err := f.until(ctx, from.Add(passed)); err != nil {
			return err
		}
		if over {
			f.log.Info("simulated", zap.Uint64("events", f.events), zap.Duration("live", length))
			return nil
		}
		if behind := time.Since(started) - passed; behind > 2*time.Second && time.Since(warned) > 10*time.Second {
			warned = time.Now()
			f.log.Warn("simulation is behind: the rate is more than this machine or NATS takes", zap.Duration("by", behind))
		}
		wait := max(slice, f.next().at.Sub(from)-time.Since(started))
		if length >= 0 {
			wait = min(wait, length-time.Since(started))
		}
		timer.Reset(wait)
	}
}
