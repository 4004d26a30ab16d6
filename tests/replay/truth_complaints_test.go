package replay_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

var complaints = []figure{
	{path: "complaints", fields: plain, kpi: "complaint_outcomes"},
	{path: "channel_counts.*", fields: map[string]string{"": "denominator"}, kpi: "phone_complaint_ratio", by: "channel=$", names: map[string]string{
		"Phone": "phone", "Web": "web", "Fax": "fax", "Referral": "referral", "Postal mail": "post",
	}},
	{path: "phone_share", fields: ratio, kpi: "phone_complaint_ratio"},
	{path: "untimely_share", fields: ratio, kpi: "untimely_share"},
	{path: "disputed_share", fields: ratio, kpi: "disputed_share"},
	{path: "forwarding_days", fields: quantiles, kpi: "response_time", unit: 86400},
	{path: "forwarding_days", fields: meanOnly, kpi: "forwarding_time", unit: 86400},
	{path: "closed_with_relief_share", fields: ratio, kpi: "relief_share"},
	{path: "responses.*", fields: plain, kpi: "complaint_outcomes", by: "state=$", names: map[string]string{"In progress": ""}},
	{path: "top_companies.*", fields: map[string]string{"": "denominator"}, kpi: "phone_complaint_ratio", by: "team=$"},
	{path: "by_month_received.*.complaints", fields: plain, kpi: "complaint_count", window: "month", at: "after $"},
	{path: "by_month_received.*", fields: map[string]string{"complaints": "denominator", "phone": "numerator"}, kpi: "phone_complaint_ratio", window: "month", at: "after $"},
	// What the companies answered later is read in the end.
	{path: "by_month_received.*", fields: map[string]string{"complaints": "denominator", "untimely": "numerator"}, kpi: "untimely_share", by: "segment=$"},
}

var complaintsUnlike = []unlike{
	{"forwarding_days.p50_linear", interpolated},
	{"forwarding_days.p90_linear", interpolated},
	{"forwarding_days.min", extreme},
	{"forwarding_days.max", extreme},
}

// TestComplaints replays the complaints to the CFPB.
func TestComplaints(t *testing.T) {
	t.Parallel()
	const dataset = "cfpb_complaints"
	truth := values(t, dataset, "TRUTH.json")
	figures := defaults(complaints, figure{tenant: "cfpb", window: "all", at: "2017-04-01"})
	c := replay.Command{
		Mapping: mappingFile(t, "cfpb_complaints.yaml"), Data: []string{shared(t, dataset, "complaints_2016.csv.gz")},
	}
	c.Computing.Catalogue = []string{definitions(t, "kpis-complaints.yaml")}
	c.Computing.KPI = keys(figures)
	c.Computing.Windows = []string{"all", "month"}
	c.Computing.By = []string{"channel", "team", "state", "segment"}
	c.Computing.On = instants(t, truth, figures)
	got := readings(t, c)
	compare(t, truth, got, figures, complaintsUnlike)
	compareTop(t, truth, got)
}

// compareTop wants the five companies with the most complaints to be those five.
func compareTop(t *testing.T, truth []value, got map[key]reading) {
	var want, top []string
	for _, v := range truth {
		if company, ok := match("top_companies.*", v.path); ok {
			want = append(want, company)
		}
	}
	var companies []reading
	for k, r := range got {
		if strings.HasPrefix(k.by, "team=") && k.kpi == "phone_complaint_ratio" && k.window == "all" && strings.HasPrefix(k.at, "2017-04-01") {
			companies = append(companies, r)
		}
	}
	slices.SortFunc(companies, func(a, b reading) int {
		return cmp.Compare(number(t, b.Denominator.String()), number(t, a.Denominator.String()))
	})
	for _, r := range companies[:len(want)] {
		top = append(top, r.By["team"])
	}
	slices.Sort(want)
	if slices.Sort(top); !slices.Equal(top, want) {
		t.Errorf("most complaints are of %q, want %q", top, want)
	}
}
