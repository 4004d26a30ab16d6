package browser

import (
	"sync"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/board"
	"github.com/deskpulse/deskpulse/services/board/boardtest"
)

// compiled is the built-in catalogue, read in two windows.
var compiled = sync.OnceValue(func() *kpi.Compiled { return boardtest.Compiled("1h", "24h") })

const tenant = "acme"

// snapshot is a sheet as of an instant.
func snapshot(s *boardtest.Sheet, at time.Time) board.Snapshot {
	return board.Snapshot{At: at.Unix(), Newest: at.UnixMilli(), Partitions: 16, Totals: s.Totals()}
}

// busy is a desk with eight teams and two channels: 30 of 120 open requests are
// overdue, 8 of the hour's 64 incidents came again, and 7 of the 8 tickets resolved in a
// day were resolved in time.
func busy() *boardtest.Sheet {
	s := &boardtest.Sheet{Compiled: compiled(), Windows: []string{"1h", "24h", "all", "day"}}
	s.Times(tenant, kpi.Group{}, "1h", "response_time", minutes(1, 2, 6)...)
	s.Overdue(tenant, kpi.Group{}, 30, 120)
	s.Repeated(tenant, kpi.Group{}, 0, 8, 64)
	s.Repeated(tenant, kpi.Group{}, 1, 20, 100)
	s.Overdue(tenant, boardtest.Group(kpi.Channel, "email"), 20, 40)
	s.Overdue(tenant, boardtest.Group(kpi.Channel, "phone"), 10, 80)
	s.Put(tenant, kpi.Group{}, "24h", "tickets_resolved_with_target", 0, 8)
	s.Put(tenant, kpi.Group{}, "24h", "tickets_resolved_late", 0, 1)
	s.Put(tenant, kpi.Group{}, "day", "complaints_received", 0, 1234)
	for stage, dwell := range map[string]time.Duration{"triage": 4 * time.Minute, "repair": 90 * time.Minute} {
		s.Times(tenant, boardtest.Group(kpi.Stage, stage), "24h", "stage_dwell_time", dwell)
	}
	for _, t := range []struct {
		name                            string
		overdue, open, repeated, report int64
		times                           []time.Duration
	}{
		{"Team 10", 2, 9, 1, 7, minutes(12, 18, 22)},
		{"Team 2", 3, 11, 0, 9, minutes(4)},
		{"Billing", 9, 12, 4, 11, minutes(47, 95, 130, 210)},
		{"Network", 0, 48, 2, 24, minutes(1, 1, 2, 3)},
		{"Field service", 7, 14, 0, 0, nil},
		{"Onboarding", 1, 6, 0, 3, minutes(9, 11)},
		{"Retail", 8, 18, 1, 8, minutes(14, 33, 38)},
		{"", 0, 2, 0, 2, nil},
	} {
		g := boardtest.Group(kpi.Team, t.name)
		s.Times(tenant, g, "1h", "response_time", t.times...)
		s.Overdue(tenant, g, t.overdue, t.open)
		s.Repeated(tenant, g, 0, t.repeated, t.report)
		s.Repeated(tenant, g, 1, t.repeated, t.report+1) // so that the hour's nothing is shown as such
	}
	return s
}

func minutes(counts ...int) (out []time.Duration) {
	for _, n := range counts {
		out = append(out, time.Duration(n)*time.Minute)
	}
	return out
}
