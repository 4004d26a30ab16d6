package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/services/board"
	"github.com/deskpulse/deskpulse/services/embedded/chdb"
	"github.com/deskpulse/deskpulse/services/embedded/natsd"
	"github.com/deskpulse/deskpulse/services/simulate"
	"github.com/deskpulse/deskpulse/services/worker"
)

// runCommand is deskpulse run: all roles in one process tree, on one machine.
type runCommand struct {
	worker.Settings  `embed:""`
	DataDir          string  `default:"deskpulse-data" env:"DESKPULSE_DATA_DIR" type:"path" help:"Folder of the streams and the history. It is made where it is missing."`
	Listen           string  `default:"127.0.0.1:8080" env:"DESKPULSE_LISTEN" placeholder:"HOST:PORT" help:"Where to serve the page, the API and /metrics. Port 0 takes any that is free, here and below."`
	NatsListen       string  `default:"127.0.0.1:4222" placeholder:"HOST:PORT" help:"Where publishers reach the embedded NATS. It has no passwords."`
	ClickHouseListen string  `name:"clickhouse-listen" default:"127.0.0.1:8123" placeholder:"HOST:PORT" help:"Where the embedded ClickHouse speaks HTTP. It has no passwords."`
	Simulate         float64 `placeholder:"RATE" help:"Also simulate a service desk, at so many events a second on average."`
	Seed             uint64  `default:"1" help:"Seed of the simulation."`
}

// Help is shown by deskpulse run --help.
func (runCommand) Help() string {
	return `Starts an embedded NATS with JetStream, a ClickHouse, a worker and a board, and prints
where each is reached. Stop it with ctrl-C and start it again: nothing is lost. Where the
ClickHouse library is missing it says so and goes on without history.

Examples:

    deskpulse run --simulate 20
    deskpulse run --data-dir /var/lib/deskpulse --config deskpulse.yaml
    deskpulse run --listen 127.0.0.1:0 --nats-listen 127.0.0.1:0 --clickhouse-listen 127.0.0.1:0
    nats pub desk.acme.ticket.c42 '{"id":"e1","occurred_at":"2026-03-01T09:00:00Z","customer_id":"c42","ticket":{"ticket_id":"T1","action":"created"}}'
`
}

// Validate is called by kong, beside that of the settings.
func (c *runCommand) Validate() error {
	if err := c.Settings.Validate(); err != nil {
		return err
	}
	if c.Simulate == 0 {
		return nil
	}
	return simulate.CheckRate("--simulate", c.Simulate)
}

// site is what the parts of one machine share.
type site struct {
	*process.Group
	log      *zap.Logger
	out      io.Writer
	health   *process.Health
	registry *prometheus.Registry
	conn     *nats.Conn
	nats     *natsd.Server
	history  *output.ClickHouse
	file     *config.Config
	engine   engine.Config
	fresh    bool // there was no data folder yet
}

// Run starts everything and waits.
func (c *runCommand) Run(ctx context.Context, log *zap.Logger, out *console) error {
	s := &site{Group: &process.Group{Log: log}, log: log, out: out, health: &process.Health{}, registry: prometheus.NewRegistry()}
	err := c.assemble(ctx, s)
	if err != nil {
		ended, cancel := context.WithCancel(ctx)
		cancel() // so that what has started is cleaned up
		s.Add("start", func(context.Context) error { return nil })
		return errors.Join(err, s.Run(ended))
	}
	return s.Run(ctx)
}

func (c *runCommand) assemble(ctx context.Context, s *site) (err error) {
	if s.file, s.engine, err = c.Load(s.log); err != nil {
		return err
	}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := process.RegisterBuildInfo(s.registry); err != nil {
		return err
	}
	for _, start := range []func(context.Context, *site) error{c.startNats, c.startClickHouse, c.startWorker, c.startBoard, c.startSimulation} {
		if err := start(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *runCommand) startNats(ctx context.Context, s *site) (err error) {
	dir := filepath.Join(c.DataDir, "nats")
	_, missing := os.Stat(dir)
	s.fresh = errors.Is(missing, fs.ErrNotExist)
	s.nats, err = natsd.Start(natsd.Config{
		Dir: dir, Listen: c.NatsListen, Partitions: c.Partitions, Log: s.log.Named("nats"),
	})
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	s.Defer("nats", func(context.Context) error { s.nats.Stop(); return nil })
	s.conn, err = input.Connect(ctx, input.Options{InProcess: s.nats.InProcess(), Name: "deskpulse run"}, s.log)
	if err != nil {
		return err
	}
	s.Defer("nats connection", func(context.Context) error { s.conn.Close(); return nil })
	fmt.Fprintln(s.out, "nats        ", s.nats.URL())
	return worker.Ensure(ctx, s.conn, input.Topology{Partitions: c.Partitions})
}

// startClickHouse goes on without history where the library is not to be had.
func (c *runCommand) startClickHouse(ctx context.Context, s *site) error {
	server, err := chdb.Start(ctx, chdb.Options{
		DataDir: filepath.Join(c.DataDir, "clickhouse"), Listen: c.ClickHouseListen, Log: s.log.Named("clickhouse"),
	})
	if errors.Is(err, chdb.ErrNoLibrary) {
		s.log.Warn("no history: the clickhouse library is missing", zap.Error(err))
		fmt.Fprintln(s.out, "clickhouse   none: the library is missing; run \"make clickhouse\" and start again. Everything else works, without history.")
		return nil
	}
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	s.Defer("clickhouse", server.Stop)
	dsn := "http://" + server.Addr() + "/deskpulse"
	if s.history, err = worker.OpenHistory(dsn, s.file, s.engine); err != nil {
		return err
	}
	s.Defer("clickhouse connection", func(context.Context) error { return s.history.Close() })
	fmt.Fprintln(s.out, "clickhouse  ", dsn)
	return nil
}

func (c *runCommand) startWorker(_ context.Context, s *site) error {
	w, err := worker.New(worker.Config{
		Partitions: c.Partitions, Engine: s.engine, Currency: s.file.Money.Of, Conn: s.conn, History: s.history,
		Registerer: s.registry, Health: s.health, Log: s.log.Named("worker"), At: c.Instant(), Restate: c.Restate,
	})
	if err != nil {
		return err
	}
	s.Add("worker", w.Run)
	return nil
}

func (c *runCommand) startBoard(ctx context.Context, s *site) error {
	cfg, err := board.From(s.file)
	if err != nil {
		return err
	}
	kpis := board.NewKPIs(cfg.Compiled)
	if err := s.registry.Register(kpis); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	cfg.Live = board.Follow(s.conn, cfg.Compiled.Layout, s.log, kpis.Set)
	cfg.Log, cfg.Gatherer, cfg.Registerer, cfg.Health = s.log.Named("board"), s.registry, s.registry, s.health
	if s.history != nil {
		cfg.History = board.FromClickHouse(s.history, cfg.Compiled, cfg.Calendar)
	}
	b, err := board.New(*cfg)
	if err != nil {
		return err
	}
	listener, err := process.Listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	s.Add("board", b.Run)
	s.Add("http", process.ServeHTTP(listener, b.Handler(), s.log))
	fmt.Fprintf(s.out, "board        http://%s/\n", listener.Addr())
	fmt.Fprintf(s.out, "metrics      http://%s/metrics\n", listener.Addr())
	return nil
}

func (c *runCommand) startSimulation(_ context.Context, s *site) error {
	if c.Simulate == 0 {
		fmt.Fprintln(s.out, "publish      deskpulse publish FILE, or any NATS client: see docs/events.md")
		return nil
	}
	sim := simulate.Command{Nats: s.nats.URL(), Rate: c.Simulate, Seed: c.Seed, Tenant: []string{"demo"}, Partitions: c.Partitions}
	if s.fresh {
		sim.History = 2 * time.Hour
	}
	s.Add("simulate", func(ctx context.Context) error { return sim.Run(ctx, s.log.Named("simulate")) })
	fmt.Fprintf(s.out, "simulating   %g events a second, tenant demo\n", c.Simulate)
	return nil
}
