package engine

import (
	"cmp"
	"math"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// change is a delta on its way into the cells: of one slot of one series in one second.
type change struct {
	series   uint32
	at       uint32 // Unix seconds
	slot     uint16
	value    int64
	sequence uint64 // of the newest event that made it
}

func (c *change) compare(o *change) int {
	return cmp.Or(cmp.Compare(c.series, o.series), cmp.Compare(c.at, o.at), cmp.Compare(c.slot, o.slot))
}

// pending adds up changes until they are settled, in an open-addressing table, so that
// what cancels out, or comes to the same second, costs no more.
type pending struct {
	table []change // a series of 0 is an empty slot
	used  []uint32 // the slots that are not empty
	spare []change // scratch of sorting
}

// maxPending bounds how many changes wait before they are settled.
const maxPending = 1 << 15

func (p *pending) add(c change) {
	if len(p.used)*4 >= len(p.table)*3 {
		p.grow()
	}
	h := (uint64(c.series)<<32 | uint64(c.at)) * 0x9E3779B97F4A7C15
	h = (h ^ h>>29 ^ uint64(c.slot)) * 0xBF58476D1CE4E5B9
	mask := uint64(len(p.table) - 1)
	for i := h >> 20 & mask; ; i = (i + 1) & mask {
		t := &p.table[i]
		if t.series == 0 {
			*t = c
			p.used = append(p.used, uint32(i))
			return
		}
		if t.series == c.series && t.at == c.at && t.slot == c.slot {
			t.value += c.value
			t.sequence = max(t.sequence, c.sequence)
			return
		}
	}
}

// grow doubles the table: a quiet desk needs little of it.
func (p *pending) grow() {
	old := p.table
	p.table, p.used = make([]change, max(1<<10, 2*len(old))), p.used[:0]
	for i := range old {
		if old[i].series != 0 {
			p.add(old[i])
		}
	}
}

func (p *pending) full() bool { return len(p.used) >= maxPending }

// drain appends the changes to dst, sorted, and empties the table. Those that add up to
// nothing are among them: the row may have been written in between by a run that was
// broken off, and must be written again.
func (p *pending) drain(dst []change) []change {
	for _, i := range p.used {
		dst = append(dst, p.table[i])
		p.table[i] = change{}
	}
	p.used = p.used[:0]
	p.spare = sortChanges(dst, p.spare)
	return dst
}

// sortChanges sorts changes by series, second and slot: by the digits of one number where that
// can hold all three, which is several times faster than comparing. It returns the spare
// room that it needed.
func sortChanges(list, spare []change) []change {
	lo, hi, series := uint32(math.MaxUint32), uint32(0), uint32(0)
	for i := range list {
		lo, hi, series = min(lo, list[i].at), max(hi, list[i].at), max(series, list[i].series)
	}
	if len(list) < 128 || hi-lo >= 1<<24 || series >= 1<<24 {
		slices.SortFunc(list, func(a, b change) int { return a.compare(&b) })
		return spare
	}
	spare = slices.Grow(spare[:0], len(list))[:len(list)]
	from, to := list, spare
	for shift := 0; shift < 64; shift += digitBits {
		if byDigit(from, to, lo, shift) {
			from, to = to, from
		}
	}
	if &from[0] != &list[0] {
		copy(list, from)
	}
	return spare
}

const digitBits = 11

// byDigit moves changes to where one digit of their number puts them, and reports whether
// it did: it does nothing where that digit is the same for all.
func byDigit(from, to []change, lo uint32, shift int) bool {
	var count [1 << digitBits]int32
	digit := func(c *change) uint64 {
		n := uint64(c.series)<<40 | uint64(c.at-lo)<<16 | uint64(c.slot)
		return n >> shift & (1<<digitBits - 1)
	}
	for i := range from {
		count[digit(&from[i])]++
	}
	if int(count[digit(&from[0])]) == len(from) {
		return false
	}
	sum := int32(0)
	for d, n := range count {
		count[d], sum = sum, sum+n
	}
	for i := range from {
		d := digit(&from[i])
		to[count[d]] = from[i]
		count[d]++
	}
	return true
}

// future holds the changes of hours that have not begun, by the hour: a due time that a
// ticket may never reach costs nothing but its place here until then.
type future struct {
	hours map[uint32]*agenda
	from  int64 // Unix seconds: the first that lies in the future
	drop  bool  // what cancels out is dropped: no rows are written
	spare []change
}

type agenda struct {
	changes []change
	netted  int // how many there were when they were last added up
}

func newFuture(drop bool) future { return future{hours: make(map[uint32]*agenda), drop: drop} }

func (f *future) add(c change) {
	hour := c.at / 3600
	a := f.hours[hour]
	if a == nil {
		a = &agenda{}
		f.hours[hour] = a
	}
	a.changes = append(a.changes, c)
	if n := len(a.changes); n > 256 && n > 2*a.netted {
		f.spare = a.net(f.drop, f.spare)
	}
}

// net sorts the changes and adds up those of one place.
func (a *agenda) net(drop bool, spare []change) []change {
	spare = sortChanges(a.changes, spare)
	out := a.changes[:0]
	for _, c := range a.changes {
		if n := len(out); n > 0 && out[n-1].compare(&c) == 0 {
			out[n-1].value += c.value
			out[n-1].sequence = max(out[n-1].sequence, c.sequence)
		} else {
			out = append(out, c)
		}
	}
	if drop {
		out = slices.DeleteFunc(out, func(c change) bool { return c.value == 0 })
	}
	a.changes = out
	a.netted = len(a.changes)
	return spare
}

// begin moves what lies before the end of the hour of t to where it is counted.
func (f *future) begin(t int64, count func(change)) {
	next := window.Hour.Floor(t) + 3600
	if next <= f.from {
		return
	}
	for hour := range f.hours {
		if int64(hour)*3600 < next {
			for _, c := range f.hours[hour].changes {
				count(c)
			}
			delete(f.hours, hour)
		}
	}
	f.from = next
}

// seconds turns milliseconds into seconds within what timelines can hold: 1970 to 2106.
func seconds(ms int64) uint32 { return uint32(min(max(ms, 0)/1000, 1<<32-1)) }

// takeDeltas queues what the event has changed.
func (e *Engine) takeDeltas() {
	for k := range e.sink.deltas {
		d := &e.sink.deltas[k]
		if d.at >= never {
			continue
		}
		c := change{series: e.seriesOf(d.combo), at: seconds(d.at), slot: d.slot, value: d.value, sequence: e.sequence}
		if int64(c.at) >= e.future.from {
			e.future.add(c)
			continue
		}
		e.counters.Late[e.horizons.Ring(int64(c.at))]++
		e.queue(c)
	}
}

func (e *Engine) queue(c change) {
	e.pending.add(c)
	if e.pending.full() {
		e.settle()
	}
}

// upTo lets the hours begin that a reading as of an instant looks into.
func (e *Engine) upTo(at int64) {
	e.future.begin(at, func(c change) {
		c.sequence = e.sequence // the row changes now, after whatever was written of it
		e.queue(c)
	})
}
