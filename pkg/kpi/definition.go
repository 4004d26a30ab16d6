package kpi

import (
	"slices"
)

// Formula says how the measures of a KPI become a value.
type Formula string

// The formulas.
const (
	Ratio        Formula = "ratio"        // numerator ÷ denominator
	Plain        Formula = "value"        // the numerator alone
	Distribution Formula = "distribution" // of a histogram: mean, count and quantiles
	Share        Formula = "share"        // the numerator of the group ÷ that of the whole tenant
	Index        Formula = "index"        // the weighted mean of the parts that have data
	Slowest      Formula = "slowest"      // the largest mean of a histogram over the values of a dimension, and which it is
)

// Type says how a KPI lies in time.
type Type string

// The types of KPIs.
const (
	Stock      Type = "stock"      // true at an instant; read without a window
	Flow       Type = "flow"       // over a window that ends at an instant
	Cohort     Type = "cohort"     // of what was raised in a window; its outcome may still come
	Periodic   Type = "period"     // over a calendar period so far
	Cumulative Type = "cumulative" // since the beginning; read without a window
)

// Part is one term of an index.
type Part struct {
	Name        string  `yaml:"name"`
	Numerator   string  `yaml:"numerator"`
	Denominator string  `yaml:"denominator"`
	Scale       float64 `yaml:"scale"`  // by which the quotient is multiplied; 1 where it is left out
	Weight      float64 `yaml:"weight"` // 1 where it is left out
}

// Definition is one KPI of the catalogue.
type Definition struct {
	Key          string            `yaml:"key"`
	Names        map[string]string `yaml:"names"`        // by language: en, zh, fa
	Descriptions map[string]string `yaml:"descriptions"` // likewise: the definition in words
	Source       string            `yaml:"source"`
	Type         Type              `yaml:"type"`
	Unit         string            `yaml:"unit"`      // ratio, seconds, money, points, count, or a word of its own
	ShownAs      string            `yaml:"shown_as"`  // minutes, hours, %, ‰, money, points, count
	Direction    string            `yaml:"direction"` // lower, higher, band or none is better
	Formula      Formula           `yaml:"formula"`
	Numerator    string            `yaml:"numerator"`   // of ratio, value and share: an expression over measures
	Denominator  string            `yaml:"denominator"` // of ratio
	Of           string            `yaml:"of"`          // of distribution and slowest: a histogram
	Parts        []Part            `yaml:"parts"`       // of index
	Immature     string            `yaml:"immature"`    // of cohorts: counts those whose outcome may still come
	By           []string          `yaml:"by"`          // breakdowns kept live; an entry can name several dimensions: "team,channel"
	Windows      []string          `yaml:"windows"`     // those shown by default
	Target       *float64          `yaml:"target"`
	Also         []string          `yaml:"also"` // keys shown beside it
	Options      []string          `yaml:"-"`    // that it depends on; set by Compile
}

// Windowed reports whether the KPI is read over windows, rather than at an instant.
func (d *Definition) Windowed() bool { return d.Type != Stock && d.Type != Cumulative }

// Option is a switch of definition: a constant in expressions, as option.name.
type Option struct {
	Name        string   `yaml:"-"`
	Values      []string `yaml:"values"`  // those allowed; without them it is a number or a duration, as its default
	Default     string   `yaml:"default"` // as text: "any", "80", "20s"
	Description string   `yaml:"description"`
	Value       string   `yaml:"-"` // set by SetOption; else it is the default
}

// NamedSpec is a measure with its name.
type NamedSpec struct {
	Name string
	Spec
}

// Catalogue is what is measured and shown: data, read from files.
type Catalogue struct {
	Options  []Option
	Measures []NamedSpec  // in the order in which they are laid out
	KPIs     []Definition // in the order in which they are shown

	places map[string]place // of values in their files, by path: "measures.x.from[0].at"
}

// Find returns the definition of a key.
func (c *Catalogue) Find(key string) (*Definition, bool) {
	i := slices.IndexFunc(c.KPIs, func(d Definition) bool { return d.Key == key })
	if i < 0 {
		return nil, false
	}
	return &c.KPIs[i], true
}

// Quantiles are the quantiles of a distribution that deskpulse shows.
var Quantiles = []struct {
	Name string
	Q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}
