package output

import (
	"slices"
	"strings"
	"testing"
)

// What is read in no period is on the cards, without a value; if nothing else is, there is
// no view. Its figures are checked in
// tests/integration.
func TestScorecardsReadWhatPeriodsHave(t *testing.T) {
	c := compiled(t)
	for keys, want := range map[string]string{
		"":                                       "",
		"repeat_incident_ratio":                  "", // only in windows
		"oldest_open_age":                        "", // a minimum is in no total
		"repeat_incident_ratio overdue_ratio":    "overdue_ratio",
		"response_time service_level":            "response_time service_level",
		"response_time churn_rate overdue_ratio": "response_time overdue_ratio churn_rate",
	} {
		sheet := Sheet{}
		for key := range strings.FieldsSeq(keys) {
			sheet.Parts = append(sheet.Parts, SheetPart{KPI: key, Weight: 1, Score: "value"})
		}
		v, ok, err := scorecards(c, []Sheet{sheet})
		if err != nil {
			t.Fatal(err)
		}
		if ok != (want != "") {
			t.Errorf("%q: a view: %t", keys, ok)
		}
		var got []string
		for i := range c.Catalogue.KPIs {
			if key := c.Catalogue.KPIs[i].Key; strings.Contains(v.sql, "arrayJoin([('"+key+"', ") {
				got = append(got, key)
			}
		}
		wanted := strings.Fields(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%q: reads %q, want %q", keys, got, wanted)
		}
	}
}
