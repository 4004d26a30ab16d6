package kpi

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// jsonFields are the fields of a message, as its descriptor gives them.
type jsonFields struct {
	byName  map[string]*jsonField
	ordered []*jsonField
}

// jsonField is what the JSON of a field is read by.
type jsonField struct {
	name    string
	index   int // its place in the message
	number  protowire.Number
	kind    protoreflect.Kind
	isMap   bool
	isList  bool
	isTime  bool
	oneof   bool
	message *jsonFields
	enum    *enumeration
	values  map[string]int32 // of the enum, by both of their names
}

var eventFields = newJSONFields((*deskpulsev1.Event)(nil).ProtoReflect().Descriptor())

func newJSONFields(d protoreflect.MessageDescriptor) *jsonFields {
	fields := &jsonFields{byName: map[string]*jsonField{}}
	for i := range d.Fields().Len() {
		f := newJSONField(i, d.Fields().Get(i))
		fields.byName[f.name] = f
		fields.ordered = append(fields.ordered, f)
	}
	return fields
}

func newJSONField(index int, d protoreflect.FieldDescriptor) *jsonField {
	oneof := d.ContainingOneof()
	f := &jsonField{
		name:   string(d.Name()),
		index:  index,
		number: d.Number(),
		kind:   d.Kind(),
		isMap:  d.IsMap(),
		isList: d.IsList(),
		isTime: isTimestamp(d),
		oneof:  oneof != nil && !oneof.IsSynthetic(),
	}
	if m := d.Message(); m != nil && !f.isMap && !f.isTime {
		f.message = newJSONFields(m)
	}
	if e := d.Enum(); e != nil {
		names := newEnumeration(e)
		f.enum, f.values = &names, map[string]int32{}
		for i, name := range names.names {
			v := e.Values().Get(i)
			f.values[name] = int32(v.Number())
			f.values[string(v.Name())] = int32(v.Number())
		}
	}
	return f
}

func isTimestamp(d protoreflect.FieldDescriptor) bool {
	return d.Message() != nil && d.Message().FullName() == "google.protobuf.Timestamp"
}

// nearest returns the path of the field whose name is most like name: one of these, or
// one of the messages below.
func (fields *jsonFields) nearest(name string) string {
	name = strings.ToLower(name)
	best, least := "", len(name)+maxText
	consider := func(path, candidate string) {
		if n := distance(name, candidate); n < least {
			best, least = path, n
		}
	}
	for _, f := range fields.ordered {
		consider(f.name, f.name)
	}
	for _, f := range fields.ordered {
		if f.message == nil {
			continue
		}
		for _, inner := range f.message.ordered {
			consider(f.name+"."+inner.name, inner.name)
		}
	}
	return best
}

// Nearest returns the name that is most like the given one, whatever their case, where
// at most so many bytes tell them apart; else "".
func Nearest(given string, names []string, most int) string {
	given = strings.ToLower(given)
	best, least := "", most+1
	for _, name := range names {
		if n := distance(given, strings.ToLower(name)); n < least {
			best, least = name, n
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace to make b of a. Only
// the start of a very long name is looked at.
func distance(a, b string) int {
	a = a[:min(len(a), maxShown)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
