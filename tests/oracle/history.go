package oracle

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/deskpulse/deskpulse/pkg/kpi"
)

const forever = 1 << 62 // ms

// effective returns a tenant's events before a limit: each id once, without those that
// are retracted, in the order (occurred_at, sequence, hash of the id).
func effective(events []kpi.Event, tenant string, limit int64) []kpi.Event {
	var out []kpi.Event
	seen, retracted := map[string]bool{}, map[string]bool{}
	for i := range events {
		ev := &events[i]
		if ev.Tenant != tenant || ev.At >= limit || seen[ev.ID] {
			continue
		}
		seen[ev.ID] = true
		if ev.Kind == kpi.Void {
			retracted[ev.VoidEvent] = true
			continue
		}
		out = append(out, *ev)
	}
	out = slices.DeleteFunc(out, func(ev kpi.Event) bool { return retracted[ev.ID] })
	slices.SortFunc(out, inOrder)
	return out
}

func inOrder(a, b kpi.Event) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Sequence, b.Sequence),
		cmp.Compare(xxhash.Sum64String(a.ID), xxhash.Sum64String(b.ID)))
}

// step is an event of an entity and the dimensions as they are after it: what an event
// leaves out is as before.
type step struct {
	*kpi.Event
	dims kpi.Dims
}

// life is the events of one entity in order.
type life []step

// lives sorts events of a kind by what they are about. Lives are in the order of their
// first events.
func lives(events []kpi.Event, kind kpi.Kind, about func(*kpi.Event) string) []life {
	var out []life
	index := map[string]int{}
	for i := range events {
		ev := &events[i]
		if ev.Kind != kind {
			continue
		}
		n, ok := index[about(ev)]
		if !ok {
			n = len(out)
			index[about(ev)] = n
			out = append(out, nil)
		}
		s := step{Event: ev}
		if l := out[n]; len(l) > 0 {
			s.dims = l[len(l)-1].dims
		}
		for d, value := range ev.Dims {
			if value != "" {
				s.dims[d] = value
			}
		}
		out[n] = append(out[n], s)
	}
	return out
}

func entity(ev *kpi.Event) string { return ev.Entity }

// moment is when something happened, if it did, and the dimensions as of then.
type moment struct {
	is   bool
	at   int64
	dims kpi.Dims
	tie  uint64 // which of several at the same instant comes first: arbitrary, but always the same
}

// earlier and later of two moments, where there are any.
func earlier(a, b moment) moment {
	if !a.is || b.is && (b.at < a.at || b.at == a.at && b.tie < a.tie) {
		return b
	}
	return a
}

func later(a, b moment) moment {
	if !a.is || b.is && (b.at > a.at || b.at == a.at && b.tie > a.tie) {
		return b
	}
	return a
}

// tied gives a moment its place among those of other entities.
func (m moment) tied(tie uint64) moment {
	m.tie = tie
	return m
}

// tieOf is the place of an event, or of an entity of a kind.
func tieOf(id string, kind kpi.Kind) uint64 { return xxhash.Sum64String(id) + uint64(kind) }

// with gives a dimension that the fact has and its events do not.
func (m moment) with(d kpi.Dimension, value string) moment {
	m.dims[d] = value
	return m
}

type rule func(*step) bool

func action(actions ...kpi.Action) rule {
	return func(s *step) bool { return slices.Contains(actions, s.Action) }
}

// first returns the index of the first step for which a rule holds, or -1.
func (l life) first(is rule) int {
	for i := range l {
		if is(&l[i]) {
			return i
		}
	}
	return -1
}

func (l life) has(is rule) bool { return l.first(is) >= 0 }

// moment is that of a step; none for an index of -1.
func (l life) moment(i int) moment {
	if i < 0 {
		return moment{}
	}
	return moment{is: true, at: l[i].At, dims: l[i].dims}
}

// holds reports whether, after step i, a state holds that some steps begin and others end.
func (l life) holds(i int, begins, ends rule) bool {
	for ; i >= 0; i-- {
		switch {
		case ends(&l[i]):
			return false
		case begins(&l[i]):
			return true
		}
	}
	return false
}

// begun returns the index of the step that began the spell which holds after step i, or -1.
func (l life) begun(i int, begins, ends rule) int {
	start := -1
	for ; i >= 0 && !ends(&l[i]); i-- {
		if begins(&l[i]) {
			start = i
		}
	}
	return start
}

// firstSaid returns the first text that the steps give, lastSaid the last.
func (l life) firstSaid(text func(*step) string) string {
	for i := range l {
		if t := text(&l[i]); t != "" {
			return t
		}
	}
	return ""
}

func (l life) lastSaid(text func(*step) string) string {
	last := ""
	for i := range l {
		if t := text(&l[i]); t != "" {
			last = t
		}
	}
	return last
}

// dims are those after the last step.
func (l life) dims() kpi.Dims { return l[len(l)-1].dims }

// byPerson: an agent, or nobody in particular.
func byPerson(s *step) bool { return s.Role == kpi.RoleAgent || s.Role == kpi.RoleUnspecified }

// byCustomer: the customer, or nobody in particular.
func byCustomer(s *step) bool { return s.Role == kpi.RoleCustomer || s.Role == kpi.RoleUnspecified }
