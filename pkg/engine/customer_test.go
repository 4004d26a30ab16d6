package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// TestCustomerIsLocal gives marks to a customer and takes them back, at random, and wants
// the changes to add up to what all that is left counts for, counted as a whole.
func TestCustomerIsLocal(t *testing.T) {
	for _, option := range []string{"period", "90d", "ever"} {
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("%s/seed=%d", option, seed), func(t *testing.T) { testCustomerIsLocal(t, option, seed) })
		}
	}
}

func testCustomerIsLocal(t *testing.T, option string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	e := customerEngine(t, option)
	key := map[bool]threadKey{
		false: {kind: customerThread, tenant: e.symbols.id("t"), a: e.symbols.id("c")},
		true:  {kind: linesThread, tenant: e.symbols.id("t"), a: e.symbols.id("c")},
	}
	var marks []mark
	sum := map[delta]int64{}
	for step := range 60 {
		if n := len(marks); n > 0 && r.IntN(4) == 0 {
			k := r.IntN(n)
			m := marks[k]
			marks = slices.Delete(marks, k, k+1)
			e.alterCustomer(key[m.to != 0], &m, -1)
		} else {
			m := drawMark(r, uint64(step))
			marks = append(marks, m)
			e.alterCustomer(key[m.to != 0], &m, 1)
		}
		collect(e, sum)
		want := wholeCustomer(e, key[false], marks)
		for d, v := range want {
			if sum[d] != v {
				t.Fatalf("step %d: %+v is %d, want %d, of %+v", step, d, sum[d], v, marks)
			}
		}
		for d, v := range sum {
			if want[d] != v {
				t.Fatalf("step %d: %+v is %d, want %d, of %+v", step, d, v, want[d], marks)
			}
		}
	}
}

// customerEngine has windows in no order, since a file may have them so.
func customerEngine(t *testing.T, option string) *Engine {
	t.Helper()
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if err := catalogue.SetOption("active_customer", option); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Partitions: 1, Catalogue: catalogue}
	for _, name := range []string{"all", "1m", "8h", "15m", "30d", "1h"} {
		w, err := window.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Windows = append(cfg.Windows, w)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// drawMark draws a purchase or a live subscription, near the others or not, and often at
// the edge of a minute, a day or a month.
func drawMark(r *rand.Rand, id uint64) mark {
	const start = int64(1_772_323_200_000) // 2026-03-01T00:00:00Z
	instant := func() int64 {
		unit := []int64{1, 1000, 60_000, 3_600_000, 86_400_000}[r.IntN(5)]
		return start + unit*r.Int64N(40) + []int64{0, 0, -1, 1, 59_999}[r.IntN(5)] + 31*86_400_000*r.Int64N(2)
	}
	m := mark{at: instant(), source: reportKey{kind: kpi.Order, event: id}, combo: uint32(r.IntN(3))}
	if r.IntN(3) == 0 {
		m.source.kind, m.to = kpi.Customer, never
		if until := instant(); until > m.at {
			m.to = until
		}
	}
	return m
}

// collect adds what the sink holds, and empties it.
func collect(e *Engine, sum map[delta]int64) {
	for _, d := range e.sink.deltas {
		v := d.value
		d.value = 0
		if sum[d] += v; sum[d] == 0 {
			delete(sum, d)
		}
	}
	e.sink.reset()
}

// wholeCustomer counts a customer with nothing but all of the marks.
func wholeCustomer(e *Engine, key threadKey, marks []mark) map[delta]int64 {
	marks = slices.SortedFunc(slices.Values(marks), func(a, b mark) int { return a.compare(&b) })
	for w := range e.cfg.Windows {
		spans := slices.Clone(marks)
		for k := range spans {
			if spans[k].to == 0 {
				spans[k].to = e.leaves(spans[k].at, w) - 1
			}
		}
		for _, s := range join(nil, spans) {
			feeds := e.feeds.threads["customer.active"]
			e.count(feeds, s.combo, s.at, uint16(w+1), 1, &e.sink)
			if s.to < never-1 {
				e.count(feeds, s.combo, s.to, uint16(w+1), -1, &e.sink)
			}
		}
	}
	if len(marks) > 0 {
		e.count(e.feeds.threads["customer.new"], marks[0].combo, marks[0].at, 0, 1, &e.sink)
	}
	c := e.layOut(key)
	c.countWhole(1)
	out := map[delta]int64{}
	collect(e, out)
	return out
}

// TestCustomerByHand wants what two orders a minute apart give to a window of a minute: one
// stretch of time, which begins with the first.
func TestCustomerByHand(t *testing.T) {
	const at = int64(1_772_323_200_000)
	e := customerEngine(t, "period")
	key := threadKey{kind: customerThread, tenant: e.symbols.id("t"), a: e.symbols.id("c")}
	sum := map[delta]int64{}
	for _, m := range []mark{
		{at: at + 60_000, combo: 1, source: reportKey{event: 2}}, {at: at, combo: 2, source: reportKey{event: 1}},
	} {
		e.alterCustomer(key, &m, 1)
		collect(e, sum)
	}
	feed := e.feeds.threads["customer.active"][0]
	got := map[delta]int64{}
	for d, v := range sum {
		if d.slot == feed.Slot+2 { // of the second window, 1m
			got[d] = v
		}
	}
	// A window of a minute is at most one second longer: the later purchase is in it for less
	// than 61 seconds.
	want := map[delta]int64{
		{at: at, combo: 2, slot: feed.Slot + 2}: 1, {at: at + 60_000 + 61_000 - 1, combo: 2, slot: feed.Slot + 2}: -1,
	}
	if len(got) != 2 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
