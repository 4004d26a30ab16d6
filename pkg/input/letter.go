package input

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Letter is one dead letter.
type Letter struct {
	ID        string // "DESK_3:815", or "DESK_3:815:2" for an event of a batch
	Origin    string // ID of the first letter, where this one was retried; else ID
	Retries   int    // how often it was retried
	Tenant    string
	Kind      string // of the subject on which it came
	Partition int
	Sequence  uint64
	Index     int // in its batch; −1 for a whole message
	Reason    string
	Field     string
	Remedy    string
	Error     string
	Subject   string    // on which it came
	Stored    time.Time // when the broker stored it
	Refused   time.Time // when it was put on the dead-letter stream
	JSON      bool
	Size      int    // of the original in bytes
	Data      []byte // the original; nil in a list

	sequence uint64 // in the dead-letter stream
}

// Filter chooses dead letters. The zero value is all.
type Filter struct {
	Tenant string
	Reason string
	Limit  int // 0 is none
}

// List calls each for the letters that the filter chooses, oldest first, without their
// Data, until it returns an error.
func List(ctx context.Context, js jetstream.JetStream, f Filter, each func(*Letter) error) error {
	tenant := f.Tenant
	if tenant == "" {
		tenant = "*"
	}
	consumer, err := js.CreateConsumer(ctx, DeadLetterStream, jetstream.ConsumerConfig{
		Description: "deskpulse dlq list", AckPolicy: jetstream.AckNonePolicy, HeadersOnly: true,
		FilterSubject: deadLetterPrefix + "*." + tenant + ".>", InactiveThreshold: inactive, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return lettersError(err)
	}
	defer func() { _ = js.DeleteConsumer(ctx, DeadLetterStream, consumer.CachedInfo().Name) }() // else the server does it
	chosen := 0
	for left := int(consumer.CachedInfo().NumPending); left > 0; {
		batch, err := consumer.Fetch(min(left, 500), jetstream.FetchContext(ctx))
		if err != nil {
			return lettersError(err)
		}
		got := 0
		for msg := range batch.Messages() {
			got++
			letter, err := readLetter(msg)
			if err != nil {
				return err
			}
			if f.Reason != "" && letter.Reason != f.Reason {
				continue
			}
			if err := each(letter); err != nil {
				return err
			}
			if chosen++; f.Limit > 0 && chosen >= f.Limit {
				return nil
			}
		}
		if err := batch.Error(); err != nil {
			return lettersError(err)
		}
		if got == 0 { // expired meanwhile
			return nil
		}
		left -= got
	}
	return nil
}

func lettersError(err error) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("stream %s does not exist: start deskpulse run or deskpulse worker once, or check the NATS account", DeadLetterStream)
	}
	return fmt.Errorf("stream %s: %w", DeadLetterStream, err)
}

// readLetter reads what List is sent: the headers.
func readLetter(msg jetstream.Msg) (*Letter, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, lettersError(err)
	}
	l, err := parseLetter(msg.Subject(), msg.Headers())
	if err != nil {
		return nil, err
	}
	l.Refused, l.sequence = meta.Timestamp, meta.Sequence.Stream
	l.Size, _ = strconv.Atoi(msg.Headers().Get("Nats-Msg-Size"))
	return l, nil
}

// parseLetter reads subject and headers.
func parseLetter(subject string, h nats.Header) (*Letter, error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 7 {
		return nil, fmt.Errorf("stream %s: subject %s is no dead letter's: remove the message", DeadLetterStream, subject)
	}
	l := &Letter{
		ID: h.Get(nats.MsgIdHdr), Origin: h.Get(headerOrigin), Tenant: tokens[2], Kind: tokens[3], Index: -1,
		Reason: h.Get(headerReason), Field: h.Get(headerField), Remedy: h.Get(headerRemedy), Error: h.Get(headerError),
		Subject: h.Get(headerSubject), JSON: isJSON(h),
	}
	if l.Origin == "" {
		l.Origin = l.ID
	}
	l.Partition, _ = strconv.Atoi(tokens[1])
	l.Sequence, _ = strconv.ParseUint(tokens[4], 10, 64)
	if tokens[5] != wholeMessage {
		l.Index, _ = strconv.Atoi(tokens[5])
	}
	l.Retries, _ = strconv.Atoi(h.Get(headerRetries))
	l.Stored, _ = time.Parse(time.RFC3339Nano, h.Get(headerStored))
	return l, nil
}

// Show returns one letter with its Data.
func Show(ctx context.Context, js jetstream.JetStream, id string) (*Letter, error) {
	subject, err := letterSubject(id)
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, DeadLetterStream)
	if err != nil {
		return nil, lettersError(err)
	}
	msg, err := stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("dead letter %q does not exist: see deskpulse dlq list", id)
	}
	if err != nil {
		return nil, lettersError(err)
	}
	l, err := parseLetter(msg.Subject, msg.Header)
	if err != nil {
		return nil, err
	}
	l.Data, l.Size, l.Refused, l.sequence = msg.Data, len(msg.Data), msg.Time, msg.Sequence
	return l, nil
}

// letterSubject turns an id into the subject of its letter, whoever's it is.
func letterSubject(id string) (string, error) {
	tokens := strings.Split(strings.TrimPrefix(id, "DESK_"), ":")
	ok := len(tokens) == 2 || len(tokens) == 3
	for _, token := range tokens {
		_, err := strconv.ParseUint(token, 10, 64)
		ok = ok && err == nil
	}
	if !ok {
		return "", fmt.Errorf("dead letter id %q is not valid: use one from deskpulse dlq list, as in DESK_3:815", id)
	}
	place := wholeMessage
	if len(tokens) == 3 {
		place = tokens[2]
	}
	return deadLetterPrefix + tokens[0] + ".*.*." + tokens[1] + "." + place + ".*", nil
}

// Retry publishes a letter's original bytes again, to the subject where they belong, and
// removes the letter when that is acknowledged. A letter for which the reason still
// holds stays, and the error says why: it would only come back.
func Retry(ctx context.Context, js jetstream.JetStream, id string, partitions int) error {
	l, err := Show(ctx, js, id)
	if err != nil {
		return err
	}
	subject, err := l.target(partitions)
	if err != nil {
		return fmt.Errorf("dead letter %s would be refused again: %w", id, err)
	}
	_, err = js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: l.Data, Header: nats.Header{
		nats.MsgIdHdr: {l.Origin + retryMark + strconv.Itoa(l.Retries+1)},
		contentType:   {contentTypeOf(l.JSON)},
	}})
	if err != nil {
		return fmt.Errorf("dead letter %s: publish to %s: %w", id, subject, err)
	}
	stream, err := js.Stream(ctx, DeadLetterStream)
	if err != nil {
		return lettersError(err)
	}
	if err := stream.DeleteMsg(ctx, l.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("dead letter %s was published again but not removed: %w", id, err)
	}
	return nil
}

// target decodes a letter again and returns the subject for it. The tenant stays the one
// of its subject, for which its publisher had the permission.
func (l *Letter) target(partitions int) (string, error) {
	if l.Index < 0 && l.Kind == kpi.KindBatch {
		return l.batchTarget(partitions)
	}
	var dec kpi.Decoder
	var subject string
	var refused error
	dec.Decode(kpi.Envelope{Tenant: l.Tenant, JSON: l.JSON}, l.Data, func(ev *kpi.Event, _ []byte, err error) {
		if err != nil {
			refused = err
			return
		}
		subject = Subject(kpi.Partition(ev.Tenant, ev.PartitionKey(), partitions), l.Tenant, ev.Kind.String())
	})
	return subject, refused
}

// batchTarget lets a batch that was refused as a whole go back to where it came from.
func (l *Letter) batchTarget(partitions int) (string, error) {
	var refused error
	dec := NewDecoder(partitions, nil, func(_ *Message, _ int, _ *kpi.Event, _ []byte, err error) {
		if refused == nil {
			refused = err
		}
	})
	dec.Decode(&Message{Tenant: l.Tenant, Kind: l.Kind, Partition: l.Partition, JSON: l.JSON, Data: l.Data})
	return Subject(l.Partition, l.Tenant, l.Kind), refused
}
