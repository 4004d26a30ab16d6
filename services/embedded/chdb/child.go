package chdb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// childEnv carries the order from a parent to its child, as JSON.
const childEnv = "DESKPULSE_CHDB_CHILD"

// order is what the parent tells its child. The listening socket is its file 3:
// it outlives the child, so the address does too.
type order struct {
	Library, Path, User, Password string
	MaxConcurrent                 int
}

const listenerFile = 3

// exitTimeout bounds the child's stop, in case the engine hangs.
const exitTimeout = 25 * time.Second

// RunChildIfAsked turns this process into the ClickHouse child when [Start] has
// started it as such, and then does not return. Call it first in main, and in
// TestMain.
func RunChildIfAsked() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	if err := runChild(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("%s = %q: %w", childEnv, text, err)
	}
	file := os.NewFile(listenerFile, "listener")
	listener, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("%s is set, but file %d is no socket: %w", childEnv, listenerFile, err)
	}
	if err := file.Close(); err != nil { // FileListener has a copy
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGINT) // Ctrl-C reaches the whole group: the parent decides when the store stops
	ctx, orphaned := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent does
		orphaned()
	}()
	context.AfterFunc(ctx, func() { time.AfterFunc(exitTimeout, func() { os.Exit(1) }) })
	return Serve(ctx, Config{
		Library: o.Library, Path: o.Path, User: o.User, Password: o.Password,
		MaxConcurrent: o.MaxConcurrent, Listener: listener, Log: childLog(),
	})
}

// childLog writes plain lines, which the parent puts into its own log.
func childLog() *zap.Logger {
	encoder := zap.NewProductionEncoderConfig()
	encoder.TimeKey, encoder.LevelKey = "", ""
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(os.Stderr), zap.InfoLevel))
}
