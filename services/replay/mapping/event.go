package mapping

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

var eventFields = (*deskpulsev1.Event)(nil).ProtoReflect().Descriptor().Fields()

// ownKeys are the fields of the contract for which an event has a key of its own.
var ownKeys = map[string]string{
	"id": "id", "tenant": "tenant", "occurred_at": "at", "sequence": "sequence", "action": "action",
}

// event is one entry of events, compiled.
type event struct {
	name     string // for default ids and messages: kind, or kind.action
	kind     kpi.Kind
	body     protoreflect.FieldDescriptor
	position position

	when, repeat, sequence *expression
	once                   bool
	at                     *expression
	notBefore, notAfter    *expression
	id, tenant             *template
	action                 *setter // nil for kinds without actions
	setters                []*setter
}

// bodies maps a kind to its field in Event.
var bodies = func() map[string]protoreflect.FieldDescriptor {
	out := map[string]protoreflect.FieldDescriptor{}
	of := (*deskpulsev1.Event)(nil).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for i := range of.Len() {
		out[strings.TrimSuffix(string(of.Get(i).Name()), "_state")] = of.Get(i)
	}
	return out
}()

func bodyOf(kind text) (protoreflect.FieldDescriptor, error) {
	body, ok := bodies[kind.value]
	if !ok {
		var names []string
		for name := range bodies {
			names = append(names, name)
		}
		return nil, kind.errorf("kind %q is unknown: %s", kind.value, suggest(kind.value, names))
	}
	return body, nil
}

// event compiles a stanza; used notes the common fields that it takes.
func (c *compiler) event(s *stanza, d *document, used map[string]bool) (*event, error) {
	if !s.Kind.set {
		return nil, s.errorf("the event has no kind: add kind: ticket, call, survey …")
	}
	body, err := bodyOf(s.Kind)
	if err != nil {
		return nil, err
	}
	kind, _ := kpi.ParseKind(s.Kind.value)
	e := &event{name: s.Kind.value, kind: kind, body: body, once: s.Once, position: s.position}
	if err := c.eventAction(e, s); err != nil {
		return nil, err
	}
	if s.Name.set {
		e.name = s.Name.value
	}
	if err := c.eventExpressions(e, s, d); err != nil {
		return nil, err
	}
	return e, c.eventFields(e, s, d, used)
}

func (s *stanza) errorf(format string, args ...any) error {
	return s.position.errorf(format, args...)
}

func (c *compiler) eventAction(e *event, s *stanza) error {
	action := e.body.Message().Fields().ByName("action")
	switch {
	case action == nil && s.Action.set:
		return s.Action.errorf("events of kind %s have no action: remove it", e.name)
	case action == nil:
		return nil
	case !s.Action.set:
		return s.errorf("the event has no action: add one of %s", strings.Join(enumNames(action.Enum()), ", "))
	}
	var err error
	if e.action, err = c.setter(action, true, pair{name: s.Action, one: s.Action}); err != nil {
		return err
	}
	if constant, ok := e.action.value.constant(); ok {
		e.name += "." + constant
	}
	return nil
}

func (c *compiler) eventExpressions(e *event, s *stanza, d *document) (err error) {
	if !s.At.set {
		return s.errorf("the event has no at: add the time at which it happened, as in at: row.created_at")
	}
	instant := []*cel.Type{cel.StringType, cel.TimestampType}
	if e.at, err = c.compile(s.At, inRepeat, instant...); err != nil {
		return err
	}
	pick := func(own, common text) text {
		if own.set {
			return own
		}
		return common
	}
	for _, o := range []struct {
		to     **expression
		source text
		want   []*cel.Type
	}{
		{&e.when, s.When, []*cel.Type{cel.BoolType}},
		{&e.repeat, s.Repeat, []*cel.Type{cel.IntType}},
		{&e.sequence, s.Sequence, []*cel.Type{cel.IntType}},
		{&e.notBefore, pick(s.NotBefore, d.NotBefore), instant},
		{&e.notAfter, pick(s.NotAfter, d.NotAfter), instant},
	} {
		allowed := inRepeat
		if o.to == &e.repeat {
			allowed = inEntity
		}
		if *o.to, err = c.optional(o.source, allowed, o.want...); err != nil {
			return err
		}
	}
	for _, o := range []struct {
		to     **template
		source text
	}{{&e.id, s.ID}, {&e.tenant, s.Tenant}} {
		if o.source.set {
			if *o.to, err = c.template(o.source, inRepeat); err != nil {
				return err
			}
		}
	}
	return nil
}

// eventFields compiles the event's own fields and those common fields that its kind has.
func (c *compiler) eventFields(e *event, s *stanza, d *document, used map[string]bool) error {
	for _, p := range s.Fields {
		if err := c.eventField(e, p); err != nil {
			return err
		}
	}
	for _, p := range d.Fields {
		if field, _ := e.field(p.name.value); field == nil {
			continue
		}
		used[p.name.value] = true
		if s.Fields.find(p.name.value) >= 0 {
			continue
		}
		if err := c.eventField(e, p); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) eventField(e *event, p pair) error {
	if key, ok := ownKeys[p.name.value]; ok {
		return p.name.errorf("%s is no field here: use the key %s of the event", p.name.value, key)
	}
	field, inBody := e.field(p.name.value)
	if field == nil {
		return p.name.errorf("field %q is unknown to kind %s: %s", p.name.value, e.kind, suggest(p.name.value, fieldNames(e.body)))
	}
	set, err := c.setter(field, inBody, p)
	if err != nil {
		return err
	}
	e.setters = append(e.setters, set)
	return nil
}

// field finds a field of the event or of its body by its name.
func (e *event) field(name string) (field protoreflect.FieldDescriptor, inBody bool) {
	if _, own := ownKeys[name]; own {
		return nil, false
	}
	if f := eventFields.ByName(protoreflect.Name(name)); f != nil && (f.ContainingOneof() == nil || f.HasOptionalKeyword()) {
		return f, false
	}
	return e.body.Message().Fields().ByName(protoreflect.Name(name)), true
}

// instant is a time of the event in milliseconds; ok is false where it is empty.
func (m *Mapping) instant(v ref.Val) (when time.Time, ok bool, err error) {
	switch v := v.(type) {
	case types.Timestamp:
		when = v.Time
	case types.String:
		if v == "" {
			return when, false, nil
		}
		if when, err = m.times.parse(string(v)); err != nil {
			return when, false, err
		}
	default:
		return when, false, &valueError{fmt.Sprint(v.Value()), "is no time: use time(…)"}
	}
	return when.Truncate(time.Millisecond), true, nil
}

func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
