package kpi

import (
	"bytes"
	"strconv"
)

// KindBatch is the token of the subject of an EventBatch.
const KindBatch = "batch"

// Envelope is what is known of a message besides its body.
type Envelope struct {
	// Tenant and Kind are the tokens of the subject; empty where there is no subject.
	// Kind may be KindBatch.
	Tenant, Kind string
	// JSON is false for Content-Type application/protobuf.
	JSON bool
}

// Decoder decodes and checks events. It is reused, so that decoding protobuf allocates
// nothing per event; its zero value is ready. It is not safe for concurrent use.
type Decoder struct {
	event    Event
	raw      raw
	labels   []Label
	purposes []string
	wire     []byte   // of an event that came as JSON
	spans    [][]byte // the events of a JSON batch
}

// raw holds what an event's fields say before they are converted.
type raw struct {
	occurred      stamp
	first, second stamp      // the times of the body, in the order of their numbers
	numbers       [3]float64 // the numbers of the body, in the order of their numbers
	given         [3]bool    // which numbers were given
	amount        string
	voidKind      string
}

const remedyWire = "send a deskpulse.v1.Event in protobuf, or JSON with the header Content-Type: application/json"

// Decode decodes the event in data, or each event of a batch, and calls each once for
// every one: with the event, or with err, a *FieldError. The event and the strings in
// it are valid only within the call. raw is the part of data that is the event, in the
// form in which it came. A bad event does not harm the others of its batch; a batch
// that is itself malformed is refused as a whole.
func (d *Decoder) Decode(env Envelope, data []byte, each func(ev *Event, raw []byte, err error)) {
	if err := checkEnvelope(env); err != nil {
		each(nil, data, err)
		return
	}
	switch {
	case env.Kind != KindBatch:
		d.one(env, data, -1, each)
	case env.JSON:
		d.jsonBatch(env, data, each)
	default:
		d.wireBatch(env, data, each)
	}
}

func (d *Decoder) wireBatch(env Envelope, data []byte, each func(*Event, []byte, error)) {
	if err := checkBatch(data); err != nil {
		each(nil, data, err)
		return
	}
	env.Kind = ""
	var f field
	for i := 0; len(data) > 0; {
		data = data[f.read(data):]
		if f.tag == 1<<3|bytesType {
			d.one(env, f.bytes, i, each)
			i++
		}
	}
}

// checkBatch reports whether a batch can be cut into events, before the first is used.
func checkBatch(data []byte) error {
	var f field
	events := 0
	for len(data) > 0 {
		n := f.read(data)
		if n < 0 {
			return malformed("send a deskpulse.v1.EventBatch in protobuf, or JSON with the header Content-Type: application/json").in("events")
		}
		if f.tag == 1<<3|bytesType {
			events++
		}
		data = data[n:]
	}
	if events == 0 {
		return missing("events", "put at least one event into the batch")
	}
	return nil
}

func (d *Decoder) jsonBatch(env Envelope, data []byte, each func(*Event, []byte, error)) {
	var err *FieldError
	if d.spans, err = splitBatch(d.spans[:0], data); err != nil {
		each(nil, data, err)
		return
	}
	env.Kind = ""
	for i, span := range d.spans {
		d.one(env, span, i, each)
	}
}

// one decodes one event; index is its place in a batch, or −1.
func (d *Decoder) one(env Envelope, data []byte, index int, each func(*Event, []byte, error)) {
	if err := d.decode(env, data); err != nil {
		if index >= 0 {
			err = err.in("events[" + strconv.Itoa(index) + "]")
		}
		each(nil, data, err.root())
		return
	}
	each(&d.event, data, nil)
}

func (d *Decoder) decode(env Envelope, data []byte) *FieldError {
	if env.JSON {
		wire, err := appendWire(d.wire[:0], data)
		if err != nil {
			return err
		}
		d.wire = wire
		data = wire
	}
	if err := d.parse(data); err != nil {
		if !env.JSON && bytes.HasPrefix(data, []byte("{")) {
			err.Remedy = "set the header Content-Type: application/json"
		}
		return err
	}
	return d.check(env)
}

// parse reads the event's fields as proto.Unmarshal would: the last of a field wins,
// pieces of one message are merged, unknown fields are skipped.
func (d *Decoder) parse(b []byte) *FieldError {
	d.event, d.raw = Event{}, raw{}
	d.labels, d.purposes = d.labels[:0], d.purposes[:0]
	var f field
	for len(b) > 0 {
		n := f.read(b)
		if n < 0 {
			return malformed(remedyWire)
		}
		b = b[n:]
		if err := d.envelope(&f); err != nil {
			return err
		}
	}
	if len(d.labels) > 0 {
		d.event.Labels = d.labels
	}
	if len(d.purposes) > 0 {
		d.event.Purposes = d.purposes
	}
	return nil
}

// The numbers of the first dimension and of the first body. Dimensions follow each
// other in the order of dimensionFields, bodies in the order of the kinds.
const (
	firstDimension = 10
	firstBody      = 40
)

var dimensionFields = [...]Dimension{
	Team, AgentName, Post, Channel, Category, Priority, Segment, Network, Product, Branch,
	Outsourced, Novelty,
}

func (d *Decoder) envelope(f *field) *FieldError {
	if f.tag&7 != bytesType {
		d.envelopeNumber(f)
		return nil
	}
	ev := &d.event
	switch number := f.tag >> 3; number {
	case 1:
		return f.text(&ev.ID, "id")
	case 2:
		return f.text(&ev.Tenant, "tenant")
	case 3:
		return d.raw.occurred.read(f.bytes, "occurred_at")
	case 5:
		return f.text(&ev.Customer, "customer_id")
	case 6:
		return f.text(&ev.Key, "key")
	case 7:
		return f.text(&ev.Service, "service_id")
	case 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21:
		dim := dimensionFields[number-firstDimension]
		return f.text(&ev.Dims[dim], dimensionNames[dim])
	case 22:
		return d.label(f.bytes)
	case 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53:
		return d.body(Kind(number-firstBody+1), f.bytes)
	}
	return nil
}

// envelopeNumber takes the fields of the envelope that are numbers.
func (d *Decoder) envelopeNumber(f *field) {
	switch f.tag {
	case 4<<3 | varintType:
		d.event.Sequence = int64(f.value)
	case 20<<3 | varintType:
		d.event.Dims[Outsourced] = "false"
		if f.value != 0 {
			d.event.Dims[Outsourced] = "true"
		}
	}
}

const (
	maxLabels   = 32
	maxPurposes = 32
)

// label reads an entry of the map of labels and keeps them sorted by name.
func (d *Decoder) label(b []byte) *FieldError {
	var l Label
	var f field
	for len(b) > 0 {
		n := f.read(b)
		if n < 0 {
			return malformed(remedyWire).in("labels")
		}
		b = b[n:]
		var err *FieldError
		switch f.tag {
		case 1<<3 | bytesType:
			err = f.text(&l.Name, "labels")
		case 2<<3 | bytesType:
			err = f.text(&l.Value, "labels")
		}
		if err != nil {
			return err
		}
	}
	return d.putLabel(l)
}

func (d *Decoder) putLabel(l Label) *FieldError {
	i := 0
	for i < len(d.labels) && d.labels[i].Name < l.Name {
		i++
	}
	if i < len(d.labels) && d.labels[i].Name == l.Name {
		d.labels[i] = l
		return nil
	}
	if len(d.labels) == maxLabels {
		return refuse("labels", l.Name, ReasonRange, "send at most 32 labels")
	}
	d.labels = append(d.labels, l)
	copy(d.labels[i+1:], d.labels[i:])
	d.labels[i] = l
	return nil
}

// body reads the event's body. A second one of another kind replaces the first.
func (d *Decoder) body(kind Kind, b []byte) *FieldError {
	if was := d.event.Kind; was != kind {
		if was != 0 {
			d.dropBody()
		}
		d.event.Kind = kind
	}
	var f field
	for len(b) > 0 {
		n := f.read(b)
		if n < 0 {
			return malformed(remedyWire).in(bodyNames[kind])
		}
		b = b[n:]
		if err := d.bodyField(kind, &f); err != nil {
			return err.in(bodyNames[kind])
		}
	}
	return nil
}

func (d *Decoder) dropBody() {
	ev := &d.event
	*ev = Event{
		ID: ev.ID, Tenant: ev.Tenant, Sequence: ev.Sequence, Customer: ev.Customer,
		Key: ev.Key, Service: ev.Service, Dims: ev.Dims,
	}
	d.raw = raw{occurred: d.raw.occurred}
	d.purposes = d.purposes[:0]
}
