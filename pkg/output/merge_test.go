package output

import (
	"slices"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

var start = time.Unix(1_700_000_000, 0)

func count(n int64) window.Vector {
	var v window.Vector
	v.Add(0, n)
	return v
}

// overdue is a reading of a ratio for one team.
func overdue(team string, numerator, denominator int64) kpi.Reading {
	g := kpi.Group{Set: kpi.SetOf(kpi.Team)}
	g.Dims[kpi.Team] = team
	return kpi.Reading{Tenant: "acme", KPI: "overdue_ratio", Group: g, Terms: []window.Vector{count(numerator), count(denominator)}}
}

func set(partition uint16, epoch, position uint64, at int64, full bool, readings ...kpi.Reading) *kpi.ReadingSet {
	return &kpi.ReadingSet{Partition: partition, Partitions: 2, Epoch: epoch, Position: position, At: at, Full: full, Newest: at * 1000, Readings: readings}
}

// shown is what a merge shows, as team → numerator, denominator.
func shown(m *Merged) map[string][2]int64 {
	out := make(map[string][2]int64)
	for _, r := range m.Readings {
		out[r.Group.Dims[kpi.Team]] = [2]int64{r.Terms[0].At(0), r.Terms[1].At(0)}
	}
	return out
}

func expect(t *testing.T, m *Merged, want map[string][2]int64) {
	t.Helper()
	got := shown(m)
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
		return
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: got %v, want %v", k, got[k], v)
		}
	}
}

func add(t *testing.T, m *Merger, s *kpi.ReadingSet, now time.Time, want Heard) {
	t.Helper()
	if got := m.Add(s, now); got != want {
		t.Errorf("partition %d, epoch %d: got %d, want %d", s.Partition, s.Epoch, got, want)
	}
}

func TestMergeAddsPartitions(t *testing.T) {
	m := NewMerger()
	add(t, m, set(0, 1, 10, 100, true, overdue("a", 1, 4), overdue("b", 0, 2)), start, Taken)
	add(t, m, set(1, 1, 20, 101, true, overdue("a", 2, 6)), start, Taken)
	got := m.Merge(start, time.Second)
	expect(t, got, map[string][2]int64{"a": {3, 10}, "b": {0, 2}})
	if got.At != 100 || got.Newest != 101_000 || len(got.Stale) != 0 || got.Partitions != 2 {
		t.Errorf("got at %d, newest %d, stale %v, partitions %d", got.At, got.Newest, got.Stale, got.Partitions)
	}
	// Merging again must not have added into what is held.
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {3, 10}, "b": {0, 2}})
}

func TestMergeLaysChangesOver(t *testing.T) {
	m := NewMerger()
	add(t, m, set(0, 1, 10, 100, false, overdue("a", 9, 9)), start, NeedFull)
	add(t, m, set(0, 1, 10, 100, true, overdue("a", 1, 4), overdue("b", 1, 2)), start, Taken)
	gone := overdue("b", 0, 0)
	add(t, m, set(0, 1, 11, 101, false, overdue("a", 2, 4), gone), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 4}})
}

func TestMergeFollowsTheOwner(t *testing.T) {
	m := NewMerger()
	add(t, m, set(0, 5, 10, 100, true, overdue("a", 1, 4)), start, Taken)
	add(t, m, set(0, 4, 99, 200, true, overdue("a", 9, 9)), start, Outdated)
	add(t, m, set(0, 6, 11, 101, false, overdue("a", 8, 8)), start, NeedFull)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {1, 4}})
	add(t, m, set(0, 6, 11, 101, true, overdue("b", 1, 1)), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"b": {1, 1}})
}

func TestMergeTakesAFullSetInPieces(t *testing.T) {
	m := NewMerger()
	add(t, m, set(0, 1, 10, 100, true, overdue("a", 1, 1), overdue("b", 1, 1), overdue("c", 1, 1)), start, Taken)
	// The next full set has a and b, in two pieces: between them nothing is missing.
	add(t, m, set(0, 1, 20, 110, true, overdue("a", 2, 2)), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 2}, "b": {1, 1}, "c": {1, 1}})
	add(t, m, set(0, 1, 20, 110, false, overdue("b", 2, 2)), start, Taken)
	// The next set shows that it is complete, so that c, whose end was lost, is gone.
	add(t, m, set(0, 1, 20, 111, false), start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {2, 2}, "b": {2, 2}})
}

func TestMergeLeavesSilentPartitionsOut(t *testing.T) {
	m := NewMerger()
	if got := m.Merge(start, time.Second); len(got.Stale) != 0 || got.At != 0 {
		t.Errorf("of nobody: got %+v", got)
	}
	add(t, m, set(1, 1, 10, 100, true, overdue("a", 1, 4)), start, Taken)
	if got := m.Merge(start.Add(time.Second), time.Second); !slices.Equal(got.Stale, []uint16{0}) {
		t.Errorf("never heard of 0: got stale %v", got.Stale)
	}
	got := m.Merge(start.Add(time.Second+1), time.Second)
	if !slices.Equal(got.Stale, []uint16{0, 1}) {
		t.Errorf("1 is silent: got stale %v", got.Stale)
	}
	expect(t, got, map[string][2]int64{})
}

func TestMergeForgetsAnotherPartitioning(t *testing.T) {
	m := NewMerger()
	add(t, m, set(1, 1, 10, 100, true, overdue("a", 1, 4)), start, Taken)
	s := set(0, 1, 10, 100, true, overdue("a", 1, 5))
	s.Partitions = 1
	add(t, m, s, start, Taken)
	expect(t, m.Merge(start, time.Second), map[string][2]int64{"a": {1, 5}})
}

func catalogue(t testing.TB) kpi.Catalogue {
	t.Helper()
	c, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCapKeepsTheLargest(t *testing.T) {
	in := []kpi.Reading{overdue("a", 1, 5), overdue("b", 2, 9), overdue("c", 3, 5), overdue("d", 4, 5), overdue("other", 1, 7)}
	slices.SortFunc(in, compareReadings)
	// By open tickets: b 9, other 7, then a before c and d by name. The group that is
	// called other joins the rest and takes a place.
	got := shown(&Merged{Readings: Cap(in, 3, catalogue(t))})
	want := map[string][2]int64{"b": {2, 9}, "a": {1, 5}, "other": {3 + 4 + 1, 5 + 5 + 7}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: got %v, want %v", k, got[k], v)
		}
	}
	if in[0].Terms[1].At(0) != 5 {
		t.Error("Cap has changed what it was given")
	}
}

func TestCapLeavesSmallBreakdowns(t *testing.T) {
	in := []kpi.Reading{overdue("a", 1, 5), overdue("b", 2, 9)}
	if got := Cap(in, 2, catalogue(t)); len(got) != 2 || got[0].Group != in[0].Group || got[1].Group != in[1].Group {
		t.Errorf("got %v", got)
	}
}
