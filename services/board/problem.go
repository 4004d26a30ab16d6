package board

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// problem is a problem document of RFC 9457. Parameter, Value and Remedy are
// extensions: what was wrong, and what to write instead.
type problem struct {
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Status     int           `json:"status"`
	Detail     string        `json:"detail"`
	Parameter  string        `json:"parameter,omitempty"`
	Value      string        `json:"value,omitempty"`
	Remedy     string        `json:"remedy,omitempty"`
	retryAfter time.Duration `json:"-"`
}

// problemType prefixes the code of a problem; docs/api.md lists the codes.
const problemType = "urn:deskpulse:problem:"

func (p *problem) Error() string { return p.Detail + ": " + p.Remedy }

// badParameter is a parameter whose value cannot be read.
func badParameter(name, value, detail, remedy string) *problem {
	return &problem{
		Type: problemType + "bad-parameter", Title: "A parameter is wrong", Status: http.StatusBadRequest,
		Detail: detail, Parameter: name, Value: value, Remedy: remedy,
	}
}

func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds())))
	}
	w.WriteHeader(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		panic("board: internal error: " + err.Error())
	}
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(append(body, '\n'))
}
