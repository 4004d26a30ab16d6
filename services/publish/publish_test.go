package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns the URL of a server with the streams of two partitions.
func start(t *testing.T) (string, jetstream.JetStream) {
	t.Helper()
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Partitions: 2})
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
	if err := input.Ensure(t.Context(), js, input.Topology{Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	return s.URL(), js
}

func ticket(id string) string {
	return fmt.Sprintf(`{"id":%q,"tenant":"acme","occurred_at":"2026-04-01T09:00:00Z","customer_id":"c-%s","ticket":{"ticket_id":"t1","action":"created"}}`, id, id)
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "events.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// run parses and runs a command as main does.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	var commands struct {
		Publish Publish `cmd:""`
		DLQ     DLQ     `cmd:"" name:"dlq"`
	}
	commands.Publish.stdin, commands.Publish.stdout, commands.Publish.stderr = strings.NewReader(stdin), &out, &errs
	commands.DLQ.List.stdout, commands.DLQ.Show.stdout = &out, &out
	commands.DLQ.Retry.stdout, commands.DLQ.Retry.stderr = &out, &errs
	parser, err := kong.New(&commands)
	if err != nil {
		t.Fatal(err)
	}
	call, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	call.BindTo(ctx, (*context.Context)(nil))
	call.Bind(zap.NewNop())
	err = call.Run()
	return out.String(), errs.String(), err
}

func TestPublish(t *testing.T) {
	url, _ := start(t)
	pretty := new(bytes.Buffer)
	if err := json.Indent(pretty, []byte(ticket("pretty")), "", "  "); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, stdout, stderr string
	}{
		"lines":         {ticket("l1") + "\n\n" + ticket("l2"), "2 events acknowledged, 0 refused\n", ""},
		"again":         {ticket("a1") + "\n" + ticket("a1") + "\n", "2 events acknowledged, 1 of them known already, 0 refused\n", ""},
		"several lines": {pretty.String() + "\n" + ticket("s2") + "\n", "2 events acknowledged, 0 refused\n", ""},
		"array":         {"\ufeff\n[" + ticket("r1") + ",\n" + ticket("r2") + "\n]", "2 events acknowledged, 0 refused\n", ""},
		"nothing":       {"", "0 events acknowledged, 0 refused\n", ""},
		"bad action":    {ticket("b1") + "\n" + strings.Replace(ticket("b2"), "created", "exploded", 1) + "\n" + ticket("b3"), "2 events acknowledged, 1 refused\n", `:2: ticket.action "exploded"`},
		"broken line":   {ticket("k1") + "\n{\"id\":}\n" + ticket("k3"), "2 events acknowledged, 1 refused\n", ":2: event is not valid JSON"},
		"bad in array":  {"[\n" + ticket("y1") + ",\n" + strings.Replace(ticket("y2"), "created", "exploded", 1) + "]", "1 events acknowledged, 1 refused\n", `:3: ticket.action "exploded"`},
		"cut array":     {"[\n" + ticket("x1") + ",\n{\"id\"", "1 events acknowledged, 1 refused\n", "event is not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			for where, args := range map[string][]string{"file": {write(t, c.text)}, "stdin": nil} {
				text := c.text
				if where == "stdin" { // other ids, so that the broker does not know them
					text = strings.ReplaceAll(text, `"id":"`, `"id":"stdin-`)
					text = strings.ReplaceAll(text, `"id": "`, `"id": "stdin-`)
				}
				stdout, stderr, err := run(t, text, append([]string{"publish", "--nats", url}, args...)...)
				if stdout != c.stdout {
					t.Errorf("%s: stdout %q, want %q", where, stdout, c.stdout)
				}
				if !strings.Contains(stderr, c.stderr) || (stderr == "") != (c.stderr == "") || (err == nil) != (c.stderr == "") {
					t.Errorf("%s: stderr %q and %v, want %q", where, stderr, err, c.stderr)
				}
			}
		})
	}
}

func TestPublishToNobody(t *testing.T) {
	_, _, err := run(t, "", "publish", "--nats", "nats://127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "is the server running") {
		t.Fatalf("got %v", err)
	}
}

func TestDLQ(t *testing.T) {
	url, js := start(t)
	stdout, _, err := run(t, "", "dlq", "list", "--nats", url)
	if err != nil || stdout != "no dead letters\n" {
		t.Fatalf("%q, %v", stdout, err)
	}
	// An event that came in the wrong partition can be retried, broken text cannot.
	good, broken := ticket("d1"), "{broken"
	letters, err := input.NewDeadLetters(js, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer letters.Close()
	for i, text := range []string{good, broken} {
		m := &input.Message{Tenant: "acme", Kind: "ticket", Partition: 1, Sequence: uint64(5 + i), JSON: true, Data: []byte(text)}
		reason := &kpi.FieldError{Field: "key", Value: "k", Reason: kpi.ReasonMismatch, Remedy: "send it elsewhere"}
		if i == 1 {
			reason.Reason = kpi.ReasonMalformed
		}
		if err := letters.Put(t.Context(), m, 0, m.Data, reason); err != nil {
			t.Fatal(err)
		}
	}
	if err := letters.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	stdout, _, err = run(t, "", "dlq", "list", "--nats", url)
	if err != nil || strings.Count(stdout, "\n") != 3 || !strings.Contains(stdout, "DESK_1:5") || !strings.Contains(stdout, "send it elsewhere") {
		t.Errorf("%q, %v", stdout, err)
	}
	stdout, _, err = run(t, "", "dlq", "list", "--nats", url, "--json", "--reason", "malformed")
	var row letterRow
	if err != nil || json.Unmarshal([]byte(stdout), &row) != nil || row.ID != "DESK_1:6" || row.Bytes != len(broken) {
		t.Errorf("%q, %v", stdout, err)
	}
	stdout, _, err = run(t, "", "dlq", "show", "--nats", url, "--raw", "DESK_1:6")
	if err != nil || stdout != broken {
		t.Errorf("%q, %v", stdout, err)
	}
	stdout, _, err = run(t, "", "dlq", "show", "--nats", url, "DESK_1:5")
	if err != nil || !strings.Contains(stdout, good) || !strings.Contains(stdout, "deskp.1.acme.ticket") {
		t.Errorf("%q, %v", stdout, err)
	}
	stdout, stderr, err := run(t, "", "dlq", "retry", "--nats", url, "--all")
	if err == nil || stdout != "1 published again, 1 kept\n" || !strings.Contains(stderr, "DESK_1:6 would be refused again") {
		t.Errorf("%q, %q, %v", stdout, stderr, err)
	}
	if _, _, err := run(t, "", "dlq", "retry", "--nats", url); err == nil {
		t.Error("a retry of nothing succeeded")
	}
}
