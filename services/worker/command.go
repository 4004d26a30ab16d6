package worker

import (
	"context"
	"fmt"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Settings are the flags of a worker that deskpulse run has too.
type Settings struct {
	Config     string          `type:"existingfile" env:"DESKPULSE_CONFIG" placeholder:"FILE" help:"Windows, breakdowns, SLA policies, KPIs of your own; see docs/configuration.md."`
	Partitions int             `default:"16" env:"DESKPULSE_PARTITIONS" help:"Number of partitions; fixed once the streams exist."`
	Clock      string          `enum:"broker,event" default:"broker" help:"What moves time: broker, the present; or event, the newest event, for a log of the past."`
	At         process.Instant `placeholder:"TIME" help:"Read all KPIs as of this instant (RFC 3339) instead of now, for a log of the past."`
	Restate    bool            `help:"Read the past anew, history included, by policies that have been edited; see docs/sla.md. For one start."`
}

// Validate is called by kong.
func (s *Settings) Validate() error {
	if s.Partitions < 1 || s.Partitions > 1024 {
		return fmt.Errorf("--partitions %d: give 1 to 1024", s.Partitions)
	}
	return nil
}

// Load reads the configuration, with its warnings logged, and returns the engine's, too.
func (s *Settings) Load(log *zap.Logger) (*config.Config, engine.Config, error) {
	c, warnings, err := config.Load(s.Config)
	if err != nil {
		return nil, engine.Config{}, err
	}
	for _, w := range warnings {
		log.Warn("configuration", zap.String("warning", w))
	}
	out, err := c.Engine()
	if s.Clock == "event" {
		out.Clock = engine.EventClock
	}
	return c, out, err
}

// Instant returns the pinned instant in Unix seconds, 0 where there is none.
func (s *Settings) Instant() int64 {
	if s.At.IsZero() {
		return 0
	}
	return s.At.Unix()
}

// Command is deskpulse worker: all partitions of a NATS that runs elsewhere.
type Command struct {
	Settings   `embed:""`
	Nats       string `default:"nats://127.0.0.1:4222" env:"DESKPULSE_NATS" placeholder:"URL" help:"Where NATS is; several URLs are separated by commas."`
	Creds      string `env:"DESKPULSE_CREDS" placeholder:"FILE" help:"Credentials file of the NATS user."`
	TLSCA      string `name:"tls-ca" env:"DESKPULSE_TLS_CA" placeholder:"FILE" help:"Certificates that sign the NATS server's; those of the system by default."`
	TLSCert    string `name:"tls-cert" env:"DESKPULSE_TLS_CERT" placeholder:"FILE" help:"Certificate to show to the NATS server."`
	TLSKey     string `name:"tls-key" env:"DESKPULSE_TLS_KEY" placeholder:"FILE" help:"Key of that certificate."`
	Replicas   int    `default:"1" env:"DESKPULSE_REPLICAS" help:"Replicas of each stream, where they are made anew: 3 in a cluster."`
	ClickHouse string `name:"clickhouse" env:"DESKPULSE_CLICKHOUSE" placeholder:"URL" help:"History, as in http://user:password@host:8123/deskpulse. Without it none is kept."`
	Listen     string `default:"127.0.0.1:9090" env:"DESKPULSE_LISTEN" placeholder:"HOST:PORT" help:"Where to serve /metrics, /livez and /readyz."`
}

// Help is shown by deskpulse worker --help.
func (Command) Help() string {
	return `Reads the events of all partitions from NATS, keeps the KPIs, publishes live totals,
writes history to ClickHouse and serves /metrics. Make the streams' mapping first where
you run a NATS of your own: docs/nats.md. For now one worker owns all partitions; a
second one would count everything once more.

Examples:

    deskpulse worker --nats nats://nats.internal:4222 --creds worker.creds
    deskpulse worker --clickhouse http://deskpulse:secret@clickhouse:8123/deskpulse
`
}

// Run works until ctx ends.
func (c *Command) Run(ctx context.Context, log *zap.Logger) error {
	file, cfg, err := c.Load(log)
	if err != nil {
		return err
	}
	group := process.Group{Log: log}
	history, err := OpenHistory(c.ClickHouse, file, cfg)
	if err != nil {
		return err
	}
	if history != nil {
		group.Defer("clickhouse", func(context.Context) error { return history.Close() })
	}
	nc, err := input.Connect(ctx, input.Options{
		URL: c.Nats, Credentials: c.Creds, TLSCA: c.TLSCA, TLSCert: c.TLSCert, TLSKey: c.TLSKey, Name: "deskpulse worker",
	}, log)
	if err != nil {
		return err
	}
	group.Defer("nats", func(context.Context) error { nc.Close(); return nil })
	if err := Ensure(ctx, nc, input.Topology{Partitions: c.Partitions, Replicas: c.Replicas}); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := process.RegisterBuildInfo(registry); err != nil {
		return err
	}
	health := &process.Health{}
	w, err := New(Config{
		Partitions: c.Partitions, Engine: cfg, Currency: file.Money.Of, Conn: nc, History: history,
		Registerer: registry, Health: health, Log: log, At: c.Instant(), Restate: c.Restate,
	})
	if err != nil {
		return err
	}
	group.Add("worker", w.Run)
	if err := serve(ctx, &group, c.Listen, registry, health, log); err != nil {
		return err
	}
	return group.Run(ctx)
}

func serve(ctx context.Context, group *process.Group, listen string, registry *prometheus.Registry, health *process.Health, log *zap.Logger) error {
	listener, err := process.Listen(ctx, listen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	health.Handle(mux)
	group.Add("http", process.ServeHTTP(listener, mux, log))
	log.Info("metrics are served", zap.String("url", fmt.Sprintf("http://%s/metrics", listener.Addr())))
	return nil
}

// Ensure makes the streams that are missing.
func Ensure(ctx context.Context, nc *nats.Conn, t input.Topology) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	return input.Ensure(ctx, js, t)
}

// OpenHistory opens ClickHouse for an engine's windows and measures, and for the scorecards
// of the file that they are from; nil where dsn is empty.
func OpenHistory(dsn string, file *config.Config, cfg engine.Config) (*output.ClickHouse, error) {
	if dsn == "" {
		return nil, nil
	}
	options, err := output.ParseClickHouseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("--clickhouse: %w", err)
	}
	options.Windows = cfg.Windows
	if options.Scorecards, err = sheets(file); err != nil {
		return nil, err
	}
	if options.Compiled, err = Compile(cfg); err != nil {
		return nil, err
	}
	history, err := output.OpenClickHouse(options)
	if err != nil {
		return nil, fmt.Errorf("--clickhouse: %w", err)
	}
	return history, nil
}
