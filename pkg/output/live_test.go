package output

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// startServer starts a NATS server on port, 0 for any.
func startServer(t *testing.T, port int) *server.Server {
	t.Helper()
	if port == 0 {
		port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not accept connections")
	}
	return s
}

func connect(t *testing.T, s *server.Server, options ...nats.Option) *nats.Conn {
	t.Helper()
	options = append([]nats.Option{nats.ReconnectWait(10 * time.Millisecond), nats.ReconnectJitter(0, 0), nats.MaxReconnects(-1)}, options...)
	nc, err := nats.Connect(s.ClientURL(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

type received struct {
	set *kpi.TotalsSet
	err error
}

// board subscribes until the test ends.
func board(t *testing.T, nc *nats.Conn) <-chan received {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sets, done := make(chan received, 100), make(chan error, 1)
	go func() { done <- Subscribe(ctx, nc, func(s *kpi.TotalsSet, err error) { sets <- received{s, err} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return sets
}

func next(t *testing.T, sets <-chan received) *kpi.TotalsSet {
	t.Helper()
	select {
	case r := <-sets:
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r.set
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was received")
		return nil
	}
}

// publish publishes what a worker would, and flushes: all of it where that is needed.
func publish(t *testing.T, p *Publisher, totals ...kpi.Totals) {
	t.Helper()
	if err := p.Publish(set(1, 1, 0, 100, p.NeedsFull(), totals...)); err != nil {
		t.Fatal(err)
	}
	if err := p.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// describe says what a set holds.
func describe(s *kpi.TotalsSet) string {
	var b strings.Builder
	if s.Full {
		b.WriteString("full")
	}
	for _, r := range s.Totals {
		fmt.Fprintf(&b, " %s=%d/%d", r.Group.Dims[kpi.Team], r.Values.At(0), r.Values.At(1))
	}
	return b.String()
}

func TestPublishNumbersMessages(t *testing.T) {
	s := startServer(t, 0)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	p := NewPublisher(connect(t, s), nil)
	for i, step := range []struct {
		totals []kpi.Totals
		want   string
	}{
		{[]kpi.Totals{team("a", 1, 4), team("b", 0, 2)}, "full a=1/4 b=0/2"},
		{nil, ""}, // a sign of life
		{[]kpi.Totals{team("a", 2, 4)}, " a=2/4"},
	} {
		publish(t, p, step.totals...)
		got := next(t, sets)
		if describe(got) != step.want {
			t.Errorf("got %q, want %q", describe(got), step.want)
		}
		if got.Number != uint64(i+1) || got.At != 100 || got.Newest != 100_000 || got.Partitions != 2 || got.Layout != layout || got.More {
			t.Errorf("got %+v", got)
		}
	}
}

func TestABoardThatAsksGetsAFullSet(t *testing.T) {
	s := startServer(t, 0)
	nc := connect(t, s)
	asks, err := ListenAsks(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	p := NewPublisher(nc, asks)
	publish(t, p, team("a", 1, 4)) // and flushes, so that the server knows asks
	publish(t, p, team("a", 1, 4))
	sets := board(t, connect(t, s)) // a board that connects late
	waitFor(t, func() bool { return asks.count.Load() > 0 })
	publish(t, p, team("a", 1, 4))
	if got := describe(next(t, sets)); got != "full a=1/4" {
		t.Errorf("got %q, want all", got)
	}
	publish(t, p)
	if got := describe(next(t, sets)); got != "" {
		t.Errorf("got %q, want no change: one ask is answered once", got)
	}
}

// A board may ask between the question and the answer: then the next one is full, too.
func TestAnAskIsNotLost(t *testing.T) {
	asks := &Asks{}
	p := NewPublisher(connect(t, startServer(t, 0)), asks)
	publish(t, p, team("a", 1, 4))
	if p.NeedsFull() {
		t.Error("nobody has asked")
	}
	asks.count.Add(1)
	if err := p.Publish(set(1, 1, 0, 100, false)); err != nil {
		t.Fatal(err)
	}
	if !p.NeedsFull() {
		t.Error("changes have answered an ask")
	}
	asks.count.Add(1)
	if err := p.Publish(set(1, 1, 0, 100, true)); err != nil {
		t.Fatal(err)
	}
	if !p.NeedsFull() {
		t.Error("a full set has answered an ask that came after it was taken")
	}
}

// waitListening waits until a board is subscribed.
func waitListening(t *testing.T, s *server.Server) {
	t.Helper()
	waitFor(t, func() bool { return s.GlobalAccount().SubscriptionInterest(liveSubject + "1") })
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it does not happen")
		}
	}
}

func TestABoardAsksAgainAfterReconnecting(t *testing.T) {
	first := startServer(t, 0)
	listening := make(chan struct{})
	nc := connect(t, first, nats.CustomReconnectDelay(func(int) time.Duration {
		<-listening
		return time.Millisecond
	}))
	board(t, nc)
	waitListening(t, first)
	port := first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()
	worker := connect(t, startServer(t, port))
	sub, err := worker.SubscribeSync(askSubject)
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Flush(); err != nil {
		t.Fatal(err)
	}
	close(listening)
	if _, err := sub.NextMsg(10 * time.Second); err != nil {
		t.Errorf("the board did not ask: %v", err)
	}
}

func TestAWorkerThatReconnectsSendsAll(t *testing.T) {
	first := startServer(t, 0)
	nc := connect(t, first)
	p := NewPublisher(nc, nil)
	publish(t, p, team("a", 1, 4))
	port := first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()
	s := startServer(t, port)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	waitFor(t, func() bool { return nc.Stats().Reconnects > 0 })
	publish(t, p, team("a", 1, 4))
	if got := describe(next(t, sets)); got != "full a=1/4" {
		t.Errorf("got %q, want all: nobody knows what was lost", got)
	}
}

func TestLargeSetsComeInPieces(t *testing.T) {
	s := startServer(t, 0)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	p := NewPublisher(connect(t, s), nil)
	p.largest = 150
	var totals []kpi.Totals
	for i := range 10 {
		totals = append(totals, team(fmt.Sprint("team ", i), int64(i), 100))
	}
	publish(t, p, totals...)
	m := NewMerger(layout)
	pieces := 0
	for more := true; more; pieces++ {
		got := next(t, sets)
		if got.Full != (pieces == 0) {
			t.Errorf("piece %d: full is %v", pieces, got.Full)
		}
		if n := len(kpi.EncodeTotalsSet(nil, got)); n > 150 {
			t.Errorf("piece %d has %d bytes", pieces, n)
		}
		more = got.More
		add(t, m, got, start, Taken)
	}
	if pieces < 2 {
		t.Error("it came in one piece")
	}
	got := shown(m.Merge(start, time.Second))
	if len(got) != 10 || got["team 9"] != [2]int64{9, 100} {
		t.Errorf("got %v", got)
	}
}

func TestTotalsLargerThanAMessageAreNamed(t *testing.T) {
	p := NewPublisher(connect(t, startServer(t, 0)), nil)
	p.largest = 20
	err := p.Publish(set(1, 1, 0, 100, true, team("a", 1, 4)))
	if err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("got %v", err)
	}
	if !p.NeedsFull() {
		t.Error("nobody knows what was sent")
	}
}

func TestWhatCannotBeReadIsReported(t *testing.T) {
	s := startServer(t, 0)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	nc := connect(t, s)
	good := kpi.EncodeTotalsSet(nil, set(1, 1, 7, 100, true, team("a", 1, 4)))
	for _, m := range []struct {
		subject string
		data    []byte
	}{{"desklive.1", []byte("{}")}, {"desklive.2", good}} {
		if err := nc.Publish(m.subject, m.data); err != nil {
			t.Fatal(err)
		}
		r := <-sets
		if r.err == nil {
			t.Errorf("%s: accepted %q", m.subject, m.data)
		}
	}
	if err := nc.Publish("desklive.1", good); err != nil {
		t.Fatal(err)
	}
	if got := describe(next(t, sets)); got != "full a=1/4" {
		t.Errorf("got %q", got)
	}
}
