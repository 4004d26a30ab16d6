package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// Rows returns at most limit of the rows that have changed and are not confirmed yet,
// of each kind. They come again until Confirm has had them.
func (e *Engine) Rows(limit int) *kpi.Rows {
	e.settle()
	rows := &kpi.Rows{}
	for _, k := range e.queue[:min(limit, len(e.queue))] {
		rows.Measures = append(rows.Measures, e.measureRow(k, e.dirty[k]))
	}
	for _, i := range e.tickets.dirty[:min(limit, len(e.tickets.dirty))] {
		rows.Tickets = append(rows.Tickets, e.ticketRow(i))
	}
	for _, i := range e.contacts.dirty[:min(limit, len(e.contacts.dirty))] {
		if c := &e.contacts.list[i]; c.kind == kpi.Call {
			rows.Calls = append(rows.Calls, e.callRow(c))
		} else {
			rows.Complaints = append(rows.Complaints, e.complaintRow(c))
		}
	}
	for _, k := range e.told[:min(limit, len(e.told))] {
		rows.Reports = append(rows.Reports, e.reportRow(k))
	}
	return rows
}

// Dirty returns how many rows wait to be confirmed.
func (e *Engine) Dirty() int {
	e.settle()
	return len(e.dirty) + len(e.tickets.dirty) + len(e.contacts.dirty) + len(e.reports)
}

// Confirm tells that rows, which the latest call of Rows returned, are safe in the
// history. What has changed since they were taken stays to be written.
func (e *Engine) Confirm(rows *kpi.Rows) {
	for i := range rows.Measures {
		e.confirmMeasure(&rows.Measures[i])
	}
	e.queue = shorten(e.queue, len(rows.Measures), func(k bucketKey) bool { _, ok := e.dirty[k]; return ok })
	for i := range rows.Tickets {
		r := &rows.Tickets[i]
		t := &e.tickets.list[e.ticket(r.Tenant, r.ID)]
		t.dirty = t.dirty && e.version(t.version) != r.Version
	}
	e.tickets.dirty = shorten(e.tickets.dirty, len(rows.Tickets), func(i uint32) bool { return e.tickets.list[i].dirty })
	for i := range rows.Calls {
		e.confirmContact(kpi.Call, rows.Calls[i].Tenant, rows.Calls[i].ID, rows.Calls[i].Version)
	}
	for i := range rows.Complaints {
		e.confirmContact(kpi.Complaint, rows.Complaints[i].Tenant, rows.Complaints[i].ID, rows.Complaints[i].Version)
	}
	e.contacts.dirty = shorten(e.contacts.dirty, len(rows.Calls)+len(rows.Complaints), func(i uint32) bool { return e.contacts.list[i].dirty })
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
	m, _ := measureByName(r.Measure)
	d := dims{tenant: e.symbols.id(r.Tenant)}
	for i, v := range r.Dims {
		d.values[i] = e.symbols.id(v)
	}
	k := bucketKey{e.combos.list[e.combos.ids[d]].series[m], uint32(r.Bucket), r.Ring}
	if k.ring == window.Hour && k.bucket == 0 {
		k.ring = window.Total
	}
	if v, ok := e.dirty[k]; ok && e.version(v) == r.Version {
		delete(e.dirty, k)
		delete(e.kept, k)
	}
}

func (e *Engine) confirmContact(kind kpi.Kind, tenant, id string, version uint64) {
	c := &e.contacts.list[e.contact(kind, tenant, id)]
	c.dirty = c.dirty && e.version(c.version) != version
}

func (e *Engine) confirmReport(r *kpi.ReportRow) {
	kind, rest, _ := strings.Cut(r.Source, "/")
	slash := strings.LastIndexByte(rest, '/')
	event, _ := strconv.ParseUint(rest[slash+1:], 16, 64)
	k := reportKey{event: event}
	k.kind, _ = kpi.ParseKind(kind)
	if k.kind == kpi.Ticket {
		k.entity = e.ticket(r.Tenant, rest[:slash])
	} else {
		k.entity = e.contact(k.kind, r.Tenant, rest[:slash])
	}
	if p, ok := e.reports[k]; ok && e.version(p.version) == r.Version {
		delete(e.reports, k)
	}
}

func compareBuckets(a, b bucketKey) int {
	return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.ring, b.ring), cmp.Compare(a.bucket, b.bucket))
}

func compareReports(a, b reportKey) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.entity, b.entity), cmp.Compare(a.event, b.event))
}

func (e *Engine) measureRow(k bucketKey, sequence uint64) kpi.MeasureRow {
	s := &e.series[k.series]
	r := kpi.MeasureRow{
		Ring: k.ring, Measure: s.measure.String(), Bucket: int64(k.bucket),
		Partition: e.cfg.Partition, Version: e.version(sequence),
	}
	r.Tenant, r.Dims = e.names(s.combo)
	if k.ring == window.Total {
		r.Ring = window.Hour
	}
	r.Values = e.bucket(k)
	return r
}

func (e *Engine) bucket(k bucketKey) window.Vector {
	line := &e.series[k.series].line
	if v, ok := e.kept[k]; ok {
		return v
	}
	if k.ring == window.Total {
		return line.Late().Clone()
	}
	return line.Bucket(k.ring, int64(k.bucket))
}

// keepRows puts aside the values of rows that wait to be written and whose buckets the
// new horizons will merge into coarser ones. Nothing changes in such a bucket after.
func (e *Engine) keepRows(h window.Horizons) {
	if h.Minute == e.horizons.Minute && h.Hour == e.horizons.Hour {
		return
	}
	for k := range e.dirty {
		t := int64(k.bucket)
		if _, ok := e.kept[k]; !ok && (k.ring == window.Minute && t < h.Minute || k.ring == window.Hour && t < h.Hour) {
			e.kept[k] = e.bucket(k)
		}
	}
}

func (e *Engine) ticketRow(i uint32) kpi.TicketRow {
	t := &e.tickets.list[i]
	s := &t.state
	r := kpi.TicketRow{
		ID: string(e.tickets.block.get(t.name)), Tenant: e.symbols.names[t.tenant],
		Customer: e.symbols.names[s.customer], Incident: e.symbols.names[s.incidentName()], Approximate: s.incident == 0,
		Status: s.status(), Type: s.typ, CreatedAt: s.created, HandledAt: s.handled, WorkStartedAt: s.started,
		RepliedAt: s.replied, ResolvedAt: s.resolved, ClosedAt: s.closed, Reopened: s.reopened, Events: t.count,
		Partition: e.cfg.Partition, Version: e.version(t.version),
	}
	_, r.Dims = e.names(s.combo)
	if s.overdue != never {
		r.DueAt = s.overdue
	}
	r.Open, r.Overdue = e.intervals(i)
	return r
}

func (s *ticketState) status() string {
	switch {
	case s.endAction == kpi.TicketDeleted:
		return "deleted"
	case !s.has(isCreated):
		return "unseen"
	case s.endAction == kpi.TicketMerged:
		return "merged"
	case s.endAction == kpi.TicketCancelled:
		return "cancelled"
	case s.has(isClosed):
		return "closed"
	case s.has(isResolved):
		return "resolved"
	case s.has(isWaiting):
		return "waiting"
	default:
		return "open"
	}
}

// intervals folds a ticket's history once more for when it was open and overdue.
func (e *Engine) intervals(i uint32) (open, overdue []kpi.Interval) {
	e.sink.reset()
	negative := e.counters.Negative
	e.records = e.history.read(&e.tickets.list[i].log, e.records[:0])
	e.foldTicket(i, e.records)
	e.counters.Negative = negative
	open = spansOf(e.sink.deltas, ticketsOpen)
	overdue = spansOf(e.sink.deltas, ticketsOverdue)
	e.sink.reset()
	return open, overdue
}

// spansOf turns the changes of a stock that is 0 or 1 into the intervals where it is 1.
func spansOf(deltas []delta, m measure) (out []kpi.Interval) {
	changes := make(map[int64]int64)
	for _, d := range deltas {
		if d.measure == m {
			changes[d.at] += d.value
		}
	}
	for _, at := range slices.Sorted(maps.Keys(changes)) {
		switch changes[at] {
		case 0:
		case 1:
			out = append(out, kpi.Interval{From: at})
		case -1:
			out[len(out)-1].To = at
		default:
			panic(fmt.Sprintf("engine: internal error: stock %s changes by %d", m, changes[at]))
		}
	}
	return out
}

func (e *Engine) callRow(c *contact) kpi.CallRow {
	s, names := &c.state, e.symbols.names
	r := kpi.CallRow{
		Tenant: names[c.tenant], ID: string(e.contacts.block.get(c.name)), Customer: names[s.customer],
		Ticket: names[s.ticket], Incident: names[s.incident], Queue: names[s.queue], Direction: s.direction,
		OfferedAt: s.raised, AnsweredAt: s.answered, AbandonedAt: s.abandoned, EndedAt: s.ended,
		Talk: s.talk, Hold: s.hold, WrapUp: s.wrapUp, Partition: e.cfg.Partition, Version: e.version(c.version),
	}
	_, r.Dims = e.names(s.combo)
	return r
}

func (e *Engine) complaintRow(c *contact) kpi.ComplaintRow {
	s, names := &c.state, e.symbols.names
	r := kpi.ComplaintRow{
		Tenant: names[c.tenant], ID: string(e.contacts.block.get(c.name)), Customer: names[s.customer],
		Ticket: names[s.ticket], Incident: names[s.incident], DuplicateOf: names[s.duplicateOf], Outcome: names[s.outcome],
		Subject: s.subject, ReceivedAt: s.raised, AcknowledgedAt: s.acknowledged, HandledAt: s.handled, ClosedAt: s.closed,
		Partition: e.cfg.Partition, Version: e.version(c.version),
	}
	_, r.Dims = e.names(s.combo)
	return r
}

func (e *Engine) reportRow(k reportKey) kpi.ReportRow {
	p := e.reports[k]
	names := e.symbols.names
	r := kpi.ReportRow{
		Tenant: names[p.key.tenant], Customer: names[p.key.customer], Incident: names[p.key.name], Approximate: !p.key.named,
		Source: e.source(k), At: p.at, Withdrawn: p.withdrawn, Partition: e.cfg.Partition, Version: e.version(p.version),
	}
	_, r.Dims = e.names(p.combo)
	return r
}

// source names what made a report, as in "ticket/T1/9f3c…": the event's part is the hash
// of its id.
func (e *Engine) source(k reportKey) string {
	var id []byte
	if k.kind == kpi.Ticket {
		id = e.tickets.block.get(e.tickets.list[k.entity].name)
	} else {
		id = e.contacts.block.get(e.contacts.list[k.entity].name)
	}
	return fmt.Sprintf("%s/%s/%016x", k.kind, id, k.event)
}
