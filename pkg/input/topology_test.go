package input

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

func TestEnsureIsIdempotentAndRefusesAnotherShape(t *testing.T) {
	b := startBroker(t, 4, nil)
	_, js := b.connect()
	ctx := testContext(t)
	if _, err := Partitions(ctx, js); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("got %v", err)
	}
	for range 2 {
		if err := Ensure(ctx, js, Topology{Partitions: 4}); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := Partitions(ctx, js); p != 4 || err != nil {
		t.Fatalf("got %d, %v", p, err)
	}
	for _, name := range []string{"DESK_0", "DESK_3", "DESK_DLQ"} {
		if _, err := js.Stream(ctx, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []int{2, 8} {
		err := Ensure(ctx, js, Topology{Partitions: p})
		if err == nil || !strings.Contains(err.Error(), "give --partitions 4") {
			t.Errorf("%d partitions: got %v", p, err)
		}
	}
	if err := Ensure(ctx, js, Topology{Partitions: 5000}); err == nil {
		t.Error("5000 partitions were accepted")
	}
}

func TestEnsureRefusesOtherSubjects(t *testing.T) {
	b := startBroker(t, 1, nil)
	_, js := b.connect()
	ctx := testContext(t)
	cfg := Topology{Partitions: 1, Replicas: 1, MaxBytes: -1}.partitionStream(0)
	cfg.Subjects = []string{"deskp.0.acme.*"}
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	if err := Ensure(ctx, js, Topology{Partitions: 1}); err == nil || !strings.Contains(err.Error(), "subjects") {
		t.Fatalf("got %v", err)
	}
}

// kpi.Partition and the server's own partition() agree, for keys of every alphabet: each
// event is published by hand, and must be in the stream that kpi.Partition names.
func TestPartitionIsTheServers(t *testing.T) {
	const partitions = 16
	_, _, js := startTopology(t, partitions)
	ctx := testContext(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune("abcXYZ019_-. %*>+&/äßéñ中文فارسی😀e\u0301")
	type pending struct {
		future jetstream.PubAckFuture
		key    string
		want   int
	}
	var all []pending
	for range 400 {
		tenant := fmt.Sprintf("tenant-%d", rnd.IntN(50))
		key := make([]rune, 1+rnd.IntN(12))
		for i := range key {
			key[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		future, err := js.PublishAsync("desk."+tenant+".ticket."+kpi.EncodeKey(string(key)), nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pending{future, string(key), kpi.Partition(tenant, string(key), partitions)})
	}
	for _, p := range all {
		select {
		case ack := <-p.future.Ok():
			if want := StreamName(p.want); ack.Stream != want {
				t.Errorf("key %q is in %s, not in %s", p.key, ack.Stream, want)
			}
		case err := <-p.future.Err():
			t.Errorf("key %q: %v", p.key, err)
		case <-ctx.Done():
			t.Fatal("not acknowledged")
		}
	}
}
