package scorecard

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
)

// byteOrderMark tells Excel that a file is UTF-8.
const byteOrderMark = "\ufeff"

var csvHeader = []string{
	"tenant", "period", "label", "subject", "name", "post", "card_score", "covered",
	"kpi", "quantile", "unit", "direction", "value", "low", "high", "zero_below", "zero_above", "weight", "score",
}

// WriteCSV writes one row for each part of each card. Numbers are as in JSON, with ASCII
// digits and a point; what there is not is an empty cell. Names that a spreadsheet would
// take for a formula get an apostrophe before them.
func WriteCSV(w io.Writer, cards []Card, mark bool) error {
	if mark {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for i := range cards {
		c := &cards[i]
		head := []string{
			plain(c.Tenant), c.Period, c.Label, c.Subject, plain(c.Name), plain(c.Post),
			optional(c.Score), number(c.Covered),
		}
		for _, p := range c.Parts {
			part := []string{
				p.KPI, p.Quantile, p.Unit, p.Direction, optional(p.Value), optional(p.Low), optional(p.High),
				optional(p.ZeroBelow), optional(p.ZeroAbove), number(p.Weight), optional(p.Score),
			}
			if err := out.Write(slices.Concat(head, part)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func plain(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}
