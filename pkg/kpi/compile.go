package kpi

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Compile checks a catalogue and makes it ready for facts and readings. sym serves the
// expressions over facts; where it is nil they are checked, but Feeds stays empty. A sym
// that has a method Text too, from a symbol to its text, allows text functions.
func (c *Catalogue) Compile(sym Symbols) (*Compiled, error) {
	out := &Compiled{Catalogue: *c, byName: map[string]int{}}
	out.Catalogue.Options = slices.Clone(c.Options)
	out.Catalogue.Measures = slices.Clone(c.Measures)
	out.Catalogue.KPIs = slices.Clone(c.KPIs)
	k := compiler{c: c, out: out, sym: sym}
	if sym == nil {
		k.sym = newNames()
	}
	k.prepare()
	if err := k.measures(); err != nil {
		return nil, err
	}
	if err := k.formulas(); err != nil {
		return nil, err
	}
	out.feeds = out.Feeds
	if sym == nil {
		out.Feeds = nil
	}
	return out, nil
}

// names are symbols for a catalogue that is only checked.
type names struct {
	ids   map[string]uint32
	texts []string
}

func newNames() *names { return &names{map[string]uint32{"": 0}, []string{""}} }

// Symbol gives a text its number.
func (n *names) Symbol(text string) uint32 {
	id, ok := n.ids[text]
	if !ok {
		id = uint32(len(n.texts))
		n.ids[text], n.texts = id, append(n.texts, text)
	}
	return id
}

// Text is the inverse of Symbol.
func (n *names) Text(symbol uint32) string { return n.texts[symbol] }

// compiler makes a Compiled.
type compiler struct {
	c         *Catalogue
	out       *Compiled
	sym       Symbols
	base      *language
	languages map[FactKind]*language
	options   map[string]*expression
}

func (k *compiler) prepare() {
	k.languages = map[FactKind]*language{}
	k.base = factBase(k.c.Options)
	k.options = map[string]*expression{}
	for i := range k.c.Options {
		k.options[k.c.Options[i].Name] = k.c.Options[i].constant()
	}
}

// constant is the option's value, as expressions see it.
func (o *Option) constant() *expression {
	value := o.Current()
	if len(o.Values) > 0 {
		return constText(value)
	}
	if ms, ok := parseDuration(value); ok {
		return constInt(ms, scaleMS)
	}
	v, _ := parseNumber(value)
	return constFloat(v)
}

func (k *compiler) language(kind FactKind) *language {
	l, ok := k.languages[kind]
	if !ok {
		l = factLanguage(k.base, Schemas[kind])
		k.languages[kind] = l
	}
	return l
}

// measures lays the measures out and compiles what feeds them.
func (k *compiler) measures() error {
	slot := 0
	hash := fnv.New64a()
	for i := range k.c.Options {
		fmt.Fprintf(hash, "%s=%s\n", k.c.Options[i].Name, k.c.Options[i].Current())
	}
	for i := range k.c.Measures {
		spec := &k.c.Measures[i]
		path := "measures." + spec.Name
		m := Measure{Name: spec.Name, Shape: spec.shape(), Unit: spec.Unit, Slot: uint16(slot), Index: i}
		if !slices.Contains(shapes, m.Shape) {
			return k.c.refuse(path+".as", "shape %q is unknown: use one of %s", spec.As, joined(shapes))
		}
		m.Slots = m.Shape.Slots()
		if slot += m.Slots; slot > math.MaxUint16 {
			return k.c.refuse(path, "the measures need more than %d slots: use fewer histograms and measures by month", math.MaxUint16)
		}
		if len(spec.From) == 0 {
			return k.c.refuse(path+".from", "it is missing: say which facts feed the measure")
		}
		k.out.byName[m.Name] = i
		k.out.Measures = append(k.out.Measures, m)
		for j := range spec.From {
			if err := k.feed(i, j); err != nil {
				return err
			}
		}
		fmt.Fprintf(hash, "%s %s %d %s %q\n", m.Name, m.Shape, m.Slot, m.Unit, spec.From)
	}
	k.out.Layout = hash.Sum64()
	return nil
}

var shapes = []Shape{ShapeCount, ShapeSum, ShapeHistogram, ShapeStock, ShapeAged, ShapeClocked, ShapeOldest, ShapeByMonth, ShapePerWindow, ShapePerPeriod}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return strings.Join(texts, ", ")
}

// shape is the one given, or the one that the sources speak of.
func (s *Spec) shape() Shape {
	switch {
	case s.As != "":
		return s.As
	case len(s.From) > 0 && s.From[0].While != "":
		return ShapeStock
	default:
		return ShapeCount
	}
}

// live tells the shapes of stocks.
func (s Shape) live() bool {
	switch s {
	case ShapeStock, ShapeAged, ShapeClocked, ShapeOldest, ShapeByMonth:
		return true
	}
	return false
}

// ofThread tells the shapes that only threads have.
func (s Shape) ofThread() bool { return s == ShapePerWindow || s == ShapePerPeriod }

// feed compiles one source of a measure.
func (k *compiler) feed(measure, source int) error {
	m := &k.out.Measures[measure]
	s := &k.c.Measures[measure].From[source]
	path := "measures." + m.Name + ".from[" + strconv.Itoa(source) + "]"
	f := Feed{Measure: measure, Shape: m.Shape, Slot: m.Slot}
	if counts, ok := Threads[s.Of]; ok {
		if err := k.thread(path, s, m, counts); err != nil {
			return err
		}
		f.Thread, f.Count = s.Of, s.Count
		return k.threadFeed(path, s, f)
	}
	kind := slices.IndexFunc(Schemas[:], func(schema *Schema) bool { return schema.Name == s.Of })
	if kind < 0 {
		return k.c.refuse(path+".of", "%q is unknown: use one of %s", s.Of, strings.Join(sources(), ", "))
	}
	f.Fact = FactKind(kind)
	w := feeding{compiler: k, feed: &f, spec: s, path: path, measure: m, schema: Schemas[kind]}
	if err := w.compile(); err != nil {
		return err
	}
	if !w.never {
		k.out.Feeds = append(k.out.Feeds, f)
	}
	return nil
}

// threadFeed adds a source that is a thread, unless options rule it out.
func (k *compiler) threadFeed(path string, s *Source, f Feed) error {
	if s.Where != "" {
		x, err := k.base.check(s.Where)
		if err != nil {
			return k.c.refuse(path+".where", "%w", err)
		}
		l := lowering{checked: x, schema: &Schema{}, options: k.options, label: func(string) int { return 0 }}
		e, err := l.expr(x.tree.Expr())
		if err != nil {
			return k.c.refuse(path+".where", "%w", err)
		}
		if e.op != opConst || e.form != inBool {
			return k.c.refuse(path+".where", "%s is a thread, which has no fields: write a condition of options alone", s.Of)
		}
		if e.i == 0 {
			return nil
		}
	}
	k.out.Feeds = append(k.out.Feeds, f)
	return nil
}

// sources are the names of all facts and threads.
func sources() []string {
	var out []string
	for _, s := range Schemas {
		out = append(out, s.Name)
	}
	return append(out, slices.Sorted(maps.Keys(Threads))...)
}

// thread checks a source that is a thread.
func (k *compiler) thread(path string, s *Source, m *Measure, counts []string) error {
	if !slices.Contains(counts, s.Count) {
		return k.c.refuse(path+".count", "%q is not counted of %s: use one of %s", s.Count, s.Of, strings.Join(counts, ", "))
	}
	if allowed := threadShapes(s.Of, s.Count); !slices.Contains(allowed, m.Shape) {
		return k.c.refuse(path+".count", "%s of %s is not a %s: use as: %s", s.Count, s.Of, m.Shape, joined(allowed))
	}
	for name, text := range map[string]string{
		"at": s.At, "value": s.Value, "while": s.While, "from": s.From, "since": s.Since, "month": s.Month, "as_of": s.AsOf,
	} {
		if text != "" {
			return k.c.refuse(path+"."+name, "%s is a thread, which has no fields: leave it out", s.Of)
		}
	}
	if len(s.Set) > 0 {
		return k.c.refuse(path+".set", "%s is a thread, which has no fields: leave it out", s.Of)
	}
	return nil
}

// threadShapes are how each count of a thread can be kept.
func threadShapes(thread, count string) []Shape {
	switch {
	case count == "at_start" || count == "retained":
		return []Shape{ShapePerPeriod}
	case thread == "customer" && count == "active":
		return []Shape{ShapePerPeriod, ShapePerWindow}
	case count == "new" && thread != "incident":
		return []Shape{ShapeCount}
	case count == "new" || count == "new_repeated":
		return []Shape{ShapeCount, ShapePerWindow}
	default:
		return []Shape{ShapePerWindow}
	}
}

// sorted lists the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// SetWindows says which rolling windows measures of a thread have a slot for.
func (c *Compiled) SetWindows(names []string) {
	c.Windows = slices.Clone(names)
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %q", c.Layout, names)
	c.Layout = hash.Sum64()
}
