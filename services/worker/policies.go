package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/sla"
)

const (
	noteEvery = time.Minute // at which the record of the policies is renewed,
	noteCheck = time.Second // and how soon it is first written
)

// guard keeps the record of the policies by which events have been read, beside the
// streams. It belongs to the goroutine that opens it, and then to that of Worker.note.
type guard struct {
	applied  *input.Applied
	policies *sla.Policies
	restate  bool // what was read by other policies may be read anew
	was      sla.Record
	log      *zap.Logger
}

// openGuard refuses policies that would rewrite what has been told, unless that is wanted.
func (w *Worker) openGuard(ctx context.Context) (*guard, error) {
	if w.cfg.Restate && w.history != nil {
		if err := input.Whole(ctx, w.js, w.cfg.Partitions); err != nil {
			return nil, fmt.Errorf("--restate: %w: their history would be lost, so give another ClickHouse database", err)
		}
	}
	applied, err := input.OpenApplied(ctx, w.js)
	if err != nil {
		return nil, err
	}
	g := &guard{applied: applied, policies: w.engine.Policies, restate: w.cfg.Restate, log: w.log}
	if g.restate {
		g.log.Warn("the past is read anew by the present policies: take --restate away for the next start")
	}
	return g, g.load(ctx)
}

// errRewrites is wrapped by errors that trying again does not help.
var errRewrites = errors.New("edited policies")

// load reads the record and holds the policies against it.
func (g *guard) load(ctx context.Context) error {
	text, err := g.applied.Load(ctx)
	if err != nil {
		return err
	}
	var was sla.Record
	if text != nil {
		if was, err = g.check(text); err != nil && !g.restate {
			return fmt.Errorf("%w: %w", errRewrites, err)
		}
		if err != nil {
			g.log.Info("the record of policies is replaced", zap.NamedError("because", err))
		}
	}
	if !g.restate {
		g.was = was
	}
	return nil
}

func (g *guard) check(text []byte) (was sla.Record, err error) {
	if err := json.Unmarshal(text, &was); err != nil {
		return was, fmt.Errorf("the record of those that events have been read with is damaged: %w: start with --restate", err)
	}
	return was, g.policies.Rewrites(was)
}

// renew stores what has been applied up to an instant, in Unix ms; it never goes back.
func (g *guard) renew(ctx context.Context, at int64) error {
	for {
		now := g.policies.Record(max(at, g.was.At))
		text, err := json.Marshal(now)
		if err != nil {
			return err
		}
		err = g.applied.Store(ctx, text)
		if !errors.Is(err, input.ErrOverwritten) {
			if err == nil {
				g.was = now
			}
			return err
		}
		// A worker that this one replaces, or the other way round.
		if err := g.load(ctx); err != nil {
			return err
		}
	}
}

// told notes the instant up to which a partition has told what it counts: readings as of
// at, and the history as of the newest event.
func (w *Worker) told(at int64, e *engine.Engine) {
	if e.Sequence() == 0 {
		return // nothing has been read by any policy
	}
	if w.history != nil {
		at = max(at, e.Now())
	}
	w.shown.rise(at)
}

// note renews the record from time to time, and once more at the end.
func (w *Worker) note(ctx context.Context, g *guard) error {
	tick := time.NewTicker(noteCheck)
	defer tick.Stop()
	for next := (time.Time{}); ; {
		select {
		case now := <-tick.C:
			if now.Before(next) || w.shown.seconds.Load() == 0 {
				continue
			}
			if err := w.noteOnce(ctx, g); err != nil {
				return err
			}
			next = now.Add(noteEvery)
		case <-ctx.Done():
			return w.noteLast(ctx, g)
		}
	}
}

func (w *Worker) noteLast(ctx context.Context, g *guard) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return w.noteOnce(ctx, g)
}

// noteOnce returns only errors that end the worker. Where the past is to be told anew, it
// waits until the old history is gone: else a start after a crash would let it stand.
func (w *Worker) noteOnce(ctx context.Context, g *guard) error {
	at := w.shown.seconds.Load()
	if at == 0 || g.restate && w.history != nil && !w.forgotten.Load() {
		return nil
	}
	err := g.renew(ctx, at*1000)
	if err == nil || errors.Is(err, errRewrites) || errors.Is(err, context.Canceled) {
		return err
	}
	w.log.Warn("the record of policies was not stored", zap.Error(err))
	return nil
}

// forget empties the totals of the history where the past is to be told anew: those that
// the new policies do not give would else stand beside those that they give.
func (w *Worker) forget(ctx context.Context) error {
	if !w.cfg.Restate || w.forgotten.Load() {
		return nil
	}
	err := w.history.Forget(ctx)
	w.forgotten.Store(err == nil)
	return err
}
