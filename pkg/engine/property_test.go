package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// What the values must be is checked by tests/oracle. Here: that they do not depend on
// how they came to be.

// However the events are ordered, repeated and interrupted by readings and restarts, what
// can be read is the same.
func TestAnyOrderGivesTheSame(t *testing.T) {
	seeds(t, 24, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(80))
		ordered := slices.Clone(events)
		sortEvents(ordered)
		at := ordered[len(ordered)-1].At/1000 + 1 + r.Int64N(4000)
		one := newEngine(t)
		apply(one, ordered)
		want := read(t, at, one)

		shuffled := append(slices.Clone(events), events...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other := newEngine(t)
		for i := range shuffled {
			other.Apply(&shuffled[i], engine.Position{Sequence: uint64(i + 1)})
			if r.IntN(20) == 0 {
				read(t, other.Now()+1, other)
			}
			if r.IntN(30) == 0 {
				var err error
				if other, err = engine.Restore(testConfig(t), other.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := read(t, at, other); got != want {
			t.Fatalf("readings differ\nin order:  %s\nshuffled: %s", want, got)
		}
	})
}

// What changes say, laid over what was read before, is what is read now.
func TestChangesMakeReadings(t *testing.T) {
	seeds(t, 16, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(80))
		if r.IntN(2) == 0 {
			sortEvents(events)
		}
		e, twin := newEngine(t), newEngine(t)
		held := map[string]kpi.Totals{}
		for i := range events {
			apply(e, events[i:i+1])
			apply(twin, events[i:i+1])
			if r.IntN(5) != 0 {
				continue
			}
			at := e.Now() + r.Int64N(3)
			changes, err := e.Changes(at)
			if err != nil {
				t.Fatal(err)
			}
			lay(held, changes)
			totals, err := twin.Read(at)
			if err != nil {
				t.Fatal(err)
			}
			for k := range totals {
				want := &totals[k]
				if got := held[key(want)]; fmt.Sprint(got.Values, got.Openings, got.Oldest) != fmt.Sprint(want.Values, want.Openings, want.Oldest) {
					t.Fatalf("%s at %d\nchanges: %v\nread:    %v", key(want), at, got, *want)
				}
			}
		}
	})
}

func key(t *kpi.Totals) string { return fmt.Sprint(t.Tenant, t.Group, t.Window) }

// lay lays changes over what is held, as a reader of the live subject does.
func lay(held map[string]kpi.Totals, changes []kpi.Totals) {
	for _, c := range changes {
		h := held[key(&c)]
		if len(c.Openings) > 0 {
			h.Openings = slices.DeleteFunc(c.Openings, func(n window.Entry) bool { return n.Value == 0 })
		}
		for _, n := range c.Values {
			h.Values.Add(n.Slot, n.Value-h.Values.At(n.Slot))
		}
		if c.Window == engine.All {
			h.Oldest = c.Oldest
		}
		h.Lo = c.Lo
		held[key(&c)] = h
	}
}

// The same breakdown is read from the running totals and summed from all combinations.
func TestBreakdownsAgree(t *testing.T) {
	seeds(t, 16, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(80))
		e := newEngine(t)
		apply(e, events)
		at := e.Now() + r.Int64N(100)
		totals, err := e.Read(at)
		if err != nil {
			t.Fatal(err)
		}
		byTeam := slices.DeleteFunc(totals, func(t kpi.Totals) bool { return t.Group.Set != kpi.SetOf(kpi.Team) })
		again, err := e.ReadBy(at, kpi.SetOf(kpi.Team))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := describe(byTeam), describe(again); a != b {
			t.Fatalf("kept:   %s\nsummed: %s", a, b)
		}
	})
}

// A damaged snapshot is refused, and one of another configuration names both.
func TestRestoreRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	e := newEngine(t)
	apply(e, history(r, 200))
	data := e.Snapshot()
	for range 50 {
		bad := slices.Clone(data)
		switch r.IntN(2) {
		case 0:
			bad = bad[:r.IntN(len(bad))]
		default:
			bad = append(bad, byte(r.IntN(256)))
		}
		if _, err := engine.Restore(testConfig(t), bad); err == nil {
			t.Fatalf("%d of %d bytes were taken", len(bad), len(data))
		}
	}
	other := testConfig(t)
	other.Keep |= kpi.SetOf(kpi.AgentName)
	if _, err := engine.Restore(other, data); err == nil {
		t.Error("a snapshot of another configuration was taken")
	}
}
