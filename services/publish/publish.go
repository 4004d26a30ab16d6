package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/input"
	"github.com/deskpulse/deskpulse/pkg/kpi"
)

// Publish is the command that publishes events from files.
type Publish struct {
	Files  []string   `arg:"" optional:"" name:"file" type:"existingfile" help:"Files with events; standard input where there are none, or for -."`
	Tenant string     `placeholder:"NAME" help:"Tenant of the events that name none."`
	NATS   connection `embed:""`

	stdin          io.Reader // those of the process where nil
	stdout, stderr io.Writer
}

// Help is shown below the flags.
func (Publish) Help() string {
	return `Events are JSON: one per line, or one per file over several lines, or an array. Each has the fields of docs/events.md:

    {"id":"e1","tenant":"acme","occurred_at":"2026-04-01T09:00:00Z","customer_id":"c7","team":"billing","ticket":{"ticket_id":"t1","action":"created"}}

A bad event is reported with its line; the others are published all the same, and the exit code is 1.

Examples:

    deskpulse publish events.ndjson
    tail -f events.ndjson | deskpulse publish
`
}

// Run publishes the events and prints how many were acknowledged.
func (p *Publish) Run(ctx context.Context, log *zap.Logger) error {
	p.defaults()
	b, err := p.NATS.open(ctx, log)
	if err != nil {
		return err
	}
	defer b.nc.Close()
	counters := new(input.Counters)
	pub, err := input.NewPublisher(b.nc, input.PublisherOptions{Partitions: b.partitions}, counters, log)
	if err != nil {
		return err
	}
	refused, err := p.files(ctx, pub)
	if flushErr := pub.Close(context.WithoutCancel(ctx)); err == nil {
		err = flushErr
	}
	acknowledged, known := counters.Published.Load(), counters.Duplicates.Load()
	fmt.Fprintf(p.stdout, "%d events acknowledged", acknowledged)
	if known > 0 {
		fmt.Fprintf(p.stdout, ", %d of them known already", known)
	}
	fmt.Fprintf(p.stdout, ", %d refused\n", refused)
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d events were refused: see above", refused)
	}
	return err
}

func (p *Publish) defaults() {
	if p.stdin == nil {
		p.stdin = os.Stdin
	}
	if p.stdout == nil {
		p.stdout = os.Stdout
	}
	if p.stderr == nil {
		p.stderr = os.Stderr
	}
	if len(p.Files) == 0 {
		p.Files = []string{"-"}
	}
}

// files publishes one file after the other.
func (p *Publish) files(ctx context.Context, pub *input.Publisher) (refused int, err error) {
	for _, name := range p.Files {
		n, err := p.file(ctx, pub, name)
		refused += n
		if err != nil {
			return refused, err
		}
	}
	return refused, nil
}

func (p *Publish) file(ctx context.Context, pub *input.Publisher, name string) (refused int, err error) {
	in := p.stdin
	if name == "-" {
		name = "stdin"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		in = f
	}
	err = eachEvent(in, func(line int, data []byte, err error) error {
		if err == nil {
			err = p.one(ctx, pub, data)
		}
		if bad := new(kpi.FieldError); errors.As(err, &bad) || errors.Is(err, errSyntax) {
			refused++
			fmt.Fprintf(p.stderr, "%s:%d: %v\n", name, line, err)
			return nil
		}
		return err
	})
	if err != nil {
		return refused, fmt.Errorf("%s: %w", name, err)
	}
	return refused, nil
}

// one publishes one event.
func (p *Publish) one(ctx context.Context, pub *input.Publisher, data []byte) error {
	ev, err := kpi.ParseJSON(data)
	if err != nil {
		return err
	}
	if ev.GetTenant() == "" {
		ev.Tenant = p.Tenant
	}
	return pub.Publish(ctx, ev)
}
