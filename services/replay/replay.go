// Package replay turns tables of past service events into events, as a mapping file
// says, and sends them to NATS, or computes their KPIs in process, or prints them.
//
// Rows come in (package table), events come out (package mapping), and are sorted by
// time before they go anywhere (package extsort). All of it is bounded in memory; the
// engine's state in an offline replay is what grows with the history. Nothing is kept:
// the same files and mapping give the same events with the same ids, so that a replay
// that was cut short can be run again.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
	"github.com/deskpulse/deskpulse/services/replay/extsort"
	"github.com/deskpulse/deskpulse/services/replay/mapping"
	"github.com/deskpulse/deskpulse/services/replay/table"
)

// Command is "deskpulse replay".
type Command struct {
	Mapping string   `type:"existingfile" placeholder:"FILE" help:"What the rows mean: see docs/replay.md, and docs/mappings for examples. Without it the data are events as JSON lines, as --events prints them."`
	Data    []string `arg:"" type:"existingfile" help:"Tables to read together: CSV or JSON lines, plain or gzipped."`

	Tenant  string `help:"Send the events as this tenant's, instead of the mapping's."`
	SkipBad bool   `help:"Leave bad rows out and count them, instead of stopping at the first."`
	Memory  int    `default:"32" placeholder:"MIB" help:"Memory for each of the two sorts, in MiB; the rest goes to temporary files."`
	TempDir string `type:"existingdir" placeholder:"DIR" help:"Where temporary files go."`

	To      string `xor:"where" required:"" placeholder:"URL" help:"Publish to this NATS, as in nats://127.0.0.1:4222."`
	Offline bool   `xor:"where" required:"" help:"Compute the KPIs here, on the events' own time, and print readings as JSON lines."`
	Events  bool   `xor:"where" required:"" help:"Print the events as JSON lines, sorted by time: to try a mapping out."`

	Partitions int `placeholder:"P" help:"Partitions: with --to those of the server (default 16), with --offline engines beside each other (default 1)."`

	Publishing publishing `embed:"" group:"With --to:"`
	Computing  computing  `embed:"" group:"With --offline:"`

	Stdout io.Writer `kong:"-"` // os.Stdout where nil
	Stderr io.Writer `kong:"-"` // where the progress bar goes, if it is a terminal; os.Stderr where nil

	log *zap.Logger
	bar *bar
}

// Help is shown by deskpulse replay --help.
func (Command) Help() string {
	return `A mapping file says which events the rows of a table stand for: one row per change of
a ticket, one row per ticket with a column for each time, call-detail records,
surveys, orders, costs. Try it out with --events, which prints the events.

Examples:

    deskpulse replay --mapping m.yaml --events tickets.csv.gz | head
    deskpulse replay --mapping m.yaml --offline --every 1d --by team tickets.csv.gz
    deskpulse replay --mapping m.yaml --to nats://127.0.0.1:4222 --shift-to-now --speed 60 tickets.csv
`
}

// Run replays.
func (c *Command) Run(ctx context.Context, log *zap.Logger) error {
	c.log = log
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Memory < 1 {
		return fmt.Errorf("--memory %d is too little: give at least 1", c.Memory)
	}
	sink, err := c.sink() // first, so that a wrong flag is told before the data is read
	if err != nil {
		return err
	}
	read, err := c.reader()
	if err != nil {
		return err
	}
	c.bar = newBar(c.Stderr)
	defer c.bar.close()
	s, err := c.collect(ctx, read)
	if err != nil {
		return err
	}
	return errors.Join(sink(ctx, s), s.close())
}

// sink is where the sorted events go.
func (c *Command) sink() (func(context.Context, *sorted) error, error) {
	switch {
	case c.Offline:
		o, err := newOffline(c)
		if err != nil {
			return nil, err
		}
		return o.run, nil
	case c.Events:
		return c.print, nil
	case c.To == "":
		return nil, errors.New("nowhere to replay to: give --to, --offline or --events")
	default:
		return c.publish, c.Publishing.validate()
	}
}

// sorted is all events, by time; those of one instant entity by entity.
type sorted struct {
	events       *extsort.Sorter
	first, last  int64 // Unix milliseconds
	key, buffer  []byte
	progress     func(done, total int64)
	done, period int64
}

func (s *sorted) close() error { return s.events.Close() }

func (s *sorted) add(ev *mapping.Event) error {
	n := s.events.Len()
	if n == 0 {
		s.first, s.last = ev.At, ev.At
	}
	s.first, s.last = min(s.first, ev.At), max(s.last, ev.At)
	s.key = extsort.AppendInt(extsort.AppendInt(s.key[:0], ev.At), int64(n))
	s.buffer = append(append(s.buffer[:0], byte(ev.Kind)), ev.Data...)
	return s.events.Add(s.key, s.buffer)
}

// each hands over the events in order, in protobuf. The data is valid within the call.
func (s *sorted) each(ctx context.Context, each func(kind kpi.Kind, data []byte) error) error {
	total := int64(s.events.Len())
	return s.events.Each(func(_, value []byte) error {
		if s.done++; s.done%s.period == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.progress(s.done, total)
		}
		return each(kpi.Kind(value[0]), value[1:])
	})
}

const mib = 1 << 20

// reader turns the data into events.
type reader func(ctx context.Context, progress func(int), each func(*mapping.Event) error) (mapping.Stats, error)

func (c *Command) reader() (reader, error) {
	if c.Mapping == "" {
		return func(ctx context.Context, progress func(int), each func(*mapping.Event) error) (mapping.Stats, error) {
			r := &recorded{tenant: c.Tenant, bad: c.badRow, each: each}
			return r.read(ctx, c.Data, progress)
		}, nil
	}
	m, err := mapping.Load(c.Mapping)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, progress func(int), each func(*mapping.Event) error) (mapping.Stats, error) {
		return m.Run(ctx, c.Data, mapping.Options{Tenant: c.Tenant, TempDir: c.TempDir, Memory: c.Memory * mib, Bad: c.badRow, Progress: progress}, each)
	}, nil
}

// collect reads the data and sorts its events.
func (c *Command) collect(ctx context.Context, read reader) (*sorted, error) {
	s := &sorted{events: extsort.New(c.TempDir, c.Memory*mib), period: 256}
	total, done := size(c.Data), int64(0)
	start := time.Now()
	stats, err := read(ctx, func(n int) {
		done += int64(n)
		c.bar.show("reading", done, total, "MiB", mib)
	}, s.add)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.progress = func(done, total int64) { c.bar.show("replaying", done, total, "events", 1) }
	c.log.Info("table read",
		zap.Int64("rows", stats.Rows), zap.Int64("bad", stats.Bad), zap.Int64("skipped", stats.Skipped),
		zap.Int64("entities", stats.Entities), zap.Int64("events", stats.Events), zap.Duration("took", time.Since(start).Round(time.Millisecond)))
	if len(stats.Unseen) > 0 {
		c.log.Warn("no row has these columns of the mapping; they count as empty", zap.Strings("columns", stats.Unseen))
	}
	return s, nil
}

// shownBad is how many bad rows are told one by one.
const shownBad = 20

func (c *Command) badRow(bad *table.Error) error {
	if !c.SkipBad {
		return fmt.Errorf("%w\ncorrect it, or leave bad rows out with --skip-bad", bad)
	}
	if c.bar.bad++; c.bar.bad <= shownBad {
		c.log.Warn("bad row left out", zap.String("row", bad.Error()))
	}
	return nil
}

func size(files []string) (total int64) {
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			total += info.Size()
		}
	}
	return total
}

// print writes the events as JSON lines.
func (c *Command) print(ctx context.Context, s *sorted) error {
	out := newLines(c.Stdout)
	err := s.each(ctx, func(_ kpi.Kind, data []byte) error {
		ev := &deskpulsev1.Event{}
		if err := proto.Unmarshal(data, ev); err != nil {
			return fmt.Errorf("replay: internal error: %w", err)
		}
		text, err := kpi.MarshalJSON(ev)
		if err != nil {
			return err
		}
		return out.line(bytes.TrimSpace(text))
	})
	return errors.Join(err, out.flush())
}
