package output

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Subjects of live totals, in core NATS.
const (
	liveSubject = "desklive."
	askSubject  = "desklive.ask"
)

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

// Publisher publishes the totals of one partition. It belongs to the goroutine that owns
// the partition.
type Publisher struct {
	nc      *nats.Conn
	asks    *Asks  // nil: nobody asks
	largest int    // bytes; 0: as the connection says
	number  uint64 // of the latest message
	full    bool   // a full set has gone out, and everything since
	seen    uint64 // reasons to send everything, when it was last asked whether there are any,
	met     uint64 // and when everything was last sent
	buffer  []byte
}

// NewPublisher returns a Publisher that has sent nothing.
func NewPublisher(nc *nats.Conn, asks *Asks) *Publisher { return &Publisher{nc: nc, asks: asks} }

// NeedsFull says that the next set should be full: it is the first, or a board has asked,
// or after a reconnection or an error nobody knows what has arrived. A set of changes is
// not lost on those who need none.
func (p *Publisher) NeedsFull() bool {
	p.seen = p.nc.Stats().Reconnects
	if p.asks != nil {
		p.seen += p.asks.count.Load()
	}
	return !p.full || p.seen != p.met
}

// Publish sends a set, in pieces where it is larger than a message may be, and gives it
// its Number, and More. A set without any totals is a sign of life. It keeps nothing.
func (p *Publisher) Publish(set *kpi.TotalsSet) error {
	if err := p.send(set); err != nil {
		p.full = false
		return err
	}
	if set.Full {
		p.full, p.met = true, p.seen
	}
	return nil
}

// send publishes a set, halved until its pieces fit into a message. Of a full set only
// the first piece is full: the others add to it.
func (p *Publisher) send(set *kpi.TotalsSet) error {
	largest := p.largest
	if largest == 0 {
		largest = int(p.nc.MaxPayload())
	}
	set.Number = p.number + 1
	p.buffer = kpi.EncodeTotalsSet(p.buffer[:0], set)
	if len(p.buffer) <= largest {
		p.number++ // also where it fails, so that the gap is seen
		subject := liveSubject + strconv.Itoa(int(set.Partition))
		if err := p.nc.Publish(subject, p.buffer); err != nil {
			return fmt.Errorf("publish to %s: %w", subject, err)
		}
		return nil
	}
	if len(set.Totals) < 2 {
		return fmt.Errorf("partition %d: totals of %d bytes are larger than a message may be (%d): raise the server's max_payload", set.Partition, len(p.buffer), largest)
	}
	half := len(set.Totals) / 2
	first, second := *set, *set
	first.Totals, first.More = set.Totals[:half], true
	second.Totals, second.Full = set.Totals[half:], false
	if err := p.send(&first); err != nil {
		return err
	}
	return p.send(&second)
}

// pendingSets is how many messages may wait; more are lost, until the next full sets.
const pendingSets = 4096

// Subscribe hands over what the workers publish, on the caller's goroutine, until ctx
// ends. It asks for full sets at once and after each reconnection. What cannot be read
// comes as an error, and the next set as usual.
func Subscribe(ctx context.Context, nc *nats.Conn, each func(*kpi.TotalsSet, error)) error {
	messages := make(chan *nats.Msg, pendingSets)
	sub, err := nc.ChanSubscribe(liveSubject+"*", messages)
	if err != nil {
		return fmt.Errorf("subscribe to live totals: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // it fails only where the connection is gone
	connected := nc.StatusChanged(nats.CONNECTED)
	defer nc.RemoveStatusListener(connected)
	if err := Ask(nc); err != nil {
		return fmt.Errorf("ask for live totals: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			if err := Ask(nc); err != nil {
				return fmt.Errorf("ask for live totals: %w", err)
			}
		case m := <-messages:
			if m.Subject != askSubject {
				receive(m, each)
			}
		}
	}
}

func receive(m *nats.Msg, each func(*kpi.TotalsSet, error)) {
	set, err := kpi.DecodeTotalsSet(m.Data)
	if err == nil && strings.TrimPrefix(m.Subject, liveSubject) != strconv.Itoa(int(set.Partition)) {
		err = fmt.Errorf("partition %d does not belong to the subject: publish it to %s%[1]d", set.Partition, liveSubject)
	}
	if err != nil {
		each(nil, fmt.Errorf("live totals on %s: %w", m.Subject, err))
		return
	}
	each(set, nil)
}
