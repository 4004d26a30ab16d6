package kpi

import (
	"math/bits"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// feeding compiles the expressions of one source.
type feeding struct {
	*compiler
	feed    *Feed
	spec    *Source
	path    string
	measure *Measure
	schema  *Schema
	at      *expression // of At, to find the instant of the dimensions
	never   bool        // options rule it out
}

func (w *feeding) refuse(field, format string, args ...any) error {
	return w.c.refuse(w.path+"."+field, format, args...)
}

func (w *feeding) compile() error {
	if err := w.fields(); err != nil {
		return err
	}
	var err error
	f, s := w.feed, w.spec
	if f.Where, err = w.condition("where", s.Where); err != nil {
		return err
	}
	if f.While, err = w.condition("while", s.While); err != nil {
		return err
	}
	for _, t := range []struct {
		name, text string
		into       *Number
	}{{"at", s.At, &f.At}, {"from", s.From, &f.From}, {"since", s.Since, &f.Since}, {"month", s.Month, &f.Month}} {
		if *t.into, err = w.time(t.name, t.text); err != nil {
			return err
		}
	}
	if err := w.value(); err != nil {
		return err
	}
	if err := w.set(); err != nil {
		return err
	}
	return w.asOf()
}

// fields wants just the fields that the shape reads.
func (w *feeding) fields() error {
	s, shape := w.spec, w.measure.Shape
	if shape.ofThread() {
		return w.refuse("of", "%s is a fact, and a measure of shape %s counts a thread: use one of incident, caller, respondent, customer", s.Of, shape)
	}
	instants, missing := "at", s.At == ""
	if shape.live() {
		instants, missing = "while", s.While == ""
	}
	given := []struct {
		name, text string
		wanted     bool
		why        string
	}{
		{"count", s.Count, false, "only threads are counted by name"},
		{"at", s.At, !shape.live(), "a stock is not dated: it lasts as long as while is true"},
		{"while", s.While, shape.live(), "a " + string(shape) + " is dated by at; for a stock, use as: stock"},
		{"from", s.From, shape.live(), "only stocks begin"},
		{"since", s.Since, shape == ShapeAged || shape == ShapeOldest, "only stocks of shape aged and oldest have an age"},
		{"month", s.Month, shape == ShapeByMonth, "only stocks of shape by_month have one"},
		{"value", s.Value, shape != ShapeCount && shape != ShapeAged && shape != ShapeOldest, "a " + string(shape) + " counts one for each; for values, use as: sum"},
	}
	for _, g := range given {
		if g.text != "" && !g.wanted {
			return w.refuse(g.name, "%s: leave it out", g.why)
		}
	}
	if missing {
		return w.refuse(instants, "a measure of shape %s needs it: give an expression", shape)
	}
	return w.needs()
}

// needs wants the fields that only some shapes read.
func (w *feeding) needs() error {
	s, shape := w.spec, w.measure.Shape
	if shape.live() && !w.schema.Live {
		return w.refuse("of", "%s has no present state, so it makes no stock: count it with at", s.Of)
	}
	for _, n := range []struct {
		name, text string
		shapes     []Shape
		what       string
	}{
		{"since", s.Since, []Shape{ShapeAged, ShapeOldest}, "a time"},
		{"month", s.Month, []Shape{ShapeByMonth}, "a time"},
		{"value", s.Value, []Shape{ShapeHistogram, ShapeSum, ShapeByMonth}, "an expression"},
	} {
		if n.text == "" && slices.Contains(n.shapes, shape) {
			return w.refuse(n.name, "a measure of shape %s needs it: give %s", shape, n.what)
		}
	}
	return nil
}

// expression checks one expression and wants a type of it.
func (w *feeding) expression(name, text string, want ...*cel.Type) (*expression, error) {
	x, err := w.language(w.feed.Fact).check(text)
	if err != nil {
		return nil, w.refuse(name, "%w", err)
	}
	got := x.tree.GetType(x.tree.Expr().ID())
	if !slices.ContainsFunc(want, got.IsExactType) {
		return nil, w.refuse(name, "%q is a %s: give a %s", shown(text), typeName(got), typeNames(want))
	}
	l := lowering{checked: x, schema: w.schema, options: w.options, label: w.label}
	e, err := l.expr(x.tree.Expr())
	if err != nil {
		return nil, w.refuse(name, "%w", err)
	}
	if _, ok := w.sym.(texts); !ok && e.has(opMatch) {
		return nil, w.refuse(name, "%q: functions of text are not served here: compare with == or in", shown(text))
	}
	if outside := e.fields() & w.schema.Outside; outside != 0 && w.measure.Shape.live() {
		field := w.schema.Fields[bits.TrailingZeros64(outside)].Name
		return nil, w.refuse(name, "%q: %s changes with others, too, and a stock moves with its own %s alone: leave %s out, or count with at",
			shown(text), field, w.schema.Name, field)
	}
	w.reads(e)
	return e, nil
}

// fields returns those that an expression reads, as bits.
func (e *expression) fields() (out uint64) {
	if e.op == opField {
		out = 1 << e.slot
	}
	for _, a := range e.args {
		out |= a.fields()
	}
	return out
}

// typeName says a type of CEL in our words.
func typeName(t *types.Type) string {
	switch t.Kind() {
	case types.TimestampKind:
		return "time"
	case types.DoubleKind:
		return "number"
	case types.IntKind:
		return "whole number"
	case types.StringKind:
		return "text"
	case types.DurationKind:
		return "duration"
	}
	return t.String()
}

func typeNames(list []*cel.Type) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = typeName(t)
	}
	return strings.Join(names, " or ")
}

// label returns the index of a label, and keeps it.
func (w *feeding) label(name string) int {
	i := slices.Index(w.out.Labels, name)
	if i < 0 {
		i = len(w.out.Labels)
		w.out.Labels = append(w.out.Labels, name)
	}
	return i
}

// has reports whether an expression does an operation anywhere.
func (e *expression) has(op opcode) bool {
	return e.op == op || slices.ContainsFunc(e.args, func(a *expression) bool { return a.has(op) })
}

// reads notes what an expression reads.
func (w *feeding) reads(e *expression) {
	w.feed.Reads |= e.fields()
	w.dims(e)
}

// dims notes the dimensions that an expression reads.
func (w *feeding) dims(e *expression) {
	switch e.op {
	case opDim:
		w.feed.ByDims = true
		w.out.Reads |= SetOf(Dimension(e.slot))
	case opLabel:
		w.feed.ByDims = true
	}
	for _, a := range e.args {
		w.dims(a)
	}
}

func (w *feeding) condition(name, text string) (Condition, error) {
	if text == "" {
		return nil, nil
	}
	e, err := w.expression(name, text, boolType)
	if err != nil {
		return nil, err
	}
	if e.op == opConst {
		w.never = w.never || e.i == 0
		if name == "where" {
			return nil, nil
		}
	}
	return e.condition(w.sym), nil
}

func (w *feeding) time(name, text string) (Number, error) {
	if text == "" {
		return nil, nil
	}
	e, err := w.expression(name, text, timeType)
	if err != nil {
		return nil, err
	}
	if name == "at" {
		w.at = e
	}
	return e.number(w.sym), nil
}

// unitScales says how values of each unit are kept.
var unitScales = map[string]int64{"seconds": scaleMS, "money": scaleMoney, "points": scalePoint, "count": 1}

// value compiles the value into the unit of the measure, which the first value gives
// where the catalogue does not.
func (w *feeding) value() error {
	m := w.measure
	unitPath := "measures." + m.Name + ".unit"
	if m.Unit == "" {
		m.Unit = "count"
		if m.Shape == ShapeHistogram {
			m.Unit = "seconds"
		}
	}
	scale, ok := unitScales[m.Unit]
	switch {
	case !ok:
		return w.c.refuse(unitPath, "%q is unknown: use one of seconds, money, points, count", m.Unit)
	case m.Shape == ShapeHistogram && m.Unit != "seconds":
		return w.c.refuse(unitPath, "%q: histograms are of durations, in seconds", m.Unit)
	case w.spec.Value == "" && m.Unit != "count":
		return w.c.refuse(unitPath, "%q: what has no value is a count: leave the unit out, or give a value", m.Unit)
	case w.spec.Value == "":
		return nil
	}
	want := []*cel.Type{floatType, intType}
	if m.Unit == "seconds" {
		want = []*cel.Type{spanType}
	}
	e, err := w.expression("value", w.spec.Value, want...)
	if err != nil {
		return err
	}
	w.feed.Value = e.scaled(scale).number(w.sym)
	return nil
}

// set compiles the dimensions that the source gives itself.
func (w *feeding) set() error {
	for _, name := range sorted(w.spec.Set) {
		d, err := ParseDimension(name)
		if err != nil {
			return w.refuse("set."+name, "%w", err)
		}
		e, err := w.expression("set."+name, w.spec.Set[name], textType)
		if err != nil {
			return err
		}
		w.feed.ByDims = true
		w.feed.Set = append(w.feed.Set, Setting{d, e.number(w.sym)})
	}
	return nil
}

// asOf finds the instant of the dimensions: the one given, else that of At where it is
// one of those that the fact knows, else the present.
func (w *feeding) asOf() error {
	name := w.spec.AsOf
	if name == "" && w.at != nil && w.at.op == opField {
		if field := w.schema.Fields[w.at.slot].Name; slices.Contains(w.schema.AsOf, field) {
			name = field
		}
	}
	if name == "" {
		return nil
	}
	if w.feed.AsOf = slices.Index(w.schema.AsOf, name); w.feed.AsOf < 0 {
		return w.refuse("as_of", "%q: the dimensions of %s are known as of one of %s", name, w.schema.Name, strings.Join(w.schema.AsOf, ", "))
	}
	return nil
}
