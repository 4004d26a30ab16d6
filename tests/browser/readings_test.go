package browser

import (
	"reflect"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/board"
)

func group(d kpi.Dimension, value string) kpi.Group {
	g := kpi.Group{Set: kpi.SetOf(d)}
	g.Dims[d] = value
	return g
}

func ratio(key, in string, g kpi.Group, numerator, denominator int64) kpi.Reading {
	var n, d window.Vector
	n.Add(0, numerator)
	d.Add(0, denominator)
	return kpi.Reading{Tenant: "acme", KPI: key, Window: in, Group: g, Terms: []window.Vector{n, d}}
}

// times is a distribution of samples in minutes.
func times(in string, g kpi.Group, minutes ...int64) kpi.Reading {
	var v window.Vector
	for _, m := range minutes {
		v.Add(0, m*60_000)
		v.Add(window.HistogramSlot(m*60_000), 1)
	}
	return kpi.Reading{Tenant: "acme", KPI: "response_time", Window: in, Group: g, Terms: []window.Vector{v}}
}

// busy is a desk with eight teams and two channels: 30 of 120 open requests are
// overdue, and 8 of the hour's 64 incidents came again.
func busy(at time.Time) board.Snapshot {
	s := board.Snapshot{At: at.Unix(), Newest: at.UnixMilli(), Partitions: 16}
	s.Readings = []kpi.Reading{
		times("1h", kpi.Group{}, 1, 2, 6),
		ratio("overdue_ratio", "", kpi.Group{}, 30, 120),
		ratio("repeat_incident_ratio", "1h", kpi.Group{}, 8, 64),
		ratio("repeat_incident_ratio", "24h", kpi.Group{}, 20, 100),
		ratio("overdue_ratio", "", group(kpi.Channel, "email"), 20, 40),
		ratio("overdue_ratio", "", group(kpi.Channel, "phone"), 10, 80),
	}
	for _, t := range []struct {
		name                            string
		overdue, open, repeated, report int64
		minutes                         []int64
	}{
		{"Team 10", 2, 9, 1, 7, []int64{12, 18, 22}},
		{"Team 2", 3, 11, 0, 9, []int64{4}},
		{"Billing", 9, 12, 4, 11, []int64{47, 95, 130, 210}},
		{"Network", 0, 48, 2, 24, []int64{1, 1, 2, 3}},
		{"Field service", 7, 14, 0, 0, nil},
		{"Onboarding", 1, 6, 0, 3, []int64{9, 11}},
		{"Retail", 8, 18, 1, 8, []int64{14, 33, 38}},
		{"", 0, 2, 0, 2, nil},
	} {
		g := group(kpi.Team, t.name)
		s.Readings = append(s.Readings,
			times("1h", g, t.minutes...),
			ratio("overdue_ratio", "", g, t.overdue, t.open),
			ratio("repeat_incident_ratio", "1h", g, t.repeated, t.report),
		)
	}
	return s
}

// set replaces the reading of the same KPI, window and group.
func set(s *board.Snapshot, r kpi.Reading) {
	for i, old := range s.Readings {
		if old.KPI == r.KPI && old.Window == r.Window && reflect.DeepEqual(old.Group, r.Group) {
			s.Readings[i] = r
		}
	}
}
