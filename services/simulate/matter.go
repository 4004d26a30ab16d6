package simulate

import (
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// matter is what a customer wants: what a ticket, its calls and its complaint share.
type matter struct {
	customer string
	incident string // "" where the helpdesk does not name it
	service  string // the chain of contacts about it; "" where the helpdesk names none
	novelty  string // what is new about how it is served
	skew     int64  // by which the source's clock is wrong, milliseconds of the wall
	category uint8
	team     uint8
	channel  uint8
	priority uint8
	segment  uint8
	agent    uint8
	assigned bool
}

// newMatter is a new wish of some customer.
func newMatter(d *Desk) matter {
	m := matter{
		customer: customerName(d), skew: int64(d.dice.NormFloat64() * 150),
		category: categoryNames.draw(d.dice), channel: channels.draw(d.dice),
		priority: priorities.draw(d.dice), segment: segments.draw(d.dice),
	}
	m.team = categories[m.category].team
	if categories[m.category].fault && d.dice.chance(chanceNamed) {
		m.incident = d.newID("inc-")
	}
	return m
}

func customerName(d *Desk) string {
	buf := make([]byte, 0, 24)
	buf = append(buf, "cust-"...)
	return string(strconv.AppendUint(buf, d.zipf.Uint64()+1, 10))
}

// newID numbers the cases; no two things have the same id.
func (d *Desk) newID(kind string) string {
	d.cases++
	buf := make([]byte, 0, 32)
	buf = append(buf, kind...)
	buf = append(buf, d.prefix...)
	return string(strconv.AppendUint(buf, d.cases, 36))
}

// assign gives the matter to an agent of its team, one who is there if there is any.
func (m *matter) assign(d *Desk) {
	team := d.agents[m.team]
	first := d.dice.IntN(len(team))
	m.agent, m.assigned = uint8(first), true
	for i := range team {
		if n := (first + i) % len(team); team[n].present {
			m.agent = uint8(n)
			return
		}
	}
}

// effort is the factor on the time that work takes: the agent's, and the team's load.
func (m *matter) effort(d *Desk) float64 {
	a := &d.agents[m.team][m.agent]
	f := a.slow
	if a.best == m.category {
		f *= 0.75
	}
	if t := &d.teams[m.team]; t.usual > 0 {
		f *= 0.75 + 0.25*min(t.open/t.usual, 4)
	}
	return f
}

// event fills what all events have. One allocation holds an event and its body: the
// caller's record has both.
func (m *matter) event(d *Desk, ev *deskpulsev1.Event, at *timestamppb.Timestamp, when, sequence int64) {
	d.fill(ev, at, when, m.skew)
	ev.Sequence = sequence
	ev.CustomerId = m.customer
	ev.Team = teamNames[m.team]
	if m.assigned {
		ev.Agent = d.agents[m.team][m.agent].name
	}
	ev.Channel = channels.names[m.channel]
	ev.Category = categoryNames.names[m.category]
	ev.Priority = priorities.names[m.priority]
	ev.Segment = segments.names[m.segment]
	ev.ServiceId, ev.Novelty = m.service, m.novelty
	ev.Outsourced = proto.Bool(m.team == outsourcedTeam)
}

// newEvent is an event that is about no matter.
func (d *Desk) newEvent(when, skew int64) *deskpulsev1.Event {
	ev := new(deskpulsev1.Event)
	d.fill(ev, new(timestamppb.Timestamp), when, skew)
	return ev
}

// fill gives an event its id, tenant and time.
func (d *Desk) fill(ev *deskpulsev1.Event, at *timestamppb.Timestamp, when, skew int64) {
	d.events++
	buf := make([]byte, 0, 32)
	buf = append(buf, "ev-"...)
	buf = append(buf, d.prefix...)
	ev.Id = string(strconv.AppendUint(buf, d.events, 36))
	ev.Tenant = d.config.Tenant
	d.stamp(at, when, skew)
	ev.OccurredAt = at
}

// stamp writes the wall time of an instant of the desk, off by skew.
func (d *Desk) stamp(ts *timestamppb.Timestamp, when, skew int64) {
	millis := d.start + d.wallMillis(when-d.clock) + skew
	ts.Seconds = millis / 1000
	ts.Nanos = int32(millis%1000) * 1_000_000
}
