package kpi

import (
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Node is a formula as a tree, for those who write it down in another language. Options
// are constants in it, and of a choice that options decide only what they choose is there.
type Node struct {
	// Operator is "number", "measure", "+", "-", "*", "/", "if" (condition, then, else), or
	// in conditions "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!".
	Operator string
	Number   float64
	Measure  *Measure
	Function string // that Measure is read with; "" is by itself
	Args     []*Node
}

// Trees reads formulas of a catalogue as trees.
type Trees struct {
	compiler *compiler
	language *language
}

// Trees returns what reads the formulas of this catalogue.
func (c *Compiled) Trees() *Trees {
	k := &compiler{c: &c.Catalogue, out: c}
	k.prepare()
	return &Trees{k, c.Catalogue.formulaLanguage()}
}

// Tree reads an expression over measures, of one of the KPIs. It is in natural units:
// seconds, money, points, counts. A quotient by 0 has no value.
func (t *Trees) Tree(d *Definition, text string) (*Node, error) {
	x, err := t.language.check(text)
	if err != nil {
		return nil, err
	}
	b := &formulating{compiler: t.compiler, language: t.language, d: d, f: &formula{}}
	return (&forming{b, x}).node(x.tree.Expr())
}

func (g *forming) node(e celast.Expr) (*Node, error) {
	switch e.Kind() {
	case celast.LiteralKind:
		switch v := e.AsLiteral().Value().(type) {
		case int64:
			return &Node{Operator: "number", Number: float64(v)}, nil
		case float64:
			return &Node{Operator: "number", Number: v}, nil
		}
	case celast.IdentKind:
		if o, ok := g.optionOf(e); ok {
			return &Node{Operator: "number", Number: o.float().f}, nil
		}
		return g.measureNode(e, "")
	case celast.CallKind:
		return g.callNode(e)
	}
	return nil, g.wrong(e, "this form is not known here: use measures, operators and the functions of the reference")
}

func (g *forming) measureNode(e celast.Expr, function string) (*Node, error) {
	if e.Kind() != celast.IdentKind {
		return nil, g.wrong(e, "%s of something computed: give it the name of a measure", function)
	}
	m, ok := g.out.Find(strings.TrimPrefix(e.AsIdent(), "."))
	if !ok {
		return nil, g.wrong(e, "%s is no measure: give the name of one", e.AsIdent())
	}
	return &Node{Operator: "measure", Measure: m, Function: function}, nil
}

// signs are the operators as they are written.
var signs = map[string]string{
	operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/", operators.Negate: "-",
	operators.Equals: "==", operators.NotEquals: "!=", operators.Less: "<", operators.LessEquals: "<=",
	operators.Greater: ">", operators.GreaterEquals: ">=",
	operators.LogicalAnd: "&&", operators.LogicalOr: "||", operators.LogicalNot: "!", operators.Conditional: "if",
}

func (g *forming) callNode(e celast.Expr) (*Node, error) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if _, ok := uses[name]; ok {
		return g.measureNode(args[0], name)
	}
	if name == operators.Conditional {
		when, constant, err := g.condition(args[0])
		switch {
		case err != nil:
			return nil, err
		case constant && when(nil, nil):
			return g.node(args[1])
		case constant:
			return g.node(args[2])
		}
	}
	sign, ok := signs[name]
	if !ok {
		return nil, g.wrong(e, "%s is not known here: use the operators of the reference", name)
	}
	out := &Node{Operator: sign}
	if name == operators.Negate {
		out.Args = append(out.Args, &Node{Operator: "number"})
	}
	for _, a := range args {
		n, err := g.node(a)
		if err != nil {
			return nil, err
		}
		out.Args = append(out.Args, n)
	}
	return out, nil
}
