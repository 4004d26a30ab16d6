package simulate

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// memorySink notes when each event came.
type memorySink struct {
	events []published
	fail   error
}

func (s *memorySink) Write(_ context.Context, ev *deskpulsev1.Event) error {
	s.events = append(s.events, published{time.Now(), ev})
	return s.fail
}

func (s *memorySink) Flush(context.Context) error { return nil }

func TestFeedPublishesHistoryAtOnceThenEachEventInItsTime(t *testing.T) {
	calibrate() // outside, for it takes real time
	synctest.Test(t, func(t *testing.T) {
		p := Plan{Tenants: []string{"a", "b"}, Seed: 1, Rate: 50, History: 10 * time.Minute, Live: time.Minute}
		var sink memorySink
		begin := time.Now()
		if err := p.Feed(t.Context(), &sink, zap.NewNop()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("a live part of a minute took %s", took)
		}
		tenants := map[string]int{}
		live := 0
		for _, e := range sink.events {
			tenants[e.ev.GetTenant()]++
			occurred := e.ev.GetOccurredAt().AsTime()
			if e.at.Equal(begin) {
				if occurred.After(begin.Add(time.Second)) {
					t.Errorf("%v is not history", e.ev)
				}
				continue
			}
			live++
			if early := occurred.Sub(e.at); early > time.Second {
				t.Errorf("%v was published %s early", e.ev, early)
			}
		}
		if tenants["a"] == 0 || tenants["b"] == 0 || len(tenants) != 2 {
			t.Errorf("events by tenant: %v", tenants)
		}
		// On a Tuesday morning the curve is at its peak, about twice the mean.
		if live < 60*50/2 || live > 60*50*4 {
			t.Errorf("%d events in a live minute at a mean of 50 a second", live)
		}
	})
}

func TestFeedStopsPlainlyAndReportsFailures(t *testing.T) {
	calibrate()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		p := Plan{Tenants: []string{"a"}, Rate: 10, Live: Forever}
		if err := p.Feed(ctx, &memorySink{}, zap.NewNop()); err != nil {
			t.Errorf("the end of the context gave %v", err)
		}
		broken := errors.New("disk full")
		if err := p.Feed(t.Context(), &memorySink{fail: broken}, zap.NewNop()); !errors.Is(err, broken) {
			t.Errorf("error = %v, want the sink's", err)
		}
	})
}

// endingSink ends the context with its hundredth event, and takes all that come.
type endingSink struct {
	events int
	end    context.CancelFunc
}

func (s *endingSink) Write(context.Context, *deskpulsev1.Event) error {
	if s.events++; s.events == 100 {
		s.end()
	}
	return nil
}

func (s *endingSink) Flush(context.Context) error { return nil }

func TestFeedStopsWithinTheHistory(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := endingSink{end: cancel}
	p := Plan{Tenants: []string{"a"}, Rate: 1000, History: time.Hour}
	if err := p.Feed(ctx, &sink, zap.NewNop()); err != nil {
		t.Errorf("the end of the context gave %v", err)
	}
	if sink.events != 100 {
		t.Errorf("%d events were written, want none after the 100th", sink.events)
	}
}

func TestLinesAreFriendlyJSONAndTheSameEachTime(t *testing.T) {
	p := Plan{Tenants: []string{"demo"}, Seed: 5, Rate: 20, History: 5 * time.Minute, Until: monday.Add(10 * time.Hour)}
	var one, two bytes.Buffer
	for _, w := range []*bytes.Buffer{&one, &two} {
		if err := p.Feed(t.Context(), NewLineSink(w), zap.NewNop()); err != nil {
			t.Fatal(err)
		}
	}
	if one.String() != two.String() {
		t.Error("the same plan gave other lines")
	}
	n := 0
	for line := range strings.Lines(one.String()) {
		n++
		ev, err := kpi.ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if at := ev.GetOccurredAt().AsTime(); at.After(p.Until.Add(time.Second)) {
			t.Errorf("%s is after the end", line)
		}
	}
	if n == 0 {
		t.Error("no lines")
	}
}

func TestChosenPaceBoundsTheCasesUnderWay(t *testing.T) {
	if pace := paceFor(20, maxAlive); pace != 60 {
		t.Errorf("pace %v at a low rate, want 60", pace)
	}
	const rate, alive = 5000, 5000
	d, err := New(Config{Tenant: "demo", Rate: rate, Pace: paceFor(rate, alive), Start: monday})
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0, 0
	for at, _ := d.Next(); at.Before(monday.Add(90 * time.Second)); at, _ = d.Next() {
		if at.After(monday.Add(30 * time.Second)) { // several lives after the start
			sum += d.Alive()
			n++
		}
	}
	// The mean over events, of which there are more where there are more cases; the load
	// on the teams makes lives longer at the peak.
	if mean := sum / n; mean < alive/2 || mean > 2*alive {
		t.Errorf("%d cases under way at once, want about %d", mean, alive)
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, p := range []Plan{
		{Rate: 1},
		{Tenants: []string{"a"}},
		{Tenants: []string{"a"}, Rate: 1, History: -1},
	} {
		if err := p.Feed(t.Context(), &memorySink{}, zap.NewNop()); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}
