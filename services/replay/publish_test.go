package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

const partitions = 4

const ticketMapping = `
tenant: acme
events:
  - {kind: ticket, action: created, at: row.at, fields: {ticket_id: "${row.id}", customer_id: "${row.customer}", due_resolution: "${time(row.at) + hours(1)}"}}
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func tickets(n int) string {
	var b strings.Builder
	b.WriteString("id,customer,at\n")
	for i := range n {
		fmt.Fprintf(&b, "T%d,C%d,%s\n", i, i%7, time.Unix(1_600_000_000-int64(i)*60, 0).UTC().Format(time.RFC3339))
	}
	return b.String()
}

func server(t *testing.T) (url string, js jetstream.JetStream) {
	t.Helper()
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	if err := input.Ensure(t.Context(), js, input.Topology{Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return s.URL(), js
}

// stored is what the streams hold: for each event its time and its due time.
func stored(t *testing.T, js jetstream.JetStream) (events map[string][2]int64, messages uint64) {
	t.Helper()
	events = map[string][2]int64{}
	var dec kpi.Decoder
	for p := range partitions {
		stream, err := js.Stream(t.Context(), input.StreamName(p))
		if err != nil {
			t.Fatal(err)
		}
		last := stream.CachedInfo().State.LastSeq
		messages += last
		for seq := range last {
			msg, err := stream.GetMsg(t.Context(), seq+1)
			if err != nil {
				t.Fatal(err)
			}
			env := kpi.Envelope{Tenant: "acme", Kind: msg.Subject[strings.LastIndex(msg.Subject, ".")+1:]}
			dec.Decode(env, msg.Data, func(ev *kpi.Event, _ []byte, err error) {
				if err != nil {
					t.Fatal(err)
				}
				if home := kpi.Partition(ev.Tenant, ev.PartitionKey(), partitions); home != p {
					t.Errorf("event %s is in partition %d, belongs to %d", ev.ID, p, home)
				}
				events[strings.Clone(ev.ID)] = [2]int64{ev.At, ev.DueResolution}
			})
		}
	}
	return events, messages
}

func TestPublish(t *testing.T) {
	for _, batch := range []int{1, 50} {
		t.Run(fmt.Sprintf("batch %d", batch), func(t *testing.T) {
			url, js := server(t)
			c := Command{
				Mapping: write(t, "m.yaml", ticketMapping), Data: []string{write(t, "t.csv", tickets(300))},
				To: url, Memory: 1, Partitions: partitions, Stderr: &bytes.Buffer{},
			}
			c.Publishing.Batch = batch
			var before uint64
			for again := range 2 { // the second time adds nothing
				if err := c.Run(t.Context(), zap.NewNop()); err != nil {
					t.Fatal(err)
				}
				events, messages := stored(t, js)
				if len(events) != 300 {
					t.Fatalf("%d events are stored, want 300", len(events))
				}
				if got := events["ticket.created:t:1"]; got != [2]int64{1_600_000_000_000, 1_600_003_600_000} {
					t.Errorf("the first row's times are %v", got)
				}
				if again == 1 && messages != before {
					t.Errorf("replayed again there are %d messages, before %d", messages, before)
				}
				before = messages
			}
		})
	}
}

func TestShiftToNow(t *testing.T) {
	url, js := server(t)
	c := Command{
		Mapping: write(t, "m.yaml", ticketMapping), Data: []string{write(t, "t.csv", tickets(10))},
		To: url, Memory: 1, Partitions: partitions, Stderr: &bytes.Buffer{},
	}
	c.Publishing.ShiftToNow = true
	start := time.Now().UnixMilli()
	if err := c.Run(t.Context(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	events, _ := stored(t, js)
	newest := events["ticket.created:t:1"]
	if newest[0] < start-1 || newest[0] > time.Now().UnixMilli() {
		t.Errorf("the newest event is at %d, want between %d and now", newest[0], start)
	}
	for i := range int64(10) {
		got := events[fmt.Sprintf("ticket.created:t:%d", i+1)]
		if got[0] != newest[0]-i*60_000 || got[1] != got[0]+3_600_000 {
			t.Errorf("row %d is at %v, want %d minutes before %d and due an hour later", i+1, got, i, newest[0])
		}
	}
}

// TestPace runs on virtual time: at factor 60, ten minutes take ten seconds.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := 0
		p := &pacer{speed: 60, start: time.Now(), first: 1000, idle: func(context.Context) error { idle++; return nil }}
		start := time.Now()
		var at []time.Duration
		for _, ms := range []int64{1000, 1010, 61_000, 601_000} {
			if err := p.wait(t.Context(), ms); err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(start))
		}
		if want := []time.Duration{0, 0, time.Second, 10 * time.Second}; !slices.Equal(at, want) || idle != 2 {
			t.Errorf("events went at %v, batches were sent %d times; want %v and 2", at, idle, want)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.wait(ctx, 1<<40); !errors.Is(err, context.Canceled) {
			t.Errorf("wait after a cancel = %v", err)
		}
	})
}

func TestFlags(t *testing.T) {
	var speed Speed
	for text, want := range map[string]Speed{"max": 0, "1": 1, "0.5": 0.5} {
		if err := speed.UnmarshalText([]byte(text)); err != nil || speed != want {
			t.Errorf("speed %q = %v, %v", text, speed, err)
		}
	}
	var step Step
	for text, want := range map[string]time.Duration{"1d": 24 * time.Hour, "90s": 90 * time.Second, "2w": 336 * time.Hour} {
		if err := step.UnmarshalText([]byte(text)); err != nil || time.Duration(step) != want {
			t.Errorf("step %q = %v, %v", text, time.Duration(step), err)
		}
	}
	for _, text := range []string{"", "d", "0d", "1", "-1d", "1y"} {
		if err := step.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("step %q was taken", text)
		}
	}
	for _, text := range []string{"", "0", "-1", "fast", "NaN"} {
		if err := speed.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("speed %q was taken", text)
		}
	}
}
