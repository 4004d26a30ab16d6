package sla

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	celtypes "cel.dev/cel-go/common/types"
)

// language is CEL over the attributes of a request, which are all texts.
type language struct {
	env   *cel.Env
	names []string
}

// condition is a compiled condition; nil is met by all.
type condition struct {
	program cel.Program
	names   []string // of the attributes that it reads
	labels  []string // of the labels that it reads
}

func newLanguage(attributes []string) (*language, error) {
	l := &language{names: append([]string{priority}, attributes...)}
	slices.Sort(l.names)
	l.names = slices.Compact(l.names)
	options := []cel.EnvOption{cel.Variable("labels", cel.MapType(cel.StringType, cel.StringType))}
	for _, name := range l.names {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	var err error
	if l.env, err = cel.NewEnv(options...); err != nil {
		return nil, fmt.Errorf("language of conditions: %w", err)
	}
	return l, nil
}

// compile checks a condition. An error says the problem and, behind its first colon, the
// remedy.
func (l *language) compile(text string) (*condition, error) {
	if text == "" {
		return nil, nil
	}
	checked, issues := l.env.Compile(text)
	if issues.Err() != nil {
		return nil, l.explain(issues)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("it is no condition but a %s: compare it with something, as in team == \"support\"", checked.OutputType())
	}
	c := &condition{}
	var err error
	celast.PreOrderVisit(celast.NavigateAST(checked.NativeRep()), celast.NewExprVisitor(func(e celast.Expr) {
		if n, ok := e.(celast.NavigableExpr); ok && err == nil {
			err = c.read(n, l.names)
		}
	}))
	if err != nil {
		return nil, err
	}
	slices.Sort(c.names)
	slices.Sort(c.labels)
	c.names, c.labels = slices.Compact(c.names), slices.Compact(c.labels)
	if c.program, err = l.env.Program(checked, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, fmt.Errorf("it cannot be used: %w", err)
	}
	return c, nil
}

// explain says the first mistake in a line.
func (l *language) explain(issues *cel.Issues) error {
	first := issues.Errors()[0]
	message, _, _ := strings.Cut(first.Message, "\n")
	message, _, _ = strings.Cut(message, " (in container")
	message = strings.ReplaceAll(message, ": ", ", ")
	return fmt.Errorf("%s at character %d: use %s, labels[\"…\"] and CEL, as in team == \"support\" && priority != \"low\"",
		message, first.Location.Column()+1, strings.Join(l.names, ", "))
}

// read notes what an expression reads.
func (c *condition) read(e celast.NavigableExpr, names []string) error {
	if e.Kind() != celast.IdentKind {
		return nil
	}
	name := e.AsIdent()
	parent, found := e.Parent()
	if slices.Contains(names, name) {
		c.names = append(c.names, name)
		if name == priority && found {
			return lowerCase(parent)
		}
		return nil
	}
	if name != "labels" {
		return nil // a variable of the expression's own
	}
	if found && parent.Kind() == celast.SelectKind && !parent.AsSelect().IsTestOnly() {
		c.labels = append(c.labels, parent.AsSelect().FieldName())
		return nil
	}
	if found && parent.Kind() == celast.CallKind && parent.AsCall().FunctionName() == operators.Index {
		if key := parent.AsCall().Args()[1]; key.Kind() == celast.LiteralKind {
			if text, ok := key.AsLiteral().(celtypes.String); ok {
				c.labels = append(c.labels, string(text))
				return nil
			}
		}
	}
	return errors.New(`labels is used as a whole: name the label, as in labels["tier"]; one that is missing is ""`)
}

// priority is the attribute whose letter case does not matter: conditions read it in lower
// case.
const priority = "priority"

// lowerCase refuses texts beside the priority to which it can never be equal.
func lowerCase(beside celast.NavigableExpr) (err error) {
	celast.PreOrderVisit(beside, celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.LiteralKind || beside.Kind() != celast.CallKind {
			return
		}
		if text, ok := e.AsLiteral().(celtypes.String); ok && string(text) != strings.ToLower(string(text)) {
			err = fmt.Errorf("priority is compared with %q: write it in lower case, as all priorities are read", string(text))
		}
	}))
	return err
}

// reads names the attributes that a condition reads.
func (c *condition) reads() (out []string) {
	if c == nil {
		return nil
	}
	for _, name := range c.names {
		if name != priority {
			out = append(out, name)
		}
	}
	for _, label := range c.labels {
		out = append(out, "labels."+label)
	}
	return out
}

func (c *condition) met(attribute func(string) string, lowerPriority string) bool {
	if c == nil {
		return true
	}
	values := make(map[string]any, len(c.names)+1)
	for _, name := range c.names {
		values[name] = attribute(name)
	}
	values[priority] = lowerPriority
	labels := make(map[string]string, len(c.labels))
	for _, label := range c.labels {
		labels[label] = attribute("labels." + label)
	}
	values["labels"] = labels
	out, _, err := c.program.Eval(values)
	return err == nil && out == celtypes.True
}
