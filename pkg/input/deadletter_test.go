package input

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// refuseAll reads one partition from the start, as a worker without a checkpoint does,
// puts what is refused on the dead-letter stream and returns the ids of the rest.
func refuseAll(t *testing.T, js jetstream.JetStream, partition, partitions int) []string {
	t.Helper()
	ctx := testContext(t)
	letters, err := NewDeadLetters(js, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer letters.Close()
	var ids []string
	dec := NewDecoder(partitions, nil, func(m *Message, index int, ev *kpi.Event, raw []byte, err error) {
		if err == nil {
			ids = append(ids, strings.Clone(ev.ID))
		} else if err := letters.Put(ctx, m, index, raw, err); err != nil {
			t.Error(err)
		}
	})
	r := openReader(t, js, Position{Partition: partition, Partitions: partitions}, nil)
	defer r.Close()
	for r.Lag() > 0 {
		batch, err := r.Fetch(ctx, 100, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			dec.Decode(&batch[i])
		}
	}
	if err := letters.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	return ids
}

func list(t *testing.T, js jetstream.JetStream, f Filter) []*Letter {
	t.Helper()
	var out []*Letter
	if err := List(testContext(t), js, f, func(l *Letter) error { out = append(out, l); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func publishSync(t *testing.T, js jetstream.JetStream, subject, kind string, data []byte) {
	t.Helper()
	msg := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{"Content-Type": {kind}}}
	if _, err := js.PublishMsg(testContext(t), msg); err != nil {
		t.Fatal(err)
	}
}

// keyIn returns a key of a tenant that belongs to a partition.
func keyIn(partition, partitions int) string {
	for key := "k"; ; key += "k" {
		if kpi.Partition("acme", key, partitions) == partition {
			return key
		}
	}
}

func TestDeadLetters(t *testing.T) {
	_, _, js := startTopology(t, 2)
	ctx := testContext(t)
	if got := list(t, js, Filter{}); len(got) != 0 {
		t.Fatalf("%d letters in a new stream", len(got))
	}
	garbage := []byte("{\x00\r\n\xff not json")
	publishSync(t, js, "deskp.0.acme.ticket", typeJSON, garbage)
	right := event("acme", "right", keyIn(0, 2), "t1")
	wrong := event("acme", "wrong", keyIn(1, 2), "t2")
	batch, err := proto.Marshal(&deskpulsev1.EventBatch{Events: []*deskpulsev1.Event{right, wrong}})
	if err != nil {
		t.Fatal(err)
	}
	wrongBytes, err := proto.Marshal(wrong)
	if err != nil {
		t.Fatal(err)
	}
	publishSync(t, js, "deskp.0.acme.batch", typeProtobuf, batch)
	for range 2 { // the second reading, long after or not, adds no letters
		if ids := refuseAll(t, js, 0, 2); len(ids) != 1 || ids[0] != "right" {
			t.Fatalf("events %q were accepted", ids)
		}
	}
	if got := list(t, js, Filter{}); len(got) != 2 || got[0].ID != "DESK_0:1" || got[1].ID != "DESK_0:2:1" {
		t.Fatalf("letters %v", got)
	}
	if got := list(t, js, Filter{Reason: kpi.ReasonMismatch}); len(got) != 1 || got[0].ID != "DESK_0:2:1" {
		t.Fatalf("letters %v", got)
	}
	if got := list(t, js, Filter{Tenant: "globex"}); len(got) != 0 {
		t.Fatalf("letters %v", got)
	}
	if got := list(t, js, Filter{Limit: 1}); len(got) != 1 {
		t.Fatalf("letters %v", got)
	}

	l, err := Show(ctx, js, "DESK_0:1")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.Data, garbage) || !l.JSON || l.Subject != "deskp.0.acme.ticket" || l.Sequence != 1 || l.Index != -1 || l.Stored.IsZero() {
		t.Errorf("letter %+v", l)
	}
	l, err = Show(ctx, js, "DESK_0:2:1")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.Data, wrongBytes) || l.JSON || l.Field != "customer_id" || l.Index != 1 {
		t.Errorf("letter %+v", l)
	}
	for _, part := range []string{"partition 0", "partition 1 of 2", "desk.acme.ticket." + keyIn(1, 2)} {
		if !strings.Contains(l.Error, part) {
			t.Errorf("error %q does not say %q", l.Error, part)
		}
	}
	for _, id := range []string{"", "DESK_0", "DESK_0:9", "nonsense", "DESK_0:1:2:3", "DESK_*:1"} {
		if _, err := Show(ctx, js, id); err == nil {
			t.Errorf("there is a letter %q", id)
		}
	}

	// The reason of the first still holds; the second goes where it belongs.
	var field *kpi.FieldError
	if err := Retry(ctx, js, "DESK_0:1", 2); !errors.As(err, &field) {
		t.Errorf("got %v", err)
	}
	if err := Retry(ctx, js, "DESK_0:2:1", 2); err != nil {
		t.Fatal(err)
	}
	if got := list(t, js, Filter{}); len(got) != 1 || got[0].ID != "DESK_0:1" {
		t.Errorf("letters %v", got)
	}
	r := openReader(t, js, Position{Partition: 1, Partitions: 2}, nil)
	m := readN(t, r, 1)[0]
	if m.ID != "DESK_0:2:1:retry:1" || !bytes.Equal(m.Data, wrongBytes) || m.Kind != "ticket" || m.JSON {
		t.Errorf("message %+v", m)
	}
}

// A retried message that is refused once more remembers how often it was retried.
func TestRetriesAreCounted(t *testing.T) {
	_, _, js := startTopology(t, 1)
	ctx := testContext(t)
	data, err := proto.Marshal(event("acme", "e1", "c1", "t1"))
	if err != nil {
		t.Fatal(err)
	}
	letters, err := NewDeadLetters(js, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer letters.Close()
	m := &Message{Tenant: "acme", Kind: "ticket", Sequence: 7, ID: "DESK_0:3:retry:2", Data: data, Stored: time.Unix(1, 0)}
	if err := letters.Put(ctx, m, 0, data, errors.New("a line\r\nInjected: header")); err != nil {
		t.Fatal(err)
	}
	if err := letters.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	l, err := Show(ctx, js, "DESK_0:7")
	if err != nil {
		t.Fatal(err)
	}
	if l.Origin != "DESK_0:3" || l.Retries != 2 || l.Reason != reasonOther || l.Error != "a line  Injected: header" {
		t.Fatalf("letter %+v", l)
	}
	if err := Retry(ctx, js, "DESK_0:7", 1); err != nil {
		t.Fatal(err)
	}
	r := openReader(t, js, Position{Partitions: 1}, nil)
	if id := readN(t, r, 1)[0].ID; id != "DESK_0:3:retry:3" {
		t.Fatalf("id %s", id)
	}
}
