package window

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// diary is the definition of a timeline: the list of all changes.
type diary []struct {
	t     int64
	slot  uint16
	value int64
}

func (d diary) sum(lo, hi int64) Vector {
	n := naive{}
	for _, c := range d {
		if lo <= c.t && c.t < hi {
			n[c.slot] += c.value
		}
	}
	return n.vector()
}

// world is a timeline, its definition, and the running totals of all windows.
type world struct {
	t       *testing.T
	r       *rand.Rand
	clock   int64
	h       Horizons
	line    Timeline
	diary   diary
	late    naive
	windows []Window
	rolling []Rolling
	former  map[string]Vector // what the windows had when they were last asked for
}

func newWorld(t *testing.T) *world {
	r := random(t)
	w := &world{t: t, r: r, clock: 20513*86400 - r.Int64N(7200), late: naive{}, windows: Default()}
	w.rolling = make([]Rolling, len(w.windows))
	w.former = make(map[string]Vector)
	w.h = HorizonsAt(w.clock)
	return w
}

// advance moves the clock: a little, onto or next to an edge, or over days.
func (w *world) advance() {
	to := w.clock
	switch w.r.IntN(8) {
	case 0:
		to = Hour.Floor(w.clock) + 3600 + w.r.Int64N(3) - 1
	case 1:
		to = Hour.Floor(w.clock) + 3600 + 900 + w.r.Int64N(3) - 1 // a second horizon moves
	case 2:
		to = (w.clock/86400+1)*86400 + w.r.Int64N(3) - 1
	case 3:
		to += w.r.Int64N(40 * 86400)
	default:
		to += w.r.Int64N(120)
	}
	w.clock = max(w.clock, to)
	if w.r.IntN(4) == 0 {
		return // the horizons stay behind for a while
	}
	w.h = HorizonsAt(w.clock)
	w.line.Collapse(w.h)
	for i := range w.rolling {
		w.rolling[i].Collapsed(w.h)
	}
}

// instant is a time at which changes happen: now, on an edge of a ring, long ago, or to
// come.
func (w *world) instant() int64 {
	t := w.clock - w.r.Int64N(1800)
	switch w.r.IntN(8) {
	case 0:
		t = []int64{w.h.Second, w.h.Minute, w.h.Hour}[w.r.IntN(3)] + w.r.Int64N(3) - 1
	case 1:
		t = w.clock - w.r.Int64N(2*86400)
	case 2:
		t = w.clock - w.r.Int64N(45*86400)
	case 3:
		t = w.clock + w.r.Int64N(3)
	case 4:
		t = w.clock + w.r.Int64N(45*86400)
	}
	return max(0, t)
}

func (w *world) add() {
	t, slot, value := w.instant(), uint16(w.r.IntN(4)), w.r.Int64N(7)-3
	ring := w.line.Add(w.h, t, slot, value)
	if ring != w.h.Ring(t) {
		w.t.Fatalf("a change at %d went to ring %d, want %d of %+v", t, ring, w.h.Ring(t), w.h)
	}
	if ring == Total {
		w.late[slot] += value
	}
	w.diary = append(w.diary, struct {
		t     int64
		slot  uint16
		value int64
	}{t, slot, value})
	for i := range w.rolling {
		w.rolling[i].Note(ring.Floor(t), slot, value)
	}
}

// boundary is an instant on the grid of the ring that keeps it.
func (w *world) boundary() int64 {
	t := max(w.instant(), w.h.Hour)
	return w.h.Ring(t).Floor(t)
}

func (w *world) checkRanges() {
	w.t.Helper()
	for range 4 {
		lo, hi := w.boundary(), w.boundary()
		if w.r.IntN(4) == 0 {
			lo = MinTime
		}
		if lo > hi {
			lo, hi = hi, lo
		}
		var got Vector
		w.line.AddRange(&got, lo, hi, 1)
		if want := w.diary.sum(lo, hi); !slices.Equal(got, want) {
			w.t.Fatalf("at %d, %+v: from %d to %d there is %v, want %v", w.clock, w.h, lo, hi, got, want)
		}
		w.line.AddRange(&got, lo, hi, -1)
		if len(got) != 0 {
			w.t.Fatalf("taking away what was added leaves %v", got)
		}
	}
	if !slices.Equal(w.line.Late(), w.late.vector()) {
		w.t.Fatalf("late is %v, want %v", w.line.Late(), w.late.vector())
	}
}

// checkRolling moves the running totals to the clock, or a little about it.
func (w *world) checkRolling() {
	w.t.Helper()
	for i, win := range w.windows {
		hi := w.clock
		switch w.r.IntN(4) {
		case 0:
			continue // this one is not asked for a while
		case 1:
			hi += w.r.Int64N(200) - 100
		}
		lo := win.Lo(hi)
		if !w.h.OnGrid(hi) || win.Ring != Total && !w.h.OnGrid(lo) {
			continue
		}
		r := &w.rolling[i]
		got, want := r.Move(&w.line, lo, hi), w.diary.sum(lo, hi)
		if !slices.Equal(got, want) {
			w.t.Fatalf("at %d, %+v: the window %s at %d has %v, want %v", w.clock, w.h, win.Name, hi, got, want)
		}
		for _, slot := range AppendDifference(nil, w.former[win.Name], got) {
			if !slices.Contains(r.Touched(), slot) {
				w.t.Fatalf("the window %s has changed at slot %d, and does not say so", win.Name, slot)
			}
		}
		w.former[win.Name] = got.Clone()
		r.Forget()
	}
}

// Whatever is added when, however the clock moves: what lies between two boundaries is
// the sum of the changes there, and the running totals are too.
func TestTimelineIsItsChanges(t *testing.T) {
	for range 40 {
		w := newWorld(t)
		for range 150 {
			w.advance()
			for range w.r.IntN(6) {
				w.add()
			}
			w.checkRanges()
			w.checkRolling()
		}
	}
}

// Buckets tile time: minutes while they are kept, and hours, are the changes in them.
func TestBuckets(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		w.add()
	}
	for range 200 {
		at := w.boundary()
		for _, ring := range []Ring{Minute, Hour} {
			start := ring.Floor(at)
			if w.h.Ring(start) > ring {
				continue // only coarser ones are left
			}
			if got, want := w.line.Bucket(ring, start), w.diary.sum(start, start+ring.Seconds()); !slices.Equal(got, want) {
				t.Fatalf("the bucket of ring %d at %d has %v, want %v", ring, start, got, want)
			}
		}
	}
}

// Two timelines merged are the changes of both, and order leaves no trace.
func TestMergeAndOrder(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		w.add()
	}
	var one, two, backwards Timeline
	for i, c := range w.diary {
		[]*Timeline{&one, &two}[i%2].Add(w.h, c.t, c.slot, c.value)
	}
	for _, c := range slices.Backward(w.diary) {
		backwards.Add(w.h, c.t, c.slot, c.value)
	}
	one.Merge(&two)
	for name, other := range map[string]*Timeline{"merged": &one, "backwards": &backwards} {
		if !slices.Equal(other.AppendBinary(nil), w.line.AppendBinary(nil)) {
			t.Errorf("the timeline %s is another one", name)
		}
	}
}

// AddAll is Add of each change, whatever there is already.
func TestAddAllIsAddOfEach(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	h := HorizonsAt(1_700_000_000)
	var one, all Timeline
	for range 200 {
		seen := map[[2]int64]bool{}
		var changes []Change
		for range 1 + r.IntN(30) {
			c := Change{At: uint32(1_700_000_000 - 4000 + r.IntN(5000)), Slot: uint16(r.IntN(4)), Value: int64(r.IntN(5) - 2)}
			if k := [2]int64{int64(c.At), int64(c.Slot)}; !seen[k] && c.Value != 0 {
				seen[k] = true
				changes = append(changes, c)
			}
		}
		slices.SortFunc(changes, func(a, b Change) int {
			return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Slot, b.Slot))
		})
		for _, c := range changes {
			one.Add(h, int64(c.At), c.Slot, c.Value)
		}
		all.AddAll(h, changes)
		if !slices.Equal(all.AppendBinary(nil), one.AppendBinary(nil)) {
			t.Fatalf("after %v: %v, want %v", changes, all.rings, one.rings)
		}
	}
}
