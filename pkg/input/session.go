package input

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

const (
	// heartbeat is how often an idle consumer says that it lives, and how far it has
	// delivered; after silenceLimit of them without a word it is made anew.
	heartbeat    = time.Second
	silenceLimit = 3
	// requested is how many messages are asked for ahead, in requests of half as many.
	// Asking bounds what is under way: a reader that is held up asks for no more.
	requested = 2048
	// underWay bounds the bytes that all readers of a connection have asked for: the
	// server breaks a connection off that has 64 MiB to be sent (its default max_pending).
	underWay = 32 << 20
	// requestExpires is how long the server holds a request that it cannot fulfil.
	requestExpires = 30 * time.Second
	// inactive is how long the server keeps a consumer whose reader has gone.
	inactive = 30 * time.Second
	// requestTimeout bounds one question to JetStream.
	requestTimeout = 5 * time.Second
)

// session is one ordered consumer of a Reader: unfiltered, unacknowledged, in the
// server's memory. It is thrown away at the first sign of trouble, and the next one
// begins after the last message that arrived.
//
// It does what the jetstream package's own ordered consumer does, with less work for
// each message, with the broker's word on lost deliveries at the end of a stream, and
// with a look at the stream's identity each time.
type session struct {
	r      *Reader
	sub    *nats.Subscription
	name   string     // of the consumer
	next   string     // subject of requests for messages
	broken chan error // why the session is over; holds one

	blocked   bool          // the callback waits for room; guarded by r.mu
	sequence  uint64        // of the consumer's last delivery; the callback's own
	asked     int           // messages asked for and not yet delivered; the callback's own
	delivered atomic.Uint64 // of the stream's last delivery
	signs     atomic.Uint64 // of life: messages and heartbeats
}

// open starts a session after the Reader's position.
func (r *Reader) open(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	s := &session{r: r, broken: make(chan error, 1)}
	nc := r.js.Conn()
	sub, err := nc.Subscribe(nc.NewInbox(), s.receive)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", r.stream, err)
	}
	s.sub = sub
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// start makes the consumer and, only then, looks whether the stream is the right one: a
// stream that is removed takes its consumers with it, so what this consumer delivers is
// from the stream that was looked at. Nothing is asked for before.
func (s *session) start(ctx context.Context) error {
	r := s.r
	// What is under way is bounded by what was asked for.
	if err := s.sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("stream %s: %w", r.stream, err)
	}
	r.mu.Lock()
	position := r.position
	r.session = s
	r.mu.Unlock()
	s.delivered.Store(position.Sequence)

	consumer, err := r.js.CreateConsumer(ctx, r.stream, consumerConfig(position))
	if err != nil {
		return fmt.Errorf("stream %s: consumer: %w", r.stream, err)
	}
	s.name = consumer.CachedInfo().Name
	stream, err := r.js.Stream(ctx, r.stream)
	if err != nil {
		return fmt.Errorf("stream %s: %w", r.stream, err)
	}
	info := stream.CachedInfo()
	if err := position.check(info); err != nil {
		return err
	}
	if err := s.checkLast(ctx, stream, position); err != nil {
		return err
	}
	r.mu.Lock()
	r.position.Created = info.Created
	r.pending = consumer.CachedInfo().NumPending
	r.mu.Unlock()
	s.next = apiPrefix(r.js) + "CONSUMER.MSG.NEXT." + r.stream + "." + s.name
	return s.ask() // and from now on the callback does
}

// checkLast looks whether the last message read is still the one at its place.
func (s *session) checkLast(ctx context.Context, stream jetstream.Stream, position Position) error {
	if position.Sequence == 0 || position.Stored.IsZero() {
		return nil
	}
	msg, err := stream.GetMsg(ctx, position.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) { // expired since, which is no harm
		return nil
	}
	if err != nil {
		return fmt.Errorf("stream %s: message %d: %w", s.r.stream, position.Sequence, err)
	}
	return position.checkStored(stream.CachedInfo(), msg.Time)
}

func consumerConfig(position Position) jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Description:       "deskpulse reader",
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: inactive,
	}
	if position.Sequence > 0 {
		cfg.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		cfg.OptStartSeq = position.Sequence + 1
	}
	return cfg
}

// apiPrefix returns what the subjects of JetStream's API begin with.
func apiPrefix(js jetstream.JetStream) string {
	o := js.Options()
	switch {
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	default:
		return jetstream.DefaultAPIPrefix
	}
}

// ask requests messages when half of those asked for have come.
func (s *session) ask() error {
	if s.asked > requested/2 {
		return nil
	}
	nc := s.r.js.Conn()
	request := fmt.Appendf(nil, `{"batch":%d,"max_bytes":%d,"expires":%d,"idle_heartbeat":%d}`,
		requested-s.asked, s.r.requestBytes(nc.MaxPayload()), requestExpires.Nanoseconds(), heartbeat.Nanoseconds())
	s.asked = requested
	if err := nc.PublishRequest(s.next, s.sub.Subject, request); err != nil {
		return fmt.Errorf("stream %s: %w", s.r.stream, err)
	}
	return nil
}

// requestBytes is the most that one request may bring; two may be under way. It must
// hold the largest message, with its subject.
func (r *Reader) requestBytes(maxPayload int64) int64 {
	return max(underWay/(2*int64(r.partitions)), maxPayload+4096)
}

// receive runs on the subscription's goroutine, for one message after the other.
func (s *session) receive(m *nats.Msg) {
	s.signs.Add(1)
	d, ok := parseDelivery(m.Reply)
	if !ok {
		s.control(m)
		return
	}
	s.asked--
	s.sequence++
	if d.consumer != s.sequence {
		s.end(fmt.Errorf("delivery %d came instead of %d", d.consumer, s.sequence))
		return
	}
	tenant, kind, _ := splitSubject(m.Subject)
	s.r.put(s, d, Message{
		Tenant: tenant, Kind: kind, Sequence: d.stream, Stored: time.Unix(0, d.stored),
		ID: m.Header.Get(nats.MsgIdHdr), JSON: isJSON(m.Header), Data: m.Data,
	})
	if err := s.ask(); err != nil {
		s.end(err)
	}
}

// put appends a message to the buffer, if need be after waiting for room.
func (r *Reader) put(s *session, d delivery, m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.session == s && (len(r.filling) >= maxBuffered || r.bytes >= maxBufferedBytes) {
		s.blocked = true
		r.room.Wait()
		s.blocked = false
	}
	if r.session != s {
		return
	}
	if expected := r.position.Sequence + 1; d.stream != expected && r.position.Sequence != 0 {
		s.end(r.gap(expected, d.stream))
		return
	}
	m.Partition = r.position.Partition
	r.filling = append(r.filling, m)
	r.bytes += len(m.Data)
	r.position.Sequence, r.position.Stored = m.Sequence, m.Stored
	r.pending = d.pending
	s.delivered.Store(m.Sequence)
	if len(r.filling) == 1 {
		r.signal()
	}
}

// gap is the error for a message that is not the expected one, although the consumer's
// own numbering has no hole: the stream itself has one.
func (r *Reader) gap(expected, found uint64) error {
	e := &PositionError{Stream: r.stream, Position: expected - 1, Reason: ReasonGap, Resume: r.position}
	if found < expected {
		e.Reason, e.Detail, e.Resume.Sequence = ReasonRecreated, fmt.Sprintf("message %d came again", found), 0
	} else {
		e.Detail, e.Resume.Sequence = fmt.Sprintf("messages %d to %d are gone", expected, found-1), found-1
	}
	e.Resume.Stored = time.Time{}
	return e
}

// control handles what is not a message: heartbeats, which say how far the consumer has
// delivered and so uncover a loss at the end of the stream, and the ends of requests.
func (s *session) control(m *nats.Msg) {
	switch status, description := m.Header.Get("Status"), m.Header.Get("Description"); {
	case status == "100":
		last, err := strconv.ParseUint(m.Header.Get("Nats-Last-Consumer"), 10, 64)
		if err == nil && last != s.sequence {
			s.end(fmt.Errorf("delivery %d did not arrive, the last was %d", last, s.sequence))
		}
	case status == "408", status == "409" && fulfilled(description):
		s.r.log.Debug("request ended", zap.String("status", status), zap.String("because", description))
		left, err := strconv.Atoi(m.Header.Get("Nats-Pending-Messages"))
		if err == nil {
			s.asked -= max(0, left)
			err = s.ask()
		}
		if err != nil {
			s.end(fmt.Errorf("request ended with %s %s: %w", status, description, err))
		}
	case status != "":
		s.end(fmt.Errorf("consumer ended: %s %s", status, description))
	}
}

// fulfilled reports whether a request ended as every request does: with its last message,
// or with its bytes used up.
func fulfilled(description string) bool {
	return description == "Batch Completed" || description == "Message Size Exceeds MaxBytes"
}

// end says that the session is over. The first reason counts.
func (s *session) end(err error) {
	select {
	case s.broken <- err:
	default:
	}
}

// wait returns why the session is over: trouble with its messages, a connection that was
// lost and is back, or silence.
func (s *session) wait(ctx context.Context, status <-chan nats.Status) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	seen, silent := s.signs.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.broken:
			return err
		case st := <-status:
			if st == nats.CLOSED {
				return nats.ErrConnectionClosed
			}
			return errors.New("the connection was lost and is back")
		case <-beat.C:
			now := s.signs.Load()
			if now != seen || s.isBlocked() || !s.r.js.Conn().IsConnected() {
				seen, silent = now, 0
			} else if silent++; silent >= silenceLimit {
				return fmt.Errorf("no heartbeat for %s", silenceLimit*heartbeat)
			}
		}
	}
}

func (s *session) isBlocked() bool {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.blocked
}

// close takes the consumer away, or leaves it to the server where that does not work.
func (s *session) close() {
	s.r.mu.Lock()
	if s.r.session == s {
		s.r.session = nil
	}
	s.r.room.Broadcast()
	s.r.mu.Unlock()
	_ = s.sub.Unsubscribe() // fails only where it is gone already
	if s.name == "" || !s.r.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.r.js.DeleteConsumer(ctx, s.r.stream, s.name) // the server does it after inactive
}
