package scorecard

import (
	"math"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

func of(v float64) *float64 { return &v }

// A catalogue of each unit and direction that matters here.
var catalogue = &kpi.Catalogue{KPIs: []kpi.Definition{
	{Key: "response_time", Type: kpi.Flow, Unit: "seconds", Direction: "lower", Formula: kpi.Distribution},
	{Key: "handle_time", Type: kpi.Flow, Unit: "seconds", Direction: "lower", Formula: kpi.Distribution, Target: of(300)},
	{Key: "problem_resolution_rate", Type: kpi.Cohort, Unit: "ratio", Direction: "higher", Formula: kpi.Ratio},
	{Key: "overdue_ratio", Type: kpi.Stock, Unit: "ratio", Direction: "lower", Formula: kpi.Ratio},
	{Key: "satisfaction_score", Type: kpi.Flow, Unit: "points", Direction: "band", Formula: kpi.Ratio},
	{Key: "operating_cost", Type: kpi.Periodic, Unit: "money", Direction: "none", Formula: kpi.Plain},
}}

func scheme(t *testing.T, text string) *Scheme {
	t.Helper()
	s, err := New(parse(t, text), catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parse(t *testing.T, text string) *Config {
	t.Helper()
	var c Config
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestRulesOfAFile(t *testing.T) {
	got := scheme(t, `
default:
  - {kpi: response_time, quantile: p90, target: 5m, zero_above: 30m, weight: 2}
posts:
  hotline:
    names: {en: Hotline, zh: 热线}
    parts:
      - {kpi: handle_time, weight: 1}
      - {kpi: response_time, target: 90, weight: 1}
      - {kpi: problem_resolution_rate, target: 95%, zero_below: 700‰, weight: 0.5}
  back_office:
    parts:
      - {kpi: satisfaction_score, band: [80, 95], weight: 3}
      - {kpi: operating_cost, direction: lower, target: 1000.5, weight: 1}
      - {kpi: response_time, band: [1m, 2m], zero_below: 0, zero_above: 1h, weight: 1}
      - {kpi: handle_time, direction: higher, target: 60, weight: 1}
`).Sheets()
	low, high := math.Inf(-1), math.Inf(1)
	want := []Sheet{
		{Rules: []Rule{{KPI: "response_time", Quantile: "p90", Unit: "seconds", Direction: "lower", Weight: 2, ZeroBelow: low, Low: low, High: 300, ZeroAbove: 1800}}},
		{Post: "back_office", Rules: []Rule{
			{KPI: "satisfaction_score", Unit: "points", Direction: "band", Weight: 3, ZeroBelow: 65, Low: 80, High: 95, ZeroAbove: 110},
			{KPI: "operating_cost", Unit: "money", Direction: "lower", Weight: 1, ZeroBelow: low, Low: low, High: 1000.5, ZeroAbove: 2001},
			{KPI: "response_time", Unit: "seconds", Direction: "band", Weight: 1, ZeroBelow: 0, Low: 60, High: 120, ZeroAbove: 3600},
			{KPI: "handle_time", Unit: "seconds", Direction: "higher", Weight: 1, ZeroBelow: 0, Low: 60, High: high, ZeroAbove: high},
		}},
		{Post: "hotline", Names: map[string]string{"en": "Hotline", "zh": "热线"}, Rules: []Rule{
			{KPI: "handle_time", Unit: "seconds", Direction: "lower", Weight: 1, ZeroBelow: low, Low: low, High: 300, ZeroAbove: 600},
			{KPI: "response_time", Unit: "seconds", Direction: "lower", Weight: 1, ZeroBelow: low, Low: low, High: 90, ZeroAbove: 180},
			{KPI: "problem_resolution_rate", Unit: "ratio", Direction: "higher", Weight: 0.5, ZeroBelow: 0.7, Low: 0.95, High: high, ZeroAbove: high},
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Rule{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMistakesAreRefused(t *testing.T) {
	for _, tt := range []struct{ part, want string }{
		{`{kpi: nothing, weight: 1}`, `.kpi: "nothing" is not in the catalogue: `},
		{`{kpi: overdue_ratio, target: 5%}`, `.weight: 0 is no weight: give a number over 0`},
		{`{kpi: overdue_ratio, target: 5%, weight: -1}`, `.weight: -1 is no weight`},
		{`{kpi: overdue_ratio, target: 5%, weight: .inf}`, `.weight: +Inf is no weight`},
		{`{kpi: overdue_ratio, target: 5%, weight: .nan}`, `.weight: NaN is no weight`},
		{`{kpi: overdue_ratio, weight: 1}`, `.target: overdue_ratio has none: give a target or a band`},
		{`{kpi: overdue_ratio, target: much, weight: 1}`, `.target: "much" is no ratio: write it as in 95% or 0.95`},
		{`{kpi: overdue_ratio, target: 5m, weight: 1}`, `.target: "5m" is no ratio`},
		{`{kpi: overdue_ratio, target: NaN, weight: 1}`, `.target: "NaN" is no ratio`},
		{`{kpi: overdue_ratio, target: 0, weight: 1}`, `.zero_above: 0 is not over 0, where the score is 100: give a greater value`},
		{`{kpi: overdue_ratio, target: 5%, zero_above: 1%, weight: 1}`, `.zero_above: 0.01 is not over 0.05`},
		{`{kpi: overdue_ratio, target: 5%, zero_below: 1%, weight: 1}`, `.zero_below: lower is better, so nothing is too low`},
		{`{kpi: overdue_ratio, target: 5%, quantile: p95, weight: 1}`, `.quantile: overdue_ratio has no "p95"`},
		{`{kpi: response_time, target: 5%, weight: 1}`, `.target: "5%" is no duration: write it as in 90s, 5m or 8h`},
		{`{kpi: response_time, target: 5m, quantile: p42, weight: 1}`, `.quantile: response_time has no "p42"`},
		{`{kpi: problem_resolution_rate, target: 95%, zero_above: 1, weight: 1}`, `.zero_above: higher is better, so nothing is too high`},
		{`{kpi: problem_resolution_rate, target: 0, weight: 1}`, `.zero_below: 0 is not under 0, where the score is 100`},
		{`{kpi: operating_cost, target: 10, weight: 1}`, `.direction: of operating_cost it is "none": say lower or higher, or give a band`},
		{`{kpi: operating_cost, direction: lower, target: 10%, weight: 1}`, `.target: "10%" is no number: give a number of money`},
		{`{kpi: satisfaction_score, target: 90, weight: 1}`, `.direction: of satisfaction_score it is "band"`},
		{`{kpi: satisfaction_score, direction: up, target: 90, weight: 1}`, `.direction: of satisfaction_score it is "up"`},
		{`{kpi: satisfaction_score, band: [80], weight: 1}`, `.band: it has 1 values: give the least and the greatest`},
		{`{kpi: satisfaction_score, band: [90, 80], weight: 1}`, `.band: the least is over the greatest`},
		{`{kpi: satisfaction_score, band: [90, x], weight: 1}`, `.band[1]: "x" is no number`},
		{`{kpi: satisfaction_score, band: [80, 80], weight: 1}`, `.zero_below: 80 is not under 80`},
		{`{kpi: satisfaction_score, band: [80, 80], zero_below: 70, weight: 1}`, `.zero_above: 80 is not over 80`},
		{`{kpi: satisfaction_score, band: [80, 90], target: 85, weight: 1}`, `.target: it stands beside a band: give one of them`},
		{`{kpi: satisfaction_score, band: [80, 90], direction: higher, weight: 1}`, `.direction: a band is not "higher"`},
	} {
		for list, text := range map[string]string{
			"scorecards.default[0]":          "default: [" + tt.part + "]",
			"scorecards.posts.desk.parts[0]": "posts: {desk: {parts: [" + tt.part + "]}}",
		} {
			if _, err := New(parse(t, text), catalogue); err == nil || !strings.HasPrefix(err.Error(), list+tt.want) {
				t.Errorf("%s:\n got %v\nwant %s%s", text, err, list, tt.want)
			}
		}
	}
}

func TestAllMistakesAreTold(t *testing.T) {
	_, err := New(parse(t, `
default: [{kpi: a, weight: 1}]
posts:
  empty: {}
  twice: {parts: [{kpi: handle_time, weight: 1}, {kpi: handle_time, quantile: p90, weight: 1}, {kpi: handle_time, weight: 2}]}
`), catalogue)
	want := `scorecards.default[0].kpi: "a" is not in the catalogue: see ` + "`deskpulse kpi list`" + `
scorecards.posts.empty: it has no parts: list at least one kpi under parts
scorecards.posts.twice.parts[2].kpi: "handle_time" is given twice: take one away, or give them different quantiles`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestTheBuiltInCatalogueServes(t *testing.T) {
	builtin, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(parse(t, `
default:
  - {kpi: response_time, quantile: p90, target: 15m, weight: 30}
  - {kpi: problem_resolution_rate, target: 95%, zero_below: 70%, weight: 40}
  - {kpi: satisfaction_score, direction: higher, target: 90, zero_below: 60, weight: 30}
`), builtin); err != nil {
		t.Error(err)
	}
}
