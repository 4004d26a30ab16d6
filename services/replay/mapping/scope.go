package mapping

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"

	"github.com/deskpulse/deskpulse/services/replay/table"
)

// scope is what the names in an expression stand for.
type scope struct {
	row, prev, next, first rowValue
	n, i                   int64
}

var _ interpreter.Activation = (*scope)(nil)

// ResolveName gives a name its value.
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case "row":
		return &s.row, true
	case "prev":
		return &s.prev, true
	case "next":
		return &s.next, true
	case "first":
		return &s.first, true
	case "n":
		return types.Int(s.n), true
	case "i":
		return types.Int(s.i), true
	case "file":
		return types.String(s.row.file()), true
	case "rownum":
		return types.Int(s.row.number()), true
	}
	return nil, false
}

// Parent is none.
func (s *scope) Parent() interpreter.Activation { return nil }

// rowValue shows a row to expressions as a map of texts, in which every column exists:
// what a row does not have is "".
type rowValue struct {
	columns *table.Columns
	row     *table.Row // nil before the first and after the last
}

var _ traits.Mapper = (*rowValue)(nil)

func (r *rowValue) file() string {
	if r.row == nil {
		return ""
	}
	return r.row.File
}

func (r *rowValue) number() int64 {
	if r.row == nil {
		return 0
	}
	return r.row.Number
}

func (r *rowValue) text(name string) string {
	id, ok := r.columns.Find(name)
	if !ok {
		return ""
	}
	return r.row.Get(id)
}

// Find returns a column's value.
func (r *rowValue) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.NewErr("column %v: its name is not text", key), false
	}
	return types.String(r.text(string(name))), true
}

// Get returns a column's value.
func (r *rowValue) Get(key ref.Val) ref.Val {
	v, _ := r.Find(key)
	return v
}

// Contains reports whether a column has a value, for "x" in row.
func (r *rowValue) Contains(key ref.Val) ref.Val {
	return types.Bool(r.Get(key) != types.String(""))
}

// Size is the number of columns.
func (r *rowValue) Size() ref.Val { return types.Int(len(r.columns.Names())) }

// Iterator goes over the columns' names.
func (r *rowValue) Iterator() traits.Iterator {
	return types.DefaultTypeAdapter.NativeToValue(r.columns.Names()).(traits.Lister).Iterator()
}

// ConvertToNative gives the row as a Go map.
func (r *rowValue) ConvertToNative(t reflect.Type) (any, error) {
	if t != reflect.TypeFor[map[string]string]() {
		return nil, fmt.Errorf("a row cannot become %v", t)
	}
	out := map[string]string{}
	for _, name := range r.columns.Names() {
		out[name] = r.text(name)
	}
	return out, nil
}

// ConvertToType allows nothing but what a row is.
func (r *rowValue) ConvertToType(t ref.Type) ref.Val {
	if t == types.MapType {
		return r
	}
	return types.NewErr("a row cannot become %s: take one of its columns", t.TypeName())
}

// Equal compares all columns.
func (r *rowValue) Equal(other ref.Val) ref.Val {
	o, ok := other.(*rowValue)
	if !ok {
		return types.False
	}
	for _, name := range r.columns.Names() {
		if r.text(name) != o.text(name) {
			return types.False
		}
	}
	return types.True
}

// Type is a map.
func (r *rowValue) Type() ref.Type { return types.MapType }

// Value is the row itself.
func (r *rowValue) Value() any { return r }

// asText writes a value of an expression as text.
func asText(v ref.Val) (string, error) {
	switch v := v.(type) {
	case types.String:
		return string(v), nil
	case types.Int, types.Uint, types.Bool:
		return fmt.Sprint(v.Value()), nil
	case types.Double:
		return decimalText(float64(v)), nil
	case types.Timestamp:
		return v.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), nil
	case types.Duration:
		return v.Duration.String(), nil
	case types.Null:
		return "", nil
	}
	return "", fmt.Errorf("a %s is no text: make it one", v.Type().TypeName())
}
