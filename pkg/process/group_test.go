package process

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func untilDone(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func TestGroupFirstReturnEndsAllAndCleansUpInReverse(t *testing.T) {
	var order []string
	done := func(name string) func(context.Context) error {
		return func(context.Context) error { order = append(order, name); return nil }
	}
	var g Group
	g.Add("waits", untilDone)
	g.Add("fails", func(context.Context) error { return errors.New("broker gone") })
	g.Defer("first", done("first"))
	g.Defer("second", done("second"))
	err := g.Run(t.Context())
	if err == nil || err.Error() != "fails: broker gone" {
		t.Errorf("error = %v", err)
	}
	if want := []string{"second", "first"}; !slices.Equal(order, want) {
		t.Errorf("clean-ups ran as %v, want %v", order, want)
	}
}

func TestGroupStopsPlainlyWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var g Group
	g.Add("one", func(ctx context.Context) error { cancel(); return untilDone(ctx) })
	g.Add("two", untilDone)
	if err := g.Run(ctx); err != nil {
		t.Errorf("a plain stop gave %v", err)
	}
}

func TestGroupWithoutErrorEndsAll(t *testing.T) {
	var g Group
	g.Add("work", func(context.Context) error { return nil })
	g.Add("server", untilDone)
	if err := g.Run(t.Context()); err != nil {
		t.Errorf("error = %v", err)
	}
}

func TestGroupNamesWhatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		cleaned := false
		g := Group{StopTimeout: 3 * time.Second}
		g.Add("stubborn", func(context.Context) error { <-release; return nil })
		g.Add("fails", func(context.Context) error { return errors.New("no") })
		g.Defer("file", func(context.Context) error { cleaned = true; return nil })
		start := time.Now()
		err := g.Run(t.Context())
		close(release)
		if err == nil || !strings.Contains(err.Error(), "stubborn still running 3s after") {
			t.Errorf("error = %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("the stop took %s, want its timeout", took)
		}
		if !cleaned {
			t.Error("the clean-up did not run")
		}
	})
}

func TestGroupBoundsCleanUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := Group{StopTimeout: time.Second}
		g.Add("work", func(context.Context) error { return nil })
		g.Defer("hangs", func(context.Context) error { <-release; return nil })
		err := g.Run(t.Context())
		close(release)
		if err == nil || !strings.Contains(err.Error(), "hangs: clean-up not over 1s") {
			t.Errorf("error = %v", err)
		}
	})
}
