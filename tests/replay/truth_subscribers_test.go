package replay_test

import (
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

var subscribers = []figure{
	{path: "customers", fields: plain, kpi: "subscribers", window: "none"},
	{path: "churn_rate", fields: ratio, kpi: "subscribers_left_share", window: "none"},
	{path: "retention_rate", fields: ratio, kpi: "subscribers_kept_share", window: "none"},
	{path: "monthly_revenue", fields: map[string]string{"all": "denominator", "churned": "numerator"}, kpi: "subscribers_billed_left_share"},
	{path: "monthly_revenue.all", fields: plain, kpi: "subscribers_billed"},
	{path: "revenue_churn_rate", fields: plain, kpi: "subscribers_billed_left_share"},
	// Bills of the month that has just begun are those of the month before.
	{path: "revenue_per_customer_month", fields: distribution, kpi: "subscribers_bill"},
	{path: "total_charges.sum", fields: map[string]string{"": "numerator"}, kpi: "revenue_per_customer", window: "none"},
	{path: "tenure_months", fields: meanOnly, kpi: "subscribers_months", window: "none"},
	{path: "churn_by_contract.*", fields: ratio, kpi: "subscribers_left_share", window: "none", by: "segment=$"},
}

var subscribersUnlike = []unlike{
	{"total_charges.blank", "a blank of the file is no event"},
	{"tenure_months.p50_nearest_rank", ofCustomers},
	{"tenure_months.p90_nearest_rank", ofCustomers},
	{"*.p50_linear", interpolated},
	{"*.p90_linear", interpolated},
	{"*.min", extreme},
	{"*.max", extreme},
}

// TestSubscribers replays the subscribers of a telephone company. The file's churn is of
// all customers; churn_rate, of those who were there when the month began, is reckoned
// from the rows.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	const dataset = "ibm_telco_churn"
	truth := values(t, dataset, "TRUTH.json")
	figures := defaults(subscribers, figure{tenant: "telco", window: "month", at: "2020-01-01T00:00:01Z"})
	data := shared(t, dataset, "customers.csv.gz")
	c := replay.Command{Mapping: mappingFile(t, "ibm_telco_churn.yaml"), Data: []string{data}}
	c.Computing.Catalogue = []string{definitions(t, "kpis-subscribers.yaml")}
	c.Computing.KPI = append(keys(figures), "churn_rate")
	c.Computing.Windows = []string{"month"}
	c.Computing.By = []string{"segment"}
	c.Computing.On = []string{"2020-01-01"} // December has ended
	c.Computing.At = append(c.Computing.At, instant(t, "2020-01-01T00:00:01Z"))
	got := readings(t, c)
	compare(t, truth, got, figures, subscribersUnlike)

	left, there := 0, 0
	for _, row := range table(t, data) {
		if row["churn"] == "Yes" {
			left++
		}
		if number(t, row["tenure_months"]) > 1 { // the others came in December, or after it
			there++
		}
	}
	r := got[key{at: "2020-01-01T00:00:00Z", tenant: "telco", kpi: "churn_rate", window: "month"}]
	if r.Value == nil || number(t, r.Numerator.String()) != float64(left) || number(t, r.Denominator.String()) != float64(there) {
		t.Errorf("churn rate of December is %s/%s, the rows say %d/%d", show(r.Numerator), show(r.Denominator), left, there)
	}
}
