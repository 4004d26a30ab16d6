package kpi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// loader reads one file into a catalogue.
type loader struct {
	c       *Catalogue
	file    string
	builtin bool
}

func (l *loader) load(data []byte) error {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return l.yamlError(err)
	}
	if len(tree.Docs) > 1 {
		return l.at(tree.Docs[1].Body, "a second document: write one document for each file")
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return nil
	}
	body := tree.Docs[0].Body
	if body.Type() == ast.CommentType || body.Type() == ast.NullType {
		return nil
	}
	for _, entry := range l.entries(body, &err) {
		if err == nil {
			err = l.section(entry.key, entry.value)
		}
	}
	return err
}

func (l *loader) section(name string, value ast.Node) error {
	var err error
	switch name {
	case "options":
		for _, e := range l.entries(value, &err) {
			if err == nil {
				err = l.option(e.key, e.value)
			}
		}
	case "measures":
		for _, e := range l.entries(value, &err) {
			if err == nil {
				err = l.measure(e.key, e.value)
			}
		}
	case "kpis":
		if value.Type() == ast.NullType {
			return nil
		}
		list, ok := value.(*ast.SequenceNode)
		if !ok {
			return l.at(value, "kpis is not a list: begin each KPI with “- key:”")
		}
		for _, node := range list.Values {
			if err == nil {
				err = l.kpi(node)
			}
		}
	default:
		return l.at(value, "section %q is unknown: use options, measures or kpis", name)
	}
	return err
}

func (l *loader) option(name string, node ast.Node) error {
	path := "options." + name
	if err := l.remember(path, node); err != nil {
		return err
	}
	o, known := l.c.Option(name)
	if !known {
		if !isName(name) {
			return l.c.refuse(path, "name %q: use lower-case letters, digits and _", name)
		}
		l.c.Options = append(l.c.Options, Option{Name: name})
		o = &l.c.Options[len(l.c.Options)-1]
	}
	if err := l.decode(node, o); err != nil {
		return err
	}
	if _, ok := parseDuration(o.Default); !ok && len(o.Values) == 0 {
		if _, ok := parseNumber(o.Default); !ok {
			return l.c.refuse(path+".default", "%q: give a number, a duration as in 20s, or the list of values allowed", o.Default)
		}
	}
	if err := o.check(o.Default); err != nil {
		return l.c.refuse(path+".default", "%w", err)
	}
	return nil
}

func (l *loader) measure(name string, node ast.Node) error {
	path := "measures." + name
	l.forget(path)
	if err := l.remember(path, node); err != nil {
		return err
	}
	if !isName(name) {
		return l.c.refuse(path, "name %q: use lower-case letters, digits and _", name)
	}
	m := NamedSpec{Name: name}
	if err := l.decode(node, &m.Spec); err != nil {
		return err
	}
	i := slices.IndexFunc(l.c.Measures, func(o NamedSpec) bool { return o.Name == name })
	if i < 0 {
		l.c.Measures = append(l.c.Measures, m)
	} else {
		l.c.Measures[i] = m
	}
	return nil
}

func (l *loader) kpi(node ast.Node) error {
	var name struct {
		Key string `yaml:"key"`
	}
	if err := yaml.NodeToValue(node, &name); err != nil {
		return l.yamlError(err)
	}
	if !isName(name.Key) {
		return l.at(node, "key %q: give the KPI a key of lower-case letters, digits and _", name.Key)
	}
	path := "kpis." + name.Key
	old, known := l.c.Find(name.Key)
	if known && l.c.places[path].file == l.file {
		return l.at(node, "key %q: it is given twice: rename one", name.Key)
	}
	var d Definition
	if known {
		d = l.overridden(old, node)
	}
	if err := l.remember(path, node); err != nil {
		return err
	}
	names, descriptions := d.Names, d.Descriptions
	if err := l.decode(node, &d); err != nil {
		return err
	}
	d.Names, d.Descriptions = overlaid(names, d.Names), overlaid(descriptions, d.Descriptions)
	if known {
		*old = d
	} else {
		l.c.KPIs = append(l.c.KPIs, d)
	}
	return l.c.check(path, &d, l.builtin)
}

// overridden returns what a file that names a KPI again leaves of it: all that it does
// not say, but for the terms of another formula.
func (l *loader) overridden(old *Definition, node ast.Node) Definition {
	d := *old
	var err error
	for _, e := range l.entries(node, &err) {
		if e.key == "formula" {
			d.Numerator, d.Denominator, d.Of, d.Parts = "", "", "", nil
		}
	}
	return d
}

func overlaid(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		return over
	}
	maps.Copy(out, over)
	return out
}

// decode fills a struct; what it does not know is an error.
func (l *loader) decode(node ast.Node, into any) error {
	if err := yaml.NodeToValue(node, into, yaml.Strict()); err != nil {
		return l.yamlError(err)
	}
	return nil
}

type entry struct {
	key   string
	value ast.Node
}

// entries lists a mapping in the order of the file.
func (l *loader) entries(node ast.Node, err *error) []entry {
	switch m := node.(type) {
	case *ast.MappingNode:
		out := make([]entry, 0, len(m.Values))
		seen := map[string]bool{}
		for _, v := range m.Values {
			key := v.Key.GetToken().Value
			if seen[key] {
				*err = l.at(v.Key, "%q is given twice: keep one", key)
				return nil
			}
			seen[key] = true
			out = append(out, entry{key, v.Value})
		}
		return out
	case *ast.MappingValueNode:
		return []entry{{m.Key.GetToken().Value, m.Value}}
	case *ast.NullNode:
		return nil
	default:
		*err = l.at(node, "a %s where names and values belong: write “name: value”", strings.ToLower(node.Type().String()))
		return nil
	}
}

// remember notes the place of each value under a path.
func (l *loader) remember(path string, node ast.Node) error {
	p := node.GetToken().Position
	l.c.places[path] = place{l.file, p.Line, p.Column}
	var err error
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, e := range l.entries(n, &err) {
			if err == nil {
				err = l.remember(path+"."+e.key, e.value)
			}
		}
	case *ast.SequenceNode:
		for i, v := range n.Values {
			if err == nil {
				err = l.remember(path+"["+strconv.Itoa(i)+"]", v)
			}
		}
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return l.at(n, "anchors, aliases and tags are not read: write the value out")
	}
	return err
}

// forget drops the places of a value that is replaced.
func (l *loader) forget(path string) {
	maps.DeleteFunc(l.c.places, func(p string, _ place) bool {
		rest, ok := strings.CutPrefix(p, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

func (l *loader) at(node ast.Node, format string, args ...any) error {
	return l.atToken(node.GetToken(), fmt.Errorf(format, args...))
}

func (l *loader) atToken(t *token.Token, err error) error {
	if t == nil || t.Position == nil {
		return fmt.Errorf("%s:1:1: %w", l.file, err)
	}
	return fmt.Errorf("%s: %w", place{l.file, t.Position.Line, t.Position.Column}, err)
}

// yamlError puts an error of the YAML library into our form, on one line.
func (l *loader) yamlError(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return fmt.Errorf("%s: %w", l.file, err)
	}
	message, _, _ := strings.Cut(y.GetMessage(), "\n")
	remedy := "write a value of the kind that the field has"
	var unknown *yaml.UnknownFieldError
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &unknown):
		remedy = "remove it, or use a name of the reference"
	case errors.As(err, &syntax):
		remedy = "write YAML"
	}
	return l.atToken(y.GetToken(), fmt.Errorf("%s: %s", message, remedy))
}

// isName reports whether a name can be used in expressions, metrics and SQL.
func isName(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 60
}
