package input

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// The headers of a dead letter, beside Content-Type.
const (
	headerReason   = "Deskpulse-Reason"   // one of kpi.Reasons, or "other"
	headerField    = "Deskpulse-Field"    // the field that was refused
	headerRemedy   = "Deskpulse-Remedy"   // what the publisher should do
	headerError    = "Deskpulse-Error"    // the whole message
	headerSubject  = "Deskpulse-Subject"  // on which it came
	headerStream   = "Deskpulse-Stream"   // from which it was read
	headerSequence = "Deskpulse-Sequence" // its place there
	headerIndex    = "Deskpulse-Index"    // its place in the batch; absent for a whole message
	headerStored   = "Deskpulse-Stored"   // when the broker stored it there, RFC 3339
	headerOrigin   = "Deskpulse-Origin"   // id of the first letter, for one that was retried
	headerRetries  = "Deskpulse-Retries"  // how often it was retried
)

// reasonOther is the reason of an error that is no *kpi.FieldError.
const reasonOther = "other"

// wholeMessage stands in a dead letter's subject where an index would be.
const wholeMessage = "all"

// maxLettersUnderWay bounds the unacknowledged letters, and so how fast a flood of bad
// input passes: at the broker's own pace.
const maxLettersUnderWay = 256

// DeadLetters keeps what was refused, on the stream DESK_DLQ. Safe for concurrent use.
type DeadLetters struct {
	js       jetstream.JetStream
	out      *outbox
	counters *Counters

	mu      sync.Mutex
	created map[int]string // of the partition streams, Unix ms: part of a letter's subject
}

// NewDeadLetters returns the dead letters of a topology that Ensure has made. Counters
// may be nil.
func NewDeadLetters(js jetstream.JetStream, counters *Counters, log *zap.Logger) (*DeadLetters, error) {
	if counters == nil {
		counters = new(Counters)
	}
	// The acknowledgements of letters are not those of events, so they are counted apart;
	// and a letter is never given up.
	out, err := newOutbox(js.Conn(), maxLettersUnderWay, 0, new(Counters), log)
	if err != nil {
		return nil, err
	}
	return &DeadLetters{js: js, out: out, counters: counters, created: map[int]string{}}, nil
}

// Put keeps a message, or one event of it, with the reason for which it was refused. raw
// and index are those that Each was called with. It waits only while too many letters
// are unacknowledged; the same letter twice is one letter.
func (d *DeadLetters) Put(ctx context.Context, m *Message, index int, raw []byte, reason error) error {
	created, err := d.streamCreated(ctx, m.Partition)
	if err != nil {
		return err
	}
	id := StreamName(m.Partition) + ":" + strconv.FormatUint(m.Sequence, 10)
	place := wholeMessage
	header := nats.Header{}
	if m.Kind == kpi.KindBatch && len(raw) != len(m.Data) {
		place = strconv.Itoa(index)
		id += ":" + place
		header.Set(headerIndex, place)
	}
	header.Set(nats.MsgIdHdr, id)
	header.Set(contentType, contentTypeOf(m.JSON))
	header.Set(headerSubject, Subject(m.Partition, m.Tenant, m.Kind))
	header.Set(headerStream, StreamName(m.Partition))
	header.Set(headerSequence, strconv.FormatUint(m.Sequence, 10))
	header.Set(headerStored, m.Stored.UTC().Format(time.RFC3339Nano))
	setReason(header, reason)
	if origin, n, ok := cutRetry(m.ID); ok {
		header.Set(headerOrigin, origin)
		header.Set(headerRetries, strconv.Itoa(n))
	}
	subject := strings.Join([]string{deadLetterPrefix + strconv.Itoa(m.Partition), m.Tenant, m.Kind,
		strconv.FormatUint(m.Sequence, 10), place, created}, ".")
	if err := d.out.send(ctx, &nats.Msg{Subject: subject, Header: header, Data: raw}); err != nil {
		return fmt.Errorf("dead letter %s: %w", id, err)
	}
	d.counters.DeadLetters.Add(1)
	return nil
}

func setReason(header nats.Header, reason error) {
	var field *kpi.FieldError
	if errors.As(reason, &field) {
		header.Set(headerReason, field.Reason)
		header.Set(headerField, oneLine(field.Field))
		header.Set(headerRemedy, oneLine(field.Remedy))
	} else {
		header.Set(headerReason, reasonOther)
	}
	header.Set(headerError, oneLine(reason.Error()))
}

// oneLine keeps a publisher's text from ending a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// streamCreated returns when a partition's stream was created, in Unix ms: sequences
// begin anew with the stream, and a letter of the old one must not hide the new one's.
func (d *DeadLetters) streamCreated(ctx context.Context, partition int) (string, error) {
	d.mu.Lock()
	created, ok := d.created[partition]
	d.mu.Unlock()
	if ok {
		return created, nil
	}
	stream, err := d.js.Stream(ctx, StreamName(partition))
	if err != nil {
		return "", fmt.Errorf("dead letter: stream %s: %w", StreamName(partition), err)
	}
	created = strconv.FormatInt(stream.CachedInfo().Created.UnixMilli(), 10)
	d.mu.Lock()
	d.created[partition] = created
	d.mu.Unlock()
	return created, nil
}

// Flush waits until every letter is acknowledged: before a checkpoint counts what was
// refused as done.
func (d *DeadLetters) Flush(ctx context.Context) error {
	if err := d.out.flush(ctx); err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	return nil
}

// Close ends the dead letters without waiting; call Flush before.
func (d *DeadLetters) Close() { d.out.close() }

// retryMark stands between the first letter's id and the number of the retry.
const retryMark = ":retry:"

// cutRetry takes the Msg-Id of a retried message apart.
func cutRetry(id string) (origin string, n int, ok bool) {
	origin, count, ok := strings.Cut(id, retryMark)
	if !ok {
		return "", 0, false
	}
	n, err := strconv.Atoi(count)
	return origin, n, err == nil && n > 0
}
