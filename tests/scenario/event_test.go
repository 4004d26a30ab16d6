package scenario_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// event is one event as a publisher sends it, with what decides where it goes. Events
// are kept in this form because the decoded one is ten times as large.
type event struct {
	at          int64 // Unix ms
	tenant, key string
	wire        []byte
}

// log collects events in the order of the file.
type log struct {
	events  []event
	keys    map[string]string // of each entity, by kind and id
	decoder kpi.Decoder
}

func newLog() *log { return &log{keys: map[string]string{}} }

// bodies are the messages of the contract's kinds, by the name of their field.
var bodies = func() map[string]protoreflect.MessageDescriptor {
	out := map[string]protoreflect.MessageDescriptor{}
	fields := envelope.Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.ContainingOneof() != nil && !f.HasOptionalKeyword() {
			out[string(f.Name())] = f.Message()
		}
	}
	return out
}()

var envelope = (&deskpulsev1.Event{}).ProtoReflect().Descriptor()

// add parses the line of an event, and repeats it as often as it says.
func (l *log) add(number int, line string) error {
	tokens, err := split(line)
	if err != nil {
		return err
	}
	times, every := 1, time.Duration(0)
	if i := slices.Index(tokens, "x"); i >= 0 {
		if times, every, err = parseRepeat(tokens[i+1:]); err != nil {
			return err
		}
		tokens = tokens[:i]
	}
	for n := range times {
		id := fmt.Sprintf("e%04d", number)
		one := slices.Clone(tokens)
		if times > 1 {
			id += "." + strconv.Itoa(n+1)
			for i := range one {
				one[i] = strings.ReplaceAll(one[i], "#", strconv.Itoa(n+1))
			}
		}
		if err := l.one(id, one, time.Duration(n)*every); err != nil {
			return err
		}
	}
	return nil
}

func parseRepeat(tokens []string) (times int, every time.Duration, err error) {
	if len(tokens) != 1 && (len(tokens) != 3 || tokens[1] != "every") {
		return 0, 0, fmt.Errorf("the repetition is not valid: write x 3 or x 3 every 10m")
	}
	if times, err = strconv.Atoi(tokens[0]); err != nil || times < 1 {
		return 0, 0, fmt.Errorf("x %q is no number of times: give 1 or more", tokens[0])
	}
	if len(tokens) == 3 {
		every, err = time.ParseDuration(tokens[2])
	}
	return times, every, err
}

// one appends the event that tokens say, later by delay.
func (l *log) one(id string, tokens []string, delay time.Duration) error {
	if len(tokens) < 3 {
		return fmt.Errorf("an event needs a time, a kind and an id")
	}
	at, err := parseTime(tokens[0])
	if err != nil {
		return err
	}
	w := writer{head: map[string]any{"id": id, "tenant": "acme", "occurred_at": at.Add(delay).Format(time.RFC3339Nano)}, body: map[string]any{}}
	if err := w.begin(tokens[1], tokens[2]); err != nil {
		return err
	}
	for i, token := range tokens[3:] {
		name, value, named := strings.Cut(token, "=")
		if !named && i == 0 {
			name, value = "action", token
		} else if !named {
			return fmt.Errorf("%q is no field: write name=value", token)
		}
		if err := w.set(name, value); err != nil {
			return err
		}
	}
	l.giveKey(&w, tokens[1], tokens[2])
	return l.decode(&w)
}

// giveKey gives an event the key of its entity's first event, which never changes.
func (l *log) giveKey(w *writer, kind, id string) {
	if kind == "void" {
		kind, id = fmt.Sprint(w.body["kind"]), fmt.Sprint(w.body["entity_id"])
	}
	own, ok := w.head["key"].(string)
	if !ok {
		own, ok = w.head["customer_id"].(string)
	}
	if !ok {
		own = id
	}
	entity := kind + " " + id
	if first, known := l.keys[entity]; known && first != own {
		w.head["key"] = first
	} else if kind != "void" {
		l.keys[entity] = own
	}
}

func (l *log) decode(w *writer) error {
	w.head[w.field] = w.body
	data, err := json.Marshal(w.head)
	if err != nil {
		return err
	}
	message, err := kpi.ParseJSON(data)
	if err != nil {
		return err
	}
	if data, err = proto.Marshal(message); err != nil {
		return err
	}
	return decode(&l.decoder, data, func(ev *kpi.Event) {
		l.events = append(l.events, event{at: ev.At, tenant: strings.Clone(ev.Tenant), key: strings.Clone(ev.PartitionKey()), wire: data})
	})
}

// decode hands over the event in data, which is valid only within the call.
func decode(d *kpi.Decoder, data []byte, each func(ev *kpi.Event)) (err error) {
	d.Decode(kpi.Envelope{}, data, func(ev *kpi.Event, _ []byte, refused error) {
		if err = refused; err == nil {
			each(ev)
		}
	})
	return err
}

// writer builds the JSON of an event.
type writer struct {
	kind, field string
	head, body  map[string]any
	message     protoreflect.MessageDescriptor
}

// begin sets the kind and the id of what the event is about.
func (w *writer) begin(kind, id string) error {
	w.kind, w.field = kind, kind
	switch kind {
	case "agent":
		w.field = "agent_state"
		w.head["agent"] = id
	case "customer":
		w.body["subscription_id"] = id
	case "void":
		w.body["event_id"] = id
	default:
		w.body[kind+"_id"] = id
	}
	w.message = bodies[w.field]
	if w.message == nil {
		return fmt.Errorf("%q is no kind of event: use ticket, call, interaction, …", kind)
	}
	return nil
}

// set gives a field of the body or of the envelope a value, by its name with or without
// "_id".
func (w *writer) set(name, value string) error {
	if label, ok := strings.CutPrefix(name, "labels."); ok {
		labels, _ := w.head["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		labels[label] = value
		w.head["labels"] = labels
		return nil
	}
	for _, n := range []string{name, name + "_id"} {
		if f := field(w.message, n); f != nil {
			return put(w.body, f, value)
		}
		if f := field(envelope, n); f != nil {
			return put(w.head, f, value)
		}
	}
	return fmt.Errorf("%s has no field %q: see docs/events.md", w.kind, name)
}

// field finds a field of a message that is not one of the bodies; nil where there is none.
func field(m protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	f := m.Fields().ByName(protoreflect.Name(name))
	if f == nil || f.ContainingOneof() != nil && !f.HasOptionalKeyword() {
		return nil
	}
	return f
}

// put sets a field from text, in the form that its JSON has.
func put(object map[string]any, f protoreflect.FieldDescriptor, text string) error {
	name := string(f.Name())
	switch {
	case f.IsList():
		object[name] = strings.Split(text, ",")
	case f.Message() != nil:
		t, err := parseTime(text)
		object[name] = t.Format(time.RFC3339Nano)
		return err
	case f.Kind() == protoreflect.BoolKind:
		object[name] = text == "true"
	case f.Kind() == protoreflect.DoubleKind, f.Kind() == protoreflect.Int64Kind:
		object[name] = json.Number(text)
	default:
		object[name] = text
	}
	return nil
}
