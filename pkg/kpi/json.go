package kpi

import (
	"math"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// ParseJSON reads an event in JSON: the names of the contract, enums in lower case
// without their prefix (or their full names), times in RFC 3339. It checks the form
// only; what an event must hold is checked when it is decoded. An error is a
// *FieldError.
func ParseJSON(data []byte) (*deskpulsev1.Event, error) {
	wire, ferr := appendWire(nil, data)
	if ferr != nil {
		return nil, ferr.root()
	}
	ev := new(deskpulsev1.Event)
	if err := proto.Unmarshal(wire, ev); err != nil {
		panic("kpi: internal error: json became malformed protobuf: " + err.Error())
	}
	return ev, nil
}

// appendWire translates the JSON of an event into protobuf.
func appendWire(dst, data []byte) ([]byte, *FieldError) {
	w := translator{scanner: scanner{src: data}, dst: dst}
	if w.peek() != '{' {
		return dst, w.fail("expected an object, the event")
	}
	if err := w.message(eventFields); err != nil {
		return dst, err
	}
	return w.dst, w.end()
}

// splitBatch cuts the JSON of a batch, {"events": […]}, into the texts of its events.
func splitBatch(spans [][]byte, data []byte) ([][]byte, *FieldError) {
	s := scanner{src: data}
	seen := false
	err := s.members(func(name string) *FieldError {
		switch {
		case name != "events":
			return refuse(name, "", ReasonUnknown, "put the events into events")
		case seen:
			return refuse(name, "", ReasonDuplicate, "keep one of them")
		}
		seen = true
		return s.list('[', ']', func() *FieldError {
			span, err := s.value(0)
			spans = append(spans, span)
			return err
		})
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && len(spans) == 0 {
		err = missing("events", "put at least one event into the batch")
	}
	return spans, err.root()
}

// translator walks JSON along the contract's descriptors and writes protobuf.
type translator struct {
	scanner
	dst []byte
}

func (w *translator) message(fields *jsonFields) *FieldError {
	var seen uint64
	body := "" // the member of the oneof that was given
	return w.members(func(name string) *FieldError {
		f, ok := fields.byName[name]
		if !ok {
			return refuse(name, "", ReasonUnknown, "use "+fields.nearest(name)+", the nearest name of the contract")
		}
		if seen&(1<<f.index) != 0 {
			return refuse(name, "", ReasonDuplicate, "keep one of them")
		}
		seen |= 1 << f.index
		if w.null() {
			return nil
		}
		if f.oneof {
			if body != "" {
				return refuse(name, "", ReasonDuplicate, "send either "+body+" or "+name+", each in an event of its own")
			}
			body = name
		}
		return w.field(f).in(name)
	})
}

// null passes over a null, which says that the field is left out.
func (w *translator) null() bool {
	if w.peek() != 'n' {
		return false
	}
	word, err := w.literal()
	return err == nil && word == "null"
}

func (w *translator) field(f *jsonField) *FieldError {
	switch {
	case f.isMap:
		return w.labels(f)
	case f.isList:
		return w.strings(f)
	case f.isTime:
		return w.time(f)
	case f.message != nil:
		if w.peek() != '{' {
			return w.wrong("give an object in braces")
		}
		return w.nested(f.number, func() *FieldError { return w.message(f.message) })
	case f.enum != nil:
		return w.enum(f)
	}
	switch f.kind {
	case protoreflect.BoolKind:
		return w.bool(f)
	case protoreflect.Int64Kind:
		return w.integer(f)
	case protoreflect.DoubleKind:
		return w.double(f)
	default:
		return w.string(f.number)
	}
}

// nested writes a field with a length, whose content is written by inner.
func (w *translator) nested(number protowire.Number, inner func() *FieldError) *FieldError {
	w.dst = protowire.AppendTag(w.dst, number, protowire.BytesType)
	start := len(w.dst)
	if err := inner(); err != nil {
		return err
	}
	size := len(w.dst) - start
	var head [10]byte
	prefix := protowire.AppendVarint(head[:0], uint64(size))
	w.dst = append(w.dst, prefix...)
	copy(w.dst[start+len(prefix):], w.dst[start:start+size])
	copy(w.dst[start:], prefix)
	return nil
}

// wrong refuses a value of the wrong form. The value must be well-formed JSON.
func (w *translator) wrong(remedy string) *FieldError {
	value, err := w.value(0)
	if err != nil {
		return err
	}
	return refuse("", string(value), ReasonInvalid, remedy)
}

func (w *translator) string(number protowire.Number) *FieldError {
	if w.peek() != '"' {
		return w.wrong("give a string in quotes")
	}
	text, err := w.text()
	if err != nil {
		return err
	}
	w.dst = protowire.AppendTag(w.dst, number, protowire.BytesType)
	w.dst = protowire.AppendBytes(w.dst, text)
	return nil
}

func (w *translator) strings(f *jsonField) *FieldError {
	if w.peek() != '[' {
		return w.wrong("give a list of strings in brackets")
	}
	i := 0
	return w.list('[', ']', func() *FieldError {
		err := w.string(f.number).in("[" + strconv.Itoa(i) + "]")
		i++
		return err
	})
}

func (w *translator) labels(f *jsonField) *FieldError {
	if w.peek() != '{' {
		return w.wrong("give an object of names and strings")
	}
	seen := map[string]bool{}
	return w.members(func(name string) *FieldError {
		if seen[name] {
			return refuse(name, "", ReasonDuplicate, "keep one of them")
		}
		seen[name] = true
		return w.nested(f.number, func() *FieldError {
			w.dst = protowire.AppendTag(w.dst, 1, protowire.BytesType)
			w.dst = protowire.AppendString(w.dst, name)
			return w.string(2)
		}).in(name)
	})
}

func (w *translator) time(f *jsonField) *FieldError {
	const remedy = "give a time in RFC 3339, as in \"2026-03-01T09:30:00Z\""
	if w.peek() != '"' {
		return w.wrong(remedy)
	}
	text, err := w.text()
	if err != nil {
		return err
	}
	var t time.Time
	if t.UnmarshalText(text) != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return refuse("", string(text), ReasonInvalid, remedy)
	}
	return w.nested(f.number, func() *FieldError {
		w.varint(1, uint64(t.Unix()))
		w.varint(2, uint64(t.Nanosecond()))
		return nil
	})
}

func (w *translator) varint(number protowire.Number, v uint64) {
	w.dst = protowire.AppendTag(w.dst, number, protowire.VarintType)
	w.dst = protowire.AppendVarint(w.dst, v)
}

// enum reads a name, or the number of a value as protojson does.
func (w *translator) enum(f *jsonField) *FieldError {
	if w.peek() != '"' {
		value, err := w.value(0)
		if err != nil {
			return err
		}
		n, perr := strconv.ParseInt(string(value), 10, 32)
		if perr != nil {
			return refuse("", string(value), ReasonInvalid, f.enum.remedy())
		}
		w.varint(f.number, uint64(n))
		return nil
	}
	text, err := w.text()
	if err != nil {
		return err
	}
	n, ok := f.values[string(text)]
	if !ok {
		return refuse("", string(text), ReasonUnknown, f.enum.remedy())
	}
	w.varint(f.number, uint64(n))
	return nil
}

func (w *translator) bool(f *jsonField) *FieldError {
	value, err := w.value(0)
	if err != nil {
		return err
	}
	switch string(value) {
	case "true":
		w.varint(f.number, 1)
	case "false":
		w.varint(f.number, 0)
	default:
		return refuse("", string(value), ReasonInvalid, "give true or false")
	}
	return nil
}

// number reads a number, or one in quotes, as protojson writes large ones.
func (w *translator) number() (string, *FieldError) {
	if w.peek() == '"' {
		text, err := w.text()
		return string(text), err
	}
	value, err := w.value(0)
	return string(value), err
}

func (w *translator) integer(f *jsonField) *FieldError {
	text, err := w.number()
	if err != nil {
		return err
	}
	n, perr := strconv.ParseInt(text, 10, 64)
	if perr != nil || !isNumber(text) {
		return refuse("", text, ReasonInvalid, "give a whole number of 64 bits")
	}
	w.varint(f.number, uint64(n))
	return nil
}

// special holds the doubles that JSON has no numbers for, as protojson writes them.
var special = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}

func (w *translator) double(f *jsonField) *FieldError {
	quoted := w.peek() == '"'
	text, err := w.number()
	if err != nil {
		return err
	}
	v, ok := special[text]
	if !ok || !quoted {
		var perr error
		if v, perr = strconv.ParseFloat(text, 64); perr != nil || !isNumber(text) {
			return refuse("", text, ReasonInvalid, "give a number")
		}
	}
	w.dst = protowire.AppendTag(w.dst, f.number, protowire.Fixed64Type)
	w.dst = protowire.AppendFixed64(w.dst, math.Float64bits(v))
	return nil
}
