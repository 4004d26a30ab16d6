package input

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

func TestReaderOrderAndResume(t *testing.T) {
	_, _, js := startTopology(t, 2)
	publishRaw(t, js, 1, 1, 3000)
	counters := new(Counters)
	r := openReader(t, js, Position{Partition: 1, Partitions: 2}, counters)
	first := readN(t, r, 1234)
	checkNumbered(t, first, 1)
	position := r.Position()
	if position.Sequence != 1234 || position.Created.IsZero() || !position.Stored.Equal(first[1233].Stored) {
		t.Fatalf("position is %+v", position)
	}
	if lag := r.Lag(); lag != 3000-1234 {
		t.Fatalf("lag is %d, want %d", lag, 3000-1234)
	}
	r.Close()
	if n := counters.Messages.Load(); n != 1234 {
		t.Fatalf("counted %d messages", n)
	}

	again := openReader(t, js, position, nil)
	checkNumbered(t, readN(t, again, 3000-1234), 1235)
	publishRaw(t, js, 1, 3001, 10)
	checkNumbered(t, readN(t, again, 10), 3001)
}

func TestFetchReturnsAtTheDeadlineWithNothing(t *testing.T) {
	_, _, js := startTopology(t, 1)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	batch, err := r.Fetch(testContext(t), 10, 10*time.Millisecond)
	if len(batch) != 0 || err != nil {
		t.Fatalf("got %d messages and %v", len(batch), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Fetch(ctx, 10, time.Minute); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	r.Close()
	if _, err := r.Fetch(t.Context(), 10, time.Minute); !errors.Is(err, ErrClosed) {
		t.Fatalf("got %v", err)
	}
}

// A reader that nobody asks holds the server back instead of filling the memory, and
// goes on when asked.
func TestReaderHoldsBack(t *testing.T) {
	_, _, js := startTopology(t, 1)
	publishRaw(t, js, 0, 1, 4*maxBuffered)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	full := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.session != nil && r.session.blocked && len(r.filling) == maxBuffered
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); !full(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the buffer never filled")
		}
	}
	checkNumbered(t, readN(t, r, 4*maxBuffered), 1)
}

// Restarts of the server while messages flow lose none and repeat none.
func TestReaderSurvivesRestarts(t *testing.T) {
	b, _, js := startTopology(t, 1)
	publishRaw(t, js, 0, 1, 6000)
	counters := new(Counters)
	r := openReader(t, js, Position{Partitions: 1}, counters)
	next := 1
	for range 3 {
		checkNumbered(t, readN(t, r, 500), next) // the server is in the middle of sending
		next += 500
		b.stop()
		b.start()
		publishSurely(t, js, 0, 6001+(next/500-1)*100, 100)
	}
	rest := readN(t, r, 6300-1500)
	checkNumbered(t, rest, next)
	if counters.Reopened.Load() == 0 {
		t.Fatal("the consumer was never made anew: the test shows nothing")
	}
}

// A consumer that the server forgets, as when a stream changes its leader, is made anew
// from where the reader stands.
func TestReaderSurvivesTheLossOfItsConsumer(t *testing.T) {
	_, _, js := startTopology(t, 1)
	publishRaw(t, js, 0, 1, 100)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	checkNumbered(t, readN(t, r, 100), 1)
	r.mu.Lock()
	name := r.session.name
	r.mu.Unlock()
	if err := js.DeleteConsumer(testContext(t), StreamName(0), name); err != nil {
		t.Fatal(err)
	}
	publishRaw(t, js, 0, 101, 100)
	checkNumbered(t, readN(t, r, 100), 101)
}

// A delivery that is lost at the very end of the stream is found by the heartbeat.
func TestReaderFindsALostTail(t *testing.T) {
	_, _, js := startTopology(t, 1)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	publishRaw(t, js, 0, 1, 10)
	checkNumbered(t, readN(t, r, 10), 1)
	r.mu.Lock()
	s := r.session
	r.mu.Unlock()
	s.control(&nats.Msg{Header: nats.Header{"Status": {"100"}, "Nats-Last-Consumer": {"11"}}})
	anew := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.session != nil && r.session != s
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); !anew(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the consumer was not made anew")
		}
	}
	publishRaw(t, js, 0, 11, 10)
	checkNumbered(t, readN(t, r, 10), 11)
}

func TestReaderRefusesAPositionThatTheStreamCannotContinue(t *testing.T) {
	_, _, js := startTopology(t, 1)
	ctx := testContext(t)
	publishRaw(t, js, 0, 1, 50)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	readN(t, r, 50)
	good := r.Position()
	r.Close()

	// The broker dropped the first messages, as a limit does.
	cfg := Topology{Partitions: 1, Replicas: 1, MaxBytes: -1}.partitionStream(0)
	cfg.MaxMsgs = 10
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Position)
		reason string
		resume uint64
	}{
		"gap":           {func(p *Position) { p.Sequence, p.Stored = 20, time.Time{} }, ReasonGap, 40},
		"beyond":        {func(p *Position) { p.Sequence, p.Stored = 51, time.Time{} }, ReasonTruncated, 50},
		"other stream":  {func(p *Position) { p.Created = p.Created.Add(-time.Second) }, ReasonRecreated, 0},
		"other message": {func(p *Position) { p.Stored = p.Stored.Add(time.Millisecond) }, ReasonRecreated, 0},
		"other P":       {func(p *Position) { p.Partitions = 2 }, ReasonPartitions, 0},
		"no stream":     {func(p *Position) { p.Partition, p.Partitions = 1, 2 }, ReasonMissing, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			c.change(&p)
			_, err := Open(ctx, js, p, nil, zap.NewNop())
			var wrong *PositionError
			if !errors.As(err, &wrong) {
				t.Fatalf("got %v", err)
			}
			if wrong.Reason != c.reason || wrong.Resume.Sequence != c.resume {
				t.Fatalf("reason %s, resume at %d, want %s and %d: %v", wrong.Reason, wrong.Resume.Sequence, c.reason, c.resume, err)
			}
		})
	}
	whole := openReader(t, js, Position{Partitions: 1, Sequence: 40}, nil)
	checkNumbered(t, readN(t, whole, 10), 41)
}

// A stream that is removed and made again under a running reader stops it, although the
// new one's messages have the sequences that the reader waits for.
func TestReaderNoticesARecreatedStream(t *testing.T) {
	_, _, js := startTopology(t, 1)
	publishRaw(t, js, 0, 1, 10)
	r := openReader(t, js, Position{Partitions: 1}, nil)
	readN(t, r, 10)
	ctx := testContext(t)
	if err := js.DeleteStream(ctx, StreamName(0)); err != nil {
		t.Fatal(err)
	}
	if err := Ensure(ctx, js, Topology{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	publishRaw(t, js, 0, 1, 20)
	for {
		batch, err := r.Fetch(ctx, 100, time.Second)
		if len(batch) > 0 {
			t.Fatalf("%d messages of another stream were handed out", len(batch))
		}
		var wrong *PositionError
		if errors.As(err, &wrong) {
			if wrong.Reason != ReasonRecreated {
				t.Fatalf("got %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A hole in the middle of the stream is reported, and what came before it is handed out.
func TestReaderReportsAHole(t *testing.T) {
	b := startBroker(t, 1, nil)
	_, js := b.connect()
	ctx := testContext(t)
	cfg := Topology{Partitions: 1, Replicas: 1, MaxBytes: -1}.partitionStream(0)
	cfg.DenyDelete = false
	stream, err := js.CreateStream(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	publishRaw(t, js, 0, 1, 10)
	for _, seq := range []uint64{6, 7} {
		if err := stream.DeleteMsg(ctx, seq); err != nil {
			t.Fatal(err)
		}
	}
	r := openReader(t, js, Position{Partitions: 1}, nil)
	checkNumbered(t, readN(t, r, 5), 1)
	var wrong *PositionError
	for err = nil; err == nil; {
		_, err = r.Fetch(ctx, 10, time.Second)
	}
	if !errors.As(err, &wrong) || wrong.Reason != ReasonGap || wrong.Resume.Sequence != 7 {
		t.Fatalf("got %v", err)
	}
	again := openReader(t, js, wrong.Resume, nil)
	checkNumbered(t, readN(t, again, 3), 8)
}

func TestParseDelivery(t *testing.T) {
	want := delivery{stream: 20, consumer: 7, stored: 1_700_000_000_123_456_789, pending: 99}
	for name, reply := range map[string]string{
		"v1":           "$JS.ACK.DESK_3.abc.1.20.7.1700000000123456789.99",
		"v2":           "$JS.ACK._.ACCHASH.DESK_3.abc.1.20.7.1700000000123456789.99",
		"v2 and token": "$JS.ACK.hub.ACCHASH.DESK_3.abc.1.20.7.1700000000123456789.99.xyz",
	} {
		if got, ok := parseDelivery(reply); !ok || got != want {
			t.Errorf("%s: got %+v, %v", name, got, ok)
		}
	}
	for _, reply := range []string{"", "$JS.FC.DESK_3.abc.1", "$JS.ACK.DESK_3.abc.1.20.7.1700000000123456789", "$JS.ACK.DESK_3.abc.1.x.7.1.99", "$JS.ACK.a.b.c.d.e.f.g.h", "$JS.ACK......."} {
		if got, ok := parseDelivery(reply); ok {
			t.Errorf("%q gave %+v", reply, got)
		}
	}
}

// Messages so large that a request ends by its bytes and not by its number arrive too,
// and without a consumer being made anew.
func TestReaderLargeMessages(t *testing.T) {
	_, nc, js := startTopology(t, 1)
	const messages = 40
	big := make([]byte, nc.MaxPayload()-1024)
	for range messages {
		if _, err := js.Publish(testContext(t), Subject(0, "acme", "batch"), big); err != nil {
			t.Fatal(err)
		}
	}
	counters := new(Counters)
	r := openReader(t, js, Position{Partitions: 1}, counters)
	for i, m := range readN(t, r, messages) {
		if m.Sequence != uint64(i+1) || len(m.Data) != len(big) {
			t.Fatalf("message %d has sequence %d and %d bytes", i, m.Sequence, len(m.Data))
		}
	}
	if n := counters.Reopened.Load(); n != 0 {
		t.Errorf("the consumer was made anew %d times", n)
	}
}

// The server says when a request has been fulfilled, which is no reason to begin anew.
func TestReaderGoesOnAfterFulfilledRequests(t *testing.T) {
	_, _, js := startTopology(t, 1)
	const messages = 3 * requested
	publishRaw(t, js, 0, 1, messages)
	counters := new(Counters)
	r := openReader(t, js, Position{Partitions: 1}, counters)
	checkNumbered(t, readN(t, r, messages), 1)
	if n := counters.Reopened.Load(); n != 0 {
		t.Errorf("the consumer was made anew %d times", n)
	}
}
