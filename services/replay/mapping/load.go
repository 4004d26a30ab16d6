package mapping

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/deskpulse/deskpulse/services/replay/table"
)

// Mapping is a checked mapping file. It is not safe for concurrent use.
type Mapping struct {
	file       string
	format     table.Format
	aliases    pairs
	times      *times
	library    *library
	references []reference

	tenant          *template // nil where the file names none
	compute         []computed
	entity          *expression // nil: every row stands alone
	order           []*expression
	grouped         bool
	skip, stopAfter *expression
	events          []*event
}

// computed is a column that the mapping adds to every row.
type computed struct {
	name  string
	value *template
}

// Load reads a mapping file and checks all that can be known before the data: names,
// types of expressions, fields of the contract, time formats. A mistake is an *Error.
func Load(path string) (*Mapping, error) {
	d, err := read(path)
	if err != nil {
		return nil, err
	}
	m, err := build(d)
	if err != nil {
		return nil, inFile(path, err)
	}
	m.file = path
	return m, nil
}

func build(d *document) (*Mapping, error) {
	m := &Mapping{grouped: d.Grouped, aliases: d.Columns}
	steps := []func(*document) error{m.readFormat, m.readLibrary, m.readRows, m.readEvents}
	for _, step := range steps {
		if err := step(d); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Mapping) readFormat(d *document) error {
	in := d.Input
	m.format = table.Format{
		Kind: in.Format, Delimiter: in.Delimiter, Quotes: in.Quotes, Comment: in.Comment, Names: in.Names,
		SkipLines: in.SkipLines, Ragged: in.Ragged, Missing: in.Missing.values(), Encoding: in.Encoding, Explode: in.Explode,
	}
	for _, alias := range m.aliases {
		if !alias.one.set {
			return alias.name.errorf("columns.%s: want the name of a column in the data", alias.name.value)
		}
	}
	if err := m.format.Validate(); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	return nil
}

func (m *Mapping) readLibrary(d *document) error {
	for _, f := range d.Time.Formats {
		if _, err := newTimeFormat(f.value); err != nil {
			return f.errorf("%v", err)
		}
	}
	var err error
	if m.times, err = newTimes(d.Time.Zone.value, d.Time.Formats.values()); err != nil {
		return d.Time.Zone.errorf("%v", err)
	}
	m.library = &library{times: m.times, decimal: ".", group: d.Numbers.Group.value, tables: map[string]*valueTable{}}
	if d.Numbers.Decimal.set {
		m.library.decimal = d.Numbers.Decimal.value
	}
	if utf8.RuneCountInString(m.library.decimal) != 1 || m.library.decimal == m.library.group {
		return d.Numbers.Decimal.errorf("numbers.decimal %q must be one character, and another than numbers.group", m.library.decimal)
	}
	for _, t := range d.Tables {
		if m.library.tables[t.name.value], err = newTable(t); err != nil {
			return err
		}
	}
	return nil
}

func newTable(t namedTable) (*valueTable, error) {
	out := &valueTable{name: t.name.value, values: map[string]string{}, fold: t.table.Fold, keep: t.table.Keep}
	if len(t.table.Values) == 0 {
		return nil, t.name.errorf("table %s has no values: list them under values", t.name.value)
	}
	if t.table.Default.set {
		out.fallback = &t.table.Default.value
		if out.keep {
			return nil, t.table.Default.errorf("table %s has both keep and default: remove one", t.name.value)
		}
	}
	for _, v := range t.table.Values {
		key := v.name.value
		if out.fold {
			key = strings.ToLower(key)
		}
		if len(v.list) > 0 || len(v.inner) > 0 {
			return nil, v.name.errorf("table %s: the value of %q must be text", t.name.value, key)
		}
		out.values[key] = v.one.value
	}
	return out, nil
}

func (m *Mapping) readRows(d *document) error {
	c, err := newCompiler(m.library)
	if err != nil {
		return err
	}
	if d.Tenant.set {
		if m.tenant, err = c.template(d.Tenant, inRepeat); err != nil {
			return err
		}
	}
	for _, p := range d.Compute {
		value, err := c.template(p.one, inRow)
		if err != nil {
			return err
		}
		m.compute = append(m.compute, computed{p.name.value, value})
	}
	keys := []*cel.Type{cel.StringType, cel.IntType, cel.DoubleType}
	if m.entity, err = c.optional(d.Entity, inRow, keys...); err != nil {
		return err
	}
	for _, o := range d.Order {
		e, err := c.compile(o, inRow, append(keys, cel.TimestampType)...)
		if err != nil {
			return err
		}
		m.order = append(m.order, e)
	}
	if m.entity == nil && len(m.order) > 0 {
		return d.Order[0].errorf("order needs entity: it is the order of the rows of one entity")
	}
	if m.skip, err = c.optional(d.Skip, inSkip, cel.BoolType); err != nil {
		return err
	}
	m.stopAfter, err = c.optional(d.StopAfter, inEntity, cel.BoolType)
	m.references = c.references
	return err
}

func (c *compiler) optional(source text, allowed names, want ...*cel.Type) (*expression, error) {
	if !source.set {
		return nil, nil
	}
	return c.compile(source, allowed, want...)
}

// maxEvents is how many entries events may have: the bits of state.done.
const maxEvents = 64

func (m *Mapping) readEvents(d *document) error {
	c, err := newCompiler(m.library)
	if err != nil {
		return err
	}
	if len(d.Events) == 0 {
		return fmt.Errorf("there are no events: list what the rows mean under events")
	}
	if len(d.Events) > maxEvents {
		return d.Events[maxEvents].errorf("there are more than %d events: use an action from a table, or two mappings", maxEvents)
	}
	used := map[string]bool{}
	for i := range d.Events {
		e, err := c.event(&d.Events[i], d, used)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(m.events, func(o *event) bool { return o.name == e.name }) {
			e.name = fmt.Sprintf("%s.%d", e.name, i+1)
		}
		m.events = append(m.events, e)
	}
	for _, f := range d.Fields {
		if !used[f.name.value] {
			return c.unknownField(f.name, d)
		}
	}
	m.references = append(m.references, c.references...)
	return nil
}

// unknownField complains of a common field that no event has.
func (c *compiler) unknownField(name text, d *document) error {
	var all []string
	for _, s := range d.Events {
		if body, err := bodyOf(s.Kind); err == nil {
			all = append(all, fieldNames(body)...)
		}
	}
	return name.errorf("field %q is unknown to the kinds of all events: %s", name.value, suggest(name.value, all))
}

// checkHeader reports the first column that the mapping names and a file does not have.
func (m *Mapping) checkHeader(file string, names []string) error {
	known := slices.Clone(names)
	for _, a := range m.aliases {
		if !slices.Contains(names, a.one.value) {
			return inFile(m.file, a.one.errorf("column %q is not in %s: %s", a.one.value, file, suggest(a.one.value, names)))
		}
		known = append(known, a.name.value)
	}
	for _, c := range m.compute {
		known = append(known, c.name)
	}
	for _, r := range m.references {
		if !slices.Contains(known, r.column) {
			return inFile(m.file, r.errorf("column %q is not in %s: %s", r.column, file, suggest(r.column, known)))
		}
	}
	return nil
}

// unseen lists the columns that the mapping names and no row had.
func (m *Mapping) unseen(columns *table.Columns) []string {
	var out []string
	for _, r := range m.references {
		if _, ok := columns.Find(r.column); !ok && !slices.Contains(out, r.column) {
			out = append(out, r.column)
		}
	}
	return out
}

// fieldNames lists the fields of the contract that a kind has, for help and completion.
func fieldNames(body protoreflect.FieldDescriptor) []string {
	var out []string
	for _, fields := range []protoreflect.FieldDescriptors{eventFields, body.Message().Fields()} {
		for i := range fields.Len() {
			if f := fields.Get(i); f.ContainingOneof() == nil || f.HasOptionalKeyword() {
				if _, own := ownKeys[string(f.Name())]; !own {
					out = append(out, string(f.Name()))
				}
			}
		}
	}
	return out
}
