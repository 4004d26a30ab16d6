package process

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServeHealthAndStopWithAnOpenStream(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var h Health
	mux := http.NewServeMux()
	h.Handle(mux)
	streaming := make(chan struct{})
	mux.HandleFunc("GET /stream", func(_ http.ResponseWriter, r *http.Request) {
		close(streaming)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- ServeHTTP(l, mux, zap.NewNop())(ctx) }()
	url := "http://" + l.Addr().String()

	if code, body := get(t, url+"/livez"); code != 200 || body != "ok\n" {
		t.Errorf("livez: %d %q", code, body)
	}
	h.NotReady("nats", "connecting")
	h.Ready("engine")
	if code, body := get(t, url+"/readyz"); code != 503 || !strings.Contains(body, `"nats":"connecting"`) || !strings.Contains(body, `"engine":"ok"`) {
		t.Errorf("readyz: %d %q", code, body)
	}
	h.Ready("nats")
	if code, _ := get(t, url+"/readyz"); code != 200 {
		t.Errorf("readyz when ready: %d", code)
	}

	streamed := make(chan struct{})
	go func() { defer close(streamed); get(t, url+"/stream") }()
	<-streaming
	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Errorf("stop: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server did not stop")
	}
	<-streamed
}

func TestListenRefusesABadAddress(t *testing.T) {
	_, err := Listen(t.Context(), "127.0.0.1:notaport")
	if err == nil || !strings.Contains(err.Error(), "notaport") || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("error = %v", err)
	}
}

func TestSignalContext(t *testing.T) {
	ctx, stop := SignalContext(t.Context())
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("SIGTERM did not end the context")
	}
}

func TestLogger(t *testing.T) {
	var buf bytes.Buffer
	log, err := NewLogger(LogConfig{Level: "warn"}, zapcore.AddSync(&buf))
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hidden")
	log.Warn("shown", zap.String("partition", "3"))
	var line map[string]any
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, buf.String())
	}
	if line["msg"] != "shown" || line["partition"] != "3" || line["level"] != "warn" {
		t.Errorf("logged %v", line)
	}
	for _, bad := range []LogConfig{{Format: "xml"}, {Level: "loud"}} {
		if _, err := NewLogger(bad, zapcore.AddSync(&buf)); err == nil || !strings.Contains(err.Error(), ": use ") {
			t.Errorf("%+v: error = %v", bad, err)
		}
	}
}

func TestBuildInfo(t *testing.T) {
	reg := prometheus.NewRegistry()
	if err := RegisterBuildInfo(reg); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("gathered %v, %v", families, err)
	}
	m := families[0]
	if m.GetName() != "deskpulse_build_info" || m.GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Errorf("got %v", m)
	}
}
