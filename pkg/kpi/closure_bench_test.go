package kpi

import (
	"math/rand/v2"
	"testing"
)

// handWritten is one source as somebody would write it in Go, by the measure that it feeds.
type handWritten struct {
	measure         string
	where, while    func(*Fact) bool
	at, value, from func(*Fact) int64
}

func is(f *Fact, field int) bool { return f.Fields[field] != 0 }

func timeOf(field int) func(*Fact) int64 { return func(f *Fact) int64 { return f.Fields[field] } }

// byHand has the sources of tickets that the built-in catalogue uses, but for those that
// options rule out by default.
func byHand(sym *names) []handWritten {
	misuse, lack := int64(sym.Symbol("misuse")), int64(sym.Symbol("lack_of_knowledge"))
	incident, problem := int64(sym.Symbol("incident")), int64(sym.Symbol("problem"))
	return []handWritten{
		{"response_time", func(f *Fact) bool { return !is(f, TicketIsMerged) && is(f, TicketIsHandled) }, nil, timeOf(TicketHandledAt), func(f *Fact) int64 { return f.Fields[TicketHandledAt] - f.Fields[TicketCreatedAt] }, nil},
		{"first_reply_time", func(f *Fact) bool { return !is(f, TicketIsMerged) && is(f, TicketIsReplied) }, nil, timeOf(TicketRepliedAt), func(f *Fact) int64 { return f.Fields[TicketRepliedAt] - f.Fields[TicketCreatedAt] }, nil},
		{"time_to_start", func(f *Fact) bool { return !is(f, TicketIsMerged) && is(f, TicketIsStarted) }, nil, timeOf(TicketStartedAt), func(f *Fact) int64 { return f.Fields[TicketStartedAt] - f.Fields[TicketCreatedAt] }, nil},
		{"tickets_open", nil, func(f *Fact) bool { return is(f, TicketIsOpen) }, nil, nil, nil},
		{"tickets_overdue", nil, func(f *Fact) bool { return is(f, TicketIsOpen) && !is(f, TicketIsResolved) }, nil, nil, timeOf(TicketOverdueAt)},
		{"tickets_raised", func(f *Fact) bool { return !is(f, TicketIsMerged) }, nil, timeOf(TicketCreatedAt), nil, nil},
		{"tickets_undecided", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && is(f, TicketIsOpen) && !is(f, TicketIsResolved)
		}, nil, timeOf(TicketCreatedAt), nil, nil},
		{"tickets_followed_up_resolved", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && is(f, TicketIsFollowedUp) && is(f, TicketIsResolved)
		}, nil, timeOf(TicketCreatedAt), nil, nil},
		{"tickets_timely", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && is(f, TicketIsReplied) && !is(f, TicketIsResponseBreached) && is(f, TicketIsResolved)
		}, nil, timeOf(TicketCreatedAt), nil, nil},
		{"tickets_avoidable", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && (f.Fields[TicketCause] == misuse || f.Fields[TicketCause] == lack)
		}, nil, timeOf(TicketCreatedAt), nil, nil},
		{"problems_forestalled", func(f *Fact) bool {
			t := f.Fields[TicketTypeText]
			return !is(f, TicketIsMerged) && (t == incident || t == problem || t == 0) && is(f, TicketIsForestalled)
		}, nil, timeOf(TicketCreatedAt), nil, nil},
		{"service_delivery_time", func(f *Fact) bool { return !is(f, TicketIsMerged) && is(f, TicketIsResolved) }, nil, timeOf(TicketResolvedAt), func(f *Fact) int64 {
			if f.Fields[TicketAssignedAt] > 0 {
				return f.Fields[TicketResolvedAt] - f.Fields[TicketAssignedAt]
			}
			return f.Fields[TicketResolvedAt] - f.Fields[TicketCreatedAt]
		}, nil},
		{"resolution_time", func(f *Fact) bool { return !is(f, TicketIsMerged) && is(f, TicketIsResolved) }, nil, timeOf(TicketResolvedAt), func(f *Fact) int64 {
			return f.Fields[TicketResolvedAt] - f.Fields[TicketHandledAt] - f.Fields[TicketResolvedBefore]
		}, nil},
		{"tickets_resolved_late", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && is(f, TicketIsResolved) && is(f, TicketHasResolutionTarget) && is(f, TicketIsResolutionBreached)
		}, nil, timeOf(TicketResolvedAt), nil, nil},
		{"tickets_resolved_at_first", func(f *Fact) bool {
			return !is(f, TicketIsMerged) && is(f, TicketIsResolved) && f.Fields[TicketReplies] <= 1 && f.Fields[TicketReopens] == 0 && !is(f, TicketIsRepeated)
		}, nil, timeOf(TicketResolvedAt), nil, nil},
		{"tickets_open_unanswered_late", nil, func(f *Fact) bool { return is(f, TicketIsOpen) && !is(f, TicketIsHandled) }, nil, nil, timeOf(TicketResponseOverdueAt)},
	}
}

// sum runs one source over a fact.
func sum(where, while func(*Fact) bool, at, value, from func(*Fact) int64, f *Fact) (n int64) {
	if where != nil && !where(f) || while != nil && !while(f) {
		return 0
	}
	if at != nil {
		n += at(f)
	}
	if value != nil {
		n += value(f)
	}
	if from != nil {
		n += from(f)
	}
	return n
}

// fixture is the compiled and the hand-written sources of the same measures, and facts.
func fixture(t testing.TB) (compiled []Feed, hand []handWritten, facts []*Fact) {
	t.Helper()
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	sym := newNames()
	all, err := c.Compile(sym)
	if err != nil {
		t.Fatal(err)
	}
	hand = byHand(sym)
	for _, h := range hand {
		for _, f := range all.Feeds {
			if f.Fact == FactTicket && f.Thread == "" && all.Measures[f.Measure].Name == h.measure {
				compiled = append(compiled, f)
			}
		}
	}
	if len(compiled) != len(hand) {
		t.Fatalf("%d compiled sources for %d by hand", len(compiled), len(hand))
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 256 {
		facts = append(facts, randomFact(rng, FactTicket, sym, 0))
	}
	return compiled, hand, facts
}

// TestAgainstHand wants the same of both.
func TestAgainstHand(t *testing.T) {
	compiled, hand, facts := fixture(t)
	for _, f := range facts {
		for i := range compiled {
			c, h := &compiled[i], &hand[i]
			got, want := sum(c.Where, c.While, c.At, c.Value, c.From, f), sum(h.where, h.while, h.at, h.value, h.from, f)
			if got != want {
				t.Fatalf("%s gives %d, want %d, of %v", h.measure, got, want, f.Fields)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range compiled {
			c := &compiled[i]
			sum(c.Where, c.While, c.At, c.Value, c.From, facts[0])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkFeeds runs sixteen sources over facts, as compiled and as written by hand.
// One operation is one fact.
func BenchmarkFeeds(b *testing.B) {
	compiled, hand, facts := fixture(b)
	total := int64(0)
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			f := facts[n&255]
			for i := range compiled {
				c := &compiled[i]
				total += sum(c.Where, c.While, c.At, c.Value, c.From, f)
			}
		}
	})
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			f := facts[n&255]
			for i := range hand {
				h := &hand[i]
				total += sum(h.where, h.while, h.at, h.value, h.from, f)
			}
		}
	})
	if total == 42 {
		b.Log(total)
	}
}
