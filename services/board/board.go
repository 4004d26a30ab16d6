package board

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Live follows the live totals until ctx ends. It calls show with each new Snapshot,
// from one goroutine, and need not call it more than four times a second.
type Live func(ctx context.Context, show func(Snapshot)) error

// History answers for the past: a reading for each group, and up to which instant, in Unix
// seconds, they count.
type History func(context.Context, Past) ([]kpi.Reading, int64, error)

// Config is what a Board is made of.
type Config struct {
	Compiled   *kpi.Compiled // as the workers have it, with their windows
	Windows    []window.Window
	Groups     []kpi.Set                            // breakdowns that workers keep live, beside those of the catalogue
	Scorecards *scorecard.Scheme                    // nil: none
	Calendar   func(tenant string) *period.Calendar // a new one each time
	Live       Live
	History    History               // nil: what is not live is refused
	Log        *zap.Logger           // nil: no log
	Gatherer   prometheus.Gatherer   // what /metrics shows; nil: an empty page
	Registerer prometheus.Registerer // for the board's own metrics; nil: none
	Health     *process.Health       // what /readyz shows; nil: the board's own alone
	Clock      func() time.Time      // nil: time.Now

	MaxStreams int           // open event streams; 0: 2000
	Pace       time.Duration // least time between two events to one client; 0: 250 ms
	Heartbeat  time.Duration // most time between them; 0: 5 s
}

// Board serves the page and the API. Its handler may be used before and after Run.
type Board struct {
	config  Config
	state   atomic.Pointer[state]
	ended   chan struct{} // closed when Run returns
	streams atomic.Int64
	metrics *metrics
	page    *page
	handler http.Handler
}

// New returns a Board that knows nothing yet.
func New(config Config) (*Board, error) {
	if config.Log == nil {
		config.Log = zap.NewNop()
	}
	if config.Gatherer == nil {
		config.Gatherer = prometheus.NewRegistry()
	}
	if config.Health == nil {
		config.Health = new(process.Health)
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	config.MaxStreams = orDefault(config.MaxStreams, 2000)
	config.Pace = orDefault(config.Pace, 250*time.Millisecond)
	config.Heartbeat = orDefault(config.Heartbeat, 5*time.Second)

	b := &Board{config: config, ended: make(chan struct{})}
	b.state.Store(newState(&b.config, Snapshot{}))
	config.Health.NotReady("board", unheard)
	var err error
	if b.metrics, err = newMetrics(b, config.Registerer); err != nil {
		return nil, err
	}
	if b.page, err = newPage(config.Compiled); err != nil {
		return nil, err
	}
	b.handler = b.routes()
	return b, nil
}

// unheard is why a board is not ready.
const unheard = "no partition is heard from: is a worker running?"

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Run follows the live readings until ctx ends. It is called once; open streams end
// when it returns.
func (b *Board) Run(ctx context.Context) error {
	defer close(b.ended)
	return b.config.Live(ctx, b.show)
}

func (b *Board) show(s Snapshot) {
	if s.At != 0 {
		b.config.Health.Ready("board")
	} else {
		b.config.Health.NotReady("board", unheard)
	}
	old := b.state.Swap(newState(&b.config, s))
	close(old.replaced)
}

// Handler serves the page, the API, the metrics and the health. Streams end with their
// request's context, or when Run returns.
func (b *Board) Handler() http.Handler { return b.handler }

func (b *Board) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.page.serve)
	for _, name := range assetNames {
		mux.HandleFunc("GET /"+name, serveAsset(name))
	}
	mux.HandleFunc("GET /api/v1/kpis", b.serveKPIs)
	mux.HandleFunc("GET /api/v1/catalogue", b.serveCatalogue)
	mux.HandleFunc("GET /api/v1/scorecards", b.serveScorecards)
	mux.HandleFunc("GET /api/v1/stream", b.serveStream)
	mux.HandleFunc("GET /healthz", b.config.Health.Live)
	b.config.Health.Handle(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.config.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          zap.NewStdLog(b.config.Log),
	}))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		(&problem{
			Type: problemType + "not-found", Title: "There is no such page", Status: http.StatusNotFound,
			Detail: "nothing is served at this path", Value: r.URL.Path,
			Remedy: "use /, /api/v1/kpis, /api/v1/catalogue, /api/v1/scorecards, /api/v1/stream, /metrics, /healthz or /readyz",
		}).write(w)
	})
	return guard(mux)
}

// answerTime bounds the writing of one answer, and of one event of a stream.
const answerTime = 15 * time.Second

// guard sets what holds for every answer: nothing from elsewhere is loaded, nobody
// frames the page, and a client that does not read is dropped.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		// A writer that knows no deadline (a recorder in a test) does without.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
		next.ServeHTTP(w, r)
	})
}
