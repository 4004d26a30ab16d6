package mapping

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Error is a mistake in a mapping file.
type Error struct {
	File         string
	Line, Column int
	Problem      string // what is wrong, and the remedy
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Problem)
}

// document is a mapping file as it is written.
type document struct {
	Tenant    text     `yaml:"tenant"`
	Input     input    `yaml:"input"`
	Time      clock    `yaml:"time"`
	Numbers   numbers  `yaml:"numbers"`
	Columns   pairs    `yaml:"columns"`
	Tables    tables   `yaml:"tables"`
	Compute   pairs    `yaml:"compute"`
	Entity    text     `yaml:"entity"`
	Order     texts    `yaml:"order"`
	Grouped   bool     `yaml:"grouped"`
	Skip      text     `yaml:"skip"`
	StopAfter text     `yaml:"stop_after"`
	NotBefore text     `yaml:"not_before"`
	NotAfter  text     `yaml:"not_after"`
	Fields    pairs    `yaml:"fields"`
	Events    []stanza `yaml:"events"`
}

type input struct {
	Format    string   `yaml:"format"`
	Delimiter string   `yaml:"delimiter"`
	Quotes    string   `yaml:"quotes"`
	Comment   string   `yaml:"comment"`
	Names     []string `yaml:"names"`
	SkipLines int      `yaml:"skip_lines"`
	Ragged    bool     `yaml:"ragged"`
	Missing   texts    `yaml:"missing"`
	Encoding  string   `yaml:"encoding"`
	Explode   string   `yaml:"explode"`
}

type clock struct {
	Zone    text  `yaml:"zone"`
	Formats texts `yaml:"formats"`
}

type numbers struct {
	Decimal text `yaml:"decimal"`
	Group   text `yaml:"group"`
}

type lookupTable struct {
	Values  pairs `yaml:"values"`
	Default text  `yaml:"default"`
	Keep    bool  `yaml:"keep"`
	Fold    bool  `yaml:"ignore_case"`
}

// stanza is one entry of events.
type stanza struct {
	Name      text  `yaml:"name"`
	Kind      text  `yaml:"kind"`
	Action    text  `yaml:"action"`
	When      text  `yaml:"when"`
	Once      bool  `yaml:"once"`
	Repeat    text  `yaml:"repeat"`
	At        text  `yaml:"at"`
	NotBefore text  `yaml:"not_before"`
	NotAfter  text  `yaml:"not_after"`
	ID        text  `yaml:"id"`
	Tenant    text  `yaml:"tenant"`
	Sequence  text  `yaml:"sequence"`
	Fields    pairs `yaml:"fields"`

	position position
}

type position struct{ line, column int }

func at(node ast.Node) position {
	return tokenPosition(node.GetToken())
}

func tokenPosition(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

func (p position) errorf(format string, args ...any) error {
	return &Error{Line: p.line, Column: p.column, Problem: fmt.Sprintf(format, args...)}
}

// text is a scalar with its position. It is unset where the file does not have it.
type text struct {
	value string
	set   bool
	block bool // a block scalar: its text begins on the next line
	position
}

// UnmarshalYAML keeps the scalar as it is written.
func (t *text) UnmarshalYAML(node ast.Node) error {
	t.position, t.set = at(node), true
	switch n := node.(type) {
	case *ast.StringNode:
		t.value = n.Value
		if n.Token.Type != token.StringType { // quoted
			t.column++
		}
	case *ast.LiteralNode:
		t.value, t.block = strings.TrimRight(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		t.value = node.GetToken().Value
	case *ast.NullNode:
		t.set = false
	default:
		return t.errorf("want text here, not %s", strings.ToLower(node.Type().String()))
	}
	return nil
}

// texts is a list of scalars; a single one may stand for itself.
type texts []text

// UnmarshalYAML reads a list or a scalar.
func (t *texts) UnmarshalYAML(node ast.Node) error {
	nodes := []ast.Node{node}
	if list, ok := node.(*ast.SequenceNode); ok {
		nodes = list.Values
	}
	for _, n := range nodes {
		var one text
		if err := one.UnmarshalYAML(n); err != nil {
			return err
		}
		*t = append(*t, one)
	}
	return nil
}

func (t texts) values() []string {
	var out []string
	for _, one := range t {
		out = append(out, one.value)
	}
	return out
}

// pair is a name and what stands under it: a scalar, a list of scalars, or pairs.
type pair struct {
	name  text
	one   text
	list  texts
	inner pairs
}

// pairs is a YAML mapping in the order in which it is written.
type pairs []pair

// UnmarshalYAML reads a mapping.
func (p *pairs) UnmarshalYAML(node ast.Node) error {
	entries, err := entriesOf(node)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		var one pair
		one.name = text{value: entry.Key.GetToken().Value, set: true, position: at(entry.Key)}
		switch entry.Value.(type) {
		case *ast.SequenceNode:
			err = one.list.UnmarshalYAML(entry.Value)
		case *ast.MappingNode, *ast.MappingValueNode:
			err = one.inner.UnmarshalYAML(entry.Value)
		default:
			err = one.one.UnmarshalYAML(entry.Value)
		}
		if err != nil {
			return err
		}
		if i := p.find(one.name.value); i >= 0 {
			return one.name.errorf("%q is given twice: remove one", one.name.value)
		}
		*p = append(*p, one)
	}
	return nil
}

func entriesOf(node ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	case *ast.NullNode:
		return nil, nil
	}
	return nil, at(node).errorf("want names with values here, as in name: value")
}

func (p pairs) find(name string) int {
	return slices.IndexFunc(p, func(one pair) bool { return one.name.value == name })
}

// tables are the value tables by name.
type tables []namedTable

type namedTable struct {
	name  text
	table lookupTable
}

// UnmarshalYAML reads tables in the order in which they are written.
func (t *tables) UnmarshalYAML(node ast.Node) error {
	entries, err := entriesOf(node)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		one := namedTable{name: text{value: entry.Key.GetToken().Value, position: at(entry.Key)}}
		if err := yaml.NodeToValue(entry.Value, &one.table, yaml.Strict()); err != nil {
			return err
		}
		*t = append(*t, one)
	}
	return nil
}

// UnmarshalYAML notes where the stanza begins.
func (s *stanza) UnmarshalYAML(node ast.Node) error {
	type plain stanza
	if err := yaml.NodeToValue(node, (*plain)(s), yaml.Strict()); err != nil {
		return err
	}
	if entries, err := entriesOf(node); err == nil && len(entries) > 0 {
		s.position = at(entries[0].Key)
	}
	return nil
}

// read decodes a mapping file, strictly.
func read(path string) (*document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d document
	if err := yaml.UnmarshalWithOptions(data, &d, yaml.Strict()); err != nil {
		return nil, inFile(path, err)
	}
	return &d, nil
}

// inFile gives an error of the YAML library, or of ours, its file.
func inFile(path string, err error) error {
	name := filepath.Base(path)
	if own := (*Error)(nil); errors.As(err, &own) {
		own.File = name
		return own
	}
	var e yaml.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", name, err)
	}
	p, problem := tokenPosition(e.GetToken()), e.GetMessage()
	if field, ok := strings.CutPrefix(problem, "unknown field "); ok {
		field = strings.Trim(field, `"`)
		problem = fmt.Sprintf("unknown key %q: %s", field, suggest(field, keys(reflect.TypeFor[document]())))
	}
	return &Error{File: name, Line: p.line, Column: p.column, Problem: problem}
}

// keys lists the keys of the language.
func keys(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		names = append(names, name)
		switch f.Type {
		case reflect.TypeFor[tables]():
			names = append(names, keys(reflect.TypeFor[lookupTable]())...)
		case reflect.TypeFor[[]stanza]():
			names = append(names, keys(reflect.TypeFor[stanza]())...)
		case reflect.TypeFor[input](), reflect.TypeFor[clock](), reflect.TypeFor[numbers]():
			names = append(names, keys(f.Type)...)
		}
	}
	return names
}

// suggest names what was probably meant; where nothing is near, all there is.
func suggest(given string, names []string) string {
	if best := kpi.Nearest(given, names, max(2, len(given)/3)); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return "use one of " + strings.Join(slices.Compact(names), ", ")
}
