package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// snapshotFormat is written first; a snapshot of another format is refused.
const snapshotFormat = "deskpulse state 2\n"

// Fingerprint names all of the configuration that the state depends on. A snapshot can
// be restored only under the configuration that it was taken under; which breakdowns
// are kept live may differ.
func (e *Engine) Fingerprint() string {
	c := &e.cfg
	s := fmt.Sprintf("partition=%d/%d generation=%d clock=%d keep=%s policies=%s measures=%016x", c.Partition, c.Partitions, c.Generation,
		c.Clock, c.Keep, c.Policies.Fingerprint(), e.compiled.Layout)
	for _, w := range c.Windows {
		s += " window=" + w.Name
	}
	for _, l := range e.labels {
		s += " label=" + l
	}
	if c.NoHistory {
		s += " nohistory"
	}
	return s
}

// Snapshot returns the whole state.
func (e *Engine) Snapshot() []byte {
	e.settle()
	w := writer{b: []byte(snapshotFormat)}
	w.text(e.Fingerprint())
	w.int(e.clock)
	w.uint(e.sequence)
	for _, n := range e.counters.all() {
		w.uint(*n)
	}
	w.uint(uint64(len(e.symbols.names)))
	for _, s := range e.symbols.names[1:] {
		w.text(s)
	}
	w.uint(uint64(len(e.combos.list)))
	for i := range e.combos.list[1:] {
		w.dims(&e.combos.list[i+1].dims)
	}
	e.writeEntities(&w)
	e.writeReports(&w)
	e.writeSeries(&w)
	return w.b
}

// Restore makes the state that Snapshot wrote. An error says whether the data is
// damaged or was written under another configuration.
func Restore(cfg Config, data []byte) (*Engine, error) {
	e, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if len(data) < len(snapshotFormat) || string(data[:len(snapshotFormat)]) != snapshotFormat {
		return nil, errors.New("snapshot is of another format: rebuild the state from the stream")
	}
	r := reader{b: data[len(snapshotFormat):]}
	if f := r.text(); r.err == nil && f != e.Fingerprint() {
		return nil, fmt.Errorf("snapshot was taken under another configuration: it has %q, now is %q: rebuild the state from the stream, or restore the configuration", f, e.Fingerprint())
	}
	e.readAll(&r)
	if r.err != nil || len(r.b) != 0 {
		return nil, errors.New("snapshot is damaged: use an earlier one, or rebuild the state from the stream")
	}
	return e, nil
}

func (e *Engine) readAll(r *reader) {
	e.clock = r.int()
	e.sequence = r.uint()
	var counters Counters
	for _, n := range counters.all() {
		*n = r.uint()
	}
	if e.clock > 0 {
		e.horizons = window.HorizonsAt(e.clock)
	}
	for n := r.uint(); n > 1 && r.err == nil; n-- {
		e.symbols.id(r.text())
	}
	for n := r.uint(); n > 1 && r.err == nil; n-- {
		if d := r.dims(len(e.symbols.names)); r.err == nil {
			e.combos.id(d)
		}
	}
	e.readEntities(r)
	e.readReports(r)
	e.readSeries(r)
	e.counters = counters // folding has counted anew
}

func (c *Counters) all() (out []*uint64) {
	for i := range c.Outcomes {
		out = append(out, &c.Outcomes[i])
	}
	for i := range c.Late {
		out = append(out, &c.Late[i])
	}
	return append(out, &c.Negative)
}

func (e *Engine) writeEntities(w *writer) {
	w.uint(uint64(len(e.entities.list)))
	for i := range e.entities.list {
		n := &e.entities.list[i]
		w.uint(uint64(n.kind))
		w.text(string(e.entities.block.get(n.name)))
		w.uint(uint64(n.tenant))
		w.uint(n.version)
		e.writeLog(w, &n.log)
	}
	w.list(e.entities.dirty)
}

func (e *Engine) writeLog(w *writer, l *log) {
	e.records = e.history.read(l, e.records[:0])
	w.uint(uint64(len(e.records)))
	for k := range e.records {
		r := &e.records[k]
		w.int(r.at)
		w.int(r.sequence)
		w.b = binary.LittleEndian.AppendUint64(w.b, r.id)
		w.b = append(w.b, byte(r.action), r.flags)
		w.uint(uint64(r.combo))
		w.b = appendExtra(w.b, &r.extra)
	}
}

// readEntities folds every history, so that threads and what is oldest come to be again.
// What the histories count is in the series already.
func (e *Engine) readEntities(r *reader) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		kind, id, tenant, version := kpi.Kind(r.uint()), r.text(), r.index(len(e.symbols.names)), r.uint()
		records := e.readLog(r)
		if r.err != nil || int(kind) >= len(folders) || folders[kind].step == nil {
			r.fail()
			return
		}
		i := e.entity(kind, tenant, id)
		for k := range records {
			e.entities.list[i].rewrite = e.entities.list[i].rewrite || rewrites(kind, records[k].action)
		}
		e.history.replace(&e.entities.list[i].log, records)
		e.entities.list[i].version = version
		e.refold(i)
	}
	for _, i := range r.list(len(e.entities.list)) {
		e.entities.list[i].dirty = true
		e.entities.dirty = append(e.entities.dirty, i)
	}
}

func (e *Engine) refold(i uint32) {
	e.sink.reset()
	n := &e.entities.list[i]
	e.records = e.history.read(&n.log, e.records[:0])
	e.before = state{}
	e.fold(&folders[n.kind], i, e.records, &e.after, &e.sink)
	e.changed(i, &folders[n.kind], &e.before, &e.after)
	e.sink.reset()
}

func (e *Engine) readLog(r *reader) (out []record) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		var rec record
		r.record(&rec, len(e.combos.list))
		out = append(out, rec)
	}
	return out
}

func (e *Engine) writeReports(w *writer) {
	keys := slices.SortedFunc(maps.Keys(e.reports), compareReports)
	w.uint(uint64(len(keys)))
	for _, k := range keys {
		p := e.reports[k]
		w.reportKey(k)
		w.threadKey(p.key)
		w.int(p.at)
		w.uint(uint64(p.combo))
		w.bool(p.withdrawn)
		w.uint(p.version)
	}
}

func (e *Engine) readReports(r *reader) {
	clear(e.reports)
	e.told = e.told[:0]
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		k := r.reportKey()
		p := pendingReport{report: report{key: r.threadKey(), at: r.int(), combo: r.index(len(e.combos.list)), source: k}}
		p.withdrawn, p.version = r.bool(), r.uint()
		e.reports[k] = p
		e.told = append(e.told, k)
	}
}

// writeSeries writes the full series; those of groups follow from them.
func (e *Engine) writeSeries(w *writer) {
	ordinal := make(map[uint32]uint32)
	for i := 1; i < len(e.cells.list); i++ {
		if e.cells.list[i].group == nil {
			ordinal[uint32(i)] = uint32(len(ordinal))
		}
	}
	w.uint(uint64(len(ordinal)))
	for i := 1; i < len(e.cells.list); i++ {
		if s := &e.cells.list[i]; s.group == nil {
			w.uint(uint64(s.combo))
			w.b = s.line.AppendBinary(w.b)
			w.days(&s.days)
		}
	}
	e.writeFuture(w, ordinal)
	e.writeDirty(w, ordinal)
}

func (w *writer) days(d *days) {
	w.uint(uint64(len(d.list)))
	for i := range d.list {
		w.int(int64(d.list[i].number))
		w.b = d.list[i].total.AppendBinary(w.b)
	}
}

func (e *Engine) writeFuture(w *writer, ordinal map[uint32]uint32) {
	w.int(e.future.from)
	w.uint(uint64(len(e.future.hours)))
	for _, hour := range slices.Sorted(maps.Keys(e.future.hours)) {
		a := e.future.hours[hour]
		a.net(e.future.drop, nil)
		list := slices.Clone(a.changes)
		slices.SortFunc(list, func(x, y change) int {
			return cmp.Or(cmp.Compare(ordinal[x.series], ordinal[y.series]), cmp.Compare(x.at, y.at), cmp.Compare(x.slot, y.slot))
		})
		w.uint(uint64(hour))
		w.uint(uint64(len(list)))
		for _, c := range list {
			w.uint(uint64(ordinal[c.series]))
			w.uint(uint64(c.at))
			w.uint(uint64(c.slot))
			w.int(c.value)
			w.uint(c.sequence)
		}
	}
}

func (e *Engine) writeDirty(w *writer, ordinal map[uint32]uint32) {
	keys := slices.SortedFunc(maps.Keys(e.rows.dirty), compareRows)
	w.uint(uint64(len(keys)))
	for _, k := range keys {
		w.uint(uint64(ordinal[k.series]))
		w.uint(uint64(k.ring))
		w.uint(uint64(k.bucket))
		w.uint(uint64(k.measure))
		w.uint(e.rows.dirty[k].sequence)
		v, ok := e.rows.kept[k]
		if w.bool(ok); ok {
			w.b = v.AppendBinary(w.b)
		}
	}
}

func (e *Engine) readSeries(r *reader) {
	var numbers []uint32
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		combo := r.index(len(e.combos.list))
		line, rest, err := window.DecodeTimeline(r.b)
		if err != nil || r.err != nil || combo == 0 {
			r.fail()
			return
		}
		r.b = rest
		i := e.seriesOf(combo)
		days := r.days()
		e.adopt(i, line, days)
		numbers = append(numbers, i)
	}
	e.readFuture(r, numbers)
	e.readDirty(r, numbers)
}

func (r *reader) days() (d days) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		d.list = append(d.list, day{int32(r.int()), r.vector()})
	}
	return d
}

// adopt gives a full series what was written of it, and its groups their part.
func (e *Engine) adopt(i uint32, line window.Timeline, d days) {
	s := &e.cells.list[i]
	s.line, s.days = line, d
	e.cells.oldest[i] = line.Oldest()
	for _, p := range s.parents {
		g := &e.cells.list[p]
		g.line.Merge(&line)
		e.cells.oldest[p] = g.line.Oldest()
		for k := range d.list {
			for _, n := range d.list[k].total {
				g.days.add(d.list[k].number, n.Slot, n.Value)
			}
		}
	}
}

func (e *Engine) readFuture(r *reader, numbers []uint32) {
	e.future.from = r.int()
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		r.uint() // the hour
		for k := r.uint(); k > 0 && r.err == nil; k-- {
			c := change{series: r.index(len(numbers)), at: uint32(r.uint()), slot: uint16(r.uint()), value: r.int(), sequence: r.uint()}
			if r.err == nil {
				c.series = numbers[c.series]
				e.future.add(c)
			}
		}
	}
}

func (e *Engine) readDirty(r *reader, numbers []uint32) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		i, ring, bucket, m, version := r.index(len(numbers)), window.Ring(r.uint()), uint32(r.uint()), r.index(len(e.compiled.Measures)), r.uint()
		if r.err == nil {
			k := rowKey{numbers[i], bucket, uint16(m), ring}
			e.rows.dirty[k] = dirtyRow{sequence: version}
			e.rows.queue = append(e.rows.queue, k)
			if r.bool() {
				e.rows.kept[k] = r.vector()
			}
		}
	}
}
