package kpi

import (
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// decision is a compiled condition over measures and options.
type decision func(c *Compiled, in *Input) bool

func constantDecision(truth bool) decision { return func(*Compiled, *Input) bool { return truth } }

// condition compiles what stands before “?”. constant says that options alone decide it.
func (g *forming) condition(e celast.Expr) (when decision, constant bool, err error) {
	if e.Kind() == celast.LiteralKind {
		truth, _ := e.AsLiteral().Value().(bool)
		return constantDecision(truth), true, nil
	}
	if e.Kind() != celast.CallKind {
		return nil, false, g.wrong(e, "this is no condition: compare measures or options")
	}
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalNot:
		inner, constant, err := g.condition(args[0])
		return func(c *Compiled, in *Input) bool { return !inner(c, in) }, constant, err
	case operators.LogicalAnd, operators.LogicalOr:
		return g.junction(name == operators.LogicalAnd, args)
	case operators.Conditional:
		return nil, false, g.wrong(e, "a choice within a condition: write it with && and ||")
	case operators.In:
		return g.membership(e, args)
	default:
		return g.comparison(name, args)
	}
}

// junction is “and” or “or”.
func (g *forming) junction(and bool, args []celast.Expr) (decision, bool, error) {
	a, fixedA, err := g.condition(args[0])
	if err != nil {
		return nil, false, err
	}
	b, fixedB, err := g.condition(args[1])
	if err != nil {
		return nil, false, err
	}
	if and {
		return func(c *Compiled, in *Input) bool { return a(c, in) && b(c, in) }, fixedA && fixedB, nil
	}
	return func(c *Compiled, in *Input) bool { return a(c, in) || b(c, in) }, fixedA && fixedB, nil
}

// text returns the text of a literal or an option.
func (g *forming) text(e celast.Expr) (string, bool) {
	switch e.Kind() {
	case celast.LiteralKind:
		s, ok := e.AsLiteral().Value().(string)
		return s, ok
	case celast.IdentKind:
		if o, ok := g.optionOf(e); ok && o.form == inText {
			return o.text, true
		}
	}
	return "", false
}

func (g *forming) membership(e celast.Expr, args []celast.Expr) (decision, bool, error) {
	value, ok := g.text(args[0])
	if !ok || args[1].Kind() != celast.ListKind {
		return nil, false, g.wrong(e, "in is for an option and a list in brackets: compare numbers with ==")
	}
	found := false
	for _, item := range args[1].AsList().Elements() {
		s, ok := g.text(item)
		found = found || ok && s == value
	}
	return constantDecision(found), true, nil
}

func (g *forming) comparison(name string, args []celast.Expr) (decision, bool, error) {
	if x, ok := g.text(args[0]); ok {
		y, ok := g.text(args[1])
		if !ok {
			return nil, false, g.wrong(args[1], "a text that is not constant: compare with a text in quotes")
		}
		return constantDecision((x == y) == (name == operators.Equals)), true, nil
	}
	a, err := g.number(args[0])
	if err != nil {
		return nil, false, err
	}
	b, err := g.number(args[1])
	if err != nil {
		return nil, false, err
	}
	compare := map[string]func(x, y float64) bool{
		operators.Equals:        func(x, y float64) bool { return x == y },
		operators.NotEquals:     func(x, y float64) bool { return x != y },
		operators.Less:          func(x, y float64) bool { return x < y },
		operators.LessEquals:    func(x, y float64) bool { return x <= y },
		operators.Greater:       func(x, y float64) bool { return x > y },
		operators.GreaterEquals: func(x, y float64) bool { return x >= y },
	}[name]
	if compare == nil {
		return nil, false, g.wrong(args[0], "%s gives no condition: compare numbers or options", name)
	}
	return func(c *Compiled, in *Input) bool { return compare(a(c, in), b(c, in)) }, false, nil
}
