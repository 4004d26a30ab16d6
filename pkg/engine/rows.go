package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// rowKey names one row of totals: a measure under one full combination in one bucket.
type rowKey struct {
	series  uint32
	bucket  uint32 // Unix seconds; of a day, its number
	measure uint16
	ring    window.Ring // Total is what came after its hour was closed
}

// rows are the rows of totals that wait to be written.
type rows struct {
	dirty map[rowKey]dirtyRow
	kept  map[rowKey]window.Vector // of dirty, what the timelines no longer tell apart
	queue []rowKey                 // the keys of dirty, in the order in which they became so
	round uint64                   // rises with each call of Rows
}

// dirtyRow says which event changed a row last, and before which call of Rows.
type dirtyRow struct{ sequence, round uint64 }

func newRows() rows {
	return rows{dirty: make(map[rowKey]dirtyRow), kept: make(map[rowKey]window.Vector)}
}

// mark notes the rows that a change alters: its minute while minutes are kept, its hour
// or the row of what came after its hour was closed, and its local day.
func (e *Engine) mark(c *change) {
	t := int64(c.at)
	m := e.cells.measureOf(c.slot)
	note := func(r window.Ring, bucket int64) {
		k := rowKey{c.series, uint32(bucket), m, r}
		before, known := e.rows.dirty[k]
		e.rows.dirty[k] = dirtyRow{max(before.sequence, c.sequence), e.rows.round}
		if !known {
			e.rows.queue = append(e.rows.queue, k)
		}
	}
	switch e.horizons.Ring(t) {
	case window.Second, window.Minute:
		note(window.Minute, window.Minute.Floor(t))
		note(window.Hour, window.Hour.Floor(t))
	case window.Hour:
		note(window.Hour, window.Hour.Floor(t))
	default:
		note(window.Total, 0)
	}
	number := e.calendar(e.tenantOf(&e.cells.list[c.series])).Day(t)
	if number >= int32(e.horizons.Second/86400)-keptDays {
		note(window.Day, int64(uint32(number)))
	}
}

// Rows returns at most limit of the rows that have changed and are not confirmed yet,
// of each kind. They come again until Confirm has had them.
func (e *Engine) Rows(limit int) *kpi.Rows {
	e.settle()
	e.rows.round++
	out := &kpi.Rows{}
	var b bucketCache
	for _, k := range e.rows.queue[:min(limit, len(e.rows.queue))] {
		out.Measures = append(out.Measures, e.measureRow(k, &b))
	}
	for _, i := range e.entities.dirty[:min(limit, len(e.entities.dirty))] {
		switch e.entities.list[i].kind {
		case kpi.Ticket:
			out.Tickets = append(out.Tickets, e.ticketRow(i))
		case kpi.Call:
			out.Calls = append(out.Calls, e.callRow(i))
		default:
			out.Complaints = append(out.Complaints, e.complaintRow(i))
		}
	}
	for _, k := range e.told[:min(limit, len(e.told))] {
		out.Reports = append(out.Reports, e.reportRow(k))
	}
	return out
}

// Dirty returns how many rows wait to be confirmed.
func (e *Engine) Dirty() int {
	e.settle()
	return len(e.rows.dirty) + len(e.entities.dirty) + len(e.reports)
}

// Confirm tells that rows, which the latest call of Rows returned, are safe in the
// history. What has changed since they were taken stays to be written.
func (e *Engine) Confirm(rows *kpi.Rows) {
	for i := range rows.Measures {
		e.confirmMeasure(&rows.Measures[i])
	}
	e.rows.queue = shorten(e.rows.queue, len(rows.Measures), func(k rowKey) bool { _, ok := e.rows.dirty[k]; return ok })
	for i := range rows.Tickets {
		e.confirmEntity(kpi.Ticket, rows.Tickets[i].Tenant, rows.Tickets[i].ID, rows.Tickets[i].Version)
	}
	for i := range rows.Calls {
		e.confirmEntity(kpi.Call, rows.Calls[i].Tenant, rows.Calls[i].ID, rows.Calls[i].Version)
	}
	for i := range rows.Complaints {
		e.confirmEntity(kpi.Complaint, rows.Complaints[i].Tenant, rows.Complaints[i].ID, rows.Complaints[i].Version)
	}
	e.entities.dirty = shorten(e.entities.dirty, len(rows.Tickets)+len(rows.Calls)+len(rows.Complaints),
		func(i uint32) bool { return e.entities.list[i].dirty })
	for i := range rows.Reports {
		e.confirmReport(&rows.Reports[i])
	}
	e.told = shorten(e.told, len(rows.Reports), func(k reportKey) bool { _, ok := e.reports[k]; return ok })
}

// shorten takes out of the first n of a queue, which Rows has handed out, what is no
// longer dirty. The rest has not been handed out, so it need not be looked at.
func shorten[K any](queue []K, n int, dirty func(K) bool) []K {
	n = min(n, len(queue))
	kept := 0
	for _, k := range queue[:n] {
		if dirty(k) {
			queue[kept] = k
			kept++
		}
	}
	return slices.Delete(queue, kept, n)
}

func (e *Engine) confirmMeasure(r *kpi.MeasureRow) {
	m, ok := e.compiled.Find(r.Measure)
	if !ok {
		return
	}
	d := dims{tenant: e.symbols.id(r.Tenant)}
	for i, v := range r.Dims {
		d.values[i] = e.symbols.id(v)
	}
	k := rowKey{bucket: uint32(r.Bucket), measure: uint16(m.Index), ring: r.Ring}
	switch {
	case r.Ring == window.Hour && r.Bucket == 0:
		k.ring = window.Total
	case r.Ring == window.Day:
		k.bucket = uint32(r.Bucket / 86400)
	}
	k.series = e.cells.full[d]
	if v, ok := e.rows.dirty[k]; ok && v.round < e.rows.round {
		delete(e.rows.dirty, k)
		delete(e.rows.kept, k)
	}
}

func (e *Engine) confirmEntity(kind kpi.Kind, tenant, id string, version uint64) {
	n := &e.entities.list[e.entity(kind, e.symbols.id(tenant), id)]
	n.dirty = n.dirty && e.version(n.version) != version
}

func (e *Engine) confirmReport(r *kpi.ReportRow) {
	kind, rest, _ := strings.Cut(r.Source, "/")
	slash := strings.LastIndexByte(rest, '/')
	event, _ := strconv.ParseUint(rest[slash+1:], 16, 64)
	k := reportKey{event: event}
	k.kind, _ = kpi.ParseKind(kind)
	k.entity = e.entity(k.kind, e.symbols.id(r.Tenant), rest[:slash])
	if p, ok := e.reports[k]; ok && e.version(p.version) == r.Version {
		delete(e.reports, k)
	}
}

func compareRows(a, b rowKey) int {
	return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.ring, b.ring), cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.measure, b.measure))
}

func compareReports(a, b reportKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.entity, b.entity), cmp.Compare(a.event, b.event))
}

// bucketCache holds the latest bucket of each ring: rows of its measures come together.
type bucketCache [window.Day + 1]struct {
	key   rowKey
	total window.Vector
	valid bool
}

func (e *Engine) measureRow(k rowKey, b *bucketCache) kpi.MeasureRow {
	m := &e.compiled.Measures[k.measure]
	r := kpi.MeasureRow{
		Ring: k.ring, Measure: m.Name, Bucket: int64(k.bucket),
		Partition: e.cfg.Partition, Version: e.version(e.rows.dirty[k].sequence),
	}
	r.Tenant, r.Dims = e.names(e.cells.list[k.series].combo)
	switch k.ring {
	case window.Total:
		r.Ring = window.Hour
	case window.Day:
		r.Bucket = int64(int32(k.bucket)) * 86400
	}
	r.Values = e.row(k, b)
	return r
}

// row is the values of a row, with the slots of its measure counted from 0.
func (e *Engine) row(k rowKey, b *bucketCache) window.Vector {
	if v, ok := e.rows.kept[k]; ok {
		return v
	}
	bucket := k
	bucket.measure = 0
	if c := &b[k.ring]; !c.valid || c.key != bucket {
		c.key, c.valid, c.total = bucket, true, e.bucket(k)
	}
	return partOf(&e.compiled.Measures[k.measure], b[k.ring].total)
}

func (e *Engine) bucket(k rowKey) window.Vector {
	s := &e.cells.list[k.series]
	switch k.ring {
	case window.Total:
		return s.line.Late()
	case window.Day:
		var v window.Vector
		s.days.sum(&v, int32(k.bucket), int32(k.bucket)+1)
		return v
	default:
		return s.line.Bucket(k.ring, int64(k.bucket))
	}
}

// keepRows puts aside the values of rows that wait to be written and whose buckets the
// new horizons will merge into coarser ones. Nothing changes in such a bucket after.
func (e *Engine) keepRows(h window.Horizons) {
	if h.Minute == e.horizons.Minute && h.Hour == e.horizons.Hour {
		return
	}
	var b bucketCache
	lastDay := h.Second/86400 - keptDays
	for k := range e.rows.dirty {
		t := int64(k.bucket)
		gone := k.ring == window.Minute && t < h.Minute || k.ring == window.Hour && t < h.Hour ||
			k.ring == window.Day && int64(int32(k.bucket)) < lastDay
		if _, ok := e.rows.kept[k]; !ok && gone {
			e.rows.kept[k] = e.row(k, &b)
		}
	}
}

func (e *Engine) reportRow(k reportKey) kpi.ReportRow {
	p := e.reports[k]
	names := e.symbols.names
	r := kpi.ReportRow{
		Tenant: names[p.key.tenant], Customer: names[p.key.a], Incident: names[p.key.b], Approximate: !p.key.named,
		Source: e.source(k), At: p.at, Withdrawn: p.withdrawn, Partition: e.cfg.Partition, Version: e.version(p.version),
	}
	_, r.Dims = e.names(p.combo)
	return r
}

// source names what made a report, as in "ticket/T1/9f3c…": the event's part is the hash
// of its id.
func (e *Engine) source(k reportKey) string {
	return fmt.Sprintf("%s/%s/%016x", k.kind, e.entities.block.get(e.entities.list[k.entity].name), k.event)
}

// partOf is a copy of the slots of one measure, counted from 0.
func partOf(m *kpi.Measure, total window.Vector) (out window.Vector) {
	for _, n := range total {
		if n.Slot >= m.Slot && int(n.Slot) < int(m.Slot)+m.Slots {
			out = append(out, window.Entry{Slot: n.Slot - m.Slot, Value: n.Value})
		}
	}
	return out
}
