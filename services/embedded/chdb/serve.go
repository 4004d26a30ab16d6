package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"go.uber.org/zap"
)

// Config is what [Serve] needs.
type Config struct {
	Library       string // libchdb; default: what Locate finds
	Path          string // the data folder; made if it is not there
	Listen        string // default 127.0.0.1:0, a free port
	User          string // default "default"; checked only with Password
	Password      string // empty: any user and password are accepted
	MaxConcurrent int    // requests that run at once, the others wait; default 64

	Listener net.Listener // instead of Listen: one that is open already
	Log      *zap.Logger  // default: none
	Ready    io.Writer    // gets one line, "listening HOST:PORT"; default: stdout
}

func (c Config) withDefaults() (Config, error) {
	if c.Path == "" {
		return c, errors.New("clickhouse: no data folder; set Path")
	}
	if c.Library == "" {
		path, err := Locate()
		if err != nil {
			return c, err
		}
		c.Library = path
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = 64
	}
	if c.MaxConcurrent < 0 {
		return c, fmt.Errorf("clickhouse: MaxConcurrent = %d; use a positive number", c.MaxConcurrent)
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Ready == nil {
		c.Ready = os.Stdout
	}
	return c, nil
}

const (
	headerTimeout = 10 * time.Second
	drainTimeout  = 10 * time.Second // for requests that run when the server is told to stop
)

// Serve runs the engine in this process and answers HTTP until ctx ends. A
// process can do so for one data folder in its life.
func Serve(ctx context.Context, cfg Config) (err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return err
	}
	listener := cfg.Listener
	if listener == nil {
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen); err != nil {
			return fmt.Errorf("clickhouse: listen on %s: %w; choose another address", cfg.Listen, err)
		}
	}
	defer listener.Close()
	engine, err := newEngine(ctx, cfg)
	if err != nil {
		return fmt.Errorf("clickhouse in %s: %w", cfg.Path, err)
	}
	defer engine.close()
	if _, err := fmt.Fprintf(cfg.Ready, "listening %s\n", listener.Addr()); err != nil {
		return err
	}
	return serveHTTP(ctx, listener, &handler{engine: engine, user: cfg.User, password: cfg.Password, log: cfg.Log}, cfg.Log)
}

func serveHTTP(ctx context.Context, listener net.Listener, h http.Handler, log *zap.Logger) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          zap.NewStdLog(log),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	bounded, stop := context.WithTimeout(requests, drainTimeout)
	defer stop()
	err := server.Shutdown(bounded)
	if errors.Is(err, context.DeadlineExceeded) {
		cancel() // kills the queries that still run
		again, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer stop()
		err = server.Shutdown(again)
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
