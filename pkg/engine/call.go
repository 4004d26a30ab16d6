package engine

import "github.com/deskpulse/deskpulse/pkg/kpi"

// Indexes into the combinations of a call: those of its schema, and its first transfer.
const (
	callOffered = iota + 1
	callAnswered
	callAbandoned
	callEnded
	callTransferred
)

// Extra numbers of a call's record, after those of every contact.
const (
	extraTalk = extraText + 1 + iota
	extraHold
	extraWrapUp
)

// Scratch of a call's state, after that of every contact.
const (
	xDirection = xContactOwn + iota
	xTalk      // as the source gives it
)

func recordCall(e *Engine, ev *kpi.Event, r *record) {
	e.recordContact(ev, r)
	r.extra[extraType] = int64(ev.Direction)
	r.extra[extraText] = int64(e.symbols.id(ev.Queue))
	r.extra[extraTalk], r.extra[extraHold], r.extra[extraWrapUp] = ev.Talk, ev.Hold, ev.WrapUp
}

// stepCall folds one record into a call.
func stepCall(e *Engine, s *state, r *record, _ *sink) {
	s.identify(r)
	first(&s.x[xDirection], r.extra[extraType])
	last(&s.Fields[kpi.CallQueue], r.extra[extraText])
	s.Fields[kpi.CallDirection] = int64(e.words.directions[s.x[xDirection]])
	s.x[xTalk] = max(s.x[xTalk], r.extra[extraTalk])
	s.Fields[kpi.CallHold] = max(s.Fields[kpi.CallHold], r.extra[extraHold])
	s.Fields[kpi.CallWrapUp] = max(s.Fields[kpi.CallWrapUp], r.extra[extraWrapUp])
	s.set(kpi.CallIsLinked, s.x[xTicket] != 0)
	s.actOnCall(r)
	s.timeCall()
}

// actOnCall changes the state as the action says.
func (s *state) actOnCall(r *record) {
	switch r.action {
	case kpi.CallOffered:
		if !s.exists {
			s.exists, s.x[xRaisedEvent] = true, int64(r.id)
			s.happen(kpi.CallIsOffered, kpi.CallOfferedAt, callOffered, r.at)
		}
	case kpi.CallAnswered:
		if r.flags&flagByPerson != 0 && !s.is(kpi.CallIsAnswered) {
			s.happen(kpi.CallIsAnswered, kpi.CallAnsweredAt, callAnswered, r.at)
		}
	case kpi.CallAbandoned:
		if !s.is(kpi.CallIsAnswered) && !s.is(kpi.CallIsAbandoned) {
			s.happen(kpi.CallIsAbandoned, kpi.CallAbandonedAt, callAbandoned, r.at)
		}
	case kpi.CallTransferred:
		if s.Fields[kpi.CallTransfers]++; s.Fields[kpi.CallTransfers] == 1 {
			s.Fields[kpi.CallFirstTransferredAt] = r.at
			s.combo[callTransferred] = s.combo[current]
		}
	case kpi.CallEnded:
		s.happen(kpi.CallIsEnded, kpi.CallEndedAt, callEnded, r.at)
	}
	s.set(kpi.CallIsWaiting, s.exists && !s.is(kpi.CallIsAnswered) && !s.is(kpi.CallIsAbandoned) && !s.is(kpi.CallIsEnded))
}

// timeCall works out the durations.
func (s *state) timeCall() {
	f := &s.Fields
	f[kpi.CallWait] = 0
	switch {
	case !s.exists:
	case s.is(kpi.CallIsAbandoned):
		f[kpi.CallWait] = max(0, f[kpi.CallAbandonedAt]-f[kpi.CallOfferedAt])
	case s.is(kpi.CallIsAnswered):
		f[kpi.CallWait] = max(0, f[kpi.CallAnsweredAt]-f[kpi.CallOfferedAt])
	}
	f[kpi.CallTalk] = s.x[xTalk]
	if s.x[xTalk] == 0 && s.is(kpi.CallIsAnswered) && s.is(kpi.CallIsEnded) {
		f[kpi.CallTalk] = max(0, f[kpi.CallEndedAt]-f[kpi.CallAnsweredAt]-f[kpi.CallHold])
	}
	f[kpi.CallHandleTime] = 0
	if s.is(kpi.CallIsAnswered) {
		f[kpi.CallHandleTime] = f[kpi.CallTalk] + f[kpi.CallHold] + f[kpi.CallWrapUp]
	}
}

func (e *Engine) callRow(i uint32) kpi.CallRow {
	s, n, names := &e.other, &e.entities.list[i], e.symbols.names
	e.stateOf(i, s)
	f := &s.Fields
	r := kpi.CallRow{
		Tenant: names[n.tenant], ID: string(e.entities.block.get(n.name)), Customer: names[s.x[xCustomer]],
		Ticket: names[s.x[xTicket]], Incident: names[s.x[xIncident]], Queue: names[f[kpi.CallQueue]],
		Direction: kpi.Direction(s.x[xDirection]), OfferedAt: f[kpi.CallOfferedAt], AnsweredAt: f[kpi.CallAnsweredAt],
		AbandonedAt: f[kpi.CallAbandonedAt], EndedAt: f[kpi.CallEndedAt],
		Talk: f[kpi.CallTalk], Hold: f[kpi.CallHold], WrapUp: f[kpi.CallWrapUp],
		Partition: e.cfg.Partition, Version: e.version(n.version),
	}
	_, r.Dims = e.names(s.combo[current])
	return r
}
