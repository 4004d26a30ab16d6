package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// desk makes events of tickets that live side by side: each step takes one at random
// one action further, and what is closed makes room for a new one. One event in ten is
// of a call.
type desk struct {
	r       *rand.Rand
	tickets []life
	next    int
	event   int
	now     int64 // Unix milliseconds
}

type life struct{ id, customer, step int }

var steps = []deskpulsev1.TicketAction{
	deskpulsev1.TicketAction_TICKET_ACTION_CREATED, deskpulsev1.TicketAction_TICKET_ACTION_ASSIGNED,
	deskpulsev1.TicketAction_TICKET_ACTION_WORK_STARTED, deskpulsev1.TicketAction_TICKET_ACTION_REPLIED,
	deskpulsev1.TicketAction_TICKET_ACTION_WAITING, deskpulsev1.TicketAction_TICKET_ACTION_RESUMED,
	deskpulsev1.TicketAction_TICKET_ACTION_REPLIED, deskpulsev1.TicketAction_TICKET_ACTION_RESOLVED,
	deskpulsev1.TicketAction_TICKET_ACTION_CLOSED,
}

func newDesk(open int) *desk {
	return &desk{r: rand.New(rand.NewPCG(7, 7)), tickets: make([]life, open), now: testStart * 1000}
}

func (d *desk) step(i int) *deskpulsev1.Event {
	l := &d.tickets[i]
	if l.id == 0 || l.step == len(steps) {
		d.next++
		*l = life{id: d.next, customer: d.r.IntN(len(d.tickets)/2 + 1)}
	}
	d.event++
	ev := &deskpulsev1.Event{
		Id: fmt.Sprintf("e-%d", d.event), OccurredAt: timestamppb.New(time.UnixMilli(d.now)),
		CustomerId: fmt.Sprintf("customer-%d", l.customer), Team: fmt.Sprintf("team-%d", l.id%20),
		Agent: fmt.Sprintf("agent-%d", l.id%400), Channel: []string{"email", "phone", "chat", "web"}[l.id%4],
		Priority: []string{"low", "normal", "high", "urgent"}[l.id%4], Category: fmt.Sprintf("category-%d", l.id%12),
		Body: &deskpulsev1.Event_Ticket{Ticket: &deskpulsev1.Ticket{TicketId: fmt.Sprintf("T-%d", l.id), Action: steps[l.step]}},
	}
	l.step++
	return ev
}

func (d *desk) draw() *deskpulsev1.Event {
	d.now++
	ev := d.step(d.r.IntN(len(d.tickets)))
	if d.event%10 == 0 {
		action := deskpulsev1.CallAction_CALL_ACTION_OFFERED
		if d.event%20 == 0 {
			action = deskpulsev1.CallAction_CALL_ACTION_ANSWERED
		}
		ev.Body = &deskpulsev1.Event_Call{Call: &deskpulsev1.Call{CallId: fmt.Sprintf("C-%d", d.event/20), Action: action}}
	}
	return ev
}

func batches(b testing.TB, n, size int, draw func() *deskpulsev1.Event) [][]byte {
	b.Helper()
	var out [][]byte
	for range n / size {
		batch := &deskpulsev1.EventBatch{}
		for range size {
			batch.Events = append(batch.Events, draw())
		}
		data, err := proto.Marshal(batch)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, data)
	}
	return out
}

func benchConfig(b testing.TB) engine.Config {
	b.Helper()
	catalogue, err := kpi.LoadCatalogue()
	if err != nil {
		b.Fatal(err)
	}
	cfg := engine.Config{Partitions: 1, Catalogue: catalogue, Windows: window.Default()}
	cfg.Keep = kpi.SetOf(kpi.Team, kpi.Channel, kpi.Priority, kpi.Category, kpi.AgentName)
	cfg.Groups = []kpi.Set{
		kpi.SetOf(kpi.Team), kpi.SetOf(kpi.Channel), kpi.SetOf(kpi.Priority), kpi.SetOf(kpi.Category),
		kpi.SetOf(kpi.AgentName), kpi.SetOf(kpi.Team, kpi.Priority),
	}
	return cfg
}

// BenchmarkApply decodes and applies protobuf batches of 100 events to a state of a
// million open tickets, and reports events per second and bytes per open ticket.
func BenchmarkApply(b *testing.B) {
	for _, history := range []bool{true, false} {
		b.Run(fmt.Sprintf("history=%t", history), func(b *testing.B) { benchmarkApply(b, history) })
	}
}

func benchmarkApply(b *testing.B, history bool) {
	const open, chunk = 1_000_000, 100
	cfg := benchConfig(b)
	cfg.NoHistory = !history
	before := heap()
	e, err := engine.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	d := newDesk(open)
	run := runner{e: e}
	for i := range open { // a mean of five transitions each
		for range 1 + 2*(i%5) {
			if d.now++; d.tickets[i].step < len(steps)-1 {
				run.event(b, d.step(i))
			}
		}
	}
	perTicket := float64(heap()-before) / open
	input := batches(b, 400_000, chunk, d.draw)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if i == len(input) {
			b.StopTimer() // events must be new: more of them are made
			input, i = batches(b, 400_000, chunk, d.draw), 0
			e.Confirm(e.Rows(1 << 30))
			b.StartTimer()
		}
		run.batch(b, input[i])
	}
	b.ReportMetric(float64(b.N)*chunk/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(perTicket, "B/ticket")
}

type runner struct {
	e       *engine.Engine
	decoder kpi.Decoder
	seq     uint64
}

func (r *runner) event(b testing.TB, ev *deskpulsev1.Event) {
	data, err := proto.Marshal(&deskpulsev1.EventBatch{Events: []*deskpulsev1.Event{ev}})
	if err != nil {
		b.Fatal(err)
	}
	r.batch(b, data)
}

func (r *runner) batch(b testing.TB, data []byte) {
	r.seq++
	r.decoder.Decode(kpi.Envelope{Tenant: "acme", Kind: "batch"}, data, func(ev *kpi.Event, _ []byte, err error) {
		if err != nil {
			b.Fatal(err)
		}
		r.e.Apply(ev, engine.Position{Sequence: r.seq, Time: ev.At})
	})
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkRead reads all KPIs in all windows and breakdowns, a second after the last
// reading.
func BenchmarkRead(b *testing.B) {
	e, err := engine.New(benchConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	run := runner{e: e}
	d := newDesk(20_000)
	for _, data := range batches(b, 200_000, 100, d.draw) {
		run.batch(b, data)
	}
	b.ReportAllocs()
	n := 0
	for at := e.Now(); b.Loop(); at++ {
		readings, err := e.Read(at)
		if err != nil {
			b.Fatal(err)
		}
		n = len(readings)
	}
	b.ReportMetric(float64(n), "readings")
}

// BenchmarkSnapshot saves and restores a state of 100,000 open tickets.
func BenchmarkSnapshot(b *testing.B) {
	cfg := benchConfig(b)
	e, err := engine.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	run := runner{e: e}
	d := newDesk(100_000)
	for _, data := range batches(b, 500_000, 100, d.draw) {
		run.batch(b, data)
	}
	e.Confirm(e.Rows(1 << 30))
	var data []byte
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			data = e.Snapshot()
		}
		b.ReportMetric(float64(len(data)), "bytes")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			if _, err := engine.Restore(cfg, data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkGroups applies events of 10,000 agents in 50 teams on 5 channels, reads once,
// and reports the memory of all that is kept by group.
func BenchmarkGroups(b *testing.B) {
	for b.Loop() {
		cfg := benchConfig(b)
		cfg.NoHistory = true
		before := heap()
		e, err := engine.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		d, run := newDesk(50_000), runner{e: e}
		for i := range 500_000 {
			ev := d.draw()
			agent := d.r.IntN(10_000)
			ev.Agent, ev.Team = fmt.Sprintf("agent-%d", agent), fmt.Sprintf("team-%d", agent%50)
			ev.Channel = []string{"email", "phone", "chat", "web", "app"}[i%5]
			run.event(b, ev)
		}
		totals, err := e.Read(e.Now() + 1)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(totals)), "totals")
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
	}
}
