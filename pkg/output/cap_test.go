package output

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// counting has a count in slot 0, a stock in slot 1, a sum in slot 2 and an oldest.
func counting() *kpi.Compiled {
	return &kpi.Compiled{Layout: layout, Measures: []kpi.Measure{
		{Name: "raised", Shape: kpi.ShapeCount, Slot: 0, Slots: 1},
		{Name: "open", Shape: kpi.ShapeStock, Slot: 1, Slots: 1},
		{Name: "paid", Shape: kpi.ShapeSum, Unit: "money", Slot: 2, Slots: 1},
		{Name: "owed", Shape: kpi.ShapeStock, Unit: "money", Slot: 3, Slots: 1},
		{Name: "longest", Shape: kpi.ShapeOldest},
	}}
}

// both is a team in two windows: raised in 30 days, and raised and open since ever.
func both(name string, raised, ever, open, paid int64) []kpi.Totals {
	all, recent := team(name, ever, open, paid, paid), team(name, raised)
	recent.Window, recent.Lo = "30d", 1000
	all.Oldest = []kpi.OldestEntry{{Measure: 4, At: open * 10}}
	return []kpi.Totals{recent, all}
}

func TestCapKeepsTheLargest(t *testing.T) {
	// By raised in 30 days and open: b 9, other 8, then a before c and d by name.
	in := slices.Concat(both("a", 4, 90, 1, 5), both("b", 2, 8, 7, 5), both("c", 5, 7, 0, 500), both("d", 0, 900, 5, 5), both("other", 5, 9, 3, 5))
	got := Cap(in, 3, counting())
	type row struct {
		Team, Window  string
		Raised, Open  int64
		Paid, Longest int64
	}
	var rows []row
	for _, x := range got {
		r := row{x.Group.Dims[kpi.Team], x.Window, x.Values.At(0), x.Values.At(1), x.Values.At(2), 0}
		if len(x.Oldest) > 0 {
			r.Longest = x.Oldest[0].At
		}
		rows = append(rows, r)
	}
	want := []row{ // the group that is called other joins the rest and takes a place
		{"a", "30d", 4, 0, 0, 0}, {"a", "all", 90, 1, 5, 10},
		{"b", "30d", 2, 0, 0, 0}, {"b", "all", 8, 7, 5, 70},
		{"other", "30d", 10, 0, 0, 0}, {"other", "all", 7 + 900 + 9, 0 + 5 + 3, 510, 0},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in[4].Values.At(0) != 5 {
		t.Error("Cap has changed what it was given")
	}
}

func TestCapLeavesSmallBreakdowns(t *testing.T) {
	in := slices.Concat([]kpi.Totals{{Tenant: "acme", Window: "all", Values: counted(1)}}, both("a", 1, 1, 1, 1), both("b", 1, 1, 1, 1))
	if diff := cmp.Diff(in, Cap(in, 2, counting())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
