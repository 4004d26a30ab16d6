package engine

import (
	"slices"

	"github.com/deskpulse/deskpulse/pkg/kpi"
	"github.com/deskpulse/deskpulse/pkg/window"
)

// report is a customer's word that something is wrong.
type report struct {
	key    threadKey
	at     int64 // Unix milliseconds
	combo  uint32
	source reportKey
}

func (r *report) mark() mark { return mark{at: r.at, source: r.source, combo: r.combo} }

// pendingReport is a row of a report that the history has not confirmed yet.
type pendingReport struct {
	report
	withdrawn bool
	version   uint64
}

// week is how long after a resolution a report says that it did not help, in ms.
const week = 7 * 86400_000

// applyReports takes the reports that one event of entity self gave or took back into
// their incidents. Other tickets that look at an incident are counted anew.
func (e *Engine) applyReports(self uint32) {
	if len(e.sink.reports) == 0 {
		return
	}
	e.sink.netReports()
	e.sink.again = true
	for k := range e.sink.reports {
		r := e.sink.reports[k]
		looking := e.lookingAt(e.threads.get(r.key), r.at, self)
		e.recount(looking, true)
		t := e.threads.get(r.key)
		if r.sign > 0 {
			e.mention(t, r.mark())
		} else {
			e.unmention(t, r.mark())
		}
		e.recount(looking, false)
		if !e.cfg.NoHistory {
			e.tell(&r)
		}
	}
	e.sink.reports = e.sink.reports[:0]
}

func (e *Engine) tell(r *reportChange) {
	if _, known := e.reports[r.source]; !known {
		e.told = append(e.told, r.source)
	}
	e.reports[r.source] = pendingReport{report: r.report, withdrawn: r.sign < 0, version: e.sequence}
}

// lookingAt lists the tickets, other than self, for which a report at an instant may
// matter: those resolved within the week before, and those opened by monitoring after.
func (e *Engine) lookingAt(t *thread, at int64, self uint32) (out []uint32) {
	for _, w := range t.watchers {
		if w.entity == self {
			continue
		}
		if w.at > 0 && w.at < at && at < w.at+week || w.at < 0 && at <= -w.at {
			if !slices.Contains(out, w.entity) {
				out = append(out, w.entity)
			}
		}
	}
	return out
}

// recount takes back, or gives, the samples of entities whose facts depend on a thread.
func (e *Engine) recount(list []uint32, back bool) {
	for _, i := range list {
		fact := folders[e.entities.list[i].kind].fact
		e.stateOf(i, &e.other)
		var none state
		if back {
			e.resample(fact, &e.other, &none)
		} else {
			e.resample(fact, &none, &e.other)
		}
	}
}

// finishTicket fills the fields that depend on the reports of the ticket's incident.
func finishTicket(e *Engine, _ uint32, s *state) {
	if s.x[xReport] == 0 { // it is about no incident
		s.set(kpi.TicketIsForestalled, e.forestalls(s))
		return
	}
	t := e.threads.find(s.incidentKey())
	repeated, before := false, false
	if t != nil {
		resolved := s.Fields[kpi.TicketResolvedAt]
		for k := len(t.marks) - 1; k >= 0 && resolved != 0 && t.marks[k].at > resolved; k-- {
			repeated = repeated || t.marks[k].at < resolved+week
		}
		before = len(t.marks) > 0 && t.marks[0].at <= s.Fields[kpi.TicketCreatedAt]
	}
	s.set(kpi.TicketIsRepeated, repeated)
	s.set(kpi.TicketIsForestalled, e.forestalls(s) && !before)
}

// forestalls reports whether nobody but monitoring or a system opened the ticket.
func (e *Engine) forestalls(s *state) bool {
	by := uint32(s.Fields[kpi.TicketOpenedBy])
	return by == e.words.roles[kpi.RoleMonitor] || by == e.words.roles[kpi.RoleSystem]
}

// relateTicket keeps the list of tickets that look at an incident: by the instant of
// their resolution, or by that of their creation, negative, where monitoring opened them.
func relateTicket(e *Engine, i uint32, before, after *state, _ *sink) {
	look := func(s *state, resolved bool) int64 {
		switch {
		case !s.exists || s.x[xReport] == 0:
			return 0
		case resolved:
			return s.Fields[kpi.TicketResolvedAt]
		case e.forestalls(s):
			return -s.Fields[kpi.TicketCreatedAt]
		}
		return 0
	}
	for _, resolved := range [...]bool{true, false} {
		was, is := look(before, resolved), look(after, resolved)
		if was != 0 && (is == 0 || before.incidentKey() != after.incidentKey()) {
			e.threads.get(before.incidentKey()).watch(i, was, 0)
			was = 0
		}
		if is != 0 {
			e.threads.get(after.incidentKey()).watch(i, was, is)
		}
	}
}

func (e *Engine) mention(t *thread, m mark) {
	k, _ := t.place(&m)
	e.spans(t, k-2, k+1, -1)
	k = t.insert(m)
	e.spans(t, k-2, k+2, 1)
}

func (e *Engine) unmention(t *thread, m mark) {
	k, _ := t.place(&m)
	e.spans(t, k-2, k+2, -1)
	t.remove(m)
	e.spans(t, k-2, k+1, 1)
}

// spans gives what the reports from ≤ j < to contribute, sign times.
//
// With reports t₁ ≤ t₂ ≤ … an incident is reported in a window of length W, with the
// dimensions of its latest report tᵢ, from tᵢ until tᵢ leaves the window or tᵢ₊₁ comes;
// it is repeated from tᵢ₊₁, if tᵢ is still in the window then, until tᵢ leaves or tᵢ₊₂
// comes. Slot 0 counts reports, and slot w+1 what each window takes back, so that the
// value of window w is the sum of the two.
func (e *Engine) spans(t *thread, from, to int, sign int64) {
	reported, repeated := e.feeds.threads["incident.reported"], e.feeds.threads["incident.repeated"]
	ever := e.feeds.threads["incident.repeated_ever"]
	m := t.marks
	for j := max(0, from); j < min(to, len(m)); j++ {
		e.latest(reported, m[j:], sign)
		if j > 0 {
			e.latest(ever, m[j:], sign)
		}
		if len(repeated) > 0 {
			for w := range e.cfg.Windows {
				e.secondLatest(repeated, m[j:], w, sign)
			}
		}
		if j == 0 {
			e.latest(e.feeds.threads["incident.new"], m[:1], sign)
			if len(m) > 1 {
				e.latest(e.feeds.threads["incident.new_repeated"], m[:1], sign)
			}
		}
	}
}

// latest counts the first of m in each window for as long as it lies in it and the next
// has not come.
func (e *Engine) latest(feeds []*kpi.Feed, m []mark, sign int64) {
	if len(feeds) == 0 {
		return
	}
	e.count(feeds, m[0].combo, m[0].at, 0, sign, &e.sink)
	for w := range e.cfg.Windows {
		until := e.leaves(m[0].at, w) - 1
		if len(m) > 1 {
			until = min(until, m[1].at)
		}
		if until < never-1 {
			e.count(feeds, m[0].combo, until, uint16(w+1), -sign, &e.sink)
		}
	}
}

// leaves is the instant at which what happened at an instant leaves a window.
func (e *Engine) leaves(at int64, w int) int64 {
	win := &e.cfg.Windows[w]
	if win.Ring == window.Total {
		return never
	}
	return (win.Ring.Floor(at/1000) + win.Ring.Seconds() + win.Length) * 1000
}

func (e *Engine) secondLatest(feeds []*kpi.Feed, m []mark, w int, sign int64) {
	leaves := e.leaves(m[0].at, w)
	if len(m) == 1 || m[1].at >= leaves {
		return
	}
	e.count(feeds, m[1].combo, m[1].at, uint16(w+1), sign, &e.sink)
	until := leaves - 1
	if len(m) > 2 {
		until = min(until, m[2].at)
	}
	if until < never-1 {
		e.count(feeds, m[1].combo, until, uint16(w+1), -sign, &e.sink)
	}
}
