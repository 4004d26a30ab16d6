package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/deskpulse/deskpulse/pkg/config"
	"github.com/deskpulse/deskpulse/pkg/engine"
	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/output"
	"github.com/deskpulse/deskpulse/pkg/period"
	"github.com/deskpulse/deskpulse/pkg/process"
	"github.com/deskpulse/deskpulse/pkg/scorecard"
)

// computing are the flags of an offline replay.
type computing struct {
	Config        string                   `type:"existingfile" env:"DESKPULSE_CONFIG" placeholder:"FILE" help:"Windows, SLA policies and KPIs, as the worker has them; see docs/configuration.md."`
	Catalogue     []string                 `type:"existingfile" sep:"none" placeholder:"FILE" help:"Further KPIs, or others instead of the built-in ones; repeatable. See docs/defining-kpis.md."`
	Option        map[string]string        `mapsep:"none" placeholder:"NAME=VALUE" help:"Switch of definition, as in satisfied_from=75; repeatable. See deskpulse kpi explain."`
	KPI           []string                 `name:"kpi" placeholder:"KEY,…" help:"Print these KPIs only."`
	At            []process.Instant        `placeholder:"T" help:"Print the readings at this instant, as in 2016-04-01T00:00:30Z; repeatable. Default: right after the last event."`
	On            []string                 `sep:"none" placeholder:"DATE" help:"Print the readings at the midnight with which this day begins, as in 2016-04-01, in the zone and calendar of the configuration; repeatable."`
	Every         Step                     `placeholder:"1d" help:"Print the readings at every multiple of this step (s, m, h, d, w), in UTC."`
	Restated      bool                     `help:"Apply everything first, and read all instants with what is then known."`
	Target        map[string]time.Duration `mapsep:"none" placeholder:"PRIORITY=DURATION" help:"Resolution target of a priority, as in high=8h; repeatable. Instead of the policies of the configuration."`
	DefaultTarget time.Duration            `placeholder:"DURATION" help:"Resolution target of other priorities; with --target none, unless given."`
	Windows       []string                 `placeholder:"24h,month" help:"Windows to read: rolling ones, and day, week, month, quarter or year. Default: those in which each KPI is shown."`
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

// settings are the configuration file, changed by the flags.
func (c *computing) settings(log *zap.Logger) (*config.Config, error) {
	file, warnings, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		log.Warn("configuration", zap.String("warning", w))
	}
	file.Scorecards = scorecard.Config{}
	for _, name := range c.Catalogue {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		file.KPIs = append(file.KPIs, path)
	}
	if file.Options == nil {
		file.Options = map[string]string{}
	}
	maps.Copy(file.Options, c.Option)
	if rolling := slices.DeleteFunc(slices.Clone(c.Windows), isPeriod); len(rolling) > 0 {
		file.Windows = rolling
	}
	if len(c.Target) > 0 {
		file.Policies = nil
		file.SLA = config.SLA{Resolution: map[string]string{}}
		for priority, d := range c.Target {
			file.SLA.Resolution[priority] = d.String()
		}
	}
	if c.DefaultTarget > 0 {
		file.SLA.Default = c.DefaultTarget.String()
	}
	_, err = file.Validate()
	return file, err
}

func isPeriod(name string) bool {
	_, ok := kpi.ParsePeriod(name)
	return ok
}

// engine is what the engines compute.
func (c *computing) engine(file *config.Config, partitions int) (engine.Config, error) {
	cfg, err := file.Engine()
	if err != nil {
		return cfg, err
	}
	cfg.Partitions, cfg.Clock, cfg.NoHistory = uint16(partitions), engine.EventClock, true
	// Beside what is asked for, only what decides targets and incidents is told apart:
	// nobody reads the rest, and it costs time and memory.
	cfg.Groups, cfg.Keep = nil, 0
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
	return cfg, nil
}

// instants are those of the flags, in Unix seconds.
func (c *computing) instants(calendar *period.Calendar) (out []int64, err error) {
	for _, at := range c.At {
		if at.Nanosecond() != 0 {
			return nil, fmt.Errorf("--at %s: give a whole second", at.Format(time.RFC3339Nano))
		}
		out = append(out, at.Unix())
	}
	for _, date := range c.On {
		var year, month, day int
		if n, err := fmt.Sscanf(date, "%4d-%2d-%2d", &year, &month, &day); n != 3 || err != nil || len(date) != len("2016-04-01") {
			return nil, fmt.Errorf("--on %s is no date: write it as in 2016-04-01", date)
		}
		d, err := calendar.DayOf(year, month, day)
		if err != nil {
			return nil, fmt.Errorf("--on: %w", err)
		}
		out = append(out, calendar.Midnight(d))
	}
	return out, nil
}

// offline computes readings in process: one engine for each partition.
type offline struct {
	c         *Command
	cfg       engine.Config
	engines   []*engine.Engine
	merger    *output.Merger
	kpis      []kpi.Definition // to be printed
	sequence  uint64
	decoder   kpi.Decoder
	money     *kpi.Money
	refused   uint64                          // events in a currency without a rate
	take      func(*kpi.Event, []byte, error) // o.apply, bound once
	broken    error
	given     []int64 // instants of the flags, Unix seconds
	instants  []int64 // still to be read
	afterward []int64 // to be read after everything, where restated
	out       *lines
	line      []byte
}

func newOffline(c *Command) (*offline, error) {
	partitions := max(c.Partitions, 1)
	if partitions > 1<<12 {
		return nil, fmt.Errorf("--partitions %d is too many: give at most 4096", partitions)
	}
	file, err := c.Computing.settings(c.log)
	if err != nil {
		return nil, err
	}
	o := &offline{c: c, out: newLines(c.Stdout), money: kpi.NewMoney(file.Money.Of)}
	if o.cfg, err = c.Computing.engine(file, partitions); err != nil {
		return nil, err
	}
	if o.given, err = c.Computing.instants(file.Periods.Calendar(c.Tenant)); err != nil {
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
	o.merger = output.NewMerger(o.compiled().Layout)
	o.take = o.apply
	return o, o.choose()
}

func (o *offline) compiled() *kpi.Compiled { return o.engines[0].Compiled() }

// choose finds the KPIs to print, in the order of the catalogue.
func (o *offline) choose() error {
	all := &o.compiled().Catalogue
	for _, key := range o.c.Computing.KPI {
		if _, ok := all.Find(key); !ok {
			return fmt.Errorf("--kpi: %q is not in the catalogue: see deskpulse kpi list", key)
		}
	}
	for _, d := range all.KPIs {
		if len(o.c.Computing.KPI) == 0 || slices.Contains(o.c.Computing.KPI, d.Key) {
			o.kpis = append(o.kpis, d)
		}
	}
	return nil
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
	out := slices.Clone(o.given)
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
	if err := o.money.Convert(ev); err != nil {
		if o.refused++; o.refused <= shownBad {
			o.c.log.Warn("event left out", zap.String("event", strings.Clone(ev.ID)), zap.String("because", err.Error()))
		}
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
	for _, tenant := range byTenant(merged.Totals) {
		for _, by := range append([]kpi.Set{0}, o.cfg.Groups...) {
			if err := o.print(at, tenant, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge adds up what the engines know.
func (o *offline) merge(at int64) (*output.Merged, error) {
	for p, e := range o.engines {
		totals, err := e.Read(at)
		if err != nil {
			return nil, err
		}
		o.merger.Add(&kpi.TotalsSet{
			Partition: uint16(p), Partitions: uint16(len(o.engines)), Layout: o.compiled().Layout,
			At: at, Full: true, Totals: totals,
		}, time.Time{})
	}
	return o.merger.Merge(time.Time{}, 0), nil
}

// byTenant cuts totals, which are sorted by tenant first.
func byTenant(totals []kpi.Totals) (out [][]kpi.Totals) {
	for len(totals) > 0 {
		end := slices.IndexFunc(totals, func(t kpi.Totals) bool { return t.Tenant != totals[0].Tenant })
		if end < 0 {
			end = len(totals)
		}
		out, totals = append(out, totals[:end]), totals[end:]
	}
	return out
}

// print writes one breakdown of a tenant: group by group, in the order of the catalogue.
func (o *offline) print(at int64, tenant []kpi.Totals, by kpi.Set) error {
	var readings []kpi.Reading
	for i := range o.kpis {
		d := &o.kpis[i]
		if !o.compiled().By(d, by) {
			continue
		}
		for _, name := range o.windows(d) {
			readings = append(readings, output.Readings(o.compiled(), d, name, by, at, tenant)...)
		}
	}
	slices.SortStableFunc(readings, func(a, b kpi.Reading) int { return slices.Compare(a.Group.Dims[:], b.Group.Dims[:]) })
	for i := range readings {
		d, _ := o.compiled().Catalogue.Find(readings[i].KPI) // it was read by its definition
		o.line = kpi.AppendReadingJSON(o.line[:0], at, &readings[i], d)
		if err := o.out.line(o.line); err != nil {
			return err
		}
	}
	return nil
}

// windows are those in which a KPI is printed: of the ones asked for those in which it has
// a meaning, or else those in which it is shown by default and that are kept.
func (o *offline) windows(d *kpi.Definition) (out []string) {
	if !d.Windowed() {
		return []string{""}
	}
	asked := o.c.Computing.Windows
	if len(asked) == 0 {
		asked = d.Windows
	}
	for _, name := range asked {
		if o.compiled().In(d, name) && (isPeriod(name) || slices.Contains(o.compiled().Windows, name)) {
			out = append(out, name)
		}
	}
	return out
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
	o.c.log.Info("events applied", zap.Uint64("events", o.sequence), zap.Uint64("of kinds without a measure", unused))
	if duplicates > 0 {
		o.c.log.Info("some events came twice and counted once", zap.Uint64("events", duplicates))
	}
	if conflicts > 0 {
		o.c.log.Warn("some events have the id of another with other content, and had no effect: make the ids unique",
			zap.Uint64("events", conflicts))
	}
	if o.refused > 0 {
		o.c.log.Warn("some events have amounts of money that cannot be added up, and had no effect", zap.Uint64("events", o.refused))
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
