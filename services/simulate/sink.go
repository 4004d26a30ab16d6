package simulate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// From this rate, or this many events of history, on, events go out in batches: one
// message each would cost the broker more than the events themselves.
const (
	batchFromRate    = 2000 // events per second
	batchFromHistory = 20_000
	batchEvents      = 256
)

// natsSink publishes to the partitions.
type natsSink struct {
	publisher *input.Publisher
	log       *zap.Logger
	settled   time.Time // when acknowledgements were last waited for
}

// NewNATSSink returns a sink that publishes with p.
func NewNATSSink(p *input.Publisher, log *zap.Logger) Sink {
	return &natsSink{publisher: p, log: log, settled: time.Now()}
}

// batchFor is how many events a message should hold.
func batchFor(rate float64, history time.Duration) int {
	if rate < batchFromRate && rate*history.Seconds() < batchFromHistory {
		return 1
	}
	return batchEvents
}

func (s *natsSink) Write(ctx context.Context, ev *deskpulsev1.Event) error {
	return s.publisher.Publish(ctx, ev)
}

// Flush sends at once, and waits for acknowledgements now and then. What NATS did not
// take is told and lost: a desk goes on.
func (s *natsSink) Flush(ctx context.Context) error {
	if time.Since(s.settled) < 5*time.Second {
		return s.publisher.Send(ctx)
	}
	err := s.publisher.Flush(ctx)
	s.settled = time.Now()
	var lost *input.PublishError
	if errors.As(err, &lost) {
		s.log.Warn("events lost", zap.Uint64("messages", lost.Count), zap.Error(err))
		return nil
	}
	return err
}

// lineSink writes an event as one line of JSON.
type lineSink struct{ w *bufio.Writer }

// NewLineSink returns a sink that writes NDJSON to w.
func NewLineSink(w io.Writer) Sink { return &lineSink{bufio.NewWriterSize(w, 1<<16)} }

func (s *lineSink) Write(_ context.Context, ev *deskpulsev1.Event) error {
	line, err := kpi.MarshalJSON(ev)
	if err != nil {
		return err
	}
	_, err = s.w.Write(append(line, '\n'))
	return err
}

func (s *lineSink) Flush(context.Context) error { return s.w.Flush() }
