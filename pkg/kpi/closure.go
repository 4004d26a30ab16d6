package kpi

import (
	"cmp"
	"math"
)

// The closures below are what runs for each fact. The forms that the built-in catalogue
// uses most (a field, a few fields that must be true or false, a field compared with a
// constant, the difference of two times) are one function each; all others are nested.

// fieldMask keeps an index within the array, so that reading it needs no check.
const fieldMask = MaxFields - 1

// texts gives the text of a symbol; needed by expressions with startsWith and the like.
type texts interface{ Text(symbol uint32) string }

// condition compiles an expression of form inBool.
func (e *expression) condition(sym Symbols) Condition {
	if tests := e.tests(sym, nil); tests != nil {
		return conjunction(tests)
	}
	switch e.op {
	case opConst:
		truth := e.i != 0
		return func(*Fact) bool { return truth }
	case opNot:
		return negation(e.args[0], sym)
	case opAnd:
		return mixed(e, sym)
	case opOr:
		return disjunction(e.flat(opOr, nil), sym)
	case opCond:
		return choice(e.args[0].condition(sym), e.args[1].condition(sym), e.args[2].condition(sym))
	case opMatch:
		return matching(e, sym)
	default:
		return e.compare(sym)
	}
}

// test is a field that must have a value: bools are 0 or 1.
type test struct {
	slot int
	want int64
}

// tests lists what a conjunction of tests of fields wants, or nil where it is none.
func (e *expression) tests(sym Symbols, out []test) []test {
	switch e.op {
	case opField:
		return append(out, test{e.slot & fieldMask, 1})
	case opNot:
		if a := e.args[0]; a.op == opField {
			return append(out, test{a.slot & fieldMask, 0})
		}
	case opEqual:
		a, b := e.args[0], e.args[1]
		if a.op == opField && b.op == opConst && a.form != inFloat {
			return append(out, test{a.slot & fieldMask, b.constant(sym)})
		}
	case opAnd:
		if left := e.args[0].tests(sym, out); left != nil {
			return e.args[1].tests(sym, left)
		}
	}
	return nil
}

func conjunction(tests []test) Condition {
	t := [4]test{}
	copy(t[:], tests)
	s0, s1, s2, s3 := t[0].slot, t[1].slot, t[2].slot, t[3].slot
	w0, w1, w2, w3 := t[0].want, t[1].want, t[2].want, t[3].want
	switch len(tests) {
	case 1:
		return func(f *Fact) bool { return f.Fields[s0&fieldMask] == w0 }
	case 2:
		return func(f *Fact) bool { return f.Fields[s0&fieldMask] == w0 && f.Fields[s1&fieldMask] == w1 }
	case 3:
		return func(f *Fact) bool {
			return f.Fields[s0&fieldMask] == w0 && f.Fields[s1&fieldMask] == w1 && f.Fields[s2&fieldMask] == w2
		}
	case 4:
		return func(f *Fact) bool {
			return f.Fields[s0&fieldMask] == w0 && f.Fields[s1&fieldMask] == w1 && f.Fields[s2&fieldMask] == w2 && f.Fields[s3&fieldMask] == w3
		}
	default:
		first, rest := conjunction(tests[:4]), conjunction(tests[4:])
		return func(f *Fact) bool { return first(f) && rest(f) }
	}
}

// negation of one comparison of a field is one function too.
func negation(e *expression, sym Symbols) Condition {
	if tests := e.tests(sym, nil); len(tests) == 1 {
		slot, want := tests[0].slot, tests[0].want
		return func(f *Fact) bool { return f.Fields[slot&fieldMask] != want }
	}
	a := e.condition(sym)
	return func(f *Fact) bool { return !a(f) }
}

// flat lists what a chain of “and” or of “or” is made of. The order does not matter, as
// nothing here has effects or errors.
func (e *expression) flat(op opcode, out []*expression) []*expression {
	if e.op != op {
		return append(out, e)
	}
	return e.args[1].flat(op, e.args[0].flat(op, out))
}

// mixed is a conjunction of tests, first, and of something else.
func mixed(e *expression, sym Symbols) Condition {
	var tests []test
	var rest Condition
	for _, part := range e.flat(opAnd, nil) {
		if t := part.tests(sym, nil); t != nil {
			tests = append(tests, t...)
			continue
		}
		next := part.condition(sym)
		if before := rest; before != nil {
			rest = func(f *Fact) bool { return before(f) && next(f) }
		} else {
			rest = next
		}
	}
	switch len(tests) {
	case 0:
		return rest
	case 1:
		slot, want := tests[0].slot, tests[0].want
		return func(f *Fact) bool { return f.Fields[slot&fieldMask] == want && rest(f) }
	case 2:
		s0, w0, s1, w1 := tests[0].slot, tests[0].want, tests[1].slot, tests[1].want
		return func(f *Fact) bool { return f.Fields[s0&fieldMask] == w0 && f.Fields[s1&fieldMask] == w1 && rest(f) }
	default:
		first := conjunction(tests)
		return func(f *Fact) bool { return first(f) && rest(f) }
	}
}

// disjunction joins tests by threes, and then all else.
func disjunction(parts []*expression, sym Symbols) Condition {
	var tests []test
	var conditions []Condition
	for _, part := range parts {
		if t := part.tests(sym, nil); len(t) == 1 {
			tests = append(tests, t[0])
			continue
		}
		conditions = append(conditions, part.condition(sym))
	}
	for ; len(tests) > 2; tests = tests[3:] {
		s0, w0, s1, w1, s2, w2 := tests[0].slot, tests[0].want, tests[1].slot, tests[1].want, tests[2].slot, tests[2].want
		conditions = append(conditions, func(f *Fact) bool {
			return f.Fields[s0&fieldMask] == w0 || f.Fields[s1&fieldMask] == w1 || f.Fields[s2&fieldMask] == w2
		})
	}
	switch len(tests) {
	case 1:
		conditions = append(conditions, conjunction(tests))
	case 2:
		s0, w0, s1, w1 := tests[0].slot, tests[0].want, tests[1].slot, tests[1].want
		conditions = append(conditions, func(f *Fact) bool { return f.Fields[s0&fieldMask] == w0 || f.Fields[s1&fieldMask] == w1 })
	}
	out := conditions[0]
	for _, next := range conditions[1:] {
		before := out
		out = func(f *Fact) bool { return before(f) || next(f) }
	}
	return out
}

func matching(e *expression, sym Symbols) Condition {
	text, match := e.args[0].number(sym), e.match
	names := sym.(texts) // Compile has seen to it
	return func(f *Fact) bool { return match(names.Text(uint32(text(f)))) }
}

// compare compiles opEqual, opLess and opLessEqual.
func (e *expression) compare(sym Symbols) Condition {
	x, y := e.args[0], e.args[1]
	switch x.form {
	case inFloat:
		return compareNested(e.op, x.real(sym), y.real(sym))
	case inBool:
		a, b := x.condition(sym), y.condition(sym)
		return func(f *Fact) bool { return a(f) == b(f) }
	}
	switch {
	case x.op == opField && y.op == opConst:
		return compareConst(e.op, x.slot, y.constant(sym))
	case x.op == opConst && y.op == opField:
		return compareAbove(e.op, y.slot, x.constant(sym))
	case x.op == opDim && y.op == opConst:
		d, c := x.slot, uint32(y.constant(sym))
		return func(f *Fact) bool { return f.Dims[d] == c }
	case x.op == opField && y.op == opField:
		return compareFields(e.op, x.slot, y.slot)
	}
	return compareNested(e.op, x.number(sym), y.number(sym))
}

func compareConst(op opcode, slot int, c int64) Condition {
	switch op {
	case opEqual:
		return func(f *Fact) bool { return f.Fields[slot&fieldMask] == c }
	case opLess:
		return func(f *Fact) bool { return f.Fields[slot&fieldMask] < c }
	default:
		return func(f *Fact) bool { return f.Fields[slot&fieldMask] <= c }
	}
}

// compareAbove compares a constant with a field.
func compareAbove(op opcode, slot int, c int64) Condition {
	if op == opLess {
		return func(f *Fact) bool { return c < f.Fields[slot&fieldMask] }
	}
	return func(f *Fact) bool { return c <= f.Fields[slot&fieldMask] }
}

func compareFields(op opcode, a, b int) Condition {
	switch op {
	case opEqual:
		return func(f *Fact) bool { return f.Fields[a&fieldMask] == f.Fields[b&fieldMask] }
	case opLess:
		return func(f *Fact) bool { return f.Fields[a&fieldMask] < f.Fields[b&fieldMask] }
	default:
		return func(f *Fact) bool { return f.Fields[a&fieldMask] <= f.Fields[b&fieldMask] }
	}
}

// compareNested compares what is computed.
func compareNested[T cmp.Ordered](op opcode, a, b func(*Fact) T) Condition {
	switch op {
	case opEqual:
		return func(f *Fact) bool { return a(f) == b(f) }
	case opLess:
		return func(f *Fact) bool { return a(f) < b(f) }
	default:
		return func(f *Fact) bool { return a(f) <= b(f) }
	}
}

// choice is “when ? a : b”.
func choice[T any](when Condition, a, b func(*Fact) T) func(*Fact) T {
	return func(f *Fact) T {
		if when(f) {
			return a(f)
		}
		return b(f)
	}
}

// constant is the integer of a constant of form inBool, inInt or inText.
func (e *expression) constant(sym Symbols) int64 {
	if e.form == inText {
		if e.text == "" {
			return 0
		}
		return int64(sym.Symbol(e.text))
	}
	return e.i
}

// number compiles an expression of form inInt or inText.
func (e *expression) number(sym Symbols) Number {
	slot := e.slot
	switch e.op {
	case opConst:
		c := e.constant(sym)
		return func(*Fact) int64 { return c }
	case opField:
		return func(f *Fact) int64 { return f.Fields[slot&fieldMask] }
	case opDim:
		return func(f *Fact) int64 { return int64(f.Dims[slot]) }
	case opLabel:
		return func(f *Fact) int64 {
			if slot >= len(f.Labels) {
				return 0
			}
			return int64(f.Labels[slot])
		}
	case opTenant:
		return func(f *Fact) int64 { return int64(f.Tenant) }
	case opCond:
		return choice(e.args[0].condition(sym), e.args[1].number(sym), e.args[2].number(sym))
	case opScale:
		a, scale := e.args[0].real(sym), float64(e.scale)
		return func(f *Fact) int64 { return rounded(a(f) * scale) }
	default:
		return e.integer(sym)
	}
}

// integer compiles arithmetic of integers.
func (e *expression) integer(sym Symbols) Number {
	x, y := e.args[0], e.args[1]
	if e.op == opSub && x.op == opField && y.op == opField {
		s0, s1 := x.slot, y.slot
		return func(f *Fact) int64 { return f.Fields[s0&fieldMask] - f.Fields[s1&fieldMask] }
	}
	return computed(e.op, x.number(sym), y.number(sym))
}

// computed adds, subtracts or multiplies.
func computed[T int64 | float64](op opcode, a, b func(*Fact) T) func(*Fact) T {
	switch op {
	case opAdd:
		return func(f *Fact) T { return a(f) + b(f) }
	case opSub:
		return func(f *Fact) T { return a(f) - b(f) }
	case opMul:
		return func(f *Fact) T { return a(f) * b(f) }
	default:
		panic("kpi: internal error: no arithmetic of this operation")
	}
}

// real compiles an expression of form inFloat. A division by 0 gives 0.
func (e *expression) real(sym Symbols) func(*Fact) float64 {
	switch e.op {
	case opConst:
		c := e.f
		return func(*Fact) float64 { return c }
	case opFloat:
		a, scale := e.args[0].number(sym), float64(e.args[0].scale)
		return func(f *Fact) float64 { return float64(a(f)) / scale }
	case opCond:
		return choice(e.args[0].condition(sym), e.args[1].real(sym), e.args[2].real(sym))
	}
	a, b := e.args[0].real(sym), e.args[1].real(sym)
	if e.op != opDiv {
		return computed(e.op, a, b)
	}
	return func(f *Fact) float64 {
		d := b(f)
		if d == 0 {
			return 0
		}
		return a(f) / d
	}
}

// rounded keeps what is not a number, or too large for an int64, in bounds.
func rounded(v float64) int64 {
	switch {
	case v != v:
		return 0
	case v >= None:
		return None
	case v <= -None:
		return -None
	}
	return int64(math.Round(v))
}
