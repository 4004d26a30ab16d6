package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Listen opens a TCP listener. Port 0 lets the system choose one.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w: give another host:port, port 0 for any that is free", addr, err)
	}
	return l, nil
}

// ServeHTTP returns an actor that serves h on l until its context ends. The contexts
// of requests end with it too, so streams such as server-sent events close first;
// requests in hand then have five seconds to finish.
func ServeHTTP(l net.Listener, h http.Handler, log *zap.Logger) func(context.Context) error {
	return func(ctx context.Context) error {
		server := &http.Server{
			Handler:           h,
			BaseContext:       func(net.Listener) context.Context { return ctx },
			ReadHeaderTimeout: 5 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          zap.NewStdLog(log),
			// No ReadTimeout and no WriteTimeout: either would cut streams off. A handler
			// that reads or writes much sets a deadline with http.ResponseController.
		}
		var served error
		done := make(chan struct{}) // guards served
		go func() {
			defer close(done)
			served = server.Serve(l)
		}()
		select {
		case <-done:
			return served
		case <-ctx.Done():
		}
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := server.Shutdown(bound)
		if err != nil {
			err = errors.Join(fmt.Errorf("requests not finished: %w", err), server.Close())
		}
		<-done
		return err
	}
}
