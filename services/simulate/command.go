package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/process"
)

// Command is deskpulse simulate.
type Command struct {
	Nats       string `default:"nats://127.0.0.1:4222" placeholder:"URL" env:"DESKPULSE_NATS" help:"NATS server to publish to."`
	Creds      string `placeholder:"FILE" env:"DESKPULSE_CREDS" help:"NATS credentials file."`
	TLSCA      string `name:"tls-ca" placeholder:"FILE" help:"PEM file of the authorities that sign the NATS server; the system's where it is left out."`
	TLSCert    string `name:"tls-cert" placeholder:"FILE" help:"PEM file of this client's certificate."`
	TLSKey     string `name:"tls-key" placeholder:"FILE" help:"PEM file of this client's key."`
	Partitions int    `default:"16" help:"Number of partition streams; as they were created."`

	Rate     float64         `default:"20" help:"Events per second, on the mean over a week of the desk; at most 1000000."`
	Tenant   []string        `default:"demo" help:"Tenant to publish for; repeatable: they share the rate."`
	Seed     uint64          `default:"1" help:"The same seed at the same time gives the same events."`
	Pace     float64         `default:"0" help:"How many times as fast as the clock the desk lives: at 60, what takes an hour takes a minute. 1 is real time. 0 is 60, or more at rates that would otherwise leave too many cases open."`
	Steady   bool            `help:"No daily curve: the mean rate at all times, for load tests."`
	History  time.Duration   `default:"0s" help:"First publish this much of the past, as fast as possible, so that there is history at once."`
	Duration *time.Duration  `help:"How long to go on after the history; without end where it is left out; 0s stops after the history."`
	Until    process.Instant `placeholder:"TIME" help:"Take this time (RFC 3339) for the present, so that a history is the same each time. Needs --duration 0s."`
	Out      string          `placeholder:"FILE" help:"Write NDJSON to this file, - for standard output, instead of publishing."`
}

// Help is shown by simulate --help.
func (Command) Help() string {
	return `A seeded, believable service desk: a daily curve, teams and agents, priorities, waiting for the customer, reopenings, repeat callers, chats, a bot, self service, complaints, surveys, suggestions, orders, subscriptions with their bills, costs and the agents' states; with events that come late or twice.

Examples:

    deskpulse simulate --rate 50 --history 2h
    deskpulse simulate --rate 100000 --steady --duration 1m
    deskpulse simulate --tenant acme --tenant globex --pace 1
    deskpulse simulate --out - --history 10m --duration 0s | head
    deskpulse simulate --out day.ndjson --pace 1 --history 24h --until 2026-01-15T00:00:00Z --duration 0s
`
}

// Validate is called by kong.
func (c *Command) Validate() error {
	if err := CheckRate("--rate", c.Rate); err != nil {
		return err
	}
	if c.Pace != 0 && !(c.Pace >= 1 && c.Pace <= maxPace) {
		return fmt.Errorf("--pace %v: give 0 (chosen), or 1 (real time) to %d", c.Pace, maxPace)
	}
	if c.History < 0 {
		return fmt.Errorf("--history %s is negative: give 0s or more", c.History)
	}
	if c.Partitions < 1 || c.Partitions > 1024 {
		return fmt.Errorf("--partitions %d: give 1 to 1024", c.Partitions)
	}
	if !c.Until.IsZero() && (c.Duration == nil || *c.Duration != 0) {
		return errors.New("--until is about a past that ends: add --duration 0s")
	}
	if c.Duration != nil && *c.Duration < 0 {
		return fmt.Errorf("--duration %s is negative: leave it out to go on without end", *c.Duration)
	}
	return nil
}

// CheckRate is Validate for a flag that is the rate of a simulation.
func CheckRate(flag string, rate float64) error {
	if !(rate > 0 && rate <= MaxRate) { // so that NaN is refused too
		return fmt.Errorf("%s %s: give more than 0 and at most %d events a second", flag, strconv.FormatFloat(rate, 'f', -1, 64), MaxRate)
	}
	return nil
}

func (c *Command) plan() Plan {
	p := Plan{
		Tenants: c.Tenant, Seed: c.Seed, Rate: c.Rate, Pace: c.Pace, Steady: c.Steady,
		History: c.History, Live: Forever, Until: c.Until.Time,
	}
	if c.Duration != nil {
		p.Live = *c.Duration
	}
	return p
}

// Run simulates until it is over or ctx ends.
func (c *Command) Run(ctx context.Context, log *zap.Logger) error {
	switch c.Out {
	case "":
		return c.publish(ctx, log)
	case "-":
		return c.write(ctx, os.Stdout, log)
	default:
		f, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		return errors.Join(c.write(ctx, f, log), f.Close())
	}
}

func (c *Command) write(ctx context.Context, w io.Writer, log *zap.Logger) error {
	sink := NewLineSink(w)
	return errors.Join(c.plan().Feed(ctx, sink, log), sink.Flush(context.WithoutCancel(ctx)))
}

func (c *Command) publish(ctx context.Context, log *zap.Logger) error {
	nc, err := input.Connect(ctx, input.Options{
		URL: c.Nats, Credentials: c.Creds, TLSCA: c.TLSCA, TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		Name: "deskpulse simulate",
	}, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	publisher, err := input.NewPublisher(nc, input.PublisherOptions{
		Partitions: c.Partitions, Batch: batchFor(c.Rate, c.History),
	}, nil, log)
	if err != nil {
		return err
	}
	err = c.plan().Feed(ctx, NewNATSSink(publisher, log), log)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, publisher.Close(last))
}
