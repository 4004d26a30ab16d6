package input

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// The permissions that docs/nats.md tells a user to give are enough, and no more.
func TestPermissions(t *testing.T) {
	allow := func(publish, subscribe []string) *server.Permissions {
		return &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: publish},
			Subscribe: &server.SubjectPermission{Allow: subscribe},
		}
	}
	b := startBroker(t, 1, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "acme", Password: "a", Permissions: allow([]string{"deskp.*.acme.>"}, []string{"_INBOX.>"})},
			{Username: "worker", Password: "w", Permissions: allow([]string{"$JS.API.>", "deskdlq.>", "desklive.*", "$KV.DESK_RULES.*"}, []string{"_INBOX.>", "desklive.ask"})},
			{Username: "retry", Password: "r", Permissions: allow([]string{"$JS.API.>", "deskp.>"}, []string{"_INBOX.>"})},
		}
	})
	as := func(user, password string) jetstream.JetStream {
		nc, err := Connect(testContext(t), Options{URL: b.ns.ClientURL(), User: user, Password: password}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(500*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		return js
	}
	worker, acme, ctx := as("worker", "w"), as("acme", "a"), testContext(t)
	if err := Ensure(ctx, worker, Topology{Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	if err := openApplied(t, worker).Store(ctx, []byte("{}")); err != nil {
		t.Error(err)
	}
	for _, subject := range []string{"desk.acme.ticket.c1", "deskp.0.acme.ticket"} {
		if _, err := acme.Publish(ctx, subject, []byte("{")); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"desk.globex.ticket.c1", "deskp.0.globex.ticket", "deskdlq.0.acme.ticket.1.all.1", "$KV.DESK_RULES.policies"} {
		if _, err := acme.Publish(t.Context(), subject, []byte("{")); err == nil {
			t.Errorf("%s: acme may publish there", subject)
		}
	}
	if ids := refuseAll(t, worker, 0, 1); len(ids) != 0 {
		t.Errorf("accepted %q", ids)
	}
	if got := list(t, worker, Filter{}); len(got) != 2 {
		t.Errorf("%d letters, want 2", len(got))
	}
	if err := Retry(ctx, as("retry", "r"), "DESK_0:1", 1); err == nil || errors.Is(err, nats.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}
