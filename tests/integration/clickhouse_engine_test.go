package integration

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	policies, err := sla.NewPolicies([]sla.Policy{{
		Name: "all", Resolution: sla.Goal{Default: 3 * time.Hour, ByPriority: map[string]time.Duration{"high": 20 * time.Minute}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{
		Partition: 3, Partitions: 16, Windows: window.Default(), Catalogue: catalogue, Clock: engine.BrokerClock,
		Keep: kpi.SetOf(kpi.Team, kpi.Priority), Policies: policies,
	})
	if err != nil {
		t.Fatal(err)
	}
	// Of the views the other tests tell; here they would only take time.
	d := openDesk(t, chdbtest.Start(t, t.TempDir()), "engine", func(o *output.ClickHouseOptions) {
		o.KeepMinutes = 10 * 365 * 24 * time.Hour
		few := *e.Compiled()
		few.Catalogue.KPIs = nil
		o.Compiled = &few
	})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	full := openDesk(t, d.server, "engine", func(o *output.ClickHouseOptions) { o.Compiled = e.Compiled() })
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	events := desk3days(r)
	for i := range events {
		ev := &events[i]
		e.Apply(ev, engine.Position{Sequence: uint64(i + 1), Time: ev.At})
		if i%400 == 399 || i == len(events)-1 {
			flush(t, d, e)
		}
	}
	minute, hour := window.Minute.Floor(e.Now())+60, window.Hour.Floor(e.Now())
	compare(t, full, e, r, minute, kpi.SetOf(kpi.Team, kpi.Priority))
	compare(t, full, e, r, hour+3600, kpi.SetOf(kpi.Team))
	compare(t, full, e, r, hour-30*3600, 0)
	comparePeriods(t, full, e, r, minute)
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

// compare reads all KPIs in two ways, each in one of the windows, since many queries take
// long.
func compare(t *testing.T, d desk, e *engine.Engine, r *rand.Rand, instant int64, by kpi.Set) {
	t.Helper()
	c := e.Compiled()
	totals := readBy(t, e, instant, by)
	want, got := make(map[string]bool), make(map[string]bool)
	for i := range c.Catalogue.KPIs {
		definition := &c.Catalogue.KPIs[i]
		if !c.By(definition, by) || len(output.ViewNames(c, definition)) == 0 {
			continue // not broken down so, or not in any history
		}
		q, name := output.HistoryQuery{Tenant: "acme", KPI: definition, By: by, At: []int64{instant}}, ""
		if definition.Windowed() {
			names := rollingWindows(c, definition, totals)
			if len(names) == 0 {
				continue
			}
			name = names[r.IntN(len(names))]
			q.Window = parse(t, name)
		}
		points, err := d.History(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		say(want, definition, instant, output.Readings(c, definition, name, by, instant, totals))
		say(got, definition, instant, output.Readings(c, definition, name, by, instant, points[0].Totals))
	}
	if len(want) < 10 {
		t.Errorf("by %q: the engine has only %d readings", by, len(want))
	}
	report(t, instant, by, "not in the history", want, got)
	report(t, instant, by, "only in the history", got, want)
}

// readBy is what the engine says of a breakdown, of what the slowest is looked for in,
// and of the whole that shares are measured against.
func readBy(t *testing.T, e *engine.Engine, instant int64, by kpi.Set) []kpi.Totals {
	t.Helper()
	sets := []kpi.Set{0, by, by | kpi.SetOf(kpi.Stage)}
	slices.Sort(sets)
	var out []kpi.Totals
	for _, set := range slices.Compact(sets) {
		totals, err := e.ReadBy(instant, set)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(totals, func(a, b kpi.Totals) int {
			return cmp.Or(slices.Compare(a.Group.Dims[:], b.Group.Dims[:]), strings.Compare(a.Window, b.Window))
		})
		out = append(out, totals...)
	}
	return out
}

// rollingWindows are those in which the KPI and the engine have anything: of the past,
// the engine leaves out short ones.
func rollingWindows(c *kpi.Compiled, d *kpi.Definition, totals []kpi.Totals) (names []string) {
	for i := range totals {
		name := totals[i].Window
		if _, period := kpi.ParsePeriod(name); !period && c.In(d, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// comparePeriods reads the present month or day in two ways. Stocks are left out: those
// of history are at the end of the day.
func comparePeriods(t *testing.T, d desk, e *engine.Engine, r *rand.Rand, instant int64) {
	t.Helper()
	c := e.Compiled()
	totals := readBy(t, e, instant, kpi.SetOf(kpi.Team))
	today := int32((instant - 1) / 86400)
	begin := time.Unix(instant-1, 0).UTC()
	first := int32(time.Date(begin.Year(), begin.Month(), 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	want, got := make(map[string]bool), make(map[string]bool)
	for i := range c.Catalogue.KPIs {
		definition := &c.Catalogue.KPIs[i]
		p := output.HistoryPeriod{Period: kpi.Day, From: today, To: today + 1, At: instant}
		if r.IntN(2) == 0 {
			p.Period, p.From = kpi.Month, first
		}
		p.Lo = int64(p.From) * 86400
		name := p.Period.String()
		stock := slices.ContainsFunc(c.Terms(definition), func(t kpi.Term) bool { return t.All || t.Function == "openings" })
		if stock || !c.In(definition, name) || len(output.ViewNames(c, definition)) == 0 {
			continue
		}
		points, err := d.History(t.Context(), output.HistoryQuery{
			Tenant: "acme", KPI: definition, By: kpi.SetOf(kpi.Team), Periods: []output.HistoryPeriod{p},
		})
		if err != nil {
			t.Fatal(err)
		}
		say(want, definition, instant, output.Readings(c, definition, name, kpi.SetOf(kpi.Team), instant, totals))
		say(got, definition, instant, output.Readings(c, definition, name, kpi.SetOf(kpi.Team), instant, points[0].Totals))
	}
	if len(want) < 20 {
		t.Errorf("periods: the engine has only %d readings", len(want))
	}
	report(t, instant, kpi.SetOf(kpi.Team), "not in the history", want, got)
	report(t, instant, kpi.SetOf(kpi.Team), "only in the history", got, want)
}

func report(t *testing.T, instant int64, by kpi.Set, what string, there, elsewhere map[string]bool) {
	t.Helper()
	shown := 0
	for reading := range there {
		if !elsewhere[reading] {
			if shown++; shown <= 20 {
				t.Errorf("at %s by %q, %s: %s", time.Unix(instant, 0).UTC(), by, what, reading)
			}
		}
	}
}

// say notes readings, unless they are of nothing: whether there has ever been anything
// else of a flow, its history does not ask.
func say(in map[string]bool, d *kpi.Definition, at int64, readings []kpi.Reading) {
	for i := range readings {
		v := &readings[i].Value
		if v.Value == nil || *v.Value == 0 && v.Denominator == nil {
			continue
		}
		in[string(kpi.AppendReadingJSON(nil, at, &readings[i], d))] = true
	}
}
