package input

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTimeout bounds every wait of a test.
const testTimeout = 60 * time.Second

// broker is the official server with JetStream, which a test can stop and start again.
type broker struct {
	t          testing.TB
	partitions int
	opts       server.Options
	ns         *server.Server
}

// startBroker starts a server with the account mapping of a topology.
func startBroker(t testing.TB, partitions int, change func(*server.Options)) *broker {
	t.Helper()
	b := &broker{t: t, partitions: partitions, opts: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	}}
	if change != nil {
		change(&b.opts)
	}
	b.start()
	b.opts.Port = b.ns.Addr().(*net.TCPAddr).Port // the same after a restart
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	opts := b.opts
	ns, err := server.NewServer(&opts)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := ns.GlobalAccount().AddMapping("desk.*.*.*", fmt.Sprintf("deskp.{{partition(%d,1,3)}}.{{wildcard(1)}}.{{wildcard(2)}}", b.partitions)); err != nil {
		b.t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(testTimeout) {
		b.t.Fatal("the server does not accept connections")
	}
	b.ns = ns
}

func (b *broker) stop() {
	b.ns.Shutdown()
	b.ns.WaitForShutdown()
}

func (b *broker) connect() (*nats.Conn, jetstream.JetStream) {
	b.t.Helper()
	nc, err := Connect(testContext(b.t), Options{URL: b.ns.ClientURL()}, zap.NewNop())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	return nc, js
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// startTopology starts a server with the streams of a topology.
func startTopology(t testing.TB, partitions int) (*broker, *nats.Conn, jetstream.JetStream) {
	t.Helper()
	b := startBroker(t, partitions, nil)
	nc, js := b.connect()
	if err := Ensure(testContext(t), js, Topology{Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return b, nc, js
}

func openReader(t testing.TB, js jetstream.JetStream, from Position, counters *Counters) *Reader {
	t.Helper()
	r, err := Open(testContext(t), js, from, counters, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// readN reads n messages and copies them out of the Reader's buffers.
func readN(t testing.TB, r *Reader, n int) []Message {
	t.Helper()
	ctx := testContext(t)
	var out []Message
	for len(out) < n {
		batch, err := r.Fetch(ctx, n-len(out), time.Second)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(out), n, err)
		}
		out = append(out, batch...)
	}
	return out
}

// publishRaw stores n numbered messages in a partition.
func publishRaw(t testing.TB, js jetstream.JetStream, partition, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if _, err := js.PublishAsync(Subject(partition, "acme", "ticket"), fmt.Appendf(nil, "%d", i), jetstream.WithStallWait(testTimeout)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-testContext(t).Done():
		t.Fatal("messages were not acknowledged")
	}
}

// checkNumbered wants the messages that publishRaw numbered from … from+n−1.
func checkNumbered(t testing.TB, messages []Message, from int) {
	t.Helper()
	for i, m := range messages {
		if want := fmt.Sprint(from + i); string(m.Data) != want {
			t.Fatalf("message %d is %q, want %q", i, m.Data, want)
		}
		if m.Tenant != "acme" || m.Kind != "ticket" || m.Stored.IsZero() {
			t.Fatalf("message %d: tenant %q, kind %q, stored %s", i, m.Tenant, m.Kind, m.Stored)
		}
	}
}

// event is a valid event of a ticket.
func event(tenant, id, customer, ticket string) *deskpulsev1.Event {
	return &deskpulsev1.Event{
		Id: id, Tenant: tenant, CustomerId: customer, OccurredAt: timestamppb.New(time.Unix(1_700_000_000, 0)),
		Body: &deskpulsev1.Event_Ticket{Ticket: &deskpulsev1.Ticket{TicketId: ticket, Action: deskpulsev1.TicketAction_TICKET_ACTION_CREATED}},
	}
}

// publishSurely stores n numbered messages one by one, each as often as it takes: while
// a server restarts, the client gives up on what is under way.
func publishSurely(t testing.TB, js jetstream.JetStream, partition, from, n int) {
	t.Helper()
	ctx := testContext(t)
	for i := from; i < from+n; i++ {
		for {
			try, cancel := context.WithTimeout(ctx, 2*time.Second)
			_, err := js.Publish(try, Subject(partition, "acme", "ticket"), fmt.Appendf(nil, "%d", i), jetstream.WithMsgID(fmt.Sprint(i)))
			cancel()
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("message %d: %v", i, err)
			}
		}
	}
}
