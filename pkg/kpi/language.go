package kpi

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// The expressions of the catalogue are CEL, without macros and with the functions below
// in place of the standard ones. CEL parses them and checks their types; what it has
// checked is compiled to closures here, because its own interpreter allocates.

// language is one vocabulary of expressions: that over one kind of fact, or that of formulas.
type language struct {
	env *cel.Env
}

// checked is an expression that CEL has accepted.
type checked struct {
	text string
	tree *celast.AST
}

// limits of an expression: far more than anybody writes, and little enough to be safe.
const (
	maxExpression = 4000 // characters
	maxNesting    = 60
)

func newLanguage(base *cel.Env, variables map[string]*cel.Type, functions ...cel.EnvOption) *language {
	opts := functions
	for name, t := range variables {
		opts = append(opts, cel.Variable(name, t))
	}
	var env *cel.Env
	var err error
	if base == nil {
		opts = append(opts, cel.ParserExpressionSizeLimit(maxExpression), cel.ParserRecursionLimit(maxNesting), cel.ExpressionNestingDepthLimit(maxNesting))
		env, err = cel.NewCustomEnv(opts...)
	} else {
		env, err = base.Extend(opts...)
	}
	if err != nil {
		panic("kpi: internal error: the language of expressions: " + err.Error())
	}
	return &language{env}
}

// check parses an expression and finds its types.
func (l *language) check(text string) (*checked, error) {
	tree, issues := l.env.Compile(text)
	if err := issues.Err(); err != nil {
		first := issues.Errors()
		if len(first) == 0 {
			return nil, fmt.Errorf("%q: %w", shown(text), err)
		}
		at := first[0].Location
		return nil, fmt.Errorf("%q at %d:%d: %s", shown(text), at.Line(), at.Column()+1, plain(first[0].Message))
	}
	return &checked{text, tree.NativeRep()}, nil
}

// plain puts a message of CEL into our words where the common ones allow it.
func plain(message string) string {
	message, _, _ = strings.Cut(message, "\n")
	if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, _, _ = strings.Cut(name, "'")
		return fmt.Sprintf("%s is unknown: use a name that the reference lists for this kind of expression", name)
	}
	if call, ok := strings.CutPrefix(message, "found no matching overload for '"); ok {
		name, rest, _ := strings.Cut(call, "' applied to '")
		name = strings.ReplaceAll(strings.Trim(strings.Trim(name, "@"), "_"), "_", "")
		return fmt.Sprintf("%s does not take %s: give it values of types that go together", name, strings.TrimSuffix(rest, "'"))
	}
	if types, ok := strings.CutPrefix(message, "expected type '"); ok {
		want, got, _ := strings.Cut(types, "' but found '")
		return fmt.Sprintf("%s where %s belongs: give a %s", strings.TrimSuffix(got, "'"), want, want)
	}
	message, _, _ = strings.Cut(strings.TrimPrefix(message, "Syntax error: "), " expecting ")
	return message + ": correct the expression"
}

// wrong is an error about one place within an expression.
func (x *checked) wrong(e celast.Expr, format string, args ...any) error {
	at := x.tree.SourceInfo().GetStartLocation(e.ID())
	return fmt.Errorf("%q at %d:%d: %w", shown(x.text), at.Line(), at.Column()+1, fmt.Errorf(format, args...))
}

// signature is a function or operator, with its result and arguments.
type signature struct {
	name   string
	result *cel.Type
	args   []*cel.Type
}

// declare turns signatures into declarations of CEL. Those whose name begins with a dot
// are called on their first argument.
func declare(signatures []signature) []cel.EnvOption {
	var opts []cel.EnvOption
	for i, s := range signatures {
		id := fmt.Sprintf("deskpulse_%d_%s", i, s.name)
		if name, ok := strings.CutPrefix(s.name, "."); ok {
			opts = append(opts, cel.Function(name, cel.MemberOverload(id, s.args, s.result)))
		} else {
			opts = append(opts, cel.Function(s.name, cel.Overload(id, s.args, s.result)))
		}
	}
	return opts
}

var (
	boolType  = cel.BoolType
	timeType  = cel.TimestampType
	spanType  = cel.DurationType
	intType   = cel.IntType
	floatType = cel.DoubleType
	textType  = cel.StringType
)

// numbers are all pairs of types of numbers.
var numbers = [][]*cel.Type{{intType, intType}, {floatType, floatType}, {intType, floatType}, {floatType, intType}}

// logic is what all expressions can say.
func logic() []signature {
	s := []signature{
		{operators.LogicalAnd, boolType, []*cel.Type{boolType, boolType}},
		{operators.LogicalOr, boolType, []*cel.Type{boolType, boolType}},
		{operators.LogicalNot, boolType, []*cel.Type{boolType}},
		{operators.Negate, intType, []*cel.Type{intType}},
		{operators.Negate, floatType, []*cel.Type{floatType}},
	}
	for _, t := range []*cel.Type{boolType, textType} {
		s = append(s,
			signature{operators.Equals, boolType, []*cel.Type{t, t}},
			signature{operators.NotEquals, boolType, []*cel.Type{t, t}},
			signature{operators.Conditional, t, []*cel.Type{boolType, t, t}})
	}
	for _, t := range []*cel.Type{intType, floatType, textType} {
		s = append(s, signature{operators.In, boolType, []*cel.Type{t, cel.ListType(t)}})
	}
	for _, pair := range numbers {
		result := floatType
		if pair[0] == intType && pair[1] == intType {
			result = intType
		}
		for _, op := range []string{operators.Add, operators.Subtract, operators.Multiply} {
			s = append(s, signature{op, result, pair})
		}
		s = append(s,
			signature{operators.Conditional, result, []*cel.Type{boolType, pair[0], pair[1]}},
			signature{operators.Divide, floatType, pair})
		for _, op := range comparisons {
			s = append(s, signature{op, boolType, pair})
		}
	}
	return s
}

var comparisons = []string{operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals}

// times is what expressions over facts can say beside logic.
func times() []signature {
	s := []signature{
		{operators.Add, spanType, []*cel.Type{spanType, spanType}},
		{operators.Add, timeType, []*cel.Type{timeType, spanType}},
		{operators.Add, timeType, []*cel.Type{spanType, timeType}},
		{operators.Subtract, spanType, []*cel.Type{spanType, spanType}},
		{operators.Subtract, spanType, []*cel.Type{timeType, timeType}},
		{operators.Subtract, timeType, []*cel.Type{timeType, spanType}},
		{operators.Divide, floatType, []*cel.Type{spanType, spanType}},
		{operators.Negate, spanType, []*cel.Type{spanType}},
		{operators.Index, textType, []*cel.Type{cel.MapType(textType, textType), textType}},
		{"duration", spanType, []*cel.Type{textType}},
		{"timestamp", timeType, []*cel.Type{intType}},
		{".startsWith", boolType, []*cel.Type{textType, textType}},
		{".endsWith", boolType, []*cel.Type{textType, textType}},
		{".contains", boolType, []*cel.Type{textType, textType}},
		{".matches", boolType, []*cel.Type{textType, textType}},
	}
	for _, n := range []*cel.Type{intType, floatType} {
		s = append(s,
			signature{"seconds", spanType, []*cel.Type{n}},
			signature{operators.Multiply, spanType, []*cel.Type{spanType, n}},
			signature{operators.Multiply, spanType, []*cel.Type{n, spanType}},
			signature{operators.Divide, spanType, []*cel.Type{spanType, n}})
	}
	for _, t := range []*cel.Type{spanType, timeType} {
		s = append(s, signature{operators.Conditional, t, []*cel.Type{boolType, t, t}})
		for _, op := range comparisons {
			s = append(s, signature{op, boolType, []*cel.Type{t, t}})
		}
	}
	return s
}

// fieldTypes says what each type of field is in expressions.
var fieldTypes = map[FieldType]*types.Type{
	BoolField: boolType, TimeField: timeType, DurationField: spanType, IntField: intType,
	MoneyField: floatType, ScoreField: floatType, TextField: textType,
}

// optionVariables are the names of the options.
func optionVariables(options []Option) map[string]*cel.Type {
	out := map[string]*cel.Type{}
	for i := range options {
		out["option."+options[i].Name] = options[i].celType()
	}
	return out
}

func (o *Option) celType() *cel.Type {
	if len(o.Values) > 0 {
		return textType
	}
	if _, ok := parseDuration(o.Default); ok {
		return spanType
	}
	return floatType
}

// factLanguage is the vocabulary of expressions over one kind of fact. Its fields come
// before the dimensions of the same name.
func factLanguage(base *language, s *Schema) *language {
	variables := map[string]*cel.Type{}
	for d := range Queue {
		variables[d.String()] = textType
	}
	for _, f := range s.Fields {
		variables[f.Name] = fieldTypes[f.Type]
	}
	return newLanguage(base.env, variables)
}

func factBase(options []Option) *language {
	variables := optionVariables(options)
	variables["tenant"] = textType
	variables["labels"] = cel.MapType(textType, textType)
	return newLanguage(nil, variables, declare(append(logic(), times()...))...)
}
