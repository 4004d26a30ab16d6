package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Indexes into the combinations of a complaint, as in its schema.
const (
	complaintReceived = iota + 1
	complaintHandled
	complaintOutcome
)

// extraDuplicate is the symbol of the complaint that a complaint repeats.
const extraDuplicate = extraOutcome + 1

// Scratch of a complaint's state, after that of every contact.
const (
	xSubject        = xContactOwn + iota
	xDuplicateOf    // symbol
	xAcknowledgedAt // Unix milliseconds
)

func recordComplaint(e *Engine, ev *kpi.Event, r *record) {
	e.recordContact(ev, r)
	r.extra[extraType] = int64(ev.Subject)
	r.extra[extraOutcome] = int64(e.symbols.id(ev.Outcome))
	r.extra[extraDuplicate] = int64(e.symbols.id(ev.DuplicateOf))
}

// stepComplaint folds one record into a complaint.
func stepComplaint(e *Engine, s *state, r *record, _ *sink) {
	s.identify(r)
	first(&s.x[xSubject], r.extra[extraType])
	s.Fields[kpi.ComplaintSubjectText] = int64(e.words.subjects[s.x[xSubject]])
	last(&s.Fields[kpi.ComplaintOutcome], r.extra[extraOutcome])
	first(&s.x[xDuplicateOf], r.extra[extraDuplicate])
	s.set(kpi.ComplaintIsDuplicate, s.x[xDuplicateOf] != 0)
	s.actOnComplaint(r)
	s.combo[complaintOutcome] = s.combo[complaintReceived]
	if s.is(kpi.ComplaintIsHandled) {
		s.combo[complaintOutcome] = s.combo[complaintHandled]
	}
}

// actOnComplaint changes the state as the action says.
func (s *state) actOnComplaint(r *record) {
	switch r.action {
	case kpi.ComplaintReceived:
		if !s.exists {
			s.exists, s.x[xRaisedEvent] = true, int64(r.id)
			s.Fields[kpi.ComplaintReceivedAt] = r.at
			s.combo[complaintReceived] = s.combo[current]
		}
	case kpi.ComplaintAcknowledged:
		s.set(kpi.ComplaintIsAcknowledged, true)
		first(&s.x[xAcknowledgedAt], r.at)
	case kpi.ComplaintHandled:
		s.handleComplaint(r.at)
	case kpi.ComplaintClosed:
		if r.extra[extraOutcome] != 0 {
			s.handleComplaint(r.at)
		}
		s.set(kpi.ComplaintIsClosed, true)
		first(&s.Fields[kpi.ComplaintClosedAt], r.at)
	case kpi.ComplaintReopened:
		for _, f := range [...]int{kpi.ComplaintIsHandled, kpi.ComplaintHandledAt, kpi.ComplaintIsClosed, kpi.ComplaintClosedAt} {
			s.Fields[f] = 0
		}
		s.combo[complaintHandled] = 0
	}
}

func (s *state) handleComplaint(at int64) {
	if !s.is(kpi.ComplaintIsHandled) {
		s.happen(kpi.ComplaintIsHandled, kpi.ComplaintHandledAt, complaintHandled, at)
	}
}

func (e *Engine) complaintRow(i uint32) kpi.ComplaintRow {
	s, n, names := &e.other, &e.entities.list[i], e.symbols.names
	e.stateOf(i, s)
	f := &s.Fields
	r := kpi.ComplaintRow{
		Tenant: names[n.tenant], ID: string(e.entities.block.get(n.name)), Customer: names[s.x[xCustomer]],
		Ticket: names[s.x[xTicket]], Incident: names[s.x[xIncident]], DuplicateOf: names[s.x[xDuplicateOf]],
		Outcome: names[f[kpi.ComplaintOutcome]], Subject: uint8(s.x[xSubject]), ReceivedAt: f[kpi.ComplaintReceivedAt],
		AcknowledgedAt: s.x[xAcknowledgedAt], HandledAt: f[kpi.ComplaintHandledAt], ClosedAt: f[kpi.ComplaintClosedAt],
		Partition: e.cfg.Partition, Version: e.version(n.version),
	}
	_, r.Dims = e.names(s.combo[current])
	return r
}
