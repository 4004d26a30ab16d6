package input

import (
	"fmt"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Each receives one event of a message, or, with err, what was refused. The event and
// its strings are valid only within the call; raw is the part of the message's data that
// is the event. index is its place in a batch that could be cut into events, else 0.
type Each func(m *Message, index int, ev *kpi.Event, raw []byte, err error)

// Decoder turns the messages of a topology into events. It allocates nothing per
// message, and belongs to one goroutine.
type Decoder struct {
	dec        kpi.Decoder
	partitions int
	counters   *Counters
	each       Each
	pass       func(ev *kpi.Event, raw []byte, err error) // d.one, bound once

	// Of the message in hand.
	m                *Message
	index            int
	decoded, refused uint64
}

// NewDecoder returns a Decoder for a topology of so many partitions that hands every
// event to each. Counters may be nil.
func NewDecoder(partitions int, counters *Counters, each Each) *Decoder {
	if counters == nil {
		counters = new(Counters)
	}
	d := &Decoder{partitions: partitions, counters: counters, each: each}
	d.pass = d.one
	return d
}

// Decode decodes a message and calls each for every event in it.
func (d *Decoder) Decode(m *Message) {
	d.m, d.index, d.decoded, d.refused = m, 0, 0, 0
	d.dec.Decode(kpi.Envelope{Tenant: m.Tenant, Kind: m.Kind, JSON: m.JSON}, m.Data, d.pass)
	d.counters.Decoded.Add(d.decoded)
	if d.refused > 0 {
		d.counters.Refused.Add(d.refused)
	}
}

// one checks the partition of an event, which the codec cannot know.
func (d *Decoder) one(ev *kpi.Event, raw []byte, err error) {
	if err == nil {
		err = d.misplaced(ev)
	}
	if err == nil {
		d.decoded++
		d.each(d.m, d.index, ev, raw, nil)
	} else {
		d.refused++
		d.each(d.m, d.index, nil, raw, err)
	}
	d.index++
}

// misplaced refuses an event whose key belongs to another partition: its ticket or
// customer would be counted in two places.
func (d *Decoder) misplaced(ev *kpi.Event) error {
	key := ev.PartitionKey()
	want := kpi.Partition(ev.Tenant, key, d.partitions)
	if want == d.m.Partition {
		return nil
	}
	return &kpi.FieldError{
		Field: keyField(ev), Value: string(append([]byte(nil), key...)), Reason: kpi.ReasonMismatch,
		Remedy: fmt.Sprintf("the event came in partition %d and its key belongs to partition %d of %d: publish to desk.%s.%s.%s, or to %s",
			d.m.Partition, want, d.partitions, ev.Tenant, ev.Kind, kpi.EncodeKey(key), Subject(want, ev.Tenant, ev.Kind.String())),
	}
}

// keyField names the field from which the partition key was taken.
func keyField(ev *kpi.Event) string {
	switch {
	case ev.Key != "":
		return "key"
	case ev.Customer != "":
		return "customer_id"
	default:
		return ev.Kind.String() + "_id"
	}
}
