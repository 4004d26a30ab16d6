package kpi

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed catalogue.yaml
var catalogueYAML []byte

// builtinName is what errors call the built-in file.
const builtinName = "catalogue.yaml"

// LoadCatalogue returns the built-in catalogue.
func LoadCatalogue() (*Catalogue, error) {
	c := &Catalogue{}
	if err := c.merge(catalogueYAML, builtinName, true); err != nil {
		return nil, err
	}
	return c, nil
}

// Merge reads a user's file into c. Measures, options and KPIs are added; a measure of
// the same name is replaced, and of an option or KPI of the same name only what the file
// says is replaced. An error tells file, line and column; c is of no use after it.
func (c *Catalogue) Merge(file []byte, name string) error { return c.merge(file, name, false) }

func (c *Catalogue) merge(file []byte, name string, builtin bool) error {
	if c.places == nil {
		c.places = map[string]place{}
	}
	l := loader{c: c, file: name, builtin: builtin}
	return l.load(file)
}

// Option returns the option of a name.
func (c *Catalogue) Option(name string) (*Option, bool) {
	i := slices.IndexFunc(c.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return nil, false
	}
	return &c.Options[i], true
}

// SetOption gives an option another value.
func (c *Catalogue) SetOption(name, value string) error {
	o, ok := c.Option(name)
	if !ok {
		names := make([]string, len(c.Options))
		for i := range c.Options {
			names[i] = c.Options[i].Name
		}
		return fmt.Errorf("option %q is unknown: use one of %s", name, strings.Join(names, ", "))
	}
	if err := o.check(value); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	o.Value = value
	return nil
}

// Current returns the value in force.
func (o *Option) Current() string {
	if o.Value == "" {
		return o.Default
	}
	return o.Value
}

// check wants a value of the kind that the default has.
func (o *Option) check(value string) error {
	if len(o.Values) > 0 {
		if !slices.Contains(o.Values, value) {
			return fmt.Errorf("value %q is not allowed: use one of %s", value, strings.Join(o.Values, ", "))
		}
		return nil
	}
	if _, ok := parseDuration(o.Default); ok {
		if _, ok := parseDuration(value); !ok {
			return fmt.Errorf("value %q is not a duration: write a number and a unit, as in %s", value, o.Default)
		}
		return nil
	}
	if _, ok := parseNumber(value); !ok {
		return fmt.Errorf("value %q is not a number: write one, as in %s", value, o.Default)
	}
	return nil
}

// place is where in a file a value is written.
type place struct {
	file         string
	line, column int
}

func (p place) String() string {
	return p.file + ":" + strconv.Itoa(p.line) + ":" + strconv.Itoa(p.column)
}

// placeOf returns the place of a value or, where it is not written, that of what holds it.
func (c *Catalogue) placeOf(path string) place {
	for {
		if p, ok := c.places[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return place{file: builtinName, line: 1, column: 1}
		}
		path = path[:i]
	}
}

// refuse returns an error about the value at a path.
func (c *Catalogue) refuse(path, format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", c.placeOf(path), path, fmt.Errorf(format, args...))
}
