package engine_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

const testStart = 1_700_000_000 // Unix seconds

// history draws believable and unbelievable events. All times within an entity differ,
// so that no order is left to the hash of ids; times of one incident's reports differ.
func history(r *rand.Rand, n int) []kpi.Event {
	var out []kpi.Event
	used := map[int64]bool{}
	clock := func(span int64) int64 {
		for {
			t := testStart*1000 + r.Int64N(span*1000)
			if r.IntN(3) == 0 {
				t = t / 60000 * 60000 // on the minute, where edges are
			}
			if !used[t] {
				used[t] = true
				return t
			}
		}
	}
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	span := int64(3 * 86400)
	if r.IntN(2) == 0 {
		span = 4000
	}
	entities := max(1, n/6)
	for i := range n {
		ev := kpi.Event{ID: fmt.Sprintf("e%d", i), Tenant: "t", At: clock(span)}
		ev.Dims[kpi.Team] = pick("", "red", "blue", "green")
		who := r.IntN(entities)
		customer := fmt.Sprintf("c%d", who%3)
		switch r.IntN(8) {
		case 0:
			ev.Kind, ev.Entity = kpi.Call, fmt.Sprintf("k%d", who)
			ev.Action = kpi.Action(1 + r.IntN(7))
			ev.Customer = customer
			ev.Incident = pick("", "", "i1")
			ev.Ticket = pick("", fmt.Sprintf("T%d", who))
			ev.Role = kpi.Role(r.IntN(4))
			if r.IntN(5) == 0 {
				ev.Direction = kpi.Outbound
			}
		case 1:
			ev.Kind, ev.Entity = kpi.Complaint, fmt.Sprintf("p%d", who)
			ev.Action = kpi.Action(1 + r.IntN(5))
			ev.Customer = customer
			ev.Ticket = pick("", fmt.Sprintf("T%d", who))
			if r.IntN(6) == 0 {
				ev.DuplicateOf = "p0"
			}
		default:
			ev.Kind, ev.Entity = kpi.Ticket, fmt.Sprintf("T%d", who)
			ev.Action = kpi.Action(1 + r.IntN(13))
			if r.IntN(4) == 0 {
				ev.Action = kpi.TicketCreated
			}
			if r.IntN(40) == 0 {
				ev.Action = kpi.TicketDeleted
			}
			if ev.Action == kpi.TicketMerged && r.IntN(4) != 0 {
				ev.Action = kpi.TicketReopened
			}
			ev.Role = kpi.Role(r.IntN(6))
			ev.Public = kpi.Tri(r.IntN(3))
			ev.WithResolution = kpi.Tri(r.IntN(3))
			ev.Dims[kpi.Priority] = pick("", "high", "low", "none")
			ev.Dims[kpi.Category] = pick("", "x", "y")
			ev.Incident = pick("", "", "i1")
			ev.Type = kpi.TicketType(r.IntN(6))
			ev.Customer = pick(customer, customer, "")
			if r.IntN(10) == 0 {
				ev.DueResolution = testStart*1000 + r.Int64N(span*1000)
			}
		}
		out = append(out, ev)
		if r.IntN(25) == 0 && i > 0 {
			v := out[r.IntN(i)]
			if v.Kind != kpi.Void {
				out = append(out, kpi.Event{ID: fmt.Sprintf("v%d", i), Tenant: "t", Kind: kpi.Void, At: clock(span),
					Entity: v.Entity, VoidKind: v.Kind, VoidEvent: v.ID})
			}
		}
	}
	return out
}
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

var builtIn = sync.OnceValues(kpi.LoadCatalogue)

func testConfig(t testing.TB) engine.Config {
	t.Helper()
	catalogue, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	cfg := engine.Config{
		Partitions: 1, Catalogue: catalogue, Keep: kpi.SetOf(kpi.Team, kpi.Channel), Clock: engine.EventClock,
		Groups: []kpi.Set{kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Team, kpi.Priority)},
	}
	for _, name := range []string{"1m", "15m", "1h", "24h", "7d", "all"} {
		w, err := window.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Windows = append(cfg.Windows, w)
	}
	return cfg
}

func newEngine(t testing.TB) *engine.Engine {
	t.Helper()
	e, err := engine.New(testConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func apply(e *engine.Engine, events []kpi.Event) {
	for i := range events {
		e.Apply(&events[i], engine.Position{Sequence: e.Sequence() + 1})
	}
}

func sortEvents(events []kpi.Event) {
	slices.SortFunc(events, func(a, b kpi.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Sequence, b.Sequence))
	})
}

// read prints what can be read at an instant, without what is empty.
func read(t *testing.T, at int64, e *engine.Engine) string {
	t.Helper()
	totals, err := e.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	return describe(totals)
}

func describe(totals []kpi.Totals) string {
	var b strings.Builder
	for i := range totals {
		r := &totals[i]
		if len(r.Values)+len(r.Openings)+len(r.Oldest) > 0 {
			fmt.Fprintf(&b, "%s %v %s: %v %v %v\n", r.Tenant, r.Group, r.Window, r.Values, r.Openings, r.Oldest)
		}
	}
	return b.String()
}
