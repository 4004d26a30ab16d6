package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// setter stores the value of a template in one field of an event.
type setter struct {
	name   string
	inBody bool
	field  protoreflect.FieldDescriptor
	value  *template
	list   []*template // of a repeated field
	labels []label     // of a map
}

type label struct {
	name  string
	value *template
}

func (c *compiler) setter(field protoreflect.FieldDescriptor, inBody bool, p pair) (*setter, error) {
	s := &setter{name: string(field.Name()), inBody: inBody, field: field}
	var err error
	switch {
	case field.IsMap():
		if len(p.inner) == 0 {
			return nil, p.name.errorf("%s takes names with values, as in %s: {region: \"${row.region}\"}", s.name, s.name)
		}
		for _, inner := range p.inner {
			value, err := c.template(inner.one, inRepeat)
			if err != nil {
				return nil, err
			}
			s.labels = append(s.labels, label{inner.name.value, value})
		}
		return s, nil
	case len(p.inner) > 0 || len(p.list) > 0 && !field.IsList():
		return nil, p.name.errorf("%s takes one value", s.name)
	case field.IsList():
		if p.one.set {
			p.list = texts{p.one}
		}
		for _, item := range p.list {
			value, err := c.template(item, inRepeat)
			if err != nil {
				return nil, err
			}
			s.list = append(s.list, value)
		}
		return s, nil
	}
	if s.value, err = c.template(p.one, inRepeat); err != nil {
		return nil, err
	}
	if constant, ok := s.value.constant(); ok && constant != "" && field.Kind() == protoreflect.EnumKind {
		if _, err := enumValue(field.Enum(), constant); err != nil {
			return nil, p.one.errorf("%v", err)
		}
	}
	return s, nil
}

// apply evaluates and stores. Its error is a *fault that names the field.
func (s *setter) apply(m *Mapping, to protoreflect.Message, sc *scope) error {
	err := s.store(m, to, sc)
	if err == nil {
		return nil
	}
	f := &fault{problem: err.Error()}
	if bad := (*valueError)(nil); errors.As(err, &bad) {
		f.value, f.problem = bad.value, bad.problem
	}
	if own := (*fault)(nil); errors.As(err, &own) {
		f = own
	}
	f.field = s.name
	if f.source.value == "" && s.value != nil {
		f.source = s.value.source
	}
	return f
}

func (s *setter) store(m *Mapping, to protoreflect.Message, sc *scope) error {
	switch {
	case s.field.IsMap():
		values := to.Mutable(s.field).Map()
		for _, l := range s.labels {
			v, err := l.value.text(sc)
			if err != nil {
				return err
			}
			if v != "" {
				values.Set(protoreflect.ValueOfString(l.name).MapKey(), protoreflect.ValueOfString(v))
			}
		}
		return nil
	case s.field.IsList():
		values := to.Mutable(s.field).List()
		for _, item := range s.list {
			v, err := item.text(sc)
			if err != nil {
				return err
			}
			for one := range strings.SplitSeq(v, ",") {
				if one = strings.TrimSpace(one); one != "" {
					values.Append(protoreflect.ValueOfString(one))
				}
			}
		}
		return nil
	}
	v, err := s.value.value(sc)
	if err != nil || isEmpty(v) {
		return err
	}
	out, err := s.convert(m, v)
	if err == nil {
		to.Set(s.field, out)
	}
	return err
}

func isEmpty(v ref.Val) bool {
	_, null := v.(types.Null)
	return null || v == types.String("")
}

func (s *setter) convert(m *Mapping, v ref.Val) (protoreflect.Value, error) {
	switch s.field.Kind() {
	case protoreflect.DoubleKind:
		return m.number(v)
	case protoreflect.MessageKind: // a Timestamp
		when, _, err := m.instant(v)
		return protoreflect.ValueOfMessage(stamp(when).ProtoReflect()), err
	}
	text, err := asText(v)
	if err != nil {
		return protoreflect.Value{}, err
	}
	switch s.field.Kind() {
	case protoreflect.EnumKind:
		n, err := enumValue(s.field.Enum(), text)
		return protoreflect.ValueOfEnum(n), err
	case protoreflect.BoolKind:
		b, err := truthOf(text)
		return protoreflect.ValueOfBool(b), err
	case protoreflect.Int64Kind:
		n, err := strconv.ParseInt(m.library.plain(text), 10, 64)
		if err != nil {
			return protoreflect.Value{}, &valueError{text, "is no whole number: correct it"}
		}
		return protoreflect.ValueOfInt64(n), nil
	default:
		return protoreflect.ValueOfString(text), nil
	}
}

// number reads a number; a duration counts in seconds, as the contract's fields do.
func (m *Mapping) number(v ref.Val) (protoreflect.Value, error) {
	switch v := v.(type) {
	case types.Double:
		return protoreflect.ValueOfFloat64(float64(v)), nil
	case types.Int:
		return protoreflect.ValueOfFloat64(float64(v)), nil
	case types.Duration:
		return protoreflect.ValueOfFloat64(v.Duration.Seconds()), nil
	case types.String:
		x, err := m.library.num(v)
		if err != nil {
			return protoreflect.Value{}, err
		}
		return protoreflect.ValueOfFloat64(float64(x.(types.Double))), nil
	}
	return protoreflect.Value{}, &valueError{fmt.Sprint(v.Value()), "is no number: use num(…)"}
}

func truthOf(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "y", "t", "1", "on":
		return true, nil
	case "false", "no", "n", "f", "0", "off":
		return false, nil
	}
	return false, &valueError{text, "is neither true nor false: use a table, or an expression such as row.x == \"…\""}
}

// enumNames lists the values of an enum as events in JSON have them: created for
// TICKET_ACTION_CREATED.
func enumNames(enum protoreflect.EnumDescriptor) []string {
	var out []string
	prefix := strings.TrimSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	for i := 1; i < enum.Values().Len(); i++ {
		out = append(out, strings.ToLower(strings.TrimPrefix(string(enum.Values().Get(i).Name()), prefix)))
	}
	return out
}

var toEnum = strings.NewReplacer(" ", "_", "-", "_")

func enumValue(enum protoreflect.EnumDescriptor, text string) (protoreflect.EnumNumber, error) {
	given := toEnum.Replace(strings.ToLower(text))
	names := enumNames(enum)
	for i, name := range names {
		if name == given {
			return enum.Values().Get(i + 1).Number(), nil
		}
	}
	return 0, &valueError{text, "is none of " + strings.Join(names, ", ") + ": correct it, or use a table"}
}
