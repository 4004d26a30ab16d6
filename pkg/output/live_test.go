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
	set *kpi.ReadingSet
	err error
}

// board subscribes until the test ends.
func board(t *testing.T, nc *nats.Conn) <-chan received {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	sets, done := make(chan received, 100), make(chan error, 1)
	go func() { done <- Subscribe(ctx, nc, func(s *kpi.ReadingSet, err error) { sets <- received{s, err} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return sets
}

func next(t *testing.T, sets <-chan received) *kpi.ReadingSet {
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

// publish publishes on now and flushes.
func publish(t *testing.T, p *Publisher, now time.Time, readings ...kpi.Reading) {
	t.Helper()
	if err := p.Publish(set(1, 1, 7, 100, false, readings...), now); err != nil {
		t.Fatal(err)
	}
	if err := p.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// describe says what a set holds.
func describe(s *kpi.ReadingSet) string {
	var b strings.Builder
	if s.Full {
		b.WriteString("full")
	}
	for _, r := range s.Readings {
		fmt.Fprintf(&b, " %s=%d/%d", r.Group.Dims[kpi.Team], r.Terms[0].At(0), r.Terms[1].At(0))
	}
	return b.String()
}

func TestPublishSendsChanges(t *testing.T) {
	s := startServer(t, 0)
	nc := connect(t, s)
	asks, err := ListenAsks(nc)
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	sets := board(t, connect(t, s))
	waitFor(t, func() bool { return asks.count.Load() > 0 }) // it asks once it listens
	p := NewPublisher(nc, asks)
	a, b := overdue("a", 1, 4), overdue("b", 0, 2)
	now := start
	for _, step := range []struct {
		after    time.Duration
		readings []kpi.Reading
		want     string
	}{
		{0, []kpi.Reading{a, b}, "full a=1/4 b=0/2"},
		{time.Second, []kpi.Reading{a, b}, ""}, // a sign of life
		{time.Second, []kpi.Reading{overdue("a", 2, 4), b}, " a=2/4"},
		{time.Second, []kpi.Reading{b, overdue("a", 2, 4)}, ""},                     // another order is no change
		{time.Second, []kpi.Reading{b}, " a=0/0"},                                   // gone
		{time.Second, []kpi.Reading{b, overdue("c", 1, 1)}, " c=1/1"},               // new
		{5 * time.Second, []kpi.Reading{b, overdue("c", 1, 1)}, "full b=0/2 c=1/1"}, // ten seconds after the first
		{FullEvery - 1, []kpi.Reading{b, overdue("c", 1, 2)}, " c=1/2"},
	} {
		now = now.Add(step.after)
		publish(t, p, now, step.readings...)
		got := next(t, sets)
		if describe(got) != step.want {
			t.Errorf("got %q, want %q", describe(got), step.want)
		}
		if got.Position != 7 || got.At != 100 || got.Newest != 100_000 || got.Partitions != 2 {
			t.Errorf("got %+v", got)
		}
	}
}

func TestPublishKeepsNothingOfTheCallers(t *testing.T) {
	s := startServer(t, 0)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	p := NewPublisher(connect(t, s), nil)
	r := overdue("a", 1, 4)
	publish(t, p, start, r)
	next(t, sets)
	r.Terms[0].Add(0, 1) // the engine reuses its memory
	publish(t, p, start, r)
	if got := describe(next(t, sets)); got != " a=2/4" {
		t.Errorf("got %q: the change in place was not seen", got)
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
	publish(t, p, start, overdue("a", 1, 4)) // and flushes, so that the server knows asks
	publish(t, p, start, overdue("a", 1, 4))
	sets := board(t, connect(t, s)) // a board that connects late
	waitFor(t, func() bool { return asks.count.Load() > 0 })
	publish(t, p, start, overdue("a", 1, 4))
	if got := describe(next(t, sets)); got != "full a=1/4" {
		t.Errorf("got %q, want all", got)
	}
	publish(t, p, start, overdue("a", 1, 4))
	if got := describe(next(t, sets)); got != "" {
		t.Errorf("got %q, want no change: one ask is answered once", got)
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
	publish(t, p, start, overdue("a", 1, 4))
	port := first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()
	s := startServer(t, port)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	waitFor(t, func() bool { return nc.Stats().Reconnects > 0 })
	publish(t, p, start, overdue("a", 1, 4))
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
	var readings []kpi.Reading
	for i := range 10 {
		readings = append(readings, overdue(fmt.Sprint("team ", i), int64(i), 100))
	}
	publish(t, p, start, readings...)
	m := NewMerger()
	pieces := 0
	for merged := 0; merged < len(readings); merged = len(m.Merge(start, time.Second).Readings) {
		got := next(t, sets)
		if got.Full != (pieces == 0) {
			t.Errorf("piece %d: full is %v", pieces, got.Full)
		}
		if n := len(kpi.EncodeReadingSet(nil, got)); n > 150 {
			t.Errorf("piece %d has %d bytes", pieces, n)
		}
		add(t, m, got, start, Taken)
		pieces++
	}
	if pieces < 2 {
		t.Error("it came in one piece")
	}
	if got := shown(m.Merge(start, time.Second))["team 9"]; got != [2]int64{9, 100} {
		t.Errorf("team 9: got %v", got)
	}
}

func TestAReadingLargerThanAMessageIsNamed(t *testing.T) {
	p := NewPublisher(connect(t, startServer(t, 0)), nil)
	p.largest = 20
	err := p.Publish(set(1, 1, 7, 100, false, overdue("a", 1, 4)), start)
	if err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeReadIsReported(t *testing.T) {
	s := startServer(t, 0)
	sets := board(t, connect(t, s))
	waitListening(t, s)
	nc := connect(t, s)
	good := kpi.EncodeReadingSet(nil, set(1, 1, 7, 100, true, overdue("a", 1, 4)))
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
