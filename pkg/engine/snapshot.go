package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// snapshotFormat is written first; a snapshot of another format is refused.
const snapshotFormat = "deskpulse state 1\n"

// Fingerprint names all of the configuration that the state depends on. A snapshot can
// be restored only under the configuration that it was taken under; which breakdowns
// are kept live, and the catalogue, may differ.
func (c *Config) Fingerprint() string {
	s := fmt.Sprintf("partition=%d/%d generation=%d clock=%d keep=%s default=%s", c.Partition, c.Partitions, c.Generation,
		c.Clock, c.Keep, c.Policy.Default)
	for _, w := range c.Windows {
		s += " window=" + w.Name
	}
	for _, priority := range slices.Sorted(maps.Keys(c.Policy.Targets)) {
		s += fmt.Sprintf(" target[%q]=%s", priority, c.Policy.Targets[priority])
	}
	if c.NoHistory {
		s += " nohistory"
	}
	return s
}

// Snapshot returns the whole state. The same events and positions under the same
// configuration give the same bytes, whenever readings were taken in between.
func (e *Engine) Snapshot() []byte {
	e.settle()
	w := writer{b: []byte(snapshotFormat)}
	w.text(e.cfg.Fingerprint())
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
	e.writeIncidents(&w)
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
	if f := r.text(); r.err == nil && f != cfg.Fingerprint() {
		return nil, fmt.Errorf("snapshot was taken under another configuration: it has %q, now is %q: rebuild the state from the stream, or restore the configuration", f, cfg.Fingerprint())
	}
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
			e.combos.id(d, e.symbols.names, &e.cfg.Policy)
		}
	}
	e.readEntities(&r)
	e.readIncidents(&r)
	e.readSeries(&r)
	e.counters = counters // folding has counted anew
	if r.err != nil || len(r.b) != 0 {
		return nil, errors.New("snapshot is damaged: use an earlier one, or rebuild the state from the stream")
	}
	return e, nil
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
	w.uint(uint64(len(e.tickets.list)))
	for i := range e.tickets.list {
		t := &e.tickets.list[i]
		w.text(string(e.tickets.block.get(t.name)))
		w.uint(uint64(t.tenant))
		w.uint(t.version)
		e.writeLog(w, &t.log)
	}
	w.list(e.tickets.dirty)
	w.uint(uint64(len(e.contacts.list)))
	for i := range e.contacts.list {
		c := &e.contacts.list[i]
		w.uint(uint64(c.kind))
		w.text(string(e.contacts.block.get(c.name)))
		w.uint(uint64(c.tenant))
		w.uint(c.version)
		e.writeLog(w, &c.log)
	}
	w.list(e.contacts.dirty)
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
		if r.flags&flagExtra != 0 {
			w.b = appendExtra(w.b, &r.extra)
		}
	}
}

func (e *Engine) readEntities(r *reader) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		id, tenant, version := r.text(), r.index(len(e.symbols.names)), r.uint()
		i := e.ticket(e.symbols.names[tenant], id)
		t := &e.tickets.list[i]
		t.version = version
		e.readLog(r, &t.log)
		if r.err != nil {
			return
		}
		e.records = e.history.read(&t.log, e.records[:0])
		t.voids = slices.ContainsFunc(e.records, func(r record) bool { return r.action == actionVoid })
		before := t.state
		t.state = e.foldTicket(i, e.records)
		e.countOrphan(&before, &t.state)
		e.sink.reset()
	}
	for _, i := range r.list(len(e.tickets.list)) {
		e.tickets.list[i].dirty = true
		e.tickets.dirty = append(e.tickets.dirty, i)
	}
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		kind, id, tenant, version := kpi.Kind(r.uint()), r.text(), r.index(len(e.symbols.names)), r.uint()
		i := e.contact(kind, e.symbols.names[tenant], id)
		c := &e.contacts.list[i]
		c.version = version
		e.readLog(r, &c.log)
		if r.err != nil {
			return
		}
		e.records = e.history.read(&c.log, e.records[:0])
		c.state = e.foldContact(kind, e.records)
		if c.state.ticket != 0 {
			e.linkTo(i)
		}
		c.link = e.linkOf(c)
	}
	for _, i := range r.list(len(e.contacts.list)) {
		e.contacts.list[i].dirty = true
		e.contacts.dirty = append(e.contacts.dirty, i)
	}
}

func (e *Engine) readLog(r *reader, l *log) {
	e.records = e.records[:0]
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		var rec record
		r.record(&rec, len(e.combos.list))
		e.records = append(e.records, rec)
	}
	if r.err == nil {
		e.history.replace(l, e.records)
	}
}

func (e *Engine) writeIncidents(w *writer) {
	w.uint(uint64(len(e.incident.list)))
	for i, in := range e.incident.list {
		w.incidentKey(e.incident.keys[i])
		w.uint(uint64(len(in.mentions)))
		for _, m := range in.mentions {
			w.int(m.at)
			w.uint(uint64(m.combo))
			w.reportKey(m.source)
		}
	}
	keys := slices.SortedFunc(maps.Keys(e.reports), compareReports)
	w.uint(uint64(len(keys)))
	for _, k := range keys {
		p := e.reports[k]
		w.reportKey(k)
		w.incidentKey(p.key)
		w.int(p.at)
		w.uint(uint64(p.combo))
		w.bool(p.withdrawn)
		w.uint(p.version)
	}
}

func (e *Engine) readIncidents(r *reader) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		in := e.incidentOf(r.incidentKey())
		for k := r.uint(); k > 0 && r.err == nil; k-- {
			in.mentions = append(in.mentions, mention{at: r.int(), combo: r.index(len(e.combos.list)), source: r.reportKey()})
		}
	}
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		k := r.reportKey()
		p := pendingReport{report: report{key: r.incidentKey(), at: r.int(), combo: r.index(len(e.combos.list)), source: k}}
		p.withdrawn, p.version = r.bool(), r.uint()
		e.reports[k] = p
		e.told = append(e.told, k)
	}
}

// writeSeries writes the full series; those of groups follow from them.
func (e *Engine) writeSeries(w *writer) {
	ordinal := make(map[uint32]uint32)
	for i := 1; i < len(e.series); i++ {
		if e.series[i].combo != 0 {
			ordinal[uint32(i)] = uint32(len(ordinal))
		}
	}
	w.uint(uint64(len(ordinal)))
	for i := 1; i < len(e.series); i++ {
		if s := &e.series[i]; s.combo != 0 {
			w.uint(uint64(s.measure))
			w.uint(uint64(s.combo))
			w.b = s.line.AppendBinary(w.b)
		}
	}
	keys := slices.SortedFunc(maps.Keys(e.dirty), compareBuckets)
	w.uint(uint64(len(keys)))
	for _, k := range keys {
		w.uint(uint64(ordinal[k.series]))
		w.uint(uint64(k.ring))
		w.uint(uint64(k.bucket))
		w.uint(e.dirty[k])
		v, ok := e.kept[k]
		if w.bool(ok); ok {
			w.b = v.AppendBinary(w.b)
		}
	}
}

func (e *Engine) readSeries(r *reader) {
	var numbers []uint32
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		m, combo := measure(r.index(int(numMeasures))), r.index(len(e.combos.list))
		line, rest, err := window.DecodeTimeline(r.b)
		if err != nil || r.err != nil || combo == 0 {
			r.fail()
			return
		}
		r.b = rest
		i := e.seriesOf(m, combo)
		e.series[i].line = line
		e.oldest[i] = line.Oldest()
		for _, p := range e.series[i].parents {
			e.series[p].line.Merge(&line)
			e.oldest[p] = e.series[p].line.Oldest()
		}
		numbers = append(numbers, i)
	}
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		i, ring, bucket, version := r.index(len(numbers)), window.Ring(r.uint()), uint32(r.uint()), r.uint()
		if r.err == nil {
			k := bucketKey{numbers[i], bucket, ring}
			e.dirty[k] = version
			e.queue = append(e.queue, k)
			if r.bool() {
				e.kept[k] = r.vector()
			}
		}
	}
}
