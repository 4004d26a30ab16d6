package output

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

func definition(t *testing.T, c *kpi.Compiled, key string) *kpi.Definition {
	t.Helper()
	d, ok := c.Catalogue.Find(key)
	if !ok {
		t.Fatalf("no KPI %s", key)
	}
	return d
}

func rolling(t *testing.T, name string) window.Window {
	t.Helper()
	w, err := window.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestHistoryRefusesInstantsOffTheGrid(t *testing.T) {
	const hour = 1_700_000_000 / 3600 * 3600
	c := compiled(t)
	for _, x := range []struct {
		at, now int64
		ok      bool
	}{
		{hour, 0, true},
		{hour + 60, 0, true},
		{hour + 61, 0, false},
		{hour + 60, hour + 24*3600, true},
		{hour + 60, hour + 24*3600 + 61, false},
		{hour, hour + 48*3600, true},
	} {
		q := HistoryQuery{KPI: definition(t, c, "overdue_ratio"), At: []int64{x.at}, Now: x.now}
		if err := q.check(c); (err == nil) != x.ok {
			t.Errorf("at %d, now %d: got %v", x.at, x.now, err)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	c := compiled(t)
	flow := definition(t, c, "reopen_rate")
	for name, q := range map[string]HistoryQuery{
		"no KPI":        {At: []int64{3600}},
		"no instant":    {KPI: flow},
		"both":          {KPI: flow, At: []int64{3600}, Periods: []HistoryPeriod{{To: 1}}},
		"seconds":       {KPI: flow, At: []int64{3600}, Window: rolling(t, "90s")},
		"empty period":  {KPI: flow, Periods: []HistoryPeriod{{From: 5, To: 5}}},
		"not its stage": {KPI: flow, At: []int64{3600}, By: kpi.SetOf(kpi.Stage)},
	} {
		if err := q.check(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPointsTakeWholeHoursFromHourRows(t *testing.T) {
	at := func(hh, mm int) int64 { return time.Date(2026, 3, 1, hh, mm, 0, 0, time.UTC).Unix() }
	for _, c := range []struct{ lo, hi, first, last int64 }{
		{at(9, 30), at(12, 15), at(10, 0), at(12, 0)},
		{at(9, 0), at(12, 0), at(9, 0), at(12, 0)},
		{at(9, 10), at(9, 50), at(10, 0), at(9, 0)}, // none: first is after last
	} {
		if p := newPoint(0, inWindow, c.lo, c.hi); p.firstHour != c.first || p.lastHour != c.last {
			t.Errorf("[%d, %d): hours [%d, %d), want [%d, %d)", c.lo, c.hi, p.firstHour, p.lastHour, c.first, c.last)
		}
	}
}

// Each use of a measure needs its own sums: in the window, since ever, at each month.
func TestHistoryReadsWhatTheFormulaNeeds(t *testing.T) {
	c := compiled(t)
	month := HistoryPeriod{Period: kpi.Month, From: 100, To: 131, Months: []int32{100}}
	for _, x := range []struct {
		q    HistoryQuery
		want []string
	}{
		{HistoryQuery{KPI: definition(t, c, "overdue_ratio"), At: []int64{7200}}, []string{"tickets_overdue 1:0-7200", "tickets_open 1:0-7200"}},
		{HistoryQuery{KPI: definition(t, c, "response_time"), At: []int64{7200}, Window: rolling(t, "1h")}, []string{"response_time 0:3600-7200"}},
		{HistoryQuery{KPI: definition(t, c, "occupancy"), At: []int64{7200}, Window: rolling(t, "1h")}, []string{
			"agents_busy 0:3600-7200 1:0-7200", "agents_on_duty 0:3600-7200 1:0-7200",
		}},
		{HistoryQuery{KPI: definition(t, c, "churn_rate"), Periods: []HistoryPeriod{month}}, []string{"lines_left 0:100-131", "lines_active 2:0-100"}},
		{HistoryQuery{KPI: definition(t, c, "billing_rate"), Periods: []HistoryPeriod{month}}, []string{"lines_billed 0:100-131", "lines_active 0:100-131 1:0-131"}},
		{HistoryQuery{KPI: definition(t, c, "oldest_open_age"), At: []int64{7200}}, nil},
	} {
		var got []string
		for _, r := range x.q.reads(c) {
			text := r.measure.Name
			for _, p := range r.points {
				text += fmt.Sprintf(" %d:%d-%d", p.part, p.lo, p.hi)
			}
			got = append(got, text)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: got %q, want %q", x.q.KPI.Key, got, x.want)
		}
	}
}

// What has come and gone sums to nothing, in every measure: such a group is left out, as
// live totals leave it out. A 0 of something stays.
func TestHistoryLeavesOutGroupsWithNothingToCount(t *testing.T) {
	c := compiled(t)
	overdue, open := measure(t, c, "tickets_overdue"), measure(t, c, "tickets_open")
	q := HistoryQuery{Tenant: "acme", KPI: definition(t, c, "overdue_ratio"), By: kpi.SetOf(kpi.Team), At: []int64{3600}}
	m := newHistoryMerge(&q)
	for name, n := range map[string][2]int64{"closed": {0, 0}, "in time": {0, 3}, "late": {1, 1}} {
		dims := teamGroup(name).Dims
		m.add(point{part: sinceEver}, dims, overdue, map[uint16]int64{0: n[0]}, nil)
		m.add(point{part: sinceEver}, dims, open, map[uint16]int64{0: n[1]}, nil)
	}
	var got []string
	for _, r := range Readings(c, q.KPI, "", q.By, 3600, m.result()[0].Totals) {
		got = append(got, fmt.Sprint(r.Group.Dims[kpi.Team], " ", *r.Value.Value))
	}
	if want := []string{"in time 0", "late 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func measure(t *testing.T, c *kpi.Compiled, name string) *kpi.Measure {
	t.Helper()
	m, ok := c.Find(name)
	if !ok {
		t.Fatalf("no measure %s", name)
	}
	return m
}

// The worker has kept 7d as its first window; here it is the seventh. What it has of
// windows that are not kept here is left out.
func TestHistoryFindsTheWindowsOfTheWorker(t *testing.T) {
	c := compiled(t)
	q := HistoryQuery{Tenant: "acme", KPI: definition(t, c, "repeat_incident_ratio"), Window: rolling(t, "7d"), At: []int64{3600}}
	m := newHistoryMerge(&q)
	slots := map[uint16]uint16{0: 0, 1: 7}
	m.add(point{part: sinceEver}, kpi.Dims{}, measure(t, c, "incidents_reported"), map[uint16]int64{0: 9, 1: -1, 2: -5}, slots)
	m.add(point{part: sinceEver}, kpi.Dims{}, measure(t, c, "incidents_repeated"), map[uint16]int64{1: 2}, slots)
	r := Readings(c, q.KPI, "7d", 0, 3600, m.result()[0].Totals)
	if len(r) != 1 || r[0].Value.Value == nil || *r[0].Value.Value != 0.25 {
		t.Errorf("got %+v", r)
	}
}

// A share is of the whole tenant, and the slowest is looked for in all stages: both are
// made of the groups that were read.
func TestHistoryKnowsWhatAGroupIsMeasuredAgainst(t *testing.T) {
	c := compiled(t)
	q := HistoryQuery{Tenant: "acme", KPI: definition(t, c, "channel_mix"), By: kpi.SetOf(kpi.Channel), Window: rolling(t, "7d"), At: []int64{3600}}
	m := newHistoryMerge(&q)
	m.add(point{}, cellOf("channel", "phone").Dims, measure(t, c, "contacts"), map[uint16]int64{0: 3}, nil)
	m.add(point{}, cellOf("channel", "mail").Dims, measure(t, c, "contacts"), map[uint16]int64{0: 1}, nil)
	var got []string
	for _, r := range Readings(c, q.KPI, "7d", q.By, 3600, m.result()[0].Totals) {
		got = append(got, fmt.Sprint(r.Group.Dims[kpi.Channel], " ", *r.Value.Value))
	}
	q = HistoryQuery{Tenant: "acme", KPI: definition(t, c, "slowest_stage"), By: kpi.SetOf(kpi.Team), Window: rolling(t, "7d"), At: []int64{3600}}
	m = newHistoryMerge(&q)
	dwell := measure(t, c, "stage_dwell_time")
	for stage, ms := range map[string]int64{"triage": 2000, "parts": 4000} {
		slot := window.HistogramSlot(ms)
		m.add(point{}, cellOf("team", "a", "stage", stage).Dims, dwell, map[uint16]int64{0: ms, slot: 1}, nil)
	}
	for _, r := range Readings(c, q.KPI, "7d", q.By, 3600, m.result()[0].Totals) {
		got = append(got, fmt.Sprint(r.Group.Dims[kpi.Team], " ", r.Value.Slowest, " ", *r.Value.Value))
	}
	if want := []string{"mail 0.25", "phone 0.75", "a parts 4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Totals of history are as live ones: of a period with its months and openings, and with
// those since ever beside them.
func TestHistoryTotalsOfAPeriod(t *testing.T) {
	c := compiled(t)
	q := HistoryQuery{Tenant: "acme", KPI: definition(t, c, "churn_rate"), Periods: []HistoryPeriod{
		{Period: kpi.Year, From: 0, To: 365, Lo: 10, At: 999, Months: []int32{0, 31}, MonthFrom: 3, MonthTo: 14},
	}}
	m := newHistoryMerge(&q)
	left, active := measure(t, c, "lines_left"), measure(t, c, "lines_active")
	m.add(point{part: inWindow}, kpi.Dims{}, left, map[uint16]int64{0: 6}, nil)
	m.add(point{part: atOpening}, kpi.Dims{}, active, map[uint16]int64{0: 100}, nil)
	m.add(point{part: atOpening}, kpi.Dims{}, active, map[uint16]int64{0: 140}, nil)
	got := m.result()
	want := []HistoryPoint{{At: 999, Totals: []kpi.Totals{
		{Tenant: "acme", Window: "all"},
		{
			Tenant: "acme", Window: "year", Lo: 10, MonthFrom: 3, MonthTo: 14,
			Values:   window.Vector{{Slot: left.Slot, Value: 6}},
			Openings: window.Vector{{Slot: active.Slot, Value: 240}},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := Readings(c, q.KPI, "year", 0, 999, got[0].Totals); len(r) != 1 || *r[0].Value.Value != 0.025 {
		t.Errorf("got %+v", r)
	}
}
