package process

import (
	"encoding/json"
	"net/http"
	"sync"
)

// Health is what a process says of itself: it is alive as long as it can answer, and
// ready when each of its named parts is. It is safe for concurrent use. The zero
// Health is ready to use, and ready, having no parts.
type Health struct {
	mu    sync.Mutex
	parts map[string]string // reason for not being ready; "" where it is
}

// NotReady says that the part is not ready, and why: "connecting to nats".
func (h *Health) NotReady(part, reason string) {
	if reason == "" {
		reason = "not ready"
	}
	h.set(part, reason)
}

// Ready says that the part is ready.
func (h *Health) Ready(part string) { h.set(part, "") }

func (h *Health) set(part, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.parts == nil {
		h.parts = map[string]string{}
	}
	h.parts[part] = reason
}

// Status is the readiness of a process and of its parts.
type Status struct {
	Ready bool              `json:"ready"`
	Parts map[string]string `json:"parts"` // "ok", or the reason for not being ready
}

// Status returns the present readiness.
func (h *Health) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{Ready: true, Parts: make(map[string]string, len(h.parts))}
	for part, reason := range h.parts {
		if reason == "" {
			s.Parts[part] = "ok"
			continue
		}
		s.Ready = false
		s.Parts[part] = reason
	}
	return s
}

// Live answers 200 for as long as the process can answer.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the prober has gone: nobody to tell
}

// Readiness answers 200 when all parts are ready, else 503, with the Status as JSON.
func (h *Health) Readiness(w http.ResponseWriter, _ *http.Request) {
	s := h.Status()
	w.Header().Set("Content-Type", "application/json")
	if !s.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(s) // the prober has gone: nobody to tell
}

// Handle registers /livez and /readyz.
func (h *Health) Handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", h.Live)
	mux.HandleFunc("GET /readyz", h.Readiness)
}
