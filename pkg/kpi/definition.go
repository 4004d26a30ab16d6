package kpi

import (
	_ "embed"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/deskpulse/deskpulse/pkg/window"
)

//go:embed catalogue.yaml
var catalogueYAML []byte

// Formula says how the terms of a Reading become a value.
type Formula string

// The formulas.
const (
	Ratio        Formula = "ratio"        // terms: numerator, denominator; 0–1
	Distribution Formula = "distribution" // term: a histogram of durations; mean and quantiles in seconds
)

// Type says how a KPI lies in time.
type Type string

// The types of KPIs.
const (
	Stock Type = "stock" // true at an instant; read without a window
	Flow  Type = "flow"  // over a window that ends at an instant
)

// Definition is one KPI of the catalogue.
type Definition struct {
	Key         string            `yaml:"key"`
	Names       map[string]string `yaml:"names"`       // by language: en, zh, fa
	Description string            `yaml:"description"` // in English: the definition in words
	Source      string            `yaml:"source"`
	Type        Type              `yaml:"type"`
	Unit        string            `yaml:"unit"`      // seconds or ratio
	ShownAs     string            `yaml:"shown_as"`  // minutes, %
	Direction   string            `yaml:"direction"` // lower, higher or none is better
	Formula     Formula           `yaml:"formula"`
	Measures    []string          `yaml:"measures"`
}

// Catalogue is the list of KPIs, in the order in which they are shown.
type Catalogue []Definition

// LoadCatalogue returns the built-in catalogue.
func LoadCatalogue() (Catalogue, error) {
	var c struct {
		KPIs Catalogue `yaml:"kpis"`
	}
	if err := yaml.UnmarshalWithOptions(catalogueYAML, &c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("catalogue.yaml: %w", err)
	}
	for _, d := range c.KPIs {
		if want, ok := map[Formula]int{Ratio: 2, Distribution: 1}[d.Formula]; !ok || len(d.Measures) != want {
			return nil, fmt.Errorf("catalogue.yaml: %s: formula %q with %d measures: ratio takes two, distribution one", d.Key, d.Formula, len(d.Measures))
		}
	}
	return c.KPIs, nil
}

// Find returns the definition of a key.
func (c Catalogue) Find(key string) (*Definition, bool) {
	i := slices.IndexFunc(c, func(d Definition) bool { return d.Key == key })
	if i < 0 {
		return nil, false
	}
	return &c[i], true
}

// Quantiles are the quantiles of a distribution that deskpulse shows.
var Quantiles = []struct {
	Name string
	Q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}

// Evaluate applies the formula to merged terms.
func (d *Definition) Evaluate(terms []window.Vector) Value {
	if d.Formula == Distribution {
		return distribution(terms[0])
	}
	v := Value{Numerator: terms[0].At(0), Denominator: terms[1].At(0)}
	if v.Denominator != 0 {
		ratio := float64(v.Numerator) / float64(v.Denominator)
		v.Value = &ratio
	}
	return v
}

func distribution(h window.Vector) Value {
	v := Value{Count: h.Count()}
	if v.Count <= 0 {
		return v
	}
	mean := float64(h.At(0)) / 1000 / float64(v.Count)
	v.Value = &mean
	v.Quantiles = make(map[string]float64, len(Quantiles))
	for _, q := range Quantiles {
		v.Quantiles[q.Name], _ = h.Quantile(q.Q)
	}
	return v
}
