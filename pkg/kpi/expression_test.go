package kpi

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// TestAgainstCEL evaluates each expression of the built-in catalogue by CEL's own
// interpreter too, over random facts.
func TestAgainstCEL(t *testing.T) {
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	compareWithCEL(t, c)
	for i := range c.Options { // and each option at its last value
		if o := &c.Options[i]; len(o.Values) > 0 {
			o.Value = o.Values[len(o.Values)-1]
		}
	}
	compareWithCEL(t, c)
	// What the built-in catalogue does not use.
	own := catalogueOf(t, `
options: {limit: {default: 1h}}
measures:
  a: {as: sum, from: [{of: ticket, at: 'created_at == timestamp(0) ? created_at : created_at + waited', where: 'open || waiting || !closed && !resolved', value: 'replies * 3 - reopens'}]}
  b: {as: sum, unit: seconds, from: [{of: ticket, at: 'closed ? closed_at : created_at', where: 'team == "t1" || channel != ""', value: 'duration("0s") - waited'}]}
  c: {as: sum, unit: seconds, from: [{of: ticket, at: created_at, where: 'waited > option.limit && replies >= 2 && option.limit <= waited', value: 'waited + duration("90s") - (resolved_before + waited)'}]}
  d: {as: sum, unit: money, from: [{of: order, at: ordered_at, where: 'amount > 2.5 && !(amount == 3.0) || 1.5 >= amount', value: 'amount * 0.5'}]}
  e: {from: [{of: ticket, at: created_at, where: '!(type == "incident") && !(open && closed) && cause in ["x", "misuse"] == resolved'}]}
  f: {from: [{of: ticket, at: created_at, where: 'open && !closed && resolved && !merged && replies == 1 && cause.startsWith("mis")'}]}
  g: {from: [{of: ticket, at: created_at, where: 'type.matches("^(inc|qu)") || cause.endsWith("e") || stage.contains("is") || labels["vip"] == "t1" || tenant == "t1"'}]}
  h: {from: [{of: ticket, at: created_at, where: '(open ? closed : resolved) || created_at < handled_at && 2 > replies && (true ? merged : open)'}]}
  i: {as: sum, unit: points, from: [{of: survey, at: answered_at, where: 'score / 3.0 < 20.0 && score - 2.0 != score', value: 'answered ? score : -1.0'}]}
`)
	compareWithCEL(t, own)
}

func compareWithCEL(t *testing.T, c *Catalogue) {
	t.Helper()
	sym := newNames()
	compiled, err := c.Compile(sym)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	n := 0
	for _, feed := range compiled.Feeds {
		if feed.Thread != "" {
			continue
		}
		for _, s := range c.Measures[feed.Measure].From {
			if s.Of != Schemas[feed.Fact].Name || len(c.Measures[feed.Measure].From) > 1 && !same(compiled, c, feed, s) {
				continue
			}
			n++
			o := newOracle(t, compiled, feed.Fact, sym)
			for range 60 {
				o.compare(feed, s, randomFact(rng, feed.Fact, sym, len(compiled.Labels)))
			}
		}
	}
	if n < 9 {
		t.Errorf("only %d sources were compared", n)
	}
}

// same tells the source of a feed among several by its compiled position.
func same(compiled *Compiled, c *Catalogue, feed Feed, s Source) bool {
	one := &Catalogue{Options: c.Options, Measures: []NamedSpec{{Name: "m", Spec: Spec{As: feed.Shape, Unit: compiled.Measures[feed.Measure].Unit, From: []Source{s}}}}}
	alone, err := one.Compile(newNames())
	if err != nil || len(alone.Feeds) == 0 {
		return false
	}
	got := alone.Feeds[0]
	// A source of its own is told by what it reads, which differs within the measures here.
	return got.Reads == feed.Reads && got.AsOf == feed.AsOf && got.Fact == feed.Fact
}

func randomFact(rng *rand.Rand, kind FactKind, sym *names, labels int) *Fact {
	words := []string{"", "incident", "misuse", "service", "inbound", "chat", "t1", "phone", "true", "operations", "calls", "x", "self_service", "lack_of_knowledge", "question"}
	word := func() uint32 { return sym.Symbol(words[rng.IntN(len(words))]) }
	f := &Fact{Tenant: word()}
	for i, field := range Schemas[kind].Fields {
		switch field.Type {
		case BoolField:
			f.Fields[i] = rng.Int64N(2)
		case TimeField:
			f.Fields[i] = rng.Int64N(6) * 40_000_123
		case DurationField:
			f.Fields[i] = rng.Int64N(6) * 1_800_000
		case IntField:
			f.Fields[i] = rng.Int64N(4)
		case MoneyField:
			f.Fields[i] = rng.Int64N(9)*5_000 - 10_000
		case ScoreField:
			f.Fields[i] = rng.Int64N(101) * scalePoint
		case TextField:
			f.Fields[i] = int64(word())
		}
	}
	for d := range f.Dims {
		f.Dims[d] = word()
	}
	for range labels {
		f.Labels = append(f.Labels, word())
	}
	return f
}

// oracle evaluates with CEL's standard library and interpreter.
type oracle struct {
	t        *testing.T
	compiled *Compiled
	kind     FactKind
	sym      *names
	env      *cel.Env
	programs map[string]cel.Program
}

func newOracle(t *testing.T, c *Compiled, kind FactKind, sym *names) *oracle {
	t.Helper()
	opts := []cel.EnvOption{cel.Variable("labels", cel.MapType(cel.StringType, cel.StringType)), cel.Variable("tenant", cel.StringType)}
	for d := range Queue {
		opts = append(opts, cel.Variable(d.String(), cel.StringType))
	}
	for _, f := range Schemas[kind].Fields {
		if _, err := ParseDimension(f.Name); err != nil || f.Name == "queue" || f.Name == "stage" || f.Name == "cause" || f.Name == "purpose" || f.Name == "item" || f.Name == "state" {
			opts = append(opts, cel.Variable(f.Name, fieldTypes[f.Type]))
		}
	}
	for i := range c.Catalogue.Options {
		o := &c.Catalogue.Options[i]
		opts = append(opts, cel.Variable("option."+o.Name, o.celType()))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{t, c, kind, sym, env, map[string]cel.Program{}}
}

func (o *oracle) eval(text string, f *Fact) any {
	o.t.Helper()
	p, ok := o.programs[text]
	if !ok {
		tree, issues := o.env.Compile(text)
		if issues.Err() != nil {
			o.t.Fatalf("%s: %v", text, issues.Err())
		}
		var err error
		if p, err = o.env.Program(tree); err != nil {
			o.t.Fatal(err)
		}
		o.programs[text] = p
	}
	vars := map[string]any{"tenant": o.sym.Text(f.Tenant)}
	labels := map[string]string{}
	for i, name := range o.compiled.Labels {
		labels[name] = o.sym.Text(f.Labels[i])
	}
	vars["labels"] = labels
	for d := range Queue {
		vars[d.String()] = o.sym.Text(f.Dims[d])
	}
	for i, field := range Schemas[o.kind].Fields {
		v := f.Fields[i]
		vars[field.Name] = map[FieldType]any{
			BoolField: v == 1, TimeField: time.UnixMilli(v), DurationField: time.Duration(v) * time.Millisecond, IntField: v,
			MoneyField: float64(v) / 1e4, ScoreField: float64(v) / 1e6,
		}[field.Type]
		if field.Type == TextField {
			vars[field.Name] = o.sym.Text(uint32(v))
		}
	}
	for i := range o.compiled.Catalogue.Options {
		option := &o.compiled.Catalogue.Options[i]
		vars["option."+option.Name] = optionValue(option)
	}
	out, _, err := p.Eval(vars)
	if err != nil {
		o.t.Fatalf("%s: %v", text, err)
	}
	return out.Value()
}

func optionValue(o *Option) any {
	if d, err := time.ParseDuration(o.Current()); err == nil && o.celType().Kind() == types.DurationKind {
		return d
	}
	if v, ok := parseNumber(o.Current()); ok && o.celType().Kind() == types.DoubleKind {
		return v
	}
	return o.Current()
}

// integer is a value of CEL as a Feed gives it.
func (o *oracle) integer(v any, unit string) int64 {
	switch x := v.(type) {
	case time.Time:
		return x.UnixMilli()
	case time.Duration:
		return x.Milliseconds()
	case int64:
		return x * unitScales[unit]
	case float64:
		return int64(math.Round(x * float64(unitScales[unit])))
	case string:
		return int64(o.sym.Symbol(x))
	}
	o.t.Fatalf("a value of type %T", v)
	return 0
}

func (o *oracle) compare(feed Feed, s Source, f *Fact) {
	o.t.Helper()
	for text, got := range map[string]Condition{s.Where: feed.Where, s.While: feed.While} {
		if text != "" && got != nil {
			if want := o.eval(text, f); got(f) != want {
				o.t.Fatalf("%s is %v, want %v, of %v", text, got(f), want, f.Fields)
			}
		}
	}
	unit := o.compiled.Measures[feed.Measure].Unit
	for _, n := range []struct {
		text string
		got  Number
		unit string
	}{{s.At, feed.At, ""}, {s.From, feed.From, ""}, {s.Since, feed.Since, ""}, {s.Month, feed.Month, ""}, {s.Value, feed.Value, unit}} {
		if n.text == "" {
			continue
		}
		if want := o.integer(o.eval(n.text, f), n.unit); n.got(f) != want {
			o.t.Fatalf("%s is %d, want %d, of %v", n.text, n.got(f), want, f.Fields)
		}
	}
	for _, set := range feed.Set {
		text := s.Set[set.Dimension.String()]
		if want := o.integer(o.eval(text, f), ""); set.Text(f) != want {
			o.t.Fatalf("%s is %d, want %d", text, set.Text(f), want)
		}
	}
}

// TestExpressionNumbers has what CEL itself does not say: numbers of both kinds mixed,
// and a division by 0, which gives 0.
func TestExpressionNumbers(t *testing.T) {
	fact := &Fact{}
	fact.Fields[TicketReplies] = 3
	fact.Fields[TicketReopens] = 2
	fact.Fields[TicketWaited] = 90_500
	fact.Fields[TicketCreatedAt] = 1000
	for _, c := range []struct {
		unit, value string
		want        int64
	}{
		{"count", "replies / 2", 2}, // 1.5, rounded
		{"count", "replies / (reopens - 2)", 0},
		{"count", "7 / 2 * 2", 7},
		{"count", "replies * 2.5", 8}, // 7.5
		{"count", "1 + 2 * 3 - -4", 11},
		{"count", "created_at < handled_at ? 1 : 2", 2},
		{"points", "replies", 3_000_000},
		{"points", "100 * replies / 8", 37_500_000},
		{"money", "0.1 + 0.2", 3000},
		{"seconds", "waited / 2", 45_250},
		{"seconds", "2 * waited", 181_000},
		{"seconds", "waited * 0.5", 45_250},
		{"seconds", "seconds(replies) + seconds(0.25)", 3250},
		{"seconds", "created_at - timestamp(1)", 0},
		{"seconds", `duration("1m30s") - waited`, -500},
		{"count", `waited / duration("1s")`, 91}, // 90.5
		{"count", `waited / duration("0s") + 1.0`, 1},
		{"count", "replies / 1e-300 * 1e300", None},
		{"count", "-(replies / 1e-300 * 1e300)", -None},
	} {
		c1 := &Catalogue{Measures: []NamedSpec{{Name: "m", Spec: Spec{As: ShapeSum, Unit: c.unit, From: []Source{{Of: "ticket", At: "created_at", Value: c.value}}}}}}
		compiled, err := c1.Compile(newNames())
		if err != nil {
			t.Errorf("%s: %v", c.value, err)
			continue
		}
		if got := compiled.Feeds[0].Value(fact); got != c.want {
			t.Errorf("%s in %s is %d, want %d", c.value, c.unit, got, c.want)
		}
	}
}

// TestFeed has what the engine must know of a source beside its expressions.
func TestFeed(t *testing.T) {
	c := catalogueOf(t, `
options: {mode: {values: [a, b], default: a}}
measures:
  h: {as: histogram, from: [{of: ticket, at: handled_at, where: 'handled && (option.mode == "a" || reopened)', value: handled_at - created_at}]}
  s: {from: [{of: ticket, while: 'open && channel == "mail" && labels["vip"] == "yes" && labels["new"] != labels["vip"]', from: overdue_at, set: {stage: stage, cause: cause}}]}
  n: {from: [{of: ticket, at: created_at, as_of: outcome, where: 'option.mode == "b"'}, {of: ticket, at: assigned_at}, {of: caller, count: active, where: 'option.mode == "b"'}]}
`)
	c.Measures[2].From = c.Measures[2].From[:2]
	sym := newNames()
	compiled, err := c.Compile(sym)
	if err != nil {
		t.Fatal(err)
	}
	if len(compiled.Feeds) != 3 {
		t.Fatalf("%d feeds, want 3: what an option rules out is left out", len(compiled.Feeds))
	}
	bits := func(fields ...int) (set uint64) {
		for _, f := range fields {
			set |= 1 << f
		}
		return set
	}
	h, s, n := compiled.Feeds[0], compiled.Feeds[1], compiled.Feeds[2]
	if h.Reads != bits(TicketIsHandled, TicketHandledAt, TicketCreatedAt) || h.ByDims || h.Slot != 0 || Schemas[h.Fact].AsOf[h.AsOf] != "handled_at" {
		t.Errorf("histogram: %+v", h)
	}
	if s.Reads != bits(TicketIsOpen, TicketOverdueAt, TicketStage, TicketCause) || !s.ByDims || s.Slot != 1408 || Schemas[s.Fact].AsOf[s.AsOf] != "current" {
		t.Errorf("stock: %+v", s)
	}
	if n.Slot != 1409 || Schemas[n.Fact].AsOf[n.AsOf] != "current" || n.Where != nil {
		t.Errorf("count: %+v", n)
	}
	if compiled.Reads != SetOf(Channel) || !slices.Equal(compiled.Labels, []string{"vip", "new"}) {
		t.Errorf("reads %s and labels %v, want channel, and vip and new", compiled.Reads, compiled.Labels)
	}
	fact := &Fact{Labels: []uint32{sym.Symbol("yes"), 0}}
	fact.Fields[TicketIsOpen] = 1
	fact.Dims[Channel] = sym.Symbol("mail")
	fact.Fields[TicketCause] = int64(sym.Symbol("misuse"))
	if !s.While(fact) || s.Set[0].Dimension != Cause || s.Set[0].Text(fact) != int64(sym.Symbol("misuse")) || s.Set[1].Dimension != Stage {
		t.Errorf("stock: %v, set %+v", s.While(fact), s.Set)
	}
}

// Unlike in CEL, whose timestamp(0) is an instant, none with a duration is none.
func TestNoneStaysNone(t *testing.T) {
	c := catalogueOf(t, `
measures:
  warned: {from: [{of: ticket, while: open, from: overdue_at - duration("2h")}, {of: ticket, while: open, from: duration("2h") + overdue_at}]}
`)
	compiled, err := c.Compile(newNames())
	if err != nil {
		t.Fatal(err)
	}
	var f Fact
	for i, want := range []int64{3_600_000, 18_000_000} {
		f.Fields[TicketOverdueAt] = 0
		if got := compiled.Feeds[i].From(&f); got != 0 {
			t.Errorf("none gives %d", got)
		}
		f.Fields[TicketOverdueAt] = 10_800_000 // 03:00
		if got := compiled.Feeds[i].From(&f); got != want {
			t.Errorf("03:00 gives %d, want %d", got, want)
		}
	}
}
