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
	// mergeEvery is the least time between two snapshots. However much there is to merge,
	// no more than a fifth of the time is spent on it.
	mergeEvery   = 250 * time.Millisecond
	restPerMerge = 4
	// groups is how many groups of a breakdown are shown; the rest is "other".
	groups = 500
)

// Follow returns the live totals that workers publish on NATS, of those whose measures
// have the given layout. also, where not nil, is given each merger's result before the
// board shows it.
func Follow(nc *nats.Conn, layout uint64, log *zap.Logger, also func(*output.Merged)) Live {
	return func(ctx context.Context, show func(Snapshot)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		sets := make(chan *kpi.TotalsSet, 64)
		ended := make(chan error, 1)
		go func() { ended <- receive(ctx, nc, log, sets) }()
		f := newFollower(layout, log, time.Now())
		tick := time.NewTimer(mergeEvery)
		defer tick.Stop()
		for {
			select {
			case err := <-ended:
				return err
			case set := <-sets:
				if f.add(set, time.Now()) {
					if err := output.Ask(nc); err != nil {
						return fmt.Errorf("ask for live totals: %w", err)
					}
				}
			case now := <-tick.C:
				if m := f.merge(now); m != nil {
					if also != nil {
						also(m)
					}
					show(f.snapshot(m))
				}
				tick.Reset(max(mergeEvery, restPerMerge*time.Since(now)))
			}
		}
	}
}

// receive hands over the sets that arrive until ctx ends.
func receive(ctx context.Context, nc *nats.Conn, log *zap.Logger, sets chan<- *kpi.TotalsSet) error {
	return output.Subscribe(ctx, nc, func(set *kpi.TotalsSet, err error) {
		if err != nil {
			log.Warn("live totals cannot be read", zap.Error(err))
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
	log     *zap.Logger
	started time.Time
	heard   map[uint16]time.Time // when each partition was last heard from
	foreign map[uint16]bool      // partitions whose worker has other measures, once told
	asked   time.Time
	news    bool // sets have come since the last merge
	merged  time.Time
}

func newFollower(layout uint64, log *zap.Logger, now time.Time) *follower {
	return &follower{
		merger: output.NewMerger(layout), log: log, started: now,
		heard: make(map[uint16]time.Time), foreign: make(map[uint16]bool),
	}
}

// add takes a set. ask is true where a full one is needed: at most once a second, as
// each asking is answered by all workers.
func (f *follower) add(set *kpi.TotalsSet, now time.Time) (ask bool) {
	switch f.merger.Add(set, now) {
	case output.Taken:
		f.heard[set.Partition], f.news = now, true
		delete(f.foreign, set.Partition)
	case output.NeedFull:
		if ask = now.Sub(f.asked) >= time.Second; ask {
			f.asked = now
		}
	case output.Foreign:
		if !f.foreign[set.Partition] {
			f.foreign[set.Partition] = true
			f.log.Warn("a worker has other measures than this board, and is not counted: give all the same configuration",
				zap.Uint16("partition", set.Partition))
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

func (f *follower) snapshot(m *output.Merged) Snapshot {
	s := Snapshot{At: m.At, Newest: m.Newest, Partitions: int(m.Partitions), Totals: m.Totals}
	for _, p := range m.Stale {
		since, ok := f.heard[p]
		if !ok {
			since = f.started
		}
		s.Silent = append(s.Silent, Silent{p, since.UTC().Truncate(time.Second)})
	}
	return s
}
