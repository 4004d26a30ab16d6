package input

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

const (
	// ackTimeout is how long an acknowledgement may take before the message is sent
	// again; its Msg-Id makes a second copy harmless.
	ackTimeout = 5 * time.Second
	// sweepEvery is how often unacknowledged messages are looked through.
	sweepEvery = 250 * time.Millisecond
	// errPerSubject is JetStream's code for a message that a stream has no place for.
	errPerSubject = 10077
	// maxFailures is how many failures are remembered in full.
	maxFailures = 20
)

// Failure is a message that could not be published.
type Failure struct {
	Subject string
	MsgID   string
	Err     error
}

// outbox publishes to JetStream without waiting for each acknowledgement: at most size
// messages are under way, and each is sent again until it is acknowledged, refused for
// good, or older than giveUp. Safe for concurrent use.
type outbox struct {
	nc       *nats.Conn
	log      *zap.Logger
	counters *Counters
	giveUp   time.Duration // 0 is never
	sub      *nats.Subscription
	prefix   string        // of the reply subjects
	free     chan int      // slots that hold no message
	stop     chan struct{} // closed by close
	stopped  chan struct{} // closed when sweep has ended

	mu       sync.Mutex
	slots    []flight
	busy     int
	idle     chan struct{} // closed when busy falls to 0; nil while nobody waits
	closed   bool
	failed   uint64
	failures []Failure
	warned   bool // that messages are being sent again
}

// flight is one message under way.
type flight struct {
	msg   *nats.Msg // nil where the slot is free
	turn  uint64    // tells this use of the slot from earlier ones
	first time.Time // when it was first sent
	again time.Time // when it is to be sent again
	last  string    // why it was not accepted so far
}

func newOutbox(nc *nats.Conn, size int, giveUp time.Duration, counters *Counters, log *zap.Logger) (*outbox, error) {
	o := &outbox{
		nc: nc, log: log, counters: counters, giveUp: giveUp,
		prefix: nc.NewInbox() + ".", free: make(chan int, size), slots: make([]flight, size),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	for i := range size {
		o.free <- i
	}
	sub, err := nc.Subscribe(o.prefix+"*.*", o.answer)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // bounded by size
		return nil, fmt.Errorf("publish: %w", err)
	}
	o.sub = sub
	go o.sweep()
	return o, nil
}

// send publishes a message, after waiting for a slot.
func (o *outbox) send(ctx context.Context, msg *nats.Msg) error {
	var slot int
	select {
	case slot = <-o.free:
	default:
		select {
		case slot = <-o.free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	now := time.Now()
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		o.free <- slot
		return fmt.Errorf("publish to %s: %w", msg.Subject, nats.ErrConnectionClosed)
	}
	f := &o.slots[slot]
	f.turn++
	f.msg, f.first, f.again, f.last = msg, now, now.Add(ackTimeout), "no acknowledgement"
	msg.Reply = o.prefix + strconv.Itoa(slot) + "." + strconv.FormatUint(f.turn, 10)
	o.busy++
	o.mu.Unlock()
	o.put(msg)
	return nil
}

// put hands a message to the connection. A refusal is not final: sweep sends it again.
func (o *outbox) put(msg *nats.Msg) {
	if err := o.nc.PublishMsg(msg); err != nil {
		o.log.Debug("publish", zap.String("subject", msg.Subject), zap.Error(err))
	}
}

// answer handles the acknowledgement, or refusal, of one message.
func (o *outbox) answer(m *nats.Msg) {
	slotText, turnText, _ := strings.Cut(m.Subject[len(o.prefix):], ".")
	slot, err1 := strconv.Atoi(slotText)
	turn, err2 := strconv.ParseUint(turnText, 10, 64)
	if err1 != nil || err2 != nil || slot >= len(o.slots) {
		return
	}
	duplicate, refusal, final := readAck(m)
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &o.slots[slot]
	switch {
	case f.msg == nil || f.turn != turn: // acknowledged twice
	case refusal == nil:
		o.counters.Published.Add(1)
		if duplicate {
			o.counters.Duplicates.Add(1)
		}
		o.release(slot)
	case final:
		o.drop(slot, refusal)
	default:
		f.last, f.again = refusal.Error(), time.Now().Add(sweepEvery)
	}
}

// readAck reads JetStream's answer. final says that sending again cannot help.
func readAck(m *nats.Msg) (duplicate bool, refusal error, final bool) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return false, fmt.Errorf("no stream takes %s", m.Subject), false
	}
	if bytes.HasPrefix(m.Data, []byte(`{"stream":`)) && !bytes.Contains(m.Data, []byte(`"error"`)) {
		return bytes.Contains(m.Data, []byte(`"duplicate"`)), nil, false // written only where true
	}
	var ack struct {
		Error *struct {
			Code        int    `json:"code"`
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
		Stream    string `json:"stream"`
		Duplicate bool   `json:"duplicate"`
	}
	switch err := json.Unmarshal(m.Data, &ack); {
	case err != nil:
		return false, fmt.Errorf("answer is no acknowledgement: %w", err), false
	case ack.Error != nil && ack.Error.ErrCode == errPerSubject && strings.Contains(ack.Error.Description, "per subject"):
		return true, nil, false
	case ack.Error != nil:
		return false, fmt.Errorf("refused with %d: %s", ack.Error.Code, ack.Error.Description), ack.Error.Code < 500
	default:
		return ack.Duplicate, nil, false
	}
}

// release frees a slot. The caller holds o.mu.
func (o *outbox) release(slot int) {
	o.slots[slot].msg = nil
	o.busy--
	if o.busy == 0 && o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
	o.free <- slot // never blocks: there is room for every slot
}

// drop gives a message up. The caller holds o.mu.
func (o *outbox) drop(slot int, err error) {
	msg := o.slots[slot].msg
	o.failed++
	o.counters.Failed.Add(1)
	if len(o.failures) < maxFailures {
		o.failures = append(o.failures, Failure{Subject: msg.Subject, MsgID: msg.Header.Get(nats.MsgIdHdr), Err: err})
	}
	o.release(slot)
}

// sweep sends again what was not acknowledged in time.
func (o *outbox) sweep() {
	defer close(o.stopped)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-o.stop:
			return
		case now := <-tick.C:
			for _, msg := range o.due(now) {
				o.put(msg)
			}
		}
	}
}

// due collects the messages to be sent again and gives up those that are too old.
func (o *outbox) due(now time.Time) []*nats.Msg {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []*nats.Msg
	for i := range o.slots {
		f := &o.slots[i]
		switch {
		case f.msg == nil || now.Before(f.again):
		case o.giveUp > 0 && now.Sub(f.first) >= o.giveUp:
			o.drop(i, fmt.Errorf("given up after %s: %s", o.giveUp, f.last))
		default:
			f.again = now.Add(ackTimeout)
			out = append(out, f.msg)
			o.counters.Retried.Add(1)
			if !o.warned {
				o.warned = true
				o.log.Warn("messages are not acknowledged; sending them again", zap.String("subject", f.msg.Subject), zap.String("because", f.last))
			}
		}
	}
	return out
}

// flush waits until nothing is under way, and reports what failed since the last flush.
func (o *outbox) flush(ctx context.Context) error {
	for {
		o.mu.Lock()
		if o.busy == 0 {
			err := o.report()
			o.mu.Unlock()
			return err
		}
		if o.idle == nil {
			o.idle = make(chan struct{})
		}
		idle, busy := o.idle, o.busy
		o.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return fmt.Errorf("%d messages are not acknowledged: %w", busy, ctx.Err())
		}
	}
}

// report makes an error of the failures and forgets them. The caller holds o.mu.
func (o *outbox) report() error {
	if o.failed == 0 {
		return nil
	}
	err := &PublishError{Count: o.failed, Failures: o.failures}
	o.failed, o.failures = 0, nil
	return err
}

// PublishError says which messages could not be published.
type PublishError struct {
	Count    uint64
	Failures []Failure // the first of them
}

func (e *PublishError) Error() string {
	f := e.Failures[0]
	if e.Count == 1 {
		return fmt.Sprintf("message %s was not published to %s: %v", f.MsgID, f.Subject, f.Err)
	}
	return fmt.Sprintf("%d messages were not published; the first, %s to %s: %v", e.Count, f.MsgID, f.Subject, f.Err)
}

// close stops the outbox; what is under way is no longer looked after.
func (o *outbox) close() {
	o.mu.Lock()
	closed := o.closed
	o.closed = true
	o.mu.Unlock()
	if closed {
		return
	}
	close(o.stop)
	<-o.stopped
	_ = o.sub.Unsubscribe() // fails only where the connection is closed
}
