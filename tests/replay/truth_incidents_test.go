package replay_test

import (
	"testing"

	"github.com/deskpulse/deskpulse/services/replay"
)

// The incident log by the definitions of its TRUTH.json: from the creation, with the
// resolution and the outcome that were final.
var incidents = []figure{
	{path: "incidents", fields: plain, kpi: "incidents_opened"},
	{path: "closed", fields: plain, kpi: "incidents_closed"},
	{path: "resolved", fields: plain, kpi: "incidents_resolved"},
	{path: "resolution_time_hours", fields: distribution, kpi: "incidents_resolution_time", unit: 3600},
	{path: "pending_time_hours", fields: distribution, kpi: "incidents_waiting_time", unit: 3600},
	{path: "resolution_time_excl_pending_hours", fields: distribution, kpi: "incidents_resolution_time_less_waiting", unit: 3600},
	{path: "pending_share", fields: ratio, kpi: "incidents_waited_share"},
	{path: "close_time_hours", fields: distribution, kpi: "incidents_closing_time", unit: 3600},
	{path: "first_response_minutes", fields: quantiles, kpi: "incidents_first_response", unit: 60},
	{path: "first_response_minutes", fields: meanOnly, kpi: "incidents_first_response_mean", unit: 60},
	{path: "first_assignment_minutes", fields: quantiles, kpi: "incidents_first_assignment", unit: 60},
	{path: "first_assignment_minutes", fields: meanOnly, kpi: "incidents_first_assignment_mean", unit: 60},
	{path: "sla_missed_share", fields: ratio, kpi: "incidents_sla_missed_share"},
	{path: "sla_missed_by_priority.*", fields: ratio, kpi: "incidents_sla_missed_share", by: "priority=$", names: map[string]string{
		"1 - Critical": "urgent", "2 - High": "high", "3 - Moderate": "normal", "4 - Low": "low",
	}},
	{path: "reopened_share", fields: ratio, kpi: "incidents_reopened_share"},
	{path: "reopen_transitions", fields: plain, kpi: "incidents_reopenings"},
	{path: "reassigned_share", fields: ratio, kpi: "incidents_reassigned_share"},
	{path: "phone_share", fields: ratio, kpi: "incidents_phone_share"},
	{path: "repeat_share_7d", fields: ratio, kpi: "caller_repeat_share_7d", tenant: "uci-callers"},
	{path: "repeat_share_7d_same_category", fields: ratio, kpi: "caller_repeat_share_7d_same_category", tenant: "uci-callers"},
	{path: "repeat_share_30d", fields: ratio, kpi: "caller_repeat_share_30d", tenant: "uci-callers"},
	{path: "repeat_share_30d_same_category", fields: ratio, kpi: "caller_repeat_share_30d_same_category", tenant: "uci-callers"},

	// A calendar month, read when it ends; and the month of each incident, read in the end.
	{path: "by_month_opened.*.opened", fields: plain, kpi: "incidents_opened", window: "month", at: "after $"},
	{path: "by_month_opened.*.opened", fields: plain, kpi: "incidents_opened", by: "segment=$"},
	{path: "by_month_opened.*", fields: map[string]string{"opened": "denominator", "sla_missed": "numerator"}, kpi: "incidents_opened_sla_missed", by: "segment=$"},
	{path: "by_month_opened.*", fields: map[string]string{"opened": "denominator", "resolved": "numerator"}, kpi: "incidents_opened_resolved", by: "segment=$"},
	{path: "resolved_by_month.*", fields: plain, kpi: "incidents_resolved", by: "segment=$"},
	{path: "closed_by_month.*", fields: plain, kpi: "incidents_closed", window: "month", at: "after $"},
	{path: "closed_by_month.*", fields: plain, kpi: "incidents_closed", by: "segment=$"},

	{path: "backlog_at.*.not_closed", fields: plain, kpi: "open_tickets", window: "none", at: "$"},
	{path: "backlog_at.*.not_resolved", fields: plain, kpi: "incidents_unresolved", window: "none", at: "$"},
}

var incidentsUnlike = []unlike{
	{"events", "these are rows of the file, of which most change nothing that has an event"},
	{"*.p50_linear", interpolated},
	{"*.p90_linear", interpolated},
	{"*.min", extreme},
	{"*.max", extreme},
}

// TestIncidentOutcomes replays the incident log by the definitions of its TRUTH.json.
func TestIncidentOutcomes(t *testing.T) {
	t.Parallel()
	const dataset = "uci_incident_log"
	truth := values(t, dataset, "TRUTH.json")
	figures, others := medians(t, truth, incidents, incidentsUnlike)
	figures = defaults(figures, figure{tenant: "uci", window: "all", at: "2017-03-01"})
	c := replay.Command{
		Mapping: mappingFile(t, "uci_incident_outcomes.yaml"), Data: []string{shared(t, dataset, "incident_events.csv.gz")},
	}
	c.Computing.Catalogue = []string{definitions(t, "kpis-incidents.yaml")}
	c.Computing.KPI = keys(figures)
	c.Computing.Windows = []string{"all", "month"}
	c.Computing.By = []string{"segment", "priority"}
	c.Computing.On = instants(t, truth, figures)
	compare(t, truth, readings(t, c), figures, others)
}

// medians adds those of months: an odd number of values has a median that is one of them,
// however it is defined.
func medians(t *testing.T, truth []value, figures []figure, others []unlike) ([]figure, []unlike) {
	t.Helper()
	for _, v := range truth {
		month, ok := match("by_month_opened.*.resolved", v.path)
		path := "by_month_opened." + month + ".median_resolution_hours_linear"
		switch n := rational(t, v.raw).Num(); {
		case !ok:
		case n.Bit(0) == 1:
			figures = append(figures, figure{
				path: path, fields: map[string]string{"": "p50"}, kpi: "incidents_opened_resolution_time", by: "segment=" + month, unit: 3600,
			})
		default:
			others = append(others, unlike{path, interpolated})
		}
	}
	return figures, others
}
