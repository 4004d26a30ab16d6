package kpi

import (
	"fmt"
	"strings"
	"testing"
)

// written writes a tree as lists in parentheses.
func written(n *Node) string {
	switch n.Operator {
	case "number":
		return fmt.Sprint(n.Number)
	case "measure":
		if n.Function != "" {
			return n.Function + ":" + n.Measure.Name
		}
		return n.Measure.Name
	}
	parts := []string{n.Operator}
	for _, a := range n.Args {
		parts = append(parts, written(a))
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func TestTree(t *testing.T) {
	catalogue, err := LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	trees := c.Trees()
	d, _ := c.Catalogue.Find("cost_per_inbound_call")
	for text, want := range map[string]string{
		"1":               "1",
		"call_cost / 2.5": "(/ call_cost 2.5)",
		"-sum(response_time) + total(revenue) * 3.0":                                        "(+ (- 0 sum:response_time) (* total:revenue 3))",
		`option.call_cost == "inbound" ? call_cost : revenue`:                               "call_cost",
		`option.call_cost in ["all"] || false ? call_cost : revenue`:                        "revenue",
		"call_cost > 2.0 && !(revenue == 0.0) ? call_cost - revenue : option.answer_within": "(if (&& (> call_cost 2) (! (== revenue 0))) (- call_cost revenue) 20)",
	} {
		n, err := trees.Tree(d, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := written(n); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"call_cost +", "nothing", "sum(call_cost + revenue)"} {
		if _, err := trees.Tree(d, text); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
	// Every formula of the catalogue has a tree.
	for i := range c.Catalogue.KPIs {
		d := &c.Catalogue.KPIs[i]
		for _, text := range []string{d.Numerator, d.Denominator, d.Immature} {
			if _, err := trees.Tree(d, text); text != "" && err != nil {
				t.Errorf("%s: %v", d.Key, err)
			}
		}
	}
}
