package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Sheet is what the view of the scorecards is written from: the parts of the cards of a
// post, or of all posts that have no sheet of their own.
type Sheet struct {
	Post  string // "" is the default
	Parts []SheetPart
}

// SheetPart is a KPI on a card.
type SheetPart struct {
	KPI, Quantile string // the mean of a distribution where Quantile is ""
	Weight        float64
	Score         string // in SQL, of the column value; NULL where that is
}

// scorecardsView is its name.
const scorecardsView = "scorecards"

// scorecards writes the view that appraises agents and teams, and posts where any has a
// sheet of its own. Each KPI is read once for all sheets; if none can be, there is no view.
func scorecards(c *kpi.Compiled, sheets []Sheet) (v view, ok bool, err error) {
	var sources []string
	cards := "[('agent', agent, ''), ('team', team, '')]"
	if slices.ContainsFunc(sheets, func(s Sheet) bool { return s.Post != "" }) {
		cards = "[('agent', agent, post), ('team', team, post), ('post', post, post)]"
	}
	for _, d := range onSheets(c, sheets) {
		if len(ViewNames(c, d)) == 0 || d.Windowed() && !c.In(d, kpi.Month.String()) {
			continue // a minimum, which is in no total, or only in windows
		}
		reading := &viewing{compiled: c, trees: c.Trees(), d: d, period: true, cards: cards}
		sql, err := reading.sql()
		if err != nil {
			return view{}, false, fmt.Errorf("view %s: %s: %w", scorecardsView, d.Key, err)
		}
		sources = append(sources, "SELECT card, arrayJoin("+valuesOf(d)+") AS reading FROM (\n"+sql+"\n)")
	}
	if len(sources) == 0 {
		return view{}, false, nil
	}
	return view{scorecardsView, `SELECT
    subject, name, post,
    sum(weight * score) OVER card / nullIf(sumIf(weight, isNotNull(score)) OVER card, 0) AS card_score,
    sumIf(weight, isNotNull(score)) OVER card / sum(weight) OVER card AS covered,
    kpi, quantile, value, weight, score
FROM (
    SELECT subject, name, post, kpi, quantile, weight, value, ` + scores(sheets) + ` AS score
    FROM (
        SELECT subject, name, post, part.1 AS number, part.2 AS kpi, part.3 AS quantile, part.4 AS weight,
            arrayFirst(r -> r.1 = part.2 AND r.2 = part.3, readings).3 AS value
        FROM (
            SELECT card.1 AS subject, card.2 AS name, card.3 AS post, groupArray(reading) AS readings
            FROM (
` + strings.Join(sources, "\nUNION ALL\n") + `
            )
            WHERE ` + appraised(sheets) + `
            GROUP BY subject, name, post
        )
        ARRAY JOIN ` + sheetParts(sheets) + ` AS part
    )
)
WINDOW card AS (PARTITION BY subject, name, post)`}, true, nil
}

// cardColumns are the rows, each once for its agent, its team and its post.
func (v *viewing) cardColumns() string {
	columns := "measure, bucket, values, card"
	if v.d.Formula == kpi.Slowest {
		columns += ", " + slowestOf(v.d).String()
	}
	return columns + " FROM {database}.measures_day FINAL\n    ARRAY JOIN " + v.cards + " AS card"
}

// onSheets are the KPIs of all sheets, in the order of the catalogue.
func onSheets(c *kpi.Compiled, sheets []Sheet) (out []*kpi.Definition) {
	for i := range c.Catalogue.KPIs {
		d := &c.Catalogue.KPIs[i]
		if slices.ContainsFunc(sheets, func(s Sheet) bool {
			return slices.ContainsFunc(s.Parts, func(p SheetPart) bool { return p.KPI == d.Key })
		}) {
			out = append(out, d)
		}
	}
	return out
}

// valuesOf lists what a KPI gives: key, quantile and value.
func valuesOf(d *kpi.Definition) string {
	if d.Formula != kpi.Distribution {
		return fmt.Sprintf("[('%s', '', CAST(value AS Nullable(Float64)))]", d.Key)
	}
	values := []string{fmt.Sprintf("('%s', '', mean_seconds)", d.Key)}
	for _, q := range kpi.Quantiles {
		values = append(values, fmt.Sprintf("('%s', '%s', %[2]s_seconds)", d.Key, q.Name))
	}
	return "[" + strings.Join(values, ", ") + "]"
}

// ordered has the sheets of posts before the default one, which is for all others.
func ordered(sheets []Sheet) (out []Sheet, others bool) {
	out = slices.Clone(sheets)
	slices.SortStableFunc(out, func(a, b Sheet) int { return strings.Compare(b.Post, a.Post) })
	return out, len(out) > 0 && out[len(out)-1].Post == ""
}

// appraised says who has a card.
func appraised(sheets []Sheet) string {
	list, others := ordered(sheets)
	if others {
		return "name != ''"
	}
	var posts []string
	for _, s := range list {
		posts = append(posts, text(s.Post))
	}
	return "name != '' AND post IN (" + strings.Join(posts, ", ") + ")"
}

// sheetParts is the parts of a card by its post: number, KPI, quantile and weight.
func sheetParts(sheets []Sheet) string {
	list, _ := ordered(sheets)
	var out, choices []string
	number := 0
	for _, s := range list {
		var all []string
		for _, p := range s.Parts {
			number++
			all = append(all, fmt.Sprintf("(%d, '%s', '%s', toFloat64(%s))", number, p.KPI, p.Quantile, formatFloat(p.Weight)))
		}
		out = append(out, "["+strings.Join(all, ", ")+"]")
	}
	if len(out) == 1 {
		return out[0]
	}
	for i, s := range list[:len(list)-1] {
		choices = append(choices, "post = "+text(s.Post), out[i])
	}
	return "multiIf(" + strings.Join(append(choices, out[len(out)-1]), ", ") + ")"
}

// scores is the score of a part by its number.
func scores(sheets []Sheet) string {
	list, _ := ordered(sheets)
	var choices []string
	for _, s := range list {
		for _, p := range s.Parts {
			choices = append(choices, fmt.Sprintf("number = %d, %s", len(choices)+1, p.Score))
		}
	}
	return "multiIf(" + strings.Join(choices, ",\n            ") + ", NULL)"
}

// text writes a text; braces would be taken for the database.
func text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, `{`, `\x7B`).Replace(s) + "'"
}
