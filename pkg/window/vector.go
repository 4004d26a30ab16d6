package window

import "slices"

// Entry is one component of a Vector.
type Entry struct {
	Slot  uint16
	Value int64
}

// Vector is a sparse vector of additive values, sorted by slot and without zeros. Slot
// 0 is a sum or a count; slot n ≥ 1 is the number of samples in histogram bucket n.
type Vector []Entry

// Add adds value at slot.
func (v *Vector) Add(slot uint16, value int64) {
	if value == 0 {
		return
	}
	s := *v
	i := len(s)
	if i > 0 && s[i-1].Slot >= slot {
		i = v.search(slot)
	}
	if i < len(s) && s[i].Slot == slot {
		s[i].Value += value
		if s[i].Value == 0 {
			*v = slices.Delete(s, i, i+1)
		}
		return
	}
	*v = slices.Insert(s, i, Entry{slot, value})
}

// Merge adds every component of o.
func (v *Vector) Merge(o Vector) { v.merge(o, 1) }

// Sub takes every component of o away.
func (v *Vector) Sub(o Vector) { v.merge(o, -1) }

// merge adds o, sign times, in one pass from the end: first what both have or only v,
// once room is made for what only o has.
func (v *Vector) merge(o Vector, sign int64) {
	a, fresh := *v, 0
	for i, k := 0, 0; k < len(o); k++ {
		for i < len(a) && a[i].Slot < o[k].Slot {
			i++
		}
		if i == len(a) || a[i].Slot != o[k].Slot {
			fresh++
		}
	}
	i, k := len(a)-1, len(o)-1
	a = slices.Grow(a, fresh)[:len(a)+fresh]
	zeros := false
	for at := len(a) - 1; k >= 0; at-- {
		switch {
		case i < 0 || a[i].Slot < o[k].Slot:
			a[at] = Entry{o[k].Slot, sign * o[k].Value}
			k--
		case a[i].Slot == o[k].Slot:
			a[at] = Entry{o[k].Slot, a[i].Value + sign*o[k].Value}
			i--
			k--
		default:
			a[at] = a[i]
			i--
		}
		zeros = zeros || a[at].Value == 0
	}
	if zeros {
		a = slices.DeleteFunc(a, func(e Entry) bool { return e.Value == 0 })
	}
	*v = a
}

// At returns the value at slot; 0 where there is none.
func (v Vector) At(slot uint16) int64 {
	if i := v.search(slot); i < len(v) && v[i].Slot == slot {
		return v[i].Value
	}
	return 0
}

func (v Vector) search(slot uint16) int {
	lo, hi := 0, len(v)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if v[mid].Slot < slot {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Clone returns a copy that shares nothing with v.
func (v Vector) Clone() Vector { return slices.Clone(v) }
