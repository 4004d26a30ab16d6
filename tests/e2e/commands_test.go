package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// deskpulse runs one command from the outside.
func deskpulse(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	command := exec.CommandContext(t.Context(), path, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errs
	err = command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// expect runs a command and wants an exit code and words of both outputs.
func expect(t *testing.T, stdin string, code int, inOut, inErr string, args ...string) (stdout string) {
	t.Helper()
	got, out, errs := deskpulse(t, stdin, args...)
	if got != code || !strings.Contains(out, inOut) || !strings.Contains(errs, inErr) {
		t.Errorf("deskpulse %s: exit %d, want %d\nstdout, wanting %q:\n%s\nstderr, wanting %q:\n%s", strings.Join(args, " "), got, code, inOut, out, inErr, errs)
	}
	return out
}

// Exit codes: 0 after success, 1 after a failure, 2 where the command line is wrong.
func TestCommandsByThemselves(t *testing.T) {
	expect(t, "", 0, "deskpulse ", "", "version")
	expect(t, "", 0, "overdue_ratio", "", "kpi", "list")
	expect(t, "", 0, "run --simulate 20", "", "--help")
	expect(t, "", 2, "", "See: deskpulse --help")
	expect(t, "", 2, "", "--bogus", "run", "--bogus")
	expect(t, "", 2, "", "See: deskpulse kpi --help", "kpi", "lits")
	expect(t, "", 2, "", "--partitions 0: give 1 to 1024", "run", "--partitions", "0", "--data-dir", t.TempDir())
	expect(t, "", 1, "", "does not answer", "publish", "--nats", "nats://127.0.0.1:1")
	expect(t, "", 1, "", "does not answer", "dlq", "list", "--nats", "nats://127.0.0.1:1")

	script := expect(t, "", 0, "complete ", "", "completion", "bash")
	check := exec.CommandContext(t.Context(), "bash", "-n")
	check.Stdin = strings.NewReader(script)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("bash refuses the completion: %v\n%s", err, out)
	}
}

func TestCommandsWithASite(t *testing.T) {
	s := start(t, t.TempDir())
	address := s.printed["nats"]
	t.Run("publish", func(t *testing.T) { checkPublish(t, s, address) })
	t.Run("simulate", func(t *testing.T) { checkSimulate(t, address) })
	t.Run("dlq", func(t *testing.T) { checkDeadLetters(t, address) })
}

// count waits for a number of tickets' events on /metrics.
func count(t *testing.T, s *site, kind string, want float64) {
	t.Helper()
	until(t, func() error {
		body, err := s.get("/metrics")
		if err != nil {
			return err
		}
		samples, err := parse(body)
		if err != nil {
			return err
		}
		if n := samples["deskpulse_events_total kind="+kind]; n != want {
			return fmt.Errorf("%g events of kind %s, want %g", n, kind, want)
		}
		return nil
	})
}

func checkPublish(t *testing.T, s *site, address string) {
	events := story(time.Now().UTC())[:2]
	wrong := strings.Replace(events[1], "replied", "applauded", 1)
	args := []string{"publish", "--nats", address, "--tenant", "acme"}
	expect(t, events[0]+"\n"+wrong+"\n"+events[1]+"\n", 1, "2 events acknowledged, 1 refused\n", "stdin:2: ", args...)
	expect(t, events[0]+"\n", 0, "1 events acknowledged, 1 of them known already, 0 refused\n", "", args...)
	expect(t, events[0], 2, "", "nowhere.ndjson", append(args, "nowhere.ndjson")...)
	count(t, s, "ticket", 2)
}

// What simulate writes is what publish reads.
func checkSimulate(t *testing.T, address string) {
	out := expect(t, "", 0, `"tenant":"demo"`, "", "simulate", "--out", "-", "--history", "10m", "--duration", "0s", "--rate", "5", "--seed", "7")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		var event struct{ ID, Tenant string }
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.ID == "" || event.Tenant != "demo" {
			t.Fatalf("%s: %v", line, err)
		}
	}
	expect(t, out, 0, fmt.Sprintf("%d events acknowledged", len(lines)), "", "publish", "--nats", address)
}

// A wrong event is listed, shown byte by byte, and kept as long as its reason holds.
func checkDeadLetters(t *testing.T, address string) {
	expect(t, "", 0, "no dead letters", "", "dlq", "list", "--nats", address)
	nc, err := nats.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const wrong = `{"id":"w1","occurred_at":"yesterday","customer_id":"c9","ticket":{"ticket_id":"T9","action":"created"}}`
	publish(t, nc, wrong)
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	var letter struct {
		ID, Tenant, Kind, Reason, Field string
		Retries                         int
	}
	until(t, func() error {
		code, out, errs := deskpulse(t, "", "dlq", "list", "--json", "--nats", address)
		if code != 0 || out == "" {
			return fmt.Errorf("exit %d, %q, %s", code, out, errs)
		}
		return json.Unmarshal([]byte(out), &letter)
	})
	if letter.Tenant != "acme" || letter.Kind != "ticket" || letter.Reason != "invalid" || letter.Field != "occurred_at" || letter.Retries != 0 {
		t.Errorf("the letter is %+v", letter)
	}
	expect(t, "", 0, letter.ID, "", "dlq", "list", "--nats", address, "--tenant", "acme", "--reason", "invalid")
	expect(t, "", 0, "no dead letters", "", "dlq", "list", "--nats", address, "--tenant", "globex")
	expect(t, "", 0, wrong, "", "dlq", "show", "--nats", address, letter.ID)
	if raw := expect(t, "", 0, "", "", "dlq", "show", "--raw", "--nats", address, letter.ID); raw != wrong {
		t.Errorf("the original bytes are %q", raw)
	}
	expect(t, "", 1, "", "DESK_0:4711", "dlq", "show", "--nats", address, "DESK_0:4711")
	expect(t, "", 1, "0 published again, 1 kept", letter.ID, "dlq", "retry", "--nats", address, letter.ID)
	expect(t, "", 1, "", "name ids, or give --all", "dlq", "retry", "--nats", address)
}
