package kpi

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// Term is one use of a measure by a KPI.
type Term struct {
	*Measure
	Function string // "" is the measure by itself
	All      bool   // read as of the instant or since ever, from the window all, rather than from the reading's
}

// formula is a KPI made ready.
type formula struct {
	numerator, denominator, immature term
	parts                            []formulaPart
	of                               *Measure
	terms                            []Term
	rolling, periods                 bool // the windows in which it has a meaning
	sets                             Set  // dimensions that all its measures set themselves
}

type formulaPart struct {
	name                   string
	numerator, denominator term
	scale, weight          float64
}

// term is a compiled expression over measures; NaN is no value.
type term func(c *Compiled, in *Input) float64

// use is how a function reads a measure.
type use struct {
	shapes   []Shape
	all      bool // from the window all
	windowed bool // it needs a window
	rolling  bool // it has a meaning in rolling windows only
	periods  bool // in calendar periods only
	read     func(m *Measure) term
}

var (
	stocks     = []Shape{ShapeStock, ShapeAged, ShapeClocked}
	flows      = []Shape{ShapeCount, ShapeSum}
	histograms = []Shape{ShapeHistogram}
)

// uses are the functions over measures. Those without a name are the measure by itself.
var uses = map[string][]use{
	"": {
		{shapes: flows, windowed: true, read: inWindow},
		{shapes: stocks, all: true, read: sinceEver},
		{shapes: []Shape{ShapePerWindow}, all: true, windowed: true, rolling: true, read: perWindow},
		{shapes: []Shape{ShapePerPeriod}, windowed: true, periods: true, read: perPeriod},
	},
	"count":    {{shapes: histograms, windowed: true, read: samples}},
	"sum":      {{shapes: histograms, windowed: true, read: inWindow}},
	"mean":     {{shapes: histograms, windowed: true, read: meanOf}},
	"total":    {{shapes: flows, all: true, read: sinceEver}},
	"start":    {{shapes: stocks, all: true, windowed: true, read: atStart}},
	"openings": {{shapes: stocks, windowed: true, periods: true, read: atOpenings}},
	"time":     {{shapes: []Shape{ShapeClocked}, all: true, windowed: true, read: integral}},
	"age":      {{shapes: []Shape{ShapeAged}, all: true, read: meanAge}},
	"oldest":   {{shapes: []Shape{ShapeOldest}, all: true, read: oldestAge}},
	"due":      {{shapes: []Shape{ShapeByMonth}, all: true, windowed: true, periods: true, read: dueMonths}},
}

// formulaLanguage is the vocabulary of formulas: the names of measures are numbers.
func (c *Catalogue) formulaLanguage() *language {
	variables := optionVariables(c.Options)
	for name, t := range variables {
		if t == spanType {
			variables[name] = floatType // of seconds
		}
	}
	for i := range c.Measures {
		variables[c.Measures[i].Name] = floatType
	}
	signatures := logic()
	for _, name := range sorted(uses) {
		if name != "" {
			signatures = append(signatures, signature{name, floatType, []*cel.Type{floatType}})
		}
	}
	return newLanguage(nil, variables, declare(signatures)...)
}

// formulas compiles the KPIs.
func (k *compiler) formulas() error {
	l := k.c.formulaLanguage()
	k.out.formulas = map[string]*formula{}
	for i := range k.out.Catalogue.KPIs {
		d := &k.out.Catalogue.KPIs[i]
		b := formulating{compiler: k, language: l, d: d, f: &formula{rolling: d.Windowed() && d.Type != Periodic, periods: d.Windowed()}}
		if err := b.compile(); err != nil {
			return err
		}
		k.out.formulas[d.Key] = b.f
	}
	return k.references()
}

// references checks what KPIs say of one another, and gathers breakdowns.
func (k *compiler) references() error {
	for i := range k.out.Catalogue.KPIs {
		d := &k.out.Catalogue.KPIs[i]
		path := "kpis." + d.Key
		for j, key := range d.Also {
			if _, ok := k.c.Find(key); !ok {
				return k.c.refuse(path+".also["+strconv.Itoa(j)+"]", "%q is no KPI: use the key of one", key)
			}
		}
		for _, by := range d.By {
			set, _ := ParseSet(by) // checked when it was read
			if !slices.Contains(k.out.Breakdown, set) {
				k.out.Breakdown = append(k.out.Breakdown, set)
			}
		}
	}
	slices.Sort(k.out.Breakdown)
	return nil
}

// formulating compiles one KPI.
type formulating struct {
	*compiler
	language *language
	d        *Definition
	f        *formula
}

func (b *formulating) path(field string) string { return "kpis." + b.d.Key + "." + field }

func (b *formulating) compile() error {
	d, f := b.d, b.f
	if err := b.c.checkTerms("kpis."+d.Key, d); err != nil {
		return err
	}
	d.Options = nil
	for _, t := range []struct {
		field, text string
		into        *term
	}{{"numerator", d.Numerator, &f.numerator}, {"denominator", d.Denominator, &f.denominator}, {"immature", d.Immature, &f.immature}} {
		if err := b.term(t.field, t.text, t.into); err != nil {
			return err
		}
	}
	for i := range d.Parts {
		if err := b.part(i); err != nil {
			return err
		}
	}
	if d.Of != "" {
		if err := b.distribution(); err != nil {
			return err
		}
	}
	if d.Windowed() && !f.rolling && !f.periods {
		return b.c.refuse(b.path("type"), "%s: one of its measures has a meaning in rolling windows only, another in calendar periods only: use measures that go together", d.Type)
	}
	for i, name := range d.Windows {
		_, period := ParsePeriod(name)
		if period && !f.periods || !period && !f.rolling {
			return b.c.refuse(b.path("windows["+strconv.Itoa(i)+"]"), "%q: its measures have no value in such windows: leave it out", name)
		}
	}
	b.dependencies()
	return nil
}

func (b *formulating) part(i int) error {
	p := &b.d.Parts[i]
	at := "parts[" + strconv.Itoa(i) + "]."
	out := formulaPart{name: p.Name, scale: p.Scale, weight: p.Weight}
	if out.scale == 0 {
		out.scale = 1
	}
	if out.weight == 0 {
		out.weight = 1
	}
	if err := b.term(at+"numerator", p.Numerator, &out.numerator); err != nil {
		return err
	}
	if err := b.term(at+"denominator", p.Denominator, &out.denominator); err != nil {
		return err
	}
	b.f.parts = append(b.f.parts, out)
	return nil
}

func (b *formulating) distribution() error {
	m, ok := b.out.Find(b.d.Of)
	switch {
	case !ok:
		return b.c.refuse(b.path("of"), "%q is no measure: use the name of a histogram", b.d.Of)
	case m.Shape != ShapeHistogram:
		return b.c.refuse(b.path("of"), "%s is a %s: use the name of a histogram", m.Name, m.Shape)
	case !b.d.Windowed():
		return b.c.refuse(b.path("type"), "%s: a histogram is of a window: use flow or period", b.d.Type)
	}
	b.f.of = m
	b.f.terms = append(b.f.terms, Term{Measure: m})
	return nil
}

// dependencies notes the options and dimensions that the KPI's measures depend on.
func (b *formulating) dependencies() {
	b.f.sets = ^Set(0)
	for _, t := range b.f.terms {
		for _, s := range b.c.Measures[t.Index].From {
			b.f.sets &= s.sets()
			for _, text := range s.texts() {
				b.option(text)
			}
			b.option(threadOptions[s.Of+" "+s.Count])
		}
	}
	slices.Sort(b.d.Options)
	b.d.Options = slices.Compact(b.d.Options)
}

// sets are the dimensions that the source gives itself.
func (s *Source) sets() (out Set) {
	for name := range s.Set {
		if d, err := ParseDimension(name); err == nil {
			out |= SetOf(d)
		}
	}
	return out
}

// threadOptions are the options that the counts of threads depend on.
var threadOptions = map[string]string{
	"respondent satisfied": "option.satisfied_from",
	"customer at_start":    "option.active_customer",
	"customer retained":    "option.active_customer",
}

// texts are all expressions of a source.
func (s *Source) texts() []string {
	out := []string{s.Where, s.At, s.Value, s.While, s.From, s.Since, s.Month}
	for _, name := range sorted(s.Set) {
		out = append(out, s.Set[name])
	}
	return out
}

// option notes the options that a text names.
func (b *formulating) option(text string) {
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "option.")
		if !ok {
			return
		}
		end := strings.IndexFunc(after, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
		if end < 0 {
			end = len(after)
		}
		if _, known := b.c.Option(after[:end]); known {
			b.d.Options = append(b.d.Options, after[:end])
		}
		rest = after
	}
}

// term compiles an expression over measures.
func (b *formulating) term(field, text string, into *term) error {
	if text == "" {
		return nil
	}
	x, err := b.language.check(text)
	if err != nil {
		return b.c.refuse(b.path(field), "%w", err)
	}
	if t := x.tree.GetType(x.tree.Expr().ID()); !t.IsExactType(floatType) && !t.IsExactType(intType) {
		return b.c.refuse(b.path(field), "%q is a %s: give a number", shown(text), typeName(t))
	}
	b.option(text)
	*into, err = (&forming{b, x}).number(x.tree.Expr())
	if err != nil {
		return b.c.refuse(b.path(field), "%w", err)
	}
	return nil
}

// forming turns one checked expression into a term.
type forming struct {
	*formulating
	*checked
}

func (g *forming) number(e celast.Expr) (term, error) {
	switch e.Kind() {
	case celast.LiteralKind:
		switch v := e.AsLiteral().Value().(type) {
		case int64:
			return constantTerm(float64(v)), nil
		case float64:
			return constantTerm(v), nil
		}
	case celast.IdentKind:
		if o, ok := g.optionOf(e); ok {
			return constantTerm(o.float().f), nil
		}
		return g.measure(e, "", e)
	case celast.CallKind:
		return g.call(e)
	}
	return nil, g.wrong(e, "this form is not known here: use measures, operators and the functions of the reference")
}

func constantTerm(v float64) term { return func(*Compiled, *Input) float64 { return v } }

// optionOf returns the constant that a name stands for.
func (g *forming) optionOf(e celast.Expr) (*expression, bool) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(e.AsIdent(), "."), "option.")
	if !ok {
		return nil, false
	}
	o, ok := g.options[name]
	return o, ok
}

func (g *forming) call(e celast.Expr) (term, error) {
	call := e.AsCall()
	args := call.Args()
	name := call.FunctionName()
	if _, ok := uses[name]; ok {
		return g.measure(e, name, args[0])
	}
	if name == operators.Conditional {
		return g.conditional(args)
	}
	var operands [2]term
	for i, a := range args {
		t, err := g.number(a)
		if err != nil {
			return nil, err
		}
		operands[i] = t
	}
	a, b := operands[0], operands[1]
	switch name {
	case operators.Add:
		return func(c *Compiled, in *Input) float64 { return a(c, in) + b(c, in) }, nil
	case operators.Subtract:
		return func(c *Compiled, in *Input) float64 { return a(c, in) - b(c, in) }, nil
	case operators.Multiply:
		return func(c *Compiled, in *Input) float64 { return a(c, in) * b(c, in) }, nil
	case operators.Divide:
		return func(c *Compiled, in *Input) float64 { return quotient(a(c, in), b(c, in)) }, nil
	case operators.Negate:
		return func(c *Compiled, in *Input) float64 { return -a(c, in) }, nil
	}
	return nil, g.wrong(e, "%s gives no number: use it as a condition, before “?”", name)
}

// quotient has no value where the divisor is 0.
func quotient(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// conditional reads only the branch that a condition over options decides for.
func (g *forming) conditional(args []celast.Expr) (term, error) {
	when, constant, err := g.condition(args[0])
	if err != nil {
		return nil, err
	}
	if constant {
		if when(nil, nil) {
			return g.number(args[1])
		}
		return g.number(args[2])
	}
	a, err := g.number(args[1])
	if err != nil {
		return nil, err
	}
	b, err := g.number(args[2])
	if err != nil {
		return nil, err
	}
	return func(c *Compiled, in *Input) float64 {
		if when(c, in) {
			return a(c, in)
		}
		return b(c, in)
	}, nil
}

// measure compiles the use of a measure by a function.
func (g *forming) measure(e celast.Expr, function string, of celast.Expr) (term, error) {
	if of.Kind() != celast.IdentKind {
		return nil, g.wrong(of, "%s of something computed: give it the name of a measure", function)
	}
	m, ok := g.out.Find(strings.TrimPrefix(of.AsIdent(), "."))
	if !ok {
		return nil, g.wrong(of, "%s of an option: give it the name of a measure", function)
	}
	for _, u := range uses[function] {
		if !slices.Contains(u.shapes, m.Shape) {
			continue
		}
		switch {
		case u.windowed && !g.d.Windowed():
			return nil, g.wrong(e, "%s is read over a window, and a KPI of type %s at an instant: use %s", m.Name, g.d.Type, g.instead(m, false))
		case u.rolling && g.d.Type == Periodic:
			return nil, g.wrong(e, "%s has no value in calendar periods: make the KPI a flow", m.Name)
		}
		g.f.rolling = g.f.rolling && !u.periods
		g.f.periods = g.f.periods && !u.rolling
		g.f.terms = append(g.f.terms, Term{Measure: m, Function: function, All: u.all})
		return u.read(m), nil
	}
	if function == "" {
		return nil, g.wrong(e, "%s is a %s, which has no value by itself: use %s", m.Name, m.Shape, g.instead(m, true))
	}
	return nil, g.wrong(e, "%s of %s, which is a %s: use %s", function, m.Name, m.Shape, g.instead(m, true))
}

// instead names the functions that a measure can be read with.
func (g *forming) instead(m *Measure, windowed bool) string {
	var out []string
	for _, function := range sorted(uses) {
		for _, u := range uses[function] {
			if !slices.Contains(u.shapes, m.Shape) || u.windowed && !windowed {
				continue
			}
			if function == "" {
				out = append(out, m.Name)
			} else {
				out = append(out, function+"("+m.Name+")")
			}
		}
	}
	if len(out) == 0 {
		return "another measure, or a KPI of type flow"
	}
	return strings.Join(out, " or ")
}

// The readers of measures. Each gives natural units: seconds, money, points, counts.

func (m *Measure) unit() float64 { return float64(max(1, unitScales[m.Unit])) }

func at(t *Totals, slot uint16) int64 {
	if t == nil {
		return 0
	}
	return t.Values.At(slot)
}

func inWindow(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 { return float64(at(in.Window, slot)) / unit }
}

func sinceEver(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 { return float64(at(in.All, slot)) / unit }
}

// part returns the components of a measure within a vector.
func (m *Measure) part(t *Totals) window.Vector {
	if t == nil {
		return nil
	}
	v := t.Values
	return v[below(v, int(m.Slot)):below(v, int(m.Slot)+m.Slots)]
}

// below returns how many components lie below a slot.
func below(v window.Vector, slot int) int {
	i, _ := slices.BinarySearchFunc(v, slot, func(e window.Entry, s int) int { return int(e.Slot) - s })
	return i
}

// samplesOf counts the samples of a histogram.
func (m *Measure) samplesOf(t *Totals) (n int64) {
	for _, e := range m.part(t) {
		if e.Slot != m.Slot {
			n += e.Value
		}
	}
	return n
}

func samples(m *Measure) term {
	return func(_ *Compiled, in *Input) float64 { return float64(m.samplesOf(in.Window)) }
}

func meanOf(m *Measure) term {
	sum := inWindow(m)
	return func(c *Compiled, in *Input) float64 { return quotient(sum(c, in), float64(m.samplesOf(in.Window))) }
}

// perWindow has one slot for what counts in every window, and one for each window.
func perWindow(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(c *Compiled, in *Input) float64 {
		if in.Window == nil {
			return math.NaN()
		}
		v := at(in.All, slot)
		switch i := slices.Index(c.Windows, in.Window.Window); {
		case i >= 0:
			v += at(in.All, slot+1+uint16(i))
		case in.Window.Window != "all":
			return math.NaN()
		}
		return float64(v) / unit
	}
}

// perPeriod adds what has happened in the period to a stock at its start.
func perPeriod(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 {
		if in.Window == nil {
			return math.NaN()
		}
		p, ok := ParsePeriod(in.Window.Window)
		if !ok {
			return math.NaN()
		}
		stock := slot + NumPeriods
		return float64(at(in.Window, slot+uint16(p))+at(in.All, stock)-at(in.Window, stock)) / unit
	}
}

// atStart is a stock at the start of the window: what it is now, less what has changed.
func atStart(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 {
		return float64(at(in.All, slot)-at(in.Window, slot)) / unit
	}
}

func atOpenings(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 {
		if in.Window == nil {
			return math.NaN()
		}
		if _, ok := ParsePeriod(in.Window.Window); !ok {
			return math.NaN()
		}
		return float64(in.Window.Openings.At(slot)) / unit
	}
}

// integral is the time that the stock has lasted in the window, in seconds for each unit.
// With A the stock at the instant, a its changes in the window and b the sum of change ×
// instant, it is (At − Lo)·A + Lo·a − b.
func integral(m *Measure) term {
	slot, unit := m.Slot, m.unit()
	return func(_ *Compiled, in *Input) float64 {
		if in.Window == nil {
			return math.NaN()
		}
		lo := in.Window.Lo * 1000
		ms := (in.At*1000-lo)*at(in.All, slot) + lo*at(in.Window, slot) - at(in.Window, slot+1)
		return float64(ms) / 1000 / unit
	}
}

// meanAge is, for each unit of the stock, the time since it began.
func meanAge(m *Measure) term {
	slot := m.Slot
	return func(_ *Compiled, in *Input) float64 {
		n := at(in.All, slot)
		return quotient(float64(in.At*1000*n-at(in.All, slot+1))/1000, float64(n))
	}
}

func oldestAge(m *Measure) term {
	index := uint16(m.Index)
	return func(_ *Compiled, in *Input) float64 {
		if in.All != nil {
			for _, o := range in.All.Oldest {
				if o.Measure == index {
					return float64(in.At*1000-o.At) / 1000
				}
			}
		}
		return math.NaN()
	}
}

// dueMonths adds up the months of the period.
func dueMonths(m *Measure) term {
	unit := m.unit()
	return func(_ *Compiled, in *Input) float64 {
		if in.Window == nil || in.All == nil {
			return math.NaN()
		}
		if _, ok := ParsePeriod(in.Window.Window); !ok {
			return math.NaN()
		}
		sum := int64(0)
		for _, e := range m.part(in.All) {
			if month := e.Slot - m.Slot; month >= in.Window.MonthFrom && month <= in.Window.MonthTo {
				sum += e.Value
			}
		}
		return float64(sum) / unit
	}
}
