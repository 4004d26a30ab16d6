package simulate

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

// What the command publishes to NATS is what its plan says, each event in the partition
// of its customer, once: in single messages and in batches.
func TestCommandPublishes(t *testing.T) {
	for name, rate := range map[string]float64{"single": 100, "batched": batchFromRate} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			js := startNATS(ctx, t)
			none := time.Duration(0)
			c := Command{
				Nats: js.Conn().ConnectedUrl(), Partitions: 4, Rate: rate, Tenant: []string{"acme"}, Seed: 9,
				History: 5 * time.Second, Duration: &none, Until: process.Instant{Time: monday},
			}
			if err := c.Run(ctx, zap.NewNop()); err != nil {
				t.Fatal(err)
			}
			var planned memorySink
			if err := c.plan().Feed(ctx, &planned, zap.NewNop()); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{}
			for _, p := range planned.events {
				want[p.ev.GetId()] = true
			}
			got := map[string]bool{}
			for p := range c.Partitions {
				readPartition(ctx, t, js, p, func(ev *kpi.Event) {
					if home := kpi.Partition(ev.Tenant, ev.PartitionKey(), c.Partitions); home != p {
						t.Errorf("event %s is in partition %d, belongs to %d", ev.ID, p, home)
					}
					got[string([]byte(ev.ID))] = true
				})
			}
			if len(want) == 0 || len(got) != len(want) {
				t.Fatalf("%d events arrived, planned were %d", len(got), len(want))
			}
			for id := range want {
				if !got[id] {
					t.Errorf("event %s did not arrive", id)
				}
			}
		})
	}
}

func startNATS(ctx context.Context, t *testing.T) jetstream.JetStream {
	t.Helper()
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Partitions: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := input.Ensure(ctx, js, input.Topology{Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	return js
}

// readPartition hands over every event of a partition's stream.
func readPartition(ctx context.Context, t *testing.T, js jetstream.JetStream, partition int, each func(*kpi.Event)) {
	t.Helper()
	stream, err := js.Stream(ctx, input.StreamName(partition))
	if err != nil {
		t.Fatal(err)
	}
	var dec kpi.Decoder
	for seq := range stream.CachedInfo().State.LastSeq {
		msg, err := stream.GetMsg(ctx, seq+1)
		if err != nil {
			t.Fatal(err)
		}
		kind := "batch"
		if msg.Subject[len(msg.Subject)-len(kind):] != kind {
			kind = ""
		}
		dec.Decode(kpi.Envelope{Kind: kind}, msg.Data, func(ev *kpi.Event, _ []byte, err error) {
			if err != nil {
				t.Fatal(err)
			}
			each(ev)
		})
	}
}
