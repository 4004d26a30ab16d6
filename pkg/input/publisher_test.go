package input

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// decodeAll reads every partition up to its end and returns the ids of the events in it,
// with the error of those that were refused.
func decodeAll(t *testing.T, b *broker, partitions int) map[string]error {
	t.Helper()
	_, js := b.connect()
	got := map[string]error{}
	for p := range partitions {
		r := openReader(t, js, Position{Partition: p, Partitions: partitions}, nil)
		dec := NewDecoder(partitions, nil, func(m *Message, index int, ev *kpi.Event, _ []byte, err error) {
			if err != nil {
				got[fmt.Sprintf("refused %d:%d:%d", m.Partition, m.Sequence, index)] = err
				return
			}
			if _, twice := got[ev.ID]; twice {
				t.Errorf("event %s came twice", ev.ID)
			}
			got[strings.Clone(ev.ID)] = nil
		})
		for r.Lag() > 0 {
			batch, err := r.Fetch(testContext(t), 100, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			for i := range batch {
				dec.Decode(&batch[i])
			}
		}
		r.Close()
	}
	return got
}

func newTestPublisher(t *testing.T, b *broker, o PublisherOptions, counters *Counters) *Publisher {
	t.Helper()
	nc, _ := b.connect()
	p, err := NewPublisher(nc, o, counters, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(testContext(t)) })
	return p
}

func TestPublisherSinglesAndBatches(t *testing.T) {
	for name, batch := range map[string]int{"single": 1, "batch": 7} {
		t.Run(name, func(t *testing.T) {
			const partitions, events = 4, 500
			b, _, _ := startTopology(t, partitions)
			counters := new(Counters)
			for range 2 { // the second time all are duplicates
				p := newTestPublisher(t, b, PublisherOptions{Partitions: partitions, Batch: batch, Pending: 16}, counters)
				for i := range events {
					ev := event([]string{"acme", "globex"}[i%2], fmt.Sprintf("e%d", i), fmt.Sprintf("kunde ä%d", i%37), fmt.Sprintf("t%d", i))
					if err := p.Publish(testContext(t), ev); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.Close(testContext(t)); err != nil {
					t.Fatal(err)
				}
			}
			if published, known := counters.Published.Load(), counters.Duplicates.Load(); published != 2*known || known == 0 {
				t.Errorf("%d messages acknowledged, %d of them duplicates", published, known)
			}
			got := decodeAll(t, b, partitions)
			if len(got) != events {
				t.Errorf("%d events arrived, want %d", len(got), events)
			}
			for id, err := range got {
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

func TestPublisherRefusesABadEvent(t *testing.T) {
	b, _, _ := startTopology(t, 1)
	p := newTestPublisher(t, b, PublisherOptions{Partitions: 1}, nil)
	var bad *kpi.FieldError
	if err := p.Publish(testContext(t), &deskpulsev1.Event{Id: "x", Tenant: "acme"}); !errors.As(err, &bad) {
		t.Fatalf("got %v", err)
	}
}

// Messages that no stream takes are sent again, and given up in the end.
func TestPublisherReportsWhatFailed(t *testing.T) {
	b := startBroker(t, 1, nil)
	counters := new(Counters)
	p := newTestPublisher(t, b, PublisherOptions{Partitions: 1, GiveUp: 600 * time.Millisecond}, counters)
	if err := p.Publish(testContext(t), event("acme", "e1", "c1", "t1")); err != nil {
		t.Fatal(err)
	}
	var failed *PublishError
	if err := p.Flush(testContext(t)); !errors.As(err, &failed) || failed.Count != 1 || failed.Failures[0].MsgID != "acme:e1" {
		t.Fatalf("got %v", err)
	}
	if counters.Retried.Load() == 0 {
		t.Error("it was not sent again")
	}
}

// A restart of the server between publishing and acknowledgement loses nothing.
func TestPublisherSurvivesARestart(t *testing.T) {
	b, _, _ := startTopology(t, 1)
	p := newTestPublisher(t, b, PublisherOptions{Partitions: 1, GiveUp: -1}, nil)
	for i := range 300 {
		if i == 150 {
			b.stop()
		}
		if err := p.Publish(testContext(t), event("acme", fmt.Sprintf("e%d", i), "c1", "t1")); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	if err := p.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := decodeAll(t, b, 1); len(got) != 300 {
		t.Fatalf("%d events arrived, want 300", len(got))
	}
}
