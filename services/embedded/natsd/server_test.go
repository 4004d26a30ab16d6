package natsd

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, s *Server, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.URL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// What is published by hand reaches the stream of its partition, by core publish and
// with an acknowledgement, and is there after a restart on the same port.
func TestMappingAndRestart(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Partitions: 4}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	js, ctx := connect(t, s), testContext(t)
	if err := input.Ensure(ctx, js, input.Topology{Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	want := kpi.Partition("acme", "customer 7", 4)
	subject := "desk.acme.ticket." + kpi.EncodeKey("customer 7")
	ack, err := js.Publish(ctx, subject, []byte("with ack"))
	if err != nil {
		t.Fatal(err)
	}
	if ack.Stream != input.StreamName(want) {
		t.Fatalf("it is in %s, want %s", ack.Stream, input.StreamName(want))
	}
	if err := js.Conn().Publish(subject, []byte("core")); err != nil {
		t.Fatal(err)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	cfg.Listen = strings.TrimPrefix(s.URL(), "nats://")
	js.Conn().Close()
	s.Stop()
	s.Stop() // again is harmless

	s, err = Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if got := strings.TrimPrefix(s.URL(), "nats://"); got != cfg.Listen {
		t.Errorf("it listens on %s, want %s", got, cfg.Listen)
	}
	js = connect(t, s, nats.InProcessServer(s.InProcess()))
	r, err := input.Open(ctx, js, input.Position{Partition: want, Partitions: 4}, nil, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for len(got) < 2 {
		batch, err := r.Fetch(ctx, 10, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range batch {
			got = append(got, m.Tenant+" "+m.Kind+" "+string(m.Data))
		}
	}
	if fmt.Sprint(got) != "[acme ticket with ack acme ticket core]" {
		t.Errorf("got %q", got)
	}
}

func TestStartRefusesABadConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":     {Partitions: 1},
		"no partitions": {Dir: t.TempDir()},
		"no port":       {Dir: t.TempDir(), Partitions: 1, Listen: "127.0.0.1"},
		"port is text":  {Dir: t.TempDir(), Partitions: 1, Listen: "127.0.0.1:x"},
	} {
		if s, err := Start(cfg); err == nil {
			s.Stop()
			t.Errorf("%s: it started", name)
		}
	}
}

func TestStartReportsATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	core, logs := observer.New(zap.ErrorLevel)
	s, err := Start(Config{Dir: t.TempDir(), Partitions: 1, Listen: taken.Addr().String(), Log: zap.New(core)})
	if err == nil {
		s.Stop()
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), taken.Addr().String()) || logs.Len() == 0 {
		t.Errorf("got %v and %d lines", err, logs.Len())
	}
}
