package window

import "slices"

// Horizons say how far back each ring reaches: what lies before Second is kept by the
// minute, before Minute by the hour, and before Hour only in the total. All are Unix
// seconds on the grid of the next coarser ring.
type Horizons struct{ Second, Minute, Hour int64 }

// HorizonsAt returns the horizons of a stream clock: seconds for 15 to 20 minutes (a busy
// desk has most of its memory there),
// minutes for at least a day, hours for at least 30 days and an hour.
func HorizonsAt(clock int64) Horizons {
	return Horizons{
		Second: (clock - 15*60) / 300 * 300,
		Minute: Hour.Floor(clock-24*3600) / 86400 * 86400,
		Hour:   (clock - Longest - 3600) / 86400 * 86400,
	}
}

// Ring returns the finest ring that still keeps t.
func (h Horizons) Ring(t int64) Ring {
	switch {
	case t >= h.Second:
		return Second
	case t >= h.Minute:
		return Minute
	case t >= h.Hour:
		return Hour
	default:
		return Total
	}
}

// OnGrid reports whether an instant is a boundary of the finest ring that keeps it, so
// that what lies before it can be told from what does not.
func (h Horizons) OnGrid(t int64) bool {
	r := h.Ring(t)
	return r != Total && r.Floor(t) == t
}

// blockLength is how many seconds of each ring share one block of cells.
var blockLength = [...]int64{300, 6 * 3600, 16 * 86400}

// Timeline keeps the changes of one additive quantity by time, each in the finest ring
// that still reaches it; what is older than all rings is in the total. It also keeps
// changes dated in the future. The zero Timeline is empty.
type Timeline struct {
	rings [3][]block
	base  Vector // what is older than the ring of hours
	late  Vector // the part of base that came when its hour was already closed
}

type block struct {
	start int64
	cells []cell
}

type cell struct {
	at    uint32 // Unix seconds, on the grid of the ring
	slot  uint16
	value int64
}

// Add adds value at slot and time t, in Unix seconds from 0, and returns the ring that
// it went to.
func (l *Timeline) Add(h Horizons, t int64, slot uint16, value int64) Ring {
	r := h.Ring(t)
	if r == Total {
		l.base.Add(slot, value)
		l.late.Add(slot, value)
		return Total
	}
	l.insert(r, r.Floor(t), slot, value)
	return r
}

// Change is a value that changes at a slot and time.
type Change struct {
	At    uint32 // Unix seconds
	Slot  uint16
	Value int64
}

// AddAll adds changes that are sorted by time and slot, each only once. It is Add of each,
// but goes over a block of cells only once.
func (l *Timeline) AddAll(h Horizons, changes []Change) {
	for len(changes) > 0 {
		r := h.Ring(int64(changes[0].At))
		if r != Second {
			l.Add(h, int64(changes[0].At), changes[0].Slot, changes[0].Value)
			changes = changes[1:]
			continue
		}
		b := l.block(Second, int64(changes[0].At))
		end := b.start + blockLength[Second]
		n := 1
		for n < len(changes) && int64(changes[n].At) < end {
			n++
		}
		b.merge(changes[:n])
		changes = changes[n:]
	}
}

// merge adds sorted changes of the block's own span, in one pass from the end: what both
// have, or only the block, is moved once.
func (b *block) merge(changes []Change) {
	first := b.search(int64(changes[0].At), changes[0].Slot)
	old := len(b.cells)
	fresh := 0
	for i, k := first, 0; k < len(changes); k++ {
		c := &changes[k]
		for i < old && before(&b.cells[i], int64(c.At), c.Slot) {
			i++
		}
		if i == old || b.cells[i].at != c.At || b.cells[i].slot != c.Slot {
			fresh++
		}
	}
	cells := slices.Grow(b.cells, fresh)[:old+fresh]
	i, k, zeros := old-1, len(changes)-1, false
	for at := len(cells) - 1; k >= 0; at-- {
		c := &changes[k]
		switch {
		case i < first || before(&cells[i], int64(c.At), c.Slot):
			cells[at] = cell{c.At, c.Slot, c.Value}
			k--
		case cells[i].at == c.At && cells[i].slot == c.Slot:
			cells[at] = cell{c.At, c.Slot, cells[i].value + c.Value}
			i--
			k--
		default:
			cells[at] = cells[i]
			i--
		}
		zeros = zeros || cells[at].value == 0
	}
	if zeros {
		cells = slices.DeleteFunc(cells, func(c cell) bool { return c.value == 0 })
	}
	b.cells = cells
}

func (l *Timeline) insert(r Ring, at int64, slot uint16, value int64) {
	if value == 0 {
		return // what is equal must have equal cells
	}
	b := l.block(r, at)
	i := b.search(at, slot)
	if i < len(b.cells) && b.cells[i].at == uint32(at) && b.cells[i].slot == slot {
		if b.cells[i].value += value; b.cells[i].value == 0 {
			b.cells = slices.Delete(b.cells, i, i+1)
		}
		return
	}
	b.cells = slices.Insert(b.cells, i, cell{uint32(at), slot, value})
}

// block returns the block of ring r that holds time at, making it where it is missing.
func (l *Timeline) block(r Ring, at int64) *block {
	blocks := l.rings[r]
	i := firstBlock(blocks, r, at)
	if i == len(blocks) || blocks[i].start > at {
		blocks = slices.Insert(blocks, i, block{start: at - at%blockLength[r]})
		l.rings[r] = blocks
	}
	return &blocks[i]
}

// firstBlock returns the index of the first block that ends after t. Most of what is
// asked for is recent, so the last block is tried first.
func firstBlock(blocks []block, r Ring, t int64) int {
	lo, hi := 0, len(blocks)
	if hi > 0 && blocks[hi-1].start <= t {
		if blocks[hi-1].start+blockLength[r] > t {
			return hi - 1
		}
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if blocks[mid].start+blockLength[r] <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// search returns the index of the first cell that is not before (at, slot).
func (b *block) search(at int64, slot uint16) int {
	lo, hi := 0, len(b.cells)
	if hi > 0 && before(&b.cells[hi-1], at, slot) {
		return hi
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if before(&b.cells[mid], at, slot) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func before(c *cell, at int64, slot uint16) bool {
	return int64(c.at) < at || int64(c.at) == at && c.slot < slot
}

// Collapse moves what lies before the horizons to the coarser rings.
func (l *Timeline) Collapse(h Horizons) {
	l.collapse(Second, h.Second, func(c cell) { l.insert(Minute, Minute.Floor(int64(c.at)), c.slot, c.value) })
	l.collapse(Minute, h.Minute, func(c cell) { l.insert(Hour, Hour.Floor(int64(c.at)), c.slot, c.value) })
	l.collapse(Hour, h.Hour, func(c cell) { l.base.Add(c.slot, c.value) })
}

// Oldest is, for each ring, no later than the oldest that it keeps. With it one can tell
// without touching the timeline that there is nothing to collapse. The zero Oldest says
// that there may be.
type Oldest [3]uint32

// Note takes account of a change at t in ring r.
func (o *Oldest) Note(r Ring, t int64) {
	if r != Total {
		o[r] = min(o[r], uint32(max(0, t)))
	}
}

// Before reports whether something lies before the horizons.
func (o *Oldest) Before(h Horizons) bool {
	return int64(o[Second]) < h.Second || int64(o[Minute]) < h.Minute || int64(o[Hour]) < h.Hour
}

// Oldest returns where the rings of the timeline begin.
func (l *Timeline) Oldest() (o Oldest) {
	for r := range l.rings {
		o[r] = 1<<32 - 1
		if len(l.rings[r]) > 0 {
			o[r] = uint32(l.rings[r][0].start)
		}
	}
	return o
}

func (l *Timeline) collapse(r Ring, horizon int64, move func(cell)) {
	for len(l.rings[r]) > 0 && l.rings[r][0].start < horizon {
		b := &l.rings[r][0]
		n := b.search(horizon, 0)
		for _, c := range b.cells[:n] {
			move(c)
		}
		if n < len(b.cells) {
			b.cells = slices.Delete(b.cells, 0, n)
			return
		}
		l.rings[r] = slices.Delete(l.rings[r], 0, 1)
	}
}

// AddRange adds to sum, sign times, what the timeline has in lo ≤ t < hi. The ends must
// lie on the grid of the rings that keep them; a lo before all rings includes the total.
func (l *Timeline) AddRange(sum *Vector, lo, hi, sign int64) {
	l.each(lo, hi, func(slot uint16, value int64) { sum.Add(slot, sign*value) })
}

// each calls f for every cell in lo ≤ t < hi.
func (l *Timeline) each(lo, hi int64, f func(slot uint16, value int64)) {
	if lo == MinTime {
		for _, e := range l.base {
			f(e.Slot, e.Value)
		}
	}
	for r := range l.rings {
		blocks := l.rings[r]
		for i := firstBlock(blocks, Ring(r), lo); i < len(blocks) && blocks[i].start < hi; i++ {
			b := &blocks[i]
			for _, c := range b.cells[b.search(lo, 0):] {
				if int64(c.at) >= hi {
					break
				}
				f(c.slot, c.value)
			}
		}
	}
}

// Bucket returns the total of one bucket of the ring of minutes or hours.
func (l *Timeline) Bucket(r Ring, start int64) Vector {
	var v Vector
	l.AddRange(&v, start, start+r.Seconds(), 1)
	return v
}

// Late returns what came when its hour was already closed.
func (l *Timeline) Late() Vector { return l.late }

// Rolling is the running total of a timeline over lo ≤ t < hi. It is a cache: dropping it
// changes nothing. It remembers the slots whose totals may have changed.
type Rolling struct {
	lo, hi  int64
	sum     Vector
	valid   bool
	touched []uint16
}

// Note tells the running total of a change at t that the timeline has just taken in.
func (w *Rolling) Note(t int64, slot uint16, value int64) {
	if w.valid && w.lo <= t && t < w.hi {
		w.sum.Add(slot, value)
		w.touch(slot)
	}
}

func (w *Rolling) touch(slot uint16) {
	if n := len(w.touched); n == cap(w.touched) && n > 64 {
		w.touched = compact(w.touched)
	}
	w.touched = append(w.touched, slot)
}

func compact(slots []uint16) []uint16 {
	slices.Sort(slots)
	return slices.Compact(slots)
}

// Collapsed tells the running total that the timeline has been collapsed: where an end of
// the window is no longer a boundary of what is kept, it must be summed anew.
func (w *Rolling) Collapsed(h Horizons) {
	w.valid = w.valid && h.OnGrid(w.hi) && (w.lo == MinTime || h.OnGrid(w.lo))
}

// Move moves the window to lo ≤ t < hi and returns its total, which is valid until the
// next call. Moving forward costs only what enters and leaves.
func (w *Rolling) Move(l *Timeline, lo, hi int64) Vector {
	switch {
	case !w.valid || hi < w.hi || lo < w.lo || lo > w.hi:
		former := w.sum.Clone()
		w.sum = w.sum[:0]
		l.AddRange(&w.sum, lo, hi, 1)
		w.touched = AppendDifference(w.touched, former, w.sum)
	default:
		if lo > w.lo {
			l.each(w.lo, lo, func(slot uint16, value int64) { w.add(slot, -value) })
		}
		if hi > w.hi {
			l.each(w.hi, hi, w.add)
		}
	}
	w.lo, w.hi, w.valid = lo, hi, true
	return w.sum
}

func (w *Rolling) add(slot uint16, value int64) {
	w.sum.Add(slot, value)
	w.touch(slot)
}

// Total returns the total of the last Move, with what was noted since.
func (w *Rolling) Total() Vector { return w.sum }

// Touched returns the slots whose totals may have changed since the last Forget, sorted.
func (w *Rolling) Touched() []uint16 {
	w.touched = compact(w.touched)
	return w.touched
}

// Forget forgets which slots were touched.
func (w *Rolling) Forget() { w.touched = w.touched[:0] }

// AppendDifference appends to slots those in which a and b differ.
func AppendDifference(slots []uint16, a, b Vector) []uint16 {
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case k == len(b) || i < len(a) && a[i].Slot < b[k].Slot:
			slots = append(slots, a[i].Slot)
			i++
		case i == len(a) || b[k].Slot < a[i].Slot:
			slots = append(slots, b[k].Slot)
			k++
		default:
			if a[i].Value != b[k].Value {
				slots = append(slots, a[i].Slot)
			}
			i++
			k++
		}
	}
	return slots
}
