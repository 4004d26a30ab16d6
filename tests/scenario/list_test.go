package scenario_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// list names the tickets of a list, as drill-down finds them: from the entity rows.
func (s site) list(a *ask) (lines []string, err error) {
	cells := map[string][]string{}
	for _, e := range s {
		tickets := e.Rows(1 << 20).Tickets
		for i := range tickets {
			row := &tickets[i]
			spells, ok := map[string][]kpi.Interval{"open": row.Open, "overdue": row.Overdue}[a.list]
			if !ok {
				return nil, fmt.Errorf("there is no list of %q: use open or overdue", a.list)
			}
			if slices.ContainsFunc(spells, func(s kpi.Interval) bool { return s.From < a.at*1000 && (s.To == 0 || s.To >= a.at*1000) }) {
				cell := a.key(nil, &kpi.Reading{Group: kpi.Group{Dims: row.Dims}})
				cells[cell] = append(cells[cell], row.ID)
			}
		}
	}
	for cell, ids := range cells {
		slices.Sort(ids)
		lines = append(lines, strings.TrimSpace(cell+" "+strings.Join(ids, " ")))
	}
	slices.Sort(lines)
	return lines, nil
}
