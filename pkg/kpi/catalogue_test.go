package kpi

import (
	"testing"
)

// TestBuiltIn loads and compiles the built-in catalogue, and under every value of every
// option.
func TestBuiltIn(t *testing.T) {
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(newNames())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d options, %d measures, %d KPIs, %d feeds, reads %s, breakdowns %v, labels %v", len(c.Options), len(c.Measures), len(c.KPIs), len(compiled.Feeds), compiled.Reads, compiled.Breakdown, compiled.Labels)
	for i := range c.Options {
		o := c.Options[i]
		for _, value := range o.Values {
			if err := c.SetOption(o.Name, value); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Compile(nil); err != nil {
				t.Errorf("%s=%s: %v", o.Name, value, err)
			}
		}
		if err := c.SetOption(o.Name, o.Default); err != nil {
			t.Fatal(err)
		}
	}
}
