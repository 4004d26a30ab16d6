package board

import (
	"context"
	"slices"
	"time"

	"github.com/deskpulse/deskpulse/pkg/compare"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Past is one KPI of one tenant in the past: at the end of the span or, where In names a
// calendar period, in the span. In is "" where the KPI has no window.
type Past struct {
	Tenant string
	KPI    *kpi.Definition
	In     string
	By     kpi.Set
	Span   compare.Span
}

// historyTime bounds one query of the history.
const historyTime = 10 * time.Second

// FromClickHouse returns the history that workers have written to ClickHouse.
func FromClickHouse(c *output.ClickHouse, compiled *kpi.Compiled, calendar func(tenant string) *period.Calendar) History {
	return func(ctx context.Context, p Past) ([]kpi.Reading, int64, error) {
		ctx, cancel := context.WithTimeout(ctx, historyTime)
		defer cancel()
		q := output.HistoryQuery{Tenant: p.Tenant, KPI: p.KPI, By: p.By}
		name, isPeriod := kpi.ParsePeriod(p.In)
		var err error
		switch {
		case p.In == "":
			q.At = []int64{p.Span.To}
		case !isPeriod:
			q.At = []int64{p.Span.To}
			q.Window, err = window.Parse(p.In)
		case byDays(compiled, &p, calendar(p.Tenant)):
			q.Periods = []output.HistoryPeriod{wholeDays(calendar(p.Tenant), name, p.Span)}
		default:
			q.At = []int64{p.Span.To}
			q.Window = window.Window{Name: p.In, Length: p.Span.To - p.Span.From, Ring: window.Minute}
		}
		if err != nil {
			return nil, 0, err
		}
		points, err := c.History(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		at := points[0].At // one instant or period was asked for
		return output.Readings(compiled, p.KPI, p.In, p.By, at, points[0].Totals), at, nil
	}
}

// byDays tells what only whole local days answer: what rests on months or on what
// happened in periods, and periods whose first minutes are kept no longer.
func byDays(c *kpi.Compiled, p *Past, calendar *period.Calendar) bool {
	if calendar.Midnight(calendar.Day(p.Span.To)) == p.Span.To {
		return true
	}
	if p.Span.From%3600 != 0 && time.Since(time.Unix(p.Span.From, 0)) > output.DefaultKeepMinutes {
		return true
	}
	return slices.ContainsFunc(c.Terms(p.KPI), func(t kpi.Term) bool {
		return t.Function == "openings" || t.Function == "due" || t.Shape == kpi.ShapePerPeriod
	})
}

// wholeDays is the period that a span lies in, to the end of the span's last day.
func wholeDays(c *period.Calendar, name kpi.Period, span compare.Span) output.HistoryPeriod {
	last := c.Day(span.To - 1)
	p := output.HistoryPeriod{Period: name, From: c.Start(name, last), To: last + 1}
	p.Lo, p.At = c.Midnight(p.From), c.Midnight(p.To)
	from, to := c.MonthIndex(p.From), c.MonthIndex(last)
	p.MonthFrom, p.MonthTo = uint16(max(0, from)), uint16(max(0, to))
	if name >= kpi.Month {
		for m := from; m <= to; m++ {
			p.Months = append(p.Months, c.MonthDay(m))
		}
	}
	return p
}
