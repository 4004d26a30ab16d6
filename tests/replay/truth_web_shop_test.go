package replay_test

import (
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

var webShop = []figure{
	{path: "invoices", fields: plain, kpi: "shop_invoices"},
	{path: "cancellations", fields: map[string]string{"": "numerator"}, kpi: "shop_cancellation_share"},
	{path: "cancellation_share", fields: ratio, kpi: "shop_cancellation_share"},
	{path: "net_revenue_gbp", fields: plain, kpi: "shop_net_revenue"},
	{path: "net_revenue_gbp", fields: map[string]string{"": "numerator"}, kpi: "revenue_per_customer", window: "none"},
	{path: "net_revenue_known_customers_gbp", fields: plain, kpi: "shop_net_revenue_known"},
	{path: "gross_revenue_known_customers_gbp", fields: plain, kpi: "shop_gross_revenue"},
	{path: "purchases", fields: plain, kpi: "shop_purchases"},
	{path: "customers", fields: plain, kpi: "shop_customers", window: "none"},
	{path: "customers_any_invoice", fields: plain, kpi: "shop_customers", window: "none", tenant: "retail-accounts"},
	{path: "revenue_per_customer_gbp", fields: meanOnly, kpi: "shop_gross_revenue_per_customer", window: "none"},
	{path: "net_revenue_per_customer_gbp", fields: meanOnly, kpi: "revenue_per_customer", window: "none", tenant: "retail-accounts"},
	{path: "order_value_gbp", fields: distribution, kpi: "shop_order_value"},
	{path: "repeat_customer_share", fields: ratio, kpi: "repeat_incident_ratio", tenant: "retail-accounts"},
	{path: "monthly.*.active_customers", fields: plain, kpi: "shop_buyers", window: "month", at: "after $"},
	{path: "monthly.*.purchases", fields: plain, kpi: "shop_purchases", window: "month", at: "after $"},
	{path: "monthly.*.gross_revenue_gbp", fields: plain, kpi: "shop_gross_revenue", window: "month", at: "after $"},
	{path: "monthly.*.retention", fields: plain, kpi: "retention_rate", window: "month", at: "after $"},
}

const ofCustomers = "a customer's sum is no fact of its own, so there is no distribution of it: customers add up to totals and counts"

var webShopUnlike = []unlike{
	{"monthly.2010-12.retained_from_previous", "there is no month before: we retain 0 of 0 customers, and the file has no number"},
	{"revenue_per_customer_gbp.p50_nearest_rank", ofCustomers},
	{"revenue_per_customer_gbp.p90_nearest_rank", ofCustomers},
	{"net_revenue_per_customer_gbp.p50_nearest_rank", ofCustomers},
	{"net_revenue_per_customer_gbp.p90_nearest_rank", ofCustomers},
	{"*.p50_linear", interpolated},
	{"*.p90_linear", interpolated},
	{"*.min", extreme},
	{"*.max", extreme},
}

// With another definition of who is active.
var webShopGone = []figure{
	{path: "churned_90d_at_2011_12_10", fields: ratio, kpi: "shop_gone_share", window: "day", tenant: "retail", at: "2011-12-10T00:00:01Z"},
}

// TestWebShop replays the invoices of a web shop. One run reads the months; the other
// counts as active who bought in the 90 days before.
func TestWebShop(t *testing.T) {
	t.Parallel()
	const dataset = "uci_online_retail"
	truth := values(t, dataset, "TRUTH.json")
	figures := defaults(retained(truth, webShop), figure{tenant: "retail", window: "all", at: "2012-01-01"})
	c := replay.Command{
		Mapping: mappingFile(t, "uci_online_retail.yaml"), Data: []string{shared(t, dataset, "invoices.csv.gz")},
	}
	c.Computing.Catalogue = []string{definitions(t, "kpis-web-shop.yaml")}
	c.Computing.KPI = keys(figures)
	c.Computing.Windows = []string{"all", "month"}
	c.Computing.On = instants(t, truth, figures)
	got := readings(t, c)

	c.Computing.Option = map[string]string{"active_customer": "90d"}
	c.Computing.KPI, c.Computing.Windows = keys(webShopGone), []string{"day"}
	c.Computing.On = nil
	c.Computing.At = append(c.Computing.At, instant(t, webShopGone[0].at))
	for k, r := range readings(t, c) {
		got[k] = r
	}
	compare(t, truth, got, append(figures, webShopGone...), webShopUnlike)
}

// retained adds the customers who came back, month by month: the first has none to keep.
func retained(truth []value, figures []figure) []figure {
	for _, v := range truth {
		if month, ok := match("monthly.*.retained_from_previous", v.path); ok && v.raw != "null" {
			figures = append(figures, figure{
				path: "monthly." + month + ".retained_from_previous", fields: map[string]string{"": "numerator"},
				kpi: "retention_rate", window: "month", at: "after " + month,
			})
		}
	}
	return figures
}
