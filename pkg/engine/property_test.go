package engine_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// seeds runs f with many seeds; a failing one is in the name of its subtest.
func seeds(t *testing.T, n int, f func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	base := uint64(time.Now().UnixNano())
	for i := range uint64(n) {
		seed := i // the first ones are always the same
		if i >= uint64(n)/2 {
			seed = base + i
		}
		ok := t.Run("", func(t *testing.T) {
			f(t, rand.New(rand.NewPCG(seed, 1)))
		})
		if !ok {
			t.Fatalf("seed %d", seed)
		}
	}
}

// The readings equal the oracle's, live (the events before the instant, in order) and
// restated (all events, in any order, with duplicates).
func TestReadingsEqualOracle(t *testing.T) {
	checked := 0
	seeds(t, 300, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(60))
		ordered := slices.Clone(events)
		sortEvents(ordered)
		last := ordered[len(ordered)-1].At/1000 + 1

		live, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		for k := range 3 {
			at := ordered[0].At/1000 + 1 + (last-ordered[0].At/1000-1)*int64(k+1)/4
			before := slices.DeleteFunc(slices.Clone(ordered), func(ev kpi.Event) bool { return ev.At >= at*1000 })
			apply(live, before) // what was applied before is a duplicate
			checked += compare(t, live, before, at)
		}

		shuffled := append(slices.Clone(events), events[:r.IntN(len(events))]...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		restated, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		apply(restated, shuffled)
		for _, at := range []int64{last, last + 1, last + 59, last + 61, last + 3601, last + 86400} {
			compare(t, restated, events, at)
		}
		for range 3 { // instants of the past, on the grid of what is still kept
			compare(t, restated, events, last-r.Int64N(15*60))
			compare(t, restated, events, (last-r.Int64N(20*3600))/60*60)
		}
	})
	if checked < 10_000 {
		t.Fatalf("only %d live readings were checked", checked)
	}
}

// However the events are ordered, repeated and interrupted by readings and restarts, the
// state is the same in what can be read, and the rows hold the same.
func TestAnyOrderGivesTheSame(t *testing.T) {
	seeds(t, 200, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(80))
		ordered := slices.Clone(events)
		sortEvents(ordered)
		at := ordered[len(ordered)-1].At/1000 + 1 + r.Int64N(4000)

		one, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		apply(one, ordered)
		want := read(t, at, one)

		shuffled := append(slices.Clone(events), events...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range shuffled {
			other.Apply(&shuffled[i], engine.Position{Sequence: uint64(i + 1)})
			if r.IntN(20) == 0 {
				if _, err := other.Read(other.Now() + 1); err != nil {
					t.Fatal(err)
				}
			}
			if r.IntN(30) == 0 {
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

// Events split over partitions by their key give the same merged readings as one.
func TestPartitionsMerge(t *testing.T) {
	seeds(t, 100, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(100))
		keyOf := map[string]string{} // one key for the life of an entity, as publishers must
		for i := range events {
			// tickets, calls and complaints of one number share customers, so they share a key
			keyOf[events[i].Entity[1:]] = ""
		}
		cfg := testConfig(t)
		cfg.Partitions = 16
		parts := make([]*engine.Engine, 16)
		for p := range parts {
			cfg.Partition = uint16(p)
			var err error
			if parts[p], err = engine.New(cfg); err != nil {
				t.Fatal(err)
			}
		}
		one, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for i := range events {
			ev := events[i]
			key := "c" + string(rune('0'+(ev.Entity[len(ev.Entity)-1]-'0')%3))
			if n := len(ev.Entity); n > 2 {
				key = "c" + string(rune('0'+((ev.Entity[n-2]-'0')*10+(ev.Entity[n-1]-'0'))%3))
			}
			p := kpi.Partition("t", key, 16)
			parts[p].Apply(&ev, engine.Position{Sequence: uint64(i + 1)})
			one.Apply(&ev, engine.Position{Sequence: uint64(i + 1)})
			last = max(last, ev.At/1000+1)
		}
		at := last + r.Int64N(100)
		if got, want := read(t, at, parts...), read(t, at, one); got != want {
			t.Fatalf("merged readings differ\none:    %s\nmerged: %s", want, got)
		}
	})
}

// The state is a function of the events and positions: readings in between, and a
// restart, leave the same bytes.
func TestSnapshotIsAFunctionOfThePrefix(t *testing.T) {
	seeds(t, 60, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(120))
		plain, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		busy, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			pos := engine.Position{Sequence: uint64(i + 1)}
			plain.Apply(&events[i], pos)
			busy.Apply(&events[i], pos)
			switch r.IntN(8) {
			case 0:
				if _, err := busy.Read(busy.Now() + 1); err != nil {
					t.Fatal(err)
				}
				busy.Rows(10)
			case 1:
				if busy, err = engine.Restore(testConfig(t), busy.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(plain.Snapshot(), busy.Snapshot()) {
			t.Fatal("snapshots differ")
		}
	})
}

// read prints what the merged readings of engines say, without what is empty.
func read(t *testing.T, at int64, engines ...*engine.Engine) string {
	t.Helper()
	merged := map[string]kpi.Reading{}
	for _, e := range engines {
		readings, err := e.Read(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range readings {
			k := r.KPI + " " + r.Window + " " + r.Group.Set.String() + "=" + r.Group.Dims[kpi.Team]
			m, ok := merged[k]
			if !ok {
				merged[k] = r
				continue
			}
			for i := range m.Terms {
				m.Terms[i].Merge(r.Terms[i])
			}
			merged[k] = m
		}
	}
	return describe(merged)
}
