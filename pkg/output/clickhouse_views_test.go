package output

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Written by hand; {dimensions} and {checks} stand for what all views have in common.
var goldenViews = map[string]string{
	"kpi_overdue_ratio": `SELECT
{dimensions},
    sumIf(r.values[0], r.measure = 'tickets_overdue') AS numerator,
    sumIf(r.values[0], r.measure = 'tickets_open') AS denominator,
    numerator / nullIf(denominator, 0) AS value
FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['tickets_open', 'tickets_overdue'], lo = toDateTime(0, 'UTC'), hi = {at:DateTime('UTC')}) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND {by}
{group}`,

	// A cohort of a quotient of differences, and how many may still come.
	"kpi_service_level": `WITH
    (SELECT if(any(length_seconds) = 0, 0, greatest(0, intDiv(toUnixTimestamp({at:DateTime('UTC')}) - any(length_seconds), greatest(60, any(ring_seconds))) * greatest(60, any(ring_seconds))))
     FROM {database}.windows FINAL WHERE name = {window:String} AND kept) AS lo
SELECT
{dimensions},
    sumIf(r.values[0], r.measure = 'calls_answered_in_time') AS numerator,
    (sumIf(r.values[0], r.measure = 'calls_offered') - sumIf(r.values[0], r.measure = 'calls_abandoned_early')) AS denominator,
    numerator / nullIf(denominator, 0) AS value,
    sumIf(r.values[0], r.measure = 'calls_undecided') AS immature
FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['calls_abandoned_early', 'calls_answered_in_time', 'calls_offered', 'calls_undecided'], lo = toDateTime(lo, 'UTC'), hi = {at:DateTime('UTC')}) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND {window}
  AND {by}
{group}`,

	// Stocks with clocks: their changes in the window, and what they are since ever.
	"kpi_services_per_agent_hour": `WITH
    (SELECT if(any(length_seconds) = 0, 0, greatest(0, intDiv(toUnixTimestamp({at:DateTime('UTC')}) - any(length_seconds), greatest(60, any(ring_seconds))) * greatest(60, any(ring_seconds))))
     FROM {database}.windows FINAL WHERE name = {window:String} AND kept) AS lo
SELECT
{dimensions},
    sumIf(r.values[0], r.measure = 'services_delivered' AND r.part = 'window') AS numerator,
    ((((1000 * toInt64(toUnixTimestamp({at:DateTime('UTC')})) - 1000 * toInt64(lo)) * sumIf(r.values[0], r.measure = 'agents_present' AND r.part = 'ever') + 1000 * toInt64(lo) * sumIf(r.values[0], r.measure = 'agents_present' AND r.part = 'window') - sumIf(r.values[1], r.measure = 'agents_present' AND r.part = 'window')) / 1000) / 3600) AS denominator,
    numerator / nullIf(denominator, 0) AS value
FROM (
    SELECT *, 'window' AS part FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['agents_present', 'services_delivered'], lo = toDateTime(lo, 'UTC'), hi = {at:DateTime('UTC')})
    UNION ALL
    SELECT *, 'ever' AS part FROM {database}.measure_rows(tenant = {tenant:String}, measures = ['agents_present'], lo = toDateTime(0, 'UTC'), hi = {at:DateTime('UTC')})
) AS r
WHERE NOT throwIf(toSecond({at:DateTime('UTC')}) != 0, 'at: not a whole minute; readings from history lie on whole minutes')
  AND {window}
  AND {by}
{group}`,

	"kpi_churn_rate_period": `SELECT
{dimensions},
    sumIf(r.values[0], r.measure = 'lines_left' AND r.bucket >= {from:Date}) AS numerator,
    sumIf(r.values[0] * arrayCount(month -> month > r.bucket, {months:Array(Date)}), r.measure = 'lines_active') AS denominator,
    numerator / nullIf(denominator, 0) AS value
FROM (
    SELECT * FROM {database}.measures_day FINAL
    WHERE tenant = {tenant:String} AND measure IN ('lines_active', 'lines_left') AND bucket < {to:Date}
) AS r
WHERE NOT throwIf({to:Date} <= {from:Date}, 'to: not after from; it is the day after the last')
  AND {by}
{group}`,
}

var commonSQL = strings.NewReplacer(
	"{dimensions}", strings.Join(func() (lines []string) {
		for _, d := range []string{
			"team", "channel", "priority", "category", "agent", "post", "segment", "network", "product", "branch", "outsourced", "novelty",
			"queue", "stage", "item", "cause", "state", "purpose",
		} {
			lines = append(lines, "    if(has(splitByChar(',', {by:String}), '"+d+"'), r."+d+", '') AS "+d)
		}
		return lines
	}(), ",\n"),
	"{window}", "NOT throwIf((SELECT count() FROM {database}.windows FINAL WHERE name = {window:String} AND kept) = 0, 'window: unknown; see the table windows')",
	"{by}", "NOT throwIf(NOT hasAll(['', 'team', 'channel', 'priority', 'category', 'agent', 'post', 'segment', 'network', 'product', 'branch', 'outsourced', 'novelty', 'queue', 'stage', 'item', 'cause', 'state', 'purpose'], splitByChar(',', {by:String})), 'by: unknown dimension; use names of the columns, separated by commas')",
	"{group}", "GROUP BY team, channel, priority, category, agent, post, segment, network, product, branch, outsourced, novelty, queue, stage, item, cause, state, purpose",
)

func TestViewsAreWrittenFromDefinitions(t *testing.T) {
	all, err := views(compiled(t))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, v := range all {
		got[v.name] = v.sql
	}
	for name, want := range goldenViews {
		if diff := cmp.Diff(commonSQL.Replace(want), got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestViewNames(t *testing.T) {
	c := compiled(t)
	for key, want := range map[string]string{
		"overdue_ratio":         "kpi_overdue_ratio",
		"response_time":         "kpi_response_time kpi_response_time_period",
		"repeat_incident_ratio": "kpi_repeat_incident_ratio",
		"retention_rate":        "kpi_retention_rate_period",
		"operating_cost":        "kpi_operating_cost_period",
		"oldest_open_age":       "", // a minimum is in no total
	} {
		if got := strings.Join(ViewNames(c, definition(t, c, key)), " "); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

// What a user writes into a formula becomes SQL with the same meaning.
func TestExpressionsInSQL(t *testing.T) {
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogue.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	trees := c.Trees()
	d := definition(t, c, "cost_per_service")
	v := &viewing{compiled: c, trees: trees, d: d}
	for text, want := range map[string]string{
		"contacts / 2.5 - 1.0":                             "((sumIf(r.values[0], r.measure = 'contacts') / 2.5) - 1)",
		"contacts > 2.0 && !(contacts == 5.0) ? 1.0 : 0.5": "if(((sumIf(r.values[0], r.measure = 'contacts') > 2) AND NOT (sumIf(r.values[0], r.measure = 'contacts') = 5)), 1, 0.5)",
		"mean(response_time)":                              "((sumIf(r.values[0], r.measure = 'response_time') / 1000) / nullIf(sumIf(arraySum(mapValues(r.values)) - r.values[0], r.measure = 'response_time'), 0))",
		"-satisfaction_points":                             "(0 - (sumIf(r.values[0], r.measure = 'satisfaction_points') / 1000000))",
	} {
		n, err := trees.Tree(d, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := v.expression(n); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
