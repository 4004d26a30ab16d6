package board

import (
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
)

// topGroups is how many groups of a breakdown /metrics shows; the rest is "other".
const topGroups = 100

// NewKPIs returns the collector of the finished KPIs for /metrics. Beside the breakdowns
// that their definitions name it shows the whole tenant and breakdowns by one dimension of
// few values; agents and pairs of dimensions are on the API.
func NewKPIs(c *kpi.Compiled) *output.KPIs {
	return output.NewKPIs(c, []kpi.Set{
		kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Channel), kpi.SetOf(kpi.Priority), kpi.SetOf(kpi.Category),
	}, topGroups)
}
