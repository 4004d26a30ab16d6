package output

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

var start = time.Unix(1_700_000_000, 0)

const layout = 77

// counted has a value in each slot from 0.
func counted(values ...int64) (v window.Vector) {
	for slot, n := range values {
		v.Add(uint16(slot), n)
	}
	return v
}

func teamGroup(name string) kpi.Group {
	g := kpi.Group{Set: kpi.SetOf(kpi.Team)}
	g.Dims[kpi.Team] = name
	return g
}

// team is what a team has counted since ever: slots 0 and 1.
func team(name string, values ...int64) kpi.Totals {
	return kpi.Totals{Tenant: "acme", Window: "all", Group: teamGroup(name), Values: counted(values...)}
}

// changed is a change of some slots, also to 0.
func changed(name string, slots ...window.Entry) kpi.Totals {
	t := team(name)
	t.Values = slots
	return t
}

// set is a message of a partition of two.
func set(partition uint16, epoch, number uint64, at int64, full bool, totals ...kpi.Totals) *kpi.TotalsSet {
	return &kpi.TotalsSet{
		Partition: partition, Partitions: 2, Epoch: epoch, Number: number, Layout: layout,
		Position: number, At: at, Full: full, Newest: at * 1000, Totals: totals,
	}
}

// shown is what a merge shows, as team → the first two slots, in the window all.
func shown(m *Merged) map[string][2]int64 {
	out := make(map[string][2]int64)
	for _, t := range m.Totals {
		if t.Window == everything {
			out[t.Group.Dims[kpi.Team]] = [2]int64{t.Values.At(0), t.Values.At(1)}
		}
	}
	return out
}

func expect(t *testing.T, m *Merged, want map[string][2]int64) {
	t.Helper()
	if diff := cmp.Diff(want, shown(m)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func add(t *testing.T, m *Merger, s *kpi.TotalsSet, now time.Time, want Heard) {
	t.Helper()
	if got := m.Add(s, now); got != want {
		t.Errorf("partition %d, epoch %d, number %d: got %d, want %d", s.Partition, s.Epoch, s.Number, got, want)
	}
}

func TestMergeAddsPartitions(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 1, 10, 100, true, team("a", 1, 4), team("b", 0, 2)), start, Taken)
	add(t, m, set(1, 1, 20, 101, true, team("a", 2, 6)), start, Taken)
	got := m.Merge(start, time.Second)
	expect(t, got, map[string][2]int64{"a": {3, 10}, "b": {0, 2}})
	if got.At != 100 || got.Newest != 101_000 || len(got.Stale) != 0 || got.Partitions != 2 {
		t.Errorf("got at %d, newest %d, stale %v, partitions %d", got.At, got.Newest, got.Stale, got.Partitions)
	}
	// Merging again must not have added into what is held.
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {3, 10}, "b": {0, 2}})
}

func TestMergeLaysChangesOver(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 1, 9, 100, false, team("a", 9, 9)), start, NeedFull)
	add(t, m, set(0, 1, 10, 100, true, team("a", 1, 4), team("b", 1, 2)), start, Taken)
	before := m.Merge(start, time.Second)
	add(t, m, set(0, 1, 11, 101, false, changed("a", window.Entry{Slot: 0, Value: 2}),
		changed("b", window.Entry{Slot: 0}, window.Entry{Slot: 1})), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 4}})
	expect(t, before, map[string][2]int64{"a": {1, 4}, "b": {1, 2}}) // what was handed out stays
}

func TestMergeAsksAfterALoss(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 1, 10, 100, true, team("a", 1, 4)), start, Taken)
	add(t, m, set(0, 1, 12, 102, false, changed("a", window.Entry{Slot: 0, Value: 9})), start, NeedFull)
	add(t, m, set(0, 1, 13, 103, false), start, NeedFull) // it stays unknown
	got := m.Merge(start, time.Second)
	expect(t, got, map[string][2]int64{"a": {1, 4}})
	if got.At != 100 {
		t.Errorf("got the instant %d of what was not taken", got.At)
	}
	add(t, m, set(0, 1, 14, 104, true, team("a", 5, 5)), start, Taken)
	add(t, m, set(0, 1, 15, 104, false, changed("a", window.Entry{Slot: 0, Value: 6})), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {6, 5}})
}

func TestMergeFollowsTheOwner(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 5, 10, 100, true, team("a", 1, 4)), start, Taken)
	add(t, m, set(0, 4, 11, 200, true, team("a", 9, 9)), start, Outdated)
	add(t, m, set(0, 6, 11, 101, false, team("a", 8, 8)), start, NeedFull)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {1, 4}})
	add(t, m, set(0, 6, 3, 101, true, team("b", 1, 1)), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"b": {1, 1}})
}

func TestMergeTakesAFullSetInPieces(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 1, 10, 100, true, team("a", 1, 1), team("b", 1, 1), team("c", 1, 1)), start, Taken)
	// The next full set has a and b, in two pieces: between them nothing is missing.
	first := set(0, 1, 20, 110, true, team("a", 2, 2))
	first.More = true
	add(t, m, first, start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 2}, "b": {1, 1}, "c": {1, 1}})
	add(t, m, set(0, 1, 21, 110, false, team("b", 2, 0)), start, Taken) // all of b: slot 1 is gone
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 2}, "b": {2, 0}})
}

func TestMergeLeavesSilentPartitionsOut(t *testing.T) {
	m := NewMerger(layout)
	if got := m.Merge(start, time.Second); len(got.Stale) != 0 || got.At != 0 {
		t.Errorf("of nobody: got %+v", got)
	}
	add(t, m, set(1, 1, 10, 100, true, team("a", 1, 4)), start, Taken)
	if got := m.Merge(start.Add(time.Second), time.Second); !slices.Equal(got.Stale, []uint16{0}) {
		t.Errorf("never heard of 0: got stale %v", got.Stale)
	}
	got := m.Merge(start.Add(time.Second+1), time.Second)
	if !slices.Equal(got.Stale, []uint16{0, 1}) {
		t.Errorf("1 is silent: got stale %v", got.Stale)
	}
	expect(t, got, map[string][2]int64{})
	// It was only slow.
	add(t, m, set(1, 1, 11, 103, false, changed("a", window.Entry{Slot: 0, Value: 2})), start.Add(2*time.Second), Taken)
	expect(t, m.Merge(start.Add(2*time.Second), time.Second), map[string][2]int64{"a": {2, 4}})
}

func TestMergeForgetsAnotherPartitioning(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(1, 1, 10, 100, true, team("a", 1, 4)), start, Taken)
	s := set(0, 1, 10, 100, true, team("a", 1, 5))
	s.Partitions = 1
	add(t, m, s, start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {1, 5}})
}

func TestMergeRefusesOtherMeasures(t *testing.T) {
	m := NewMerger(layout)
	add(t, m, set(0, 1, 10, 100, true, team("a", 1, 4)), start, Taken)
	add(t, m, set(1, 1, 10, 100, true, team("a", 2, 4)), start, Taken)
	other := set(1, 2, 1, 100, true, team("a", 50, 60))
	other.Layout++
	add(t, m, other, start, Foreign)
	got := m.Merge(start, time.Second)
	expect(t, got, map[string][2]int64{"a": {1, 4}})
	if !slices.Equal(got.Foreign, []uint16{1}) || !slices.Equal(got.Stale, []uint16{1}) {
		t.Errorf("got foreign %v, stale %v", got.Foreign, got.Stale)
	}
	add(t, m, set(1, 2, 2, 100, false, team("a", 1, 1)), start, NeedFull)
	add(t, m, set(1, 3, 2, 100, true, team("a", 3, 3)), start, Taken)
	got = m.Merge(start, time.Second)
	expect(t, got, map[string][2]int64{"a": {4, 7}})
	if len(got.Foreign)+len(got.Stale) != 0 {
		t.Errorf("got foreign %v, stale %v", got.Foreign, got.Stale)
	}
}

// The oldest is the earliest of any partition that is counted.
func TestMergeTakesTheOldest(t *testing.T) {
	m := NewMerger(layout)
	a, b := team("a", 1), team("a", 1)
	a.Oldest, b.Oldest = []kpi.OldestEntry{{Measure: 3, At: 500}}, []kpi.OldestEntry{{Measure: 2, At: 900}, {Measure: 3, At: 400}}
	add(t, m, set(0, 1, 1, 100, true, a), start, Taken)
	add(t, m, set(1, 1, 1, 100, true, b), start, Taken)
	oldest := func(now time.Time) []kpi.OldestEntry { return m.Merge(now, time.Second).Totals[0].Oldest }
	both := oldest(start)
	if want := []kpi.OldestEntry{{Measure: 2, At: 900}, {Measure: 3, At: 400}}; !slices.Equal(both, want) {
		t.Errorf("got %v, want %v", both, want)
	}
	c := team("a") // nothing else has changed
	c.Values = nil
	add(t, m, set(1, 1, 2, 101, false, c), start, Taken)
	if got, want := oldest(start), []kpi.OldestEntry{{Measure: 3, At: 500}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if both[1].At != 400 {
		t.Error("what was handed out has changed")
	}
}

// Windows lie where they lie for the whole merge, also in groups that nothing happens in.
func TestMergeKnowsItsWindows(t *testing.T) {
	in := func(name, windowName string, lo int64, n int64) kpi.Totals {
		return kpi.Totals{Tenant: "acme", Window: windowName, Group: teamGroup(name), Lo: lo, Values: counted(n)}
	}
	month := in("a", "month", 50, 1)
	month.MonthFrom, month.MonthTo, month.Openings = 645, 646, counted(7)
	m := NewMerger(layout)
	add(t, m, set(0, 1, 1, 4000, true, team("a", 1), in("a", "1h", 360, 1), month, team("b", 1)), start, Taken)
	month.Lo, month.MonthFrom, month.MonthTo = 60, 646, 647
	add(t, m, set(1, 1, 1, 4100, true, month), start, Taken)
	type frame struct {
		team, window string
		lo           int64
		from, to     uint16
		n, openings  int64
	}
	var got []frame
	for _, x := range m.Merge(start, time.Second).Totals {
		got = append(got, frame{x.Group.Dims[kpi.Team], x.Window, x.Lo, x.MonthFrom, x.MonthTo, x.Values.At(0), x.Openings.At(0)})
	}
	// The merge is at 4000: an hour before is 400, in the minute of 360.
	want := []frame{
		{"a", "1h", 360, 0, 0, 1, 0}, {"a", "all", 0, 0, 0, 1, 0}, {"a", "month", 60, 646, 647, 2, 14},
		{"b", "1h", 360, 0, 0, 0, 0}, {"b", "all", 0, 0, 0, 1, 0}, {"b", "month", 60, 646, 647, 0, 0},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// BenchmarkMergeTick is one tick of a board: 16 partitions of a busy desk, of which each
// has changed a little, are added and merged.
func BenchmarkMergeTick(b *testing.B) {
	m := NewMerger(layout)
	windows := []string{"15m", "1h", "1m", "24h", "30d", "5m", "7d", "8h", "all", "day", "month", "quarter", "week", "year"}
	for partition := range uint16(16) {
		s := set(partition, 1, 1, 100, true)
		s.Partitions = 16
		for g := range 130 {
			for _, name := range windows {
				t := kpi.Totals{Tenant: "acme", Window: name, Group: teamGroup(fmt.Sprint("team ", g))}
				for slot := range uint16(40) {
					t.Values = append(t.Values, window.Entry{Slot: slot * 97, Value: 1})
				}
				s.Totals = append(s.Totals, t)
			}
		}
		m.Add(s, start)
	}
	m.Merge(start, time.Minute)
	number := uint64(1)
	for b.Loop() {
		number++
		for partition := range uint16(16) {
			s := set(partition, 1, number, 100, false)
			s.Partitions = 16
			for g := range 10 {
				for _, name := range windows {
					t := kpi.Totals{Tenant: "acme", Window: name, Group: teamGroup(fmt.Sprint("team ", g))}
					for slot := range uint16(5) {
						t.Values = append(t.Values, window.Entry{Slot: slot * 97, Value: int64(number)})
					}
					s.Totals = append(s.Totals, t)
				}
			}
			if m.Add(s, start) != Taken {
				b.Fatal("not taken")
			}
		}
		m.Merge(start, time.Minute)
	}
}
