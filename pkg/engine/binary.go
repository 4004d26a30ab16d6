package engine

import (
	"encoding/binary"
	"errors"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// writer appends numbers and texts to bytes.
type writer struct{ b []byte }

func (w *writer) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }

func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) bool(v bool) {
	n := uint64(0)
	if v {
		n = 1
	}
	w.uint(n)
}

func (w *writer) list(l []uint32) {
	w.uint(uint64(len(l)))
	for _, v := range l {
		w.uint(uint64(v))
	}
}

func (w *writer) dims(d *dims) {
	w.uint(uint64(d.tenant))
	for _, v := range d.values {
		w.uint(uint64(v))
	}
	for _, v := range d.labels {
		w.uint(uint64(v))
	}
}

func (w *writer) threadKey(k threadKey) {
	w.uint(uint64(k.kind))
	w.uint(uint64(k.tenant))
	w.uint(uint64(k.a))
	w.uint(uint64(k.b))
	w.bool(k.named)
}

func (w *writer) reportKey(k reportKey) {
	w.uint(uint64(k.kind))
	w.uint(uint64(k.entity))
	w.uint(k.event)
}

// reader is the inverse of writer. After an error it gives zeros.
type reader struct {
	b   []byte
	err error
}

var errDamaged = errors.New("data is damaged")

func (r *reader) fail() { r.err, r.b = errDamaged, nil }

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// index reads a number below n.
func (r *reader) index(n int) uint32 {
	v := r.uint()
	if v >= uint64(n) {
		r.fail()
		return 0
	}
	return uint32(v)
}

func (r *reader) text() string { return string(r.take(int(min(r.uint(), 1<<31)))) }
func (r *reader) bool() bool   { return r.uint() == 1 }

// list reads numbers below n.
func (r *reader) list(n int) (out []uint32) {
	for k := r.uint(); k > 0 && r.err == nil; k-- {
		out = append(out, r.index(n))
	}
	return out
}

func (r *reader) dims(symbols int) (d dims) {
	d.tenant = r.index(symbols)
	for i := range d.values {
		d.values[i] = r.index(symbols)
	}
	for i := range d.labels {
		d.labels[i] = r.index(symbols)
	}
	return d
}

func (r *reader) threadKey() threadKey {
	return threadKey{kind: threadKind(r.uint()), tenant: uint32(r.uint()), a: uint32(r.uint()), b: uint32(r.uint()), named: r.bool()}
}

func (r *reader) reportKey() reportKey {
	return reportKey{kind: kpi.Kind(r.uint()), entity: uint32(r.uint()), event: r.uint()}
}

func (r *reader) vector() window.Vector {
	v, rest, err := window.DecodeVector(r.b)
	if err != nil {
		r.fail()
		return nil
	}
	r.b = rest
	return v
}

func (r *reader) record(rec *record, combos int) {
	rec.at, rec.sequence = r.int(), r.int()
	head := r.take(10)
	if r.err != nil {
		return
	}
	rec.id = binary.LittleEndian.Uint64(head)
	rec.action, rec.flags = kpi.Action(head[8]), head[9]
	rec.combo = r.index(combos)
	mask := r.uint()
	for i := range rec.extra {
		if r.err == nil && mask&(1<<i) != 0 {
			rec.extra[i] = r.int()
		}
	}
}
