package board

import (
	"context"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// historyTime bounds one query of the history.
const historyTime = 10 * time.Second

// FromClickHouse returns the history that workers have written to ClickHouse.
func FromClickHouse(c *output.ClickHouse) History {
	return func(ctx context.Context, tenant string, d *kpi.Definition, in window.Window, by kpi.Set, at int64) ([]kpi.Reading, error) {
		ctx, cancel := context.WithTimeout(ctx, historyTime)
		defer cancel()
		points, err := c.History(ctx, output.HistoryQuery{Tenant: tenant, KPI: d, Window: in, By: by, At: []int64{at}})
		if err != nil {
			return nil, err
		}
		return points[0].Readings, nil // one instant was asked for
	}
}
