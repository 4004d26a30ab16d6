package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// DefaultStopTimeout bounds a stop where Group.StopTimeout is 0. It is less than the
// 30 s that container platforms wait before they kill.
const DefaultStopTimeout = 20 * time.Second

// Group is the actors and clean-ups of one process. The zero Group is ready to use.
// Add and Defer are called before Run, all by one goroutine.
type Group struct {
	StopTimeout time.Duration // bounds everything after the first return; see DefaultStopTimeout
	Log         *zap.Logger   // may be nil

	actors   []step
	cleanups []step
}

type step struct {
	name string
	run  func(context.Context) error
}

// Add adds an actor. It runs until its context ends or its work is over; its return,
// with or without an error, ends the group. Returning the context's own error counts
// as a return without one.
func (g *Group) Add(name string, run func(context.Context) error) {
	g.actors = append(g.actors, step{name, run})
}

// Defer adds a clean-up, which runs after all actors have returned. Its context ends
// when the time for the stop is over.
func (g *Group) Defer(name string, run func(context.Context) error) {
	g.cleanups = append(g.cleanups, step{name, run})
}

type actorReturn struct {
	index int
	err   error
}

// Run starts the actors, waits for the first to return or for ctx to end, ends the
// others, and cleans up. It returns what went wrong, joined; nil for a plain stop.
// An actor that does not return in time is named in the error and left behind.
func (g *Group) Run(ctx context.Context) error {
	log := g.Log
	if log == nil {
		log = zap.NewNop()
	}
	work, cancelWork := context.WithCancel(ctx)
	defer cancelWork()
	returns := make(chan actorReturn, len(g.actors))
	for i, a := range g.actors {
		go func() { returns <- actorReturn{i, a.run(work)} }()
	}
	var errs []error
	running := make([]bool, len(g.actors))
	for i := range running {
		running[i] = true
	}
	note := func(r actorReturn) {
		running[r.index] = false
		log.Debug("actor returned", zap.String("actor", g.actors[r.index].name), zap.Error(r.err))
		if r.err != nil && !errors.Is(r.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("%s: %w", g.actors[r.index].name, r.err))
		}
	}
	select {
	case r := <-returns:
		note(r)
	case <-ctx.Done():
	}
	cancelWork()

	stop, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), g.stopTimeout())
	defer cancelStop()
	for slices.Contains(running, true) && stop.Err() == nil {
		select {
		case r := <-returns:
			note(r)
		case <-stop.Done():
			errs = append(errs, g.unfinished(running))
		}
	}
	return errors.Join(append(errs, g.cleanUp(stop, log)...)...)
}

// cleanUp runs every clean-up even when the time is over: each then sees a context
// that has ended, and can still close what closes at once.
func (g *Group) cleanUp(ctx context.Context, log *zap.Logger) (errs []error) {
	for _, c := range slices.Backward(g.cleanups) {
		if err := g.cleanUpOne(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
		}
		log.Debug("cleaned up", zap.String("step", c.name))
	}
	return errs
}

func (g *Group) cleanUpOne(ctx context.Context, c step) error {
	done := make(chan error, 1)
	go func() { done <- c.run(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// Grace for what needs no waiting, in case the time was over before it began.
	grace := time.NewTimer(100 * time.Millisecond)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return fmt.Errorf("clean-up not over %s after the stop began: left behind", g.stopTimeout())
	}
}

func (g *Group) stopTimeout() time.Duration {
	if g.StopTimeout > 0 {
		return g.StopTimeout
	}
	return DefaultStopTimeout
}

func (g *Group) unfinished(running []bool) error {
	var names []string
	for i, r := range running {
		if r {
			names = append(names, g.actors[i].name)
		}
	}
	return fmt.Errorf("%s still running %s after the stop began: left behind",
		strings.Join(names, ", "), g.stopTimeout())
}
