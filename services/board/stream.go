package board

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// serveStream sends the state of one slice and then its changes, as server-sent events.
//
// Nothing is queued for a client: it is sent the difference between what it was last
// sent and what is newest, so one that reads slowly skips what lies between.
func (b *Board) serveStream(w http.ResponseWriter, r *http.Request) {
	s, p := b.streamSlice(r)
	if p != nil {
		p.write(w)
		return
	}
	if b.streams.Add(1) > int64(b.config.MaxStreams) {
		b.streams.Add(-1)
		b.metrics.refused.Inc()
		(&problem{
			Type: problemType + "too-many-streams", Title: "Too many event streams", Status: http.StatusServiceUnavailable,
			Detail: "the limit of " + strconv.Itoa(b.config.MaxStreams) + " open event streams is reached",
			Remedy: "close some, or start another board", retryAfter: 10 * time.Second,
		}).write(w)
		return
	}
	defer b.streams.Add(-1)

	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy in between must not hold events back
	b.follow(r.Context(), w, s)
}

// streamSlice reads the parameters of a stream. Without a tenant it takes the first
// there is, without a window one hour or what is nearest.
func (b *Board) streamSlice(r *http.Request) (slice, *problem) {
	q, p := query(r, "tenant", "window", "by")
	if p != nil {
		return slice{}, p
	}
	by, p := parseBy(q.Get("by"))
	if p != nil {
		return slice{}, p
	}
	s := slice{q.Get("tenant"), q.Get("window"), by}
	if p := checkWindow(s.window); p != nil {
		return slice{}, p
	}
	return s, nil
}

// defaultWindow is what is shown unless told otherwise.
const defaultWindow = "1h"

// settle fills in what the client left open, as far as it is known.
func (st *state) settle(s slice) slice {
	if s.tenant == "" && len(st.tenants) > 0 {
		s.tenant = st.tenants[0]
	}
	if s.window == "" && len(st.windows) > 0 {
		i := slices.IndexFunc(st.windows, func(w string) bool { return windowLength(w) >= windowLength(defaultWindow) })
		if i < 0 {
			i = len(st.windows) - 1
		}
		s.window = st.windows[i]
	}
	return s
}

func (b *Board) follow(ctx context.Context, w http.ResponseWriter, s slice) {
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // nothing more is read; see guard for writers without deadlines
	pace, beat := time.NewTicker(b.config.Pace), time.NewTicker(b.config.Heartbeat)
	defer pace.Stop()
	defer beat.Stop()
	var last *view
	for {
		st := b.state.Load()
		s = st.settle(s) // once settled it stays, whatever comes later
		next := st.view(s)
		var event []byte
		if last == nil || last.slice != next.slice {
			event = next.whole(b.config.Clock())
		} else {
			event = next.since(last, b.config.Clock())
		}
		_ = out.SetWriteDeadline(time.Now().Add(answerTime))
		if _, err := w.Write(event); err != nil {
			b.metrics.slow.Inc()
			return
		}
		if err := out.Flush(); err != nil {
			b.metrics.slow.Inc()
			return
		}
		b.metrics.events.Inc()
		last = next
		beat.Reset(b.config.Heartbeat)
		pace.Reset(b.config.Pace)
		if !b.await(ctx, pace.C, beat.C, st.replaced) {
			return
		}
	}
}

// await returns when the next event is due: not before pace, then on news or on the
// beat. It returns false when the stream is to end.
func (b *Board) await(ctx context.Context, pace, beat <-chan time.Time, news <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-b.ended:
		return false
	case <-pace:
	}
	select {
	case <-ctx.Done():
		return false
	case <-b.ended:
		return false
	case <-beat:
	case <-news:
	}
	return true
}

func parseBy(names string) (kpi.Set, *problem) {
	by, err := kpi.ParseSet(names)
	if err != nil {
		return 0, badParameter("by", names, err.Error(), "write dimensions separated by commas, as in by=team,channel")
	}
	return by, nil
}
