package board

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

const (
	// silence is after how long a partition counts as silent; workers publish four
	// times a second.
	silence = 3 * time.Second
	// mergeEvery is the least time between two snapshots.
	mergeEvery = 250 * time.Millisecond
	// groups is how many groups of a breakdown are shown; the rest is "other".
	groups = 500
)

// Follow returns the live readings that workers publish on NATS. also, where not nil, is
// given each merger's result before the board shows it.
func Follow(nc *nats.Conn, catalogue kpi.Catalogue, log *zap.Logger, also func(*output.Merged)) Live {
	return func(ctx context.Context, show func(Snapshot)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		sets := make(chan *kpi.ReadingSet, 64)
		ended := make(chan error, 1)
		go func() { ended <- receive(ctx, nc, log, sets) }()
		f := &follower{merger: output.NewMerger(), started: time.Now(), heard: make(map[uint16]time.Time)}
		tick := time.NewTicker(mergeEvery)
		defer tick.Stop()
		for {
			select {
			case err := <-ended:
				return err
			case set := <-sets:
				if f.add(set, time.Now()) {
					if err := output.Ask(nc); err != nil {
						return fmt.Errorf("ask for live readings: %w", err)
					}
				}
			case now := <-tick.C:
				if m := f.merge(now); m != nil {
					if also != nil {
						also(m)
					}
					show(f.snapshot(m, catalogue))
				}
			}
		}
	}
}

// receive hands over the sets that arrive until ctx ends.
func receive(ctx context.Context, nc *nats.Conn, log *zap.Logger, sets chan<- *kpi.ReadingSet) error {
	return output.Subscribe(ctx, nc, func(set *kpi.ReadingSet, err error) {
		if err != nil {
			log.Warn("live readings cannot be read", zap.Error(err))
			return
		}
		select {
		case sets <- set:
		case <-ctx.Done():
		}
	})
}

// follower belongs to the goroutine of its Live.
type follower struct {
	merger  *output.Merger
	started time.Time
	heard   map[uint16]time.Time // when each partition was last heard from
	asked   time.Time
	news    bool // sets have come since the last merge
	merged  time.Time
}

// add takes a set. ask is true where a full one is needed: at most once a second, as
// each asking is answered by all workers.
func (f *follower) add(set *kpi.ReadingSet, now time.Time) (ask bool) {
	switch f.merger.Add(set, now) {
	case output.Taken:
		f.heard[set.Partition], f.news = now, true
	case output.NeedFull:
		if ask = now.Sub(f.asked) >= time.Second; ask {
			f.asked = now
		}
	case output.Outdated: // an owner that does not know yet that it was replaced
	}
	return ask
}

// merge returns what is known, or nil where that is nothing new. At the start it waits
// for all partitions, as long as they may be silent.
func (f *follower) merge(now time.Time) *output.Merged {
	if !f.news && now.Sub(f.merged) < time.Second {
		return nil
	}
	m := f.merger.Merge(now, silence)
	if now.Sub(f.started) < silence && (m.Partitions == 0 || len(m.Stale) > 0) {
		return nil
	}
	f.news, f.merged = false, now
	return m
}

func (f *follower) snapshot(m *output.Merged, catalogue kpi.Catalogue) Snapshot {
	s := Snapshot{At: m.At, Newest: m.Newest, Partitions: int(m.Partitions), Readings: output.Cap(m.Readings, groups, catalogue)}
	for _, p := range m.Stale {
		since, ok := f.heard[p]
		if !ok {
			since = f.started
		}
		s.Silent = append(s.Silent, Silent{p, since.UTC().Truncate(time.Second)})
	}
	return s
}
