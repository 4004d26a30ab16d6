package kpi

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/window"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// EncodeReadingSet appends s in protobuf. The same set always gives the same bytes.
func EncodeReadingSet(dst []byte, s *ReadingSet) []byte {
	m := &deskpulsev1.ReadingSet{
		Partition:  uint32(s.Partition),
		Partitions: uint32(s.Partitions),
		Epoch:      s.Epoch,
		Position:   s.Position,
		At:         &timestamppb.Timestamp{Seconds: s.At},
		Full:       s.Full,
		Readings:   make([]*deskpulsev1.Reading, len(s.Readings)),
	}
	if s.Newest != 0 {
		m.Newest = timestamppb.New(time.UnixMilli(s.Newest))
	}
	for i := range s.Readings {
		m.Readings[i] = readingToWire(&s.Readings[i])
	}
	dst, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err != nil {
		panic("kpi: internal error: reading set: " + err.Error())
	}
	return dst
}

func readingToWire(r *Reading) *deskpulsev1.Reading {
	m := &deskpulsev1.Reading{Tenant: r.Tenant, Kpi: r.KPI, Window: r.Window}
	for _, d := range r.Group.Set.Dimensions() {
		m.By = append(m.By, &deskpulsev1.GroupValue{Dimension: d.String(), Value: r.Group.Dims[d]})
	}
	for _, term := range r.Terms {
		t := &deskpulsev1.Term{Slots: make([]uint32, len(term)), Values: make([]int64, len(term))}
		for i, e := range term {
			t.Slots[i], t.Values[i] = uint32(e.Slot), e.Value
		}
		m.Terms = append(m.Terms, t)
	}
	return m
}

// DecodeReadingSet is the inverse of EncodeReadingSet. The set shares no memory with data.
func DecodeReadingSet(data []byte) (*ReadingSet, error) {
	var m deskpulsev1.ReadingSet
	if err := proto.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading set: %w", err)
	}
	if m.Partitions > math.MaxUint16 || m.Partition >= m.Partitions {
		return nil, fmt.Errorf("reading set: partition %d of %d: expected one of at most %d", m.Partition, m.Partitions, math.MaxUint16)
	}
	s := &ReadingSet{
		Partition:  uint16(m.Partition),
		Partitions: uint16(m.Partitions),
		Epoch:      m.Epoch,
		Position:   m.Position,
		At:         m.GetAt().GetSeconds(),
		Full:       m.Full,
		Readings:   make([]Reading, len(m.Readings)),
	}
	if m.Newest != nil {
		s.Newest = m.Newest.AsTime().UnixMilli()
	}
	for i, r := range m.Readings {
		if err := readingFromWire(&s.Readings[i], r); err != nil {
			return nil, fmt.Errorf("reading set: readings[%d]: %w", i, err)
		}
	}
	return s, nil
}

func readingFromWire(r *Reading, m *deskpulsev1.Reading) error {
	r.Tenant, r.KPI, r.Window = m.Tenant, m.Kpi, m.Window
	for _, by := range m.By {
		d, err := ParseDimension(by.Dimension)
		if err != nil {
			return err
		}
		r.Group.Set |= SetOf(d)
		r.Group.Dims[d] = by.Value
	}
	r.Terms = make([]window.Vector, len(m.Terms))
	for i, t := range m.Terms {
		term, err := termFromWire(t)
		if err != nil {
			return fmt.Errorf("terms[%d]: %w", i, err)
		}
		r.Terms[i] = term
	}
	return nil
}

// termFromWire keeps what a Vector promises: sorted by slot, without zeros.
func termFromWire(t *deskpulsev1.Term) (window.Vector, error) {
	if len(t.Slots) != len(t.Values) {
		return nil, fmt.Errorf("%d slots for %d values: send one for each", len(t.Slots), len(t.Values))
	}
	if len(t.Slots) == 0 {
		return nil, nil
	}
	v := make(window.Vector, len(t.Slots))
	for i, slot := range t.Slots {
		if slot > math.MaxUint16 || t.Values[i] == 0 || i > 0 && slot <= t.Slots[i-1] {
			return nil, fmt.Errorf("slot %d with value %d: send slots in order, each once, below 65536, without zeros", slot, t.Values[i])
		}
		v[i] = window.Entry{Slot: uint16(slot), Value: t.Values[i]}
	}
	return v, nil
}

// AppendReadingJSON appends one reading at an instant, in Unix seconds, as a JSON object
// on one line, without a line feed: what replays print and boards serve. Durations are
// in seconds. A stock has no window, and where there is no value it is null.
func AppendReadingJSON(dst []byte, at int64, r *Reading, d *Definition) []byte {
	v := d.Evaluate(r.Terms)
	dst = append(dst, `{"at":"`...)
	dst = time.Unix(at, 0).UTC().AppendFormat(dst, time.RFC3339)
	dst = appendString(append(dst, `","tenant":`...), r.Tenant)
	dst = appendString(append(dst, `,"kpi":`...), r.KPI)
	if d.Type != Stock {
		dst = appendString(append(dst, `,"window":`...), r.Window)
	}
	dst = appendGroup(append(dst, `,"by":`...), &r.Group)
	dst = append(dst, `,"value":`...)
	if v.Value == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendDouble(dst, *v.Value)
	}
	if d.Formula == Ratio {
		dst = fmt.Appendf(dst, `,"numerator":%d,"denominator":%d}`, v.Numerator, v.Denominator)
		return dst
	}
	dst = fmt.Appendf(dst, `,"count":%d,"quantiles":`, v.Count)
	return append(appendQuantiles(dst, v.Quantiles), '}')
}

func appendGroup(dst []byte, g *Group) []byte {
	dst = append(dst, '{')
	for i, d := range g.Set.Dimensions() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, d.String()), ':')
		dst = appendString(dst, g.Dims[d])
	}
	return append(dst, '}')
}

func appendQuantiles(dst []byte, quantiles map[string]float64) []byte {
	dst = append(dst, '{')
	first := true
	for _, q := range Quantiles {
		value, ok := quantiles[q.Name]
		if !ok {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, q.Name), ':')
		dst = appendDouble(dst, value)
	}
	return append(dst, '}')
}
