package replay

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/sla"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// computing are the flags of an offline replay.
type computing struct {
	Config        string                   `type:"existingfile" env:"DESKPULSE_CONFIG" placeholder:"FILE" help:"Windows and SLA targets, as the worker has them; see docs/configuration.md."`
	At            []process.Instant        `placeholder:"T" help:"Print the readings at this instant, as in 2016-04-01T00:00:30Z; repeatable. Default: right after the last event."`
	Every         Step                     `placeholder:"1d" help:"Print the readings at every multiple of this step (s, m, h, d, w), in UTC."`
	Restated      bool                     `help:"Apply everything first, and read all instants with what is then known."`
	Target        map[string]time.Duration `mapsep:"none" placeholder:"PRIORITY=DURATION" help:"Resolution target of a priority, as in high=8h; repeatable. Instead of those of the configuration."`
	DefaultTarget time.Duration            `placeholder:"DURATION" help:"Resolution target of other priorities; with --target none, unless given."`
	Windows       []string                 `placeholder:"24h,7d" help:"Windows to read, instead of those of the configuration."`
	By            []string                 `sep:"none" placeholder:"team,channel" help:"Break the readings down by these dimensions, beside the whole tenant; repeatable."`
}

// Step is a length of time with a unit of s, m, h, d or w.
type Step time.Duration

// UnmarshalText reads "1d".
func (s *Step) UnmarshalText(text []byte) error {
	given := string(text)
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if len(given) > 1 {
		n, err := strconv.ParseUint(given[:len(given)-1], 10, 31)
		if unit, ok := units[given[len(given)-1]]; ok && err == nil && n > 0 && n < 1<<20 {
			*s = Step(time.Duration(n) * unit)
			return nil
		}
	}
	return fmt.Errorf("step %q is none: write a number and s, m, h, d or w, as in 1d", given)
}

// config is what the engines compute: the configuration file's, changed by the flags.
func (c *computing) config(partitions int, log *zap.Logger) (engine.Config, error) {
	file, warnings, err := config.Load(c.Config)
	if err != nil {
		return engine.Config{}, err
	}
	for _, w := range warnings {
		log.Warn("configuration", zap.String("warning", w))
	}
	cfg, err := file.Engine()
	if err != nil {
		return cfg, err
	}
	cfg.Partitions, cfg.Clock, cfg.NoHistory = uint16(partitions), engine.EventClock, true
	if len(c.Windows) > 0 {
		cfg.Windows = nil
	}
	for _, name := range c.Windows {
		w, err := window.Parse(name)
		if err != nil {
			return cfg, fmt.Errorf("--windows: %w", err)
		}
		cfg.Windows = append(cfg.Windows, w)
	}
	// Beside what is asked for, only what decides targets and incidents is told apart:
	// nobody reads the rest, and it costs time and memory.
	cfg.Groups, cfg.Keep = nil, kpi.SetOf(kpi.Priority, kpi.Category)
	for _, names := range c.By {
		set, err := kpi.ParseSet(names)
		if err != nil {
			return cfg, fmt.Errorf("--by: %w", err)
		}
		cfg.Keep |= set
		if set != 0 && !slices.Contains(cfg.Groups, set) {
			cfg.Groups = append(cfg.Groups, set)
		}
	}
	c.policy(&cfg.Policy)
	return cfg, cfg.Policy.Validate()
}

func (c *computing) policy(p *sla.Policy) {
	if len(c.Target) > 0 {
		*p = sla.Policy{Targets: map[string]time.Duration{}}
		for priority, d := range c.Target {
			p.Targets[strings.ToLower(priority)] = d
		}
	}
	if c.DefaultTarget > 0 {
		p.Default = c.DefaultTarget
	}
}

// offline computes readings in process: one engine for each partition.
type offline struct {
	c         *Command
	cfg       engine.Config
	engines   []*engine.Engine
	sequence  uint64
	decoder   kpi.Decoder
	take      func(*kpi.Event, []byte, error) // o.apply, bound once
	broken    error
	instants  []int64 // still to be read, Unix seconds
	afterward []int64 // to be read after everything, where restated
	out       *lines
	line      []byte
}

func newOffline(c *Command) (*offline, error) {
	partitions := max(c.Partitions, 1)
	if partitions > 1<<12 {
		return nil, fmt.Errorf("--partitions %d is too many: give at most 4096", partitions)
	}
	o := &offline{c: c, out: newLines(c.Stdout)}
	var err error
	if o.cfg, err = c.Computing.config(partitions, c.log); err != nil {
		return nil, err
	}
	for p := range partitions {
		cfg := o.cfg
		cfg.Partition = uint16(p)
		e, err := engine.New(cfg)
		if err != nil {
			return nil, err
		}
		o.engines = append(o.engines, e)
	}
	for _, at := range c.Computing.At {
		if at.Nanosecond() != 0 {
			return nil, fmt.Errorf("--at %s: give a whole second", at.Format(time.RFC3339Nano))
		}
	}
	o.take = o.apply
	return o, nil
}

// run applies the events in order and prints each instant's readings before the first
// event that lies at or after it.
func (o *offline) run(ctx context.Context, s *sorted) error {
	o.instants = o.plan(s)
	if o.c.Computing.Restated {
		o.instants, o.afterward = nil, o.instants
	}
	err := s.each(ctx, func(kind kpi.Kind, data []byte) error {
		o.decoder.Decode(kpi.Envelope{Kind: kind.String()}, data, o.take)
		return o.broken
	})
	if err == nil {
		err = o.readBefore(append(o.instants, o.afterward...), 1<<62)
	}
	o.report()
	return errors.Join(err, o.out.flush())
}

// plan lists the instants to read, in order.
func (o *offline) plan(s *sorted) []int64 {
	var out []int64
	for _, at := range o.c.Computing.At {
		out = append(out, at.Unix())
	}
	if step := int64(time.Duration(o.c.Computing.Every) / time.Second); step > 0 && s.events.Len() > 0 {
		first, last := floor(s.first, 1000), floor(s.last, 1000)
		for at := (floor(first, step) + 1) * step; ; at += step {
			out = append(out, at)
			if at > last {
				break
			}
		}
	}
	if len(out) == 0 && s.events.Len() > 0 {
		out = append(out, floor(s.last, 1000)+1)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (o *offline) apply(ev *kpi.Event, _ []byte, err error) {
	if err != nil {
		o.broken = fmt.Errorf("replay: internal error: %w", err)
		return
	}
	if err := o.readBefore(o.instants, ev.At); err != nil {
		o.broken = err
		return
	}
	o.sequence++
	p := kpi.Partition(ev.Tenant, ev.PartitionKey(), len(o.engines))
	o.engines[p].Apply(ev, engine.Position{Sequence: o.sequence, Time: ev.At})
}

// readBefore prints the instants at or before a time in Unix milliseconds.
func (o *offline) readBefore(instants []int64, ms int64) error {
	for len(instants) > 0 && instants[0]*1000 <= ms {
		if err := o.read(instants[0]); err != nil {
			return err
		}
		instants = instants[1:]
	}
	o.instants = instants
	return nil
}

// read prints the readings of all partitions together.
func (o *offline) read(at int64) error {
	merged, err := o.merge(at)
	if err != nil {
		return err
	}
	for i := range merged {
		d, ok := o.cfg.Catalogue.Find(merged[i].KPI)
		if !ok {
			return fmt.Errorf("replay: internal error: kpi %s is not in the catalogue", merged[i].KPI)
		}
		o.line = kpi.AppendReadingJSON(o.line[:0], at, &merged[i], d)
		if err := o.out.line(o.line); err != nil {
			return err
		}
	}
	return nil
}

// merge adds up the readings of the engines, term by term.
func (o *offline) merge(at int64) ([]kpi.Reading, error) {
	type key struct {
		tenant, kpi, window string
		group               kpi.Group
	}
	var out []kpi.Reading
	index := map[key]int{}
	for _, e := range o.engines {
		readings, err := e.Read(at)
		if err != nil {
			return nil, err
		}
		for _, r := range readings {
			k := key{r.Tenant, r.KPI, r.Window, r.Group}
			i, ok := index[k]
			if !ok {
				index[k] = len(out)
				out = append(out, r)
				continue
			}
			for t := range r.Terms {
				sum := out[i].Terms[t].Clone()
				sum.Merge(r.Terms[t])
				out[i].Terms[t] = sum
			}
		}
	}
	slices.SortFunc(out, o.compare)
	return out, nil
}

// compare orders readings by tenant, group, KPI and window, as they are configured.
func (o *offline) compare(a, b kpi.Reading) int {
	position := func(set kpi.Set) int { return slices.Index(o.cfg.Groups, set) }
	kpis := func(key string) int {
		return slices.IndexFunc(o.cfg.Catalogue, func(d kpi.Definition) bool { return d.Key == key })
	}
	windows := func(name string) int {
		return slices.IndexFunc(o.cfg.Windows, func(w window.Window) bool { return w.Name == name })
	}
	return cmp.Or(
		cmp.Compare(a.Tenant, b.Tenant),
		cmp.Compare(position(a.Group.Set), position(b.Group.Set)),
		slices.Compare(a.Group.Dims[:], b.Group.Dims[:]),
		cmp.Compare(kpis(a.KPI), kpis(b.KPI)),
		cmp.Compare(windows(a.Window), windows(b.Window)),
	)
}

// report logs what became of the events.
func (o *offline) report() {
	var duplicates, conflicts, unused uint64
	for _, e := range o.engines {
		c := e.Counters()
		duplicates += c.Outcome(engine.Duplicate)
		conflicts += c.Outcome(engine.Conflict)
		unused += c.Outcome(engine.Unused)
	}
	o.c.log.Info("events applied", zap.Uint64("events", o.sequence), zap.Uint64("of kinds without a kpi", unused))
	if duplicates > 0 {
		o.c.log.Info("some events came twice and counted once", zap.Uint64("events", duplicates))
	}
	if conflicts > 0 {
		o.c.log.Warn("some events have the id of another with other content, and had no effect: make the ids unique",
			zap.Uint64("events", conflicts))
	}
}

// lines writes lines.
type lines struct{ out *bufio.Writer }

func newLines(w io.Writer) *lines { return &lines{bufio.NewWriterSize(w, 1<<16)} }

func (l *lines) line(text []byte) error {
	_, err := l.out.Write(text)
	if err != nil {
		return err
	}
	return l.out.WriteByte('\n')
}

func (l *lines) flush() error { return l.out.Flush() }
