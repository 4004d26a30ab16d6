package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// dealings draws events of all kinds about few customers, so that they meet in threads.
// No two events share an instant, so that no order is left to the hash of ids.
func dealings(r *rand.Rand, n int) []kpi.Event {
	span := []int64{3000, 3 * 86400, 100 * 86400}[r.IntN(3)]
	used := map[int64]bool{}
	clock := func() int64 {
		for {
			t := testStart*1000 + r.Int64N(span)*1000 + r.Int64N(2)
			if !used[t] {
				used[t] = true
				return t
			}
		}
	}
	var out []kpi.Event
	for i := range n {
		ev := deal(r, kpi.Kind(1+r.IntN(int(kpi.Opening))), max(1, n/8))
		ev.ID, ev.Tenant, ev.At = fmt.Sprintf("e%d", i), "t", clock()
		out = append(out, ev)
		if r.IntN(12) == 0 {
			v := out[r.IntN(len(out))]
			if v.Kind != kpi.Void {
				out = append(out, kpi.Event{ID: fmt.Sprintf("v%d", i), Tenant: "t", Kind: kpi.Void, At: clock(),
					Entity: v.Entity, VoidKind: v.Kind, VoidEvent: v.ID})
			}
		}
	}
	return out
}

func deal(r *rand.Rand, kind kpi.Kind, entities int) kpi.Event {
	pick := func(options ...string) string { return options[r.IntN(len(options))] }
	name := func(prefix string) string { return fmt.Sprintf("%s%d", prefix, r.IntN(entities)) }
	ev := kpi.Event{Kind: kind, Entity: name(kind.String()), Customer: pick("", "c1", "c2", "c2"), Service: pick("", "", "s1", "s2")}
	ev.Dims[kpi.Team] = pick("", "red", "blue")
	ev.Role, ev.Amount = kpi.Role(r.IntN(6)), r.Int64N(1000)
	actions := map[kpi.Kind]int{kpi.Ticket: 15, kpi.Call: 7, kpi.Interaction: 4, kpi.Complaint: 5, kpi.Survey: 2, kpi.Suggestion: 3, kpi.Customer: 3, kpi.Agent: 5}
	if a := actions[kind]; a > 0 {
		ev.Action = kpi.Action(1 + r.IntN(a))
		if r.IntN(3) == 0 {
			ev.Action = 1
		}
	}
	switch kind {
	case kpi.Ticket:
		ev.Incident = pick("", "i1")
	case kpi.Call, kpi.Interaction, kpi.Complaint:
		ev.Ticket, ev.Incident, ev.Outcome = pick("", name("ticket")), pick("", "i1"), pick("", "o")
		ev.Direction, ev.SessionType, ev.Resolved = kpi.Direction(r.IntN(3)), uint8(r.IntN(4)), kpi.Tri(r.IntN(3))
	case kpi.Survey:
		ev.SurveyDimension, ev.HasScore, ev.Score = pick("satisfaction", "quality"), r.IntN(3) > 0, r.Int64N(100_000_001)
	case kpi.Cost:
		ev.Purposes = [][]string{nil, {"operations"}, {"service", "calls"}}[r.IntN(3)]
		ev.ReversalOf, ev.Direction = pick("", "", "cost0"), kpi.Direction(r.IntN(3))
		if r.IntN(2) == 0 {
			ev.PeriodStart = testStart*1000 + r.Int64N(86400_000)
			ev.PeriodEnd = ev.PeriodStart + 1 + r.Int64N(5*86400_000)
		}
	case kpi.Order:
		ev.RefundOf = pick("", "", "order0")
	case kpi.Invoice:
		ev.Subscriber, ev.Due = name("customer"), testStart*1000+r.Int64N(86400_000)
	case kpi.Payment:
		ev.Invoice = name("invoice")
	case kpi.Agent:
		ev.Dims[kpi.AgentName] = ev.Entity
	case kpi.Opening:
		ev.AsOf, ev.Lines, ev.Customers = testStart*1000+r.Int64N(86400_000), r.Int64N(5), r.Int64N(5)
	}
	return ev
}

// Events of all kinds, in any order, repeated, and with restarts in between, give the same.
func TestKindsInAnyOrder(t *testing.T) {
	seeds(t, 24, func(t *testing.T, r *rand.Rand) {
		cfg := testConfig(t)
		cfg.Catalogue = optioned(t, r)
		events := dealings(r, 1+r.IntN(120))
		ordered := slices.Clone(events)
		sortEvents(ordered)
		at := ordered[len(ordered)-1].At/1000 + 1
		one, other := begin(t, cfg), begin(t, cfg)
		apply(one, ordered)
		want := read(t, at, one)

		shuffled := append(slices.Clone(events), events...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for i := range shuffled {
			other.Apply(&shuffled[i], engine.Position{Sequence: uint64(i + 1)})
			if r.IntN(40) == 0 {
				var err error
				if other, err = engine.Restore(cfg, other.Snapshot()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := read(t, at, other); got != want {
			t.Fatalf("readings differ\nin order:  %s\nshuffled: %s", want, got)
		}
	})
}

func begin(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// optioned is the catalogue with any of the definitions of an active customer.
func optioned(t *testing.T, r *rand.Rand) *kpi.Catalogue {
	t.Helper()
	c, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetOption("active_customer", []string{"period", "90d", "ever"}[r.IntN(3)]); err != nil {
		t.Fatal(err)
	}
	return c
}
