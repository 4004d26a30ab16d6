package kpi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// Fields of deskpulse.v1.TotalsSet.
const (
	setPartition = iota + 1
	setPartitions
	setEpoch
	setNumber
	setLayout
	setPosition
	setAt
	setNewest
	setFull
	setMore
	setTexts
	setTotals
)

// Fields of deskpulse.v1.Totals.
const (
	totalsTenant = iota + 1
	totalsWindow
	totalsBy
	totalsLo
	totalsMonthFrom
	totalsMonthTo
	totalsSlots
	totalsValues
	totalsOpeningSlots
	totalsOpeningValues
	totalsOldest
	totalsOldestAt
)

// EncodeTotalsSet appends s in protobuf, as deskpulse.v1.TotalsSet. The same set always
// gives the same bytes. Groups that follow one another are cheap where they are equal.
func EncodeTotalsSet(dst []byte, s *TotalsSet) []byte {
	e := totalsEncoder{index: make(map[string]uint64)}
	for i := range s.Totals {
		e.totals(&s.Totals[i])
	}
	dst = appendUint(dst, setPartition, uint64(s.Partition))
	dst = appendUint(dst, setPartitions, uint64(s.Partitions))
	dst = appendUint(dst, setEpoch, s.Epoch)
	dst = appendUint(dst, setNumber, s.Number)
	if s.Layout != 0 {
		dst = protowire.AppendTag(dst, setLayout, protowire.Fixed64Type)
		dst = protowire.AppendFixed64(dst, s.Layout)
	}
	dst = appendUint(dst, setPosition, s.Position)
	dst = appendUint(dst, setAt, uint64(s.At))
	dst = appendUint(dst, setNewest, uint64(s.Newest))
	dst = appendUint(dst, setFull, protowire.EncodeBool(s.Full))
	dst = appendUint(dst, setMore, protowire.EncodeBool(s.More))
	for _, text := range e.texts {
		dst = protowire.AppendTag(dst, setTexts, protowire.BytesType)
		dst = protowire.AppendString(dst, text)
	}
	return append(dst, e.done...)
}

// totalsEncoder gathers texts and the totals that name them.
type totalsEncoder struct {
	texts  []string
	index  map[string]uint64 // text → its place, from 1
	done   []byte            // the totals so far
	one    []byte            // scratch: those at work
	packed []byte            // scratch: one of their lists
}

func (e *totalsEncoder) text(s string) uint64 {
	if s == "" {
		return 0
	}
	n, ok := e.index[s]
	if !ok {
		e.texts = append(e.texts, s)
		n = uint64(len(e.texts))
		e.index[s] = n
	}
	return n
}

func (e *totalsEncoder) totals(t *Totals) {
	e.one = appendUint(e.one[:0], totalsTenant, e.text(t.Tenant))
	e.one = appendUint(e.one, totalsWindow, e.text(t.Window))
	e.packed = e.packed[:0]
	for d := range NumDimensions {
		if t.Group.Set.Has(d) {
			e.packed = binary.AppendUvarint(e.packed, e.text(dimensionNames[d]))
			e.packed = binary.AppendUvarint(e.packed, e.text(t.Group.Dims[d]))
		}
	}
	e.list(totalsBy)
	e.one = appendUint(e.one, totalsLo, uint64(t.Lo))
	e.one = appendUint(e.one, totalsMonthFrom, uint64(t.MonthFrom))
	e.one = appendUint(e.one, totalsMonthTo, uint64(t.MonthTo))
	e.vector(totalsSlots, t.Values)
	e.vector(totalsOpeningSlots, t.Openings)
	last := OldestEntry{}
	for _, o := range t.Oldest {
		e.packed = binary.AppendUvarint(e.packed, uint64(o.Measure-last.Measure))
		last = o
	}
	e.list(totalsOldest)
	last = OldestEntry{}
	for _, o := range t.Oldest {
		e.packed = binary.AppendVarint(e.packed, o.At-last.At)
		last = o
	}
	e.list(totalsOldestAt)
	e.done = protowire.AppendTag(e.done, setTotals, protowire.BytesType)
	e.done = protowire.AppendBytes(e.done, e.one)
}

// vector writes v into two fields, of which the second has the next number.
func (e *totalsEncoder) vector(number protowire.Number, v window.Vector) {
	var last uint16
	for _, entry := range v {
		e.packed = binary.AppendUvarint(e.packed, uint64(entry.Slot-last))
		last = entry.Slot
	}
	e.list(number)
	for _, entry := range v {
		e.packed = binary.AppendVarint(e.packed, entry.Value)
	}
	e.list(number + 1)
}

// list moves what is packed into a field.
func (e *totalsEncoder) list(number protowire.Number) {
	if len(e.packed) > 0 {
		e.one = protowire.AppendTag(e.one, number, protowire.BytesType)
		e.one = protowire.AppendBytes(e.one, e.packed)
	}
	e.packed = e.packed[:0]
}

func appendUint(dst []byte, number protowire.Number, value uint64) []byte {
	if value == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), value)
}

var (
	errTotalsDamaged = errors.New("damaged: send what deskpulse.v1.TotalsSet says")
	errTotalsOrder   = errors.New("slots are not in order, each once and below 65536: send the difference to the one before")
)

// DecodeTotalsSet is the inverse of EncodeTotalsSet. The set shares no memory with data.
func DecodeTotalsSet(data []byte) (*TotalsSet, error) {
	s := &TotalsSet{}
	d := totalsDecoder{}
	if err := eachField(data, func(f *field) bool { return d.field(s, f) }); err != nil {
		return nil, fmt.Errorf("totals set: %w", err)
	}
	if d.partitions > math.MaxUint16 || d.partition >= d.partitions {
		return nil, fmt.Errorf("totals set: partition %d of %d: expected one of at most %d", d.partition, d.partitions, math.MaxUint16)
	}
	s.Partition, s.Partitions = uint16(d.partition), uint16(d.partitions)
	s.Totals = make([]Totals, len(d.totals))
	for i, one := range d.totals {
		if err := d.decode(&s.Totals[i], one, !s.Full); err != nil {
			return nil, fmt.Errorf("totals set: totals[%d]: %w", i, err)
		}
	}
	return s, nil
}

// field takes one field of a set. Totals wait until all texts are known.
func (d *totalsDecoder) field(s *TotalsSet, f *field) bool {
	switch f.tag {
	case setPartition<<3 | varintType:
		d.partition = f.value
	case setPartitions<<3 | varintType:
		d.partitions = f.value
	case setEpoch<<3 | varintType:
		s.Epoch = f.value
	case setNumber<<3 | varintType:
		s.Number = f.value
	case setLayout<<3 | doubleType:
		s.Layout = f.value
	case setPosition<<3 | varintType:
		s.Position = f.value
	case setAt<<3 | varintType:
		s.At = int64(f.value)
	case setNewest<<3 | varintType:
		s.Newest = int64(f.value)
	case setFull<<3 | varintType:
		s.Full = f.value != 0
	case setMore<<3 | varintType:
		s.More = f.value != 0
	case setTexts<<3 | bytesType:
		d.texts = append(d.texts, string(f.bytes))
		return utf8.Valid(f.bytes)
	case setTotals<<3 | bytesType:
		d.totals = append(d.totals, f.bytes)
	default:
		return f.tag>>3 > setTotals
	}
	return true
}

// eachField hands over the fields of a message until one is refused.
func eachField(data []byte, take func(*field) bool) error {
	var f field
	for len(data) > 0 {
		n := f.read(data)
		if n < 0 || !take(&f) {
			return errTotalsDamaged
		}
		data = data[n:]
	}
	return nil
}

// totalsDecoder has the texts of a set, and the totals as they stand on the wire.
type totalsDecoder struct {
	partition, partitions uint64
	texts                 []string
	totals                [][]byte
}

// text returns the n-th text.
func (d *totalsDecoder) text(n uint64) (string, bool) {
	if n == 0 || n > uint64(len(d.texts)) {
		return "", n == 0
	}
	return d.texts[n-1], true
}

// lists are the packed fields of Totals, as they stand on the wire, by number.
type lists [totalsOldestAt + 1][]byte

func (d *totalsDecoder) decode(t *Totals, data []byte, zeros bool) error {
	var packed lists
	var tenant, in, from, to uint64
	err := eachField(data, func(f *field) bool {
		switch f.tag {
		case totalsTenant<<3 | varintType:
			tenant = f.value
		case totalsWindow<<3 | varintType:
			in = f.value
		case totalsLo<<3 | varintType:
			t.Lo = int64(f.value)
		case totalsMonthFrom<<3 | varintType:
			from = f.value
		case totalsMonthTo<<3 | varintType:
			to = f.value
		default:
			number := f.tag >> 3
			if number > totalsOldestAt {
				return true
			}
			if f.tag&7 != bytesType || packed[number] != nil {
				return false // a list in parts is nobody's
			}
			packed[number] = f.bytes
		}
		return true
	})
	if err != nil {
		return err
	}
	var ok, known bool
	t.Tenant, ok = d.text(tenant)
	t.Window, known = d.text(in)
	if !ok || !known || from > math.MaxUint16 || to > math.MaxUint16 {
		return errTotalsDamaged
	}
	t.MonthFrom, t.MonthTo = uint16(from), uint16(to)
	return d.lists(t, &packed, zeros)
}

func (d *totalsDecoder) lists(t *Totals, packed *lists, zeros bool) (err error) {
	if err := d.group(&t.Group, packed[totalsBy]); err != nil {
		return err
	}
	if t.Values, err = unpackVector(packed[totalsSlots], packed[totalsValues], zeros); err != nil {
		return err
	}
	if t.Openings, err = unpackVector(packed[totalsOpeningSlots], packed[totalsOpeningValues], zeros); err != nil {
		return fmt.Errorf("openings: %w", err)
	}
	oldest, err := unpackVector(packed[totalsOldest], packed[totalsOldestAt], true)
	if err != nil {
		return fmt.Errorf("oldest: %w", err)
	}
	var at int64
	for _, o := range oldest {
		at += o.Value
		t.Oldest = append(t.Oldest, OldestEntry{Measure: o.Slot, At: at})
	}
	return nil
}

func (d *totalsDecoder) group(g *Group, by []byte) error {
	for len(by) > 0 {
		name, n := binary.Uvarint(by)
		if n <= 0 {
			return errTotalsDamaged
		}
		value, m := binary.Uvarint(by[n:])
		if m <= 0 {
			return errTotalsDamaged
		}
		by = by[n+m:]
		dimension, ok := d.text(name)
		text, known := d.text(value)
		if !ok || !known {
			return errTotalsDamaged
		}
		to, err := ParseDimension(dimension)
		if err != nil {
			return err
		}
		if g.Set.Has(to) {
			return fmt.Errorf("dimension %q comes twice: send it once", dimension)
		}
		g.Set |= SetOf(to)
		g.Dims[to] = text
	}
	return nil
}

// unpackVector reads two packed lists of one length.
func unpackVector(slots, values []byte, zeros bool) (window.Vector, error) {
	n := countVarints(slots)
	if n != countVarints(values) {
		return nil, fmt.Errorf("%d slots for %d values: send one for each", n, countVarints(values))
	}
	if n == 0 {
		if len(slots)+len(values) > 0 {
			return nil, errTotalsDamaged
		}
		return nil, nil
	}
	v := make(window.Vector, n)
	var slot uint64
	for i := range v {
		delta, a := binary.Uvarint(slots)
		value, b := binary.Varint(values)
		if a <= 0 || b <= 0 {
			return nil, errTotalsDamaged
		}
		slots, values = slots[a:], values[b:]
		if i > 0 && delta == 0 || delta > math.MaxUint16 || slot+delta > math.MaxUint16 {
			return nil, errTotalsOrder
		}
		if value == 0 && !zeros {
			return nil, fmt.Errorf("slot %d has the value 0 in a full set: leave it out", slot+delta)
		}
		slot += delta
		v[i] = window.Entry{Slot: uint16(slot), Value: value}
	}
	if len(slots)+len(values) > 0 {
		return nil, errTotalsDamaged
	}
	return v, nil
}

// countVarints counts the bytes that end one.
func countVarints(b []byte) (n int) {
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}
