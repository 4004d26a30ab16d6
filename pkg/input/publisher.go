package input

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// Defaults of a Publisher.
const (
	DefaultPending    = 4096
	DefaultBatchBytes = 64 << 10
	DefaultGiveUp     = 30 * time.Second
)

// PublisherOptions says how to publish. The zero value sends every event in a message of
// its own to a topology of DefaultPartitions.
type PublisherOptions struct {
	Partitions int           // P of the topology; 0 is DefaultPartitions
	Pending    int           // messages under way at most; 0 is DefaultPending
	Batch      int           // events of one tenant and partition in one message at most; 0 and 1 are single events
	BatchBytes int           // bytes of events in one message, beyond which it is sent; 0 is DefaultBatchBytes
	GiveUp     time.Duration // after which an unacknowledged message counts as failed; 0 is DefaultGiveUp, less is never
}

// Publisher publishes events to their partitions. Safe for concurrent use.
type Publisher struct {
	out  *outbox
	opts PublisherOptions

	mu      sync.Mutex
	dec     kpi.Decoder
	got     got
	take    func(ev *kpi.Event, raw []byte, err error) // p.keep, bound once
	batches map[batchKey]*batch
}

// got is what a Publisher needs to know of an event.
type got struct {
	tenant, id, kind string
	partition        int
	err              error
}

type batchKey struct {
	tenant    string
	partition int
}

// batch is an EventBatch in the making: its encoding, field by field.
type batch struct {
	data   []byte
	events int
}

// NewPublisher returns a Publisher. Counters may be nil.
func NewPublisher(nc *nats.Conn, o PublisherOptions, counters *Counters, log *zap.Logger) (*Publisher, error) {
	if o.Partitions == 0 {
		o.Partitions = DefaultPartitions
	}
	if o.Partitions < 0 || o.Pending < 0 || o.Batch < 0 || o.BatchBytes < 0 {
		return nil, fmt.Errorf("publisher: partitions %d, pending %d, batch %d and batch bytes %d must not be negative", o.Partitions, o.Pending, o.Batch, o.BatchBytes)
	}
	if o.Pending == 0 {
		o.Pending = DefaultPending
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	if o.GiveUp == 0 {
		o.GiveUp = DefaultGiveUp
	}
	if counters == nil {
		counters = new(Counters)
	}
	out, err := newOutbox(nc, o.Pending, max(o.GiveUp, 0), counters, log)
	if err != nil {
		return nil, err
	}
	p := &Publisher{out: out, opts: o, batches: map[batchKey]*batch{}}
	p.take = p.keep
	return p, nil
}

// Publish checks an event and sends it, or puts it into the batch of its partition. It
// waits only while too many messages are unacknowledged. A bad event gives a
// *kpi.FieldError and is not sent; whether a good one arrived, Flush says.
func (p *Publisher) Publish(ctx context.Context, ev *deskpulsev1.Event) error {
	data, err := proto.Marshal(ev)
	if err != nil {
		return fmt.Errorf("event %s: %w", ev.GetId(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dec.Decode(kpi.Envelope{}, data, p.take)
	if p.got.err != nil {
		return p.got.err
	}
	if p.opts.Batch > 1 {
		return p.add(ctx, data)
	}
	return p.out.send(ctx, newMsg(Subject(p.got.partition, p.got.tenant, p.got.kind), p.got.tenant+":"+p.got.id, data))
}

// keep notes what is needed of a decoded event.
func (p *Publisher) keep(ev *kpi.Event, _ []byte, err error) {
	p.got = got{err: err}
	if err != nil {
		return
	}
	p.got = got{
		tenant: strings.Clone(ev.Tenant), id: strings.Clone(ev.ID), kind: ev.Kind.String(),
		partition: kpi.Partition(ev.Tenant, ev.PartitionKey(), p.opts.Partitions),
	}
}

// add puts the event in hand into its batch, and sends the batch when it is full.
func (p *Publisher) add(ctx context.Context, data []byte) error {
	key := batchKey{p.got.tenant, p.got.partition}
	b := p.batches[key]
	if b == nil {
		b = &batch{}
		p.batches[key] = b
	}
	if len(b.data) > 0 && len(b.data)+len(data) > p.opts.BatchBytes {
		if err := p.sendBatch(ctx, key, b); err != nil {
			return err
		}
	}
	b.data = protowire.AppendTag(b.data, 1, protowire.BytesType)
	b.data = protowire.AppendBytes(b.data, data)
	b.events++
	if b.events < p.opts.Batch && len(b.data) < p.opts.BatchBytes {
		return nil
	}
	return p.sendBatch(ctx, key, b)
}

// sendBatch sends a batch under an id that is the same for the same events, so that a
// publisher that starts again from the same place sends no second copy.
func (p *Publisher) sendBatch(ctx context.Context, key batchKey, b *batch) error {
	sum := sha256.Sum256(b.data)
	id := key.tenant + ":batch:" + hex.EncodeToString(sum[:16])
	msg := newMsg(Subject(key.partition, key.tenant, kpi.KindBatch), id, b.data)
	if err := p.out.send(ctx, msg); err != nil {
		return err
	}
	*b = batch{data: make([]byte, 0, len(b.data))}
	return nil
}

// newMsg makes a protobuf message.
func newMsg(subject, id string, data []byte) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		nats.MsgIdHdr: {id},
		contentType:   {typeProtobuf},
	}}
}

// Send sends the batches that are not full, without waiting for acknowledgements. Who
// publishes slowly in batches calls it as often as events may be late.
func (p *Publisher) Send(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, b := range p.batches {
		if b.events == 0 {
			continue
		}
		if err := p.sendBatch(ctx, key, b); err != nil {
			return err
		}
	}
	return nil
}

// Flush sends the batches that are not full and waits until all messages are
// acknowledged. A *PublishError says which were not; the others arrived.
func (p *Publisher) Flush(ctx context.Context) error {
	if err := p.Send(ctx); err != nil {
		return err
	}
	return p.out.flush(ctx)
}

// Close flushes and ends the Publisher.
func (p *Publisher) Close(ctx context.Context) error {
	defer p.out.close()
	return p.Flush(ctx)
}
