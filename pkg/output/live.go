package output

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Subjects of live readings, in core NATS.
const (
	liveSubject = "desklive."
	askSubject  = "desklive.ask"
)

// FullEvery is how long a board can be wrong after it has lost a message.
const FullEvery = 10 * time.Second

// Ask asks all workers for full sets.
func Ask(nc *nats.Conn) error { return nc.Publish(askSubject, nil) }

// Asks counts how often boards have asked. One serves all Publishers of a process.
type Asks struct {
	count        atomic.Uint64
	subscription *nats.Subscription
}

// ListenAsks begins to count.
func ListenAsks(nc *nats.Conn) (*Asks, error) {
	a := &Asks{}
	sub, err := nc.Subscribe(askSubject, func(*nats.Msg) { a.count.Add(1) })
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", askSubject, err)
	}
	a.subscription = sub
	return a, nil
}

// Close stops counting.
func (a *Asks) Close() error { return a.subscription.Unsubscribe() }

// Publisher publishes the readings of one partition. It belongs to the goroutine that
// owns the partition.
type Publisher struct {
	nc      *nats.Conn
	asks    *Asks // nil: nobody asks
	largest int   // bytes; 0: as the connection says
	asked   uint64
	fullAt  time.Time
	sent    []kpi.Reading      // as last published
	index   map[readingKey]int // into sent
	buffer  []byte
}

// NewPublisher returns a Publisher that has sent nothing.
func NewPublisher(nc *nats.Conn, asks *Asks) *Publisher { return &Publisher{nc: nc, asks: asks} }

// Publish sends what has changed in set since the last call; everything at first, when
// a board has asked, after a reconnection or an error, and every FullEvery. set holds all readings of the
// partition; Publish sets its Full and keeps nothing of it. now may be any clock that
// goes forward.
func (p *Publisher) Publish(set *kpi.ReadingSet, now time.Time) error {
	asked := p.askedFor()
	set.Full = p.index == nil || asked != p.asked || now.Sub(p.fullAt) >= FullEvery
	out := *set
	if !set.Full {
		out.Readings = p.changes(set.Readings)
	}
	if err := p.send(&out); err != nil {
		p.index = nil // who knows what has arrived: all of it next time
		return err
	}
	if set.Full {
		p.asked, p.fullAt = asked, now
	}
	p.remember(set.Readings)
	return nil
}

// askedFor rises with each reason to send everything.
func (p *Publisher) askedFor() uint64 {
	n := p.nc.Stats().Reconnects
	if p.asks != nil {
		n += p.asks.count.Load()
	}
	return n
}

// changes are the readings that differ from those sent, and an empty one for each that
// is no longer there.
func (p *Publisher) changes(readings []kpi.Reading) (out []kpi.Reading) {
	found := 0
	for i := range readings {
		r := &readings[i]
		was := p.lookup(r, i)
		if was != nil {
			found++
		}
		if was == nil || !equalTerms(was.Terms, r.Terms) {
			out = append(out, *r)
		}
	}
	if found == len(p.sent) {
		return out
	}
	there := make(map[readingKey]bool, len(readings))
	for i := range readings {
		there[keyOf(&readings[i])] = true
	}
	for _, was := range p.sent {
		if !there[keyOf(&was)] {
			was.Terms = make([]window.Vector, len(was.Terms))
			out = append(out, was)
		}
	}
	return out
}

// lookup finds what was sent for r, usually at the same place as last time.
func (p *Publisher) lookup(r *kpi.Reading, place int) *kpi.Reading {
	if place < len(p.sent) {
		was := &p.sent[place]
		if was.KPI == r.KPI && was.Window == r.Window && was.Tenant == r.Tenant && was.Group == r.Group {
			return was
		}
	}
	if i, ok := p.index[keyOf(r)]; ok {
		return &p.sent[i]
	}
	return nil
}

func equalTerms(a, b []window.Vector) bool {
	return slices.EqualFunc(a, b, slices.Equal[window.Vector])
}

// remember copies readings; the copies of what has not changed are kept.
func (p *Publisher) remember(readings []kpi.Reading) {
	sent := make([]kpi.Reading, len(readings))
	moved := p.index == nil || len(readings) != len(p.sent)
	for i := range readings {
		r := readings[i]
		was := p.lookup(&r, i)
		moved = moved || was != &p.sent[i]
		if was != nil && equalTerms(was.Terms, r.Terms) {
			sent[i] = *was
			continue
		}
		r.Terms = slices.Clone(r.Terms)
		for j := range r.Terms {
			r.Terms[j] = r.Terms[j].Clone()
		}
		sent[i] = r
	}
	p.sent = sent
	if !moved {
		return
	}
	p.index = make(map[readingKey]int, len(sent))
	for i := range sent {
		p.index[keyOf(&sent[i])] = i
	}
}

// send publishes a set, halved until its pieces fit into a message. Of a full set only
// the first piece is full: the others add to it.
func (p *Publisher) send(set *kpi.ReadingSet) error {
	largest := p.largest
	if largest == 0 {
		largest = int(p.nc.MaxPayload())
	}
	p.buffer = kpi.EncodeReadingSet(p.buffer[:0], set)
	if len(p.buffer) <= largest {
		subject := liveSubject + strconv.Itoa(int(set.Partition))
		if err := p.nc.Publish(subject, p.buffer); err != nil {
			return fmt.Errorf("publish to %s: %w", subject, err)
		}
		return nil
	}
	if len(set.Readings) < 2 {
		return fmt.Errorf("partition %d: a reading of %d bytes is larger than a message may be (%d): raise the server's max_payload", set.Partition, len(p.buffer), largest)
	}
	half := len(set.Readings) / 2
	first, second := *set, *set
	first.Readings, second.Readings, second.Full = set.Readings[:half], set.Readings[half:], false
	return errors.Join(p.send(&first), p.send(&second))
}

// pendingSets is how many messages may wait; more are lost, until the next full sets.
const pendingSets = 4096

// Subscribe hands over what the workers publish, on the caller's goroutine, until ctx
// ends. It asks for full sets at once and after each reconnection. What cannot be read
// comes as an error, and the next set as usual.
func Subscribe(ctx context.Context, nc *nats.Conn, each func(*kpi.ReadingSet, error)) error {
	messages := make(chan *nats.Msg, pendingSets)
	sub, err := nc.ChanSubscribe(liveSubject+"*", messages)
	if err != nil {
		return fmt.Errorf("subscribe to live readings: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // it fails only where the connection is gone
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)
	if err := Ask(nc); err != nil {
		return fmt.Errorf("ask for live readings: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			if err := Ask(nc); err != nil {
				return fmt.Errorf("ask for live readings: %w", err)
			}
		case m := <-messages:
			if m.Subject != askSubject {
				receive(m, each)
			}
		}
	}
}

func receive(m *nats.Msg, each func(*kpi.ReadingSet, error)) {
	set, err := kpi.DecodeReadingSet(m.Data)
	if err == nil && strings.TrimPrefix(m.Subject, liveSubject) != strconv.Itoa(int(set.Partition)) {
		err = fmt.Errorf("partition %d does not belong to the subject: publish it to %s%[1]d", set.Partition, liveSubject)
	}
	if err != nil {
		each(nil, fmt.Errorf("live readings on %s: %w", m.Subject, err))
		return
	}
	each(set, nil)
}
