package window

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrCorrupt says that encoded data is not what AppendBinary wrote.
var ErrCorrupt = errors.New("window: data is damaged")

// AppendBinary appends the timeline, so that equal contents give equal bytes.
func (l *Timeline) AppendBinary(dst []byte) []byte {
	for r := range l.rings {
		n := 0
		for _, b := range l.rings[r] {
			n += len(b.cells)
		}
		dst = binary.AppendUvarint(dst, uint64(n))
		var last int64
		for _, b := range l.rings[r] {
			for _, c := range b.cells {
				dst = binary.AppendUvarint(dst, uint64(int64(c.at)-last))
				dst = binary.AppendUvarint(dst, uint64(c.slot))
				dst = binary.AppendVarint(dst, c.value)
				last = int64(c.at)
			}
		}
	}
	return l.late.AppendBinary(l.base.AppendBinary(dst))
}

// AppendBinary appends the vector.
func (v Vector) AppendBinary(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	for _, e := range v {
		dst = binary.AppendUvarint(dst, uint64(e.Slot))
		dst = binary.AppendVarint(dst, e.Value)
	}
	return dst
}

// DecodeTimeline reads what AppendBinary wrote and returns the rest of data.
func DecodeTimeline(data []byte) (l Timeline, rest []byte, err error) {
	d := decoder{data: data}
	for r := range l.rings {
		var at int64
		for n := d.uvarint(); n > 0 && d.err == nil; n-- {
			at += int64(d.upTo(math.MaxUint32))
			slot, value := d.slot(), d.varint()
			if at > math.MaxUint32 || Ring(r).Floor(at) != at {
				d.fail()
			}
			if d.err == nil {
				l.insert(Ring(r), at, slot, value)
			}
		}
	}
	l.base, l.late = d.vector(), d.vector()
	return l, d.data, d.err
}

// DecodeVector reads what Vector.AppendBinary wrote and returns the rest of data.
func DecodeVector(data []byte) (v Vector, rest []byte, err error) {
	d := decoder{data: data}
	v = d.vector()
	return v, d.data, d.err
}

type decoder struct {
	data []byte
	err  error
}

func (d *decoder) fail() { d.err, d.data = ErrCorrupt, nil }

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.fail()
		return
	}
	d.data = d.data[n:]
}

// upTo reads a number that is at most limit.
func (d *decoder) upTo(limit uint64) uint64 {
	v := d.uvarint()
	if v > limit {
		d.fail()
		return 0
	}
	return v
}

func (d *decoder) slot() uint16 { return uint16(d.upTo(math.MaxUint16)) }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	d.skip(n)
	return v
}

func (d *decoder) vector() (v Vector) {
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		slot := d.slot()
		v.Add(slot, d.varint())
	}
	return v
}

// Merge adds all that o has.
func (l *Timeline) Merge(o *Timeline) {
	for r := range o.rings {
		for _, b := range o.rings[r] {
			for _, c := range b.cells {
				l.insert(Ring(r), int64(c.at), c.slot, c.value)
			}
		}
	}
	l.base.Merge(o.base)
	l.late.Merge(o.late)
}
