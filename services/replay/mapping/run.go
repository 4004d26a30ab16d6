package mapping

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
	"github.com/deskpulse/deskpulse/services/replay/extsort"
	"github.com/deskpulse/deskpulse/services/replay/table"
)

// Options say how a mapping is run.
type Options struct {
	Tenant   string                   // instead of the mapping's
	TempDir  string                   // for sorting; the system's own where empty
	Memory   int                      // bytes for sorting rows
	Bad      func(*table.Error) error // is told each bad row; its error ends the run
	Progress func(bytes int)          // is told how much was read; may be nil
}

// Stats counts what a run did.
type Stats struct {
	Rows     int64 // read
	Bad      int64 // rows that gave no events because something is wrong with them
	Skipped  int64 // rows left out by skip, or after stop_after
	Entities int64
	Events   int64
	// Unseen are columns that the mapping names and no row had.
	Unseen []string
}

// Event is one event that came out, in the contract's form.
type Event struct {
	Message *deskpulsev1.Event
	Data    []byte // Message in protobuf; valid within the call
	Kind    kpi.Kind
	Tenant  string
	At      int64 // Unix milliseconds
}

// Run reads the files and hands over their events: entity after entity, and within one
// in the order of its rows. The codec has accepted each. A row of which one event is
// bad gives none.
func (m *Mapping) Run(ctx context.Context, files []string, o Options, each func(*Event) error) (Stats, error) {
	r := &runner{m: m, o: o, ctx: ctx, each: each, columns: table.NewColumns()}
	if err := r.prepare(); err != nil {
		return r.stats, err
	}
	r.rows = extsort.New(o.TempDir, o.Memory)
	err := r.readAll(files)
	if err == nil {
		err = r.finish()
	}
	r.stats.Unseen = m.unseen(r.columns)
	return r.stats, errors.Join(err, r.rows.Close())
}

type runner struct {
	m       *Mapping
	o       Options
	ctx     context.Context
	each    func(*Event) error
	stats   Stats
	columns *table.Columns
	decoder kpi.Decoder

	computed []int // column ids
	rows     *extsort.Sorter
	key      []byte
	value    []byte
	group    group
	near     []keyedRow      // the rows of one entity, where the file is grouped
	entities map[uint64]bool // met so far, where the file is grouped
	pending  []*Event
}

func (r *runner) prepare() error {
	if r.o.Tenant == "" && r.m.tenant == nil {
		for _, e := range r.m.events {
			if e.tenant == nil {
				return inFile(r.m.file, e.position.errorf("no tenant is known: add tenant: to the mapping, or give --tenant"))
			}
		}
	}
	for _, alias := range r.m.aliases {
		r.columns.Alias(alias.name.value, alias.one.value)
	}
	for _, c := range r.m.compute {
		r.computed = append(r.computed, r.columns.ID(c.name))
	}
	r.entities = map[uint64]bool{}
	return nil
}

func (r *runner) readAll(files []string) error {
	reader := &table.Reader{Format: r.m.format, Columns: r.columns, Header: r.m.checkHeader, Progress: r.o.Progress}
	for _, file := range files {
		if err := reader.Read(file, r.take); err != nil {
			return err
		}
	}
	return nil
}

// take gets each row as it is read.
func (r *runner) take(row *table.Row, err error) error {
	if r.stats.Rows++; r.stats.Rows%1024 == 0 && r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if bad := (*table.Error)(nil); errors.As(err, &bad) {
		return r.bad(bad)
	} else if err != nil {
		return err
	}
	entity, err := r.keys(row)
	if err != nil {
		return r.fault(row, "", err)
	}
	switch {
	case r.m.entity == nil:
		return r.alone(row)
	case r.m.grouped:
		return r.takeGrouped(entity, row)
	}
	r.value = encodeRow(r.value[:0], entity, row)
	return r.rows.Add(r.key, r.value)
}

// alone treats a row as an entity of its own.
func (r *runner) alone(row *table.Row) error {
	r.begin("")
	if err := r.push(row); err != nil {
		return err
	}
	return r.end()
}

// finish handles what was collected.
func (r *runner) finish() error {
	if err := r.flushGrouped(); err != nil {
		return err
	}
	err := r.rows.Each(func(_, value []byte) error {
		entity, row, err := decodeRow(value)
		switch {
		case err != nil:
			return err
		case entity == "":
			return r.alone(row)
		case entity != r.group.entity:
			if err := r.end(); err != nil {
				return err
			}
			r.begin(entity)
		}
		return r.push(row)
	})
	if err != nil {
		return err
	}
	return r.end()
}

// fault reports a row of which something cannot be computed.
func (r *runner) fault(row *table.Row, event string, err error) error {
	f := &fault{problem: err.Error()}
	if own := (*fault)(nil); errors.As(err, &own) {
		f = own
	}
	bad := &table.Error{File: row.File, Row: row.Number, Line: row.Line, Field: f.field, Value: f.value, Problem: f.problem}
	if event != "" {
		bad.Field = strings.TrimSuffix(event+" "+bad.Field, " ")
	}
	if f.source.value != "" {
		bad.Problem += fmt.Sprintf(" (%s:%d: %s)", filepath.Base(r.m.file), f.source.line, quoteSource(f.source.value))
	}
	return r.bad(bad)
}

func (r *runner) bad(bad *table.Error) error {
	r.stats.Bad++
	if r.o.Bad == nil {
		return bad
	}
	return r.o.Bad(bad)
}

// events makes the events of the scope's row and hands them over, all or none.
func (r *runner) events(s *scope) error {
	r.pending = r.pending[:0]
	before := r.group.state
	for i, e := range r.m.events {
		if err := r.template(i, e, s); err != nil {
			r.group.state = before
			return r.fault(s.row.row, e.name, err)
		}
	}
	for _, ev := range r.pending {
		r.stats.Events++
		if err := r.each(ev); err != nil {
			return err
		}
	}
	return nil
}

// template makes the events of one entry of events.
func (r *runner) template(index int, e *event, s *scope) error {
	s.i = 0
	times := int64(1)
	if e.repeat != nil {
		v, err := e.repeat.evaluate(s)
		if err != nil {
			return err
		}
		times, _ = v.Value().(int64)
		if times > maxRepeat {
			return &fault{field: "repeat", value: fmt.Sprint(times), source: e.repeat.source, problem: fmt.Sprintf("is more than %d: correct the expression", maxRepeat)}
		}
	}
	for ; s.i < times; s.i++ {
		if e.once && r.group.isDone(index) {
			return nil
		}
		if e.when != nil {
			if ok, err := e.when.truth(s); err != nil {
				return err
			} else if !ok {
				continue
			}
		}
		ev, err := r.make(e, s)
		if err != nil {
			return err
		}
		if ev != nil {
			r.group.setDone(index)
			r.pending = append(r.pending, ev)
		}
	}
	return nil
}

// maxRepeat bounds how many events of one kind a row can give.
const maxRepeat = 100_000

// make builds one event; it is nil where its action is empty.
func (r *runner) make(e *event, s *scope) (*Event, error) {
	msg := &deskpulsev1.Event{}
	to := msg.ProtoReflect()
	body := to.Mutable(e.body).Message()
	if e.action != nil {
		if err := e.action.apply(r.m, body, s); err != nil {
			return nil, err
		}
		if !body.Has(e.action.field) {
			return nil, nil
		}
	}
	for _, set := range e.setters {
		target := to
		if set.inBody {
			target = body
		}
		if err := set.apply(r.m, target, s); err != nil {
			return nil, err
		}
	}
	if err := r.identity(e, s, msg); err != nil {
		return nil, err
	}
	return r.check(e, msg)
}

// identity fills in when it happened, whose it is, its id and its order.
func (r *runner) identity(e *event, s *scope, msg *deskpulsev1.Event) error {
	at, err := r.occurred(e, s)
	if err != nil {
		return err
	}
	msg.OccurredAt = at
	if msg.Tenant, err = r.tenant(e, s); err != nil {
		return err
	}
	r.group.sequence++
	msg.Sequence = r.group.sequence
	if e.sequence != nil {
		v, err := e.sequence.evaluate(s)
		if err != nil {
			return err
		}
		msg.Sequence, _ = v.Value().(int64)
	}
	if e.id == nil {
		msg.Id = r.group.id(e, s)
		return nil
	}
	msg.Id, err = e.id.text(s)
	return err
}

func (r *runner) tenant(e *event, s *scope) (string, error) {
	switch {
	case r.o.Tenant != "":
		return r.o.Tenant, nil
	case e.tenant != nil:
		return e.tenant.text(s)
	default:
		return r.m.tenant.text(s)
	}
}

// occurred is the event's time, within its bounds.
func (r *runner) occurred(e *event, s *scope) (*timestamppb.Timestamp, error) {
	at, ok, err := r.instant(e.at, s)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &fault{field: "at", source: e.at.source, problem: "is empty: add a condition with when, or use another column"}
	}
	if e.notBefore != nil {
		if bound, ok, err := r.instant(e.notBefore, s); err != nil {
			return nil, err
		} else if ok && at.Before(bound) {
			at = bound
		}
	}
	if e.notAfter != nil {
		if bound, ok, err := r.instant(e.notAfter, s); err != nil {
			return nil, err
		} else if ok && at.After(bound) {
			at = bound
		}
	}
	return stamp(at), nil
}

// check asks the codec whether the event is one.
func (r *runner) check(e *event, msg *deskpulsev1.Event) (*Event, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	out := &Event{Message: msg, Data: data, Kind: e.kind, Tenant: msg.Tenant, At: msg.OccurredAt.AsTime().UnixMilli()}
	var refused error
	r.decoder.Decode(kpi.Envelope{Tenant: msg.Tenant, Kind: e.kind.String()}, data, func(_ *kpi.Event, _ []byte, err error) {
		refused = err
	})
	if bad := (*kpi.FieldError)(nil); errors.As(refused, &bad) {
		return nil, &fault{field: bad.Field, value: bad.Value, problem: bad.Reason + ": " + bad.Remedy}
	}
	return out, refused
}
