package input

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// What waits for Fetch at most; beyond it the server holds back.
const (
	maxBuffered      = 4096    // messages
	maxBufferedBytes = 4 << 20 // of payload
)

// ErrClosed is returned by Fetch after Close.
var ErrClosed = errors.New("reader is closed")

// Reader reads one partition's stream.
//
// The subscription's goroutine fills one buffer while the caller of Fetch works through
// the other; a third goroutine sleeps until the consumer has to be made anew.
type Reader struct {
	js       jetstream.JetStream
	log      *zap.Logger
	counters *Counters
	stream   string

	partitions int
	stop       context.CancelFunc
	done       chan struct{} // closed when the third goroutine has ended

	mu       sync.Mutex
	room     sync.Cond // the buffer was taken, or the session ended
	arrived  chan struct{}
	filling  []Message
	bytes    int      // payload in filling
	position Position // of the last message that went into filling
	pending  uint64   // messages in the stream after it
	session  *session // the consumer in use; messages of any other are ignored
	err      error    // why nothing comes any more

	// Owned by the caller of Fetch.
	taken []Message
	rest  []Message // of taken, not yet handed out
	last  Position  // of the last message handed out
	timer *time.Timer
}

// Open returns a Reader that continues after the position. It fails where the stream
// cannot continue there. Counters may be nil.
func Open(ctx context.Context, js jetstream.JetStream, from Position, counters *Counters, log *zap.Logger) (*Reader, error) {
	if from.Partitions == 0 {
		from.Partitions = DefaultPartitions
	}
	if err := checkPartition(from.Partition, from.Partitions); err != nil {
		return nil, err
	}
	if counters == nil {
		counters = new(Counters)
	}
	r := &Reader{
		js: js, counters: counters, stream: StreamName(from.Partition),
		log:     log.With(zap.Int("partition", from.Partition)),
		done:    make(chan struct{}),
		arrived: make(chan struct{}, 1),
		timer:   time.NewTimer(time.Hour),

		position: from, last: from, partitions: from.Partitions,
	}
	r.room.L = &r.mu
	s, err := r.open(ctx)
	if err != nil {
		r.timer.Stop()
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = r.missing()
		}
		return nil, err
	}
	r.last.Created = r.position.Created
	runCtx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.run(runCtx, s)
	return r, nil
}

// Fetch returns the messages that are there, up to limit, in the order of the stream. If
// there are none it waits for the first, at most for the given time, and then returns
// none and no error. The slice is valid until the next Fetch.
//
// After the last message that could be read, a *PositionError says why no more follow.
func (r *Reader) Fetch(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	if len(r.rest) == 0 {
		if err := r.take(ctx, wait); err != nil {
			return nil, err
		}
	}
	n := min(limit, len(r.rest))
	out := r.rest[:n]
	r.rest = r.rest[n:]
	if n > 0 {
		r.last.Sequence, r.last.Stored = out[n-1].Sequence, out[n-1].Stored
		r.counters.Messages.Add(uint64(n))
		size := 0
		for i := range out {
			size += len(out[i].Data)
		}
		r.counters.Bytes.Add(uint64(size))
	}
	return out, nil
}

// take swaps the buffers, if need be after waiting for a message.
func (r *Reader) take(ctx context.Context, wait time.Duration) error {
	if ok, err := r.swap(); ok || err != nil || wait <= 0 {
		return err
	}
	r.timer.Reset(wait)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.timer.C:
			_, err := r.swap()
			return err
		case <-r.arrived:
			if ok, err := r.swap(); ok || err != nil {
				return err
			}
		}
	}
}

// swap hands the filled buffer to the caller of Fetch and the used one back.
func (r *Reader) swap() (ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.filling) == 0 {
		return false, r.err
	}
	r.taken, r.filling = r.filling, r.taken[:0]
	r.rest, r.bytes = r.taken, 0
	r.room.Broadcast()
	return true, nil
}

// Position returns the position of the last message that Fetch handed out: what a
// checkpoint of a state with all these messages must hold.
func (r *Reader) Position() Position { return r.last }

// Lag returns how many messages the stream holds beyond those that Fetch handed out, as
// far as the broker has told.
func (r *Reader) Lag() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending + uint64(len(r.filling)) + uint64(len(r.rest))
}

// Close ends the reading. Messages that Fetch has not handed out stay in the stream.
func (r *Reader) Close() {
	r.fail(ErrClosed)
	r.stop()
	<-r.done
	r.timer.Stop()
}

// fail records why nothing comes any more and wakes everyone.
func (r *Reader) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.session = nil
	r.room.Broadcast()
	r.mu.Unlock()
	r.signal()
}

// signal wakes Fetch. One signal waiting is as good as many.
func (r *Reader) signal() {
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

// missing is the error for a stream that is not there.
func (r *Reader) missing() error {
	return &PositionError{
		Stream: r.stream, Position: r.position.Sequence, Reason: ReasonMissing,
		Detail: "the stream does not exist",
		Resume: Position{Partition: r.position.Partition, Partitions: r.position.Partitions},
	}
}

// run keeps a consumer on the stream until the Reader is closed or cannot go on.
func (r *Reader) run(ctx context.Context, s *session) {
	defer close(r.done)
	status := r.js.Conn().StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer r.js.Conn().RemoveStatusListener(status)
	for {
		err := s.wait(ctx, status)
		s.close()
		if ctx.Err() != nil {
			return
		}
		if isPosition(err) {
			r.fail(err)
			return
		}
		r.counters.Reopened.Add(1)
		r.log.Info("reading anew", zap.Uint64("after", s.delivered.Load()), zap.String("because", err.Error()))
		if s, err = r.reopen(ctx, status); err != nil {
			r.fail(err)
			return
		}
	}
}

// Waits between attempts to make a consumer, and how often a stream must be found
// missing, by a server that may still be recovering, to be believed gone.
const (
	reopenWait    = 250 * time.Millisecond
	reopenWaitMax = 5 * time.Second
	missingLimit  = 8
)

// reopen makes a consumer anew until that works, or cannot any more.
func (r *Reader) reopen(ctx context.Context, status <-chan nats.Status) (*session, error) {
	missing, logged := 0, false
	for wait := reopenWait; ; wait = min(2*wait, reopenWaitMax) {
		s, err := r.open(ctx)
		switch {
		case err == nil:
			return s, nil
		case isPosition(err) || ctx.Err() != nil:
			return nil, err
		case r.js.Conn().IsClosed():
			return nil, fmt.Errorf("stream %s: %w", r.stream, nats.ErrConnectionClosed)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			if missing++; missing >= missingLimit {
				return nil, r.missing()
			}
			wait = reopenWait
		}
		if !logged {
			logged = true
			r.log.Warn("stream does not answer; trying again until it does", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-status:
		case <-time.After(wait):
		}
	}
}

// isPosition reports whether trying again cannot help.
func isPosition(err error) bool {
	var p *PositionError
	return errors.As(err, &p)
}
