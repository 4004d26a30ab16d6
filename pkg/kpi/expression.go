package kpi

import (
	"math"
	"regexp"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// opcode is what an expression does.
type opcode uint8

const (
	opConst opcode = iota
	opField
	opDim
	opLabel
	opTenant
	opNot
	opAnd
	opOr
	opCond
	opEqual
	opLess
	opLessEqual
	opAdd
	opSub
	opMul
	opDiv
	opMatch
	opFloat // an integer of some scale as a number
	opScale // a number, rounded to an integer of some scale
)

// form is how the value of an expression is held.
type form uint8

const (
	inBool  form = iota
	inInt        // an int64 that counts 1/scale of the unit: ms, 10⁻⁴ of money …
	inFloat      // a number
	inText       // a symbol
)

// expression is an expression over facts, checked, with its constants folded.
type expression struct {
	op    opcode
	form  form
	scale int64 // of inInt
	args  []*expression
	slot  int   // of opField, opDim, opLabel
	i     int64 // of opConst: a bool or an integer
	f     float64
	text  string
	match func(text string) bool // of opMatch
}

const (
	scaleMS    = 1000
	scaleMoney = 10_000
	scalePoint = 1_000_000
)

// fieldScales says how fields that are numbers are kept.
var fieldScales = map[FieldType]int64{TimeField: scaleMS, DurationField: scaleMS, IntField: 1, MoneyField: scaleMoney, ScoreField: scalePoint}

func constBool(b bool) *expression {
	e := &expression{form: inBool}
	if b {
		e.i = 1
	}
	return e
}

func constInt(i, scale int64) *expression { return &expression{form: inInt, i: i, scale: scale} }
func constFloat(f float64) *expression    { return &expression{form: inFloat, f: f} }
func constText(s string) *expression      { return &expression{form: inText, text: s} }

// at is a constant as an integer of a scale, where it is one.
func (e *expression) at(scale int64) (int64, bool) {
	if e.op != opConst {
		return 0, false
	}
	f := e.f
	if e.form == inInt {
		if e.scale == scale {
			return e.i, true
		}
		f = float64(e.i) / float64(e.scale)
	}
	scaled := math.Round(f * float64(scale))
	return int64(scaled), math.Abs(scaled) < 1<<53 && scaled/float64(scale) == f
}

// float gives a number in form inFloat.
func (e *expression) float() *expression {
	if e.form == inFloat {
		return e
	}
	if e.op == opConst {
		return constFloat(float64(e.i) / float64(e.scale))
	}
	return &expression{op: opFloat, form: inFloat, args: []*expression{e}}
}

// scaled gives a number as an integer of a scale, rounded.
func (e *expression) scaled(scale int64) *expression {
	if e.form == inInt && e.scale == scale {
		return e
	}
	if i, ok := e.at(scale); ok {
		return constInt(i, scale)
	}
	return &expression{op: opScale, form: inInt, scale: scale, args: []*expression{e.float()}}
}

// aligned brings two numbers into one form: integers of one scale where that loses
// nothing.
func aligned(a, b *expression) (x, y *expression) {
	if a.form == inInt && b.form == inInt && a.scale == b.scale {
		return a, b
	}
	if a.form == inInt {
		if i, ok := b.at(a.scale); ok {
			return a, constInt(i, a.scale)
		}
	}
	if b.form == inInt {
		if i, ok := a.at(b.scale); ok {
			return constInt(i, b.scale), b
		}
	}
	return a.float(), b.float()
}

// lowering turns what CEL has checked into expressions.
type lowering struct {
	*checked
	schema  *Schema
	options map[string]*expression
	label   func(name string) int // the index of a label
}

func (l *lowering) expr(e celast.Expr) (*expression, error) {
	switch e.Kind() {
	case celast.LiteralKind:
		return l.literal(e)
	case celast.IdentKind:
		return l.name(e)
	case celast.CallKind:
		return l.call(e)
	default:
		return nil, l.wrong(e, "this form is not known here: use names, operators and the functions of the reference")
	}
}

func (l *lowering) literal(e celast.Expr) (*expression, error) {
	switch v := e.AsLiteral().Value().(type) {
	case bool:
		return constBool(v), nil
	case int64:
		return constInt(v, 1), nil
	case float64:
		return constFloat(v), nil
	case string:
		return constText(v), nil
	default:
		return nil, l.wrong(e, "a literal of this type is not known here: write a number, a text, true or false")
	}
}

func (l *lowering) name(e celast.Expr) (*expression, error) {
	name := strings.TrimPrefix(e.AsIdent(), ".")
	if o, ok := l.options[strings.TrimPrefix(name, "option.")]; ok && strings.HasPrefix(name, "option.") {
		return o, nil
	}
	for i, f := range l.schema.Fields {
		if f.Name != name {
			continue
		}
		switch f.Type {
		case BoolField:
			return &expression{op: opField, form: inBool, slot: i}, nil
		case TextField:
			return &expression{op: opField, form: inText, slot: i}, nil
		default:
			return &expression{op: opField, form: inInt, scale: fieldScales[f.Type], slot: i}, nil
		}
	}
	if name == "tenant" {
		return &expression{op: opTenant, form: inText}, nil
	}
	d, err := ParseDimension(name)
	if err != nil {
		return nil, l.wrong(e, "%s stands alone: give the name of a label, as in labels[\"vip\"]", name)
	}
	return &expression{op: opDim, form: inText, slot: int(d)}, nil
}

func (l *lowering) call(e celast.Expr) (*expression, error) {
	call := e.AsCall()
	name := call.FunctionName()
	switch name {
	case operators.Index:
		return l.labelOf(e)
	case operators.In:
		return l.in(e)
	}
	var args []*expression
	if call.IsMemberFunction() {
		target, err := l.expr(call.Target())
		if err != nil {
			return nil, err
		}
		args = append(args, target)
	}
	for _, a := range call.Args() {
		arg, err := l.expr(a)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	switch name {
	case "duration", "seconds", "timestamp":
		return l.span(e, name, args[0])
	case "startsWith", "endsWith", "contains", "matches":
		return l.match(e, name, args)
	case operators.LogicalNot, operators.LogicalAnd, operators.LogicalOr, operators.Conditional:
		return logical(name, args), nil
	case operators.Negate:
		return arithmetic(operators.Subtract, constInt(0, 1), args[0]), nil
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return l.orNone(e, args, arithmetic(name, args[0], args[1])), nil
	default:
		return comparison(name, args[0], args[1]), nil
	}
}

func (l *lowering) labelOf(e celast.Expr) (*expression, error) {
	args := e.AsCall().Args()
	if args[0].Kind() != celast.IdentKind || args[1].Kind() != celast.LiteralKind {
		return nil, l.wrong(e, "the name of a label is computed: write it in quotes, as in labels[\"vip\"]")
	}
	name, _ := args[1].AsLiteral().Value().(string)
	return &expression{op: opLabel, form: inText, slot: l.label(name)}, nil
}

// in becomes a chain of comparisons, for constants only.
func (l *lowering) in(e celast.Expr) (*expression, error) {
	args := e.AsCall().Args()
	value, err := l.expr(args[0])
	if err != nil {
		return nil, err
	}
	if args[1].Kind() != celast.ListKind {
		return nil, l.wrong(args[1], "the list is computed: write it in brackets")
	}
	out := constBool(false)
	for _, item := range args[1].AsList().Elements() {
		x, err := l.expr(item)
		if err != nil {
			return nil, err
		}
		out = logical(operators.LogicalOr, []*expression{out, comparison(operators.Equals, value, x)})
	}
	return out, nil
}

// span compiles durations and, as in timestamp(0), which is none, times.
func (l *lowering) span(e celast.Expr, name string, arg *expression) (*expression, error) {
	if name != "duration" {
		return arg.scaled(scaleMS), nil
	}
	ms, ok := parseDuration(arg.text)
	if arg.op != opConst || !ok {
		return nil, l.wrong(e, "duration of %q: give a number and a unit in quotes, as in duration(\"24h\")", arg.text)
	}
	return constInt(ms, scaleMS), nil
}

func (l *lowering) match(e celast.Expr, name string, args []*expression) (*expression, error) {
	if args[1].op != opConst {
		return nil, l.wrong(e, "%s of a text that is not constant: write it in quotes", name)
	}
	want := args[1].text
	out := &expression{op: opMatch, form: inBool, args: args[:1]}
	switch name {
	case "startsWith":
		out.match = func(s string) bool { return strings.HasPrefix(s, want) }
	case "endsWith":
		out.match = func(s string) bool { return strings.HasSuffix(s, want) }
	case "contains":
		out.match = func(s string) bool { return strings.Contains(s, want) }
	default:
		pattern, err := regexp.Compile(want)
		if err != nil {
			return nil, l.wrong(e, "matches %q: %w: correct the pattern", want, err)
		}
		out.match = pattern.MatchString
	}
	if args[0].op == opConst {
		return constBool(out.match(args[0].text)), nil
	}
	return out, nil
}

// logical folds what constants decide.
func logical(name string, args []*expression) *expression {
	first := args[0]
	switch name {
	case operators.LogicalNot:
		switch first.op {
		case opConst:
			return constBool(first.i == 0)
		case opNot:
			return first.args[0]
		}
		return &expression{op: opNot, form: inBool, args: args}
	case operators.Conditional:
		return conditional(first, args[1], args[2])
	}
	op, decided := opAnd, int64(0) // one false decides an “and”, one true an “or”
	if name == operators.LogicalOr {
		op, decided = opOr, 1
	}
	for i, a := range args[:2] {
		if a.op == opConst && a.i == decided {
			return a
		}
		if a.op == opConst {
			return args[1-i]
		}
	}
	return &expression{op: op, form: inBool, args: args}
}

func conditional(when, a, b *expression) *expression {
	if a.form == inInt || a.form == inFloat {
		a, b = aligned(a, b)
	}
	if when.op == opConst {
		if when.i != 0 {
			return a
		}
		return b
	}
	return &expression{op: opCond, form: a.form, scale: a.scale, args: []*expression{when, a, b}}
}

func comparison(name string, a, b *expression) *expression {
	if a.form != inText && a.form != inBool {
		a, b = aligned(a, b)
	}
	switch name {
	case operators.NotEquals:
		return logical(operators.LogicalNot, []*expression{comparison(operators.Equals, a, b)})
	case operators.Greater:
		return comparison(operators.Less, b, a)
	case operators.GreaterEquals:
		return comparison(operators.LessEquals, b, a)
	}
	op := map[string]opcode{operators.Equals: opEqual, operators.Less: opLess, operators.LessEquals: opLessEqual}[name]
	return compared(op, a, b)
}

// compared folds a comparison of constants, and one of a bool with a constant.
func compared(op opcode, a, b *expression) *expression {
	if a.op == opConst && b.op == opConst {
		less, equal := a.i < b.i || a.f < b.f, a.i == b.i && a.f == b.f && a.text == b.text
		return constBool(op == opEqual && equal || op == opLess && less || op == opLessEqual && (less || equal))
	}
	if op == opEqual && a.op == opConst {
		a, b = b, a
	}
	if op == opEqual && b.op == opConst && b.form == inBool {
		if b.i == 0 {
			return logical(operators.LogicalNot, []*expression{a})
		}
		return a
	}
	return &expression{op: op, form: inBool, args: []*expression{a, b}}
}

func arithmetic(name string, a, b *expression) *expression {
	var out *expression
	switch name {
	case operators.Add, operators.Subtract:
		a, b = aligned(a, b)
		out = &expression{op: opAdd, form: a.form, scale: a.scale}
		if name == operators.Subtract {
			out.op = opSub
		}
	case operators.Multiply:
		// A whole number times anything keeps the other's scale; all else is a number.
		switch {
		case a.form == inInt && b.form == inInt && (a.scale == 1 || b.scale == 1):
			out = &expression{op: opMul, form: inInt, scale: a.scale * b.scale}
		default:
			a, b = a.float(), b.float()
			out = &expression{op: opMul, form: inFloat}
		}
	default:
		a, b = a.float(), b.float()
		out = &expression{op: opDiv, form: inFloat}
	}
	out.args = []*expression{a, b}
	return out.fold()
}

// orNone lets an instant that is none stay none when a duration is added to it or taken
// from it.
func (l *lowering) orNone(e celast.Expr, args []*expression, sum *expression) *expression {
	if !l.tree.GetType(e.ID()).IsExactType(timeType) || sum.op == opConst {
		return sum
	}
	for i, a := range e.AsCall().Args() {
		if t := args[i]; l.tree.GetType(a.ID()).IsExactType(timeType) && t.op != opConst {
			none := constInt(0, t.scale)
			return conditional(comparison(operators.NotEquals, t, none), sum, none)
		}
	}
	return sum
}

// fold computes what has constant arguments only.
func (e *expression) fold() *expression {
	for _, a := range e.args {
		if a.op != opConst {
			return e
		}
	}
	if e.form == inInt {
		return constInt(e.number(nil)(nil), e.scale)
	}
	return constFloat(e.real(nil)(nil))
}
