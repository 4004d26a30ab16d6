package kpi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// MarshalJSON writes an event as ParseJSON reads it, with its fields in the order of
// the contract. It refuses what JSON cannot say: text that is not UTF-8, and times
// outside the years 1 to 9999.
func MarshalJSON(ev *deskpulsev1.Event) ([]byte, error) {
	return appendMessage(nil, ev.ProtoReflect())
}

func appendMessage(dst []byte, m protoreflect.Message) ([]byte, error) {
	if t, ok := m.Interface().(*timestamppb.Timestamp); ok {
		return appendTime(dst, t)
	}
	var err error
	dst = append(dst, '{')
	fields := m.Descriptor().Fields()
	for i, first := 0, true; i < fields.Len(); i++ {
		f := fields.Get(i)
		if !m.Has(f) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendString(dst, string(f.Name())), ':')
		if dst, err = appendField(dst, f, m.Get(f)); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return append(dst, '}'), nil
}

func appendField(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) ([]byte, error) {
	switch {
	case f.IsMap():
		return appendMap(dst, f, v.Map())
	case f.IsList():
		return appendList(dst, f, v.List())
	default:
		return appendValue(dst, f, v)
	}
}

func appendList(dst []byte, f protoreflect.FieldDescriptor, list protoreflect.List) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i := range list.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, f, list.Get(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap writes the only map of the contract, of strings by strings, in order.
func appendMap(dst []byte, f protoreflect.FieldDescriptor, entries protoreflect.Map) ([]byte, error) {
	var names []string
	for k := range entries.Range {
		names = append(names, k.String())
	}
	slices.Sort(names)
	var err error
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("name %q is not text: send UTF-8", shown(name))
		}
		dst = append(appendString(dst, name), ':')
		key := protoreflect.ValueOfString(name).MapKey()
		if dst, err = appendValue(dst, f.MapValue(), entries.Get(key)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendValue(dst []byte, f protoreflect.FieldDescriptor, v protoreflect.Value) ([]byte, error) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return appendMessage(dst, v.Message())
	case protoreflect.EnumKind:
		return appendEnum(dst, f.Enum(), v.Enum()), nil
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool()), nil
	case protoreflect.Int64Kind:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case protoreflect.DoubleKind:
		return appendDouble(dst, v.Float()), nil
	case protoreflect.StringKind:
		if !utf8.ValidString(v.String()) {
			return nil, fmt.Errorf("value %q is not text: send UTF-8", shown(v.String()))
		}
		return appendString(dst, v.String()), nil
	default:
		panic("kpi: internal error: no json for a field of kind " + f.Kind().String())
	}
}

// appendEnum writes the name of a value, or the number of one that has none.
func appendEnum(dst []byte, d protoreflect.EnumDescriptor, n protoreflect.EnumNumber) []byte {
	names := newEnumeration(d).names
	if n < 0 || int(n) >= len(names) {
		return strconv.AppendInt(dst, int64(n), 10)
	}
	return appendString(dst, names[n])
}

func appendTime(dst []byte, t *timestamppb.Timestamp) ([]byte, error) {
	if err := t.CheckValid(); err != nil {
		return nil, fmt.Errorf("time %d s %d ns is not valid: give one of the years 1 to 9999", t.Seconds, t.Nanos)
	}
	dst = append(dst, '"')
	dst = t.AsTime().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"'), nil
}

func appendDouble(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	case v != 0 && (math.Abs(v) < 1e-6 || math.Abs(v) >= 1e21):
		return strconv.AppendFloat(dst, v, 'e', -1, 64)
	default:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
}

// appendString writes a string of JSON, with no more escapes than JSON asks for.
func appendString(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
