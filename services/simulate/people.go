package simulate

import (
	"time"

	deskpulsev1 "github.com/deskpulse/deskpulse/proto/deskpulse/v1"
)

// shift is an agent's coming and going: work with breaks, then some time off.
type shift struct {
	team, agent uint8
	next        deskpulsev1.AgentAction
	until       int64 // when the work is over
}

func (s *shift) step(d *Desk, at int64) {
	a := &d.agents[s.team][s.agent]
	switch s.next {
	case deskpulsev1.AgentAction_AGENT_ACTION_LOGGED_IN:
		a.present = true
		d.tellState(at, s.team, s.agent, s.next)
		s.until = at + d.dice.about(8*time.Hour, 0.1)
		s.next = deskpulsev1.AgentAction_AGENT_ACTION_AVAILABLE
		d.later(at+d.dice.about(2*time.Minute, 0.5), s)
	case deskpulsev1.AgentAction_AGENT_ACTION_AVAILABLE:
		d.tellState(at, s.team, s.agent, a.state())
		s.next = deskpulsev1.AgentAction_AGENT_ACTION_PAUSED
		if rest := at + d.dice.about(3*time.Hour, 0.3); rest < s.until {
			d.later(rest, s)
			return
		}
		s.next = deskpulsev1.AgentAction_AGENT_ACTION_LOGGED_OUT
		d.later(max(at, s.until), s)
	case deskpulsev1.AgentAction_AGENT_ACTION_PAUSED:
		d.tellState(at, s.team, s.agent, s.next)
		s.next = deskpulsev1.AgentAction_AGENT_ACTION_AVAILABLE
		d.later(at+d.dice.about(20*time.Minute, 0.3), s)
	default:
		a.present = false
		d.tellState(at, s.team, s.agent, deskpulsev1.AgentAction_AGENT_ACTION_LOGGED_OUT)
		s.next = deskpulsev1.AgentAction_AGENT_ACTION_LOGGED_IN
		d.later(at+d.dice.about(90*time.Minute, 0.5), s)
	}
}

// state is what an agent does who is neither away nor on a break.
func (a *agent) state() deskpulsev1.AgentAction {
	if a.contacts > 0 {
		return deskpulsev1.AgentAction_AGENT_ACTION_BUSY
	}
	return deskpulsev1.AgentAction_AGENT_ACTION_AVAILABLE
}

// occupy tells that an agent is on a contact, and release that it is over; an agent can be
// on several. Both always tell the state, so that the number of events does not depend on
// how much there is to do.
func (d *Desk) occupy(at int64, team, agent uint8) { d.engage(at, team, agent, 1) }

func (d *Desk) release(at int64, team, agent uint8) { d.engage(at, team, agent, -1) }

func (d *Desk) engage(at int64, team, agent uint8, contacts int) {
	a := &d.agents[team][agent]
	a.contacts += contacts
	if a.present {
		d.tellState(at, team, agent, a.state())
	}
}

func (d *Desk) tellState(at int64, team, agent uint8, action deskpulsev1.AgentAction) {
	ev := d.newEvent(at, 0)
	ev.Sequence = int64(d.events) // changes of one instant come in their order
	ev.Team, ev.Agent = teamNames[team], d.agents[team][agent].name
	ev.Key = ev.Agent
	ev.Body = &deskpulsev1.Event_AgentState{AgentState: &deskpulsev1.AgentState{Action: action}}
	d.publish(at, ev)
}
