package board

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Command is deskpulse board: a board beside workers that run elsewhere.
type Command struct {
	Config     string `type:"existingfile" env:"DESKPULSE_CONFIG" placeholder:"FILE" help:"Windows, breakdowns, KPIs of your own and scorecards: the same file as the workers'; see docs/configuration.md."`
	Nats       string `default:"nats://127.0.0.1:4222" env:"DESKPULSE_NATS" placeholder:"URL" help:"Where NATS is; several URLs are separated by commas."`
	Creds      string `env:"DESKPULSE_CREDS" placeholder:"FILE" help:"Credentials file of the NATS user."`
	TLSCA      string `name:"tls-ca" env:"DESKPULSE_TLS_CA" placeholder:"FILE" help:"Certificates that sign the NATS server's; those of the system by default."`
	TLSCert    string `name:"tls-cert" env:"DESKPULSE_TLS_CERT" placeholder:"FILE" help:"Certificate to show to the NATS server."`
	TLSKey     string `name:"tls-key" env:"DESKPULSE_TLS_KEY" placeholder:"FILE" help:"Key of that certificate."`
	Listen     string `default:"127.0.0.1:8080" env:"DESKPULSE_LISTEN" placeholder:"HOST:PORT" help:"Where to serve the page, the API and the metrics. Port 0 takes any that is free."`
	ClickHouse string `name:"clickhouse" env:"DESKPULSE_CLICKHOUSE" placeholder:"URL" help:"History, as in http://user:password@host:8123/deskpulse. Without it the API answers only what is live."`
}

// Help is shown by deskpulse board --help.
func (Command) Help() string {
	return `Serves the wallboard page, the API and /metrics from the live readings of all workers.
There is no login yet: whoever reaches the address reads everything. It listens on
this machine only, unless --listen says otherwise.

Examples:

    deskpulse board
    deskpulse board --nats nats://nats.internal:4222 --creds board.creds --listen 0.0.0.0:8080
    curl 'http://127.0.0.1:8080/api/v1/kpis?kpi=overdue_ratio&by=team'
`
}

// Run serves until ctx ends.
func (c *Command) Run(ctx context.Context, log *zap.Logger) error {
	settings, err := Load(c.Config, log)
	if err != nil {
		return err
	}
	group := process.Group{Log: log}
	if err := c.openHistory(&group, settings); err != nil {
		return err
	}
	listener, err := process.Listen(ctx, c.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already where it was served
	nc, err := input.Connect(ctx, input.Options{
		URL: c.Nats, Credentials: c.Creds, TLSCA: c.TLSCA, TLSCert: c.TLSCert, TLSKey: c.TLSKey, Name: "deskpulse board",
	}, log)
	if err != nil {
		return err
	}
	defer nc.Close()

	registry := prometheus.NewRegistry()
	kpis := NewKPIs(settings.Compiled)
	registry.MustRegister(kpis, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := process.RegisterBuildInfo(registry); err != nil {
		return err
	}
	settings.Live = Follow(nc, settings.Compiled.Layout, log, kpis.Set)
	settings.Log, settings.Gatherer, settings.Registerer = log, registry, registry
	b, err := New(*settings)
	if err != nil {
		return err
	}
	group.Add("board", b.Run)
	group.Add("http", process.ServeHTTP(listener, b.Handler(), log))
	log.Info("board is served", zap.String("url", fmt.Sprintf("http://%s/", listener.Addr())))
	return group.Run(ctx)
}

// Load reads what a configuration file, "" for none, says of a board.
func Load(file string, log *zap.Logger) (*Config, error) {
	settings, warnings, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		log.Warn("configuration", zap.String("warning", w))
	}
	return From(settings)
}

// From is what a configuration says of a board.
func From(file *config.Config) (*Config, error) {
	workers, err := file.Engine()
	if err != nil {
		return nil, err
	}
	cards, err := file.Scheme()
	if err != nil {
		return nil, err
	}
	e, err := engine.New(workers) // it lays the measures out as the workers do
	if err != nil {
		return nil, err
	}
	return &Config{Compiled: e.Compiled(), Windows: workers.Windows, Groups: workers.Groups, Scorecards: cards, Calendar: workers.Calendar}, nil
}

// openHistory opens ClickHouse where it was given; the group closes it.
func (c *Command) openHistory(group *process.Group, settings *Config) error {
	if c.ClickHouse == "" {
		return nil
	}
	options, err := output.ParseClickHouseDSN(c.ClickHouse)
	if err != nil {
		return fmt.Errorf("--clickhouse: %w", err)
	}
	options.Windows, options.Compiled = settings.Windows, settings.Compiled
	db, err := output.OpenClickHouse(options)
	if err != nil {
		return fmt.Errorf("--clickhouse: %w", err)
	}
	group.Defer("clickhouse", func(context.Context) error { return db.Close() })
	settings.History = FromClickHouse(db, settings.Compiled, settings.Calendar)
	return nil
}
