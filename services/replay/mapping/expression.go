package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// reference is a column that the mapping names.
type reference struct {
	column string
	text   // where
}

// compiler compiles the expressions of one mapping.
type compiler struct {
	env        *cel.Env
	library    *library
	references []reference
}

func newCompiler(l *library) (*compiler, error) {
	row := cel.MapType(cel.StringType, cel.StringType)
	options := []cel.EnvOption{
		cel.Variable("row", row), cel.Variable("prev", row), cel.Variable("next", row), cel.Variable("first", row),
		cel.Variable("n", cel.IntType), cel.Variable("i", cel.IntType),
		cel.Variable("file", cel.StringType), cel.Variable("rownum", cel.IntType),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(), ext.Math(), ext.Bindings(),
	}
	env, err := cel.NewEnv(append(options, l.options()...)...)
	if err != nil {
		return nil, fmt.Errorf("mapping: internal error: %w", err)
	}
	return &compiler{env: env, library: l}, nil
}

// expression is compiled and checked.
type expression struct {
	source  text
	program cel.Program
	kind    *cel.Type
}

// names says which variables an expression may use.
type names string

const (
	inEntity names = "row prev next first n file rownum"
	inRepeat names = inEntity + " i"
	inSkip   names = "row prev first n file rownum"
	inRow    names = "row file rownum"
)

// compile compiles an expression that must have one of the given types.
func (c *compiler) compile(source text, allowed names, want ...*cel.Type) (*expression, error) {
	tree, issues := c.env.Compile(source.value)
	if err := issues.Err(); err != nil {
		return nil, c.issue(source, issues)
	}
	if len(want) > 0 && !isOneOf(tree.OutputType(), want) {
		return nil, source.errorf("%s is of type %s: write an expression of type %s", quoteSource(source.value), tree.OutputType(), typeList(want))
	}
	if err := c.inspect(source, tree, allowed); err != nil {
		return nil, err
	}
	program, err := c.env.Program(tree, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, source.errorf("%s: %v", quoteSource(source.value), err)
	}
	return &expression{source: source, program: program, kind: tree.OutputType()}, nil
}

func isOneOf(t *cel.Type, want []*cel.Type) bool {
	if t.Kind() == types.DynKind {
		return true
	}
	for _, w := range want {
		if w.Kind() == t.Kind() {
			return true
		}
	}
	return false
}

func typeList(want []*cel.Type) string {
	var out []string
	for _, w := range want {
		out = append(out, w.String())
	}
	return strings.Join(out, " or ")
}

func quoteSource(source string) string {
	return "`" + strings.Join(strings.Fields(source), " ") + "`"
}

// issue turns the first complaint of the compiler into ours, at its place in the file.
func (c *compiler) issue(source text, issues *cel.Issues) error {
	first := issues.Errors()[0]
	p := source.position
	switch line := first.Location.Line() - 1; {
	case source.block:
		p.line, p.column = p.line+1+line, first.Location.Column()+1
	case line == 0:
		p.column += first.Location.Column()
	}
	problem := strings.Join(strings.Fields(strings.TrimPrefix(first.Message, "Syntax error: ")), " ")
	problem, _, _ = strings.Cut(problem, " expecting ") // a list of everything that CEL knows
	problem = strings.Replace(problem, "'<EOF>'", "the end", 1)
	if name, ok := strings.CutPrefix(problem, "undeclared reference to '"); ok {
		name, _, _ = strings.Cut(name, "'")
		problem = fmt.Sprintf("%q is unknown: %s; a column is row.%s, a text stands in quotes", name, suggest(name, c.vocabulary()), name)
	} else if _, ok := strings.CutPrefix(problem, "found no matching overload for"); ok {
		problem += ": columns are text: make numbers with num(…), times with time(…)"
	}
	return p.errorf("%s: %s", quoteSource(source.value), problem)
}

// vocabulary lists the names that an expression may use.
func (c *compiler) vocabulary() []string {
	out := strings.Fields(string(inRepeat))
	for name := range c.env.Functions() {
		if name[0] >= 'a' && name[0] <= 'z' {
			out = append(out, name)
		}
	}
	return out
}

// inspect notes the columns that an expression names and refuses what cannot work.
func (c *compiler) inspect(source text, tree *cel.Ast, allowed names) error {
	var failed error
	celast.PreOrderVisit(tree.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		switch e.Kind() {
		case celast.IdentKind:
			if name := e.AsIdent(); strings.Contains(" "+string(inRepeat)+" ", " "+name+" ") && !strings.Contains(" "+string(allowed)+" ", " "+name+" ") {
				failed = errors.Join(failed, source.errorf("%s: %s cannot be used here: use %s", quoteSource(source.value), name, strings.Join(strings.Fields(string(allowed)), ", ")))
			}
		case celast.SelectKind:
			s := e.AsSelect()
			if s.IsTestOnly() {
				failed = errors.Join(failed, source.errorf("%s: every column exists in every row: write %s != \"\" instead of has(…)", quoteSource(source.value), "row."+s.FieldName()))
			}
			c.note(source, s.Operand(), s.FieldName())
		case celast.CallKind:
			failed = errors.Join(failed, c.inspectCall(source, e.AsCall()))
		}
	}))
	return failed
}

func (c *compiler) inspectCall(source text, call celast.CallExpr) error {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Index:
		if name, ok := literal(args[1]); ok {
			c.note(source, args[0], name)
		}
	case "lookup":
		name, ok := literal(args[0])
		if _, known := c.library.tables[name]; ok && !known {
			var names []string
			for n := range c.library.tables {
				names = append(names, n)
			}
			return source.errorf("table %q is unknown: %s", name, suggest(name, names))
		}
	case "time", "formatTime":
		if len(args) < 2 {
			return nil
		}
		if name, ok := literal(args[1]); ok && call.FunctionName() == "time" {
			if _, err := newTimeFormat(name); err != nil {
				return source.errorf("%v", err)
			}
		}
	}
	return nil
}

func literal(e celast.Expr) (string, bool) {
	if e.Kind() != celast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

func (c *compiler) note(source text, operand celast.Expr, column string) {
	if operand.Kind() != celast.IdentKind {
		return
	}
	switch operand.AsIdent() {
	case "row", "prev", "next", "first":
		c.references = append(c.references, reference{column, source})
	}
}

// evaluate computes the expression. Its error is a *fault.
func (e *expression) evaluate(s *scope) (ref.Val, error) {
	v, _, err := e.program.Eval(s)
	if err == nil {
		return v, nil
	}
	f := &fault{source: e.source, problem: err.Error()}
	if bad := (*valueError)(nil); errors.As(err, &bad) {
		f.value, f.problem = bad.value, bad.problem
	}
	return nil, f
}

func (e *expression) truth(s *scope) (bool, error) {
	v, err := e.evaluate(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, &fault{source: e.source, problem: "gives no truth value: compare it with something"}
	}
	return bool(b), nil
}

func (e *expression) text(s *scope) (string, error) {
	v, err := e.evaluate(s)
	if err != nil {
		return "", err
	}
	out, err := asText(v)
	if err != nil {
		return "", &fault{source: e.source, problem: err.Error()}
	}
	return out, nil
}

// fault is what is wrong with one row, before it is known which row it is.
type fault struct {
	field   string
	source  text // the expression, where there is one
	value   string
	problem string
}

func (f *fault) Error() string { return f.problem }
