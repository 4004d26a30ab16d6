package scorecard

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Lower than 300 s is 100, 1800 s is 0, so each 15 s cost 1 point.
func TestScores(t *testing.T) {
	s := scheme(t, `
default:
  - {kpi: response_time, target: 300, zero_above: 1800, weight: 1}
  - {kpi: problem_resolution_rate, target: 0.75, zero_below: 0.25, weight: 1}
  - {kpi: satisfaction_score, band: [80, 90], zero_below: 60, zero_above: 100, weight: 1}
  - {kpi: overdue_ratio, target: 0, zero_above: 0.5, weight: 1}
`)
	rules := s.Sheets()[0].Rules
	for _, tt := range []struct {
		rule        int
		value, want float64
	}{
		{0, 0, 100}, {0, 300, 100}, {0, 315, 99}, {0, 1050, 50}, {0, 1785, 1}, {0, 1800, 0}, {0, 1e9, 0},
		{1, 1, 100}, {1, 0.75, 100}, {1, 0.5, 50}, {1, 0.375, 25}, {1, 0.25, 0}, {1, 0, 0},
		{2, 80, 100}, {2, 85, 100}, {2, 90, 100}, {2, 75, 75}, {2, 60, 0}, {2, -5, 0}, {2, 95, 50}, {2, 97.5, 25}, {2, 100, 0}, {2, 120, 0},
		{3, 0, 100}, {3, 0.125, 75}, {3, 1, 0},
	} {
		if got := rules[tt.rule].Score(tt.value); got != tt.want {
			t.Errorf("%s: %v scores %v, want %v", rules[tt.rule].KPI, tt.value, got, tt.want)
		}
	}
}

func TestSQL(t *testing.T) {
	rules := scheme(t, `
default:
  - {kpi: response_time, target: 300, zero_above: 1800, weight: 1}
  - {kpi: problem_resolution_rate, target: 0.75, zero_below: 0.25, weight: 1}
  - {kpi: satisfaction_score, band: [80, 90], zero_below: -10, zero_above: 100, weight: 1}
`).Sheets()[0].Rules
	for i, want := range []string{
		"multiIf(v IS NULL, NULL, v > toFloat64(300), greatest(0., 100 * (toFloat64(1800) - v) / toFloat64(1500)), 100.)",
		"multiIf(v IS NULL, NULL, v < toFloat64(0.75), greatest(0., 100 * (v - toFloat64(0.25)) / toFloat64(0.5)), 100.)",
		"multiIf(v IS NULL, NULL, v < toFloat64(80), greatest(0., 100 * (v - toFloat64(-10)) / toFloat64(90)), " +
			"v > toFloat64(90), greatest(0., 100 * (toFloat64(100) - v) / toFloat64(10)), 100.)",
	} {
		if got := rules[i].SQL("v"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func reading(name, window string, group kpi.Group, v kpi.Value) kpi.Reading {
	return kpi.Reading{Tenant: "acme", KPI: name, Window: window, Group: group, Value: v}
}

// in returns the group of the given dimensions, as in "team=a,post=b".
func in(t *testing.T, dims string) (g kpi.Group) {
	t.Helper()
	for pair := range strings.SplitSeq(dims, ",") {
		name, value, _ := strings.Cut(pair, "=")
		d, err := kpi.ParseDimension(name)
		if err != nil {
			t.Fatal(err)
		}
		g.Set |= kpi.SetOf(d)
		g.Dims[d] = value
	}
	return g
}

func value(v float64) kpi.Value { return kpi.Value{Value: &v} }

const weighted = `
default:
  - {kpi: response_time, quantile: p90, target: 300, zero_above: 1800, weight: 30}
  - {kpi: problem_resolution_rate, target: 0.75, zero_below: 0.25, weight: 50}
  - {kpi: overdue_ratio, target: 0, zero_above: 0.5, weight: 20}
`

func TestCardsAreWeightedMeansOfWhatHasData(t *testing.T) {
	s := scheme(t, weighted)
	if diff := cmp.Diff([]kpi.Set{kpi.SetOf(kpi.Team), kpi.SetOf(kpi.AgentName)}, s.Groups()); diff != "" {
		t.Errorf("groups (-want +got)\n%s", diff)
	}
	ann, bob, north := in(t, "agent=Ann"), in(t, "agent=Bob"), in(t, "team=North")
	readings := []kpi.Reading{
		// Ann: 50, 50 and 75 points by weights 30, 50, 20: 55.
		reading("response_time", "month", ann, kpi.Value{Value: of(1), Quantiles: map[string]float64{"p50": 2, "p90": 1050}}),
		reading("problem_resolution_rate", "month", ann, value(0.5)),
		reading("overdue_ratio", "", ann, value(0.125)),
		// Bob: no samples and nothing open: 100 points by weight 50 alone.
		reading("response_time", "month", bob, kpi.Value{}),
		reading("problem_resolution_rate", "month", bob, value(0.8)),
		reading("overdue_ratio", "", bob, kpi.Value{}),
		// North: 0 and 100 points by weights 50 and 20: 28.571…
		reading("problem_resolution_rate", "month", north, value(0)),
		reading("overdue_ratio", "", north, value(0)),
		// None of these counts.
		reading("problem_resolution_rate", "week", ann, value(1)),
		reading("problem_resolution_rate", "30d", in(t, "agent=Carl"), value(1)),
		reading("problem_resolution_rate", "month", in(t, "agent="), value(1)),
		reading("problem_resolution_rate", "month", in(t, "agent=Ann,team=North"), value(1)),
		reading("problem_resolution_rate", "month", kpi.Group{}, value(1)),
		reading("operating_cost", "month", ann, value(1)),
	}
	rand.Shuffle(len(readings), func(i, j int) { readings[i], readings[j] = readings[j], readings[i] })
	got := s.Cards(kpi.Month, readings)

	part := func(i int, v, score *float64) Appraisal {
		a := []Appraisal{
			{KPI: "response_time", Quantile: "p90", Unit: "seconds", Direction: "lower", High: of(300), ZeroAbove: of(1800), Weight: 30},
			{KPI: "problem_resolution_rate", Unit: "ratio", Direction: "higher", Low: of(0.75), ZeroBelow: of(0.25), Weight: 50},
			{KPI: "overdue_ratio", Unit: "ratio", Direction: "lower", High: of(0), ZeroAbove: of(0.5), Weight: 20},
		}[i]
		a.Value, a.Score = v, score
		return a
	}
	want := []Card{
		{Tenant: "acme", Period: "month", Subject: "team", Name: "North", Score: of(2000. / 70), Covered: 0.7, Parts: []Appraisal{
			part(0, nil, nil), part(1, of(0), of(0)), part(2, of(0), of(100)),
		}},
		{Tenant: "acme", Period: "month", Subject: "agent", Name: "Ann", Score: of(55), Covered: 1, Parts: []Appraisal{
			part(0, of(1050), of(50)), part(1, of(0.5), of(50)), part(2, of(0.125), of(75)),
		}},
		{Tenant: "acme", Period: "month", Subject: "agent", Name: "Bob", Score: of(100), Covered: 0.5, Parts: []Appraisal{
			part(0, nil, nil), part(1, of(0.8), of(100)), part(2, nil, nil),
		}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPostsHaveTheirOwnCards(t *testing.T) {
	const posts = `
posts:
  hotline: {parts: [{kpi: problem_resolution_rate, target: 0.75, zero_below: 0.25, weight: 1}]}
`
	const both = posts + `
default: [{kpi: overdue_ratio, target: 0, zero_above: 0.5, weight: 1}]
`
	readings := []kpi.Reading{
		reading("problem_resolution_rate", "week", in(t, "agent=Ann,post=hotline"), value(0.5)),
		reading("overdue_ratio", "", in(t, "agent=Ann,post=hotline"), value(0.125)),
		reading("overdue_ratio", "", in(t, "agent=Ann,post=mail"), value(0.125)),
		reading("overdue_ratio", "", in(t, "agent=Bob,post="), value(0.25)),
		reading("problem_resolution_rate", "week", in(t, "post=hotline"), value(0.75)),
		reading("overdue_ratio", "", in(t, "post="), value(0.25)),
		reading("overdue_ratio", "", in(t, "agent=Ann"), value(0)),
		reading("problem_resolution_rate", "week", in(t, "team=North,post=hotline"), kpi.Value{}),
	}
	type line struct {
		subject, post, name, kpi string
		score                    *float64
	}
	for text, want := range map[string][]line{
		posts: {
			{"post", "hotline", "hotline", "problem_resolution_rate", of(100)},
			{"team", "hotline", "North", "problem_resolution_rate", nil},
			{"agent", "hotline", "Ann", "problem_resolution_rate", of(50)},
		},
		both: {
			{"post", "hotline", "hotline", "problem_resolution_rate", of(100)},
			{"team", "hotline", "North", "problem_resolution_rate", nil},
			{"agent", "", "Bob", "overdue_ratio", of(50)},
			{"agent", "hotline", "Ann", "problem_resolution_rate", of(50)},
			{"agent", "mail", "Ann", "overdue_ratio", of(75)},
		},
	} {
		s := scheme(t, text)
		sets := []kpi.Set{kpi.SetOf(kpi.Post), kpi.SetOf(kpi.Team, kpi.Post), kpi.SetOf(kpi.AgentName, kpi.Post)}
		if diff := cmp.Diff(sets, s.Groups()); diff != "" {
			t.Errorf("groups (-want +got)\n%s", diff)
		}
		var got []line
		for _, c := range s.Cards(kpi.Week, readings) {
			got = append(got, line{c.Subject, c.Post, c.Name, c.Parts[0].KPI, c.Score})
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}

func TestWithoutConfigurationThereIsNothing(t *testing.T) {
	s := scheme(t, "{}")
	if len(s.Groups()) != 0 || len(s.Sheets()) != 0 || len(s.Cards(kpi.Month, []kpi.Reading{reading("overdue_ratio", "", in(t, "agent=Ann"), value(0))})) != 0 {
		t.Error("a scheme of nothing has something")
	}
}

func TestJSON(t *testing.T) {
	s := scheme(t, weighted)
	cards := s.Cards(kpi.Month, []kpi.Reading{reading("overdue_ratio", "", in(t, "agent=Ann"), value(0.125))})
	cards[0].Label = "2026-11"
	cards[0].Parts = cards[0].Parts[1:]
	got, err := json.Marshal(cards)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"tenant":"acme","period":"month","label":"2026-11","subject":"agent","name":"Ann","post":"","score":75,"covered":0.2,"parts":[` +
		`{"kpi":"problem_resolution_rate","unit":"ratio","direction":"higher","value":null,"low":0.75,"high":null,"zero_below":0.25,"zero_above":null,"weight":50,"score":null},` +
		`{"kpi":"overdue_ratio","unit":"ratio","direction":"lower","value":0.125,"low":null,"high":0,"zero_below":null,"zero_above":0.5,"weight":20,"score":75}]}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCSV(t *testing.T) {
	s := scheme(t, weighted)
	ali := in(t, "agent=")
	ali.Dims[kpi.AgentName] = `علی, "A"`
	cards := s.Cards(kpi.Month, []kpi.Reading{
		reading("overdue_ratio", "", ali, value(0.125)),
		reading("problem_resolution_rate", "month", in(t, `agent==cmd()`), value(1)),
	})
	cards[0].Label = "1405-09"
	var plain, marked bytes.Buffer
	if err := WriteCSV(&plain, cards, false); err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(&marked, cards, true); err != nil {
		t.Fatal(err)
	}
	want := `tenant,period,label,subject,name,post,card_score,covered,kpi,quantile,unit,direction,value,low,high,zero_below,zero_above,weight,score
acme,month,1405-09,agent,'=cmd(),,100,0.5,response_time,p90,seconds,lower,,,300,,1800,30,
acme,month,1405-09,agent,'=cmd(),,100,0.5,problem_resolution_rate,,ratio,higher,1,0.75,,0.25,,50,100
acme,month,1405-09,agent,'=cmd(),,100,0.5,overdue_ratio,,ratio,lower,,,0,,0.5,20,
acme,month,,agent,"علی, ""A""",,75,0.2,response_time,p90,seconds,lower,,,300,,1800,30,
acme,month,,agent,"علی, ""A""",,75,0.2,problem_resolution_rate,,ratio,higher,,0.75,,0.25,,50,
acme,month,,agent,"علی, ""A""",,75,0.2,overdue_ratio,,ratio,lower,0.125,,0,,0.5,20,75
`
	if diff := cmp.Diff(want, plain.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if marked.String() != "\xef\xbb\xbf"+want {
		t.Errorf("with the mark it begins %q", marked.Bytes()[:9])
	}
	rows, err := csv.NewReader(&plain).ReadAll()
	if err != nil || len(rows) != 7 || slices.ContainsFunc(rows, func(r []string) bool { return len(r) != len(csvHeader) }) {
		t.Errorf("it is read back as %q, %v", rows, err)
	}
}
