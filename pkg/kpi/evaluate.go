package kpi

import (
	"math"

	"github.com/deskpulse/deskpulse/pkg/window"
)

// Find returns the measure of a name.
func (c *Compiled) Find(name string) (*Measure, bool) {
	i, ok := c.byName[name]
	if !ok {
		return nil, false
	}
	return &c.Measures[i], true
}

// Terms lists the uses of measures that a KPI is made of. What options rule out is not
// among them.
func (c *Compiled) Terms(d *Definition) []Term {
	f, ok := c.formulas[d.Key]
	if !ok {
		return nil
	}
	return f.terms
}

// In reports whether a KPI has a meaning in a window: "7d", "all", "month", or "" for
// the instant.
func (c *Compiled) In(d *Definition, name string) bool {
	f, ok := c.formulas[d.Key]
	if !ok || !d.Windowed() {
		return ok && name == ""
	}
	if _, period := ParsePeriod(name); period {
		return f.periods
	}
	return name != "" && f.rolling
}

// By reports whether a KPI can be broken down by a set: dimensions that only measures
// set themselves must be set by one of its own.
func (c *Compiled) By(d *Definition, s Set) bool {
	f, ok := c.formulas[d.Key]
	if ok && d.Formula == Slowest && s.Has(slowestOf(d)) {
		return false // nothing is the slowest of itself
	}
	return ok && s&^(1<<Queue-1)&^f.sets == 0
}

// Evaluate applies the formula of a KPI to what is known of one group. A KPI that the
// catalogue does not have has no value.
func (c *Compiled) Evaluate(d *Definition, in *Input) Value {
	f, ok := c.formulas[d.Key]
	if !ok {
		return Value{}
	}
	v := f.evaluate(c, d, in)
	if f.immature != nil {
		v.Immature = some(f.immature(c, in))
	}
	return v
}

func (f *formula) evaluate(c *Compiled, d *Definition, in *Input) Value {
	switch d.Formula {
	case Distribution:
		return f.of.distribution(in.Window)
	case Index:
		return f.index(c, in)
	case Slowest:
		return f.slowest(in)
	case Plain:
		n := some(f.numerator(c, in))
		return Value{Value: n, Numerator: n}
	}
	n, whole := f.numerator(c, in), math.NaN()
	switch {
	case d.Formula == Ratio:
		whole = f.denominator(c, in)
	case in.Whole != nil:
		whole = f.numerator(c, in.Whole)
	}
	return Value{Value: some(quotient(n, whole)), Numerator: some(n), Denominator: some(whole)}
}

// some is nil for what is not a finite number. It knows no negative zero.
func some(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	v += 0
	return &v
}

// distribution gives the mean and the quantiles of a histogram in seconds.
func (m *Measure) distribution(t *Totals) Value {
	part := m.part(t)
	// Quantiles need the histogram's own slots. Few have more buckets than the array.
	var own [160]window.Entry
	h := window.Vector(own[:0])
	for _, e := range part {
		h = append(h, window.Entry{Slot: e.Slot - m.Slot, Value: e.Value})
	}
	v := Value{Count: h.Count()}
	if v.Count <= 0 {
		return v
	}
	mean := float64(h.At(0)) / scaleMS / float64(v.Count)
	v.Value = &mean
	v.Quantiles = make(map[string]float64, len(Quantiles))
	for _, q := range Quantiles {
		v.Quantiles[q.Name], _ = h.Quantile(q.Q)
	}
	return v
}

// index is the weighted mean of the parts that have data.
func (f *formula) index(c *Compiled, in *Input) Value {
	v := Value{Parts: make([]PartValue, len(f.parts))}
	sum, weights := 0.0, 0.0
	for i, p := range f.parts {
		v.Parts[i] = PartValue{Name: p.name, Value: some(p.scale * quotient(p.numerator(c, in), p.denominator(c, in)))}
		if x := v.Parts[i].Value; x != nil {
			sum += p.weight * *x
			weights += p.weight
		}
	}
	for i, p := range f.parts {
		if v.Parts[i].Value != nil {
			v.Parts[i].Weight = p.weight / weights
		}
	}
	v.Value = some(quotient(sum, weights))
	return v
}

// slowest finds the value of the dimension with the largest mean; of equal ones the
// first by name.
func (f *formula) slowest(in *Input) Value {
	var v Value
	for _, s := range in.Siblings {
		n := f.of.samplesOf(s.Window)
		if n <= 0 {
			continue
		}
		mean := float64(at(s.Window, f.of.Slot)) / scaleMS / float64(n)
		if v.Value == nil || mean > *v.Value || mean == *v.Value && s.Name < v.Slowest {
			v.Value, v.Slowest, v.Count = &mean, s.Name, n
		}
	}
	return v
}
