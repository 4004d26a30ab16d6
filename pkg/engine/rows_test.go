package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// database keeps rows as a table of the kind ReplacingMergeTree does.
type database struct {
	measures map[string]kpi.MeasureRow
	tickets  map[string]kpi.TicketRow
	reports  map[string]kpi.ReportRow
}

func (d *database) write(t *testing.T, rows *kpi.Rows) {
	t.Helper()
	for _, r := range rows.Measures {
		replace(t, d.measures, fmt.Sprint(r.Ring, r.Tenant, r.Measure, r.Dims, r.Bucket), r, r.Version, d.measures[fmt.Sprint(r.Ring, r.Tenant, r.Measure, r.Dims, r.Bucket)].Version)
	}
	for _, r := range rows.Tickets {
		replace(t, d.tickets, r.ID, r, r.Version, d.tickets[r.ID].Version)
	}
	for _, r := range rows.Reports {
		replace(t, d.reports, r.Source, r, r.Version, d.reports[r.Source].Version)
	}
}

func replace[R any](t *testing.T, table map[string]R, key string, row R, version, before uint64) {
	t.Helper()
	if version < before {
		t.Fatalf("%s: version %d after %d", key, version, before)
	}
	table[key] = row
}

// Whatever is written when, and confirmed or lost, in the end the database holds what a
// run that writes once holds; and the hours add up to the readings of window all.
func TestRowsArriveOnce(t *testing.T) {
	seeds(t, 20, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(100))
		once := newEngine(t)
		apply(once, events)
		want := &database{map[string]kpi.MeasureRow{}, map[string]kpi.TicketRow{}, map[string]kpi.ReportRow{}}
		want.write(t, once.Rows(1<<30))

		busy := newEngine(t)
		got := &database{map[string]kpi.MeasureRow{}, map[string]kpi.TicketRow{}, map[string]kpi.ReportRow{}}
		for i := range events {
			busy.Apply(&events[i], engine.Position{Sequence: uint64(i + 1)})
			switch r.IntN(6) {
			case 0: // written and confirmed
				rows := busy.Rows(1 + r.IntN(20))
				got.write(t, rows)
				busy.Confirm(rows)
			case 1: // written, and the answer lost
				got.write(t, busy.Rows(1+r.IntN(20)))
			case 2: // taken, changed, then confirmed
				rows := busy.Rows(5)
				if i+1 < len(events) {
					busy.Apply(&events[i+1], engine.Position{Sequence: uint64(i + 2)})
				}
				got.write(t, rows)
				busy.Confirm(rows)
			}
		}
		for busy.Dirty() > 0 {
			rows := busy.Rows(7)
			if rows.Len() == 0 {
				t.Fatalf("%d rows are dirty, but none are handed out", busy.Dirty())
			}
			got.write(t, rows)
			busy.Confirm(rows)
		}
		// What lies in the future gets its rows when its time comes.
		for _, e := range []*engine.Engine{once, busy} {
			read(t, window.Day.Floor(e.Now())+86400, e)
		}
		want.write(t, once.Rows(1<<30))
		got.write(t, busy.Rows(1<<30))
		same(t, "measures", strip(want.measures), strip(got.measures))
		same(t, "tickets", printed(want.tickets), printed(got.tickets))
		same(t, "reports", printed(want.reports), printed(got.reports))
		hoursAddUp(t, got, busy)
	})
}

// strip leaves out rows that hold nothing: whether a bucket that was touched and left
// as it was has a row depends on how often it was looked at.
func strip(rows map[string]kpi.MeasureRow) map[string]string {
	out := map[string]string{}
	for k, r := range rows {
		if len(r.Values) > 0 {
			out[k] = fmt.Sprint(r.Values, r.Version)
		}
	}
	return out
}

func printed[R any](rows map[string]R) map[string]string {
	out := map[string]string{}
	for k, r := range rows {
		out[k] = fmt.Sprintf("%+v", r)
	}
	return out
}

func same(t *testing.T, what string, want, got map[string]string) {
	t.Helper()
	for k := range want {
		if want[k] != got[k] {
			t.Errorf("%s %s:\n got  %s\n want %s", what, k, got[k], want[k])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", what, len(got), len(want))
	}
}

// hoursAddUp compares the sum of all hours, and that of all days, before an instant at
// which both end, with the totals of all time.
func hoursAddUp(t *testing.T, d *database, e *engine.Engine) {
	t.Helper()
	at := window.Day.Floor(e.Now()) + 86400
	totals, err := e.Read(at)
	if err != nil {
		t.Fatal(err)
	}
	var all window.Vector
	for i := range totals {
		if totals[i].Window == engine.All && totals[i].Group.Set == 0 {
			all.Merge(totals[i].Values)
		}
	}
	hours, days := window.Vector{}, window.Vector{}
	for _, r := range d.measures {
		m, ok := e.Compiled().Find(r.Measure)
		if !ok {
			t.Fatalf("measure %s is unknown", r.Measure)
		}
		for _, n := range r.Values {
			switch {
			case r.Ring == window.Hour && r.Bucket < at:
				hours.Add(m.Slot+n.Slot, n.Value)
			case r.Ring == window.Day && r.Bucket < at:
				days.Add(m.Slot+n.Slot, n.Value)
			}
		}
	}
	if !slices.Equal(hours, all) {
		t.Errorf("the hours add up to %v, want %v", hours, all)
	}
	if !slices.Equal(days, all) {
		t.Errorf("the days add up to %v, want %v", days, all)
	}
}
