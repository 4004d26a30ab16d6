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
	seeds(t, 60, func(t *testing.T, r *rand.Rand) {
		events := history(r, 1+r.IntN(100))
		once, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		apply(once, events)
		want := &database{map[string]kpi.MeasureRow{}, map[string]kpi.TicketRow{}, map[string]kpi.ReportRow{}}
		want.write(t, once.Rows(1<<30))

		busy, err := engine.New(testConfig(t))
		if err != nil {
			t.Fatal(err)
		}
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
		same(t, "measures", strip(want.measures), strip(got.measures))
		same(t, "tickets", printed(want.tickets), printed(got.tickets))
		same(t, "reports", printed(want.reports), printed(got.reports))
		hoursAddUp(t, got, busy, events)
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

// hoursAddUp compares the sum of all hours before an instant on the hour with the
// reading of the window all.
func hoursAddUp(t *testing.T, d *database, e *engine.Engine, events []kpi.Event) {
	t.Helper()
	sum := window.Vector{}
	at := window.Hour.Floor(e.Now()) + 3600
	for _, r := range d.measures {
		if r.Ring == window.Hour && r.Measure == "response_time" && r.Bucket < at {
			sum.Merge(r.Values)
		}
	}
	want := oracle(events, at, "*").responses[slices.IndexFunc(oracleWindows, func(w struct {
		name           string
		length, bucket int64
	}) bool {
		return w.name == "all"
	})]
	total := int64(0)
	for _, ms := range want {
		total += ms
	}
	if sum.Count() != int64(len(want)) || sum.At(0) != total {
		t.Errorf("the hours hold %d samples of %d ms, want %d of %d ms", sum.Count(), sum.At(0), len(want), total)
	}
}
