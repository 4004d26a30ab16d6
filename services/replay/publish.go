package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// publishing are the flags of a replay to NATS.
type publishing struct {
	Speed      Speed  `default:"max" help:"How fast: max, or a factor of the events' own pace (1 is as it was, 60 an hour in a minute)."`
	ShiftToNow bool   `help:"Move all times alike, so that the last event happens now."`
	Batch      int    `default:"256" help:"Events of one partition in one message at most; 1 sends each by itself."`
	Creds      string `type:"existingfile" placeholder:"FILE" help:"NATS credentials file."`
	TLSCA      string `name:"tls-ca" type:"existingfile" placeholder:"FILE" help:"Authorities that sign the server."`
	TLSCert    string `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Certificate to show to the server."`
	TLSKey     string `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"Key of that certificate."`
}

// Speed is a factor of the events' own pace; 0 is as fast as possible.
type Speed float64

// UnmarshalText reads "max" or a factor.
func (s *Speed) UnmarshalText(text []byte) error {
	if string(text) == "max" {
		*s = 0
		return nil
	}
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(x > 0 && x <= 1e9) {
		return fmt.Errorf("speed %q is none: write max, or a factor such as 60", text)
	}
	*s = Speed(x)
	return nil
}

func (p *publishing) validate() error {
	if p.Batch < 0 {
		return fmt.Errorf("--batch %d is negative: give 1 or more", p.Batch)
	}
	return nil
}

// publish sends the events to NATS in their order.
func (c *Command) publish(ctx context.Context, s *sorted) error {
	o := c.Publishing
	nc, err := input.Connect(ctx, input.Options{URL: c.To, Credentials: o.Creds, TLSCA: o.TLSCA, TLSCert: o.TLSCert, TLSKey: o.TLSKey, Name: "deskpulse replay"}, c.log)
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := input.NewPublisher(nc, input.PublisherOptions{Partitions: c.Partitions, Batch: o.Batch}, nil, c.log)
	if err != nil {
		return err
	}
	start := time.Now()
	sent, err := c.send(ctx, p, s)
	err = errors.Join(err, c.finish(ctx, p))
	took := time.Since(start)
	c.log.Info("replayed", zap.Int64("events", sent), zap.Duration("took", took.Round(time.Millisecond)),
		zap.Int64("events per second", int64(float64(sent)/max(took.Seconds(), 1e-3))))
	return err
}

// stopWithin bounds how long a replay that was interrupted waits for acknowledgements.
const stopWithin = 5 * time.Second

// finish waits for acknowledgements, also where the replay was interrupted.
func (c *Command) finish(ctx context.Context, p *input.Publisher) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
	}
	return p.Close(ctx)
}

func (c *Command) send(ctx context.Context, p *input.Publisher, s *sorted) (sent int64, err error) {
	shift := time.Duration(0)
	if c.Publishing.ShiftToNow {
		shift = time.Since(time.UnixMilli(s.last)).Truncate(time.Millisecond)
	}
	pace := &pacer{speed: float64(c.Publishing.Speed), start: time.Now(), first: s.first, idle: p.Send}
	err = s.each(ctx, func(_ kpi.Kind, data []byte) error {
		ev := &deskpulsev1.Event{}
		if err := proto.Unmarshal(data, ev); err != nil {
			return fmt.Errorf("replay: internal error: %w", err)
		}
		if err := pace.wait(ctx, ev.OccurredAt.AsTime().UnixMilli()); err != nil {
			return err
		}
		if shift != 0 {
			shiftTimes(ev.ProtoReflect(), shift)
		}
		if err := p.Publish(ctx, ev); err != nil {
			return err
		}
		sent++
		return nil
	})
	return sent, err
}

// shiftTimes moves every time in a message.
func shiftTimes(m protoreflect.Message, by time.Duration) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Message() == nil || f.IsMap() || f.IsList() {
			return true
		}
		if t, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			m.Set(f, protoreflect.ValueOfMessage(timestamppb.New(t.AsTime().Add(by)).ProtoReflect()))
			return true
		}
		shiftTimes(v.Message(), by)
		return true
	})
}

// pacer holds events back until their turn.
type pacer struct {
	speed float64 // 0 never waits
	start time.Time
	first int64 // Unix milliseconds of the first event
	idle  func(context.Context) error
}

// ahead is how early an event may go, so that not every one of them waits by itself.
const ahead = 2 * time.Millisecond

func (p *pacer) wait(ctx context.Context, at int64) error {
	if p.speed == 0 {
		return nil
	}
	due := p.start.Add(time.Duration(float64(at-p.first) / p.speed * float64(time.Millisecond)))
	wait := time.Until(due)
	if wait <= ahead {
		return nil
	}
	if err := p.idle(ctx); err != nil { // what is in a batch must not wait too
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
