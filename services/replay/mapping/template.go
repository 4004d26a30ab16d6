package mapping

import (
	"regexp"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// template is text in which ${…} stands for the value of an expression.
type template struct {
	source text
	parts  []part
}

type part struct {
	literal    string
	expression *expression // nil in a literal
}

// bare is a text that was surely meant as an expression.
var bare = regexp.MustCompile(`^(row|prev|next|first)(\.\w+|\[.*\])$`)

func (c *compiler) template(source text, allowed names) (*template, error) {
	t := &template{source: source}
	if bare.MatchString(source.value) {
		return nil, source.errorf("%q is taken as it stands: write ${%s} for the column's value", source.value, source.value)
	}
	for rest, offset := source.value, 0; rest != ""; {
		i := strings.Index(rest, "${")
		if i < 0 {
			t.parts = append(t.parts, part{literal: rest})
			break
		}
		if i > 0 && rest[i-1] == '$' { // $${ is ${ itself
			t.parts = append(t.parts, part{literal: rest[:i-1] + "${"})
			rest, offset = rest[i+2:], offset+i+2
			continue
		}
		if i > 0 {
			t.parts = append(t.parts, part{literal: rest[:i]})
		}
		n := closing(rest[i+2:])
		if n < 0 {
			return nil, source.errorf("%q: ${ has no closing }: add it", source.value)
		}
		inner := source
		inner.value = rest[i+2 : i+2+n]
		if !source.block {
			inner.column += offset + i + 2
		}
		e, err := c.compile(inner, allowed)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{expression: e})
		rest, offset = rest[i+2+n+1:], offset+i+2+n+1
	}
	return t, nil
}

// closing finds the } that ends an expression, past quotes and inner braces.
func closing(s string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			switch c {
			case '\\':
				i++
			case quote:
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == '}':
			depth--
		}
	}
	return -1
}

// constant returns the text of a template without expressions.
func (t *template) constant() (string, bool) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.expression != nil {
			return "", false
		}
		b.WriteString(p.literal)
	}
	return b.String(), true
}

// value keeps the type of a template that is one expression and nothing else.
func (t *template) value(s *scope) (ref.Val, error) {
	if len(t.parts) == 1 && t.parts[0].expression != nil {
		return t.parts[0].expression.evaluate(s)
	}
	out, err := t.text(s)
	return types.String(out), err
}

func (t *template) text(s *scope) (string, error) {
	if len(t.parts) == 1 && t.parts[0].expression == nil {
		return t.parts[0].literal, nil
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.expression == nil {
			b.WriteString(p.literal)
			continue
		}
		out, err := p.expression.text(s)
		if err != nil {
			return "", err
		}
		b.WriteString(out)
	}
	return b.String(), nil
}
