package integration

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/sla"
	"github.com/deskpulse/deskpulse/pkg/window"
	"github.com/deskpulse/deskpulse/services/embedded/chdb/chdbtest"
)

// TestHistoryIsWhatTheEngineSays: the engine's rows, written in several batches between
// which they change, give through SQL what the engine itself reads.
func TestHistoryIsWhatTheEngineSays(t *testing.T) {
	d := migrated(t, chdbtest.Start(t, t.TempDir()), "engine")
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	config := engine.Config{
		Partition: 3, Partitions: 16, Windows: window.Default(), Catalogue: catalogue, Clock: engine.BrokerClock,
		Keep:   kpi.SetOf(kpi.Team, kpi.Priority),
		Policy: sla.Policy{Default: 3 * time.Hour, Targets: map[string]time.Duration{"high": 20 * time.Minute}},
	}
	e, err := engine.New(config)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	events := desk3days(rand.New(rand.NewPCG(seed, 1)))
	for i := range events {
		ev := &events[i]
		e.Apply(ev, engine.Position{Sequence: uint64(i + 1), Time: ev.At})
		if i%400 == 399 || i == len(events)-1 {
			flush(t, d, e)
		}
	}
	minute, hour := window.Minute.Floor(e.Now())+60, window.Hour.Floor(e.Now())
	compare(t, d, e, catalogue, minute, kpi.SetOf(kpi.Team, kpi.Priority))
	compare(t, d, e, catalogue, hour+3600, kpi.SetOf(kpi.Team))
	compare(t, d, e, catalogue, hour-30*3600, 0)
}

func flush(t *testing.T, d desk, e *engine.Engine) {
	t.Helper()
	for e.Dirty() > 0 {
		rows := e.Rows(5000)
		d.write(t, rows)
		e.Confirm(rows)
	}
}

// desk3days are tickets of three days in the order of their times, some of them resolved,
// reopened and closed, and some moved to another team.
func desk3days(r *rand.Rand) []kpi.Event {
	var events []kpi.Event
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli()
	for i := range 600 {
		ticket, customer := fmt.Sprint("t", i), fmt.Sprint("c", r.IntN(80))
		at := begin + r.Int64N(3*24*3600*1000)
		var dims kpi.Dims
		dims[kpi.Team] = fmt.Sprint("team ", r.IntN(4))
		dims[kpi.Category] = fmt.Sprint("category ", r.IntN(3))
		dims[kpi.Priority] = []string{"high", "low", ""}[r.IntN(3)]
		happened := []kpi.Action{kpi.TicketCreated, kpi.TicketAssigned, kpi.TicketWorkStarted, kpi.TicketWaiting, kpi.TicketResumed, kpi.TicketResolved, kpi.TicketReopened, kpi.TicketResolved, kpi.TicketClosed}
		for n, action := range happened[:1+r.IntN(len(happened))] {
			if action == kpi.TicketAssigned && r.IntN(3) == 0 {
				dims[kpi.Team] = fmt.Sprint("team ", r.IntN(4))
			}
			events = append(events, kpi.Event{
				Kind: kpi.Ticket, Action: action, ID: fmt.Sprintf("%s-%d", ticket, n), Tenant: "acme", At: at,
				Customer: customer, Entity: ticket, Dims: dims,
			})
			at += 1 + r.Int64N(int64(time.Hour/time.Millisecond))
		}
	}
	slices.SortStableFunc(events, func(a, b kpi.Event) int { return int(a.At - b.At) })
	return events
}

// compare reads all KPIs in all windows in two ways.
func compare(t *testing.T, d desk, e *engine.Engine, catalogue kpi.Catalogue, instant int64, by kpi.Set) {
	t.Helper()
	readings, err := e.ReadBy(instant, by)
	if err != nil {
		t.Fatal(err)
	}
	want, got := make(map[string]bool), make(map[string]bool)
	covered := make(map[string]bool) // of the past, the engine leaves out short windows
	for i := range readings {
		covered[readings[i].KPI+" "+readings[i].Window] = true
		say(want, &readings[i])
	}
	for i := range catalogue {
		for _, w := range window.Default() {
			points, err := d.History(t.Context(), output.HistoryQuery{Tenant: "acme", KPI: &catalogue[i], Window: w, By: by, At: []int64{instant}})
			if err != nil {
				t.Fatal(err)
			}
			for j := range points[0].Readings {
				if r := &points[0].Readings[j]; covered[r.KPI+" "+r.Window] {
					say(got, r)
				}
			}
		}
	}
	if len(want) < 5 {
		t.Errorf("by %q: the engine has only %d readings", by, len(want))
	}
	report(t, instant, by, "not in the history", want, got)
	report(t, instant, by, "only in the history", got, want)
}

func report(t *testing.T, instant int64, by kpi.Set, what string, there, elsewhere map[string]bool) {
	t.Helper()
	for reading := range there {
		if !elsewhere[reading] {
			t.Errorf("at %s by %q, %s: %s", time.Unix(instant, 0).UTC(), by, what, reading)
		}
	}
}

// say notes a reading, unless it is of nothing.
func say(in map[string]bool, r *kpi.Reading) {
	if slices.ContainsFunc(r.Terms, func(v window.Vector) bool { return len(v) > 0 }) {
		in[fmt.Sprint(r.KPI, " ", r.Window, " ", r.Group.Dims, " ", r.Terms)] = true
	}
}
