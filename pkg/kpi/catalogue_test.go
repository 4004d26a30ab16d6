package kpi

import "testing"

// TestBuiltIn compiles the built-in catalogue under every value of every option, and
// wants a use for each measure and each option.
func TestBuiltIn(t *testing.T) {
	c, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	measures, options := map[string]bool{}, map[string]bool{}
	compile := func(what string) {
		compiled, err := c.Compile(nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range compiled.Catalogue.KPIs {
			d := &compiled.Catalogue.KPIs[i]
			for _, term := range compiled.Terms(d) {
				measures[term.Name] = true
			}
			for _, name := range d.Options {
				options[name] = true
			}
		}
	}
	compile("defaults")
	for i := range c.Options {
		o := c.Options[i]
		for _, value := range o.Values {
			if err := c.SetOption(o.Name, value); err != nil {
				t.Fatal(err)
			}
			compile(o.Name + "=" + value)
		}
		if err := c.SetOption(o.Name, o.Default); err != nil {
			t.Fatal(err)
		}
		if !options[o.Name] {
			t.Errorf("no KPI depends on option %s", o.Name)
		}
	}
	for i := range c.Measures {
		if !measures[c.Measures[i].Name] {
			t.Errorf("no KPI reads measure %s", c.Measures[i].Name)
		}
	}
}
